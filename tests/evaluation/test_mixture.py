"""A network mixed with an n-gram model: its parts at the ends, a distribution between, and a weight that is honest."""

import json
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.errors import UsageError
from charnn.evaluation import mixture, score
from charnn.evaluation.dynamic import StreamLearner, StreamReader, stream_surprisal
from charnn.evaluation.mixture import MIXTURE_WEIGHTS, Mixture
from charnn.evaluation.ngram import KneserNey, fit
from charnn.nn.network import Network
from charnn.runs import checkpoint
from tests.helpers.program import BRIEF, invoke, names, ok, refused, table
from tests.helpers.streams import CONFIG, CONFIGS, IDS, V, learner, lines, many, network
from tests.helpers.textbook import Textbook, text

GRAMS = fit(lines(many(200, 5)), V, 3)

ways = pytest.mark.parametrize("reset", [True, False], ids=["reset", "carry"])


def mixed(weights: Any = MIXTURE_WEIGHTS, config: ModelConfig = CONFIG, reset: bool = False) -> Mixture:
    return Mixture(StreamReader(Network(*network(config), reset)), GRAMS, weights)


def nats(reader: Mixture, *stream: np.ndarray) -> np.ndarray:
    return np.concatenate([found for found, _ in reader.surprisal(stream)], axis=1)


# All of an n-gram model's distribution


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("length", [0, 2, 3000])
def test_distributions_are_the_textbooks(length: int, order: int) -> None:
    train, valid = text(order, 7, length), text(99, 8, 60)
    slow, quick = Textbook(train, 8, order), fit(train, 8, order)
    found = quick.distributions(valid)
    assert found.shape == (60, 8)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    stream = (0, *valid.tolist())
    for at in range(60):
        h = stream[max(0, at + 2 - order) : at + 1]
        expected = [slow.probability(h, w, len(h) + 1) for w in range(8)]
        np.testing.assert_allclose(found[at], expected, rtol=1e-11)
    for cut in (3, 30):
        np.testing.assert_array_equal(quick.distributions(valid[cut:], valid[:cut]), found[cut:])


@pytest.mark.parametrize("order", [1, 3, 6])
def test_distributions_are_what_nats_are_of(order: int) -> None:
    grams, ids = fit(text(0, 20, 2000), 20, order), text(1, 20, 100)
    there = grams.distributions(ids, ids[:7])[np.arange(100), ids]
    np.testing.assert_allclose(-np.log(there), grams.nats(ids, ids[:7]), rtol=1e-12)
    assert grams.distributions(ids[:0]).shape == (0, 20)


# Mixed


@ways
@pytest.mark.parametrize("config", [CONFIG, CONFIGS["node"], CONFIGS["free"]], ids=["elman", "node", "free"])
def test_the_ends_are_the_network_and_the_n_gram_model(config: ModelConfig, reset: bool) -> None:
    found = nats(mixed((1.0, 0.0), config, reset), IDS)
    ((net, _),) = score.surprisal(Network(*network(config), reset), [IDS])
    np.testing.assert_allclose(found[0], net, rtol=1e-10)
    np.testing.assert_allclose(found[1], GRAMS.nats(IDS), rtol=1e-10)


@pytest.mark.parametrize("config", [CONFIG, CONFIGS["node"]], ids=["eos", "node"])
def test_probabilities_sum_to_one_and_are_the_parts_product(config: ModelConfig) -> None:
    weights = (0.0, 0.3, 0.5, 1.0)
    for size in (0, 1, 9, 40):
        after = [np.append(IDS[:size], w).astype(np.uint8) for w in range(V)]
        found = np.array([nats(mixed(weights, config), ids)[:, -1] for ids in after])  # (V, A)
        np.testing.assert_allclose(np.exp(-found).sum(axis=0), 1, rtol=1e-12)
        product = np.exp(-0.3 * found[:, 3] - 0.7 * found[:, 0])
        np.testing.assert_allclose(np.exp(-found[:, 1]), product / product.sum(), rtol=1e-10)
        ((_, hits),) = mixed(weights, config).surprisal([after[int(found[:, 2].argmin())]])
        assert hits[2, -1]


@pytest.mark.parametrize("cuts", [[], [1], [7, 8, 100], [0, 50, 50]], ids=str)
@pytest.mark.parametrize("numbers", [1, V * 5, 1 << 20])
def test_pieces_do_not_show(cuts: list[int], numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nats(mixed(), IDS)
    monkeypatch.setattr(mixture, "MAX_LOG_PROBABILITIES", numbers)
    pieces = [part for part in np.split(IDS, cuts) if len(part)]
    reader = mixed()
    found = [n for n, _ in reader.surprisal(pieces)]
    assert [n.shape[1] for n in found] == [len(part) for part in pieces]
    np.testing.assert_allclose(np.concatenate(found, axis=1), whole, rtol=1e-10)


def test_the_weight_fitted_is_the_best_and_reading_goes_on() -> None:
    reader, half = mixed(), len(IDS) // 2
    found = nats(mixed(), IDS)
    for part, there in (IDS[:half], found[:, :half]), (IDS[half:], found[:, half:]):
        sums = there.sum(axis=1)
        assert reader.fit([part]) == MIXTURE_WEIGHTS[int(sums.argmin())]
        np.testing.assert_array_less(-1e-9, np.diff(sums, 2))  # convex: no better one is far from the grid's
    assert (MIXTURE_WEIGHTS[0], MIXTURE_WEIGHTS[-1]) == (0, 1)


def test_a_part_that_knows_nothing_is_left_out() -> None:
    model, weights = network()
    uniform = StreamReader(Network(model, weights.like(), False))
    true = np.array([1, 2, 3, 4, 5, 6] * 30, np.uint8)
    wrong = fit(true[::-1].copy(), V, 2)
    assert Mixture(uniform, wrong).fit([true]) == 1
    assert Mixture(uniform, fit(true, V, 2)).fit([true]) == 0


def test_a_network_that_learns_is_mixed_before_it_learns() -> None:
    other = IDS.copy()
    other[50] = 1 + other[50] % (V - 1)
    one, two = (nats(Mixture(learner(), GRAMS), ids) for ids in (IDS, other))
    np.testing.assert_array_equal(one[:, :50], two[:, :50])
    ((expected, _),) = stream_surprisal(learner(), [IDS])
    np.testing.assert_allclose(one[-1], expected, rtol=1e-10)


def test_lengths_told_first_cannot_be_mixed() -> None:
    with pytest.raises(UsageError, match="--ending length"):
        mixed(config=CONFIGS["length"])


# The command line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of its own, since a test takes its corpus away."""
    folder = tmp_path_factory.mktemp("mixture")
    (folder / "names.txt").write_text(names(), "utf-8")
    (folder / "other.txt").write_text("Dodo\nAnbe\n" * 30, "utf-8")
    ok("train", folder / "names.txt", "--out", folder / "checkpoints", *BRIEF)
    ok("train", folder / "names.txt", "--out", folder / "other", "--ending", "length", *BRIEF)
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def parts(here: Path) -> tuple[Any, KneserNey, np.ndarray]:
    run = checkpoint.load(here / "checkpoints" / "names" / "best.npz")
    grams, valid = mixture.counted(run)
    return run, grams, np.asarray(valid)


@pytest.mark.parametrize("dynamic", [[], ["--dynamic"]], ids=["", "dynamic"])
def test_each_half_of_the_held_out_part_is_scored_with_the_weight_of_the_other(here: Path, dynamic: list[str]) -> None:
    run, grams, valid = parts(here)
    found = json.loads(ok("eval", "--mix", "ngram", "--json", *dynamic, stdin=None))
    kind = StreamLearner if dynamic else StreamReader
    expected, half = nats(Mixture(kind(run.network), grams), valid), len(valid) // 2
    first, second = (int(part.sum(axis=1).argmin()) for part in (expected[:, :half], expected[:, half:]))
    assert (found["weight_first_half"], found["weight_second_half"]) == (
        MIXTURE_WEIGHTS[second],
        MIXTURE_WEIGHTS[first],
    )
    assert found["nats"] == pytest.approx(expected[second, :half].sum() + expected[first, half:].sum(), rel=1e-6)
    assert found["count"] == len(valid)
    alone = json.loads(ok("eval", "--json", *dynamic, stdin=None))
    assert found["network_bits_per_char"] == pytest.approx(alone["bits_per_char"], rel=1e-6)
    assert found["bits_per_char"] < alone["bits_per_char"]


def test_the_n_gram_models_figure_is_that_of_tokenize(here: Path) -> None:
    found = json.loads(ok("eval", "--mix", "ngram", "--json", stdin=None))
    assert found["ngram_bits_per_char"] == pytest.approx(found["baselines"]["ngram"], rel=1e-9)
    printed = invoke("tokenize", "names.txt").stderr
    assert f"{found['baselines']['order']}-gram" in printed and f"{found['ngram_bits_per_char']:.4f}" in printed


def test_another_text_is_scored_with_the_weight_of_the_held_out_part(here: Path) -> None:
    run, grams, valid = parts(here)
    found = json.loads(ok("eval", "other.txt", "--mix", "ngram", "--json"))

    def make(weights: Any = MIXTURE_WEIGHTS) -> Mixture:
        return Mixture(StreamReader(run.network), grams, weights)

    assert found["weight"] == make().fit([valid])
    ids = run.vocabulary.ids("Dodo\nAnbe\n" * 30, "text")
    assert found["nats"] == pytest.approx(nats(make([found["weight"]]), ids).sum(), rel=1e-6)
    assert found["ngram_bits_per_char"] == pytest.approx(grams.nats(ids).mean() / log(2), rel=1e-9)
    shown = ok("eval", "other.txt", "--mix", "ngram")
    assert f"network_bits/char\t{found['network_bits_per_char']:.4f}\n" in shown
    rows = table(ok("eval", "other.txt", "--mix", "ngram", "--by", "line"))
    assert sum(float(row[1]) for row in rows) == pytest.approx(found["nats"] / log(2), abs=0.5)


def test_counts_that_do_not_fit_are_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "available_memory", lambda: 100_000)
    assert "--mix" in refused(1, "eval", "other.txt", "--mix", "ngram")


def test_what_cannot_be_mixed_is_refused_in_a_line(here: Path, tmp_path: Path) -> None:
    assert "--burn-in" in refused(2, "eval", "other.txt", "--mix", "ngram", "--burn-in", 8)
    assert "--mix" in refused(2, "eval", "other.txt", "--out", "other", "--mix", "ngram")
    assert "bigram" in refused(2, "eval", "other.txt", "--mix", "bigram")
    (here / "names.txt").rename(tmp_path / "gone.txt")
    try:
        message = refused(2, "eval", "other.txt", "--mix", "ngram")
        assert "names.txt" in message
    finally:
        (tmp_path / "gone.txt").rename(here / "names.txt")
