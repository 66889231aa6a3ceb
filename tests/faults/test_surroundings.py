"""C8, N3, K1, R3, R4: what is around a run is not what it was, or not enough."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

import numpy as np
import pytest

from charnn.runs import checkpoint
from tests.faults.hostile import forged
from tests.helpers.processes import COMMAND, altered, charnn, environment
from tests.helpers.program import TINY, names
from tests.helpers.waiting import limit

ROOT = Path(__file__).parents[2]
SHORT = [*TINY, "--steps", "4", "--validate-every", "2"]
OTHER = {
    "a character more": names() + "A",
    "a character less": names()[:-1],
    "another character": names().replace("An", "On", 1),
    "another order": "".join(reversed(names().splitlines(keepends=True))),
    "an empty line more": "\n" + names(),
    "a byte order mark": "\ufeff" + names(),
    "another text": "it was a dark and stormy night\n" * 100,
}


@pytest.fixture
def run(new: Path) -> Path:
    """A short run on names.txt."""
    charnn("train", "names.txt", *SHORT).well()
    return new / "checkpoints/names"


@pytest.mark.parametrize("change", OTHER)
def test_C8_a_corpus_that_changed_since(run: Path, change: str) -> None:
    before = {path: path.read_bytes() for path in run.iterdir()}
    Path("names.txt").write_text(OTHER[change])
    told = "is longer" if len(Path("names.txt").read_bytes()) > len(names()) else "differs"
    charnn("train", "--resume", "--steps", 8).told(3, f"names.txt {told}", "trained on", "train a new run")
    if change in ("a character more", "another text"):
        for command in (["eval"], ["eval", "--by", "line"], ["sample", "--novelty"]):
            charnn(*command).told(3, f"names.txt {told}", "the one that the model was trained on")
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    charnn("sample").well()
    charnn("eval", "names.txt", "--unknown", "skip").well()


def test_C8_resuming_on_another_corpus(run: Path) -> None:
    Path("other.txt").write_text(OTHER["another order"])
    charnn("train", "other.txt", "--resume", "--steps", 8).told(3, "other.txt differs")
    shutil.copy("names.txt", "same.txt")
    charnn("train", "same.txt", "--resume", "--steps", 8).well()
    assert checkpoint.load(run / "last.npz").step == 8


def test_C8_a_corpus_that_is_gone(run: Path) -> None:
    Path("names.txt").rename("moved.txt")
    name, put = "name the text to use", "put it there, or leave out --novelty"
    resume = ["train", "--resume", "--steps", "8"]
    for instead, *command in ([name, *resume], [name, "eval"], [put, "sample", "--novelty"]):
        charnn(*command).told(2, "the corpus of this model is not at", "names.txt", instead)
    charnn("train", "moved.txt", "--resume", "--steps", 8).well()


def test_C8_a_tokenised_corpus_that_changed_since(new: Path) -> None:
    charnn("tokenize", "names.txt", "-o", "tokens.npz").well()
    charnn("train", "tokens.npz", *SHORT).well()
    Path("names.txt").write_text(OTHER["another order"])
    charnn("tokenize", "names.txt", "-o", "tokens.npz").well()
    charnn("train", "--resume", "--steps", 8).told(3, "tokens.npz differs")
    charnn("eval").told(3, "tokens.npz differs")


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))


@pytest.mark.parametrize(
    "options",
    [
        ["--hidden", "1000000"],
        ["--hidden", "30000", "--layers", "1"],
        ["--hidden", "256", "--layers", "64", "--batch", "64", "--window", "4096"],
    ],
)
def test_N3_more_memory_than_there_is(new: Path, options: list[str]) -> None:
    Path("names.txt").write_text(names() * 1000)
    start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    message = charnn("train", "names.txt", *options, preexec_fn=limited).told(
        1, "needs", "GB", "try a smaller --hidden"
    )
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start < 5
    needs = float(message.split("needs ")[1].split(" GB")[0])
    assert 1.5 < needs < 10**6 and not Path("checkpoints").exists()


def test_N3_more_memory_than_any_machine_has(new: Path) -> None:
    charnn("train", "names.txt", "--hidden", 1_000_000).told(1, "needs", "GB", "try a smaller --hidden")
    assert not Path("checkpoints").exists()


def test_N3_a_run_that_was_begun_where_there_was_more(run: Path) -> None:
    before = (run / "last.npz").read_bytes()
    less = "import charnn.training.memory\ncharnn.training.memory.available_memory = lambda: 10**7"
    altered(less, "train", "--resume", "--steps", 8).told(1, "training needs 0.1 GB, and there are 0.0 GB")
    assert (run / "last.npz").read_bytes() == before


EVERY = [
    ["--help"],
    ["--version"],
    ["tokenize", "names.txt"],
    ["tokenize", "names.txt", "-o", "tokens.npz"],
    ["tokenize", "names.txt", "-o", "-"],
    ["tokenize", "--decode", "{home}/tokens.npz"],
    ["train", "names.txt", *SHORT],
    ["train", "names.txt", *SHORT, "--workers", "2", "--dropout", "0.5", "--sequence", "file"],
    ["train", "{home}/tokens.npz", *SHORT],
    ["train", "--resume", "--out", "{home}/checkpoints", "--steps", "45"],
    ["sample", "-m", "{home}/checkpoints/names", "--temp", "0.5", "--top-k", "3", "--top-p", "0.9", "--seed", "0"],
    ["sample", "-m", "{home}/checkpoints/names", "-n", "5", "--novelty", "--seed", "0"],
    ["sample", "-m", "{home}/checkpoints/names", "--greedy", "--json"],
    ["eval", "-m", "{home}/checkpoints/names"],
    ["eval", "-m", "{home}/checkpoints/names", "names.txt", "--by", "line"],
    ["eval", "-m", "{home}/checkpoints/names", "--json"],
    ["info", "-m", "{home}/checkpoints/names"],
    ["info", "-m", "{home}/checkpoints/names", "--json"],
    ["inspect", "gradients", "-m", "{home}/checkpoints/names"],
    ["inspect", "units", "-m", "{home}/checkpoints/names", "names.txt"],
    ["inspect", "gradcheck", "-m", "{home}/checkpoints/names", "--samples", "4"],
]


@pytest.fixture(scope="module")
def other_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of home, in which a run may go on, with a tokenised file."""
    folder = tmp_path_factory.mktemp("other") / "home"
    shutil.copytree(home, folder)
    charnn("tokenize", "names.txt", "-o", "tokens.npz", cwd=folder).well()
    return folder


@pytest.mark.parametrize("args", EVERY, ids=" ".join)
def test_K1_not_a_warning(other_home: Path, new: Path, args: list[str]) -> None:
    command = [sys.executable, "-W", "error", "-X", "dev", "-m", "charnn"]
    done = charnn(*(arg.format(home=other_home) for arg in args), command=command)
    done.well()
    assert "Warning" not in done.err and "Exception" not in done.err


def test_K1_help_comes_at_once() -> None:
    """Half of what NumPy alone would take to import is asked for in FAULTS.md; this is for any machine, under load."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        charnn("--help").well()
        seconds.append(time.perf_counter() - start)
    assert statistics.median(seconds) < limit(1)


def test_K1_help_does_without_numpy() -> None:
    program = "import sys; from charnn.cli import program; program(['train', '--help'], standalone_mode=False)"
    check = "print('numpy' in sys.modules, 'rich' in sys.modules, 'tqdm' in sys.modules)"
    done = charnn(command=[sys.executable, "-c", f"{program}; {check}"])
    assert done.well().endswith(b"False False False\n")


def test_K1_a_sample_does_without_what_other_commands_need(run: Path) -> None:
    modules = {"rich", "tqdm", "charnn.data.corpus", "charnn.data.batches", "charnn.runs.listing"}
    program = "import sys; from charnn.cli import program; program(['sample', '--length', '1'], standalone_mode=False)"
    done = charnn(command=[sys.executable, "-c", f"{program}; print({modules} & sys.modules.keys())"])
    assert done.well().endswith(b"set()\n")


def test_K1_nothing_is_looked_for_at_exit(run: Path) -> None:
    """Python's last search for garbage takes as long as half of NumPy's import."""
    told = "atexit.register(lambda: print(gc.get_freeze_count() > 10_000))"
    program = f"import atexit, gc; from charnn.__main__ import main; {told}; main()"
    done = charnn(command=[sys.executable, "-c", program, "sample", "--length", "1"])
    assert done.well().endswith(b"True\n")


@pytest.mark.slow
def test_K1_a_clean_install(new: Path) -> None:
    """Into a virtual environment with nothing of charnn's but its dependencies, without the network."""
    source = new / "source"
    source.mkdir()
    for name in ("charnn", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    (source / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "charnn.1", source / "docs")
    venv.create(new / "venv", symlinks=True)
    python = new / "venv/bin/python"
    site = next((new / "venv/lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{Path(np.__file__).parents[1]}\n")  # whose own .pth files are not read
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "-q"]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(source)]
    subprocess.run(pip, check=True, env=environment(), timeout=limit(120))
    there = [python, "-c", "import charnn; print(charnn.__file__, (charnn.__path__[0] + '/py.typed'))"]
    found, typed = subprocess.run(there, check=True, capture_output=True, cwd=new).stdout.decode().split()
    assert Path(found).is_relative_to(new / "venv") and Path(typed).exists()
    for command in ([str(new / "venv/bin/charnn")], [str(python), "-W", "error", "-m", "charnn"]):
        assert charnn("--version", command=command).well().startswith(b"charnn")
        charnn("train", "names.txt", *SHORT, command=command).well()
        assert charnn("sample", "--past-end", "--length", 20, command=command).well()
        charnn("eval", command=command).well()
        charnn("info", "-m", "gone", command=command).told(2, "there is no model gone")


@pytest.mark.parametrize(
    ("option", "was"),
    [
        ("--hidden 9", "8"),
        ("--layers 2", "1"),
        ("--activation tanh", "relu"),
        ("--no-skip", "True"),
        ("--dropout 0.5", "0.0"),
        ("--batch 3", "4"),
        ("--window 9", "8"),
        ("--optimizer sgd", "adam"),
        ("--state carry", "auto"),
        ("--valid-share 0.2", "0.1"),
        ("--seed 1", "0"),
        ("--sequence file", "line"),
        ("--invalid keep", "error"),
    ],
)
def test_R3_what_cannot_change(run: Path, option: str, was: str) -> None:
    before = {path: path.read_bytes() for path in run.iterdir()}
    flag, *value = option.split()
    name = flag.replace("--no-", "--")
    message = charnn("train", "--resume", "--steps", 8, *option.split()).told(2, f"{name} {was}", "train a new run")
    assert f"cannot be resumed with {value[0] if value else 'False'}" in message
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_R3_what_can_change_and_what_is_the_same(run: Path) -> None:
    same = ["--hidden", "8", "--layers", "1", "--batch", "4", "--optimizer", "adam", "--window", "8", "--seed", "0"]
    charnn("train", "--resume", "--steps", 6, *same).well()
    free = ["--rate", "0.01", "--clip", "1", "--patience", "3", "--schedule", "plateau", "--validate-every", "3"]
    charnn("train", "--resume", "--steps", 9, *free).well()
    found = checkpoint.load(run / "last.npz")
    assert (found.step, found.config.rate, found.config.schedule) == (9, 0.01, "plateau")


def test_R3_another_number_of_workers_goes_on_and_is_said(run: Path) -> None:
    shutil.copytree(run, run.parent / "twin")
    for workers, steps in ((2, 8), (3, 12)):
        done = charnn("train", "--resume", "--name", "names", "--steps", steps, "--workers", workers)
        done.well()
        before = workers - 1
        assert done.err.count("note: ") == 1 and f"note: {workers} workers, {before} before: it goes on" in done.err
    assert "note: " not in charnn("train", "--resume", "--name", "names", "--steps", 16, "--workers", 3).err
    charnn("train", "--resume", "--name", "twin", "--steps", 16).well()
    found, twin = (checkpoint.load(run.parent / name / "last.npz") for name in ("names", "twin"))
    assert (found.step, found.config.workers, twin.step, twin.config.workers) == (16, 3, 16, 1)
    np.testing.assert_allclose(found.weights.flat, twin.weights.flat, atol=1e-4)


@pytest.mark.parametrize("what", ["numpy", "cpu", "blas kernel", "blas threads"])
def test_R4_a_run_from_elsewhere(run: Path, what: str) -> None:
    last = run / "last.npz"
    forged(last.read_bytes(), lambda header, arrays: header["environment"].update({what: "17"}), last)
    done = charnn("train", "--resume", "--steps", 8)
    done.well()
    assert done.err.count("note: ") == 1 and f"note: this run was saved with {what} 17 (now " in done.err
    again = charnn("train", "--resume", "--steps", 12)
    again.well()
    assert "note: " not in again.err  # it was saved here in between


KERNEL = "Nehalem" if os.environ.get("OPENBLAS_CORETYPE") == "Haswell" else "Haswell"  # another than this one's


@pytest.mark.parametrize("change", [f"OPENBLAS_CORETYPE={KERNEL}", "OPENBLAS_NUM_THREADS=2"], ids=["kernel", "threads"])
def test_R4_another_kernel_or_number_of_threads(run: Path, change: str) -> None:
    done = charnn("train", "--resume", "--steps", 8, command=["env", change, *COMMAND])
    done.well()
    assert done.err.count("note: this run was saved with blas ") == 1 and change.split("=")[1] in done.err
    charnn("sample", "--seed", 1, command=["env", change, *COMMAND]).well()


@pytest.mark.parametrize("command", [["--help"], ["train", "names.txt"], ["eval"]])
def test_K2_windows_is_told_in_a_line(here: Path, command: list[str]) -> None:
    """As told by a Python that says it runs there."""
    done = altered("import sys; sys.platform = 'win32'", *command)
    assert (done.code, done.out) == (1, b"")
    assert (
        done.err == "charnn: Windows is not supported: run charnn in the Windows Subsystem for Linux, `wsl --install`\n"
    )


@pytest.mark.parametrize("use", ["charnn.train", "from charnn import train"], ids=["attribute", "name"])
def test_K2_a_python_without_locks_of_files_is_told(here: Path, use: str) -> None:
    without = "import importlib.util\nfind = importlib.util.find_spec\n"
    without += "importlib.util.find_spec = lambda name, *more: None if name == 'fcntl' else find(name, *more)\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{without}import charnn\n{use}"], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.endswith(
        "\nImportError: charnn needs fcntl, which this Python lacks: on Windows use the Subsystem for Linux\n"
    )
