"""Samples to standard output."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from .. import streams

if TYPE_CHECKING:
    from ...api import TextSample

T = TypeVar("T")
FLUSH_SECONDS = 0.02  # seconds after which text that was drawn is shown


@dataclass(frozen=True)
class Output:
    """What follows each sample, whether samples are JSON objects, and whether their novelty is said."""

    end: str
    as_json: bool = False
    novelty: bool = False

    def write(self, sampler: Any) -> None:
        """All that a sampler writes: one sample as it comes where that is possible, else one after the other."""
        config = sampler.config
        if config.count == 1 and not (self.as_json or self.novelty or config.beam):
            self.write_stream(sampler)
        else:
            self.write_samples(sampler)

    def write_stream(self, sampler: Any) -> None:
        """One sample as it is drawn."""
        flow(sampler.prime, _counted(sampler.stream(), sampler.config.length, "char"))
        streams.write(self.end, flush=True)

    def write_samples(self, sampler: Any) -> None:
        """Each sample as it is done; at last how much of all was copied, where that is wanted."""
        from ...terminal.novelty import Tally

        tally = Tally()
        for sample in _counted(sampler.samples(novelty=self.novelty), sampler.config.count, "sample"):
            tally.add(sample)
            if self.as_json:
                streams.write_json(facts(sample), flush=True)
            else:
                before = f"{sample.novelty.found}\t" if sample.novelty else ""
                streams.write(f"{before}{sample.text}{self.end}", flush=True)
                _tell_bits(sample, len(sampler.prime))
        if self.novelty:
            tally.show()


def _counted(things: Iterator[T], total: int, unit: str) -> Iterator[T]:
    """Things that are made slowly; below a bar where standard output goes elsewhere than to the terminal.

    Without a bar nothing is imported for it, which would take longer than a short sample.
    """
    if streams.is_terminal() or sys.stderr is None or not sys.stderr.isatty():
        return things
    from ...terminal import console

    return console.counted(things, total, unit)


def flow(first: str, pieces: Iterator[str]) -> None:
    """Write text as it comes, a few characters at a time where they come fast."""
    streams.write(first, flush=True)
    held, shown = [], 0.0
    for piece in pieces:
        held.append(piece)
        if (now := monotonic()) - shown > FLUSH_SECONDS:
            streams.write("".join(held), flush=True)
            held, shown = [], now
    streams.write("".join(held))


def facts(sample: "TextSample") -> dict[str, Any]:
    """A sample as a JSON object has it."""
    found: dict[str, Any] = {"text": sample.text, "ended": sample.ended}
    if sample.bits is not None:
        found["bits"] = round(sample.bits, 4)
    if sample.novelty:
        shared = sample.novelty.overlap
        found |= {"found": sample.novelty.found, "copied": round(shared.share, 4), "longest": shared.longest}
    return found


def _tell_bits(sample: "TextSample", prime: int) -> None:
    """What a text that was looked for costs, less its prime of so many characters; its end counts as one."""
    if sample.bits is None:
        return
    from ...terminal import console

    count = len(sample.text) - prime + sample.ended
    console.note(f"{sample.bits:.2f} bits, {sample.bits / max(1, count):.3f} bits/char")
