"""How well sources are sorted into classes: accuracy, F1, calibration, and which label is taken for which."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..pictures.shades import grid

BINS = 15  # of confidence, equally wide
THRESHOLD = 0.5  # of the probability from which on one of several labels is given


@dataclass(frozen=True, eq=False)
class LabelScore:
    """Counts over N sources and L labels; `+` joins those of two parts."""

    nats: float  # the summed surprisal of the right labels
    count: int  # sources
    hits: int  # of which all labels are right
    there: np.ndarray  # (L + 1,): how often each label is right; last those that the model does not know
    found: np.ndarray  # (L + 1,): how often each is given
    both: np.ndarray  # (L + 1,): how often it is given and right
    confusion: np.ndarray  # (L + 1, L + 1): right and given label; of several labels, nothing
    bins: np.ndarray  # (BINS, 3): statements in a range of confidence, their summed confidence, how many are right
    unknown: int = 0  # sources whose one label the model does not know, which cost no nats
    unknown_read: int = 0  # symbols of the sources that the model does not know
    weight: float | None = None  # of the network in a mixture with n-grams

    @classmethod
    def of_one(cls, p: np.ndarray, y: np.ndarray) -> "LabelScore":
        """From probabilities (N, L) and the right label of each source, (N,); L for one that the model does not know.

        What is unknown is an error, and costs no nats, since there is no probability of it.
        """
        N, L = p.shape
        given, known = p.argmax(axis=1), y < L
        confusion = np.zeros((L + 1, L + 1), np.int64)
        np.add.at(confusion, (y, given), 1)
        nats = -np.log(np.maximum(p[known, y[known]], np.finfo(float).tiny)).sum()
        right = given == y
        bins = _bins(p[np.arange(N), given], right)
        there, found, both = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal().copy()
        return cls(float(nats), N, int(right.sum()), there, found, both, confusion, bins, N - int(known.sum()))

    @classmethod
    def of_several(cls, p: np.ndarray, y: np.ndarray, threshold: float = THRESHOLD) -> "LabelScore":
        """From probabilities (N, L) and which labels are right, (N, L + 1) of booleans; last whether there are more."""
        given = np.pad(p >= threshold, ((0, 0), (0, 1)))
        right = np.where(y[:, :-1], p, 1 - p)
        nats = -np.log(np.maximum(right, np.finfo(float).tiny)).sum()
        there, found, both = y.sum(axis=0), given.sum(axis=0), (y & given).sum(axis=0)
        hits, bins = (y == given).all(axis=1), _bins(p.reshape(-1), y[:, :-1].reshape(-1))
        nothing = np.zeros((len(there), len(there)), np.int64)
        return cls(float(nats), len(p), int(hits.sum()), there, found, both, nothing, bins)

    def __add__(self, other: "LabelScore") -> "LabelScore":
        names = self.__dataclass_fields__.keys() - {"weight"}
        return LabelScore(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def figures(self) -> dict[str, float]:
        """All figures by name."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "bits_per_label": self.bits,
            "calibration_error": self.calibration_error,
            **({} if self.weight is None else {"network_weight": self.weight}),
            "count": self.count,
            "unknown_read": self.unknown_read,
            "unknown": int(self.there[-1]),
        }

    def confused(self, labels: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """Those of the labels (L + 1,) that are right or given somewhere, and the confusion of these."""
        there = [i for i in range(len(labels)) if self.confusion[i].any() or self.confusion[:, i].any()]
        return [labels[i] for i in there], self.confusion[np.ix_(there, there)]

    def svg(self, labels: Sequence[str]) -> str:
        """The confusion as shades: of each right label, the share that was given each label.

        Raises `InputError` for scores of several labels, which have no confusion.
        """
        names, counts = self.confused(labels)
        if not names:
            raise InputError("sources have several labels, or there are none: there is no confusion to draw")
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        title = f"Confusion of labels, {self.accuracy:.1%} of {self.count:,} right"
        axes = "columns: the label given", "rows: the right label; shades: the share of its sources"
        return grid(title, axes, (names, names), shares.tolist())

    @property
    def accuracy(self) -> float:
        """The share of sources of which all labels are right."""
        return self.hits / self.count if self.count else math.nan

    @property
    def bits(self) -> float:
        """Bits per source whose label the model knows."""
        return self.nats / (self.count - self.unknown) / math.log(2) if self.count > self.unknown else math.nan

    @property
    def precision(self) -> np.ndarray:
        """The share of a label's sources, among those that it was given to, (L + 1,); 0 where it never was."""
        return self.both / np.maximum(self.found, 1)

    @property
    def recall(self) -> np.ndarray:
        """The share of a label's sources that it was given to, (L + 1,)."""
        return self.both / np.maximum(self.there, 1)

    @property
    def f1(self) -> np.ndarray:
        """The harmonic mean of precision and recall, (L + 1,)."""
        return 2 * self.both / np.maximum(self.there + self.found, 1)

    @property
    def macro_f1(self) -> float:
        """The mean of F1 over the labels that are right or given somewhere."""
        seen = self.there + self.found > 0
        return float(self.f1[seen].mean()) if seen.any() else math.nan

    @property
    def calibration_error(self) -> float:
        """The mean difference of confidence and accuracy over 15 ranges of confidence, by their counts (Guo, 2017)."""
        count, confidence, right = self.bins.T
        return float(np.abs(confidence - right).sum() / count.sum()) if count.sum() else math.nan


def _bins(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return np.stack([np.bincount(at, weights, BINS) for weights in (None, confidence, right)], axis=1)
