"""A run that is trained, saved, lost and resumed in any order is at each event what one left alone is there."""

import gc
import json
import shutil
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import charnn
from charnn.data.corpus import Corpus
from charnn.errors import CharnnError
from charnn.runs import checkpoint, folder
from charnn.runs.run import Run
from charnn.training.session import Session, Validation, resume

OPTIONS: dict[str, Any] = {"hidden": 6, "layers": 2, "dropout": 0.2, "batch": 3, "window": 5, "workers": 2}
OPTIONS |= {
    "steps": 45,
    "validate_every": 4,
    "patience": 0,
    "schedule": "plateau",
    "rate": 0.1,
    "seed": 5,
    "state": "carry",
}
OPTIONS |= {"cell": "elman"}
TEXT = "roses are red\nviolets are blue\nsugar is sweet\nand so are you\n"


def everything(run: Run) -> dict[str, Any]:
    """All that a run is, to be compared to the bit."""
    found = {name: getattr(run, name) for name in (*checkpoint.COUNTERS.values(), "config", "vocabulary", "origin")}
    found["model"] = run.model.config
    found["weights"] = run.weights.flat.tobytes()
    found["moments"] = [moment.flat.tobytes() for moment in run.moments]
    found["state"] = [s.tobytes() for s in run.state]
    found["history"] = [dict(record) for record in run.history]
    return found


def says(run: Run, corpus: Corpus) -> tuple[charnn.Score, list[str]]:
    """How a run scores, and what it writes, trained or not."""
    with warnings.catch_warnings(action="ignore", category=charnn.CharnnWarning):
        return charnn.evaluate(run, corpus), charnn.generate(run, 2, seed=3, length=20)


class Twin:
    """A run that is trained without a break, as it was after each of its events."""

    def __init__(self, corpus: Corpus):
        session = charnn.train(corpus, out=None, **OPTIONS)
        self.events: list[charnn.Update | charnn.Setback | charnn.Validation] = []
        self.states, self.said = [everything(session.run)], [says(session.run, corpus)]
        self.best: list[int | None] = [None]  # the event that told of the best weights so far
        for event in session:
            self.events.append(event)
            self.states.append(everything(session.run))
            better = isinstance(event, Validation) and event.best
            self.said.append(says(session.run, corpus))
            self.best.append(len(self.events) if better else self.best[-1])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("corpus") / "poem.txt"
    path.write_text(TEXT * 4)
    return charnn.read(path)


class Training(RuleBasedStateMachine):
    """What may be done to a run, in any order."""

    corpus: Corpus
    twin: Twin

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.session: Session | None = charnn.train(self.corpus, out=self.root, name="run", **OPTIONS)
        self.folder = folder.Folder(self.root / "run")
        self.at = self.saved = 0  # events seen, and those that are safe in last.npz

    @precondition(lambda self: self.session)
    @rule(count=st.integers(1, 12))
    def train(self, count: int) -> None:
        events = iter(self.session)
        for _ in range(count):
            event = next(events, None)
            if event is None:
                assert self.at == len(self.twin.events)
                return
            assert event == self.twin.events[self.at]
            self.at += 1
            if isinstance(event, Validation):
                self.saved = self.at

    @precondition(lambda self: self.session)
    @rule()
    def save(self) -> None:
        self.session.save()
        self.saved = self.at

    @precondition(lambda self: self.session)
    @rule()
    def kill(self) -> None:
        self.session = None
        gc.collect()
        self.at = self.saved

    @precondition(lambda self: not self.session)
    @rule()
    def resume(self) -> None:
        self.session = resume(checkpoint.load(self.folder.last), self.corpus, folder.Folder(self.folder.path), {})

    @precondition(lambda self: self.session)
    @rule()
    def resume_what_is_in_use(self) -> None:
        with pytest.raises(CharnnError, match="in use by another training"):
            resume(checkpoint.load(self.folder.last), self.corpus, folder.Folder(self.folder.path), {"steps": 1})

    @rule()
    def evaluate_and_sample(self) -> None:
        """The one at work, and the one that others find; which leaves both as they are."""
        if self.session:
            assert says(self.session.run, self.corpus) == self.twin.said[self.at]
        best = self.twin.best[self.saved]
        found = charnn.load("run", self.root)
        assert says(found, self.corpus) == self.twin.said[self.saved if best is None else best]

    @invariant()
    def it_is_what_the_twin_was(self) -> None:
        if self.session:
            assert everything(self.session.run) == self.twin.states[self.at]

    @invariant()
    def the_files_are_what_the_twins_would_be(self) -> None:
        assert everything(checkpoint.load(self.folder.last)) == self.twin.states[self.saved]
        best = self.twin.best[self.saved]
        if best is not None:
            assert checkpoint.load(self.folder.best).weights.flat.tobytes() == self.twin.states[best]["weights"]
        else:
            assert not self.folder.best.exists()
        lines = self.folder.log.read_text().splitlines() if self.folder.log.exists() else []
        told = [asdict(event) for event in self.twin.events[: self.saved] if isinstance(event, Validation)]
        assert [{**json.loads(line), "figures": {}} for line in lines] == told
        assert {path.name for path in self.folder.path.iterdir()} <= {"best.npz", "last.npz", "log.jsonl", ".lock"}

    def teardown(self) -> None:
        self.session = None
        shutil.rmtree(self.root)


@pytest.mark.slow
def test_whatever_is_done_to_a_run_it_is_its_twin(corpus: Corpus) -> None:
    Training.corpus, Training.twin = corpus, Twin(corpus)
    kinds = [type(event).__name__ for event in Training.twin.events]
    assert kinds.count("Update") == 45 and kinds.count("Validation") == 12
    assert len({state["rate_factor"] for state in Training.twin.states}) > 1  # the rate was halved on the way
    case = Training.TestCase
    case.settings = settings(
        max_examples=20,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # without shrinking, which takes minutes
    )
    case().runTest()
