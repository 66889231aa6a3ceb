"""What training will need is known before it starts, and is about what it takes."""

import pytest

from charnn import memory
from charnn.config import ModelConfig, TrainConfig
from charnn.errors import CharnnError
from charnn.model import Model


def test_more_of_anything_needs_more() -> None:
    base = memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1))
    assert memory.needed(Model(ModelConfig(hidden=128, layers=2), 50), TrainConfig(workers=1)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=3), 50), TrainConfig(workers=1)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1, batch=64)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=2)) > base
    assert memory.needed(Model(ModelConfig(hidden=64, layers=2), 50), TrainConfig(workers=1, average=0.1)) > base


def test_what_cannot_fit_is_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    assert memory.check(Model(ModelConfig(hidden=64), 50), TrainConfig(workers=1)) < 10**9
    with pytest.raises(CharnnError, match=r"needs [\d.]+ GB, and there are 1.0 GB: try a smaller --hidden"):
        memory.check(Model(ModelConfig(hidden=1_000_000), 50), TrainConfig(workers=1))


def test_limits_and_free_memory_are_seen() -> None:
    found = memory.available()
    assert found is None or found > 10**6
