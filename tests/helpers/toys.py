"""Toy texts, and runs that are trained on them."""

from pathlib import Path
from typing import Any

import numpy as np

from charnn.config import ModelConfig, TrainConfig
from charnn.data.corpus import Corpus
from charnn.data.vocabulary import Vocabulary
from charnn.nn import optimizers
from charnn.nn.model import Model
from charnn.nn.workspace import aligned
from charnn.runs.run import CorpusInfo, Run
from charnn.training import session
from charnn.training.plan import lay_out
from charnn.training.session import Session
from charnn.training.trainer import Trainer, Update

LETTERS = "abcdefgh"
V = len(LETTERS) + 1
TRAIN: dict[str, Any] = {
    "batch": 4,
    "window": 8,
    "scheme": "truncated",
    "stride": None,
    "cut_probability": None,
    "optimizer": "adam",
    "rate": 0.01,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "clip": 1.0,
    "schedule": "constant",
    "warmup": 0.0,
    "final_rate": 0.1,
    "average": 0.0,
    "epochs": None,
    "steps": 1000,
    "minutes": None,
    "patience": 0,
    "validate_every": 7,
    "valid_share": 0.2,
    "state": "auto",
    "seed": 1,
    "workers": 1,
}
MODEL: dict[str, Any] = {
    "cell": "elman",
    "hidden": 12,
    "layers": 1,
    "activation": "tanh",
    "skip": False,
    "dropout": 0.0,
    "dropout_kind": "standard",
    "recurrence": None,
    "delay": None,
    "recurrent_depth": None,
    "delay_to": None,
    "delay_only": None,
    "feedforward_depth": 1,
    "residual": False,
    "decay": None,
    "feedback": "none",
    "teacher_forcing": "1.0",
    "norm": None,
    "init_scale": 1.0,
    "bias": True,
    "loss": "cross-entropy",
}


def options(given: dict[str, Any]) -> tuple[ModelConfig, TrainConfig]:
    unknown = given.keys() - MODEL.keys() - TRAIN.keys()
    assert not unknown
    return (
        ModelConfig(**{name: given.get(name, value) for name, value in MODEL.items()}),
        TrainConfig(**{name: given.get(name, value) for name, value in TRAIN.items()}),
    )


def vocabulary(sequence: str = "line", letters: str = LETTERS) -> Vocabulary:
    return Vocabulary(tuple(sorted(map(ord, letters))), sequence)


def text(symbols: int, seed: int = 0) -> np.ndarray:
    """Ids without much sense: lines of two to nine letters, each letter near the one before."""
    rng = np.random.default_rng(seed)
    ids: list[int] = []
    while len(ids) < symbols:
        start, length = rng.integers(1, V), rng.integers(2, 10)
        ids += [*((start + rng.integers(0, 3, length).cumsum()) % (V - 1) + 1).tolist(), 0]
    return np.array(ids[:symbols], np.uint8)


def start(sequence: str = "line", **given: Any) -> Run:
    """A run exactly as configured, however long the text."""
    model, config = options(given)
    network = Model(model, V)
    weights = network.initial(np.random.default_rng(config.seed))
    moments = tuple(weights.like() for _ in optimizers.make(config).moments)
    iterate = weights.moved(aligned) if config.average else None
    state, origin = network.zero_state(config.batch), CorpusInfo(("toy",), "", 0)
    return Run(network, config, vocabulary(sequence), origin, weights, moments, state, iterate)


def corpus(ids: np.ndarray, words: Vocabulary | None = None) -> Corpus:
    return Corpus(ids, words or vocabulary(), (), ("toy",), "0" * 64)


def begin(where: Path | None = None, symbols: int = 4000, sequence: str = "line", **given: Any) -> Session:
    return session.begin(corpus(text(symbols), vocabulary(sequence)), *options(given), where, "toy")


def trainer_of(run: Run, ids: np.ndarray, *more: Any) -> Trainer:
    """What trains a run, exactly as configured, on a text; `more` are a group and a clock."""
    return Trainer(run, lay_out(run.model, run.config, run.vocabulary, ids, ids[:0]), *more)


def updates(trainer: Trainer, count: int) -> list[Update]:
    found = [trainer.update() for _ in range(count)]
    assert all(isinstance(event, Update) for event in found)
    return found  # type: ignore[return-value]


def vectors(run: Run) -> list[np.ndarray]:
    iterate = [run.iterate.flat] if run.iterate else []
    return [run.weights.flat, *iterate, *(moment.flat for moment in run.moments), *run.state]


def assert_same(run: Run, other: Run) -> None:
    for a, b in zip(vectors(run), vectors(other), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in (
        "step",
        "epoch",
        "cursor",
        "rate_factor",
        "rollbacks",
        "nats",
        "count",
        "best",
        "best_step",
        "bad_validations",
    ):
        assert getattr(run, name) == getattr(other, name), name
    assert run.history == other.history


def losses(**given: Any) -> list[float]:
    """Nats per character of eight updates."""
    trainer = trainer_of(start(**given), text(2000))
    return [update.nats / update.count for update in updates(trainer, 8)]
