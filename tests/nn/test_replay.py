"""Lists of calls: what is noted, what cannot be, and how many lists are kept."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from charnn.config import ModelConfig
from charnn.data.batch import Batch
from charnn.nn import replay
from charnn.nn.model import Model, PassContext
from charnn.nn.parameters import Parameters
from charnn.nn.replay import CALL_BYTES, NEVER, TIMES_SEEN, Plan, Window, as_one_call, run
from charnn.nn.workspace import Workspace


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second window of a shape is noted."""
    monkeypatch.setattr(replay, "TIMES_SEEN", 1)


def weights() -> Parameters:
    p = Parameters({"w": (3,)}, np.float64)
    p.flat[:3] = 1, 2, 3
    return p


def repeat(function: Callable[..., Any], inputs: list[Any], p: Parameters, ws: Workspace) -> list[Any]:
    """What windows of these inputs return, one after the other."""
    found = []
    for one in inputs:
        ws.reset()
        found.append(replay.mapped(np.copy, run(Window(function, (p,), (np.asarray(one),)), ws)))
    return found


def test_the_third_window_is_a_list_of_calls(soon: None) -> None:
    made = list[str]()

    def double(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        made.append("in Python")
        return p["w"] * x * 2

    p, ws = weights(), Workspace()
    found = repeat(double, [[1.0, 1, 1], [2.0, 2, 2]], p, ws)
    p["w"] = np.array([5.0, 6, 7])
    found += repeat(double, [[3.0, 3, 3], [4.0, 4, 0]], p, ws)
    assert len(made) == 2
    np.testing.assert_array_equal(found, [[2, 4, 6], [4, 8, 12], [30, 36, 42], [40, 48, 0]])


@pytest.mark.parametrize(
    "look",
    [
        lambda a: bool(a.any()),
        lambda a: float(a[0]),
        lambda a: int(a[0]),
        lambda a: a.tolist(),
        lambda a: a.sum().item(),
        lambda a: [0.0, 1.0][a.argmax()],
        lambda a: list(a),
        lambda a: a.any() and 1,
    ],
)
def test_what_python_reads_out_of_an_array_cannot_be_repeated(soon: None, look: Callable[[Any], Any]) -> None:
    def changing(p: Any, g: Any, x: Any, ws: Any, rng: Any) -> Any:
        g["w"] += p["w"]
        look(x)
        return x + g["w"]

    p, g, ws, found = weights(), weights().like(), Workspace(), []
    for x in ([1.0, 1, 1], [2.0, 2, 2], [0.0, 3, 3], [4.0, 4, 4]):
        found.append(run(Window(changing, (p, g), (np.array(x),)), ws).copy())
    np.testing.assert_array_equal(found, [[2, 3, 4], [4, 6, 8], [3, 9, 12], [8, 12, 16]])
    assert [*ws.plans.values()] == [NEVER]
    np.testing.assert_array_equal(g["w"], [4, 8, 12])


def test_one_call_may_look_at_numbers_and_take_memory(soon: None) -> None:
    @as_one_call
    def larger(x: Any, out: Any, ws: Workspace) -> None:
        with ws.scratch():
            room = ws.empty(x.shape, x.dtype)
            room[...] = x
            out[...] = room if x[0] > 2 else -room

    def chosen(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        before, out, after = (ws.empty(x.shape, x.dtype) for _ in range(3))
        before[...] = x
        larger(x, out, ws)
        after[...] = out
        return before, after

    ws = Workspace()
    found = repeat(chosen, [[1.0], [2.0], [3.0], [1.0], [5.0]], weights(), ws)
    assert [(float(a[0]), float(b[0])) for a, b in found] == [(1, -1), (2, -2), (3, 3), (1, -1), (5, 5)]
    assert isinstance(*ws.plans.values(), Plan)


def test_a_generator_goes_on_as_without_a_list(soon: None) -> None:
    @as_one_call
    def draw(out: Any, rng: np.random.Generator) -> None:
        out[...] = rng.random(out.shape)

    def noisy(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        out = ws.empty(x.shape, x.dtype)
        draw(out, rng)
        return out + x

    p, ws, rng, other = weights(), Workspace(), np.random.default_rng(1), np.random.default_rng(1)
    for i in range(5):
        ws.reset()
        found = run(Window(noisy, (p,), (np.zeros(4),), rng), ws)
        np.testing.assert_array_equal(found, other.random(4), err_msg=str(i))


def tripled(p: Any, x: Any, ws: Any, rng: Any) -> Any:
    return x * 3


def of_size(size: int, p: Parameters, ws: Workspace, count: int = 1) -> None:
    for _ in range(count):
        run(Window(tripled, (p,), (np.ones(size),)), ws)


def test_a_shape_is_noted_once_it_has_come_often() -> None:
    p, ws = weights(), Workspace()
    for seen in range(1, TIMES_SEEN + 1):
        of_size(1, p, ws)
        assert [*ws.plans.values()] == [seen]
    of_size(1, p, ws)
    assert isinstance(*ws.plans.values(), Plan)


def test_the_lists_used_last_are_kept_and_the_shapes_seen_last(monkeypatch: pytest.MonkeyPatch, soon: None) -> None:
    monkeypatch.setattr(replay, "MAX_CALLS", 2)
    monkeypatch.setattr(replay, "MAX_SHAPES", 3)
    p, ws = weights(), Workspace()
    for size in (1, 2, 1, 3):  # 2 is the one that was not used for longest
        of_size(size, p, ws, 2)
    assert [len(plan.found) for plan in ws.plans.values()] == [1, 3]
    of_size(4, p, ws)
    of_size(5, p, ws)
    assert [one if isinstance(one, int) else len(one.found) for one in ws.plans.values()] == [3, 1, 1]


def test_windows_of_very_many_calls_are_not_repeated(monkeypatch: pytest.MonkeyPatch, soon: None) -> None:
    monkeypatch.setattr(replay, "MAX_CALLS", 9)

    def steps(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        for _ in range(10):
            x = x + 1
        return x

    ws = Workspace()
    assert repeat(steps, [[0.0]] * 3, weights(), ws) == [10, 10, 10] and [*ws.plans.values()] == [NEVER]


def test_a_call_takes_about_as_much_memory_as_is_counted() -> None:
    model = Model(ModelConfig("lstm", 32, 2, None, True, 0.3), 40)
    p, ws, rng = model.initial(np.random.default_rng(0)), Workspace(), np.random.default_rng(1)
    g, batch, state = p.like(), Batch(*rng.integers(0, 40, (2, 32, 4))), model.zero_state(4)
    tracemalloc.start()
    traced = [0]
    for _ in range(TIMES_SEEN + 2):  # the first reset makes the arena larger, and begins to count anew
        ws.reset()
        model.gradient(p, g, batch, state, PassContext(ws, rng))
        traced.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    (plan,) = ws.plans.values()
    assert 0.6 * CALL_BYTES < (traced[-1] - traced[-2]) / len(plan.calls) < 1.2 * CALL_BYTES


def test_lists_of_calls_go_when_the_arena_grows(soon: None) -> None:
    def room(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        out = ws.empty(x.shape, x.dtype)
        out[...] = x
        return out

    p, ws = weights(), Workspace()
    repeat(room, [[1.0]] * 3, p, ws)
    assert isinstance(*ws.plans.values(), Plan)
    ws.empty((1000,), np.float64)
    ws.reset()
    assert not ws.plans
    assert repeat(room, [[2.0], [3.0], [4.0]], p, ws) == [2, 3, 4]


def test_the_memory_of_lists_that_are_dropped_is_free_again(soon: None) -> None:
    def steps(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        for _ in range(100):
            x = x[:] + 1
        return x

    traced = list[int]()
    tracemalloc.start()
    for _ in range(4):
        repeat(steps, [[0.0]] * 3, weights(), Workspace())
        gc.collect()
        traced.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert traced[-1] - traced[1] < 10 * CALL_BYTES
