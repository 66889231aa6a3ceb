"""What a terminal shows on standard error, and texts in shades, which are results, on standard output."""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from tqdm import tqdm

from ..io.text import PACKED, Source
from ..runs.folder import RUNS, Folder
from ..training.session import Session
from . import plain, tables
from .text import RichText, Text, dumb_size

T = TypeVar("T")
MIN_BYTES_FOR_BAR = 1 << 26  # bytes of text that take long enough to read for a bar


class Steadfast:
    """Standard error for those who write a lot: if its reader goes away, the work goes on."""

    muted = False

    def write(self, text: str) -> int:
        if self.muted:
            return len(text)
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError, AttributeError):
            return len(text)

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return

    def isatty(self) -> bool:
        return sys.stderr is not None and sys.stderr.isatty() and not self.muted

    @property
    def encoding(self) -> str:
        return getattr(sys.stderr, "encoding", None) or "utf-8"

    def fileno(self) -> int:
        return sys.stderr.fileno()


STDERR: Any = Steadfast()


def mute() -> None:
    """From now on, show nothing."""
    STDERR.muted = True


def screen() -> Console:
    """Plain where it is not a terminal; no wider than can be read."""
    columns, lines = dumb_size()
    wide = Console(file=STDERR, highlight=False, soft_wrap=False, width=columns, height=lines)
    return Console(file=STDERR, highlight=False, width=min(wide.width, 110) if wide.is_terminal else 110)


def note(message: str) -> None:
    """A line to the user, above a bar if there is one; on a terminal as many lines as it takes."""
    show(Text(plain.message(message)))


def show(text: RichText, wrap: bool = True) -> None:
    """A text above a bar if there is one. On a terminal lines end between words, elsewhere nothing is wrapped."""
    console = screen()
    with suppress(OSError, ValueError), tqdm.external_write_mode(file=STDERR):
        for line in text.wrap(console, console.width) if wrap and console.is_terminal else [text]:
            line.rstrip()
            console.print(line, soft_wrap=True)


def rows(pairs: Iterable[tuple[str, str | RichText]]) -> None:
    """Names on the left, what they are on the right: on a terminal on as many lines as it takes."""
    console, found = screen(), list(pairs)
    indent = max((len(name) for name, _ in found), default=0) + 2
    for name, value in found:
        text = value if isinstance(value, RichText) else Text(value)
        lines = text.wrap(console, max(20, console.width - indent)) if console.is_terminal else [text]
        for i, line in enumerate(lines or [Text()]):
            line.rstrip()
            show(Text(f"{'' if i else name:<{indent}}", "dim") + line, wrap=False)


def watch(sources: Sequence[Source]) -> Callable[[Iterable[bytes]], Iterable[bytes]]:
    """A bar over bytes that are read, on a terminal and where there are many."""
    sizes = [path.stat().st_size for source in sources if (path := Path(source.name)).is_file()]
    if sum(sizes) < MIN_BYTES_FOR_BAR or not STDERR.isatty():
        return iter
    packed = any(source.name.lower().endswith((*PACKED,)) for source in sources)
    total = None if packed else 2 * sum(sizes)  # every text is read twice: to count, and to number
    bar = tqdm(total=total, unit="B", unit_scale=True, desc="reading", file=STDERR, leave=False)

    def pass_on(pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            bar.update(len(piece))
            yield piece
        if total is not None and bar.n >= total:
            bar.close()

    return pass_on


class Still(tqdm):  # type: ignore[misc]
    """A bar that no thread looks after: processes are forked below it."""

    monitor_interval = 0


@contextmanager
def working(words: str) -> Iterator[None]:
    """Says on a terminal what takes a moment, until it is done."""
    with Still(desc=f"{words} ...", bar_format="{desc}", file=STDERR, disable=not STDERR.isatty(), leave=False):
        yield


def counted(things: Iterable[T], total: int | None, unit: str, *, hidden: bool = False) -> Iterator[T]:
    """Things that are made slowly; on a terminal below a bar, unless it is `hidden`."""
    if hidden or not STDERR.isatty():
        return iter(things)
    return iter(Still(things, total=total, unit=unit, unit_scale=True, file=STDERR, leave=False))


def reading(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """A bar over symbols that are read slowly, on a terminal."""
    with tqdm(unit="char", unit_scale=True, file=STDERR, disable=not STDERR.isatty(), leave=False) as bar:
        for ids in pieces:
            yield ids
            bar.update(len(ids))


def saved(session: Session) -> None:
    """How to go on with a run that was stopped."""
    if session.folder:
        where = named(session.folder, "--name")
        note(f"saved at step {session.run.step:,}; `charnn train --resume {where}` goes on")


def named(folder: Folder, option: str) -> str:
    """The options that lead to a run, as a shell reads them."""
    words = [option, folder.path.name]
    words += [] if str(folder.path.parent) == RUNS else ["--runs", str(folder.path.parent)]
    return shlex.join(words)


def closing(session: Session) -> None:
    """What came of a run, and what to do with it."""
    run, folder = session.run, session.folder
    if run.best is None or folder is None:
        return
    task = session.plan.task
    model = named(folder, "-m")
    found: list[tuple[str, str | RichText]] = [
        ("finished", str(session.finished)),
        ("best", Text(task.result(run), {True: "green", False: "red", None: ""}[task.wins(run)])),
        ("kept in", f"{folder.path}/"),
        ("use", f"{task.use.format(model=model)}, `charnn eval {model}` measures exactly"),
    ]
    if run.start and run.start.task.task == run.task.task:
        found.append(("start", f"{run.start.bits:.4f} bits/{task.unit} on this held-out part"))
        if lost := session.forgotten():
            names = ", ".join(run.start.origin.names)
            told = f"{names}: {lost[0]:.4f} bits/{task.unit} held out before, {lost[1]:.4f} now"
            found.append(("learnt before", told))
    if next := session.advice(named(folder, "--name")):
        found.append(("next", next))
    rows(found)


def has_colours() -> bool:
    """Whether standard output shows colours: not with NO_COLOR, nor on a dumb terminal."""
    console = Console()
    return console.color_system is not None and not console.no_color


def shaded(characters: Iterable[tuple[str, float]]) -> None:
    """Text on standard output, each character's background the redder the more bits it took (Elman's error curve)."""
    console = tables.screen(soft_wrap=True)
    for character, bits in characters:
        strength = min(1.0, bits / 8)
        style = f"on rgb({int(30 + 200 * strength)},{int(30 + 20 * strength)},{int(40 - 20 * strength)})"
        console.print(Text(character, style=style + " white" if character != "\n" else ""), end="")
