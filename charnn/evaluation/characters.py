"""The surprisal of each character of a text, to look at."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..pictures import shades
from .rows import CharacterScore

TITLE = "Surprisal of each character"


@dataclass(frozen=True)
class CharacterScores:
    """The score of each character of a text; the end of a sequence is its line end, or nothing."""

    rows: Sequence[CharacterScore]

    @property
    def mean(self) -> float:
        """Bits per character; nan of no character."""
        return sum(row.bits for row in self.rows) / len(self.rows) if self.rows else math.nan

    def svg(self) -> str:
        """The text, each character on a shade: the stronger, the more bits it took."""
        return shades.text(TITLE, self._about, self._shaded)

    def html(self) -> str:
        """The same as a web page, for a text of any length."""
        return shades.page(TITLE, self._about, self._shaded)

    def _repr_svg_(self) -> str:
        return self.svg()

    @property
    def _shaded(self) -> Iterator[tuple[str, float]]:
        return ((row.character, row.bits) for row in self.rows)

    @property
    def _about(self) -> str:
        return f"{self.mean:.4f} bits/char over {len(self.rows):,} characters"
