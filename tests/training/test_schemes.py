"""Training schemes: whose gradients they are, by definition; each symbol learnt from once; example 4; memory."""

import itertools
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charnn import choices
from charnn.config import ModelConfig, TrainConfig
from charnn.data.batch import Batch
from charnn.data.batches import StreamBatches, sequence_stats
from charnn.data.vocabulary import EOS
from charnn.errors import UsageError
from charnn.nn.model import Gradient, Model, PassContext
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.parallel.team import SingleWorker, ThreadGroup
from charnn.training import memory, schemes
from charnn.training.bptt import Replica, Span
from charnn.training.schemes import Unbiased, Whole
from tests.helpers.snapshots import raises
from tests.helpers.toys import V, begin, start, text, trainer_of, updates, vectors

SCHEMES: dict[str, dict[str, Any]] = {
    "truncated": {"window": 4},
    "(2, 5)": {"window": 5, "stride": 2},
    "(3, 4)": {"window": 4, "stride": 3},
    "online, (1, 3)": {"window": 3, "stride": 1},
    "Elman 1990": {"window": 1},
    "one-step": {"scheme": "one-step", "window": 4},
    "full, by 3": {"scheme": "full", "window": 3},
    "full, at once": {"scheme": "full", "window": 100},
    "unbiased": {"scheme": "unbiased", "window": 3},
}
every_scheme = pytest.mark.parametrize("given", SCHEMES.values(), ids=SCHEMES.keys())
resets = pytest.mark.parametrize("reset", [False, True], ids=["carried", "reset"])


def plan(given: dict[str, Any], batch: int, **more: Any) -> TrainConfig:
    return TrainConfig(batch=batch, **given, **more)


def made(given: dict[str, Any], ids: np.ndarray, batch: int, reset: bool, **more: Any) -> Any:
    config = plan(given, batch, **more)
    return schemes.make(config, StreamBatches(ids, batch, config.window), reset)


def spans(scheme: Any) -> list[Span]:
    """All updates of an epoch."""
    found, cursor = [], 0
    while cursor < len(scheme):
        found.append(scheme.span(cursor, len(found)))
        cursor += found[-1].done
    assert cursor == len(scheme)
    return found


def network(cell: str = "elman", dropout: float = 0.0) -> tuple[Model, Parameters]:
    """A small net in float64, with two layers."""
    activation = {"activation": "tanh"} if cell == "elman" else {}
    model = Model(ModelConfig(cell=cell, hidden=4, layers=2, dropout=dropout, **activation), V)
    p = model.initial(np.random.default_rng(3), np.float64)
    p.flat[...] += 0.1 * np.random.default_rng(4).normal(size=p.flat.size)
    return model, p


def worker(model: Any, p: Any, reset: bool, part: slice | None = None, seed: int | None = None) -> Replica:
    def noise(window: int) -> Any:
        return None if seed is None else np.random.default_rng((seed, window))

    return Replica(Network(model, p, reset), part or slice(0, 1000), p.like(), noise)


def learnt(
    model: Model, p: Parameters, found: list[Span], batch: int, reset: bool
) -> tuple[np.ndarray, float, int, Any]:
    """The summed gradient of some updates under the same weights, their loss and count, and the state after them."""
    one, nats, count, state = worker(model, p, reset), 0.0, 0, model.zero_state(batch, np.float64)
    for span in found:
        more, counted = span.gradient(one, state)
        nats, count = nats + more, count + counted
    return one.g.flat, nats, count, state


# By definition: the sum over t of the gradient of L_t, from the state some steps before it


def defined(
    model: Model, p: Parameters, ids: np.ndarray, batch: int, reset: bool, begins: Callable[[int, int], int]
) -> tuple[np.ndarray, float, Any]:
    """Every lane by itself, and every L_t by itself: its gradient goes back to step begins(t, steps of all lanes)."""
    g, nats, last = p.like(), 0.0, []
    lanes = StreamBatches(ids, batch, len(ids))
    edges = [b * lanes.length + min(b, lanes.extra) for b in range(batch + 1)]
    read = np.append(np.array([EOS], ids.dtype), ids)
    for low, high in itertools.pairwise(edges):
        x, y = read[low:high, None], ids[low:high, None]
        keep = (x != EOS)[..., None].astype(np.float64) if reset else None
        states = [model.zero_state(1, np.float64)]
        for t in range(high - low):
            there = None if keep is None else keep[t : t + 1]
            states.append(model.step(p, x[t], states[t], Workspace(), there)[1])
            first = begins(t, lanes.length)
            steps = slice(first, t + 1)
            there = None if keep is None else keep[steps]
            counted = np.arange(first, t + 1)[:, None] == t
            batch = Batch(x[steps], y[steps], there, counted)
            found = model.gradient(p, g, batch, states[first], PassContext(Workspace()))
            nats += found.nats
        last.append(states[-1])
    return g.flat, nats, tuple(np.concatenate(parts) for parts in zip(*last, strict=True))


def reach(given: dict[str, Any]) -> Callable[[int, int], int]:
    """The first step that the gradient of L_t reaches, by the schemes' definitions."""
    k2 = given["window"]
    k1 = given.get("stride", k2)
    if given.get("scheme") == "one-step":
        return lambda t, length: t
    if given.get("scheme") in ("full", "unbiased"):
        return lambda t, length: 0
    return lambda t, length: max(0, (length if t == length else t // k1 * k1) - (k2 - k1))


@every_scheme
@resets
@pytest.mark.parametrize("symbols", [24, 31])
def test_an_epochs_gradient_is_that_of_the_definition(given: dict[str, Any], reset: bool, symbols: int) -> None:
    """Where the state is reset, gradients end at EOS; so full BPTT of a lane's sequences is that of the lane."""
    ids, batch = text(symbols, seed=symbols), 3
    model, p = network()
    scheme = made(given, ids, batch, reset)
    whole = isinstance(scheme, Whole)  # it knows no lanes
    exact, loss, after = defined(model, p, ids, 1 if whole else batch, reset, reach(given))
    uncut = [replace(scheme.through(0, len(scheme)), factor=1.0)] if isinstance(scheme, Unbiased) else None
    g, nats, count, state = learnt(model, p, uncut or spans(scheme), batch, reset)
    assert (g != 0).mean() > 0.8
    np.testing.assert_allclose(g, exact, atol=1e-10)
    assert (nats, count) == (pytest.approx(loss), symbols)
    if not whole:
        for s, expected in zip(state, after, strict=True):
            np.testing.assert_allclose(s, expected, atol=1e-12)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("name", ["(2, 5)", "one-step", "full, by 3"])
def test_definitions_hold_for_all_cells(cell: str, name: str) -> None:
    given, ids = SCHEMES[name], text(22)
    model, p = network(cell)
    exact, loss, _ = defined(model, p, ids, 2, False, reach(given))
    g, nats, *_ = learnt(model, p, spans(made(given, ids, 2, False)), 2, False)
    np.testing.assert_allclose(g, exact, atol=1e-10)
    assert nats == pytest.approx(loss)


@resets
def test_unbiased_truncation_is_full_bptt_on_average(reset: bool) -> None:
    """All patterns of cuts, each as often as it comes."""
    ids, batch, cut = text(29), 2, 0.3
    model, p = network()
    scheme = made({"scheme": "unbiased", "window": 3, "cut_probability": cut}, ids, batch, reset)
    exact, *_ = defined(model, p, ids, batch, reset, lambda t, length: 0)
    mean, total = np.zeros_like(exact), 0.0
    for weight, found in patterns(scheme, cut):
        mean += weight * learnt(model, p, found, batch, reset)[0]
        total += weight
    plain = learnt(model, p, spans(made({"window": 3}, ids, batch, reset)), batch, reset)[0]
    assert len(scheme) == 6 and total == pytest.approx(1)
    np.testing.assert_allclose(mean, exact, atol=1e-10)
    assert np.abs(plain - exact).max() > 0.01


def patterns(scheme: Unbiased, cut: float) -> list[tuple[float, list[Span]]]:
    """Every way to cut an epoch, and how often it comes."""
    found = []
    for cuts in itertools.product((False, True), repeat=len(scheme) - 1):
        edges = [0, *(i + 1 for i, there in enumerate(cuts) if there), len(scheme)]
        weight = math.prod(cut if there else 1 - cut for there in cuts)
        found.append((weight, [scheme.through(a, b - a) for a, b in itertools.pairwise(edges)]))
    return found


# Example 4: h[0] = x[0],  h[t] = h[t-1] + theta,  L[t] = (h[t] - mu)^2, of one draw of x[0] in each row


class Walk:
    """Knows no cell, and no symbols: `gradient` and `after` as `Model` has them."""

    mu = 0.7

    def after(self, p: Any, batch: Batch, state: Any, context: Any) -> Any:
        return (state[0] + len(batch.x) * p["theta"],)

    def gradient(self, p: Any, g: Any, batch: Batch, state: Any, context: Any, dstate: Any = None) -> Gradient:
        steps, first = len(batch.x), batch.first_counted
        h = state[0] + p["theta"] * np.arange(1, steps + 1)[:, None, None]
        dh = np.zeros_like(state[0]) if dstate is None else dstate[0].copy()
        for t in range(steps - 1, -1, -1):
            dh += 2 * (h[t] - self.mu) * (t >= first)
            g["theta"] += dh.sum()
        return Gradient(float(((h[first:] - self.mu) ** 2).sum()), h[first:].size, (h[-1],), (dh,))


T, THETA, DRAWS = 6, 0.3, Walk.mu + np.array([[-1.5], [1.5], [0.4], [-0.4]])


def walked(found: list[Span]) -> float:
    p = Parameters({"theta": (1,)}, np.float64)
    p["theta"] = np.array([THETA])
    one, state = worker(Walk(), p, False), (DRAWS.copy(),)
    for span in found:
        span.gradient(one, state)
    np.testing.assert_allclose(state[0], DRAWS + T * THETA)
    return float(one.g["theta"][0])


def of_walks(given: dict[str, Any]) -> Any:
    return made(given, np.ones(T * len(DRAWS), np.uint8), len(DRAWS), False)


def test_example_4_in_full() -> None:
    """dL/dtheta = sum_t 2 t (h[t] - mu); on average over x[0], whose variance is the draws', sum_t 2 t^2 theta."""
    exact = sum(2 * t * float((DRAWS + t * THETA - Walk.mu).sum()) for t in range(1, T + 1))
    assert exact == pytest.approx(len(DRAWS) * sum(2 * t**2 * THETA for t in range(1, T + 1)))
    for window in (1, 2, 4, 6):
        assert walked(spans(of_walks({"scheme": "full", "window": window}))) == pytest.approx(exact)


@pytest.mark.parametrize("given", [{"window": 1}, {"scheme": "one-step", "window": 4}], ids=["window 1", "one-step"])
def test_example_4_truncated_to_one_step(given: dict[str, Any]) -> None:
    """The truncated gradient of L[t] is 2 (h[t] - mu)."""
    truncated = sum(2 * float((DRAWS + t * THETA - Walk.mu).sum()) for t in range(1, T + 1))
    assert walked(spans(of_walks(given))) == pytest.approx(truncated)


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 1.0])
def test_example_4_is_unbiased_where_truncation_is_not(window: int, cut: float) -> None:
    exact = walked(spans(of_walks({"scheme": "full", "window": window})))
    plain = walked(spans(of_walks({"window": window})))
    scheme = of_walks({"scheme": "unbiased", "window": window, "cut_probability": cut})
    mean = sum(weight * walked(found) for weight, found in patterns(scheme, cut))
    assert plain < 0.5 * exact
    assert mean == pytest.approx(plain if cut == 1 else exact)


def test_cuts_come_as_often_as_they_should() -> None:
    """An update has n windows with probability c (1 - c)^(n - 1), whatever came before; and draws them by its step."""
    cut, steps = 0.4, 4000
    scheme = made(
        {"scheme": "unbiased", "window": 1, "cut_probability": cut}, np.ones(10_000, np.uint8), 1, False, seed=5
    )
    drawn = [scheme.span(0, step).done for step in range(steps)]
    for n in range(1, 6):
        share = cut * (1 - cut) ** (n - 1)
        assert drawn.count(n) / steps == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / steps))
    assert drawn == [scheme.span(7, step).done for step in range(steps)]
    other = made(
        {"scheme": "unbiased", "window": 1, "cut_probability": cut}, np.ones(10_000, np.uint8), 1, False, seed=6
    )
    assert drawn != [other.span(0, step).done for step in range(steps)]
    assert scheme.span(9_999, 0).done == 1 and {len(scheme.span(9_998, step).windows) for step in range(9)} == {1, 2}


# Every symbol once


class Reader:
    """Notes what counts."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def after(self, p: Any, batch: Batch, state: Any, context: Any) -> Any:
        return state

    def gradient(self, p: Any, g: Any, batch: Batch, state: Any, context: Any, dstate: Any = None) -> Gradient:
        self.seen.append((batch.y if batch.counted is None else batch.y[batch.counted]).ravel())
        return Gradient(0.0, self.seen[-1].size, state, state)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    N=st.integers(1, 120),
    B=st.integers(1, 9),
    T=st.integers(1, 12),
    stride=st.integers(1, 12),
    members=st.integers(1, 3),
    every=st.integers(1, 30),
)
@example(N=5, B=9, T=4, stride=2, members=2, every=30)
@example(N=37, B=6, T=12, stride=5, members=3, every=7)
def test_every_symbol_counts_once_an_epoch(N: int, B: int, T: int, stride: int, members: int, every: int) -> None:
    """By all workers together; and what counts is counted."""
    ids = np.arange(1, N + 1, dtype=np.uint8)
    ids[every::every] = EOS
    p = Parameters({"none": (1,)})
    for row in SCHEMES.values():
        asked = {**row, "window": T, **({"stride": min(T, stride)} if "stride" in row else {})}
        for reset in (False, True):
            model, count = Reader(), 0
            for span in spans(made(asked, ids, B, reset)):
                for n in range(members):
                    part = slice(B * n // members, B * (n + 1) // members)
                    state = (np.zeros((part.stop - part.start, 1), np.float32),)
                    count += span.gradient(worker(model, p, reset, part), state)[1]
            np.testing.assert_array_equal(np.sort(np.concatenate(model.seen)), np.sort(ids))
            assert count == N


@pytest.mark.parametrize("ids", [[1, 0, 2, 2, 0, 3], [1, 2, 0], [0, 0, 4], [5] * 9, [1] * 7 + [0] + [2] * 30 + [0, 3]])
def test_sequences_are_counted_and_measured(ids: list[int]) -> None:
    found = "".join(map(str, ids)).replace("0", "0 ").split()
    for size in (1, 3, 100):  # symbols looked at at a time
        assert sequence_stats(np.array(ids, np.uint8), size) == (len(found), max(map(len, found)))


# In training


def test_updates_weigh_their_characters_alike() -> None:
    """Gradients are divided by the characters of an update, on average."""
    ids, given = text(2000), {"batch": 4, "state": "carry"}
    sizes = {
        (("stride", 3),): 4 * 3,
        (("scheme", "one-step"),): 4 * 8,
        (("scheme", "full"),): 2000,
        (("scheme", "unbiased"), ("cut_probability", 0.25)): 4 * 8 / 0.25,
        (("scheme", "full"), ("state", "reset")): 2000 / (sequence_stats(ids)[0] / 4),
    }
    for more, size in sizes.items():
        run = start(**{**given, **dict(more), "optimizer": "sgd", "momentum": 0.0, "rate": 1.0, "clip": 0.0})
        trainer = trainer_of(run, ids)
        before = run.weights.flat.copy()
        g = run.weights.like()
        one = Replica(run.network, slice(0, 4), g)
        trainer.scheme.span(0, 0).gradient(one, run.model.zero_state(4))
        (update,) = updates(trainer, 1)
        assert trainer.scheme.size == pytest.approx(size)
        np.testing.assert_allclose(before - run.weights.flat, g.flat / size, atol=1e-6)
        assert update.norm == pytest.approx(np.linalg.norm(g.flat) / size, rel=1e-5)


TRAINED: dict[str, dict[str, Any]] = {
    "(3, 8), resets": {"stride": 3, "state": "reset"},
    "(3, 8), lstm": {"stride": 3, "state": "continuous", "cell": "lstm", "activation": None},
    "one-step, resets": {"scheme": "one-step", "state": "reset"},
    "one-step, gru": {"scheme": "one-step", "state": "carry", "cell": "gru", "activation": None},
    "full, resets": {"scheme": "full", "state": "reset"},
    "full": {"scheme": "full", "state": "carry"},
    "unbiased, resets": {"scheme": "unbiased", "state": "reset"},
    "unbiased": {"scheme": "unbiased", "state": "continuous"},
}


@pytest.mark.parametrize("given", TRAINED.values(), ids=TRAINED.keys())
@pytest.mark.parametrize("size", [2, 3])
def test_a_team_does_what_one_does_up_to_rounding(given: dict[str, Any], size: int) -> None:
    found = []
    for team in (SingleWorker(), ThreadGroup(size)):
        run = start(**{"layers": 2, "skip": True, "batch": 5, "workers": team.size, **given})
        found.append((run, updates(trainer_of(run, text(5 * 8 * 4 + 2), team), 15)))
        team.close()
    (alone, by_one), (shared, by_all) = found
    assert [u.count for u in by_all] == [u.count for u in by_one]
    np.testing.assert_allclose([u.nats for u in by_all], [u.nats for u in by_one], rtol=1e-4)
    for a, b in zip(vectors(shared), vectors(alone), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
    assert (shared.step, shared.epoch, shared.cursor) == (alone.step, alone.epoch, alone.cursor)
    assert shared.epoch > 0


@every_scheme
@pytest.mark.parametrize("state", ["carry", "continuous"])
def test_the_state_is_carried_to_a_lanes_end_and_forgotten_or_not(given: dict[str, Any], state: str) -> None:
    ids, batch = text(31), 3
    run = start(**{**given, "state": state, "batch": batch, "rate": 0.0})
    trainer, cursor = trainer_of(run, ids), 0
    after = [s.copy() for s in through(run, ids, batch, run.model.zero_state(batch))]
    while run.epoch == 0:
        updates(trainer, 1)
    for s, expected in zip(run.state, after, strict=True):
        np.testing.assert_allclose(s, expected, atol=1e-5)
    begun = run.model.zero_state(batch) if state == "carry" else tuple(after)
    again = through(run, ids, batch, begun)
    while run.epoch == 1:
        updates(trainer, 1)
    for s, expected in zip(run.state, again, strict=True):
        np.testing.assert_allclose(s, expected, atol=1e-5)
    assert cursor == run.cursor


def through(run: Any, ids: np.ndarray, batch: int, state: Any) -> Any:
    """The state at the end of all lanes."""
    lanes, state = StreamBatches(ids, batch, 1), tuple(s.copy() for s in state)
    for i in range(len(lanes)):
        x, _ = lanes[i]
        there = tuple(s[: x.shape[1]] for s in state)
        after = run.model.after(run.weights, Batch(x, x), there, PassContext(Workspace()))
        for s, new in zip(there, after, strict=True):
            s[...] = new
    return state


@pytest.mark.parametrize("name", ["(2, 5)", "full, by 3", "unbiased"])
def test_both_readings_of_a_window_have_the_same_noise(name: str) -> None:
    """Otherwise the gradient would not be that of the loss: finite differences, the noise held."""
    ids, given = text(20), SCHEMES[name]
    model, p = network(dropout=0.4)
    span = made(given, ids, 2, False).span(3 if name == "(2, 5)" else 0, 2)
    assert len(span.windows) > 1
    span = replace(span, factor=1.0)

    def loss() -> float:
        return span.gradient(worker(model, p, False, seed=7), model.zero_state(2, np.float64))[0]

    one, e = worker(model, p, False, seed=7), 1e-5
    span.gradient(one, model.zero_state(2, np.float64))
    for i in range(0, p.flat.size, 3):
        p.flat[i] += e
        above = loss()
        p.flat[i] -= 2 * e
        below = loss()
        p.flat[i] += e
        assert one.g.flat[i] == pytest.approx((above - below) / 2 / e, abs=1e-6)


def test_noise_differs_from_window_to_window_and_from_update_to_update() -> None:
    run = start(dropout=0.5, layers=2, scheme="full", state="carry", rate=0.0)
    trainer, found = trainer_of(run, np.full(4 * 8 * 3, 1, np.uint8)), []
    original = Model.after

    def spy(self: Model, p: Any, batch: Batch, state: Any, context: PassContext) -> Any:
        found.append(context.rng.bit_generator.state["state"]["state"])  # type: ignore[union-attr]
        return original(self, p, batch, state, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "after", spy)
        updates(trainer, 2)
    assert len(found) == len(set(found)) == 4


# Memory


def test_memory_of_full_bptt_grows_by_the_states_alone() -> None:
    model, batch, window, peaks, arenas = Model(ModelConfig("elman", 64, 1), V), 4, 32, [], []
    p = model.initial(np.random.default_rng(0))
    lengths = (4, 64)
    for windows in lengths:
        scheme = made({"scheme": "full", "window": window}, text(batch * window * windows), batch, False)
        one = worker(model, p, False)
        for _ in range(4):  # until the calls of a window are noted
            scheme.span(0, 0).gradient(one, model.zero_state(batch))
        tracemalloc.start()
        scheme.span(0, 0).gradient(one, model.zero_state(batch))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        arenas.append(one.ws._arena.size)
        assert scheme.edges == windows
    states = (lengths[1] - lengths[0]) * batch * 64 * memory.FLOAT_BYTES
    assert arenas[0] == arenas[1] > 4 * batch * window * 64
    assert 0.9 * states < peaks[1] - peaks[0] < 1.5 * states
    config = TrainConfig(batch=batch, window=window, workers=1)
    assert memory.needed(model, config, lengths[1]) - memory.needed(model, config, lengths[0]) == states


def test_what_an_update_keeps_is_known_before() -> None:
    """No update keeps more states than its scheme says."""
    for row in SCHEMES.values():
        for reset in (False, True):
            scheme = made(row, text(200), 3, reset)
            assert max(len(span.windows) for span in spans(scheme)) <= scheme.edges


# Options


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"scheme": "full", "stride": 8}, "--stride"),
        ({"scheme": "one-step", "stride": 8}, "--stride"),
        ({"scheme": "unbiased", "stride": 8}, "--stride"),
        ({"cut_probability": 0.5}, "--cut-probability"),
        ({"scheme": "full", "cut_probability": 0.5}, "--cut-probability"),
        ({"window": 8, "stride": 9}, "--stride is 9"),
        ({"scheme": "unbiased", "cut_probability": 0.0}, "--cut-probability is 0"),
        ({"scheme": "rtrl"}, "--scheme is 'rtrl'"),
    ],
)
def test_what_has_no_effect_is_refused(given: dict[str, Any], named: str) -> None:
    with raises(UsageError, named):
        TrainConfig(**given)


def test_options_of_a_scheme_have_their_defaults() -> None:
    assert (
        TrainConfig(scheme="unbiased").cut_probability == 0.5
        and TrainConfig().cut_probability is TrainConfig().stride is None
    )


@pytest.mark.parametrize(("given", "per"), [({"scheme": "full", "state": "carry"}, 1.0), ({"stride": 2}, 400.0)])
def test_budgets_and_validations_count_updates_and_passes(given: dict[str, Any], per: float) -> None:
    """`steps` and `every` are updates; an epoch is a pass over the text, whatever an update learns from."""
    running = begin(**{"steps": None, "epochs": 2.0, "validate_every": None, "symbols": 4000, **given})
    list(running)
    run, symbols = running.run, len(running.plan.train)
    assert run.epoch == 2 and run.cursor == 0
    assert run.step == pytest.approx(2 * per, rel=0.01) and run.count == 0
    assert run.config.validate_every == max(1, int(2 * symbols / running.trainer.scheme.size / 20))
    assert run.history[-1]["epoch"] == 2


def test_a_short_text_shortens_the_stride_with_the_window() -> None:
    running = begin(symbols=900, window=64, stride=40)
    assert running.run.config.window < 40 and running.run.config.stride is None
    assert begin(symbols=900, window=64, stride=10).run.config.stride == 10


def test_every_scheme_has_a_row_here() -> None:
    assert {row.get("scheme", TrainConfig().scheme) for row in SCHEMES.values()} == choices.SCHEMES.keys()
