"""Who takes part: charnn, and each package's ways to do the same that may be its fastest."""

from collections.abc import Iterator

from charnn.machine import cores
from charnn.sampling.split_matvec import MIN_BYTES_FOR_HELPER

from .contender import Entry
from .work import GATES, Work

PEERS = ("torch", "jax")
FLOAT = 4  # bytes
WIDE = 512**2  # weights of a recurrence from which one stream may be worth two threads


def ours(work: Work, workers: int) -> Entry:
    """charnn with so many workers."""
    one = work.batch == 1 and not (work.task == "sample" and shareable(work))
    return Entry("charnn", work.task, work, team=1 if one else workers)


def shareable(work: Work) -> bool:
    """Whether a stream's products are large enough for two processes."""
    return FLOAT * work.multiplications // work.characters >= MIN_BYTES_FOR_HELPER


def peak(work: Work) -> Entry:
    """The machine's matrix products, on all its cores."""
    return Entry("gemm", "float32", work, team=cores())


def peers(package: str, work: Work, *, compiled: bool = True) -> list[Entry]:
    """A package's ways to do some work; `compiled` ones of torch take minutes to be ready."""
    found = {"torch": _torch, "jax": _jax}[package](work)
    return [entry for entry in found if compiled or "compiled" not in entry.variant]


def _torch(work: Work) -> Iterator[Entry]:
    several = cores() > 1
    threads = [1, 2] if several else [1]
    if work.task == "sample":
        yield Entry("torch", "stepwise", work)
        for count in threads if work.batch > 1 or GATES[work.cell] * work.hidden**2 >= WIDE else [1]:
            yield Entry("torch", "by hand, fused", work, count)
            yield Entry("torch", "by hand, apart", work, count)
        return
    adam = ", fused" if work.task == "train" else ""
    for count in threads:
        for way in ("rnn", "loop", "compiled"):
            yield Entry("torch", way + adam, work, count)
    if work.task == "train":
        yield Entry("torch", "rnn, foreach", work, threads[-1])
        if several and work.batch % 2 == 0:
            for way in ("rnn", "compiled"):
                yield Entry("torch", way + adam, work, team=2)


def _jax(work: Work) -> Iterator[Entry]:
    ways = ("fused", "apart") if work.task == "sample" else ("scan",)
    for way in ways:
        yield Entry("jax", way, work)
    if cores() > 1 and work.batch % 2 == 0:
        yield from (Entry("jax", way, work, team=2) for way in ways)
