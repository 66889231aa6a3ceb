"""What samples copied from the training text, summed up in a line."""

from ..sampling.text import TextSample
from .console import note

SHOWN_OVERLAP = 60  # characters of the longest copied text that are shown


class Tally:
    """How much of all samples stands in the training text, and the longest of it."""

    def __init__(self) -> None:
        self.grams, self.copied, self.longest = 0, 0, ""

    def add(self, sample: TextSample) -> None:
        """Count a sample; one without novelty counts nothing."""
        if sample.novelty is None:
            return
        shared = sample.novelty.overlap
        self.grams, self.copied = self.grams + shared.grams.size, self.copied + int(shared.grams.sum())
        if shared.longest > len(self.longest):
            self.longest = sample.text[shared.at : shared.at + shared.longest]

    def show(self) -> None:
        """Write the line."""
        share = f"{self.copied / self.grams:.1%} of the 8-grams are in the training text; " if self.grams else ""
        cut = "..." if len(self.longest) > SHOWN_OVERLAP else ""
        text = f", {self.longest[:SHOWN_OVERLAP]!r}{cut}" if self.longest else ""
        note(f"{share}the longest copied run has {len(self.longest):,} characters{text}")
