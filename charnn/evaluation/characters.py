"""The surprisal of each character of a text, to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..pictures import shades

TITLE = "Surprisal of each character"


@dataclass(frozen=True)
class CharacterScores:
    """Bits that each character of a text took; the end of a sequence is its line end, or nothing."""

    characters: Sequence[str]
    bits: Sequence[float]

    @property
    def mean(self) -> float:
        """Bits per character."""
        return sum(self.bits) / len(self.bits)

    def svg(self) -> str:
        """The text, each character on a shade: the stronger, the more bits it took."""
        return shades.text(TITLE, self._about, zip(self.characters, self.bits, strict=True))

    def html(self) -> str:
        """The same as a web page, for a text of any length."""
        return shades.page(TITLE, self._about, zip(self.characters, self.bits, strict=True))

    def _repr_svg_(self) -> str:
        return self.svg()

    @property
    def _about(self) -> str:
        return f"{self.mean:.4f} bits/char over {len(self.bits):,} characters"
