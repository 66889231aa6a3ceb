"""What the two sides of a pair are made of: characters, words or labels, as integers and back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError
from .vocabulary import EOS

KINDS = "characters", "words", "label", "labels"
SEPARATOR = {"characters": "", "words": " ", "labels": ","}


def is_label(kind: str) -> bool:
    """Whether a side is made of labels, which are numbered apart from units."""
    return kind.startswith("label")


def split(text: str, kind: str) -> Sequence[str]:
    """The units of one side: its characters, its words between single blanks, its labels between commas, or all of it.

    `join` gives the text again.
    """
    if kind == "characters":
        return text
    if kind == "label":
        return (text,)
    return text.split(SEPARATOR[kind]) if text else ()


def join(units: Iterable[str], kind: str) -> str:
    """The text whose units these are."""
    return SEPARATOR.get(kind, "").join(units)


@dataclass(frozen=True)
class PairVocabulary:
    """One numbering for both sides of pairs: 0 is EOS, then `units` from 1 on, then a symbol for all that is unknown.

    `source` and `target` say what the side that is read and the side that is wanted are made of. Sides made of labels
    have a numbering apart, `labels` from 0 on.
    """

    units: tuple[str, ...]  # sorted
    labels: tuple[str, ...]  # sorted
    source: str = "characters"
    target: str = "characters"

    sequence = "pair"  # what it is a vocabulary of
    end = "\n"  # what follows a target that is written

    @property
    def size(self) -> int:
        """V: the units, EOS and the unknown symbol."""
        return len(self.units) + 2

    @property
    def facts(self) -> dict[str, Any]:
        """What it is, by name."""
        labels = {"labels": list(self.labels)} if self.labels else {}
        shown = list(self.units) if "words" in (self.source, self.target) else "".join(self.units)
        return {"vocabulary": shown, "symbols": self.size, "sequence": self.sequence, **labels}

    @property
    def unknown(self) -> int:
        """The symbol for units that are not in the vocabulary."""
        return len(self.units) + 1

    def stranger(self, kind: str) -> int:
        """The number of all that a side made of this has, and the vocabulary does not have."""
        return len(self.labels) if is_label(kind) else self.unknown

    def strangers(self, text: str, kind: str) -> set[str]:
        """The units of a side that are not in the vocabulary."""
        return {*split(text, kind)}.difference(self._label_ids if is_label(kind) else self._ids)

    @property
    def dtype(self) -> np.dtype:
        """The smallest unsigned type that holds an id of either numbering."""
        return np.min_scalar_type(max(self.size - 1, len(self.labels)))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {unit: i for i, unit in enumerate(self.units, EOS + 1)}

    @cached_property
    def _label_ids(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.labels)}

    def encode_all(self, texts: Iterable[str], kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Ids of some sides one after the other, (N,), without EOS, and how many each has, (n,).

        What is unknown is `unknown`; among labels, their number.
        """
        ids, unknown = self._label_ids if is_label(kind) else self._ids, self.stranger(kind)
        units = [split(text, kind) for text in texts]
        flat = [ids.get(unit, unknown) for one in units for unit in one]
        return np.array(flat, self.dtype), np.array([len(one) for one in units], np.int64)

    def encode(self, text: str, kind: str) -> np.ndarray:
        """Ids of one side, (N,): see `encode_all`."""
        return self.encode_all((text,), kind)[0]

    def texts(self, ids: Iterable[int]) -> Iterator[str]:
        """The unit of each id as it comes; EOS is a line end, and U+FFFD what is unknown."""
        table = [self.end, *self.units, "\ufffd"]
        return (table[symbol] for symbol in ids)

    def decode(self, ids: Iterable[int], kind: str) -> str:
        """The text of ids; U+FFFD stands for what is unknown, and EOS for nothing."""
        texts = (*self.labels, "\ufffd") if is_label(kind) else ("", *self.units, "\ufffd")
        return join((texts[i] for i in ids), kind)


def from_json(path: str | Path, value: Mapping[str, Any]) -> PairVocabulary:
    """The vocabulary in a header, checked: texts that increase, sides that there are. Raises `CheckpointError`."""
    units, labels = (tuple(value[name]) for name in ("units", "labels"))
    for texts in (units, labels):
        if not all(isinstance(text, str) for text in texts) or any(a >= b for a, b in pairwise(texts)):
            raise CheckpointError(f"{path} is corrupt: its vocabulary is not one")
    if not {value["source"], value["target"]} <= {*KINDS}:
        raise CheckpointError(f"{path} is corrupt: its pairs are made of nothing that is known")
    return PairVocabulary(units, labels, value["source"], value["target"])
