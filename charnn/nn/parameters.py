"""Named arrays that are views of one contiguous vector."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Self

import numpy as np

from .workspace import ALIGN, DType, aligned

Shapes = Mapping[str, tuple[int, ...]]
Allocate = Callable[[int], np.ndarray]  # so many bytes, on a cache line


class Views(dict[str, np.ndarray]):
    """Names -> arrays that stay where they are: assigning copies into the array, and never rebinds the name."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__(arrays)
        self._parts: dict[str, Views] = {}

    def at(self, prefix: str) -> "Views":
        """The arrays below `prefix/`, under their short names: what one layer sees."""
        if prefix not in self._parts:
            start = prefix + "/"
            found = {name.removeprefix(start): view for name, view in self.items() if name.startswith(start)}
            self._parts[prefix] = Views(found)
        return self._parts[prefix]

    def __setitem__(self, name: str, value: np.ndarray) -> None:
        view = self[name]
        if view.shape != np.shape(value):
            raise ValueError(f"{name} has shape {view.shape}, not {np.shape(value)}")
        if view is not value:
            view[...] = value

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied as its arrays: a dict would be made empty, and then refuse every name."""
        return type(self), (dict(self),)


class Parameters(Views):
    """Views of ONE contiguous vector `.flat`: weights, gradients, moments and averages alike.

    Zeroing, the norm, clipping and the optimiser's update work on `.flat`, never tensor by tensor. Each view starts
    on a cache line. The few elements between two views are zero and stay zero, so that sums over `.flat` are sums
    over the parameters. `.block` is `.flat` and one cache line more, `.tail`, for figures that are summed with it.
    """

    def __init__(self, shapes: Shapes, dtype: DType = np.float32, allocate: Allocate = aligned):
        step = ALIGN // np.dtype(dtype).itemsize
        starts, end = {}, 0
        for name, shape in shapes.items():
            starts[name], end = end, end + -(-prod(shape) // step) * step
        self.block = allocate((end + step) * np.dtype(dtype).itemsize).view(dtype)
        self.block.fill(0)
        self.flat, self.tail = self.block[:end], self.block[end:]
        self.shapes, self._allocate = dict(shapes), allocate
        super().__init__({n: self.flat[i : i + prod(shapes[n])].reshape(shapes[n]) for n, i in starts.items()})

    @property
    def count(self) -> int:
        """How many numbers there are, the gaps between views not counted."""
        return sum(view.size for view in self.values())

    def like(self) -> Self:
        """Zeros with the same names, shapes and type, from the same kind of memory."""
        return type(self)(self.shapes, self.flat.dtype, self._allocate)

    def moved(self, allocate: Allocate) -> Self:
        """A copy in memory of another kind."""
        copy = type(self)(self.shapes, self.flat.dtype, allocate)
        copy.block[...] = self.block
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied as its one vector, in memory of this process alone."""
        return _restored, (type(self), self.shapes, self.block)


def _restored(kind: type[Parameters], shapes: Shapes, block: np.ndarray) -> Parameters:
    found = kind(shapes, block.dtype)
    found.block[...] = block
    return found
