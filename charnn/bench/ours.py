"""charnn as its users run it: a session's updates, a stream of characters, samples side by side, a text's score."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from ..config import SampleConfig, TrainConfig
from ..data.vocabulary import EOS
from ..evaluation.score import evaluate
from ..nn.network import Network
from ..runs.run import CorpusInfo
from ..sampling.sampler import batches, stream
from ..training.plan import new_run
from ..training.session import Session
from ..training.trainer import Update
from .contender import Entry, Job
from .work import SEED, VALID

NEVER = -50.0  # score of EOS, so that streams go on
ENDLESS = 10**12  # characters


class Training(Job):
    """Updates of a session."""

    def __init__(self, entry: Entry):
        work, corpus = entry.work, entry.work.corpus
        config = TrainConfig(
            batch=work.batch,
            window=work.steps,
            schedule="constant",
            steps=10**9,
            every=10**9,
            valid=VALID,
            state="reset" if work.reset else "carry",
            seed=SEED,
            workers=entry.team,
        )
        symbols = len(corpus.split(VALID)[0])
        run = new_run(work.model.config, config, corpus.vocabulary, CorpusInfo(("random",), "", symbols), symbols)
        assert (run.config.batch, run.config.window) == (work.batch, work.steps)
        self.session, self.size = Session(run, corpus), work.characters

    def gradient(self) -> dict[str, np.ndarray]:
        self.run(1)
        return {name: m.copy() for name, m in self.session.run.moments[0].items()}

    def run(self, times: int) -> None:
        for _ in range(times):
            update = self.session.trainer.update()
            assert isinstance(update, Update), "random text led to a setback"


class Other(Job):
    """Evaluation or sampling."""

    def __init__(self, entry: Entry):
        work, rng, none = entry.work, np.random.default_rng(SEED), np.array([], np.int64)
        weights = work.weights()
        network = Network(work.model, weights, True if work.task == "evaluate" else work.reset)
        self.size = work.characters
        self.once: Callable[[], object]
        if work.task == "evaluate":
            ids = rng.integers(0, work.symbols, work.characters).astype(np.min_scalar_type(work.symbols - 1))
            self.once = partial(evaluate, network, ids, workers=entry.team)
            return
        weights["readout/c"][EOS] = NEVER
        config = SampleConfig(length=work.steps, count=work.batch, seed=SEED)
        if work.batch == 1:
            endless = replace(config, length=ENDLESS)
            symbols = stream(network, endless, rng, none, past_end=True, workers=entry.team)
            self.once = lambda: deque(islice(symbols, work.steps), maxlen=0)
        else:
            many = partial(batches, network, config, none, workers=entry.team)
            self.once = lambda: deque(many(), maxlen=0)

    def run(self, times: int) -> None:
        for _ in range(times):
            self.once()


def make(entry: Entry, rank: int, folder: Path) -> Job:
    return Training(entry) if entry.work.task == "train" else Other(entry)
