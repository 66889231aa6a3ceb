"""The house: who lives on which floor, and that imports point down. Read from the import lines, nothing is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "charnn"
FLOORS = {
    0: "__init__ errors novelty npz numerics parameters products ranks stored workspace",
    1: "layers",
    2: "budget config corpus endings ngram recipes schedules text tokens vocabulary windows",
    3: "chains columns model mpi optimizers parallel processes run schemes teams",
    4: "advice checkpoint dynamic evaluation folders gradcheck inspection memory mixture sampling stepping stopping "
    "training",
    5: "api bench console opening pace plots session",
    6: "__main__ cli",
}
FLOOR = {module: floor for floor, modules in FLOORS.items() for module in modules.split()}
NEIGHBOURS = {  # the only imports on a floor: who may import whom
    "npz": {"errors", "stored"},
    "stored": {"errors"},
    "parameters": {"workspace"},
    "products": {"workspace"},
    "ranks": {"errors"},
    "mpi": {"parallel"},
    "processes": {"parallel"},
    "teams": {"mpi", "parallel", "processes"},
    "schedules": {"config"},
    "chains": {"model"},
    "columns": {"processes"},
    "schemes": {"chains"},
    "vocabulary": {"windows"},
    "endings": {"windows"},
    "corpus": {"text", "vocabulary", "windows"},
    "tokens": {"corpus", "text", "vocabulary"},
    "run": {"model", "optimizers", "parallel"},
    "folders": {"checkpoint"},
    "gradcheck": {"inspection"},
    "memory": {"evaluation"},
    "mixture": {"dynamic"},
    "sampling": {"stopping"},
    "stopping": {"stepping"},
    "api": {"session"},
    "bench": {"session"},
    "console": {"session"},
    "opening": {"console", "session"},
    "__main__": {"cli"},
}
LIBRARY = 4  # up to this floor charnn is a library: it knows no terminal
TERMINAL = {"click", "rich", "tqdm"}
LINES = 300

FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in FILES]


def home(path: Path) -> str:
    """The module of `FLOOR` that a file belongs to: its own name, or the package that it lies in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(source: str, depth: int, modules: set[str]) -> Iterator[str]:
    """What a file `depth` folders below charnn/ imports: `modules` of charnn by their names, others by their first."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for name in (alias.name.split(".") for alias in node.names):
                yield (name[1] if len(name) > 1 else "__init__") if name[0] == "charnn" else name[0]
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".") if node.module else []
            if node.level == 0 and parts[0] == "charnn":
                parts = parts[1:]
            elif node.level == 0:
                yield parts[0]
                continue
            elif node.level <= depth:
                continue  # inside the same package
            for alias in node.names:
                yield parts[0] if parts else alias.name if alias.name in modules else "__init__"


def at_run_time(source: str) -> str:
    """The source without what only a type checker reads."""
    tree = ast.parse(source)
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    return ast.unparse(tree)


def imported(path: Path) -> set[str]:
    depth = len(path.relative_to(PACKAGE).parts) - 1
    return set(imports(at_run_time(path.read_text("utf-8")), depth, set(FLOOR)))


def test_imports_are_found_however_they_are_written() -> None:
    source = """
import os.path, charnn.model
from charnn.run import Run
from charnn import config, Corpus
def later():
    from .. import npz, __version__
    from ..text import decode
    from . import streams
    from .signals import Stop
if True:
    import tqdm
"""
    found = sorted(imports(source, 1, set(FLOOR)))
    assert found == sorted(["os", "model", "run", "config", "__init__", "npz", "__init__", "text", "tqdm"])
    assert sorted(imports("from . import npz\nfrom .cli import program", 0, set(FLOOR))) == ["cli", "npz"]


def test_every_module_has_a_floor_and_every_floor_is_inhabited() -> None:
    assert {home(path) for path in FILES} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_point_down(path: Path) -> None:
    own = home(path)
    for other in (imported(path) & set(FLOOR)) - NEIGHBOURS.get(own, set()):
        assert FLOOR[other] < FLOOR[own], f"{own} (floor {FLOOR[own]}) imports {other} (floor {FLOOR[other]})"


def test_neighbours_are_on_one_floor_and_do_import_each_other_one_way() -> None:
    found = {own: {other for path in FILES if home(path) == own for other in imported(path)} for own in NEIGHBOURS}
    for own, others in NEIGHBOURS.items():
        assert {FLOOR[other] for other in others} == {FLOOR[own]}
        assert others <= found[own], f"{own} no longer imports all of {others}: shorten NEIGHBOURS"
    placed: set[str] = set()
    while left := set(NEIGHBOURS) - placed:
        free = {own for own in left if not NEIGHBOURS[own] & left}
        assert free, f"a circle among {left}"
        placed |= free


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_library_knows_no_terminal(path: Path) -> None:
    if FLOOR[home(path)] > LIBRARY:
        return
    assert not imported(path) & TERMINAL
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        assert not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input")
        )
        assert not (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.argv", "sys.stdout", "sys.stderr"))
        assert not (isinstance(node, ast.ImportFrom) and node.module == "sys")


def test_click_stays_in_the_command_line_and_rich_and_tqdm_where_terminals_are_drawn_on() -> None:
    for path in FILES:
        allowed = {"cli": {"click"}, "console": {"rich", "tqdm"}, "plots": {"rich"}}.get(home(path), set())
        assert imported(path) & TERMINAL <= allowed, path


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LINES
