"""What the header of a checkpoint says of a run, every value of it checked."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..choices import TASKS
from ..config import TEXT, ModelConfig, TaskConfig, TrainConfig
from ..data.vocabulary import MIN_SYMBOLS
from ..io.header import typed
from ..io.text import POLICIES
from ..machine import environment
from ..nn.parameters import Parameters
from ..nn.tiling import Tilings
from ..options import renamed
from .run import CorpusInfo, Run, Start, moment_names

# What every file has, since version 0.1, by its present name
MODEL = [
    "cell",
    "hidden",
    "layers",
    "activation",
    "skip",
    "dropout",
    "dropout_kind",
    "feedforward_depth",
    "residual",
    "feedback",
    "teacher_forcing",
    "recurrence",
    "delay",
    "recurrent_depth",
    "decay",
]
TRAIN = [
    "batch",
    "window",
    "scheme",
    "stride",
    "cut_probability",
    "optimizer",
    "rate",
    "momentum",
    "weight_decay",
    "clip",
    "schedule",
    "warmup",
    "final_rate",
    "epochs",
    "steps",
    "minutes",
    "patience",
    "validate_every",
    "valid_share",
    "state",
    "seed",
    "workers",
]
ORIGIN = "names", "sha256", "symbols", "invalid", "baselines"
RECORD = {"step", "epoch", "train", "valid"}  # of each validation
MAX_FIGURES = 8  # that a task adds to a validation, or that it names to beat
BASELINES = {"uniform", "unigram", "bigram", "ngram", "order", "counted"}  # of a text
MAX_ORDER = 64
ABSENT: dict[str | None, dict[str, Any]] = {"classify": {"reading_loss": 0.0}}  # options that older files know not
NO_CORPUS = CorpusInfo(("-",), "", 0)  # of a network that was trained elsewhere
COUNTERS = {  # the names in a file's header, which are those of version 0.1, of a run's fields
    "step": "step",
    "epoch": "epoch",
    "cursor": "cursor",
    "seconds": "seconds",
    "scale": "rate_factor",
    "setbacks": "rollbacks",
    "nats": "nats",
    "count": "count",
    "best": "best",
    "best_step": "best_step",
    "stale": "bad_validations",
}


@dataclass(frozen=True)
class Frame:
    """What a header says of a run, and so which arrays with which shapes belong to it."""

    task: TaskConfig
    model: Any
    config: TrainConfig
    vocabulary: Any
    origin: CorpusInfo
    resumable: bool
    rest: dict[str, Any]  # more of a run's fields

    @property
    def expected(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array by its name."""
        vectors = ["weights", *self._moments, *(["iterate"] if self._averaged else [])]
        found = {f"{vector}/{name}": shape for vector in vectors for name, shape in self.model.shapes().items()}
        sizes = self.model.state_sizes if self.resumable else ()
        return found | {f"state/{i}": (self.config.batch, n) for i, n in enumerate(sizes)}

    @property
    def _moments(self) -> list[str]:
        return [f"moments/{i}" for i in range(len(moment_names(self.config)))] if self.resumable else []

    @property
    def _averaged(self) -> bool:
        return self.resumable and self.config.average > 0

    def run(self, arrays: Mapping[str, np.ndarray]) -> Run:
        """The run, with these arrays copied into it."""

        def vector(prefix: str) -> Parameters:
            p = Parameters(self.model.shapes())
            for name in p:
                p[name] = arrays[f"{prefix}/{name}"]
            return p

        moments, iterate = tuple(map(vector, self._moments)), vector("iterate") if self._averaged else None
        state = tuple(arrays[f"state/{i}"].copy() for i in range(len(self.model.state_sizes) if self.resumable else 0))
        fixed = (self.model, self.config, self.vocabulary, self.origin)
        return Run(*fixed, vector("weights"), moments, state, iterate, task=self.task, **self.rest)


def understand(path: str | Path, header: dict[str, Any], names: Collection[str]) -> Frame:
    """A header understood, with every value checked. Raises `UsageError`, `KeyError`, `TypeError`, `ValueError`."""
    told = typed(TaskConfig, header.get("task", {}))
    task = TaskConfig(**{**ABSENT.get(told.get("task"), {}), **told})
    vocabulary = TASKS[task.task].vocabulary.load()(path, header.get("vocabulary"))
    shape = ModelConfig(**model_options(header["model"], MODEL))
    config = TrainConfig(**train_options(header["train"], TRAIN))
    origin = read_origin(header["origin"], task)
    counters = {name: header[stored] for stored, name in COUNTERS.items()}
    rest = typed(Run, {**counters, **{name: header[name] for name in ("history", "environment")}})
    if not all(map(_is_record, rest["history"])):
        raise ValueError("a history that is none")
    if wrong := [name for name in counters if rest[name] is not None and not plausible(rest[name])]:
        raise ValueError(f"{wrong[0]} is {rest[wrong[0]]}")
    if not isinstance(header["charnn"], str):
        raise ValueError(f"charnn is {header['charnn']!r:.40}")
    resumable = any(name.startswith("moments/") for name in names)
    if (
        resumable
        and rest["best"] is not None
        and all(record["step"] != rest["best_step"] for record in rest["history"])
    ):
        raise ValueError("a best validation that is not in the history")
    if shape.dropout is None or (resumable and None in (config.validate_every, config.workers)):
        raise ValueError("an option that was never decided")
    rest |= {"start": _start(header.get("start")), "tilings": _tilings(header.get("products", {}), rest)}
    model = TASKS[task.task].network.load()(shape, task, vocabulary)
    return Frame(task, model, config, vocabulary, origin, resumable, rest)


def model_options(values: Any, needed: Iterable[str] = ()) -> dict[str, Any]:
    """Options of a network, of their types, with all that are `needed`. Raises `ValueError`.

    Before there was `delay_to`, a delay led to the first layer of a step.
    """
    found = typed(ModelConfig, values, needed)
    if "delay_to" not in found and (found.get("delay") or 1) > 1 and (found.get("recurrent_depth") or 1) > 1:
        found["delay_to"] = "first"
    return found


def train_options(values: Any, needed: Iterable[str] = ()) -> dict[str, Any]:
    """Options of training, by their present names, whichever version wrote them. Raises as `model_options`."""
    return typed(TrainConfig, renamed(values, TrainConfig) if isinstance(values, dict) else values, needed)


def _is_record(record: dict[str, float]) -> bool:
    """Whether a validation's record has what all have, and no more than the few figures of a task."""
    return (
        record.keys() >= RECORD
        and len(record) <= len(RECORD) + MAX_FIGURES
        and all(plausible(record[name]) for name in RECORD)
    )


def plausible(value: float) -> bool:
    """Whether a number may be a count or a loss."""
    return 0 <= value < 2**63


def _start(value: Any) -> Start | None:
    """The network that a run started from. Raises as `understand`."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"start is {value!r:.40}")
    task = TaskConfig(**typed(TaskConfig, value["task"]))
    found = typed(Start, {name: item for name, item in value.items() if name not in ("origin", "task")})
    return Start(**{**found, "new": tuple(found["new"])}, origin=read_origin(value["origin"], task), task=task)


def _tilings(value: Any, rest: dict[str, Any]) -> Tilings:
    """How products are cut, if this is the machine that it was measured on. Raises `ValueError`."""
    found = Tilings.load(value)
    return found if found and rest["environment"] == environment() else Tilings()


def read_origin(value: Any, task: TaskConfig) -> CorpusInfo:
    """Facts of some corpus, or that none is known. Raises `KeyError`, `TypeError`, `ValueError`."""
    found = typed(CorpusInfo, value, needed=ORIGIN)
    origin = CorpusInfo(**{**found, "names": tuple(found["names"])})
    if _is_unknown(origin):
        return origin
    if not all(origin.names) or not origin.names or origin.invalid not in POLICIES:
        raise ValueError("a corpus that is none")
    if not re.fullmatch("[0-9a-f]{64}", origin.sha256) or origin.symbols < 1:
        raise ValueError("a corpus that is none")
    if len(origin.baselines) > MAX_FIGURES or not all(map(plausible, origin.baselines.values())):
        raise ValueError("baselines that are none")
    if task == TEXT:
        _check_text(origin)
    return origin


def _check_text(origin: CorpusInfo) -> None:
    """Raise `ValueError` unless a corpus is a text that is long enough, with all that counting makes of it."""
    found = origin.baselines
    if origin.symbols < MIN_SYMBOLS:
        raise ValueError("a corpus that is none")
    if found.keys() != BASELINES or not 1 <= found["order"] <= MAX_ORDER or found["counted"] > origin.symbols:
        raise ValueError("baselines that are none")


def _is_unknown(origin: CorpusInfo) -> bool:
    return replace(origin, baselines={}) == NO_CORPUS and origin.baselines.keys() == {"uniform"}
