"""Samples against the network's own distribution, and ways of drawing against their definitions."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charnn.config import ModelConfig, SampleConfig
from charnn.nn.functions import ignore_overflow
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from charnn.sampling import sampler
from charnn.sampling.endings import primed_stepper
from charnn.sampling.sampler import (
    MAX_BATCH,
    MAX_SYMBOLS_FOR_SUMS,
    MIN_ROWS_FOR_SUMS,
    MIN_SAMPLES_FOR_TWO,
    NOISE_AHEAD,
    GumbelSampler,
    Sample,
    batches,
    generate,
    noise,
    probabilities,
    stream,
)

V = 6
MODEL = Model(ModelConfig("elman", 8, 2, "relu", skip=True, dropout=0.5), V)
WEIGHTS = MODEL.initial(np.random.default_rng(3))
NOTHING = np.zeros(0, np.int64)


def config(**given: Any) -> SampleConfig:
    return SampleConfig(**{"temp": 1.0, "top_k": 0, "top_p": 1.0, "length": 50, "count": 1, **given})


def scores(symbols: list[int]) -> np.ndarray:
    """Scores of what follows EOS and these symbols, read step by step from the zero state. (V,)"""
    state = MODEL.zero_state(1)
    o = np.zeros((1, V))
    for symbol in [0, *symbols]:
        o, after = MODEL.step(WEIGHTS, np.array([symbol]), state, Workspace())
        o, state = o.copy(), tuple(s.copy() for s in after)
    return o[0].astype(np.float64)


def softmax(o: np.ndarray) -> np.ndarray:
    return np.exp(o - o.max()) / np.exp(o - o.max()).sum()


def assert_drawn_from(p: np.ndarray, drawn: np.ndarray) -> None:
    """Pearson's chi-square: far beyond what chance would do, about once in a million, is a failure."""
    counts = np.bincount(drawn, minlength=len(p))
    assert len(counts) == len(p) and not counts[p == 0].any()
    expected = p * len(drawn)
    rare = expected < 5  # taken together
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum() + 1e-9)
    freedom = len(expected) - 1
    assert freedom > 2
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 5 * math.sqrt(2 * freedom) + 10


# Distributions

vectors = st.lists(st.integers(-80, 80).map(lambda n: n / 10), min_size=2, max_size=8)  # often equal ones


def brute_force(o: np.ndarray, temp: float, top_k: int, top_p: float) -> np.ndarray | None:
    """The docstring's definition, symbol by symbol; of equal ones the first is the likelier. None where it is close."""
    p = softmax(o / temp)
    order = sorted(range(len(p)), key=lambda v: (-p[v], v))
    kept = order[:top_k] if top_k else order
    nucleus: list[int] = []
    whole = sum(p[v] for v in kept)
    for v in kept:
        reached = sum(p[u] for u in nucleus) / whole
        if abs(reached - top_p) < 1e-9:
            return None
        if reached > top_p:
            break
        nucleus.append(v)
    return np.array([p[v] if v in nucleus else 0.0 for v in range(len(p))]) / sum(p[v] for v in nucleus)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(vectors, st.sampled_from([0.1, 0.5, 1.0, 1.7, 10.0]), st.integers(0, 9), st.floats(0.01, 0.999))
def test_temperature_top_k_and_top_p_are_their_definitions(o: list[float], temp: float, k: int, p: float) -> None:
    rows = np.array([o, o[::-1], [0.0] * len(o)])
    found = probabilities(rows, config(temp=temp, top_k=k, top_p=p))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    for row, each in zip(rows, found, strict=True):
        expected = brute_force(row, temp, k, p)
        if expected is not None:
            np.testing.assert_allclose(each, expected, atol=1e-12)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(vectors)
def test_without_any_of_them_it_is_the_softmax(o: list[float]) -> None:
    row = np.array([o], np.float32)
    np.testing.assert_allclose(probabilities(row, config())[0], softmax(row[0].astype(np.float64)), rtol=1e-12)


def test_temperature_scales_the_scores() -> None:
    o = np.log([[0.5, 0.3, 0.2]])
    np.testing.assert_allclose(probabilities(o, config(temp=0.5))[0], np.array([25, 9, 4]) / 38)
    np.testing.assert_allclose(probabilities(o, config(temp=1e6))[0], 1 / 3, atol=1e-6)
    np.testing.assert_allclose(probabilities(o, config(temp=1e-3))[0], [1, 0, 0], atol=1e-12)


def test_top_k_keeps_the_k_likeliest() -> None:
    o = np.log([[0.1, 0.4, 0.2, 0.3]])
    np.testing.assert_allclose(probabilities(o, config(top_k=2))[0], [0, 4 / 7, 0, 3 / 7])
    np.testing.assert_allclose(probabilities(o, config(top_k=1))[0], [0, 1, 0, 0])
    for k in (0, 4, 100):
        np.testing.assert_allclose(probabilities(o, config(top_k=k))[0], [0.1, 0.4, 0.2, 0.3])


def test_top_p_keeps_the_fewest_that_reach_the_share() -> None:
    o = np.log([[0.1, 0.4, 0.2, 0.3]])
    for p, kept in ((0.01, [1]), (0.39, [1]), (0.41, [1, 3]), (0.69, [1, 3]), (0.71, [1, 3, 2]), (0.91, [1, 3, 2, 0])):
        assert np.flatnonzero(probabilities(o, config(top_p=p))[0]).tolist() == sorted(kept), p


def test_top_p_stops_where_the_share_is_reached_exactly() -> None:
    np.testing.assert_array_equal(probabilities(np.zeros((1, 2)), config(top_p=0.5)), [[1, 0]])


def test_top_p_is_a_share_of_what_top_k_left() -> None:
    o = np.log([[0.1, 0.4, 0.2, 0.3]])
    found = probabilities(o, config(top_k=2, top_p=0.56))  # 4/7 = 0.571 reaches it
    np.testing.assert_allclose(found[0], [0, 1, 0, 0])


def test_temperature_zero_is_the_likeliest_the_first_of_equals() -> None:
    o = np.array([[1.0, 3.0, 3.0], [-5.0, -6.0, -7.0]])
    np.testing.assert_array_equal(probabilities(o, config(temp=0, top_k=2, top_p=0.5)), [[0, 1, 0], [1, 0, 0]])


def test_huge_scores_do_not_overflow_and_scores_are_not_changed() -> None:
    o = np.array([[1e30, -1e30, 0], [88.0, 89.0, 90.0]], np.float32)
    before = o.copy()
    for temp in (0.0, 0.01, 1.0, 100.0):
        found = probabilities(o, config(temp=temp, top_p=0.9))
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert found[0, 0] == 1
    np.testing.assert_array_equal(o, before)


# Drawing


def test_noise_is_gumbels() -> None:
    """Its mean is Euler's constant, its variance pi^2 / 6, and exp(-exp(-x)) of it is below x."""
    g = noise(np.random.default_rng(0), (400, 500)).ravel()
    assert g.dtype == np.float32
    assert g.mean() == pytest.approx(np.euler_gamma, abs=5 * math.pi / math.sqrt(6 * g.size))
    assert g.var() == pytest.approx(math.pi**2 / 6, rel=0.03)
    for x in (-1.0, 0.0, 1.0, 3.0):
        assert (g < x).mean() == pytest.approx(math.exp(-math.exp(-x)), abs=0.005)


def test_the_largest_of_scores_and_noise_follows_their_softmax() -> None:
    p = np.array([0.05, 0.5, 0.0, 0.15, 0.3])
    with np.errstate(divide="ignore"):
        o = np.log(p).astype(np.float32)
    assert_drawn_from(p, (o + noise(np.random.default_rng(0), (20_000, 5))).argmax(axis=1))


EXTREMES = [0.0, 1e-45, 1e-30, 1.0, 100.0]  # of an exponential variable: noise from infinity to -4.6


@settings(max_examples=200, deadline=None, derandomize=True)
@given(vectors, st.data(), st.integers(1, 3), st.sampled_from([0.1, 0.9, 1.0]))
def test_what_has_no_probability_is_never_drawn(o: list[float], data: st.DataObject, k: int, top_p: float) -> None:
    rows = np.array([o, o[::-1]])
    e = data.draw(st.lists(st.sampled_from(EXTREMES), min_size=rows.size, max_size=rows.size))
    rng: Any = SimpleNamespace(standard_exponential=lambda shape, dtype: np.resize(np.array(e, dtype), shape))
    weights: Any = {"readout/c": np.zeros(len(o), np.float32)}
    model: Any = SimpleNamespace(symbols=len(o))
    limits = config(top_k=k, top_p=top_p)
    drawn = GumbelSampler(Network(model, weights, False), limits, rng, 2)(rows.astype(np.float32))
    assert (probabilities(rows, limits)[np.arange(2), drawn] > 0).all()


def draws(o: np.ndarray, c: np.ndarray, seed: int = 0) -> GumbelSampler:
    """For as many streams as o (rows, V) has rows."""
    model: Any = SimpleNamespace(symbols=len(c))
    network = Network(model, {"readout/c": c.astype(np.float32)}, False)  # type: ignore[arg-type]
    return GumbelSampler(network, config(), np.random.default_rng(seed), len(o))


@pytest.mark.long
@pytest.mark.parametrize("count", [MIN_ROWS_FOR_SUMS - 1, MIN_ROWS_FOR_SUMS, 64])
@pytest.mark.parametrize("symbols", [5, MAX_SYMBOLS_FOR_SUMS, MAX_SYMBOLS_FOR_SUMS + 1])
def test_symbols_follow_the_softmax_however_many_rows_there_are(count: int, symbols: int) -> None:
    rng = np.random.default_rng(count)
    o, c = np.repeat(rng.normal(size=(1, symbols)), count, axis=0).astype(np.float32), rng.normal(size=symbols)
    draw = draws(o, c)
    assert (draw.sums is not None) == (count >= MIN_ROWS_FOR_SUMS and symbols <= MAX_SYMBOLS_FOR_SUMS)
    drawn = np.concatenate([draw(o) for _ in range(40_000 // count)])
    assert_drawn_from(softmax(o[0] + c), drawn)


def test_each_row_has_scores_and_a_random_number_of_its_own() -> None:
    o = np.where(np.eye(MIN_ROWS_FOR_SUMS, dtype=bool), 20, -20).astype(np.float32)
    assert draws(o, np.zeros(MIN_ROWS_FOR_SUMS))(o).tolist() == list(range(MIN_ROWS_FOR_SUMS))
    assert len(set(draws(o, np.zeros(MIN_ROWS_FOR_SUMS))(0 * o).tolist())) > 5


HUGE = {  # scores and what is added to them, where exponentials or their sums are 0 or infinite: who may be drawn
    "some impossible": ([-math.inf, 0, -math.inf, 0, -200], [0] * 5, {1, 3}),
    "all large": ([500, 501, 400, -500, 0], [0] * 5, {0, 1}),
    "all small": ([-500, -501, -600, -900, -700], [0] * 5, {0, 1}),
    "some never": ([0, 1, 2, 3, 4], [0, -300, 0, -math.inf, 0], {0, 2, 4}),
    "added up": ([-60, -60, 60, 60, 0], [-60, 60, -60, 60, 0], {3}),
}


@pytest.mark.parametrize("name", HUGE)
def test_numbers_out_of_all_bounds_are_drawn_as_the_softmax_says(name: str) -> None:
    scores, more, allowed = HUGE[name]
    o = np.repeat(np.array([scores], np.float32), 32, axis=0)
    with ignore_overflow():
        draw = draws(o, np.array(more))
        drawn = np.concatenate([draw(o) for _ in range(300)])
    assert set(drawn.tolist()) == allowed


# Samples


def samples(
    count: int, prime: np.ndarray = NOTHING, seed: int = 0, *, reset: bool = False, **given: Any
) -> list[Sample]:
    return generate(Network(MODEL, WEIGHTS, reset), config(count=count, **given), np.random.default_rng(seed), prime)


def streamed(
    seed: int | np.random.Generator = 0,
    prime: np.ndarray = NOTHING,
    *,
    reset: bool = False,
    **given: Any,
) -> Iterator[int]:
    rng = np.random.default_rng(seed)
    return stream(Network(MODEL, WEIGHTS, reset), config(**given), rng, prime)


def first_symbols(found: list[Sample]) -> np.ndarray:
    return np.array([sample.ids[0] if len(sample.ids) else 0 for sample in found])


def test_the_first_symbol_is_drawn_from_what_follows_an_end_in_the_zero_state() -> None:
    p = softmax(scores([]))
    assert_drawn_from(p, first_symbols(samples(5000, length=1)))
    rng = np.random.default_rng(1)
    drawn = [next(streamed(rng, length=1)) for _ in range(2000)]
    assert_drawn_from(p, np.array(drawn))


@pytest.mark.parametrize("prime", [[3], [2, 0, 4], [1, 1, 5, 2]], ids=str)
def test_a_prime_is_read_from_an_end_and_the_zero_state_before_anything_is_drawn(prime: list[int]) -> None:
    p = softmax(scores(prime))
    assert np.abs(p - softmax(scores([]))).max() > 0.02
    assert_drawn_from(p, first_symbols(samples(4000, np.array(prime), length=1)))
    rng = np.random.default_rng(1)
    drawn = [next(streamed(rng, np.array(prime), length=1)) for _ in range(1000)]
    assert_drawn_from(p, np.array(drawn))


def test_later_symbols_are_drawn_from_what_follows_the_earlier_ones() -> None:
    found = samples(20_000, length=3)
    texts = [(*sample.ids.tolist(), *[0] * sample.ended) for sample in found]
    for length in (1, 2):
        starts = Counter(text[:length] for text in texts if len(text) > length)
        for start, count in starts.most_common(4):
            assert count > 200
            following = [text[length] for text in texts if text[:length] == start]
            assert_drawn_from(softmax(scores(list(start))), np.array(following))


def test_temperature_and_top_k_reach_the_samples() -> None:
    p = probabilities(scores([])[None], config(temp=0.5, top_k=3))[0]
    assert np.count_nonzero(p) == 3
    assert_drawn_from(p, first_symbols(samples(3000, length=1, temp=0.5, top_k=3)))


def test_greedy_is_the_likeliest_at_every_step_whatever_the_seed() -> None:
    expected: list[int] = []
    while len(expected) < 30:
        expected.append(int(scores(expected).argmax()))
    for seed in (0, 1):
        assert list(streamed(seed, temp=0, length=30, past_end=True)) == expected
    end = expected.index(0) if 0 in expected else 30
    for sample in samples(3, temp=0, length=30):
        assert sample.ids.tolist() == expected[:end] and sample.ended == (end < 30)


def test_a_sample_is_the_beginning_of_a_longer_one_with_the_same_seed() -> None:
    long = list(streamed(5, length=200, past_end=True))
    assert len(long) == 200
    for length in (0, 1, 17, 100):
        short = list(streamed(5, length=length, past_end=True))
        assert short == long[:length]
    for short, whole in zip(samples(20, length=4), samples(20, length=40), strict=True):
        assert short.ids.tolist() == whole.ids[:4].tolist()
        assert short.ended == (whole.ended and len(whole.ids) < 4)


def test_seeds_differ_and_the_same_one_gives_the_same() -> None:
    def texts(seed: int) -> list[list[int]]:
        return [sample.ids.tolist() for sample in samples(5, seed=seed)]

    assert texts(0) == texts(0) != texts(1)
    assert len({tuple(ids) for ids in texts(0)}) > 1  # nor is one row like the other


def test_one_sample_is_what_is_streamed() -> None:
    for seed in range(10):
        prime = np.array([2, 1])
        (sample,) = samples(1, prime, seed)
        assert list(streamed(seed, prime)) == sample.ids.tolist() + [0] * sample.ended
        assert 0 not in sample.ids


def test_samples_end_at_the_end_of_the_sequence_or_at_their_length() -> None:
    found = samples(300, length=6)
    assert {sample.ended for sample in found} == {True, False}
    for sample in found:
        assert 0 not in sample.ids
        assert len(sample.ids) <= 6
        assert sample.ended or len(sample.ids) == 6
    assert any(sample.ended and len(sample.ids) == 5 for sample in found)
    longest = samples(300, length=500)
    assert all(sample.ended for sample in longest)
    lengths = [len(sample.ids) for sample in longest]
    assert np.mean(np.array(lengths) == 0) == pytest.approx(softmax(scores([]))[0], abs=0.07)


def test_rows_that_end_do_not_disturb_those_that_go_on() -> None:
    """Every sample's symbols are those that a row alone would draw with the same random numbers."""
    whole = samples(40, length=30)
    ended = sorted(len(sample.ids) for sample in whole if sample.ended)
    assert len(set(ended)) > 5  # rows leave at many different steps
    rng = np.random.default_rng(0)
    by_sums, by_noise = np.zeros((0, 40, 1), np.float32), np.zeros((0, 40, V), np.float32)  # random numbers to come
    texts: list[list[int]] = [[] for _ in range(40)]
    rows, left = list(range(40)), []  # in the batch, and how many were when some left it
    for _ in range(30):
        if len(rows) >= MIN_ROWS_FOR_SUMS and not len(by_sums):
            by_sums = rng.random((NOISE_AHEAD // len(rows), len(rows), 1), np.float32)
        if len(rows) < MIN_ROWS_FOR_SUMS and not len(by_noise):
            by_noise = noise(rng, (NOISE_AHEAD // (len(rows) * V), len(rows), V))
        for i, row in enumerate(rows):
            if 0 not in texts[row]:
                o = scores(texts[row])
                if len(rows) >= MIN_ROWS_FOR_SUMS:
                    texts[row].append(int(np.searchsorted(softmax(o).cumsum(), by_sums[0, i, 0], "right")))
                else:
                    texts[row].append(int((o + by_noise[0, i]).argmax()))
        if len(rows) >= MIN_ROWS_FOR_SUMS:
            by_sums = by_sums[1:]
        else:
            by_noise = by_noise[1:]
        stay = [i for i, row in enumerate(rows) if texts[row][-1]]
        if 2 * len(stay) <= len(rows):
            rows, by_sums = [rows[i] for i in stay], by_sums[:, stay]
            by_noise = by_noise[:, stay] if len(by_noise) else np.zeros((0, len(rows), V), np.float32)
            left.append(len(rows))
    assert len(left) > 2 and left[0] >= MIN_ROWS_FOR_SUMS > left[-1]
    for sample, expected in zip(whole, texts, strict=True):
        assert sample.ids.tolist() + [0] * sample.ended == expected


@pytest.mark.parametrize(
    "model", [{"cell": "elman", "layers": 2}, {"cell": "lstm"}, {"ending": "node"}, {"ending": "length"}]
)
@pytest.mark.parametrize("options", [{}, {"past_end": True}, {"top_k": 3}, {"temp": 0.0}], ids=str)
@pytest.mark.parametrize("reset", [False, True])
def test_bursts_are_what_is_drawn_and_read_symbol_by_symbol(
    model: dict[str, Any], options: dict[str, Any], reset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "BLOCK_SECONDS", 1e-5)  # so that there are several
    shape = Model(ModelConfig(**{"cell": "elman", "hidden": 8, "layers": 1, "dropout": 0.0, **model}), V)
    network, asked = Network(shape, shape.initial(np.random.default_rng(3)), reset), config(**options, length=300)
    prime, expected = np.array([3, 4]), list[int]()
    draws = GumbelSampler(network, asked, np.random.default_rng(5), 1)
    streams = primed_stepper(network, prime, 1, draws)
    for _ in range(asked.length):
        expected.append(int(draws(streams.o)))
        if expected[-1] == 0 and not asked.past_end:
            break
        streams.read(expected[-1])
    assert list(stream(network, asked, np.random.default_rng(5), prime)) == expected


def test_past_the_end_a_stream_goes_on_to_its_length() -> None:
    ids = list(streamed(0, length=400, past_end=True))
    assert len(ids) == 400 and 5 < ids.count(0) < 395
    first = list(streamed(0, length=400))
    assert first == ids[: ids.index(0) + 1]


def test_past_the_end_the_state_is_carried_on() -> None:
    ids = list(streamed(0, length=3000, past_end=True))
    g = noise(np.random.default_rng(0), (60, V))
    for i in range(60):
        assert ids[i] == (scores(ids[:i]) + g[i]).argmax()
    assert 0 in ids[:50]


def test_where_training_resets_the_state_at_an_end_so_does_sampling() -> None:
    """In the prime, and past the end: what follows an end is what follows the start."""
    ids = list(streamed(0, length=3000, reset=True, past_end=True))
    starts = [0, *(i + 1 for i, symbol in enumerate(ids) if symbol == 0 and i < 2999)]
    assert len(starts) > 100
    assert_drawn_from(softmax(scores([])), np.array([ids[i] for i in starts]))
    g = noise(np.random.default_rng(0), (3000, V))
    for start in starts[:20] + starts[-20:]:
        assert ids[start] == (scores([]) + g[start]).argmax()
    assert starts[-20] > 2 * NOISE_AHEAD / V  # drawn in several blocks
    for seed in range(5):
        primed = samples(4, np.array([3, 0, 2, 1]), seed, reset=True)
        for a, b in zip(primed, samples(4, np.array([2, 1]), seed, reset=True), strict=True):
            assert a.ids.tolist() == b.ids.tolist()


def test_streaming_is_lazy() -> None:
    endless = streamed(0, length=10**12, past_end=True)
    assert len(list(islice(endless, 5))) == 5


def test_nothing_asked_for_is_nothing() -> None:
    assert samples(0) == [] == samples(0, np.array([1, 2]))
    (sample,) = samples(1, length=0)
    assert (sample.ids.tolist(), sample.ended) == ([], False)
    assert list(streamed(0, length=0)) == []


# Batches


def batched(count: int, workers: int = 1, **given: Any) -> list[list[list[int]]]:
    found = batches(Network(MODEL, WEIGHTS, True), config(count=count, **given), NOTHING, workers=workers)
    return [[sample.ids.tolist() + [0] * sample.ended for sample in batch] for batch in found]


@pytest.mark.parametrize("count", [0, 1, MAX_BATCH - 1, MAX_BATCH, MAX_BATCH + 1, 2 * MAX_BATCH + 9])
def test_samples_come_in_batches_as_many_as_were_asked_for(count: int) -> None:
    sizes = [len(batch) for batch in batched(count, seed=1, length=9)]
    assert (
        sum(sizes) == count and max(sizes, default=0) <= MAX_BATCH and (count < MIN_SAMPLES_FOR_TWO or len(sizes) >= 2)
    )
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_samples_are_the_same_however_many_processes_draw_them(workers: int) -> None:
    assert batched(3 * MAX_BATCH + 5, workers, seed=4) == batched(3 * MAX_BATCH + 5, seed=4)


def test_each_batch_has_random_numbers_of_its_own_and_the_first_those_of_the_seed() -> None:
    found = batched(3 * MAX_BATCH, seed=4, length=12)
    alone = samples(MAX_BATCH, seed=4, reset=True, length=12)
    assert found[0] == [sample.ids.tolist() + [0] * sample.ended for sample in alone]
    assert found[0] != found[1] != found[2] != found[0]
    assert batched(2 * MAX_BATCH, seed=4, length=12) == found[:2]
    assert batched(2 * MAX_BATCH, seed=5, length=12)[0] != found[0]


def test_without_a_seed_samples_differ_from_one_call_to_the_next() -> None:
    assert batched(2 * MAX_BATCH, 2) != batched(2 * MAX_BATCH, 2)


@pytest.mark.parametrize("count", [1, 3])
def test_a_network_whose_numbers_grow_without_bound_writes_while_it_can_without_a_warning(count: int) -> None:
    """relu units may double at every step, though W's spectral radius says nothing of it in a stable text."""
    weights = WEIGHTS.like()
    weights.flat[...] = WEIGHTS.flat
    for name in ("hidden/0/W", "hidden/1/W"):
        weights[name] = 2 * np.eye(8)
    weights["hidden/0/b"] = np.ones(8)
    weights["readout/V"] = 0 * weights["readout/V"]
    weights["readout/c"] = np.array([-100, 1, 1, 1, 1, 1])
    found = generate(Network(MODEL, weights, False), config(count=count, length=300), np.random.default_rng(0), NOTHING)
    assert all(len(sample.ids) > 100 for sample in found)
