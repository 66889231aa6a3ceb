"""Lanes and windows: every symbol is predicted exactly once, from the one before it, and nothing wraps round."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn.data.batches import StreamBatches
from charnn.data.vocabulary import EOS
from charnn.tasks.fitting import fit_to_text

many = settings(max_examples=300, deadline=None, derandomize=True)
sizes = given(N=st.integers(1, 400), B=st.integers(1, 40), T=st.integers(1, 50))


def numbered(N: int, B: int, T: int) -> StreamBatches:
    """Lanes over the stream 1, 2, ..., N: a symbol says where it stands, and the one before it is one less, or EOS."""
    return StreamBatches(np.arange(1, N + 1, dtype=np.uint16), B, T)


def epoch(lanes: StreamBatches) -> list[tuple[np.ndarray, np.ndarray]]:
    return [lanes[i] for i in range(len(lanes))]


@many
@sizes
@example(N=1, B=1, T=1)
@example(N=3, B=5, T=2)  # fewer symbols than lanes
@example(N=20, B=5, T=2)  # no symbols left over
@example(N=24, B=5, T=4)  # all lanes but one are longer
def test_every_symbol_is_predicted_exactly_once(N: int, B: int, T: int) -> None:
    seen = np.concatenate([y.ravel() for _, y in epoch(numbered(N, B, T))])
    np.testing.assert_array_equal(np.sort(seen), np.arange(1, N + 1))


@many
@sizes
def test_what_is_read_is_what_was_to_be_predicted_one_symbol_earlier(N: int, B: int, T: int) -> None:
    for x, y in epoch(numbered(N, B, T)):
        assert x.shape == y.shape and x.dtype == y.dtype == np.uint16
        np.testing.assert_array_equal(x, y - 1)  # the first symbol of all is read as 0, which is EOS


@many
@sizes
def test_a_lane_goes_on_where_it_stopped(N: int, B: int, T: int) -> None:
    windows = epoch(numbered(N, B, T))
    for (_, before), (x, y) in pairwise(windows):
        rows = y.shape[1]
        assert rows <= before.shape[1]
        np.testing.assert_array_equal(x[0], before[-1, :rows])
    for _, y in windows:
        assert (np.diff(y.astype(int), axis=0) == 1).all()


@many
@sizes
def test_windows_are_full_up_to_the_last_ones(N: int, B: int, T: int) -> None:
    shapes = [y.shape for _, y in epoch(numbered(N, B, T))]
    length, extra = divmod(N, B)
    expected = [(T, B)] * (length // T) + [(length % T, B)] * (length % T > 0) + [(1, extra)] * (extra > 0)
    assert shapes == expected


def test_a_stream_starts_from_the_end_of_sequence_and_its_last_symbol_is_only_predicted() -> None:
    ids = np.array([3, 1, 0, 2, 2, 0, 5], np.uint8)
    x, y = StreamBatches(ids, 1, 100)[0]
    np.testing.assert_array_equal(y[:, 0], ids)
    np.testing.assert_array_equal(x[:, 0], [EOS, 3, 1, 0, 2, 2, 0])
    assert EOS == 0


def test_the_stream_is_not_changed_and_may_be_read_only() -> None:
    ids = np.arange(1, 51, dtype=np.uint8)
    ids.flags.writeable = False
    for x, y in epoch(StreamBatches(ids, 4, 3)):
        x[...] = 99
        y[...] = 99
    np.testing.assert_array_equal(ids, np.arange(1, 51))


def test_no_symbols_make_no_windows() -> None:
    assert len(StreamBatches(np.zeros(0, np.uint8), 4, 3)) == 0


@many
@given(symbols=st.integers(1, 10**7), batch=st.integers(1, 512), window=st.integers(1, 1024))
@example(symbols=1, batch=64, window=64)
@example(symbols=16, batch=64, window=64)
def test_fit_never_asks_for_more_than_was_given_or_is_there(symbols: int, batch: int, window: int) -> None:
    rows, steps = fit_to_text(symbols, batch, window)
    assert 1 <= rows <= batch
    assert 1 <= steps <= window
    assert rows * steps <= symbols


def test_fit_leaves_few_rows_their_steps() -> None:
    assert fit_to_text(30_000, 32, 64) == (16, 24)
    assert fit_to_text(30_000, 32, 30) == (12, 30)
    assert fit_to_text(30_000, 9, 36) == (9, 36)
    assert fit_to_text(30_000, 16, 64) == (16, 29)
    assert fit_to_text(30_000, 1, 64) == (1, 64)


def test_fit_leaves_a_long_stream_alone() -> None:
    assert fit_to_text(10**6, 32, 64) == (32, 64)
    assert fit_to_text(10**7, 128, 256) == (128, 256)


@many
@given(symbols=st.integers(2_000, 10**6), batch=st.integers(1, 512), window=st.integers(1, 512))
def test_fit_leaves_an_epoch_updates_to_learn_from(symbols: int, batch: int, window: int) -> None:
    rows, steps = fit_to_text(symbols, batch, window)
    assert len(StreamBatches(np.zeros(symbols, np.uint8), rows, steps)) >= 64
