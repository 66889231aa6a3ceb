"""Series of vectors: lines of numbers, a blank line at the end of a sequence."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, InputError
from ..io.text import BOM, Source, Watch, decode, nothing_in
from .corpus import hashing, run_name

MIN_VECTORS = 16  # fewer leave nothing to learn from and to be held out
CONTEXT = 256  # vectors that are read before what is held out
LARGEST, SMALLEST = 1e60, 1e-60  # beyond them numbers, or deviations, have squares that 64 bits do not hold
MAX_DEVIATIONS = 1e9  # of a number from the mean, whose square a network can still compute with
SCALED_SHARE = 0.9  # of a series, from its start: what its mean and deviation are those of
Array = np.ndarray


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each column: what stands in the place of a vocabulary. A network sees (x - mean) /
    deviation; a column that never changes has the deviation 1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    sequence = "line"  # blank lines end sequences, which do not depend on each other
    end = "\n"

    @property
    def size(self) -> int:
        """D: numbers in a vector."""
        return len(self.mean)

    @property
    def facts(self) -> dict[str, Any]:
        """What it is, by name."""
        scale = (f"{m:.4g} +- {d:.4g}" for m, d in zip(self.mean, self.deviation, strict=True))
        return {"columns": self.size, "scale": ", ".join(scale)}

    def standardised(self, values: Array) -> Array:
        """Values (N, D) as a network sees them."""
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def restored(self, values: Array) -> Array:
        """Values (N, D) in their own units, from those that a network sees."""
        found: Array = values * np.array(self.deviation) + self.mean
        return found

    def texts(self, values: Array) -> list[list[str]]:
        """Values (N, D), as a network sees them, as numbers in their own units: to a millionth of the deviation."""
        digits = [max(0, 5 - math.floor(math.log10(d))) for d in self.deviation]
        return [
            [_told(round(value, n) + 0.0, d) for value, n, d in zip(row, digits, self.deviation, strict=True)]
            for row in self.restored(values.astype(np.float64)).tolist()
        ]


def _told(value: float, deviation: float) -> str:
    """In 12 digits, or in more where a millionth of the deviation takes more."""
    short = f"{value:.12g}"
    return short if abs(float(short) - value) <= 5e-7 * deviation else repr(value).removesuffix(".0")


def scale_of(names: str, values: Array) -> Scale:
    """The scale of values (N, D). Raises `InputError` for a column that changes by less than can be squared."""
    deviation = values.std(axis=0)
    small = (deviation < SMALLEST) & (values.min(axis=0) < values.max(axis=0))
    if small.any():
        told = f"column {int(small.argmax()) + 1}, whose deviation from the mean is below {SMALLEST:g}"
        raise InputError(f"{names} has {told}: give the column in another unit")
    deviation[~(deviation > 0)] = 1
    return Scale(tuple(values.mean(axis=0).tolist()), tuple(deviation.tolist()))


def from_json(path: str | Path, value: Any) -> Scale:
    """The scale in a header, checked. Raises `CheckpointError`."""
    mean, deviation = (value[name] for name in ("mean", "deviation"))
    numbers = all(map(math.isfinite, mean)) and all(0 < d < math.inf for d in deviation)
    if not (numbers and len(mean) == len(deviation) > 0):
        raise CheckpointError(f"{path} is corrupt: its scale is not one")
    return Scale(tuple(map(float, mean)), tuple(map(float, deviation)))


@dataclass(frozen=True, eq=False)
class Part:
    """Sequences one after the other, standardised: values (N, D), and where each begins and the last one ends.

    The first `read` vectors are there to be read only: what comes before a part of the same sequence.
    """

    values: Array
    edges: Array  # (K + 1,)
    read: int = 0

    def before(self, lag: int) -> Array:
        """The vector `lag` steps before each, (N, D); 0, which is the mean, where its sequence has none."""
        found = np.zeros_like(self.values)
        found[lag:] = self.values[: max(0, len(self.values) - lag)]
        for start, end in zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), strict=True):
            found[start : min(start + lag, end)] = 0
        return found

    def some(self, start: int, end: int) -> "Part":
        """The vectors from a place to another one."""
        inside = self.edges[(self.edges > start) & (self.edges < end)] - start
        edges = np.concatenate([[0], inside, [end - start]])
        return Part(self.values[start:end], edges, min(max(0, self.read - start), end - start))


@dataclass(frozen=True, eq=False)
class Series:
    """The series in some files, as it is there: values (N, D), and the edges of its sequences (K + 1,)."""

    values: Array
    edges: Array
    vocabulary: Scale
    names: tuple[str, ...]
    sha256: str
    invalid: str = "error"

    @property
    def name(self) -> str:
        """What a run on it is called."""
        return run_name(self.names)

    @property
    def whole(self) -> Part:
        """All of it, standardised."""
        return Part(self.vocabulary.standardised(self.values), self.edges)

    def split(self, share: float) -> tuple[Part, Part]:
        """The part to train on, and the last share, which is held out.

        The cut lies between two sequences, where that holds out no less than half of the share and no more than twice
        as much. Elsewhere it lies within a sequence: the vectors before it are read before those that are held out.
        """
        whole, count = self.whole, len(self.values)
        cut = min(max(1, round(count * (1 - share))), count - 1)
        nearest = int(self.edges[np.abs(self.edges - cut).argmin()])
        if nearest and share / 2 <= (count - nearest) / count <= 2 * share:
            return whole.some(0, nearest), whole.some(nearest, count)
        start = int(self.edges[self.edges <= cut].max())  # of the sequence that is cut
        context = min(CONTEXT, cut - start)
        valid = whole.some(cut - context, count)
        return whole.some(0, cut), replace(valid, read=context)


def read(sources: Sequence[Source], invalid: str = "error", watch: Watch = iter, scale: Scale | None = None) -> Series:
    """The series in some texts, one file's sequences after the other's, on this scale or that of its first nine tenths.

    Raises `InputError` for lines that are no numbers, or of several lengths. Raises it for fewer than 16 vectors where
    a scale is to be found.
    """
    digest, rows, edges = hashlib.sha256(), list[list[float]](), [0]
    columns = scale.size if scale else None
    hashed = hashing(digest, watch)
    for source in sources:
        text = "".join(decode(hashed(source.pieces()), source.name, invalid)).removeprefix(BOM)
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                rows.append(_numbers(line, source.shown, number, columns))
                columns = len(rows[0])
            elif len(rows) > edges[-1]:
                edges.append(len(rows))
        if len(rows) > edges[-1]:
            edges.append(len(rows))
    names = ", ".join(source.shown for source in sources)
    if not rows and scale:
        raise InputError(nothing_in(names))
    if len(rows) < MIN_VECTORS and not scale:
        raise InputError(f"{names} is too short: {len(rows)} lines of numbers, where at least {MIN_VECTORS} are needed")
    values = np.array(rows)
    paths = tuple(source.path for source in sources)
    scale = scale or scale_of(names, values[: max(1, int(len(values) * SCALED_SHARE))])
    _check_range(names, values, scale)
    return Series(values, np.array(edges), scale, paths, digest.hexdigest(), invalid)


def _check_range(names: str, values: Array, scale: Scale) -> None:
    """Raise `InputError` for numbers so far from the mean that a network would compute with infinite ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        far = np.abs((values - scale.mean) / scale.deviation) > MAX_DEVIATIONS
    if far.any():
        row, column = np.argwhere(far)[0].tolist()
        raise InputError(
            f"{names} has {values[row, column]:g} in column {column + 1}, more than {MAX_DEVIATIONS:g} standard "
            "deviations from the mean: leave the line out"
        )


def _numbers(line: str, name: str, number: int, columns: int | None) -> list[float]:
    """The numbers of a line, with TABs or blanks between. Raises `InputError`."""
    words = line.split()
    try:
        if odd := [word for word in words if "_" in word]:  # which Python takes for a separator of digits
            raise ValueError(f"could not convert string to float: {odd[0]!r}")
        found = [float(word) for word in words]
    except ValueError as error:
        raise InputError(f"{name}, line {number}: {error}; give numbers with TABs between") from None
    if not all(map(math.isfinite, found)):
        raise InputError(f"{name}, line {number}: a number is not finite: leave the line out")
    if large := [x for x in found if abs(x) > LARGEST]:
        raise InputError(f"{name}, line {number}: {large[0]:g} is beyond {LARGEST:g}: give the column in another unit")
    if columns and len(found) != columns:
        raise InputError(f"{name}, line {number}: {len(found)} numbers, and not {columns}: give as many in each line")
    return found
