"""Training from Python: new runs, recipes, budgets, runs that go on, and what a run says of itself."""

import math
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.runs import checkpoint
from tests.api.conftest import NAMES

SMALL: dict[str, Any] = {"hidden": 6, "layers": 1, "dropout": 0.0, "batch": 8, "window": 16, "workers": 1}


def arrays(run: charnn.Run) -> list[np.ndarray]:
    return [run.weights.flat, *(moment.flat for moment in run.moments), *run.state]


def test_a_corpus_is_a_file_or_several(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n" * 20, "utf-8")
    (tmp_path / "b.txt").write_text("three\n" * 20, "utf-8")
    files = [tmp_path / "a.txt", str(tmp_path / "b.txt")]
    session = charnn.train(files, runs=None, steps=1, **SMALL)
    assert session.run.origin.names == tuple(map(str, files))
    other = charnn.train(charnn.read(*files), runs=None, steps=1, **SMALL)
    assert other.run.origin == session.run.origin


def test_a_corpus_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    session = charnn.train(NAMES, runs=None, steps=1, sequence="file", characters="ß", **SMALL)
    assert session.run.vocabulary.sequence == "file" and ord("ß") in session.run.vocabulary.characters
    charnn.tokenize(tmp_path / "names.npz", NAMES)
    with pytest.raises(charnn.UsageError, match="was tokenised with --sequence line"):
        charnn.train(tmp_path / "names.npz", runs=None, sequence="file")


def test_a_text_that_is_read_once_is_kept_in_the_folder_of_its_run(tmp_path: Path) -> None:
    session = charnn.train(NAMES, runs=tmp_path, keep_text=True, steps=1, **SMALL)
    assert session.folder and session.folder.path == tmp_path / "stdin"
    assert session.run.origin.names == (str(tmp_path / "stdin" / "tokens.npz"),)
    with pytest.raises(charnn.CharnnError, match=r"the text is kept, `charnn train .*tokens\.npz`"):
        charnn.train(NAMES, runs=tmp_path, keep_text=True, hidden=10**6)
    with pytest.raises(charnn.UsageError):
        charnn.train(tmp_path / "gone.txt", runs=tmp_path, keep_text=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stdin", "stdin-2"]


def test_a_recipe_is_what_options_take_the_place_of() -> None:
    run = charnn.train(NAMES, runs=None, recipe="small", hidden=16, workers=1).run
    assert (run.model.config.cell, run.model.config.hidden, run.model.config.layers) == ("elman", 16, 1)
    assert (run.config.minutes, run.config.epochs) == (1, None)
    with pytest.raises(charnn.UsageError, match="there is no recipe soup: choose one of small"):
        charnn.train(NAMES, runs=None, recipe="soup")
    with pytest.raises(charnn.UsageError, match=r"--activation.*\(--recipe lecture is --cell elman"):
        charnn.train(NAMES, runs=None, recipe="lecture", cell="lstm")


def test_a_budget_chooses_the_sizes_that_are_not_given() -> None:
    session = charnn.train(NAMES, runs=None, recipe="small", budget="2s", layers=1, workers=1, batch=8, window=16)
    assert session.choice is not None and str(session.choice.size) == f"1 x {session.run.model.config.hidden}"
    assert session.run.config.minutes == pytest.approx(2 / 60) and session.run.config.steps is None
    minutes = charnn.train(NAMES, runs=None, recipe="small", budget=1 / 30, hidden=4, layers=1, workers=1).run
    assert minutes.config.minutes == pytest.approx(1 / 30)
    for changes in ({"minutes": 3}, {"steps": 3}):
        with pytest.raises(charnn.UsageError, match="both say how long to train"):
            charnn.train(NAMES, runs=None, budget="1m", **changes)
    for budget in ("soon", 0, -1.5, math.nan):
        with pytest.raises(charnn.UsageError, match=f"--budget is {budget!r}: give a time like 90s, 10m"):
            charnn.train(NAMES, runs=None, budget=budget)


# Runs that go on


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = charnn.train(NAMES, runs=tmp_path, name="whole", steps=9, validate_every=3, **SMALL)
    list(whole)
    stopped = charnn.train(NAMES, runs=tmp_path, name="stopped", steps=9, validate_every=3, **SMALL)
    for event in stopped:
        if isinstance(event, charnn.Update) and stopped.run.step == 4:
            stopped.stop()
    stopped.save()
    del stopped, event
    again = charnn.resume("stopped", runs=tmp_path)
    assert again.run.step == 4
    list(again)
    for one, other in zip(arrays(again.run), arrays(whole.run), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.run.history == whole.run.history


def test_resuming_takes_longer_times_and_refuses_another_run(tmp_path: Path) -> None:
    list(charnn.train(NAMES, runs=tmp_path, steps=2, validate_every=1, **SMALL))
    assert charnn.resume(runs=tmp_path, steps=5, hidden=6, sequence="line").run.config.steps == 5
    for changes, message in (
        ({"hidden": 7}, "has --hidden 6, and cannot be resumed with 7"),
        ({"sequence": "file"}, "has --sequence line"),
        ({"batch": 4}, "was trained with --batch 8"),
        ({"recipe": "small"}, "--recipe is for new runs"),
        ({"characters": "ß"}, "--characters is for new runs"),
    ):
        with pytest.raises(charnn.UsageError, match=message):
            charnn.resume("names", runs=tmp_path, **changes)
    with pytest.raises(charnn.UsageError, match="holds only weights"):
        charnn.resume(tmp_path / "names" / "best.npz")
    with pytest.raises(charnn.UsageError, match="there is no model nobody"):
        charnn.resume("nobody", runs=tmp_path)


def test_resuming_finds_the_corpus_or_is_given_it(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(NAMES.read_bytes())
    list(charnn.train(text, runs=tmp_path / "runs", steps=1, **SMALL))
    text.rename(tmp_path / "moved.txt")
    with pytest.raises(charnn.UsageError, match=r"the corpus of this model is not at .*text\.txt"):
        charnn.resume("text", runs=tmp_path / "runs")
    for source in (tmp_path / "moved.txt", [str(tmp_path / "moved.txt")], charnn.read(NAMES)):
        assert charnn.resume("text", source, runs=tmp_path / "runs").run.step == 1
    with pytest.raises(charnn.InputError, match="differs from the one"):
        charnn.resume("text", charnn.read(NAMES, sequence="file"), runs=tmp_path / "runs")


def test_resuming_warns_of_other_last_bits_and_of_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(charnn.train(NAMES, runs=tmp_path, steps=1, **SMALL))
    with pytest.warns(charnn.CharnnWarning, match="2 workers, 1 before: it goes on, but not to the same last bits"):
        charnn.resume("names", runs=tmp_path, workers=2)
    copy = tmp_path / "copy.npz"
    copy.write_bytes((tmp_path / "names" / "last.npz").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.warns(charnn.CharnnWarning, match="it goes on as a run of its own in .*/copy/"):
        assert charnn.resume(copy, runs=tmp_path).folder.path.name == "copy"  # type: ignore[union-attr]


# To the end, at once


def test_fit_trains_to_the_end_and_returns_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = charnn.fit(NAMES, runs=tmp_path, steps=4, validate_every=2, **SMALL)
    assert run.step == 4 and len(run.history) == 2
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "names" / "last.npz").weights.flat, run.weights.flat)
    shown = capsys.readouterr()
    assert shown.out == "" and len(shown.err.splitlines()) == 3 and "\x1b" not in shown.err


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_ctrl_c_ends_fit_after_an_update_and_keeps_the_run(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        run = charnn.fit(NAMES, runs=tmp_path, steps=10**6, validate_every=10**6, **SMALL)
    finally:
        timer.cancel()
    assert 0 < run.step < 10**6 and signal.getsignal(signal.SIGINT) is before
    assert checkpoint.load(tmp_path / "names" / "last.npz").step == run.step


# A run in a line


def test_a_run_says_what_it_is_in_a_line(runs: Path, run: charnn.Run) -> None:
    bits = min(record["valid"] for record in run.history)
    facts = f"elman 1 x 24, {run.weights.count:,} parameters, 100 updates, {bits:.4f} bits/char"
    assert repr(run) == f"<Run names: names.txt, {facts}>"
    assert repr(charnn.load(runs / "names" / "last.npz")) == repr(run)
    new = charnn.train(NAMES, runs=None, **SMALL).run
    assert repr(new) == f"<Run names: names.txt, lstm 1 x 6, {new.weights.count:,} parameters, 0 updates>"
