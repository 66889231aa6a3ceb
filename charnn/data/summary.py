"""What a text holds and how a network suits it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..io.lazy import Ids
from ..io.text import short_path
from .vocabulary import EOS, Vocabulary

if TYPE_CHECKING:
    from .corpus import Corpus

RARITY_SYMBOLS = 1 << 24  # symbols from the start of a text that tell which characters are rare
SHOWN_RAREST = 12  # characters of the vocabulary that a summary shows
FEW, MANY = 0.02, 3.0  # parameters for each character: outside, a hint says so


def show(character: int) -> str:
    """A character as itself where it can be printed, else by its code point."""
    return chr(character) if chr(character).isprintable() and character != 32 else f"U+{character:04X}"


def of_pairs(ids: Ids, vocabulary: Vocabulary) -> bool:
    """Whether each line of a text, (N,) ids, has exactly one TAB."""
    symbols = np.asarray(ids)
    ends = symbols == EOS
    lines = np.count_nonzero(ends)
    if vocabulary.sequence != "line" or not lines:
        return False
    places = np.cumsum(ends)[symbols == vocabulary.marked("\t")[0]]  # the line that each TAB is in
    return bool((np.bincount(places, minlength=lines)[:lines] == 1).all())


def about(found: Corpus) -> list[tuple[str, str]]:
    """What a text is, as it was understood."""
    counts = np.bincount(np.asarray(found.ids[:RARITY_SYMBOLS]), minlength=found.vocabulary.size)[1:]
    order = [i for i in np.argsort(counts, kind="stable").tolist() if counts[i]][:SHOWN_RAREST]
    different, known = np.count_nonzero(counts), len(found.vocabulary.characters)
    reserved = f", symbols for {known}" if different < known and len(found.ids) <= RARITY_SYMBOLS else ""
    return [
        ("corpus", ", ".join(map(short_path, found.names))),
        (
            "characters",
            f"{len(found.ids) - len(found.silent):,} ({different if reserved else known} different{reserved})",
        ),
        ("sequences", f"{found.sequences:,}, {means(found.vocabulary)}"),
        ("rarest", "  ".join(f"{show(found.vocabulary.characters[i])} {counts[i]:,}" for i in order)),
        *_oddities(np.asarray(found.ids[:RARITY_SYMBOLS]), found.vocabulary),
    ]


def _oddities(ids: np.ndarray, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """What a text has that its writer may not know of: CR before LF, a byte order mark."""
    mark, cr, newline = (vocabulary.marked(one)[0] for one in "\ufeff\r\n")
    found = []
    if ids[0] == mark != vocabulary.size:
        found.append(("first", "U+FEFF, a byte order mark: `tail -c +4` leaves it out"))
    if vocabulary.newline == "\n" and cr != vocabulary.size:
        ends = (ids == newline) | (ids == EOS)
        both = int(np.count_nonzero((ids[:-1] == cr) & ends[1:]))
        alone = int(np.count_nonzero(ends)) - both
        found.append(("line ends", f"{both:,} CR LF, {alone:,} LF alone: `tr -d '\\r'` makes LF of all"))
    return found


def means(vocabulary: Vocabulary) -> str:
    """What a sequence is, in words."""
    return {
        "line": "each a line (--sequence line)",
        "paragraph": "each a paragraph, up to a blank line (--sequence paragraph)",
        "file": "each a whole file (--sequence file)",
    }[vocabulary.sequence]


def beside(counted: dict[str, float]) -> str:
    """Baselines in a line."""
    return (
        f"uniform {counted['uniform']:.3f}, unigram {counted['unigram']:.3f}, bigram {counted['bigram']:.3f}, "
        f"{counted['order']}-gram {counted['ngram']:.3f} bits/char"
    )


def hint(parameters: int, characters: int, usual: bool = False) -> str:
    """A word on a model out of proportion to its text; a `usual` one is none too large."""
    ratio = parameters / characters
    if ratio > MANY and not usual:
        return f" ({ratio:.1f} for each character: enough to learn the text by heart; --hidden and --dropout change it)"
    if ratio < FEW:
        return f" (one for {1 / ratio:.0f} characters: few; a larger --hidden learns more, and takes longer)"
    return ""
