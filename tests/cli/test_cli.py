"""The command line: results on standard output and nothing else there, every option as it is documented."""

import bz2
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from math import log2
from pathlib import Path
from typing import Any

import pytest

import charnn
from charnn.cli.program import COMMANDS
from charnn.cli.writing import output
from charnn.config import EvalConfig, ModelConfig, SampleConfig, TrainConfig
from charnn.runs import checkpoint
from charnn.tasks.fitting import DEFAULT_EPOCHS, DEFAULT_MINUTES
from tests.helpers.program import BRIEF, SHORT, invoke, names, ok, refused, table, well
from tests.helpers.waiting import limit

ABC = "abc\nab\nbca\ncab\nc\n"
IDS = "1 2 3 0\n1 2 0\n2 3 1 0\n3 1 2 0\n3 0\n"


def shell(*args: object, stdin: Any = subprocess.DEVNULL, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "charnn", *map(str, args)]
    return subprocess.run(
        command, stdin=stdin, capture_output=True, text=True, encoding="utf-8", timeout=limit(), **options
    )


# help and version


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_is_a_result(command: list[str], flag: str) -> None:
    result = invoke(*command, flag)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: {' '.join(['charnn', *command])} ")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("train", ModelConfig),
        ("train", TrainConfig),
        ("sample", SampleConfig),
        ("eval", EvalConfig),
        ("tokenize", None),
    ],
)
def test_help_shows_every_option_with_its_default(command: str, kind: Any) -> None:
    parts = re.split(r"\n  (?:-\w, )?(?=--)", ok(command, "--help-all" if command == "train" else "--help"))
    shown = {part.split()[0].strip(","): " ".join(part.split()) for part in parts}
    for spec in fields(kind) if kind else [f for f in fields(TrainConfig) if f.name == "valid_share"]:
        flag = {"skip": "--skip"}.get(spec.name, "--" + spec.name.replace("_", "-"))
        text = shown[flag]
        assert spec.metadata["help"][1:].split()[-1] in text
        if f"{flag} / --no-" in text and spec.default is not None and "of" not in spec.metadata:
            assert f"[default: {'' if spec.default else 'no-'}{spec.name}]" in text
        elif spec.default is not None and spec.default is not False:
            assert f"[default: {spec.default}]" in text
        else:
            assert "[default" not in text


def test_the_budget_that_help_speaks_of_is_the_default_one() -> None:
    text = " ".join(ok("train", "--help").split())
    patience = next(spec.default for spec in fields(TrainConfig) if spec.name == "patience")
    assert f"{DEFAULT_EPOCHS:g} epochs, or {DEFAULT_MINUTES:g} minutes, or until {patience} validations" in text


def test_the_version_is_that_of_the_library_through_every_door() -> None:
    wanted = f"charnn, version {charnn.__version__}\n"
    assert ok("--version") == shell("--version").stdout == wanted
    script = Path(sys.executable).with_name("charnn")
    if script.exists():  # installed
        assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == wanted


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_needs_neither_numpy_nor_rich(command: list[str]) -> None:
    code = (
        "import sys\nfrom charnn.__main__ import main\n"
        "try: main()\nfinally: print(*{'numpy', 'rich', 'tqdm'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True)
    assert done.stdout.startswith("Usage: charnn ") and done.stderr == "\n"


def test_a_sample_needs_no_more_than_it_uses(here: Path) -> None:
    code = "import sys\nfrom charnn.__main__ import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "sample", "--length", "1"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stderr.split()
    apart = "training", "exchange", "terminal.console", "pictures", "evaluation", "inspection", "data.pairs"
    assert not {"rich", "tqdm", *(f"charnn.{name}" for name in apart)} & {*imported}
    assert "charnn.sampling.sampler" in imported


def test_help_names_every_command_in_a_line_without_importing_it() -> None:
    code = (
        "import sys\nfrom charnn.__main__ import main\n"
        "try: main()\nfinally: print(*[n for n in sys.modules if n.startswith('charnn.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True)
    listed = done.stdout.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS) and all(line.endswith(".") for line in listed)
    apart = {"charnn.config", *(f"charnn.cli.{module}" for module, _ in COMMANDS.values())}
    assert not apart & set(done.stderr.split())


def test_without_a_command_there_is_help_and_an_unknown_one_is_named() -> None:
    result = invoke()
    assert result.exit_code == 2 and "Commands:" in result.stderr
    assert "command fly" in refused(2, "fly")


# tokenize


def test_tokenize_writes_ids_a_sequence_a_line(new: Path) -> None:
    Path("abc.txt").write_text(ABC)
    assert ok("tokenize", "abc.txt", "--sequence", "line", "-o", "-") == IDS
    assert ok("tokenize", "-", "-o", "-", stdin=ABC) == IDS
    assert ok("tokenize", "abc.txt", "--sequence", "file", "-o", "-") == "2 3 4 1 2 3 1 3 4 2 1 4 2 3 1 4 1 0\n"
    Path("abc.txt").write_text(ABC.replace("\n", "\n\n"))
    assert ok("tokenize", "abc.txt", "-o", "-") == IDS.replace(" 0", "").translate(
        {ord("1"): "2", ord("2"): "3", ord("3"): "4", ord("\n"): " 1 0\n"}
    )


def test_tokenize_says_what_there_is_to_learn(here: Path) -> None:
    result = invoke("tokenize", "names.txt")
    assert (result.exit_code, result.stdout) == (0, "")
    told = " ".join(result.stderr.split())
    count = len(names())
    assert f"corpus names.txt characters {count:,} (" in told
    assert "sequences 400, each a line (--sequence line)" in told
    assert re.search(r"split [\d,]+ symbols to train on, the last \d+ held out", told)
    symbols = len({*names()} - {"\n"}) + 1
    assert f"uniform {log2(symbols):.4f} bits/char" in told
    assert re.search(r"unigram \d\.\d{4} bigram \d\.\d{4} \d-gram \d\.\d{4} \(interpolated Kneser-Ney", told)


@pytest.mark.parametrize("sequence", ["line", "paragraph", "file", "auto"])
@pytest.mark.parametrize("text", [ABC, ABC[:-1], ABC.replace("\n", "\n\n"), "\ufeff" + ABC.replace("\n", "\r\n")])
def test_tokenize_goes_there_and_back(new: Path, text: str, sequence: str) -> None:
    Path("a.txt").write_bytes(text.encode())
    assert ok("tokenize", "a.txt", "--sequence", sequence, "-o", "a.npz") == ""
    assert ok("tokenize", "--decode", "a.npz").encode() == text.encode()
    ids = ok("tokenize", "a.txt", "--sequence", sequence, "-o", "-")
    assert ok("tokenize", "--decode", "-", "--vocabulary", "a.npz", stdin=ids).encode() == text.encode()


def test_several_texts_and_compressed_ones_are_one_corpus(new: Path) -> None:
    Path("a.txt.gz").write_bytes(gzip.compress(ABC[:-1].encode()))
    Path("b.txt.bz2").write_bytes(bz2.compress(ABC.encode()))
    assert ok("tokenize", "a.txt.gz", "b.txt.bz2", "-o", "a.npz") == ""
    assert ok("tokenize", "--decode", "a.npz") == ABC[:-1] + ABC


def test_tokenize_reads_what_it_wrote(new: Path) -> None:
    ids = ok("tokenize", "names.txt", "-o", "-")
    ok("tokenize", "names.txt", "-o", "names.npz")
    assert ok("tokenize", "names.npz", "-o", "-") == ids
    assert "names.npz" in refused(2, "tokenize", "names.npz", "-o", "again.npz")


def test_a_models_vocabulary_decodes_ids(here: Path) -> None:
    ids = ok("tokenize", "names.txt", "-o", "-")
    for vocabulary in ("names", "checkpoints/names/last.npz"):
        assert ok("tokenize", "--decode", "-", "--vocabulary", vocabulary, stdin=ids) == names()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("1 2 x", "no id"),
        ("1 2.5", "no id"),
        ("1 99", "99"),
        ("-1 2", "-1"),
        ("1 " + "9" * 30, "no id"),
        ("9" * 10_000, "no id"),
        (b"\xfe\xfd", "no id"),
    ],
)
def test_ids_that_are_none_are_refused(new: Path, ids: str | bytes, message: str) -> None:
    Path("abc.txt").write_text(ABC)
    ok("tokenize", "abc.txt", "-o", "abc.npz")
    result = invoke("tokenize", "--decode", "-", "--vocabulary", "abc.npz", stdin=ids)
    assert result.exit_code == 3 and message in result.stderr and len(result.stdout) < 3  # ids before it were fine


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "CORPUS..."),
        (["gone.txt"], "gone.txt"),
        (["."], ". "),
        (["names.txt", "--vocabulary", "names.txt"], "--vocabulary"),
        (["names.txt", "--decode"], "--vocabulary"),
        (["names.txt", "--decode", "-o", "a.txt"], "--decode"),
        (["names.txt", "--valid-share", "nan"], "--valid-share is nan"),
        (["names.txt", "--valid-share", "0"], "--valid-share is 0"),
        (["names.txt", "--valid-share", "1"], "--valid-share is 1"),
        (["names.txt", "--sequence", "word"], "'word'"),
        (["names.txt", "--decode", "--vocabulary", "gone"], "gone"),
    ],
)
def test_tokenize_refuses_what_makes_no_sense(new: Path, args: list[str], message: str) -> None:
    assert message in refused(2, "tokenize", *args)


def test_tokenize_leaves_no_half_file(new: Path) -> None:
    Path("bad.txt").write_bytes(b"some text, then \xff and more\n" * 3)
    assert "0xff" in refused(3, "tokenize", "bad.txt", "-o", "bad.npz")
    assert ".npz" in refused(2, "tokenize", "names.txt", "-o", "names.bin")
    assert "gone/a.npz" in refused(1, "tokenize", "names.txt", "-o", "gone/a.npz")
    assert sorted(path.name for path in new.iterdir()) == ["bad.txt", "names.txt"]
    ok("tokenize", "bad.txt", "-o", "bad.npz", "--invalid", "keep")
    again = invoke("tokenize", "--decode", "bad.npz")
    assert again.stdout_bytes == Path("bad.txt").read_bytes()


# train


def test_train_makes_a_folder_with_best_last_and_log(new: Path) -> None:
    result = invoke("train", "names.txt", *BRIEF)
    assert (result.exit_code, result.stdout) == (0, "")
    folder = new / "checkpoints" / "names"
    assert sorted(path.name for path in folder.glob("[!.]*")) == ["best.npz", "last.npz", "log.jsonl"]
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [20, 40]
    assert records[0].keys() == {"step", "epoch", "train", "valid", "best", "sample"}
    assert records[1]["valid"] < records[0]["valid"] < log2(20) and records[1]["best"]
    last, best = checkpoint.load(folder / "last.npz"), checkpoint.load(folder / "best.npz")
    assert (last.step, best.step) == (40, 40) and last.moments and not best.moments


def test_train_opens_with_what_it_understood_and_closes_with_what_to_do(new: Path) -> None:
    told = " ".join(invoke("train", "names.txt", *BRIEF).stderr.split())
    assert "corpus names.txt" in told
    assert "each a line (--sequence line)" in told
    assert "state reset at the end of each (--state carry keeps the state)" in told
    assert re.search(r"split [\d,]+ symbols to train on, the last \d+ held out", told)
    assert "1 x 8 relu elman" in told and "dropout 0" in told
    assert "windows 4 rows x 8 characters, 1 worker " in told
    assert "until 40 steps" in told
    assert re.search(r"to beat uniform \d\.\d+, unigram \d\.\d+, bigram \d\.\d+, \d-gram \d\.\d+ bits/char", told)
    assert "saved in checkpoints/names/" in told
    assert re.search(r"20 0\.\d+ \d\.\d+ \d\.\d+\*", told) and re.search(r" 40 \d\.\d+ \d\.\d+ \d\.\d+\*", told)
    assert re.search(r"finished 40 of 40 steps best \d\.\d+ bits/char held out at step 40, [\d.]+ % \w+ than", told)
    assert "`charnn sample -m names`" in told and "`charnn eval -m names`" in told


def test_train_says_how_to_find_a_run_that_is_elsewhere(new: Path) -> None:
    """What it tells the user to type does what it says."""
    told = " ".join(invoke("train", "names.txt", "--out", "elsewhere", *SHORT).stderr.split())
    command = re.search(r"`charnn (sample .*?)`", told)
    assert command and ok(*command[1].split(), "--length", 5)


def test_a_second_run_gets_a_folder_of_its_own(new: Path) -> None:
    for _ in range(2):
        ok("train", "names.txt", *SHORT)
    ok("train", "names.txt", "--name", "other", *SHORT)
    ok("train", "names.txt", "--out", "elsewhere", *SHORT)
    assert sorted(path.name for path in Path("checkpoints").iterdir()) == ["names", "names-2", "other"]
    assert Path("elsewhere/names/best.npz").exists()
    runs = [Path("checkpoints", name, "last.npz").read_bytes() for name in ("names", "names-2", "other")]
    assert runs[0] == runs[1] == runs[2]  # all that is random comes from --seed


@pytest.mark.slow
def test_every_way_to_hand_over_the_text_trains_the_same_network(new: Path) -> None:
    text = Path("names.txt").read_bytes()
    Path("names.txt.gz").write_bytes(gzip.compress(text))
    Path("one.txt").write_bytes(text[: text.index(b"\n", 100) + 1])
    Path("two.txt").write_bytes(text[text.index(b"\n", 100) + 1 :])
    ok("tokenize", "names.txt", "-o", "tokens.npz")
    ways = {"text": ["names.txt"], "gz": ["names.txt.gz"], "tokens": ["tokens.npz"], "several": ["one.txt", "two.txt"]}
    for name, args in ways.items():
        assert ok("train", *args, "--name", name, *SHORT) == ""
    assert ok("train", "-", "--name", "stdin", *SHORT, stdin=text) == ""
    weights = [checkpoint.load(f"checkpoints/{name}/last.npz").weights.flat.tobytes() for name in [*ways, "stdin"]]
    assert len(set(weights)) == 1
    assert ok("tokenize", "--decode", "checkpoints/stdin/tokens.npz").encode() == text
    for name in [*ways, "stdin"]:
        assert ok("train", "--resume", "--name", name, "--steps", "4", stdin=b"") == ""
        assert ok("eval", "-m", name, "--json", stdin=None)


def test_a_pipe_with_a_name_is_read_once(new: Path) -> None:
    """As in `charnn train <(zcat names.txt.gz)`."""
    os.mkfifo("pipe")

    def through_the_pipe(*args: object) -> str:
        with ThreadPoolExecutor() as pool:
            pool.submit(Path("pipe").write_bytes, Path("names.txt").read_bytes())
            return ok(*args)

    ids = ok("tokenize", "names.txt", "-o", "-")
    assert through_the_pipe("tokenize", "pipe", "-o", "-") == ids
    through_the_pipe("train", "pipe", "--name", "piped", *SHORT)
    assert through_the_pipe("eval", "pipe") == ok("eval", "-", stdin=names())
    ok("train", "--resume", "--steps", 4)
    assert checkpoint.load("checkpoints/piped/last.npz").step == 4


def test_a_run_from_standard_input_that_comes_to_nothing_leaves_no_folder(new: Path) -> None:
    assert "16" in refused(3, "train", "-", stdin="short")
    assert "0xff" in refused(3, "train", "-", stdin=b"a text that is no text, and so\xff")
    assert not list(Path("checkpoints").iterdir())


def test_bytes_that_are_no_text_train_if_asked_to_and_resume(new: Path) -> None:
    Path("latin.txt").write_bytes("café au lait\n".encode("latin-1") * 30)
    assert "--invalid keep" in refused(3, "train", "latin.txt", *SHORT)
    ok("train", "latin.txt", "--invalid", "keep", *SHORT)
    ok("train", "--resume", "--steps", 4)
    ok("train", "latin.txt", "--resume", "--steps", 6)
    assert checkpoint.load("checkpoints/latin/last.npz").step == 6
    assert "\udce9" in json.loads(ok("info", "--json"))["vocabulary"]


def test_resuming_goes_on_where_the_run_stopped(new: Path) -> None:
    ok("train", "names.txt", *SHORT)
    result = invoke("train", "--resume", "--name", "names", "--steps", 4)
    assert result.exit_code == 0 and "saved in checkpoints/names/" in " ".join(result.stderr.split())
    run = checkpoint.load("checkpoints/names/last.npz")
    assert run.step == 4 and [record["step"] for record in run.history] == [1, 2, 3, 4]
    assert len(Path("checkpoints/names/log.jsonl").read_text().splitlines()) == 4
    ok("train", "--resume", "--rate", "0.001", "--patience", "3", "--steps", "5")  # what may change
    assert checkpoint.load("checkpoints/names/last.npz").config.rate == 0.001


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("hidden", "9"),
        ("layers", "2"),
        ("activation", "sigmoid"),
        ("recurrent-depth", "2"),
        ("dropout", "0.5"),
        ("batch", "2"),
        ("window", "4"),
        ("optimizer", "sgd"),
        ("seed", "1"),
        ("valid-share", "0.2"),
        ("state", "carry"),
        ("scheme", "full"),
        ("stride", "4"),
        ("sequence", "file"),
        ("invalid", "keep"),
    ],
)
def test_resuming_refuses_options_that_make_it_another_run(here: Path, option: str, value: str) -> None:
    before = Path("checkpoints/names/last.npz").read_bytes()
    message = refused(2, "train", "--resume", "--name", "names", f"--{option}", value)
    assert f"--{option} " in message and f" {value}: " in message
    assert Path("checkpoints/names/last.npz").read_bytes() == before


def test_a_scheme_is_an_option_and_stays_with_its_run(new: Path) -> None:
    result = invoke("train", "names.txt", "--scheme", "unbiased", "--cut-probability", "0.25", *SHORT)
    assert result.exit_code == 0 and "with probability 0.25, where gradients are cut" in " ".join(result.stderr.split())
    assert "--cut-probability" in refused(2, "train", "--resume", "--cut-probability", "0.5")
    message = refused(2, "train", "--resume", "--scheme", "full")
    assert "--scheme" in message
    ok("train", "--resume", "--steps", 4)
    assert checkpoint.load("checkpoints/names/last.npz").step == 4
    message = refused(2, "train", "names.txt", "--scheme", "full", "--stride", 4)
    assert "--stride" in message


def test_resuming_with_the_options_of_before_is_no_change(new: Path) -> None:
    ok("train", "names.txt", *SHORT)
    ok("train", "names.txt", "--resume", *SHORT[:-4], "--sequence", "auto", "--steps", 3)
    assert checkpoint.load("checkpoints/names/last.npz").step == 3


def test_resuming_a_short_text_with_the_options_of_before_is_no_change(new: Path) -> None:
    Path("abc.txt").write_text(ABC)
    ok("train", "abc.txt", *SHORT)
    ok("train", "abc.txt", "--resume", *SHORT)


def test_resuming_on_another_text_is_refused(new: Path) -> None:
    ok("train", "names.txt", *SHORT)
    Path("other.txt").write_text(names(50))
    message = refused(3, "train", "other.txt", "--resume", "--steps", 4)
    assert "other.txt" in message
    with open("names.txt", "a") as file:
        file.write("Zoe\n")
    assert "names.txt" in refused(3, "train", "--resume", "--steps", 4)
    Path("names.txt").unlink()
    message = refused(2, "train", "--resume", "--steps", 4)
    assert f"{new}/names.txt" in message
    for command in (["sample", "-n", 2], ["eval", "other.txt"]):
        message = refused(2, *command, "--novelty")
        assert f"{new}/names.txt" in message and "--novelty" in message


def test_resuming_a_copy_leaves_alone_what_lies_beside_it(new: Path) -> None:
    ok("train", "names.txt", "--name", "k", *SHORT)
    Path("k.npz").write_bytes(Path("checkpoints/k/last.npz").read_bytes())
    for name, mine in {".draft.tmp": "mine", "best.npz": "mine", "log.jsonl": '{"step": 999}\n'}.items():
        Path(name).write_text(mine)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = well("train", "--resume", "--name", "k.npz", "--steps", 4)
    assert "k.npz is no run's last.npz: it goes on as a run of its own in checkpoints/k-2/" in result.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert set(Path().iterdir()) == {Path("checkpoints"), *(path for path in before if len(path.parts) < 2)}
    assert checkpoint.load("checkpoints/k-2/last.npz").step == 4


def test_a_resumed_run_is_not_told_that_its_text_is_short(new: Path) -> None:
    tiny = [*SHORT[:-4], "--validate-every", 1]
    assert "short text" not in well("train", "names.txt", *tiny, "--steps", 2).stderr
    assert "short text" not in well("train", "--resume", "--steps", 3).stderr
    assert "short text" in well("train", "names.txt", *tiny, "--steps", 2, "--batch", 400).stderr


def test_a_text_that_came_once_is_kept_where_the_run_is_refused(new: Path) -> None:
    message = refused(1, "train", "-", "--name", "big", "--hidden", 1_000_000, *SHORT[2:], stdin=ABC * 20)
    assert "checkpoints/big/tokens.npz" in message
    ok("train", "checkpoints/big/tokens.npz", *SHORT)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--momentum", "0.3"],
            "--optimizer",
        ),
        (["--warmup", "0.1", "--schedule", "constant"], "--warmup"),
        (["--final-rate", "0.1", "--schedule", "plateau"], "--schedule"),
        (["--recipe", "lecture", "--final-rate", "0.1"], "--final-rate"),
    ],
)
def test_options_without_effect_are_refused(new: Path, args: list[str], message: str) -> None:
    assert message in refused(2, "train", "names.txt", *args)
    assert not Path("checkpoints").exists()


def test_options_without_effect_are_refused_on_resuming_too(new: Path) -> None:
    ok("train", "names.txt", *SHORT)
    assert "--final-rate" in refused(2, "train", "--resume", "--final-rate", 0.5)
    ok("train", "--resume", "--schedule", "exponential", "--final-rate", 0.5, "--steps", 4)


def test_scores_that_are_no_numbers_are_null_in_json(new: Path) -> None:
    ok("train", "names.txt", *SHORT)
    run = checkpoint.load("checkpoints/names/last.npz")
    run.weights.flat *= 1e30
    checkpoint.save("wild.npz", run)

    def strict(text: str) -> Any:
        return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    score = strict(ok("eval", "names.txt", "-m", "wild.npz", "--json"))
    assert score["bits_per_char"] is None or score["bits_per_char"] > 1e6
    assert strict(ok("info", "-m", "wild.npz", "--json"))["parameters"] == run.weights.count
    result = shell("inspect", "gradcheck", "-m", "wild.npz", "names.txt", "--samples", 2, "--json")
    assert result.returncode == 1 and not strict(result.stdout)["good"]
    assert "Warning" not in result.stderr and "internal error" not in result.stderr


def test_a_text_of_line_ends_alone_is_refused(new: Path) -> None:
    Path("ends.txt").write_text("\n" * 400)
    message = refused(3, "train", "ends.txt", "--sequence", "line", *SHORT)
    assert "ends.txt" in message
    assert not Path("checkpoints").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "CORPUS"),
        (["gone.txt"], "gone.txt"),
        (["."], ". "),
        (["--resume"], "checkpoints/"),
        (["--resume", "--name", "gone"], "gone"),
        (["names.txt", "--hidden", "many"], "'many'"),
        (["names.txt", "--activation", "step"], "'step'"),
        (["names.txt", "--name", "a/b"], "a/b"),
        (["names.txt", "--fast"], "--fast"),
    ],
)
def test_train_refuses_what_makes_no_sense(new: Path, args: list[str], message: str) -> None:
    assert message in refused(2, "train", *args)
    assert sorted(path.name for path in new.iterdir()) == ["names.txt"]


def test_a_tokenised_file_is_trained_on_as_it_is(new: Path) -> None:
    ok("tokenize", "names.txt", "--sequence", "file", "-o", "tokens.npz")
    assert "tokenised" in refused(2, "train", "tokens.npz", "names.txt")
    message = refused(2, "train", "tokens.npz", "--sequence", "line")
    assert "--sequence" in message
    ok("train", "tokens.npz", "--sequence", "file", *SHORT)
    assert checkpoint.load("checkpoints/tokens/last.npz").vocabulary.sequence == "file"


def test_a_short_text_is_trained_on_in_smaller_windows(new: Path) -> None:
    Path("abc.txt").write_text(ABC)
    told = " ".join(invoke("train", "abc.txt", *BRIEF, "--window", 64).stderr.split())
    assert re.search(r"short text batch 1 and window \d+ in place of batch \d+ and window \d+", told)
    assert Path("checkpoints/abc/best.npz").exists()


# sample


def test_a_sample_ends_by_a_line_end(here: Path) -> None:
    text = ok("sample", "--seed", 1)
    assert text.endswith("\n") and text.count("\n") == 1 and set(text) <= set(names())


def test_samples_are_a_line_each(here: Path) -> None:
    assert ok("sample", "-n", 7, "--seed", 1).count("\n") == 7
    assert ok("sample", "-n", 0) == ""
    assert len(ok("sample", "-n", 300, "--seed", 1).splitlines()) == 300  # more than are drawn side by side


@pytest.mark.parametrize("options", [[], ["-n", 5], ["-n", 3, "--json"], ["--past-end", "--length", 50]])
def test_the_same_seed_gives_the_same_text_and_another_another(here: Path, options: list[object]) -> None:
    once = ok("sample", "--seed", 1, *options)
    assert ok("sample", "--seed", 1, *options) == once != ok("sample", "--seed", 2, *options)


def test_without_a_seed_samples_differ(here: Path) -> None:
    assert ok("sample", "-n", 20) != ok("sample", "-n", 20)


def test_json_samples_are_those_of_plain_text(here: Path) -> None:
    rows = [json.loads(line) for line in ok("sample", "-n", 5, "--seed", 1, "--json").splitlines()]
    assert [row["text"] for row in rows] == ok("sample", "-n", 5, "--seed", 1).splitlines()
    assert all(row == {"text": row["text"], "ended": True} for row in rows)
    (one,) = [json.loads(line) for line in ok("sample", "--seed", 1, "--json").splitlines()]
    assert one["text"] + "\n" == ok("sample", "--seed", 1)
    (cut,) = [json.loads(line) for line in ok("sample", "--seed", 1, "--json", "--length", 1).splitlines()]
    assert cut == {"text": one["text"][:1], "ended": False}


def test_what_follows_a_sample_can_be_chosen(here: Path) -> None:
    lines = ok("sample", "-n", 4, "--seed", 1)
    assert ok("sample", "-n", 4, "--seed", 1, "--null") == ok("sample", "-n", 4, "--seed", 1, "-0")
    assert ok("sample", "-n", 4, "--seed", 1, "-0") == lines.replace("\n", "\0")
    assert ok("sample", "-n", 4, "--seed", 1, "--separator", "; ") == lines.replace("\n", "; ")
    assert ok("sample", "--seed", 1, "--separator", "") + "\n" == ok("sample", "--seed", 1)


def test_length_is_the_most_characters(here: Path) -> None:
    long = ok("sample", "--seed", 3, "--past-end", "--length", 60)
    assert len(long) == 61
    for length in (0, 1, 10, 59):
        assert ok("sample", "--seed", 3, "--past-end", "--length", length) == long[:length] + "\n"
    assert all(len(line) <= 3 for line in ok("sample", "-n", 20, "--length", 3).splitlines())


def test_past_end_goes_on(here: Path) -> None:
    text = ok("sample", "--seed", 1, "--past-end", "--length", 300)
    assert len(text) == 301 and text.count("\n") > 5
    (row,) = [
        json.loads(line) for line in ok("sample", "--seed", 1, "--past-end", "--length", 300, "--json").splitlines()
    ]
    assert row == {"text": text[:-1], "ended": False}


def test_a_prime_comes_first_from_the_command_line_or_standard_input(here: Path) -> None:
    text = ok("sample", "--seed", 1, "--prime", "Anbe")
    assert text.startswith("Anbe")
    assert ok("sample", "--seed", 1, "--prime", "-", stdin="Anbe") == text
    assert ok("sample", "--seed", 1, "--prime", "-", stdin="Anbe\n") == text
    assert all(line.startswith("Do") for line in ok("sample", "-n", 5, "--prime", "Do").splitlines())
    assert ok("sample", "--prime", "Do", "--length", 0) == "Do\n"


def test_a_prime_with_strangers_is_refused_or_read_without_them(here: Path) -> None:
    message = refused(3, "sample", "--prime", "An?be!")
    assert "U+003F" in message
    assert "--unknown skip" in message
    assert ok("sample", "--seed", 1, "--prime", "An?be!", "--unknown", "skip") == ok(
        "sample", "--seed", 1, "--prime", "Anbe"
    )


def test_stop_ends_a_sample_and_is_left_out(here: Path) -> None:
    whole = ok("sample", "--seed", 5, "--past-end", "--length", 300)
    stop = whole[100:103]
    wanted = whole[: whole.index(stop)]
    assert ok("sample", "--seed", 5, "--past-end", "--length", 300, "--stop", stop) == wanted + "\n"
    assert ok("sample", "--seed", 5, "--past-end", "--length", 300, "--stop", "!!!") == whole
    cut = ok("sample", "-n", 30, "--seed", 1, "--stop", "a").splitlines()
    assert cut == [line.split("a")[0] for line in ok("sample", "-n", 30, "--seed", 1).splitlines()]
    for row in map(json.loads, ok("sample", "-n", 30, "--seed", 1, "--stop", "a", "--json").splitlines()):
        assert "a" not in row["text"]


def test_text_is_shown_as_it_comes_at_most_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character every 5 ms: the first at once, then what came in 20 ms; all of it in the end."""
    clock, told = [100.0], []
    monkeypatch.setattr(output, "monotonic", lambda: clock[0])
    monkeypatch.setattr(output.streams, "write", lambda text, flush=False: told.append((text, flush)))

    def letters() -> Iterator[str]:
        for letter in "abcdefghijklmnop":
            yield letter
            clock[0] += 0.005

    output.flow("To be", letters())
    assert told[:2] == [("To be", True), ("a", True)]
    assert "".join(text for text, _ in told) == "To beabcdefghijklmnop"
    assert all(flush and 4 <= len(text) <= 6 for text, flush in told[2:-1]) and len(told) > 4
    told.clear()
    clock[0] += 1
    output.flow("", iter(["slow"]))
    assert "".join(text for text, _ in told) == "slow"


def test_slow_text_is_shown_character_by_character(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told = [0.0], []
    monkeypatch.setattr(output, "monotonic", lambda: clock.append(clock[-1] + 0.03) or clock[-1])
    monkeypatch.setattr(output.streams, "write", lambda text, flush=False: told.append((text, flush)))
    output.flow("", iter("slow"))
    assert [text for text, flush in told if flush] == ["", "s", "l", "o", "w"]


def test_many_samples_are_the_same_on_any_number_of_cores(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for count in (1, 2, 5):
        monkeypatch.setattr("charnn.machine.cores", lambda count=count: count)
        found.append(ok("sample", "-n", 150, "--seed", 7))
    assert found[0] == found[1] == found[2] and len(found[0].splitlines()) >= 150


def test_greedy_is_temperature_zero(here: Path) -> None:
    greedy = ok("sample", "--greedy", "--length", 40, "--past-end")
    assert greedy == ok("sample", "--temp", 0, "--seed", 9, "--length", 40, "--past-end")
    assert greedy == ok("sample", "--temperature", 0, "--length", 40, "--past-end")
    assert greedy == ok("sample", "--top-k", 1, "--seed", 4, "--length", 40, "--past-end")


def test_novelty_knows_the_lines_of_the_training_text(here: Path) -> None:
    lines = names().splitlines()
    assert ok("sample", "--novelty", "--prime", lines[0], "--length", 0) == f"train\t{lines[0]}\n"
    rows = table(ok("sample", "-n", 200, "--seed", 1, "--novelty"))
    assert len(rows) == 200 and all((found == "new") == (name not in lines) for found, name in rows)
    longest = max(lines[-20:], key=len)
    assert ok("sample", "--novelty", "--prime", longest, "--length", 0) == f"valid\t{longest}\n"
    assert ok("sample", "--novelty", "--prime", lines[0] + "e", "--length", 0) == f"new\t{lines[0]}e\n"
    (row,) = [
        json.loads(r) for r in ok("sample", "--novelty", "--json", "--prime", lines[0], "--length", 0).splitlines()
    ]
    copied = 1.0 if len(lines[0]) >= 8 else 0.0
    assert row == {"text": lines[0], "ended": False, "found": "train", "copied": copied, "longest": len(lines[0])}


def test_novelty_sums_up_how_much_was_copied(here: Path) -> None:
    line = max(names().splitlines()[:100], key=len)
    assert len(line) >= 8
    told = invoke("sample", "--novelty", "--prime", line, "--length", 0).stderr
    assert told.startswith("100.0% of the 8-grams are in the training text; the longest copied run has ")
    assert told.endswith(f"has {len(line)} characters, {line!r}\n")
    told = invoke("sample", "--novelty", "--prime", line[:8] + line[:8], "--length", 0).stderr
    assert told.startswith(("11.1% of the 8-grams", "22.2% of the 8-grams"))
    assert "has 8 characters" in told
    assert invoke("sample", "--novelty", "-n", 0).stderr.startswith("the longest copied run has 0 characters")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--past-end", "-n", "2"], "--past-end"),
        (["--null", "--json"], "--null"),
        (["--null", "--separator", ";"], "--separator"),
        (["-m", "gone"], "gone"),
        (["--top-p", "0"], "--top-p"),
        (["--seed", "-1"], "--seed is -1"),
    ],
)
def test_sample_refuses_what_makes_no_sense(here: Path, args: list[str], message: str) -> None:
    assert message in refused(2, "sample", *args)


# eval


def scores(text: str) -> dict[str, float]:
    return {name: float(value.replace(",", "")) for name, value in (row.split("\t") for row in text.splitlines())}


def test_eval_writes_its_figures_as_rows_and_as_json(here: Path) -> None:
    rows = ok("eval", "-", stdin=names())
    figures = scores(rows)
    assert list(figures) == ["nats/char", "bits/char", "perplexity", "accuracy", "count", "nats"]
    found = json.loads(ok("eval", "-", "--json", stdin=names()))
    assert found.keys() - {"baselines", "unknown"} == {name.replace("/", "_per_") for name in figures}
    for name, value in figures.items():
        assert found[name.replace("/", "_per_")] == pytest.approx(value, abs=5.1e-5)
    assert found["count"] == len(names())
    assert found["nats"] == pytest.approx(found["nats_per_char"] * found["count"])
    assert found["bits_per_char"] == pytest.approx(log2(found["perplexity"]))
    assert found["baselines"].keys() == {"uniform"}
    run = charnn.load("names", "checkpoints")
    assert charnn.evaluate(run, names()).nats == pytest.approx(found["nats"], rel=1e-5)


def test_eval_says_how_much_of_a_text_was_in_the_training_text(here: Path, tmp_path: Path) -> None:
    lines = names().splitlines()
    (tmp_path / "old.txt").write_text("\n".join(lines[10:20]) + "\n")
    facts = json.loads(ok("eval", tmp_path / "old.txt", "--novelty", "--json"))
    size = len((tmp_path / "old.txt").read_text())
    assert (facts["copied_8grams"], facts["longest_copied"], facts["count"]) == (1.0, size, size)
    (tmp_path / "new.txt").write_text(lines[10] + lines[10] + "\n")
    rows = dict(table(ok("eval", tmp_path / "new.txt", "--novelty")))
    assert int(rows["longest_copied"]) <= len(lines[10]) + 2 and float(rows["copied_8grams"]) < 1
    own = json.loads(ok("eval", "--novelty", "--json"))
    assert own["copied_8grams"] < 0.9 and "copied_8grams" not in json.loads(ok("eval", "--json"))
    assert "--novelty" in refused(2, "eval", "--novelty", "--by", "line")


def test_eval_reads_standard_input_or_its_own_held_out_part(here: Path) -> None:
    """A pipe or a file is read; with nothing of that kind there is the part that the model was not trained on."""
    own = shell("eval")
    assert own.returncode == 0 and "checkpoints/names/best.npz on held-out part" in own.stderr
    assert re.search(r"to compare: uniform .*-gram \d\.\d+ bits/char on the same text", " ".join(own.stderr.split()))
    valid = json.loads(Path("checkpoints/names/log.jsonl").read_text().splitlines()[-1])["valid"]
    assert scores(own.stdout)["bits/char"] == pytest.approx(valid, abs=1e-3)
    with open("names.txt") as file:
        piped = shell("eval", stdin=file)
    assert "on standard input" in piped.stderr and piped.stdout == ok("eval", "-", stdin=names())
    assert ok("eval", "-", stdin=names()) == piped.stdout
    found = json.loads(ok("eval", "--json"))
    assert found["baselines"].keys() >= {"uniform", "unigram", "bigram", "ngram", "order"}


def test_eval_by_line_is_a_row_a_line_that_sum_to_the_whole(here: Path) -> None:
    with open("names.txt") as file:
        rows = table(shell("eval", "--by", "line", stdin=file).stdout)
    assert [row[3] for row in rows] == names().splitlines()
    assert [int(row[2]) for row in rows] == list(range(1, len(rows) + 1))
    whole = json.loads(ok("eval", "-", "--json", stdin=names()))
    assert sum(float(row[1]) for row in rows) == pytest.approx(whole["bits_per_char"] * whole["count"], rel=1e-4)
    for per_char, bits, _, text in rows:
        assert float(per_char) == pytest.approx(float(bits) / (len(text) + 1), abs=2e-3)


def test_eval_by_char_is_a_row_a_character_that_sum_to_the_whole(here: Path) -> None:
    rows = table(ok("eval", "names.txt", "--by", "char"))
    assert "".join(row[3] for row in rows).replace("\\n", "\n") == names()
    places = [(i + 1, j + 1) for i, line in enumerate(names().splitlines(keepends=True)) for j in range(len(line))]
    assert [(int(row[1]), int(row[2])) for row in rows] == places
    whole = json.loads(ok("eval", "-", "--json", stdin=names()))
    assert sum(float(row[0]) for row in rows) == pytest.approx(whole["bits_per_char"] * whole["count"], rel=1e-4)


@pytest.mark.parametrize("sequence", ["line", "paragraph", "file"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_rows_of_the_held_out_part_sum_to_the_whole(new: Path, sequence: str, end: str) -> None:
    """The end of a file is among them, though it is no character."""
    Path("text.txt").write_text(names(40).replace("la\n", "la\n\n").strip() + end)
    ok("train", "text.txt", "--sequence", sequence, "--valid-share", 0.3, *SHORT)
    whole = json.loads(ok("eval", "--json"))
    for by, column in (("line", 1), ("char", 0)):
        rows = table(ok("eval", "--by", by))
        total = sum(float(row[column]) for row in rows)
        assert total == pytest.approx(whole["bits_per_char"] * whole["count"], abs=0.01 * len(rows))


def test_rows_escape_what_would_break_them(new: Path) -> None:
    text = "tab\there\nback\\slash\ncarriage\rreturn\n" * 9
    Path("text.txt").write_bytes(text.encode())
    ok("train", "text.txt", *SHORT)
    rows = table(ok("eval", "text.txt", "--by", "line"))
    assert [row[3] for row in rows[:3]] == ["tab\\there", "back\\\\slash", "carriage\\rreturn"]
    assert all(len(row) == 4 for row in rows)
    rows = table(ok("eval", "text.txt", "--by", "char"))
    assert all(len(row) == 4 for row in rows) and len(rows) == len(text)


def test_eval_of_several_texts_is_that_of_both(here: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Anbe\n")
    (tmp_path / "b.txt").write_text("Dola\nAnan\n")
    both = json.loads(ok("eval", tmp_path / "a.txt", tmp_path / "b.txt", "--json"))
    parts = [json.loads(ok("eval", tmp_path / name, "--json")) for name in ("a.txt", "b.txt")]
    assert both["count"] == 15 == sum(part["count"] for part in parts)
    assert both["nats"] == pytest.approx(sum(part["nats"] for part in parts), rel=1e-5)


def test_eval_names_strangers_or_leaves_them_out(here: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("Anbe\nDo?la\n")
    message = refused(3, "eval", tmp_path / "odd.txt")
    assert "U+003F" in message
    known = ok("eval", "-", stdin="Anbe\nDola\n")
    assert ok("eval", "-", "--unknown", "skip", stdin="Anbe\nDo?la\n") == f"{known}unknown\t1\n"
    by_file = [ok("eval", "-", "--by", "file", "--unknown", "skip", stdin=text) for text in ("An?b\n", "Anb\n")]
    assert by_file[0].replace("\t1\t", "\t0\t") == by_file[1]


def test_eval_scores_a_tokenised_text(here: Path, tmp_path: Path) -> None:
    ok("tokenize", "names.txt", "-o", tmp_path / "names.npz")
    assert ok("eval", tmp_path / "names.npz") == ok("eval", "names.txt")
    (tmp_path / "abc.txt").write_text(ABC)
    ok("tokenize", tmp_path / "abc.txt", "-o", tmp_path / "abc.npz")
    assert "abc.npz" in refused(3, "eval", tmp_path / "abc.npz")


@pytest.fixture(scope="module")
def carried(home: Path) -> Path:
    """A run beside the other, whose state is carried on."""
    out = home / "carried"
    ok("train", home / "names.txt", "--out", out, "--name", "carried", "--state", "carry", *BRIEF)
    return out / "carried"


def test_eval_with_burn_says_that_it_is_approximate_and_is_close(here: Path, carried: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(names() * 4)
    own, file = [], [tmp_path / "long.txt"]
    for text, what in ((own, "held-out part"), (file, str(tmp_path / "long.txt"))):
        found = invoke("eval", *text, "-m", carried, "--burn-in", 40, "--json")
        said = " ".join(found.stderr.split())
        assert (
            found.exit_code == 0 and f"on {what}, approximately: each piece read from 40 characters before it" in said
        )
        exact = invoke("eval", *text, "-m", carried, "--json")
        assert "approximately" not in exact.stderr
        near, right = (json.loads(result.stdout) for result in (found, exact))
        assert near["count"] == right["count"] and near["baselines"] == right["baselines"]
        assert near["bits_per_char"] == pytest.approx(right["bits_per_char"], abs=1e-3)
    worse = json.loads(ok("eval", *file, "-m", carried, "--burn-in", 1, "--json"))
    assert worse["nats"] != pytest.approx(right["nats"], rel=1e-7)  # so that pieces there were
    with file[0].open() as text:
        piped = shell("eval", "-m", carried, "--burn-in", 40, "--json", stdin=text)
    assert json.loads(piped.stdout)["nats"] == pytest.approx(near["nats"], rel=1e-6)


def test_eval_with_burn_scores_texts_apart(here: Path, carried: Path, tmp_path: Path) -> None:
    for name, text in (("a.txt", names(100)), ("b.txt", names(50))):
        (tmp_path / name).write_text(text)
    args = ["-m", carried, "--burn-in", 10, "--json"]
    both = json.loads(ok("eval", tmp_path / "a.txt", tmp_path / "b.txt", *args))
    parts = [json.loads(ok("eval", tmp_path / name, *args)) for name in ("a.txt", "b.txt")]
    assert both["count"] == sum(part["count"] for part in parts)
    assert both["nats"] == pytest.approx(sum(part["nats"] for part in parts), rel=1e-6)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--burn-in", "10"], "--burn-in"),
        (["-m", "{carried}", "--burn-in", "10", "--by", "line"], "--by"),
        (["-m", "{carried}", "--burn-in", "10", "--by", "char"], "--by"),
        (["-m", "{carried}", "--burn-in", "0"], "--burn-in"),
    ],
)
def test_eval_refuses_to_burn_where_it_makes_no_sense(here: Path, carried: Path, args: list[str], message: str) -> None:
    told = refused(2, "eval", "names.txt", *(arg.format(carried=carried) for arg in args))
    assert message in " ".join(told.split())


@pytest.mark.parametrize(
    ("code", "args", "message"),
    [
        (2, ["gone.txt"], "gone.txt"),
        (2, ["names.txt", "--by", "word"], "'word'"),
        (2, ["names.txt", "--by", "line", "--json"], "--json"),
        (3, ["/dev/null"], "/dev/null"),
        (3, ["-m", "names.txt"], "names.txt"),
    ],
)
def test_eval_refuses_what_makes_no_sense(here: Path, code: int, args: list[str], message: str) -> None:
    assert message in refused(code, "eval", *args)


# info


def test_info_says_what_a_model_is(here: Path) -> None:
    plain = dict(table(ok("info")))
    assert plain["file"] == "checkpoints/names/best.npz"
    assert "hidden 8" in plain["model"] and plain["sequence"] == "line" and plain["state"] == "reset"
    assert plain["corpus"] == str(here / "names.txt")
    assert re.fullmatch(r"hidden/0/W [01]\.\d+", plain["spectral radius"])
    assert re.fullmatch(r"bits/char \d\.\d+, step 40", plain["best"])
    assert re.fullmatch(r"[▁-█]+ \d\.\d{3} \.\.\. \d\.\d{3} bits/char", plain["held out"])


def test_info_as_json_is_what_the_checkpoint_holds(here: Path) -> None:
    found = json.loads(ok("info", "-m", "checkpoints/names/last.npz", "--json"))
    run = checkpoint.load("checkpoints/names/last.npz")
    assert found["file"] == "checkpoints/names/last.npz"
    assert found["model"] == {name: value for name, value in vars(run.model.config).items() if value is not None}
    assert found["parameters"] == run.weights.count
    assert found["symbols"] == run.vocabulary.size == len(found["vocabulary"]) + 1
    assert set(found["vocabulary"]) == set(names()) - {"\n"}
    assert {name: tuple(shape) for name, shape in found["arrays"].items()} == run.model.shapes()
    assert found["training"]["steps"] == 40 and found["step"] == 40 and found["best"]["step"] == 40
    assert found["sha256"] == run.origin.sha256 and len(found["held out"]) == 2


def test_every_command_takes_the_same_ways_to_name_a_model(here: Path, tmp_path: Path) -> None:
    ways = [[], ["-m", "names"], ["-m", "checkpoints/names"], ["--model", "checkpoints/names/best.npz"]]
    ways += [["-m", "names", "--out", here / "checkpoints"], ["--out", here / "checkpoints"]]
    for way in ways:
        assert json.loads(ok("info", "--json", *way))["step"] == 40
        assert ok("sample", "--seed", 1, *way) == ok("sample", "--seed", 1)
        assert ok("eval", "names.txt", *way) == ok("eval", "names.txt")
        assert ok("inspect", "gradients", "names.txt", *way) == ok("inspect", "gradients", "names.txt")
    for command in (["info"], ["sample"], ["eval"], ["inspect", "gradients"], ["inspect", "units"]):
        assert f"{tmp_path}" in refused(2, *command, "--out", tmp_path)


# standard output and error


@pytest.mark.slow
def test_only_results_are_on_standard_output(new: Path) -> None:
    """And a process of its own says the same as the runner above."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    trained = shell("train", "names.txt", *SHORT, env=environment)
    assert (trained.returncode, trained.stdout) == (0, "") and "\x1b" not in trained.stderr
    sampled = shell("sample", "-n", 3, "--seed", 1, env=environment)
    assert (sampled.stdout, sampled.stderr) == (ok("sample", "-n", 3, "--seed", 1), "")
    described = shell("info", "--json", env=environment)
    assert json.loads(described.stdout) and described.stderr == ""
    evaluated = shell("eval", "--json", env=environment)
    assert json.loads(evaluated.stdout) and "\x1b" not in evaluated.stderr


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "ascii:strict"}, {"LC_ALL": "C"}])
def test_text_is_utf8_whatever_the_locale(new: Path, encoding: dict[str, str]) -> None:
    Path("text.txt").write_text("für Élise 😀\nça va\n" * 9, "utf-8")
    environment = {**os.environ, **encoding}
    assert shell("train", "text.txt", *SHORT, env=environment).returncode == 0
    sampled = shell("sample", "--prime", "für Élise 😀", env=environment)
    assert sampled.returncode == 0 and sampled.stdout.startswith("für Élise 😀")
    described = shell("info", env=environment)
    assert described.returncode == 0 and "😀" in described.stdout and "▁" in described.stdout + "▁"


# names of version 0.1


@pytest.mark.parametrize(("old", "new"), [("--out", "--runs"), ("--burn", "--burn-in")])
def test_options_of_version_0_1_are_what_they_are_called_now(here: Path, carried: Path, old: str, new: str) -> None:
    """They are not shown, and messages speak of the present names."""
    command: list[object] = ["eval", "names.txt", "--json", "-m", "carried", "--runs", carried.parent, "--burn-in", 40]
    command[command.index(new)] = old
    assert ok(*command) == ok("eval", "names.txt", "--json", "-m", carried, "--burn-in", 40)
    assert f" {old} " not in ok("eval", "--help") and f" {new} " in ok("eval", "--help")
