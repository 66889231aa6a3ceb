"""Weights of a trained network for another vocabulary: known characters keep theirs, new ones start from their like."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..data.vocabulary import Vocabulary
from ..io.lazy import Ids, pieces
from ..nn.layers.base import Array
from ..nn.model import Model
from ..nn.network import Network
from ..nn.parameters import Parameters

HALF = 0.5  # added to counts, so that characters that a text does not have are rare, not impossible


def extended(old: Network, known: Vocabulary, model: Model, vocabulary: Vocabulary, train: Ids) -> Parameters:
    """The old network's weights in a model of the same shape, whose vocabulary has new characters too.

    With S (new symbols, old symbols), whose rows sum to 1: one-hot inputs U' = S U, readout V' = V S^T, and scores
    c' = S c, for new characters c' = log p' + S (c - log p). Known characters have one 1 in S. The row of a new
    character is spread over those it is like (see `alike`), by their shares p of the text `train` to be learnt. So its
    scores are those of its like, shifted to its own share p'.
    """
    counts = np.zeros(vocabulary.size)
    for piece in pieces(train):
        counts += np.bincount(piece, minlength=vocabulary.size)
    p = np.log((counts + HALF) / (counts + HALF).sum())  # log shares of the new vocabulary's symbols
    S, new = mixture(known, vocabulary, np.exp(p), old.model.symbols, model.symbols)
    found = Parameters(model.shapes(), old.dtype)
    for name, array in _extended(old, model, S).items():
        found[name] = array
    there = np.array([i for i in range(vocabulary.size) if i not in new])
    shares = np.zeros(old.model.symbols)
    shares[places(known, vocabulary)[there]] = p[there]
    c = old.weights["readout/c"] - shares
    for symbol in new:
        found["readout/c"][symbol] = p[symbol] + S[symbol] @ c
    for name in model.fixed:
        found[name].fill(0)
    return found


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
