"""What training will need is known before it starts, and is about what it takes."""

from pathlib import Path

import pytest

from charnn import machine
from charnn.config import ModelConfig, TrainConfig
from charnn.errors import CharnnError
from charnn.nn.model import Model
from charnn.training import memory
from tests.helpers.snapshots import raises


def test_more_of_anything_needs_more() -> None:
    base = memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1))
    assert memory.needed(Model(ModelConfig(hidden=128, layers=2), 50), TrainConfig(workers=1)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=3), 50), TrainConfig(workers=1)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1, batch=64)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=2)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1, average=0.1)) > base


def test_what_cannot_fit_is_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    assert memory.check(Model(ModelConfig(hidden=64), 50), TrainConfig(workers=1)) < 10**9
    with raises(CharnnError, "1.0 GB", "--hidden"):
        memory.check(Model(ModelConfig(hidden=1_000_000), 50), TrainConfig(workers=1))


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"max": "9000000\n", "current": "5000000\n", "stat": "anon 1\ninactive_file 2000000\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.available_memory() == 6_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert (machine.available_memory() or 10**9) > 6_000_000


def test_limits_and_free_memory_are_seen() -> None:
    found = machine.available_memory()
    assert found is None or found > 10**6
