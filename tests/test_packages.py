"""The order of packages: a package imports only packages to its left. Read from the import lines; nothing is run."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "charnn"
ORDER = """
    errors version draws cgroups machine options choices conflict conflicts verbs config pictures | io data nn parallel
    | runs | evaluation sampling inspection tasks training exchange | terminal | api | cli __main__
""".replace("|", "").split()
LIBRARY = [*ORDER[: ORDER.index("terminal")], "api"]  # what knows no terminal
TERMINAL = {"click", "rich", "tqdm"}
LINES, FILES = 305, 16  # of a module, and of a package, at most

PATHS = sorted(ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in PATHS]


def package(path: Path) -> str:
    """The name in `ORDER` that a file belongs to; nothing for charnn/__init__.py, which imports by name at run time."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py").replace("__init__", "")


def imported(source: str, inside: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Dotted names that a module of the package `inside` imports, relative to charnn; others begin with a slash."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ["charnn", *inside][: 2 + len(inside) - node.level] if node.level else []
            names = [[*above, *filter(None, (node.module or "").split(".")), alias.name] for alias in node.names]
        else:
            continue
        for name in names:
            yield tuple(name[1:]) if name[0] == "charnn" else ("/", *name)


def imports(path: Path) -> set[tuple[str, ...]]:
    return set(imported(path.read_text("utf-8"), path.relative_to(ROOT).parts[:-1]))


def modules(path: Path) -> set[str]:
    """The modules of charnn that a file imports, as paths below charnn/."""
    found = set()
    for name in imports(path):
        for parts in (name, name[:-1]) if name[0] != "/" else ():
            files = (ROOT.joinpath(*parts).with_suffix(".py"), ROOT.joinpath(*parts, "__init__.py"))
            if parts and (there := [file for file in files if file.is_file()]):
                found.add(str(there[0].relative_to(ROOT)))
                break
    return found


def test_imports_are_found_however_they_are_written() -> None:
    source = "import os.path, charnn.nn.model\nfrom charnn import config\nfrom .. import api\nfrom ..io.text import a\n"
    found = set(imported(source + "def later():\n    from . import streams\n", ("cli",)))
    inner = {("nn", "model"), ("config",), ("api",), ("io", "text", "a"), ("cli", "streams")}
    assert found == {("/", "os", "path"), *inner}


def test_every_package_is_in_the_order() -> None:
    assert {package(path) for path in PATHS} - {""} <= set(ORDER)


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_package_imports_only_packages_to_its_left(path: Path) -> None:
    if own := package(path):
        for other in {package(ROOT / name) for name in modules(path)} - {own, ""}:
            assert ORDER.index(other) < ORDER.index(own), f"{own} imports {other}, which stands right of it"


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {str(path.relative_to(ROOT)): modules(path) for path in PATHS if package(path)}
    while left:
        free = {name for name, others in left.items() if not others & (left.keys() - {name})}
        assert free, f"a circle among {sorted(left)}"
        left = {name: others for name, others in left.items() if name not in free}


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_click_rich_and_tqdm_are_imported_where_terminals_are_served(path: Path) -> None:
    allowed = {"cli": {"click"}, "terminal": {"rich", "tqdm"}}.get(package(path), set())
    assert {name[1] for name in imports(path) if name[0] == "/"} & TERMINAL <= allowed


@pytest.mark.parametrize("path", [path for path in PATHS if package(path) in LIBRARY], ids=str)
def test_the_library_does_not_print_and_reads_no_command_line(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"print", "input"}
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not named & {"sys.argv", "sys.stdout", "sys.stderr"}


def test_no_module_is_long_and_no_package_is_wide() -> None:
    for path in PATHS:
        assert len(path.read_text("utf-8").splitlines()) <= LINES, path
    for folder in {path.parent for path in PATHS}:
        assert len(list(folder.glob("*.py"))) - 1 <= FILES, folder


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "api").glob("[a-z]*.py")))
def test_each_module_of_the_library_can_be_imported_first(name: str) -> None:
    subprocess.run([sys.executable, "-c", f"import charnn.api.{name}"], check=True)
