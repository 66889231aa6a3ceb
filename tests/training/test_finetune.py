"""Training that starts from a trained network: what is kept, what is frozen, what is told, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import charnn
from charnn.errors import CheckpointError, InputError, UsageError
from charnn.io import npz
from charnn.io.header import json_array, json_value
from charnn.runs import checkpoint
from tests.helpers.arrays import read_arrays
from tests.helpers.program import invoke

OLD = "".join(f"{word}\n" for word in ["anbe", "do", "la", "an la", "dolabe", "be", "ando"] * 40)
NEW = "".join(f"{word}\n" for word in ["anbé", "dö", "la", "an la!", "dolabé", "bé", "ando"] * 40)
TINY: dict[str, Any] = {"hidden": 6, "layers": 2, "batch": 4, "window": 8, "workers": 1, "steps": 30, "seed": 3}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with old.txt, new.txt and the run `old` on the first."""
    monkeypatch.chdir(tmp_path)
    Path("old.txt").write_text(OLD, "utf-8")
    Path("new.txt").write_text(NEW, "utf-8")
    trained("old.txt", name="old")
    yield tmp_path


def trained(source: Any, **options: Any) -> charnn.Run:
    running = charnn.train(source, **{**({} if "start" in options else TINY), **options})
    for _ in running:
        pass
    return running.run


def finetuned(source: Any = "new.txt", **options: Any) -> charnn.Session:
    some = {name: value for name, value in TINY.items() if name not in ("hidden", "layers")}
    return charnn.train(source, start="old", **{**some, **options})


def told(result: Result) -> str:
    return " ".join(result.stderr.split())


def test_a_run_starts_with_the_weights_of_another_and_says_so() -> None:
    old, running = charnn.load("old"), finetuned("old.txt", out=None)
    run, start = running.run, running.run.start
    assert start is not None and start.new == () and start.model == "checkpoints/old/best.npz"
    np.testing.assert_array_equal(run.weights.flat, old.weights.flat)
    assert not any(moment.flat.any() for moment in run.moments) and run.step == 0 and run.best is None
    assert start.bits == pytest.approx(charnn.evaluate(old).bits) == pytest.approx(start.kept)
    assert start.origin == old.origin and start.valid_share == old.config.valid_share


def test_new_characters_get_symbols_and_all_old_ones_keep_theirs() -> None:
    Path("few.txt").write_text("böé\n" * 200, "utf-8")
    run = finetuned("few.txt", out=None).run
    assert run.vocabulary.text == " abdelnoéö" and run.start is not None
    assert run.start.new == ("é", "ö")
    assert charnn.evaluate(run, "an la\n").count == 6 and charnn.evaluate(run, "böé\n").count == 4


def test_training_goes_on_from_there_and_resumes_exactly() -> None:
    whole = finetuned(steps=40, validate_every=10, name="whole", freeze=1)
    for _ in whole:
        pass
    half = finetuned(steps=40, validate_every=10, name="half", freeze=1)
    for event in half:
        if isinstance(event, charnn.Validation) and event.step == 20:
            break
    del half  # and so its lock
    result = invoke("train", "--resume", "--name", "half")
    assert result.exit_code == 0, result.stderr
    one, other = (checkpoint.load(f"checkpoints/{name}/last.npz") for name in ("whole", "half"))
    np.testing.assert_array_equal(one.weights.flat, other.weights.flat)
    assert one.start == other.start == whole.run.start
    assert one.best is not None and one.start is not None and one.best / np.log(2) < one.start.bits


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("feedback", ["none", "output"])
def test_frozen_layers_learn_the_rows_of_new_characters_alone(feedback: str, workers: int) -> None:
    trained("old.txt", name="it", feedback=feedback)
    running = charnn.train("new.txt", start="it", out=None, steps=10, batch=4, window=8, workers=workers, freeze=1)
    before = {name: w.copy() for name, w in running.run.weights.items()}
    for _ in running:
        pass
    changed = {name: w != before[name] for name, w in running.run.weights.items()}
    V, new = running.run.vocabulary.size, running.run.vocabulary.ids("éö!")
    assert not changed["hidden/0/W"].any() and not changed["hidden/0/b"].any()
    rows = np.flatnonzero(changed["hidden/0/U"].any(axis=1))
    blocks = 2 if feedback == "output" else 1
    assert set(rows) == {block * V + i for block in range(blocks) for i in new.tolist()}
    assert changed["hidden/1/U"].any() and changed["hidden/1/W"].any() and changed["readout/V"].any()


def test_states_as_wide_as_the_vocabulary_are_not_taken_for_symbols() -> None:
    symbols = charnn.read("new.txt", characters=charnn.load("old").vocabulary.text).vocabulary.size
    trained("old.txt", name="wide", skip=False, hidden=symbols)
    running = charnn.train("new.txt", start="wide", out=None, steps=5, batch=4, window=8, workers=1, freeze=2)
    before = running.run.weights["hidden/1/U"].copy()
    for _ in running:
        pass
    np.testing.assert_array_equal(running.run.weights["hidden/1/U"], before)


def test_all_layers_can_be_frozen_so_that_the_readout_alone_is_learnt() -> None:
    running = finetuned("old.txt", out=None, freeze=2, steps=5, average=0.5)
    before = {name: w.copy() for name, w in running.run.weights.items()}
    for _ in running:
        pass
    changed = {name for name, w in running.run.weights.items() if (w != before[name]).any()}
    assert changed == {"readout/V", "readout/c"}


def test_what_was_forgotten_is_the_loss_on_the_old_held_out_part() -> None:
    running = finetuned(steps=60, validate_every=20, name="ft")
    for _ in running:
        pass
    best = charnn.load("ft")
    ids = charnn.read("old.txt", characters=best.vocabulary.text).split(0.1)[1]
    now = charnn.evaluate(best, best.vocabulary.decode(np.asarray(ids))).bits
    before, after = running.forgotten() or (0.0, 0.0)
    assert before == pytest.approx(charnn.evaluate("old").bits) and after == pytest.approx(now, rel=1e-5)
    Path("old.txt").write_text(OLD + "an\n")
    assert running.forgotten() is None


def test_nothing_is_forgotten_of_a_corpus_that_is_gone() -> None:
    Path("old.txt").unlink()
    running = finetuned(out=None, steps=5)
    assert running.run.start is not None and running.run.start.kept is None
    assert running.forgotten() is None


@pytest.mark.parametrize("source", ["new.txt", "-"])
def test_the_command_says_what_it_starts_from_and_what_was_forgotten(source: str) -> None:
    options = ["--steps", 60, "--workers", 1, "--name", "ft"]
    result = invoke("train", source, "--from", "old", "--freeze", 1, *options, stdin=NEW)
    assert result.exit_code == 0, result.stderr
    said, run = told(result), charnn.load("ft")
    assert run.start is not None
    assert f"checkpoints/old/best.npz: {run.start.bits:.3f} bits/char before training; 3 new characters, ! é ö" in said
    assert f"start {run.start.bits:.4f} bits/char on this held-out part" in said
    assert (
        f"old.txt: {run.start.kept:.4f} bits/char held out before, " in said and "next" not in said.split("finished")[1]
    )
    facts = json.loads(invoke("info", "-m", "ft", "--json").stdout)
    assert facts["start"]["new"] == list("!éö") and facts["training"]["freeze"] == 1


def test_other_dropout_is_free_and_chosen_for_the_new_text() -> None:
    assert finetuned(out=None).run.model.config.dropout == charnn.load("old").model.config.dropout
    Path("long.txt").write_text(NEW * 30, "utf-8")
    assert finetuned("long.txt", out=None).run.model.config.dropout == 0.1
    running = finetuned(out=None, dropout=0.3, dropout_kind="locked")
    assert (running.run.model.config.dropout, running.run.model.config.dropout_kind) == (0.3, "locked")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--hidden", 7], "the network to start from has --hidden 6, not 7: leave --hidden out"),
        (["--cell", "gru"], "the network to start from has --cell lstm, not gru"),
        (["--sequence", "file"], "was trained with --sequence line, not file: leave --sequence out"),
        (["--freeze", 3], "--freeze is 3, and the network has 2 layers"),
        (["--freeze", 1, "--weight-decay", 0.1], "would shrink the weights that --freeze keeps"),
        (["--recipe", "small"], "--recipe chooses a network, and --from has one"),
        (["--budget", "1m"], "give --minutes instead of --budget"),
    ],
)
def test_what_would_be_another_network_is_refused(args: list[object], message: str) -> None:
    result = invoke("train", "new.txt", "--from", "old", *args)
    assert (result.exit_code, result.stdout) == (2, "") and message in told(result)
    assert [path.name for path in Path("checkpoints").iterdir()] == ["old"]


def test_from_is_for_new_runs_and_freeze_needs_it() -> None:
    result = invoke("train", "--resume", "--from", "old")
    assert result.exit_code == 2 and "--from is for new runs" in told(result)
    result = invoke("train", "new.txt", "--freeze", 1)
    assert result.exit_code == 2 and "add it, or leave --freeze out" in told(result)


def test_corpora_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="read it with `characters`"):
        finetuned(charnn.read("new.txt"), out=None)
    with pytest.raises(UsageError, match="tokenised with --sequence file: tokenise it anew"):
        finetuned(charnn.read("new.txt", sequence="file", characters=" abdelno"), out=None)
    charnn.tokenize("tokens.npz", "new.txt", characters="e")
    Path("few.txt").write_text("la\n" * 100)
    charnn.tokenize("few.npz", "few.txt")
    assert finetuned("tokens.npz", out=None).run.start is not None
    with pytest.raises(UsageError, match="tokenised without"):
        finetuned("few.npz", out=None)
    Path("old-mac.txt").write_bytes(NEW.replace("\n", "\r").encode())
    with pytest.raises(InputError, match=r"lines that end with '\\r'"):
        finetuned("old-mac.txt", out=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bits", "low"),
        ("new", [1.5]),
        ("origin", None),
        ("origin", {}),
        ("task", {"task": "no"}),
        ("seed", 0.5),
        ("kept", []),
        ("valid_share", None),
    ],
)
def test_a_start_that_is_none_is_no_model(name: str, value: Any) -> None:
    running = finetuned(name="ft", steps=5)
    running.save()
    arrays = read_arrays("checkpoints/ft/last.npz")
    header = json_value("it", arrays.pop("header"))
    header["start"][name] = value
    header["digest"] = checkpoint.digest({n: v for n, v in header.items() if n != "digest"}, arrays)
    npz.write("checkpoints/ft/last.npz", {"header": json_array(header), **arrays})
    with pytest.raises(CheckpointError, match="corrupt"):
        checkpoint.load("checkpoints/ft/last.npz")


def test_a_run_that_was_started_from_can_be_started_from() -> None:
    for _ in finetuned(name="second", steps=10):
        pass
    third = charnn.train("old.txt", start="second", out=None, steps=5, workers=1)
    assert third.run.start is not None and third.run.start.new == ()
    assert Path(third.run.start.origin.names[0]).name == "new.txt"
    assert third.run.vocabulary == charnn.load("second").vocabulary


def test_a_loaded_run_and_a_corpus_can_be_given() -> None:
    run = charnn.load("old")
    corpus = charnn.read("new.txt", characters=run.vocabulary.text)
    running = charnn.train(corpus, start=run, out=None, steps=3, workers=1)
    assert running.run.start is not None and running.run.start.bits > 0
