"""Weights of a trained network for another vocabulary: known characters keep theirs, new ones start from their like."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..data.vocabulary import Vocabulary
from ..io.lazy import Ids, pieces
from ..nn.functions import softmax
from ..nn.layers.base import Array
from ..nn.model import Model
from ..nn.network import Network
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace

READ, ROWS = 1 << 13, 64  # symbols of a text that tell what a network expects there, and rows that they are read in
HALF = 0.5  # added to counts, so that characters that a text does not have are rare, not impossible


def extended(old: Network, known: Vocabulary, model: Model, vocabulary: Vocabulary, train: Ids) -> Parameters:
    """The old network's weights in a model of the same shape, whose vocabulary has new characters too.

    With S (new symbols, old symbols), whose rows sum to 1: one-hot inputs U' = S U, readout V' = V S^T, and scores
    c' = S c. New characters have c' = S c + log p' / (1 - Q) - S log q. Known characters have one 1 in S. The row of a
    new character is spread over those it is like (see `alike`), by their shares of the text `train` to be learnt.

    So the scores of a new character are those of its like, shifted. q are the mean probabilities that the old network
    gives to its characters in that text. p' is the share of the new character there, and Q that of all new ones.
    """
    counts = np.zeros(vocabulary.size)
    for piece in pieces(train):
        counts += np.bincount(piece, minlength=vocabulary.size)
    p = (counts + HALF) / (counts + HALF)[1:].sum()  # shares of the characters
    S, new = mixture(known, vocabulary, p, old.model.symbols, model.symbols)
    found = Parameters(model.shapes(), old.dtype)
    for name, array in _extended(old, model, S).items():
        found[name] = array
    q = np.log(expected(old, known, S.argmax(axis=1)[np.asarray(train[:READ])])) if new and len(train) else np.zeros(1)
    for symbol in new:
        found["readout/c"][symbol] += np.log(p[symbol] / (1 - p[new].sum())) - S[symbol, 1 : known.size] @ q
    for name in model.fixed:
        found[name].fill(0)
    return found


def expected(network: Network, vocabulary: Vocabulary, ids: Array) -> Array:
    """The mean probability of each character among all, after each of some symbols (N,) that are read in rows."""
    rows = min(ROWS, len(ids))
    x = ids[: len(ids) // rows * rows].reshape(rows, -1).T
    o, _ = network.scores(x, network.zero_state(rows), Workspace(back=False))
    p: Array = softmax(o[..., 1 : vocabulary.size].astype(np.float64)).mean(axis=(0, 1))
    return p


def places(known: Vocabulary, vocabulary: Vocabulary) -> Array:
    """Where each symbol of a vocabulary is in the known one, (V,); -1 where it is new."""
    found = {code: i for i, code in enumerate(known.characters, 1)}
    return np.array([0, *(found.get(code, -1) for code in vocabulary.characters)])


def mixture(
    known: Vocabulary, vocabulary: Vocabulary, shares: Array, before: int, after: int
) -> tuple[Array, list[int]]:
    """S (after, before) and the new symbols; `before` and `after` count the symbols that stand for lengths too."""
    old, S = places(known, vocabulary), np.zeros((after, before))
    there = np.flatnonzero(old >= 0)
    S[there, old[there]] = 1
    lengths = np.arange(after - vocabulary.size)
    S[vocabulary.size + lengths, known.size + lengths] = 1
    new = np.flatnonzero(old < 0).tolist()
    here = {code: i for i, code in enumerate(vocabulary.characters, 1)}
    for symbol in new:
        like = [here[code] for code in alike(vocabulary.characters[symbol - 1], known.characters)] or [0]
        S[symbol, old[like]] = shares[like] / shares[like].sum()
    return S, new


def alike(code: int, known: Iterable[int]) -> list[int]:
    """The known characters that a new one starts from: without its accent, in the other case, of its kind, or all."""
    there = set(known)
    for one in _variants(chr(code)):
        if len(one) == 1 and ord(one) in there:
            return [ord(one)]
    kind = unicodedata.category(chr(code))
    for digits in (2, 1):  # small letters, say, or letters
        if same := [one for one in there if unicodedata.category(chr(one))[:digits] == kind[:digits]]:
            return sorted(same)
    return sorted(there)


def _variants(character: str) -> Iterator[str]:
    bare = unicodedata.normalize("NFKD", character)[:1]
    for one in (bare, character):
        yield from (one, one.swapcase())


def _extended(old: Network, model: Model, S: Array) -> dict[str, Array]:
    """All weights, those of symbols mixed by S."""
    found = dict(old.weights)
    found["readout/V"], found["readout/c"] = old.weights["readout/V"] @ S.T, S @ old.weights["readout/c"]
    layers: Iterable[tuple[Any, Any]] = zip(old.model.hidden.layers, model.hidden.layers, strict=True)
    for i, (layer, wanted) in enumerate(layers):
        name, blocks, rows, start = f"hidden/{i}/U", [], old.weights[f"hidden/{i}/U"], 0
        for size, other in zip(layer.inputs, wanted.inputs, strict=True):
            block = rows[start : start + size]
            blocks.append(block if size == other else S @ block)
            start += size
        found[name] = np.concatenate(blocks)
    return found
