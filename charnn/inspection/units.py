"""Units of a network while it reads a text of any length."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from ..errors import UsageError
from ..evaluation.readers import Text, cut, names
from ..runs.run import Run
from .activations import ActivationReader, Block, GapActivations, SourceActivations
from .results import Units


class UnitRow(NamedTuple):
    """A character, its position from 1 on, and the chosen units of each layer, or gate, after it was read."""

    position: int
    character: str
    layers: tuple[list[float], ...]


class UnitReader:
    """A run and texts, one read after the other, to see what some units of some layers do. Texts are read once.

    `chosen` holds the units of each layer or gate by its name. Raises `UsageError` for layers and units that there are
    not.
    """

    def __init__(
        self,
        run: Run,
        texts: Sequence[Text],
        reader: ActivationReader | SourceActivations | GapActivations,
        layer: int | None = None,
        units: slice = slice(None),
    ):
        self.run, self.texts, self.reader = run, texts, reader
        self.chosen = choose(self.reader.blocks, layer, units)
        self._places = [i for i, block in enumerate(self.reader.blocks) if block.name in self.chosen]

    @property
    def names(self) -> str:
        """What is read."""
        return names(self.texts)

    @property
    def units(self) -> list[str]:
        """The chosen units, as layer/unit or layer/gate/unit."""
        return [f"{name}/{unit}" for name, units in self.chosen.items() for unit in units]

    @property
    def bounded(self) -> bool:
        """Whether every activation lies within -1 and 1."""
        return self.reader.bounded

    def rows(self) -> Iterator[list[UnitRow]]:
        """A row for each character, a list for each piece that is read."""
        position = 1
        pieces = (cut(text.pieces, size) if (size := self.reader.at_once) else text.pieces for text in self.texts)
        for ids in map(np.asarray, chain.from_iterable(pieces)):
            layers = self.reader.read(ids)
            parts = zip(self._places, self.chosen.values(), strict=True)
            shown = [layers[i][:, list(units)].tolist() for i, units in parts]
            characters = enumerate(self.run.vocabulary.texts(ids.tolist()), position)
            yield [UnitRow(at, c, tuple(each)) for (at, c), *each in zip(characters, *shown, strict=True)]
            position += len(ids)

    def head(self, most: int) -> Units:
        """The chosen units at the first characters, for a picture."""
        rows = [*islice(chain.from_iterable(self.rows()), most)]
        shown = {
            f"layer {name}, {units[0]} to {units[-1]}": np.array([row.layers[n] for row in rows])
            for n, (name, units) in enumerate(self.chosen.items())
        }
        largest = max((float(np.abs(values).max(initial=0)) for values in shown.values()), default=0.0)
        return Units([row.character for row in rows], shown, 1.0 if self.bounded else largest or 1.0)


def choose(blocks: Sequence[Block], layer: int | None, units: slice) -> dict[str, range]:
    """The units of each block, or of one layer's blocks, by the block's name. Raises `UsageError` for those missing."""
    last = blocks[-1].layer
    if layer is not None and layer > last:
        raise UsageError(f"--layer {layer}: the model's layers are 0 to {last}")
    found = [block for block in blocks if layer in (None, block.layer)]
    if not found:
        raise UsageError(f"--layer {layer} has no gates: leave --layer or --gates out")
    for block in found:
        if not (some := range(block.size)[units]) or some[-1] + 1 < (units.stop or 0):
            raise UsageError(f"--units: layer {block.layer} has the units 0 to {block.size - 1}")
    return {block.name: range(block.size)[units] for block in found}
