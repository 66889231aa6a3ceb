"""Lists of calls: what is noted, what cannot be, and how many lists are kept."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from charnn.nn import replay
from charnn.nn.parameters import Parameters
from charnn.nn.replay import FIRST, NEVER, Plan, Window, as_one_call, run
from charnn.nn.workspace import Workspace


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


def test_the_third_window_is_a_list_of_calls() -> None:
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
def test_what_python_reads_out_of_an_array_cannot_be_repeated(look: Callable[[Any], Any]) -> None:
    def changing(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        p["w"] += 1
        look(x)
        return x + p["w"]

    p, ws = weights(), Workspace()
    found = repeat(changing, [[1.0, 1, 1], [2.0, 2, 2], [0.0, 3, 3], [4.0, 4, 4]], p, ws)
    np.testing.assert_array_equal(found, [[3, 4, 5], [5, 6, 7], [4, 8, 9], [9, 10, 11]])
    assert [*ws.plans.values()] == [NEVER]
    np.testing.assert_array_equal(p["w"], [5, 6, 7])


def test_one_call_may_look_at_numbers_and_take_memory() -> None:
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


def test_a_generator_goes_on_as_without_a_list() -> None:
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


def test_windows_of_another_shape_have_a_list_of_their_own_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_PLANS", 2)
    p, ws = weights(), Workspace()
    short, long, longer = (np.ones(n) for n in (1, 3, 6))

    def total(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        return x * 3

    for x in (short, short, long, short, long, short):
        run(Window(total, (p,), (x,)), ws)
    assert all(isinstance(plan, Plan) for plan in ws.plans.values()) and len(ws.plans) == 2
    run(Window(total, (p,), (longer,)), ws)
    assert [plan if isinstance(plan, str) else len(plan.found) for plan in ws.plans.values()] == [1, FIRST]
    run(Window(total, (p,), (short.astype(np.float32),)), ws)
    assert [*ws.plans.values()] == [FIRST, FIRST]


def test_windows_of_very_many_calls_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_CALLS", 9)

    def steps(p: Any, x: Any, ws: Any, rng: Any) -> Any:
        for _ in range(10):
            x = x + 1
        return x

    ws = Workspace()
    assert repeat(steps, [[0.0]] * 3, weights(), ws) == [10, 10, 10] and [*ws.plans.values()] == [NEVER]


def test_lists_of_calls_go_when_the_arena_grows() -> None:
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
