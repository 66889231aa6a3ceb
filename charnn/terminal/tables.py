"""Tables of runs on a terminal: results, so on standard output, in the style of all tables of charnn."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table

from ..runs.listing import RunSummary
from . import words
from .text import Text, dumb_size

GAP = 2  # columns between two of a table
LEAST_NAME = 10  # columns of a name that is cut
MOST_COLUMNS = 100  # of bars
NEXT_COLUMNS = 8, 20, 1  # for a character, its probability and bits, and the margin


def screen(soft_wrap: bool = False) -> Console:
    """Standard output, in UTF-8 as any text is written."""
    sys.stdout.reconfigure(encoding="utf-8", errors="charnn")  # type: ignore[union-attr]
    width, height = dumb_size()
    return Console(highlight=False, soft_wrap=soft_wrap, width=width, height=height)


def runs(found: Sequence[RunSummary]) -> None:
    """Runs in a line each. Tasks are shown where there are others than text, accuracy where it was measured."""
    now = time.time()
    columns = {
        "name": [one.name for one in found],
        "text": [", ".join(one.texts) for one in found],
        "task": [one.task for one in found] if any(one.task != "text" for one in found) else [],
        "bits": ["-" if one.bits is None else f"{one.bits:.4f}/{one.unit}" for one in found],
        "right": [_share(one.accuracy) for one in found] if any(one.accuracy is not None for one in found) else [],
        "age": [words.age(now - one.modified) for one in found],
        "parameters": [words.count(one.parameters) for one in found],
        "size": [words.size(one.bytes) for one in found],
        "steps": [f"{one.steps:,}" for one in found],
    }
    console = screen()
    shown = fitted({head: cells for head, cells in columns.items() if cells}, console.width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head, (_, width) in shown.items():
        right = head not in ("name", "text", "task")
        table.add_column(head, justify="right" if right else "left", no_wrap=True, width=width, overflow="ellipsis")
    for row in zip(*(cells for cells, _ in shown.values()), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def fitted(columns: Mapping[str, Sequence[str]], room: int) -> dict[str, tuple[Sequence[str], int]]:
    """Columns with their widths: the last ones are left out, and the first two cut, where there is no room for all."""
    widths = {head: max(map(cell_len, (head, *cells))) for head, cells in columns.items()}
    first, second, *others = columns
    while others and sum(widths[head] + GAP for head in others) + GAP + 2 * LEAST_NAME > room:
        others.pop()
    left = max(2 * LEAST_NAME, room - sum(widths[head] + GAP for head in others) - GAP)
    if widths[first] + widths[second] > left:
        widths[second] = min(widths[second], max(LEAST_NAME, left - widths[first]))
        widths[first] = left - widths[second]
    return {head: (columns[head], widths[head]) for head in (first, second, *others)}


def _share(accuracy: float | None) -> str:
    return "-" if accuracy is None else f"{accuracy:.1%}"


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Names on the left, dim, what they are on the right, on as many lines as it takes."""
    found = Table.grid(padding=(0, 2))
    found.add_column(style="dim", no_wrap=True)
    found.add_column(overflow="fold")
    for name, value in pairs:
        found.add_row(name, Text(value))
    screen().print(found)


def pairs(heads: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
    """A table of two columns below an empty line, the second one of numbers."""
    found = Table(box=None, pad_edge=False, header_style="dim")
    found.add_column(heads[0], no_wrap=True, overflow="ellipsis")
    found.add_column(heads[1], justify="right", no_wrap=True)
    for row in rows:
        found.add_row(*map(Text, row))
    console = screen()
    console.print()
    console.print(found)


def compare(rows: Sequence[Sequence[str]]) -> None:
    """Facts of several runs, a row for each fact and a column for each run."""
    found = Table.grid(padding=(0, 2))
    found.add_column(style="dim", no_wrap=True)
    for _ in rows[0][1:] if rows else ():
        found.add_column(overflow="fold", ratio=1)
    for name, *values in rows:
        found.add_row(name, *map(Text, values))
    screen().print(found)


def bars(rows: Sequence[tuple[str, float, float]]) -> None:
    """Characters with their probabilities and bits, and bars of the probabilities as long as there is room for."""
    block = "█" if encodes("█") else "#"
    console = screen()
    width = max(1, min(MOST_COLUMNS, console.width) - sum(NEXT_COLUMNS))
    most = max((p for _, p, _ in rows), default=1.0)
    for character, p, bits in rows:
        line = Text(set_cell_size(character, NEXT_COLUMNS[0]), no_wrap=True, overflow="crop")
        line.append(f"{p:>6.1%}{bits:>7.2f} bits  ")
        console.print(line.append(block * max(1, round(width * p / most)), "cyan"))


def line(text: str) -> None:
    """A line in which what is shown is summed up."""
    screen().print(Text(text, "dim"))


def encodes(cells: str) -> bool:
    """Whether standard output can have these characters."""
    try:
        cells.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
