"""Public objects that hold arrays: each is equal to itself alone, so that lists and sets may hold them."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import charnn
from charnn.data.pairs import Ragged
from charnn.evaluation.labels import LabelScore
from tests.api.conftest import NAMES

PUBLIC: list[Any] = [Ragged, LabelScore, *(getattr(charnn, name) for name in charnn.__all__)]
ARRAYS = "ndarray", "Parameters", "Ragged"  # in the types of fields


def holds_arrays(kind: Any) -> bool:
    types = [str(spec.type) for spec in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    return any(array in name for array in ARRAYS for name in types)


@pytest.mark.parametrize("kind", [kind for kind in PUBLIC if holds_arrays(kind)])
def test_what_holds_arrays_is_equal_to_itself_alone(kind: Any) -> None:
    assert (kind.__eq__, kind.__hash__) == (object.__eq__, object.__hash__)


def test_runs_and_corpora_are_told_apart(runs: Path) -> None:
    for first, second in ([charnn.load(runs / "names") for _ in "ab"], [charnn.read(NAMES) for _ in "ab"]):
        assert first != second and first in [second, first] and len({first, second}) == 2  # type: ignore[comparison-overlap]
