"""Three ways for a sequence to end: each a distribution over all sequences; drawn from, scored and learnt as one."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.choices import ENDINGS
from charnn.config import ModelConfig, SampleConfig
from charnn.data.batch import Batch
from charnn.errors import CheckpointError, UsageError
from charnn.evaluation import score
from charnn.evaluation.score import Score, evaluate, surprisal
from charnn.io import npz
from charnn.io.header import json_array, json_value
from charnn.io.lazy import FileHandle, LazyArray
from charnn.nn.heads import LengthHead, NodeHead
from charnn.nn.model import Model, PassContext
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.runs import checkpoint
from charnn.sampling.endings import STREAMS
from charnn.sampling.sampler import generate, noise, stream
from charnn.training import session
from tests.helpers.arrays import read_arrays
from tests.helpers.program import TINY, ok, refused, table
from tests.helpers.snapshots import raises
from tests.helpers.toys import trainer_of

V = 4
CELLS = {"elman": {"activation": "tanh"}, "gru": {}}
NOTHING = np.zeros(0, np.int64)
endings = pytest.mark.parametrize("ending", ENDINGS)
resets = pytest.mark.parametrize("reset", [True, False], ids=["reset", "carry"])


def network(ending: str, cell: str = "elman", short: bool = True, dtype: Any = np.float64) -> tuple[Model, Parameters]:
    """A network with weights that tell contexts apart; `short`: it ends soon, so that sequences can be enumerated."""
    model = Model(ModelConfig(cell, 7, 2, dropout=0.0, ending=ending, **CELLS[cell]), V)
    weights = model.initial(np.random.default_rng(5), dtype)
    weights["readout/V"] = weights["readout/V"] * 2
    c = np.random.default_rng(6).normal(size=model.symbols)
    if short and ending == "length":
        c[V + 4 :] = -40
    weights["readout/c"] = c
    return model, weights


def nats_of(model: Model, weights: Parameters, ids: Iterable[int], reset: bool = True) -> float:
    stream = np.array([*ids], np.uint8)
    return sum(float(nats.sum()) for nats, _ in surprisal(Network(model, weights, reset), [stream]))


def strings(length: int) -> Iterable[tuple[int, ...]]:
    return product(range(1, V), repeat=length)


def test_there_is_a_row_for_each_choice_of_the_option() -> None:
    assert tuple(ENDINGS) == tuple(STREAMS) and ModelConfig().ending == "eos"


# The loss


def targets(ending: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.append(rng.integers(0, ENDINGS[ending].load()(V).symbols, 40), [0, 1, 2, 3] * 2)


@endings
@pytest.mark.parametrize("scale", [1.0, 100.0], ids=["", "far beyond what exp can do"])
def test_gradients_are_those_of_finite_differences(ending: str, scale: float) -> None:
    row, y = ENDINGS[ending].load()(V), targets(ending)
    o = np.random.default_rng(2).normal(size=(len(y), row.symbols)) * scale
    g = o.copy()
    nats = row.loss(g, y)
    np.testing.assert_allclose(nats, row.surprisal(o.copy(), y)[0], atol=1e-9 * scale)
    np.testing.assert_array_equal(row.nats(o.copy(), y), row.surprisal(o.copy(), y)[0])
    for v in range(row.symbols):
        step = np.zeros_like(o)
        step[:, v] = 1e-5
        found = (row.loss(o + step, y) - row.loss(o - step, y)) / 2e-5
        np.testing.assert_allclose(found, g[:, v], atol=1e-6)
    assert np.abs(g).max() > 0.1


@endings
def test_float32_and_the_network_as_a_whole_agree_with_them(ending: str) -> None:
    model, weights = network(ending, "gru", short=False)
    rng = np.random.default_rng(0)
    text = np.append(rng.integers(1, V, 14), [0, 2, 0, 0, 3, 0])
    read = np.asarray(model.ending.stream(text))
    x, y = np.append(0, read[:-1])[:, None], read[:, None]

    def loss(p: Parameters) -> tuple[float, Parameters]:
        g, keep = p.like(), (x != 0)[..., None].astype(p.flat.dtype)
        found = model.gradient(p, g, Batch(x, y, keep), model.zero_state(1, p.flat.dtype), PassContext(Workspace()))
        return found.nats, g

    nats, g = loss(weights)
    assert nats == pytest.approx(nats_of(model, weights, text), rel=1e-12)
    for i in rng.choice(weights.flat.size, 60, replace=False):
        was, ends = weights.flat[i], []
        for step in (1e-6, -1e-6):
            weights.flat[i] = was + step
            ends.append(loss(weights)[0])
        weights.flat[i] = was
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(g.flat[i], abs=2e-7)
    single = model.initial(np.random.default_rng(0))
    for name, value in weights.items():
        single[name] = value
    near, rough = loss(single)
    assert near == pytest.approx(nats, rel=1e-5)
    for name, value in rough.items():
        np.testing.assert_allclose(value, g[name], atol=1e-4)


@pytest.mark.parametrize("e", [-80.0, 80.0])
def test_a_node_that_is_sure_neither_overflows_nor_loses_its_gradient(e: float) -> None:
    row = NodeHead(V)
    o = np.array([[e, 1, 2, 3]] * 2, np.float32)
    g, y = o.copy(), np.array([0, 2])
    with np.errstate(all="raise", under="ignore"):
        nats = row.loss(g, y)
    assert nats == pytest.approx([max(0, -e), max(0, e) + 1.408], abs=1e-2)
    assert g[:, 0] == pytest.approx([-1 if e < 0 else 0, 0 if e < 0 else 1], abs=1e-6)
    np.testing.assert_allclose(row.surprisal(o.copy(), y)[0], nats, rtol=1e-5, atol=1e-6)


# Distributions


@endings
@resets
@pytest.mark.parametrize("cell", CELLS)
def test_the_probabilities_of_all_sequences_sum_to_one(ending: str, reset: bool, cell: str) -> None:
    model, weights = network(ending, cell)
    whole = [sum(math.exp(-nats_of(model, weights, (*s, 0), reset)) for s in strings(n)) for n in range(4)]
    if ending == "length":
        told = np.exp(-lengths_nats(model, weights))
        assert told.sum() == pytest.approx(1)
        row = model.ending
        assert isinstance(row, LengthHead)
        widths = row.end - row.first
        np.testing.assert_allclose(whole, (told / widths)[:4], rtol=1e-9)
    else:
        longer = sum(math.exp(-nats_of(model, weights, s, reset)) for s in strings(4))
        assert sum(whole) + longer == pytest.approx(1)
    assert min(whole) > 1e-4


def lengths_nats(model: Model, weights: Parameters) -> np.ndarray:
    """-log of the probability of each class of lengths at the start of a text."""
    o, _ = model.step(weights, np.array([0]), model.zero_state(1, np.float64), Workspace())
    scores = o[0, V:]
    return -(scores - np.log(np.exp(scores - scores.max()).sum()) - scores.max())


def test_classes_of_lengths_follow_each_other_without_a_gap_from_nothing_to_a_terabyte() -> None:
    row = LengthHead(V)
    assert row.first[0] == 0 and row.end[-1] == 1 << 40 and (row.end > row.first).all()
    np.testing.assert_array_equal(row.first[1:], row.end[:-1])
    assert (np.diff(row.first[:33]) == 1).all()
    kinds = np.arange(len(row.first))
    for n in (row.first, row.end - 1):
        np.testing.assert_array_equal(row.classes(n), kinds)
    np.testing.assert_allclose(np.exp(row.more[V:]), row.end - row.first)
    assert not row.more[:V].any()
    wide = (row.end - row.first) / np.maximum(row.first, 1)
    assert wide[32:52].max() <= 0.25 and wide[52:].max() <= 1


@pytest.mark.parametrize("least", [0, 1, 31, 32, 37, 40, 1000, 5000, 10**6])
def test_lengths_of_a_class_are_drawn_evenly_among_those_long_enough(least: int) -> None:
    row, rng = LengthHead(V), np.random.default_rng(0)
    shares = np.exp(row.shares(least))
    for k in range(60):
        n = np.arange(row.first[k], min(row.end[k], 10**6))
        assert shares[k] == pytest.approx((n >= least).mean() if row.end[k] <= 10**6 else shares[k])
        if shares[k]:
            drawn = row.lengths(np.full(500, k), least, rng)
            low = max(least, row.first[k])
            assert drawn.min() >= low and drawn.max() < row.end[k]
            spread = int(row.end[k] - low)
            assert abs(drawn.mean() - (low + (spread - 1) / 2)) <= 0.15 * spread
            assert (row.lengths(np.full(2, k), least, None) == low).all()


# The stream


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("\n", "0\n"),
        ("ab", "2ab"),
        ("ab\n\nb\n", "2ab\n0\n1b\n"),
        ("ab\n\nb", "2ab\n0\n1b"),
        ("\n\nabc", "0\n0\n3abc"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_sequence_has_its_length_before_it_however_the_text_is_cut(text: str, read: str, size: int) -> None:
    row = LengthHead(V)
    ids = np.array(["\nabc".index(c) for c in text], np.uint8)
    expected = [int(c) + V if c.isdigit() else "\nabc".index(c) for c in read]
    assert np.asarray(row.stream(ids)).tolist() == expected
    parts = [ids[start : start + size] for start in range(0, len(ids), size)]
    found = list(row.pieces(iter([*parts, ids[:0]])))
    assert [int((part < V).sum()) for part in found] == [len(part) for part in parts]
    assert [symbol for part in found for symbol in part.tolist()] == expected
    assert row.count(np.array(expected, int)) == len(ids)


def test_pieces_come_as_soon_as_their_last_length_is_known() -> None:
    seen: list[int] = []

    def pieces() -> Iterable[np.ndarray]:
        for number, ids in enumerate([[1, 0], [1, 2], [3], [0, 1, 0]]):
            seen.append(number)
            yield np.array(ids, np.uint8)

    after = [(len(part), len(seen)) for part in LengthHead(V).pieces(pieces())]
    assert after == [(3, 1), (3, 4), (1, 4), (4, 4)]


def test_a_stored_stream_gives_the_same(tmp_path: Path) -> None:
    ids = np.where(np.random.default_rng(0).random(5000) < 0.1, 0, 2).astype(np.uint8)
    (tmp_path / "ids").write_bytes(ids.tobytes())
    row = LengthHead(V)
    stored = row.stream(LazyArray(FileHandle(tmp_path / "ids"), ids.dtype, 0, len(ids)))
    np.testing.assert_array_equal(np.asarray(stored), np.asarray(row.stream(ids)))
    assert np.asarray(stored).dtype == np.uint8


# Evaluation


def lines(counts: list[int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([np.append(rng.integers(1, V, n), 0) for n in counts]).astype(np.uint8)


MANY = np.random.default_rng(3).integers(0, 9, 130).tolist()
TEXTS = {
    "empty lines": lines([0] * 50),
    "short lines": lines(MANY),
    "a long line": lines([3, 700, 1, 0, 40]),
    "no end": lines([5, 700])[:-1],
}


def by_hand(model: Model, weights: Parameters, ids: np.ndarray, reset: bool) -> np.ndarray:
    """The docstring's probabilities, one symbol after the other, (N,) nats."""
    row, state, nats = model.ending, model.zero_state(1, np.float64), []

    def read(x: int) -> np.ndarray:
        nonlocal state
        if reset and x == 0:
            state = model.zero_state(1, np.float64)
        o, after = model.step(weights, np.array([x]), state, Workspace())
        state = tuple(s.copy() for s in after)
        return np.exp(o[0])

    def left(at: int) -> int:
        found = np.flatnonzero(ids[at:] == 0)
        return int(found[0]) if len(found) else len(ids) - at

    o = read(0)
    for i, y in enumerate(ids.tolist()):
        p = 1.0
        if isinstance(row, LengthHead) and (i == 0 or ids[i - 1] == 0):
            k = int(row.classes(np.array([left(i)]))[0])
            p *= o[V + k] / o[V:].sum() / float(row.end[k] - row.first[k])
            o = read(V + k)
        if isinstance(row, LengthHead):
            p *= o[y] / o[1:V].sum() if y else 1.0
        elif isinstance(row, NodeHead):
            s = o[0] / (1 + o[0])
            p *= (1 - s) * o[y] / o[1:V].sum() if y else s
        else:
            p *= o[y] / o.sum()
        nats.append(-math.log(p))
        o = read(y)
    return np.array(nats)


@endings
@resets
@pytest.mark.parametrize("text", TEXTS)
def test_scores_are_those_of_reading_one_symbol_at_a_time(
    ending: str, reset: bool, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, weights = network(ending)
    ids = TEXTS[text]
    expected = by_hand(model, weights, ids, reset)
    for piece in (17, 1 << 18):
        monkeypatch.setattr(score, "PIECE_SYMBOLS", piece)
        found = evaluate(Network(model, weights, reset), ids)
        assert found.nats == pytest.approx(expected.sum(), rel=1e-11) and found.count == len(ids)
        cut = [ids[start : start + piece] for start in range(0, len(ids), piece)]
        found = [nats for nats, _ in surprisal(Network(model, weights, reset), iter(cut))]
        assert [len(nats) for nats in found] == [len(part) for part in cut]
        np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-9)
    monkeypatch.setattr(score, "MIN_SYMBOLS_PER_WORKER", 1)
    assert evaluate(Network(model, weights, reset), ids, workers=2).nats == pytest.approx(expected.sum(), rel=1e-11)
    if not reset:
        near = evaluate(Network(model, weights, False), ids, burn_in=128)
        assert near.count == len(ids) and near.nats == pytest.approx(expected.sum(), rel=1e-4)


def test_a_length_told_is_right_where_it_and_the_first_character_are() -> None:
    row = LengthHead(V)
    read = np.array([V + 2, 1, 2, 0, V, 0, V + 1])
    nats, hits = np.arange(7.0), np.array([False, True, True, True, True, True, True])
    found, right = row.to_text_symbols(read, nats, hits)
    assert found.tolist() == [1, 2, 3, 9 + 6] and right.tolist() == [False, True, True, True]


# Samples


def drawn_texts(ending: str, prime: list[int], past_end: bool, count: int) -> list[tuple[int, ...]]:
    """The sequences that samples complete or begin anew, prime and end among them."""
    model, weights = network(ending, dtype=np.float32)
    if past_end:
        config = SampleConfig(length=count * 4, past_end=True)
        rng = np.random.default_rng(1)
        ids = list(stream(Network(model, weights, True), config, rng, NOTHING))
        assert len(ids) == count * 4 and max(ids) < V
        ends = [i for i, symbol in enumerate(ids) if symbol == 0]
        return [tuple(ids[a + 1 : b + 1]) for a, b in zip([-1, *ends], ends, strict=False)]
    config = SampleConfig(length=40, count=count)
    found = generate(Network(model, weights, True), config, np.random.default_rng(0), np.array(prime, int))
    assert all(sample.ids.max(initial=0) < V and 0 not in sample.ids for sample in found)
    return [(*prime, *sample.ids.tolist(), *[0] * sample.ended) for sample in found]


@endings
@pytest.mark.parametrize(
    ("prime", "past_end"), [([], False), ([], True), ([2], False), ([1, 3], False), ([2, 0, 1], False)], ids=str
)
def test_texts_are_drawn_as_often_as_their_score_says(ending: str, prime: list[int], past_end: bool) -> None:
    """Given a prime too: as often as among all texts that begin so. Pearson's chi-square."""
    model, weights = network(ending)
    count = 4000 if not past_end else 2000
    found = drawn_texts(ending, prime, past_end, count)
    wanted = [(*prime, *s, 0) for n in range(4) for s in strings(n)]
    p = np.array([math.exp(-nats_of(model, weights, text)) for text in wanted])
    if prime and ending == "length":  # all sequences that begin so: none is of more than 3 characters
        open_ = prime[prime.index(0) + 1 :] if 0 in prime else prime
        whole = [(*prime, *s, 0) for n in range(4 - len(open_)) for s in strings(n)]
        p /= sum(math.exp(-nats_of(model, weights, text)) for text in whole)
    elif prime:
        p /= math.exp(-nats_of(model, weights, prime))
    counts = Counter(found)
    seen = np.array([counts[text] for text in wanted])
    expected = p * len(found)
    enough = expected >= 5
    seen, expected = np.append(seen[enough], 0), np.append(expected[enough], 0)
    seen[-1], expected[-1] = len(found) - seen.sum(), len(found) - expected.sum() + 1e-9
    if expected[-1] < 5:
        assert seen[-1] < 30
        seen, expected = seen[:-1], expected[:-1]
    freedom = len(seen) - 1
    assert freedom >= 3
    assert ((seen - expected) ** 2 / expected).sum() < freedom + 5 * math.sqrt(2 * freedom) + 10


def test_a_class_of_many_lengths_gives_all_of_them_and_they_are_kept() -> None:
    model, weights = network("length", dtype=np.float32)
    row = model.ending
    assert isinstance(row, LengthHead)
    k = int(row.classes(np.array([70]))[0])
    weights["readout/c"][V:] = -80
    weights["readout/c"][V + k] = 0
    config = SampleConfig(length=500, count=400)
    found = generate(Network(model, weights, True), config, np.random.default_rng(0), NOTHING)
    assert {len(sample.ids) for sample in found} == set(range(row.first[k], row.end[k])) and len(found) == 400
    assert all(sample.ended for sample in found)
    prime = np.full(75, 2)
    primed = generate(Network(model, weights, True), config, np.random.default_rng(0), prime)
    assert {75 + len(sample.ids) for sample in primed} == set(range(75, row.end[k]))
    (short,) = generate(Network(model, weights, True), SampleConfig(length=20), np.random.default_rng(0), NOTHING)
    assert len(short.ids) == 20 and not short.ended


def test_each_row_writes_as_many_characters_as_were_drawn_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when rows that ended leave."""
    model, weights = network("length", dtype=np.float32)
    weights["readout/c"][V:] = [0.0] * 30 + [-80.0] * 52
    drawn, original = list[np.ndarray](), LengthHead.lengths

    def spy(*given: Any) -> np.ndarray:
        drawn.append(original(*given))
        return drawn[-1]

    monkeypatch.setattr(LengthHead, "lengths", spy)
    found = generate(Network(model, weights, True), SampleConfig(count=50), np.random.default_rng(0), np.array([1, 2]))
    assert [2 + len(sample.ids) for sample in found] == drawn[0].tolist() and len(set(drawn[0].tolist())) > 15


@endings
@pytest.mark.parametrize("given", [{"temp": 0.0}, {"temp": 1e-6}, {"top_k": 1}, {"top_p": 1e-9}], ids=str)
def test_without_chance_all_samples_are_the_same(ending: str, given: dict[str, float]) -> None:
    model, weights = network(ending, dtype=np.float32)
    texts = set()
    for seed in range(3):
        config = SampleConfig(length=30, count=3, **given)  # type: ignore[arg-type]
        found = generate(Network(model, weights, True), config, np.random.default_rng(seed), np.array([2]))
        texts |= {(*sample.ids.tolist(), sample.ended) for sample in found}
        one = list(stream(Network(model, weights, True), config, np.random.default_rng(seed), np.array([2])))
        texts.add((*(symbol for symbol in one if symbol), 0 in one))
    assert len(texts) == 1


@pytest.mark.parametrize("temp", [0.5, 2.0])
def test_temperature_is_that_of_the_whole_choice_not_of_the_nodes_score_alone(temp: float) -> None:
    model, weights = network("node", dtype=np.float32)
    p = np.exp([-nats_of(model, weights, [v]) / temp for v in range(V)])
    config = SampleConfig(length=1, count=6000, temp=temp)
    found = generate(Network(model, weights, True), config, np.random.default_rng(0), NOTHING)
    share = np.bincount([int(s.ids[0]) if len(s.ids) else 0 for s in found], minlength=V) / 6000
    np.testing.assert_allclose(share, p / p.sum(), atol=0.03)


def test_noise_is_never_so_large_that_it_makes_up_for_what_is_impossible() -> None:
    rng: Any = SimpleNamespace(standard_exponential=lambda shape, dtype: np.zeros(shape, dtype))
    assert np.isfinite(noise(rng, (3, 2))).all()


@endings
def test_weights_that_are_no_numbers_still_write_and_score(ending: str) -> None:
    model, weights = network(ending, dtype=np.float32)
    weights.flat[...] = np.nan
    for count in (1, 3):
        config = SampleConfig(length=5, count=count)
        found = generate(Network(model, weights, True), config, np.random.default_rng(0), np.array([1]))
        assert all(sample.ids.max(initial=0) < V for sample in found)
    assert math.isnan(evaluate(Network(model, weights, True), lines([3])).mean)


# Training

WORDS = ("abac", "abbacc", "ba", "cabdd", "d")
OPTIONS: dict[str, Any] = {"hidden": 16, "layers": 1, "dropout": 0.0, "batch": 16, "window": 20, "workers": 1}
OPTIONS |= {"rate": 0.01, "steps": 500, "validate_every": 250, "patience": 0, "valid_share": 0.2}
OPTIONS |= {"cell": "elman", "activation": "tanh"}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words.txt"
    drawn = np.random.default_rng(0).integers(0, 5, 4000)
    path.write_text("".join(WORDS[i] + "\n" for i in drawn))
    return path


@endings
def test_lines_drawn_from_five_words_are_learnt_to_their_entropy(ending: str, words: Path) -> None:
    """ln 5 nats a line, whichever way its end is told."""
    begun = charnn.train(words, out=None, ending=ending, **OPTIONS)
    events = [event for event in begun if isinstance(event, charnn.Validation)]
    losses = [event.valid for event in events]
    run = begun.run
    text = "\n".join(WORDS) + "\n"
    score = charnn.evaluate(run, text)
    assert score.count == len(text)
    assert math.log(5) <= score.nats / 5 < 1.03 * math.log(5)
    assert losses[-1] * math.log(2) == pytest.approx(math.log(5) * 5 / len(text), rel=0.05)
    assert events[-1].train == pytest.approx(losses[-1], rel=0.05)
    assert charnn.surprisal(run, text).sum() == pytest.approx(score.nats, rel=1e-5)
    found = Counter(charnn.generate(run, 500, seed=1))
    assert sum(found[word] for word in WORDS) > 450 and min(found[word] for word in WORDS) > 60
    strange = charnn.evaluate(run, "\n\n" + "ab" * 3000 + "\nddd")
    assert strange.count == 6006 and math.isfinite(strange.nats) and strange.bits > score.bits


def everything(run: Any) -> list[Any]:
    vectors = [run.weights.flat, *(moment.flat for moment in run.moments), *run.state]
    counters = [getattr(run, name) for name in checkpoint.COUNTERS.values()]
    return [v.tobytes() for v in vectors] + counters + [run.history]


@pytest.mark.parametrize("ending", ["node", "length"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_resuming_is_training_on(ending: str, workers: int, cell: str, words: Path, tmp_path: Path) -> None:
    given = {
        **OPTIONS,
        "steps": 24,
        "validate_every": 8,
        "workers": workers,
        "ending": ending,
        "state": "carry",
        "cell": cell,
    }
    given |= {"dropout": 0.2, "layers": 2, "hidden": 8} | ({"activation": None} if cell == "lstm" else {})
    corpus = charnn.read(words)
    straight = charnn.train(corpus, out=tmp_path, name="straight", **given)
    list(straight)
    first = charnn.train(corpus, out=tmp_path, name="parts", **given)
    for event in first:
        if isinstance(event, charnn.Update) and event.step == 13:
            break
    first.save()
    assert first.folder and straight.folder
    second = session.resume(checkpoint.load(first.folder.last), corpus, first.folder, {})
    list(second)
    assert everything(second.run) == everything(straight.run)
    assert first.folder.last.read_bytes() == straight.folder.last.read_bytes()


def test_a_window_of_nothing_but_lengths_is_no_reason_to_go_back(words: Path) -> None:
    """The symbols that do not fill the lanes evenly are a last window of one step: it may have none of the text."""
    begun = charnn.train(words, out=None, ending="length", **{**OPTIONS, "batch": 4, "window": 8})
    trainer = trainer_of(begun.run, np.array([1, 2, 0] * 18 + [1, 0] * 3, np.uint8))
    updates = [trainer.update() for _ in range(len(trainer.scheme.lanes))]
    assert all(isinstance(update, charnn.Update) for update in updates)
    assert [update.count for update in updates] == [24, 24, 12, 0]
    assert begun.run.count == 60 and begun.run.epoch == 1


# Checkpoints and the command line


SIZES = [*TINY, "--layers", "2", "--steps", "30"]


@pytest.fixture(scope="module", params=ENDINGS)
def home(request: pytest.FixtureRequest, words: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("home")
    tokens = folder / "words.npz"
    ok("tokenize", words, "-o", tokens)
    ok("train", tokens, "--out", folder / "runs", "--name", "run", "--ending", request.param, *SIZES)
    return request.param, folder


@pytest.mark.slow
def test_every_command_works(home: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, words: Path) -> None:
    ending, folder = home
    monkeypatch.chdir(folder)
    run = ["-m", "runs/run"]
    assert json.loads(ok("info", *run, "--json"))["model"]["ending"] == ending
    ok("train", "--resume", "--name", "run", "--out", "runs", "--steps", "40")
    told = refused(
        2, "train", "--resume", "--name", "run", "--out", "runs", "--ending", "eos" if ending == "node" else "node"
    )
    assert f"--ending {ending}" in told
    samples = ok("sample", *run, "-n", "40", "--seed", "1", "--novelty", "--length", "60").splitlines()
    assert len(samples) == 40 and {row.split("\t")[0] for row in samples} <= {"train", "valid", "new"}
    assert set("".join(row.split("\t")[1] for row in samples)) <= set("abcd")
    primed = [json.loads(row) for row in ok("sample", *run, "-n", "3", "--prime", "ab", "--json").splitlines()]
    assert all(fact["text"].startswith("ab") for fact in primed)
    past = ok("sample", *run, "--past-end", "--length", "300", "--seed", "2", "--top-k", "3", "--temp", "0.7")
    assert len(past) == 301 and set(past) <= set("abcd\n")
    text, other = words.read_text() + "abcd\n", folder / "other.txt"  # of the corpus itself eval scores a part
    other.write_text(text)
    whole = json.loads(ok("eval", *run, other, "--json"))
    by_line = table(ok("eval", *run, other, "--by", "line"))
    by_char = table(ok("eval", *run, other, "--by", "char"))
    assert (whole["count"], len(by_line), len(by_char)) == (len(text), 4001, len(text))
    bits = whole["nats"] / math.log(2)
    assert sum(float(row[1]) for row in by_line) == pytest.approx(bits, abs=0.005 * 4000)
    assert sum(float(row[0]) for row in by_char) == pytest.approx(bits, rel=1e-4)
    held = json.loads(ok("eval", *run, "--json"))
    assert held["bits_per_char"] == pytest.approx(whole["bits_per_char"], rel=0.2)
    assert held["baselines"]["ngram"] > 0


@pytest.mark.parametrize("sequence", ["paragraph", "file"])
@pytest.mark.parametrize("ending", ["node", "length"])
def test_running_text_of_which_the_state_is_carried_on(sequence: str, ending: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in "abc":
        lines = ["".join(rng.choice(list("xyz"), rng.integers(1, 7))) for _ in range(200)]
        (tmp_path / name).write_text("\n".join(line if rng.random() < 0.7 else line + "\n" for line in lines))
    texts = [tmp_path / name for name in "abc"]
    ok("train", *texts, "--sequence", sequence, "--ending", ending, "--out", tmp_path / "runs", *SIZES)
    run = ["-m", next((tmp_path / "runs").iterdir())]
    exact = json.loads(ok("eval", *run, "--json"))
    near = json.loads(ok("eval", *run, tmp_path / "a", "--burn-in", "64", "--json"))
    assert near["count"] == len((tmp_path / "a").read_text()) + 1 and exact["count"] > 100  # the last line's end too
    same = json.loads(ok("eval", *run, tmp_path / "a", "--json"))
    assert near["nats"] == pytest.approx(same["nats"], rel=1e-3)
    assert len(ok("sample", *run, "--past-end", "--length", "200", "--prime", "xy\n\nz")) > 50


def test_what_cannot_teach_an_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a single sequence of some characters, and no more of them " * 9)
    told = refused(2, "train", tmp_path / "one.txt", "--out", tmp_path, "--ending", "length", *SIZES)
    assert "--ending length" in told
    (tmp_path / "ends.txt").write_text("\n" * 50)
    told = refused(
        2, "train", tmp_path / "ends.txt", "--out", tmp_path, "--ending", "node", "--sequence", "line", *SIZES
    )
    assert "--ending node" in told
    corpus = charnn.read(tmp_path / "ends.txt", sequence="line")
    begun = charnn.train(corpus, out=None, ending="length", **{**OPTIONS, "steps": 5})
    assert [type(event) for event in begun].count(charnn.Update) == 5
    assert charnn.generate(begun.run, 2) == ["", ""]
    with raises(UsageError, "--ending is 'never'"):
        ModelConfig(ending="never")


def test_a_model_from_before_there_was_a_choice_ends_by_eos(words: Path, tmp_path: Path) -> None:
    begun = charnn.train(words, out=tmp_path, name="run", **{**OPTIONS, "steps": 2})
    list(begun)
    assert begun.folder
    arrays = read_arrays(begun.folder.last)
    header = json_value(begun.folder.last, arrays.pop("header"))
    assert header["model"].pop("ending") == "eos"

    def write(name: str) -> Path:
        header.pop("digest", None)
        header["digest"] = checkpoint.digest(header, arrays)
        npz.write(tmp_path / name, {"header": json_array(header), **arrays})
        return tmp_path / name

    run = checkpoint.load(write("old.npz"))
    assert run.model == begun.run.model and run.model.config.ending == "eos"
    assert charnn.evaluate(run, "abac\n") == charnn.evaluate(begun.run, "abac\n") != Score()
    for other, named in (("length", "float32"), ("never", "never")):
        header["model"]["ending"] = other
        with raises(CheckpointError, named):
            checkpoint.load(write(f"{other}.npz"))
