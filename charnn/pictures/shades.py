"""Values as shades: a matrix of cells, and a text whose characters are shaded."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from .svg import DARK, LIGHT, Picture, widest

CELL, SQUARE = 9.0, 20.0  # pixels of a cell without a name, and of one that has names for its row and its column
COLUMNS = 80  # characters in a line of a shaded text
ROW, CHARACTER_WIDTH = 22.0, 9.0  # pixels of a shaded text's line, and of its characters
MAX_BITS = 8.0  # at which a character's shade is full
FULL = 0.8  # the strength of a full shade, through which text is read
START, END = "⊢", "↵"  # shown for the start of a text, and for a line end
Names = Sequence[str]


def matrix(
    title: str,
    x: str,
    blocks: Sequence[tuple[str, Sequence[Sequence[float]]]],
    columns: Sequence[str],
    most: float = 1,
    signed: bool = True,
) -> str:
    """Blocks of rows with a name each, one above the other, a cell for each value; a name below each column.

    Red is above 0 and blue below, full at `most`. Values that are not `signed` are 0 or more.
    """
    left = max(40.0, widest([name for name, _ in blocks]) + 24)
    rows = sum(len(block) for _, block in blocks)
    height = 40 + CELL * rows + 12 * len(blocks) + 74
    picture = Picture(max(left + CELL * len(columns) + 24, 360), height, title)
    y = 40.0
    for name, block in blocks:
        picture.text(left - 8, y + CELL * len(block) / 2 + 4, name, "end")
        for values in block:
            for column, value in enumerate(values):
                if strength := _strength(value, most):
                    picture.box(left + CELL * column, y, (CELL, CELL), "hot" if value > 0 else "cold", strength)
            y += CELL
        y += 12
    for column, name in enumerate(columns):
        picture.text(left + CELL * (column + 0.5), y + 4, _shown(name), "middle", family="monospace", size=11)
    picture.text(left, y + 24, x)
    _scale(picture, left, y + 38, [-most, 0, most] if signed else [0, most / 2, most])
    return str(picture)


def grid(title: str, axes: tuple[str, str], names: tuple[Names, Names], values: Sequence[Sequence[float]]) -> str:
    """Shares from 0 to 1, a row of cells for each of the first names, a column for each of the second.

    `axes` say what columns and rows are. A cell's shade is full at 1.
    """
    down, across = names
    upright = all(len(name) == 1 for name in across)
    left, top = max(56.0, widest(down) + 24), 64 + (24 if upright else max(24.0, widest(across)))
    width = left + max(SQUARE * len(across), widest(axes), 240) + 24
    picture = Picture(width, top + SQUARE * len(down) + 92, title)
    picture.text(left, 46, axes[0], colour="soft")
    for column, name in enumerate(across):
        x, shown = left + SQUARE * (column + 0.5), _shown(name)
        if upright:
            picture.text(x, top - 8, shown, "middle")
        else:
            picture.text(x + 4, top - 8, shown, turn=-90)
    for row, (name, shares) in enumerate(zip(down, values, strict=True)):
        y = top + SQUARE * row
        picture.text(left - 8, y + SQUARE / 2 + 4, _shown(name), "end")
        for column, share in enumerate(shares):
            picture.box(left + SQUARE * column, y, (SQUARE - 1, SQUARE - 1), "grid", 0.35)
            if strength := _strength(share, 1):
                picture.box(left + SQUARE * column, y, (SQUARE - 1, SQUARE - 1), "hot", strength)
    bottom = top + SQUARE * len(down)
    picture.text(left, bottom + 24, axes[1], colour="soft")
    _scale(picture, left, bottom + 38, [0, 0.5, 1])
    return str(picture)


def _shown(name: str) -> str:
    """The name of a row or a column, which may be a line end."""
    return END if name == "\n" else name


def _scale(picture: Picture, x: float, y: float, values: Sequence[float]) -> None:
    """Which shade is which value."""
    first, last, steps = values[0], values[-1], 21
    for i in range(steps):
        value = first + (last - first) * i / (steps - 1)
        picture.box(x + 10 * i, y, (10, 10), "hot" if value > 0 else "cold", _strength(value, max(abs(first), last)))
    for value in values:
        picture.text(x + 5 + 10 * (steps - 1) * (value - first) / (last - first), y + 24, f"{value:.3g}", "middle")


def _strength(value: float, most: float) -> float:
    """From 0 to 1; what is no number has no shade."""
    return 0.0 if math.isnan(value) else round(min(1.0, abs(value) / most), 2)


def text(title: str, about: str, characters: Iterable[tuple[str, float]]) -> str:
    """A text with each character on a shade: the stronger the more bits it took. Lines are broken at 80 characters."""
    lines: list[list[tuple[str, float]]] = [[]]
    for character, bits in characters:
        if len(lines[-1]) == COLUMNS:
            lines.append([])
        lines[-1].append((END if character in ("\n", "\r", "") else character, bits))
        if character == "\n":
            lines.append([])
    if not lines[-1]:
        lines.pop()
    picture = Picture(COLUMNS * CHARACTER_WIDTH + 32, 40 + ROW * len(lines) + 64, title)
    for row, line in enumerate(lines):
        y = 40 + ROW * row
        for column, (character, bits) in enumerate(line):
            x = 16 + CHARACTER_WIDTH * column
            picture.box(x, y, (CHARACTER_WIDTH, ROW - 2), "hot", FULL * _strength(max(0.0, bits), MAX_BITS))
            picture.text(x + CHARACTER_WIDTH / 2, y + 15, character, "middle", family="monospace", size=14)
    bottom = 40 + ROW * len(lines)
    picture.text(16, bottom + 20, about)
    for bits in range(int(MAX_BITS) + 1):
        picture.box(16 + 40 * bits, bottom + 30, (40, 12), "hot", FULL * bits / MAX_BITS)
        label = f"{bits} bits" if bits == MAX_BITS else str(bits)
        picture.text(36 + 40 * bits, bottom + 56, label, "middle", colour="soft")
    return str(picture)


def page(title: str, about: str, characters: Iterable[tuple[str, float]]) -> str:
    """The same as a web page, for texts of any length: the bits of each character are shown when it is pointed at."""
    spans = []
    for character, bits in characters:
        shown = f"{END}\n" if character == "\n" else END if character in ("\r", "") else escape(character)
        strength = FULL * _strength(max(0.0, bits), MAX_BITS)
        spans.append(f'<span title="{bits:.2f} bits" style="--s:{strength:.2f}">{shown}</span>')
    return PAGE.format(
        title=escape(title), about=escape(about), spans="".join(spans), light=_theme(LIGHT), dark=_theme(DARK)
    )


def _theme(colours: dict[str, str]) -> str:
    red, green, blue = (int(colours["hot"][i : i + 2], 16) for i in (1, 3, 5))
    return f"--page:{colours['page']};--ink:{colours['ink']};--hot:{red},{green},{blue}"


PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font-family: sans-serif; }}
body {{ color: var(--ink); background: var(--page); }}
pre {{ font: 1rem/1.6 monospace; white-space: pre-wrap; overflow-wrap: anywhere; }}
span {{ background: rgba(var(--hot), var(--s)); }}
</style>
<h1>{title}</h1>
<p>{about}</p>
<pre>{spans}</pre>
</html>
"""
