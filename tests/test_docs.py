"""Documented means executed: every command of README and docs runs, at a small size; links lead somewhere."""

import bz2
import gzip
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from charnn.cli import train
from charnn.config import ModelConfig, TrainConfig
from charnn.tasks import fitting

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMMAND = re.compile(r"^    ((?:\S.*)?\bcharnn .*|python3 -c .*)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
PLACEHOLDERS = ("TEXT", "RUN", "FILE", "NAME", "DIR", "...", "theirs.safetensors")


def shown(page: Path) -> str:
    """The name of a page."""
    return str(page.relative_to(ROOT))


# A program called charnn that trains small networks for a few steps, whatever the command says.
SMALL = """#!{python}
import os, sys
words, small = sys.argv[1:], []
if words[:1] == ["train"] and words[-2:] != ["--recipe", "list"]:
    while words:
        word = words.pop(0)
        if word in ("--minutes", "--epochs", "--steps", "--hidden", "--batch", "--window", "--stride", "--workers"):
            value = words.pop(0)
            small += [word, value] if word == "--window" and int(value) < 9 else []
        elif word == "--budget":
            small += [word, "1s", "--layers", "1"]
            words = words[1:]
        else:
            small.append(word)
    small += ["--hidden", "8"] if "--resume" not in small else []
    small += ["--workers", "1"] if not {"PMI_SIZE", "OMPI_COMM_WORLD_SIZE"} & os.environ.keys() else []
    small += [] if "--budget" in small else ["--steps", "3"] if "--resume" not in small else ["--steps", "4"]
    words = small
elif words[:1] == ["bench"]:
    words = [word for word in words if not word.isdigit()]
    words = [word for word in words if word not in ("--hidden", "--layers")] + ["--hidden", "8", "--layers", "1"]
    words += ["--seconds", "0.05"]
sys.argv[1:] = words
from charnn.__main__ import main
main()
"""


def commands(page: Path) -> list[str]:
    """The shell lines of a page that start charnn, without the explanation on their right."""
    lines = [re.split(r"\s{3,}", line)[0] for line in COMMAND.findall(page.read_text("utf-8"))]
    return [line for line in lines if not any(word in line.split() for word in PLACEHOLDERS)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all texts that docs name, small ones, and two runs on one of them, by a small `charnn`."""
    tmp_path = tmp_path_factory.mktemp("docs")
    paragraph = "".join(f"the {a} {b} of the {c}\n" for a in ("old", "wet") for b in ("cat", "dog") for c in "abcdefgh")
    prose = (paragraph + "\nROMEO:\nOnce upon a time\n\n") * 20
    for name in ("corpus", "other", "letter", "novel", "book", "part1", "tinyshakespeare", "warandpeace", "new"):
        (tmp_path / f"{name}.txt").write_text(prose)
    (tmp_path / "pairs.tsv").write_text(re.sub("(?m)^the ", "the\t", paragraph).replace("the\told", "a\told"))
    (tmp_path / "log").write_text(paragraph)
    (tmp_path / "new.log").write_text(paragraph)
    for name, pack in (("log.gz", gzip), ("part2.txt.gz", gzip), ("huge.txt.xz", lzma), ("old.txt.bz2", bz2)):
        with pack.open(tmp_path / name, "wt") as file:
            file.write(prose)
    shutil.copytree(ROOT / "corpora", tmp_path / "corpora")
    shutil.copy(ROOT / "corpora" / "names.txt", tmp_path)
    for name in ("xor", "letters", "words", "sentences"):
        shutil.copy(ROOT / "corpora" / f"elman-{name}.txt", tmp_path / f"{name}.txt")
    program = tmp_path / "bin" / "charnn"
    program.parent.mkdir()
    program.write_text(SMALL.replace("{python}", sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for _ in range(2):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([program, "train", "corpus.txt"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    return tmp_path


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, to be in, with its `charnn` on the path."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "bin"
    monkeypatch.setenv("PATH", os.pathsep.join([str(program), str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def example(page: Path) -> str:
    """The Python of a page; nothing where other tests run it, as of lectures, and of guides with blocks of shell."""
    text = page.read_text("utf-8")
    elsewhere = page.parent.name in ("guides", "lectures") and "```sh" in text
    return "\n".join([] if elsewhere else re.findall(r"```python\n(.*?)```", text, re.DOTALL))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page) or example(page)], ids=shown)
def test_commands_and_examples_run(page: Path, folder: Path) -> None:
    """The commands of a page, one after the other; then its Python, in one program."""
    for line in commands(page):
        if shutil.which("mpiexec") or not line.startswith("mpiexec"):
            run(line, page)
    if script := example(page):
        Path("example.py").write_text(script, "utf-8")
        run("python example.py", page)


def run(line: str, page: Path) -> None:
    """Run a line of shell, which has to do well, or to stop because nobody reads on."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode in (0, 141), f"{page.name}: {line}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


def test_defaults_of_the_docs_are_those_of_the_code() -> None:
    model, text = ModelConfig(), (ROOT / "docs" / "guides" / "training.md").read_text("utf-8")
    assert f"`--cell {model.cell} --layers {model.layers} --hidden {model.hidden}`" in text
    epochs, minutes = fitting.DEFAULT_EPOCHS, fitting.DEFAULT_MINUTES
    assert f"{epochs:g} passes over the text or {minutes:g} minutes" in " ".join(text.split())
    budget = f"{epochs:g} epochs, or {minutes:g} minutes, or until {TrainConfig().patience}"
    assert budget in (train.command.help or "")


@pytest.mark.parametrize("heading", ["### Try it", "### Test it"])
def test_there_is_one_command_for_each_purpose(heading: str) -> None:
    section = (ROOT / "README.md").read_text("utf-8").split(heading + "\n")[1].split("\n#")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(block.strip().splitlines()) == 1


def test_the_reference_is_what_the_program_says() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "reference" / "make.py", "--check"])
    assert done.returncode == 0, "python docs/reference/make.py writes it anew"


def test_every_page_is_in_the_menu_of_the_site() -> None:
    menu = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f": {page.relative_to(ROOT / 'docs').as_posix()}\n" in menu


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("mkdocs"), reason="needs mkdocs")
def test_the_site_builds(tmp_path: Path) -> None:
    """With no link that leads nowhere."""
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", tmp_path / "site"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "cli" / "index.html").stat().st_size > 10_000
