"""What training will need is known before it starts, and is about what it takes."""

from typing import Any

import numpy as np
import pytest

from charnn import machine
from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.errors import CharnnError
from charnn.nn.model import Model, PassContext
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.training import memory
from tests.helpers.snapshots import raises


def test_more_of_anything_needs_more() -> None:
    base = memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1))
    assert memory.needed(Model(ModelConfig(hidden=128, layers=2), 50), TrainConfig(workers=1)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=3), 50), TrainConfig(workers=1)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1, batch=64)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=2)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1, average=0.1)) > base
    tiny = Model(ModelConfig(hidden=4, layers=1), 50)
    few, many = (
        memory.needed(tiny, TrainConfig(workers=n)) for n in (memory.RESERVED_LISTS, 2 + memory.RESERVED_LISTS)
    )
    assert 2 * memory.LIST_BYTES < many - few < 2.2 * memory.LIST_BYTES


KINDS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "normalised": {"norm": "layer"},
    "gru, residual": {"cell": "gru", "residual": True, "skip": False},
    "elman, deep": {"cell": "elman", "layers": 3, "delay": 3, "recurrent_depth": 2},
    "jordan": {"cell": "jordan"},
    "half taught": {"feedback": "output", "teacher_forcing": "0.5"},
    "length": {"ending": "length"},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize(("steps", "rows"), [(64, 32), (25, 1), (20, 100)])
def test_small_windows_tell_what_large_ones_take(kind: dict[str, Any], steps: int, rows: int) -> None:
    model = Model(ModelConfig(**{"hidden": 48, "dropout": 0.4, **kind}), 50)
    p, ws, rng = Parameters(model.shapes()), Workspace(), np.random.default_rng(0)
    x = rng.integers(1, 50, (steps, rows))
    model.gradient(p, p.like(), Batch(x, x), model.zero_state(rows), PassContext(ws, rng))
    assert 0.7 * ws.peak < memory.window_bytes(model, steps, rows) < 1.2 * ws.peak


def test_what_cannot_fit_is_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    assert memory.check(Model(ModelConfig(hidden=64), 50), TrainConfig(workers=1)) < 10**9
    with raises(CharnnError, "1.0 GB", "--hidden"):
        memory.check(Model(ModelConfig(hidden=1_000_000), 50), TrainConfig(workers=1))


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "group_memory", lambda: 6_000_000)
    assert machine.available_memory() == 6_000_000
    monkeypatch.setattr(machine, "group_memory", lambda: None)
    assert (machine.available_memory() or 10**9) > 6_000_000


def test_limits_and_free_memory_are_seen() -> None:
    found = machine.available_memory()
    assert found is None or found > 10**6
