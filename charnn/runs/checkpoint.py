"""A run in one self-contained .npz: header (JSON), weights/..., iterate/..., moments/<i>/..., state/<i>. No pickle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from ..choices import TASKS
from ..config import TEXT, ModelConfig, TaskConfig, TrainConfig
from ..errors import CheckpointError, UsageError
from ..io import npz
from ..io.text import POLICIES
from ..machine import environment
from ..nn.parameters import Parameters
from ..nn.tiling import Tilings
from ..options import renamed
from ..version import __version__
from .run import CorpusInfo, Run, Start, moment_names

FORMAT = "charnn model"
VERSION = 2  # of tasks other than text; those of text have version 1
KNOWN = {"step", "epoch", "train", "valid"}  # of each validation
MOST_FIGURES = 8  # that a task adds to a validation
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


def save(path: str | Path, run: Run, *, resumable: bool = True) -> None:
    """Write a run, durably; without what only resuming needs where that is not wanted. Raises `CharnnError`."""
    arrays = {f"weights/{name}": w for name, w in run.weights.items()}
    if resumable:
        for i, moment in enumerate(run.moments):
            arrays |= {f"moments/{i}/{name}": m for name, m in moment.items()}
        arrays |= {f"state/{i}": s for i, s in enumerate(run.state)}
        arrays |= {f"iterate/{name}": w for name, w in (run.iterate or {}).items()}
    header = {
        "format": FORMAT,
        "version": VERSION if run.task != TEXT else 1,
        "charnn": __version__,
        "environment": environment(),
        "model": asdict(run.model.config),
        "train": asdict(run.config),
        "vocabulary": asdict(run.vocabulary),
        "origin": asdict(run.origin),
        **{stored: getattr(run, name) for stored, name in COUNTERS.items()},
        "history": run.history,
        "products": run.tilings.dump(),
    }
    if run.start:
        header["start"] = asdict(run.start)
    if run.task != TEXT:
        header["task"] = asdict(run.task)
    header["digest"] = digest(header, arrays)
    npz.write(path, {"header": npz.json_array(header), **arrays})


def load(path: str | Path) -> Run:
    """Read a run; one saved as not resumable has no moments and no state. Raises `CheckpointError`, `CharnnError`."""
    arrays = npz.read(path)
    header = npz.json_value(path, arrays.pop("header", None))
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a charnn model: {header.get('format')!s:.40}")
    if not isinstance(header.get("version"), int) or header["version"] > VERSION:
        raise CheckpointError(f"{path} needs charnn >= {header.get('charnn')!s:.20}: a newer one wrote it")
    if header.pop("digest", None) != digest(header, arrays):
        raise CheckpointError(f"{path} is truncated or corrupt: its digest is not that of its content")
    try:
        return _run(path, header, arrays)
    except UsageError as error:
        raise CheckpointError(f"{path} is corrupt: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise CheckpointError(f"{path} is corrupt: {error!r}") from None


def digest(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over the header and every array's name, type, shape and bytes."""
    sha = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _run(path: str | Path, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Run:
    task = TaskConfig(**typed(TaskConfig, header.get("task", {})))
    vocabulary = TASKS[task.task].vocabulary.load()(path, header["vocabulary"])
    model = TASKS[task.task].network.load()(ModelConfig(**_model_options(header["model"])), task, vocabulary)
    config = TrainConfig(**typed(TrainConfig, _present(header["train"])))
    origin = _origin(header["origin"])
    resumable = any(name.startswith("moments/") for name in arrays)
    rules = moment_names(config) if resumable else ()
    averaged = resumable and config.average > 0
    vectors = ["weights", *(f"moments/{i}" for i in range(len(rules))), *(["iterate"] if averaged else [])]
    expected = {f"{vector}/{name}": shape for vector in vectors for name, shape in model.shapes().items()}
    if resumable:
        expected |= {f"state/{i}": (config.batch, n) for i, n in enumerate(model.state_sizes)}
    _compare(path, expected, arrays)
    weights = _parameters(model, arrays, "weights/")
    moments = tuple(_parameters(model, arrays, f"moments/{i}/") for i in range(len(rules)))
    state = tuple(arrays[f"state/{i}"].copy() for i in range(len(model.state_sizes))) if resumable else ()
    iterate = _parameters(model, arrays, "iterate/") if averaged else None
    counters = {name: header[stored] for stored, name in COUNTERS.items()}
    rest = typed(Run, {**counters, **{name: header[name] for name in ("history", "environment")}})
    if any(map(_is_no_record, rest["history"])):
        raise ValueError("a history that is none")
    if wrong := [name for name in counters if rest[name] is not None and not 0 <= rest[name] < 2**63]:
        raise ValueError(f"{wrong[0]} is {rest[wrong[0]]}")
    tilings = Tilings.load(header.get("products", {}))
    if rest["environment"] != environment():  # another machine has others
        tilings = Tilings()
    rest |= {"start": _start(header["start"]) if "start" in header else None, "task": task, "tilings": tilings}
    return Run(model, config, vocabulary, origin, weights, moments, state, iterate, **rest)


def _origin(value: Any) -> CorpusInfo:
    """A corpus in a header. Raises `ValueError`, `KeyError`, `TypeError`."""
    found = typed(CorpusInfo, value)
    origin = CorpusInfo(**{**found, "names": tuple(found["names"])})
    if not origin.names or origin.invalid not in POLICIES:
        raise ValueError("a corpus that is none")
    return origin


def _start(value: Any) -> Start:
    """The network that a run started from, in a header. Raises as `_origin`."""
    origin, task = _origin(value["origin"]), TaskConfig(**typed(TaskConfig, value["task"]))
    found = typed(Start, {name: item for name, item in value.items() if name not in ("origin", "task")})
    return Start(**{**found, "new": tuple(found["new"])}, origin=origin, task=task)


def _is_no_record(record: dict[str, float]) -> bool:
    """Whether a validation's record lacks what all have, or has more than the few figures of a task."""
    return not record.keys() >= KNOWN or len(record) > len(KNOWN) + MOST_FIGURES


def typed(kind: type, values: Any) -> dict[str, Any]:
    """Values for a dataclass' fields, each of the type it has there. Raises `ValueError`, `KeyError`."""
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} is {values!r:.40}")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if not _is(value, hints[name]):
            raise ValueError(f"{name} is {value!r:.40}")
    return dict(values)


def _is(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of a type; a number must be finite, and may be an integer for a float."""
    inner = get_args(hint)
    if get_origin(hint) is UnionType:
        return any(_is(value, one) for one in inner)
    if get_origin(hint) in (list, tuple):
        return isinstance(value, list) and all(_is(item, inner[0]) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_is(item, inner[1]) for item in value.values())
    if hint is float:
        return type(value) in (int, float) and isfinite(value)
    return type(value) is hint


def _compare(path: str | Path, expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, np.ndarray]) -> None:
    """The arrays must be those that the configuration asks for: no more, no fewer, with its shapes."""
    for name in sorted(expected.keys() | arrays.keys()):
        there = f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "nothing"
        wanted = f"float32 {expected[name]}" if name in expected else "nothing"
        if there != wanted:
            raise CheckpointError(f"{path} is corrupt: {name} should be {wanted}, and is {there}")


def _parameters(model: Any, arrays: Mapping[str, np.ndarray], prefix: str) -> Parameters:
    p = Parameters(model.shapes())
    for name in p:
        p[name] = arrays[prefix + name]
    return p


def _model_options(values: Any) -> dict[str, Any]:
    """Options of a network. Before there was `delay_to`, a delay led to the first layer of a step."""
    found = typed(ModelConfig, values)
    if "delay_to" not in found and (found.get("delay") or 1) > 1 and (found.get("recurrent_depth") or 1) > 1:
        found["delay_to"] = "first"
    return found


def _present(values: Any) -> Any:
    """Options of training by their present names, whichever version wrote them."""
    return renamed(values, TrainConfig) if isinstance(values, dict) else values
