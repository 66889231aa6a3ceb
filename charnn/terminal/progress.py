"""The bar of a training run, and the lines above it; and training to its end below them."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from ..training.session import Event, Session, Validation
from ..training.trainer import Rollback, Update
from . import plain
from .console import STDERR, note, screen, show
from .text import Text

SHOWN_SAMPLE = 61  # columns of a sample where there is no terminal


class Progress:
    """The bar, and the lines above it, of a training run."""

    def __init__(self, session: Session):
        self.session = session
        self.bits = 0.0  # of the last windows, smoothed
        self.characters = 0
        self.headed = False
        self.bar = tqdm(
            total=100.0,
            initial=100 * session.trainer.progress,
            file=STDERR,
            disable=not STDERR.isatty(),
            leave=False,
            dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
        )
        self.started = time.monotonic()

    def show(self, event: Event) -> None:
        if isinstance(event, Update):
            self._update(event)
        elif isinstance(event, Validation):
            self._validation(event)
        else:
            self._rollback(event)

    def _update(self, event: Update) -> None:
        bits = event.nats / max(1, event.count) / math.log(2)
        self.bits += (bits - self.bits) * (0.02 if self.characters else 1)
        self.characters += event.count
        if not self.bar.disable:
            speed = self.characters / max(1e-9, time.monotonic() - self.started)
            unit = self.session.plan.task.unit
            self.bar.set_postfix_str(f"{speed:,.0f} {unit}/s, {self.bits:.3f} bits/{unit}", refresh=False)
            self.bar.update(100 * self.session.trainer.progress - self.bar.n)

    def _validation(self, event: Validation) -> None:
        task = self.session.plan.task
        if not self.headed:
            self.headed = True
            more = "".join(f" {words:>8}" for words in task.columns.values())
            self._head(f"{'step':>8} {'epoch':>7} {'train':>7} {'held out':>8}{more}")
        written = plain.visible(" ".join(event.sample.split()))
        best = "*" if event.best else " "
        more = "".join(f" {event.figures[name]:8{task.digits}}" for name in task.columns)
        numbers = Text(f"{event.step:8,} {event.epoch:7.2f} {event.train:7.4f} ")
        numbers.append(f"{event.valid:8.4f}{more}{best}", "bold" if event.best else "")
        self.row(numbers, Text(f" {written}", "cyan"))

    def _head(self, columns: str) -> None:
        """The names of the columns, and the words on them that there is room for."""
        task = self.session.plan.task
        words = [f"bits/{task.unit}{task.given}", "* the best so far", task.shown]
        while len(words) > 1 and len("; ".join(words)) + 2 > self._room(columns):
            words.pop()
        self.row(Text(columns, "dim"), Text(f"  {'; '.join(words)}", "dim"))

    def row(self, numbers: Text, words: Text) -> None:
        """Numbers, and words as far as there is room."""
        words.truncate(max(1, self._room(numbers.plain)), overflow="crop")
        show(numbers + words, wrap=False)

    def _room(self, numbers: str) -> int:
        """Columns beside some numbers."""
        console = screen()
        return console.width - len(numbers) if console.is_terminal else SHOWN_SAMPLE

    def _rollback(self, event: Rollback) -> None:
        note(
            f"{event.failed:8,} the loss exploded after this step: back to step {event.step:,}, "
            f"on at half the rate, {event.rate:g} (try {event.in_a_row})"
        )

    def close(self) -> None:
        self.bar.close()


def follow(session: Session) -> None:
    """Train to the end, and show it. Ctrl-C ends training after the update at hand, and the run is saved."""
    progress = Progress(session)
    try:
        with interruptible(session):
            for event in session:
                progress.show(event)
    finally:
        progress.close()
    if session.stopped:
        session.save()


@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """While it is entered, SIGINT stops a session between two updates; an exception would come within one."""
    if threading.current_thread() is not threading.main_thread():  # signals come to that one alone
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: session.stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
