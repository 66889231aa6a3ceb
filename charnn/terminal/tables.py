"""Tables of runs on a terminal: results, so on standard output, in the style of all tables of charnn."""

import sys
import time
from collections.abc import Iterable, Sequence

from rich.cells import set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..runs.listing import RunSummary
from . import words

MOST_COLUMNS = 100  # of bars
NEXT_COLUMNS = 8, 20, 1  # for a character, its probability and bits, and the margin


def screen() -> Console:
    """Standard output, in UTF-8 as any text is written."""
    sys.stdout.reconfigure(encoding="utf-8", errors="charnn")  # type: ignore[union-attr]
    return Console(highlight=False, soft_wrap=False)


def table(heads: Iterable[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[str] = ()) -> Table:
    """A table without lines, its heads dim. Columns of `numbers` keep their width; others are cut where room ends."""
    found, numbers = Table(box=None, pad_edge=False, header_style="dim"), set(numbers)
    for head in heads:
        number = head in numbers
        found.add_column(head, justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        found.add_row(*(Text(cell) for cell in row))
    return found


def runs(found: Sequence[RunSummary]) -> None:
    """Runs in a line each. Tasks are shown where there are others than text, accuracy where it was measured."""
    now = time.time()
    columns = {
        "name": [one.name for one in found],
        "task": [one.task for one in found] if any(one.task != "text" for one in found) else [],
        "text": [", ".join(one.texts) for one in found],
        "bits": ["-" if one.bits is None else f"{one.bits:.4f}/{one.unit}" for one in found],
        "right": [_share(one.accuracy) for one in found] if any(one.accuracy is not None for one in found) else [],
        "parameters": [words.count(one.parameters) for one in found],
        "steps": [f"{one.steps:,}" for one in found],
        "age": [words.age(now - one.modified) for one in found],
        "size": [words.size(one.bytes) for one in found],
    }
    shown = {head: cells for head, cells in columns.items() if cells}
    numbers = shown.keys() - {"name", "task", "text"}
    screen().print(table(shown, zip(*shown.values(), strict=True), numbers=numbers))


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
