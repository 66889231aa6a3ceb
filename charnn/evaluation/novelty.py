"""What of a text is not new: how much of it stands word for word in the corpus that a run was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..data.corpus import Corpus
from ..data.vocabulary import EOS
from ..io.lazy import pieces
from ..runs.corpus import PUT_BACK, parts
from ..runs.run import Run
from .overlap import Overlap, overlaps

UNKNOWN_CORPUS = f"{PUT_BACK}, or leave out --novelty"  # what to do where the training text is gone


@dataclass(frozen=True)
class Novelty:
    """Which part of a run's corpus has the whole of a text, train, valid or neither (new), and what train has of it."""

    found: str
    overlap: Overlap


class CorpusIndex:
    """The corpus of a run, or the same one given, to look texts up in. Raises what `own_corpus` does."""

    def __init__(self, run: Run, corpus: Corpus | None = None):
        self.run = run
        self.train, self.valid = parts(run, corpus, UNKNOWN_CORPUS)
        self.start = np.array([EOS], run.vocabulary.dtype)

    def overlaps(self, texts: Sequence[str | np.ndarray]) -> list[Overlap]:
        """What of each text, or its ids (N,), stands word for word in the training part."""
        return overlaps([self._ids(text) for text in texts], lambda: pieces(self.train))

    def novelty(self, samples: Sequence[tuple[str, bool]]) -> list[Novelty]:
        """The novelty of texts that begin a sequence; True beside those that end it too."""
        shared = self.overlaps([text for text, _ in samples])
        return [Novelty(self._find(*sample), overlap) for sample, overlap in zip(samples, shared, strict=True)]

    def _ids(self, text: str | np.ndarray) -> np.ndarray:
        return self.run.vocabulary.ids(text) if isinstance(text, str) else text

    @cached_property
    def _bytes(self) -> dict[str, bytes]:
        """Both parts as bytes, each after an EOS."""
        named = {"train": self.train, "valid": self.valid}
        return {name: np.concatenate([self.start, ids]).tobytes() for name, ids in named.items()}

    def _find(self, text: str, ended: bool) -> str:
        """The part that has a whole sequence, or its beginning."""
        ids = np.concatenate([self.start, self._ids(text), self.start if ended else self.start[:0]])
        for name, whole in self._bytes.items():
            at = whole.find(ids.tobytes())
            while at >= 0 and at % ids.itemsize:
                at = whole.find(ids.tobytes(), at + 1)
            if at >= 0:
                return name
        return "new"
