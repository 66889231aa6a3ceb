"""The pieces that the task fill learns from: a text once an epoch, in an order that the number of the epoch tells."""

from pathlib import Path

import numpy as np
import pytest

import charnn
from charnn.config import TrainConfig
from charnn.tasks.fill import GapLayout


class Network:
    """What a layout asks a network for: a batch of rows."""

    network: "Network"

    def batch(self, rows: list[np.ndarray], *_: object) -> list[np.ndarray]:
        return rows


def layout(size: int, seed: int = 0) -> GapLayout:
    network = Network()
    network.network = network
    config = TrainConfig(batch=3, window=8, scheme="full", seed=seed)
    return GapLayout(np.arange(size), config, network, False)  # type: ignore[arg-type]


def read(made: GapLayout, epoch: int) -> np.ndarray:
    """All that an epoch reads, row by row."""
    return np.array(
        [row for index in range(len(made)) for rows in made.read(epoch, index, slice(None)) for row in rows]
    )


@pytest.mark.quick
@pytest.mark.parametrize("size", [16, 40, 100, 203])
def test_an_epoch_reads_each_symbol_once_but_some_at_both_ends(size: int) -> None:
    made = layout(size)
    rows = read(made, 2)
    assert rows.size == made.losses == len(np.unique(rows)) >= size - 2 * 8
    assert (np.diff(rows, axis=1) == 1).all() and np.ptp(rows) == rows.size - 1


@pytest.mark.quick
def test_an_epoch_has_an_order_of_its_own_which_its_number_tells() -> None:
    made = layout(203)
    first, second = read(made, 0), read(made, 1)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(read(made, 0), first)
    np.testing.assert_array_equal(read(layout(203), 1), second)
    assert not np.array_equal(read(layout(203, seed=1), 0), first)


@pytest.mark.quick
def test_workers_share_a_batch() -> None:
    made = layout(203)
    (whole,) = made.read(0, 1, slice(None))
    parts = [row for part in (slice(0, 2), slice(2, 3)) for rows in made.read(0, 1, part) for row in rows]
    np.testing.assert_array_equal(whole, parts)
    assert [*made.read(0, 1, slice(3, 4))] == []


@pytest.mark.quick
def test_a_text_without_a_gap_to_try_is_learnt_kept_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "tiny.txt"
    path.write_text("abcdefghijklmnopq\n", "utf-8")
    session = charnn.train(path, task="fill", runs=tmp_path, hidden=4, layers=1, steps=2, workers=1)
    for _ in session:
        pass
    run = charnn.load(tmp_path / "tiny")
    assert run.history[-1]["filled"] == run.origin.baselines["filled"] == 0
    assert len(charnn.fill(run, "ab_d")) == 4
