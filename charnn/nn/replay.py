"""Windows made again: the calls of NumPy that a window makes are noted once for its shape, and repeated from then on.

Every window of one shape makes the same calls on the same memory, since the arena hands out the same addresses each
time. In a small window most of the time is not arithmetic but Python: views, lookups, slices. So a window is run once
on arrays that note what is done with them (`NotedArray`). Later windows run that list of calls: the same arithmetic,
the same bits. Layers do not know of this. Work that depends on the numbers in arrays is one call, by `as_one_call`.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from typing import Any, NamedTuple

import numpy as np

from .parameters import Views
from .workspace import Workspace

MAX_CALLS = 20_000  # in all lists of a workspace: longer windows spend their time on arithmetic
CALL_BYTES = 1200  # of a call in a list, about: views and what holds them
MAX_SHAPES = 256  # of windows that a workspace knows, those seen last
TIMES_SEEN = 8  # windows of a shape before one is noted, which takes as long as some of them
METHODS = (
    "argmax",
    "argmin",
    "astype",
    "copy",
    "cumsum",
    "dot",
    "fill",
    "ravel",
    "repeat",
    "reshape",
    "swapaxes",
    "take",
)
FACTS = np.shape, np.ndim, np.result_type, np.may_share_memory  # that windows of one shape have in common
KEYWORD = np.maximum, np.minimum  # whose `out` has to be a keyword
NEVER = "not to be repeated"
Call = tuple[Callable[..., object], tuple[Any, ...]]


class CannotRepeat(Exception):
    """What a window does depends on numbers in its arrays, in a way that a list of calls does not follow."""


class NotedArray(np.ndarray):
    """An array that appends to `calls` what is done with it, as do its views and all that is computed from it."""

    calls: list[Call]

    def __array_finalize__(self, source: Any) -> None:
        self.calls = getattr(source, "calls", [])

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (None,), **named: Any) -> Any:
        (target,), calls, given = out, _calls((inputs, out)), plain(inputs)
        function = partial(getattr(ufunc, method), *given, **named)
        result = np.asarray(function()) if target is None else function(out=plain(target))
        simple = method == "__call__" and not named and ufunc not in KEYWORD
        calls.append((ufunc, (*given, result)) if simple else (partial(function, out=result), ()))
        return noted(result, calls) if target is None else target

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        return _note(function, args, named)

    def __getitem__(self, index: Any) -> Any:
        if not _is_basic(index):
            return _note(np.ndarray.__getitem__, (self, index))
        found = super().__getitem__(index)
        return found if isinstance(found, np.ndarray) else self._refuse()

    def __setitem__(self, index: Any, value: Any) -> None:
        _note(np.ndarray.__setitem__, (self, index, value))

    def _refuse(self, *_: Any) -> Any:
        raise CannotRepeat("a number is read out of an array")

    __bool__ = __int__ = __float__ = __index__ = tolist = item = _refuse


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args, **named: _note(getattr(np.ndarray, name), (self, *args), named)


for _name in METHODS:
    setattr(NotedArray, _name, _method(_name))


def noted(array: np.ndarray, calls: list[Call]) -> NotedArray:
    """The same memory, as an array that appends to `calls`."""
    view = array.view(NotedArray)
    view.calls = calls
    return view


def mapped(function: Callable[[np.ndarray], Any], given: Any) -> Any:
    """The same with the function's values in place of all arrays in tuples and lists."""
    if isinstance(given, np.ndarray):
        return function(given)
    return type(given)(mapped(function, one) for one in given) if type(given) in (tuple, list) else given


plain = partial(mapped, lambda array: array.view(np.ndarray) if isinstance(array, NotedArray) else array)


def as_one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is repeated as a whole, since what it does depends on the numbers in the arrays that it takes.

    It returns None, an array or a tuple of arrays, of shapes that do not depend on these numbers.
    """

    @wraps(function)
    def called(*args: Any) -> Any:
        return _note(function, args) if any(isinstance(one, NotedArray) for one in args) else function(*args)

    return called


def _note(function: Callable[..., Any], args: Sequence[Any], named: dict[str, Any] | None = None) -> Any:
    """Call a function, and note the call, unless it returns a view, or room that is not filled yet."""
    named, calls = named or {}, _calls((*args, *(named or {}).values()))
    call = partial(function, *plain(tuple(args)), **{name: plain(value) for name, value in named.items()})
    arrays = list(_arrays((call.args, *call.keywords.values())))
    for ws in (one for one in args if isinstance(one, Workspace)):
        call = partial(ws.again, ws.used, call)
    result = call()
    if function in FACTS:
        return result
    if result is None or any(result is a for a in arrays):
        calls.append((call, ()))
        return None if result is None else noted(result, calls)
    found = tuple(map(_array, result if isinstance(result, tuple) else (result,)))
    if not any(np.may_share_memory(one, a) for one in found for a in arrays) and function is not np.empty_like:
        calls.append((_refill, (found, call)))
    return tuple(noted(one, calls) for one in found) if isinstance(result, tuple) else noted(found[0], calls)


def _array(result: Any) -> np.ndarray:
    if not isinstance(result, (np.ndarray, np.generic)):
        raise CannotRepeat(f"a call returns {result!r:.40}")
    return np.asarray(result)


def _refill(found: tuple[np.ndarray, ...], call: Callable[[], Any]) -> None:
    """Put what a call returns where the first one's results are."""
    result = call()
    for old, new in zip(found, result if isinstance(result, tuple) else (result,), strict=True):
        old[...] = new


def _is_basic(index: Any) -> bool:
    """Whether an index gives a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)) for part in parts)


def _arrays(given: Any) -> Iterator[np.ndarray]:
    """All arrays in tuples and lists."""
    if isinstance(given, np.ndarray):
        yield given
    elif isinstance(given, (tuple, list)):
        for one in given:
            yield from _arrays(one)


def _calls(given: Any) -> list[Call]:
    calls = next(array.calls for array in _arrays(given) if isinstance(array, NotedArray))
    if len(calls) == MAX_CALLS:
        raise CannotRepeat(f"it makes more than {MAX_CALLS} calls")
    return calls


class Window(NamedTuple):
    """function(*parameters, *inputs, ws, rng, *constants), which returns arrays, in tuples or not.

    The first of the parameters are weights, which it leaves as they are; it may add to the others.
    Of one shape are windows with the same function, parameters and constants, and inputs of the same shapes.
    """

    function: Callable[..., Any]
    parameters: tuple[Views, ...]
    inputs: tuple[Any, ...]  # arrays, tuples of arrays, and None
    rng: np.random.Generator | None = None
    constants: tuple[Any, ...] = ()

    def run(self, ws: Workspace) -> Any:
        return self.function(*self.parameters, *self.inputs, ws, self.rng, *self.constants)

    def shape(self) -> tuple[Any, ...]:
        given = (one is None for one in self.inputs)
        arrays = ((a.shape, a.dtype.char) for a in self.arrays())
        return self.function, self.rng is None, self.constants, *map(id, self.parameters), *given, *arrays

    def arrays(self) -> list[np.ndarray]:
        """Those in its inputs."""
        return [a for one in self.inputs if one is not None for a in (one if isinstance(one, tuple) else (one,))]


class Plan:
    """The calls of a window, and what they read and return."""

    def __init__(self, window: Window):
        self.window = window._replace(inputs=mapped(np.copy, window.inputs))
        self.arrays = self.window.arrays()  # where inputs are read
        self.calls: tuple[Call, ...] = ()
        self.rng = window.rng and np.random.Generator(type(window.rng.bit_generator)())

    def record(self, window: Window, ws: Workspace) -> Any:
        """What the window returns. Raises `CannotRepeat`, with all parameters as they were before."""
        calls, arrays = list[Call](), [a for p in self.window.parameters[1:] for a in p.values()]
        note = partial(noted, calls=calls)
        views = tuple(Views({name: note(a) for name, a in p.items()}) for p in self.window.parameters)
        before, ws.note = mapped(np.copy, arrays), note
        self._read(window)
        try:
            own = mapped(note, self.window.inputs)
            found = self.window._replace(parameters=views, inputs=own, rng=self.rng).run(ws)
            self.calls = tuple(calls)
        except CannotRepeat:
            for array, was in zip(arrays, before, strict=True):
                array[...] = was
            raise
        finally:
            ws.note = None
            calls.clear()  # noted arrays keep it, and calls keep them: a cycle through arrays, which nothing would free
        self.found, self.used = plain(found), ws.used
        return self._result(window, ws)

    def run(self, window: Window, ws: Workspace) -> Any:
        """What another window of this shape returns."""
        self._read(window)
        for function, args in self.calls:
            function(*args)
        return self._result(window, ws)

    def _read(self, window: Window) -> None:
        for mine, given in zip(self.arrays, window.arrays(), strict=True):
            np.copyto(mine, given)
        if self.rng and window.rng:
            self.rng.bit_generator.state = window.rng.bit_generator.state

    def _result(self, window: Window, ws: Workspace) -> Any:
        ws.used = self.used
        if self.rng and window.rng:
            window.rng.bit_generator.state = self.rng.bit_generator.state
        return self.found


def run(window: Window, ws: Workspace) -> Any:
    """What a window returns: by a list of calls, once windows of its shape have come `TIMES_SEEN` times."""
    key, used = (*window.shape(), ws.used), ws.used
    known = ws.plans.pop(key, 0)  # put back as the last one seen
    if isinstance(known, Plan):
        ws.plans[key] = known
        return known.run(window, ws)
    if known == TIMES_SEEN:
        plan = Plan(window)
        try:
            found, ws.plans[key] = plan.record(window, ws), plan
            _forget_the_oldest(ws.plans)
            return found
        except CannotRepeat:
            known, ws.used = NEVER, used
    ws.plans[key] = known if known == NEVER else known + 1
    if len(ws.plans) > MAX_SHAPES:
        del ws.plans[next(iter(ws.plans))]
    return window.run(ws)


def _forget_the_oldest(plans: dict[Any, Any]) -> None:
    """Lists of calls, until there are no more than `MAX_CALLS` in the rest."""
    there = {key: len(plan.calls) for key, plan in plans.items() if isinstance(plan, Plan)}
    total = sum(there.values())
    for key, count in there.items():
        if total > MAX_CALLS:
            total -= count
            del plans[key]
