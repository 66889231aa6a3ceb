"""Dynamic evaluation: what is scored was not learnt before, what is learnt is the equations', and nothing is kept."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.config import EvalConfig, ModelConfig
from charnn.evaluation import score
from charnn.evaluation.dynamic import (
    DYNAMIC_DECAY,
    EPSILON,
    StreamLearner,
    StreamReader,
    adapted,
    stream_surprisal,
)
from charnn.nn.network import Network
from charnn.nn.workspace import Workspace
from charnn.runs import checkpoint
from tests.helpers.program import invoke, ok, refused, table
from tests.helpers.streams import CONFIGS, IDS, learner, network

V = 7

ways = pytest.mark.parametrize("reset", [True, False], ids=["reset", "carry"])
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def nats(reader: StreamReader, *stream: np.ndarray) -> np.ndarray:
    return np.concatenate([found for found, _ in stream_surprisal(reader, stream)])


def scores(reader: StreamReader, ids: np.ndarray) -> np.ndarray:
    return np.concatenate([o.copy() for _, o in reader.read(ids)])


# Scored as without, where there is nothing to learn


@ways
@configs
def test_who_does_not_learn_scores_as_evaluation_does(config: ModelConfig, reset: bool) -> None:
    expected = list(score.surprisal(Network(*network(config), reset), [IDS]))
    for reader in (
        StreamReader(Network(*network(config), reset)),
        learner(config, reset, rate=0.0),
        learner(config, reset, decay=1e30),  # all is forgotten at once
    ):
        found = list(stream_surprisal(reader, [IDS]))
        np.testing.assert_allclose(found[0][0], expected[0][0], rtol=1e-11)
        np.testing.assert_array_equal(found[0][1], expected[0][1])


@ways
@configs
def test_learning_makes_a_difference(config: ModelConfig, reset: bool) -> None:
    there, without = nats(learner(config, reset), IDS), nats(StreamReader(Network(*network(config), reset)), IDS)
    assert np.abs(there - without)[:8].max() < 1e-12  # before the first step; `length` reads more than the text
    assert there[len(IDS) // 2 :].sum() < without[len(IDS) // 2 :].sum()


# Strictly before


@ways
@pytest.mark.parametrize("at", [0, 1, 15, 16, 17, 31, 100])
def test_no_score_depends_on_what_comes_later_or_on_the_symbol_itself(at: int, reset: bool) -> None:
    other = IDS.copy()
    other[at] = 1 + other[at] % (V - 1)
    assert other[at] != IDS[at]
    one, two = scores(learner(reset=reset), IDS), scores(learner(reset=reset), other)
    np.testing.assert_array_equal(one[: at + 1], two[: at + 1])  # what is said of a symbol before it is read
    np.testing.assert_array_equal(nats(learner(reset=reset), IDS)[:at], nats(learner(reset=reset), other)[:at])
    assert not np.array_equal(one[16 + at :], two[16 + at :])


@ways
def test_what_is_said_of_a_text_is_said_of_its_beginning(reset: bool) -> None:
    whole = nats(learner(reset=reset), IDS)
    for size in (1, 15, 16, 17, 33, 90):
        np.testing.assert_allclose(nats(learner(reset=reset), IDS[:size]), whole[:size], rtol=1e-9)


@configs
@pytest.mark.parametrize("cuts", [[1], [16], [5, 5, 40, 47], list(range(0, 250, 3))], ids=str)
def test_wherever_pieces_are_cut(config: ModelConfig, cuts: list[int]) -> None:
    whole = nats(learner(config), IDS)
    np.testing.assert_allclose(nats(learner(config), *np.split(IDS, cuts)), whole, rtol=1e-8)


# What is learnt


@ways
@pytest.mark.parametrize("segment", [1, 12])
def test_a_step_is_its_equations(segment: int, reset: bool) -> None:
    """Every segment read one symbol after the other, and its gradient against finite differences."""
    config, rate, decay = ModelConfig("elman", 3, 1, "tanh", False, 0.0), 0.02, 0.1
    model, trained = network(config)
    w, g = trained.like(), trained.like()
    w.flat[...] = trained.flat
    squares, expected, x, state = [], [], 0, model.zero_state(1, np.float64)

    def read(ids: np.ndarray, x: int, state: Any) -> tuple[list[float], Any]:
        found = []
        for y in ids.tolist():
            state = model.zero_state(1, np.float64) if reset and x == 0 else state
            o, after = model.step(w, np.array([x]), state, Workspace())
            state, x = tuple(s.copy() for s in after), y
            found.append(float(np.log(np.exp(o[0]).sum()) - o[0, y]))
        return found, state

    for start in range(0, 3 * segment, segment):
        part = IDS[start : start + segment]
        found, after = read(part, x, state)
        expected += found
        for name in w:
            for i in np.ndindex(w[name].shape):
                was, moved = w[name][i], []
                for step in (1e-5, -1e-5):
                    w[name][i] = was + step
                    moved.append(sum(read(part, x, state)[0]))
                w[name][i], g[name][i] = was, (moved[0] - moved[1]) / 2e-5
        squares.append({name: g[name] ** 2 for name in g})
        r = {name: np.sqrt(np.mean([square[name] for square in squares], axis=0)) for name in w}
        mean = sum(float(part.sum()) for part in r.values()) / model.parameters
        for name in w:
            w[name] -= rate * g[name] / (r[name] + EPSILON * mean)
            w[name] += np.minimum(1, decay * r[name] / mean) * (trained[name] - w[name])
        x, state = int(part[-1]), after
    reader = learner(config, reset=reset, segment=segment, rate=rate, decay=decay)
    np.testing.assert_allclose(nats(reader, IDS[: 3 * segment]), np.array(expected), rtol=1e-5)
    np.testing.assert_allclose(reader.network.weights.flat, w.flat, atol=2e-5)


def test_the_networks_own_weights_stay_as_they_are() -> None:
    model, weights = network()
    before = weights.flat.copy()
    reader = StreamLearner(Network(model, weights, False))
    adapted(reader, [IDS])
    np.testing.assert_array_equal(weights.flat, before)
    assert not np.array_equal(reader.network.weights.flat, before)


def test_a_text_that_repeats_itself_is_learnt_and_forgotten_in_time() -> None:
    ids = np.array([1, 2, 3, 4] * 200, np.uint8)
    found = nats(learner(decay=DYNAMIC_DECAY), ids)
    assert found[:16].mean() > 1.5 and found[-100:].mean() < 0.1
    assert nats(learner(decay=10.0), ids)[-100:].mean() > 1


def test_all_of_a_text_is_adapted_to_however_short() -> None:
    short = learner()
    told = adapted(short, [IDS[:5]])
    assert told == pytest.approx(nats(StreamReader(Network(*network(), False)), IDS[:5]).mean(), rel=1e-12)
    assert np.abs(short.network.weights.flat - short.trained).max() > 1e-3
    assert np.isnan(adapted(learner(), []))


def test_nothing_to_learn_is_no_step() -> None:
    model, weights = network()
    reader = StreamLearner(Network(model, weights.like(), False))
    reader.network.weights["readout/c"] = np.array([0, 800.0, *[0] * 5])  # certain, and right: no gradient
    assert adapted(reader, [np.ones(40, np.uint8)]) == 0
    assert np.isfinite(reader.network.weights.flat).all()


# The command line


def test_help_tells_the_defaults() -> None:
    evaluation, sampling = (" ".join(ok(command, "--help").split()) for command in ("eval", "sample"))
    rate, segment = EvalConfig().dynamic_rate, EvalConfig().segment
    assert f"Learning rate of --dynamic. [default: {rate}]" in evaluation
    assert f"at a time. [default: {segment}]" in evaluation
    assert f"Learning rate of --adapt. [default: {rate}]" in sampling


@pytest.fixture(scope="module")
def folder(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of home with another text."""
    folder = tmp_path_factory.mktemp("dynamic") / "home"
    shutil.copytree(home, folder)
    (folder / "other.txt").write_text("Dodo\n" * 60, "utf-8")
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def test_eval_dynamic_is_the_librarys_figure_and_changes_no_file(here: Path) -> None:
    path = here / "checkpoints" / "names" / "best.npz"
    before = path.read_bytes()
    run = checkpoint.load(path)
    ids = run.vocabulary.ids("Dodo\n" * 60, "text")
    for more, options in ([], {}), (["--dynamic-rate", 0.01, "--segment", 9], {"rate": 0.01, "segment": 9}):
        reader = StreamLearner(run.network, **options)  # type: ignore[arg-type]
        found = json.loads(ok("eval", "other.txt", "--dynamic", "--json", *more))
        assert found["nats"] == pytest.approx(nats(reader, ids).sum(), rel=1e-5)
    static = json.loads(ok("eval", "other.txt", "--json"))
    assert found["bits_per_char"] < static["bits_per_char"] - 0.1
    assert found["count"] == static["count"] == 300
    assert path.read_bytes() == before


def test_rows_add_up_to_the_score_and_each_text_is_read_anew(here: Path) -> None:
    one = json.loads(ok("eval", "other.txt", "--dynamic", "--json"))["nats"] / np.log(2)
    twice = json.loads(ok("eval", "other.txt", "other.txt", "--dynamic", "--json"))["nats"] / np.log(2)
    assert twice == pytest.approx(2 * one, rel=1e-6)
    rows = table(ok("eval", "other.txt", "--dynamic", "--by", "line"))
    assert len(rows) == 60 and sum(float(row[1]) for row in rows) == pytest.approx(one, abs=0.5)
    assert float(rows[-1][1]) < float(rows[0][1])
    rows = table(ok("eval", "other.txt", "--dynamic", "--by", "char"))
    assert len(rows) == 300 and sum(float(row[0]) for row in rows) == pytest.approx(one, abs=0.05)


def test_the_held_out_part_is_read_dynamically_too(here: Path) -> None:
    found, static = (json.loads(ok("eval", *options, "--json", stdin=None)) for options in (["--dynamic"], []))
    assert found["count"] == static["count"] and found["nats"] != static["nats"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dynamic", "--burn-in", 8], "--burn-in"),
        (["--dynamic-rate", 0.1], "--dynamic-rate"),
        (["--segment", 4], "--segment"),
        (["--dynamic", "--segment", 0], "--segment"),
        (["--dynamic", "--dynamic-rate", 0], "--dynamic-rate"),
        (["--dynamic", "--dynamic-rate", "nan"], "--dynamic-rate"),
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_refused(here: Path, options: list[object], words: str) -> None:
    assert words in refused(2, "eval", "other.txt", *options)


def test_sample_adapts_to_a_text_and_says_what_it_gained(here: Path) -> None:
    path = here / "checkpoints" / "names" / "best.npz"
    before = path.read_bytes()
    told = invoke("sample", "--adapt", "other.txt", "--adapt-rate", 0.003, "--seed", 1, "-n", 200)
    assert told.exit_code == 0
    match = re.search(r"adapted to other.txt, 300 symbols: (\S+) bits/char without, (\S+) with", told.stderr)
    assert match and float(match[1]) > float(match[2]) + 0.05
    bits = [
        json.loads(ok("eval", "other.txt", "--json", *more))["bits_per_char"]
        for more in ([], ["--dynamic", "--dynamic-rate", 0.003])
    ]
    assert [float(match[1]), float(match[2])] == pytest.approx(bits, abs=1e-4)
    plain, slowly = (ok("sample", "--seed", 1, "-n", 200, *more) for more in ([], ["--adapt", "other.txt"]))
    assert told.stdout.count("o") > plain.count("o") and plain != slowly != told.stdout
    assert ok("sample", "--adapt", "-", "--seed", 1, "-n", 200, stdin="Dodo\n" * 60) == slowly
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("code", "options", "stdin", "words"),
    [
        (2, ["--adapt", "-", "--prime", "-"], "Do", "--prime -"),
        (2, ["--adapt-rate", 0.1], None, "--adapt-rate"),
        (2, ["--adapt", "other.txt", "--adapt-rate", "nan"], None, "--adapt-rate"),
        (3, ["--adapt", "-"], "", "standard input"),
        (3, ["--adapt", "-"], "Do?", "?"),
        (2, ["--adapt", "gone.txt"], None, "gone.txt"),
    ],
    ids=str,
)
def test_nothing_is_written_after_a_text_that_cannot_be_read(
    here: Path, code: int, options: list[object], stdin: str | None, words: str
) -> None:
    assert words in refused(code, "sample", *options, stdin=stdin)
