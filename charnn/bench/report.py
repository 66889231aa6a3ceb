"""What `charnn bench` says: the speed of each task at one size, beside what the machine can do, and what others do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import variants
from .contender import Entry
from .race import OURS, Race, Result, race
from .work import Work

ROUNDS = 5
STREAM, STREAMS, TOGETHER = 2000, 256, 100  # characters of one stream; streams side by side, characters of each
LANES, READ = 64, 1024  # rows and steps of the text that is scored


@dataclass(frozen=True)
class Peer:
    """The fastest way of another package: `ratio` is how many times as fast charnn is."""

    package: str
    variant: str
    rate: float
    ratio: float
    memory: int | None


@dataclass(frozen=True)
class Line:
    """A task: characters a second, the share of the machine's matrix products, bytes of memory, and others'."""

    name: str
    work: Work
    rate: float
    share: float
    peak: float  # the machine's own, multiply-adds a second
    memory: int | None
    peers: tuple[Peer, ...] = ()
    disturbed: float = 0.0

    def dump(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "task": self.name,
            "characters_per_second": self.rate,
            "share_of_peak": self.share,
            "memory": self.memory,
            "peers": [vars(peer) for peer in self.peers],
            "disturbed": self.disturbed,
        }


def tasks(train: Work) -> dict[str, Work]:
    """What is measured for a network that is trained so."""
    rest = replace(train, dropout=0.0)
    return {
        "train": train,
        "evaluate": replace(rest, task="evaluate", batch=LANES, steps=READ),
        "sample 1 stream": replace(rest, task="sample", batch=1, steps=STREAM),
        f"sample {STREAMS} streams": replace(rest, task="sample", batch=STREAMS, steps=TOGETHER),
    }


def measure(
    train: Work, workers: int, packages: tuple[str, ...], seconds: float, tell: Callable[[str], None]
) -> Iterator[Line]:
    """A line for each task: in one race where charnn is alone, else in one for each, against the packages' best."""
    todo, turn = tasks(train), seconds / ROUNDS
    if not packages:
        entries = [variants.ours(work, workers) for work in todo.values()]
        alone = race([*entries, variants.peak(train)], ROUNDS, turn, tell)
        for name, entry in zip(todo, entries, strict=True):
            yield line(name, alone, entry, packages)
        return
    for name, work in todo.items():
        others = [entry for package in packages for entry in variants.peers(package, work)]
        tell(f"{name}: {len(others)} ways of {' and '.join(packages)} to do the same, compiled as they start")
        entry = variants.ours(work, workers)
        found = race([entry, variants.peak(train), *others], ROUNDS, turn, tell)
        yield line(name, found, entry, packages)


def line(name: str, found: Race, entry: Entry, packages: tuple[str, ...] = ()) -> Line:
    """What a race says of one of charnn's entries."""
    own = next(result for result in found.results if result.entry == entry)
    peak = found.best("gemm")
    assert peak is not None and own.entry.package == OURS
    each = entry.work.multiplications / entry.work.characters
    peers = (compared(own, found.best(package)) for package in packages)
    share = own.over(peak) * each
    beside = tuple(peer for peer in peers if peer)
    return Line(name, entry.work, own.rate, share, peak.rate, own.memory, beside, found.disturbed)


def compared(own: Result, other: Result | None) -> Peer | None:
    """charnn beside the best of another package, where any of it ran to the end."""
    if other is None:
        return None
    return Peer(other.entry.package, str(other.entry), other.rate, own.over(other), other.memory)
