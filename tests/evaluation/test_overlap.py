"""What stands word for word in another text: against a search by hand, in pieces of any size."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from charnn.evaluation import overlap
from charnn.evaluation.overlap import GRAM, hashes, overlaps

RNG = np.random.default_rng(0)
OTHER = RNG.integers(0, 4, 3000).astype(np.uint8)
TEXTS = {
    "by chance": RNG.integers(0, 4, 300).astype(np.uint8),
    "a run of 60": np.concatenate([RNG.integers(0, 4, 20), OTHER[100:160], RNG.integers(0, 4, 50)]).astype(np.uint8),
    "all of it": OTHER[10:200],
    "across all": OTHER,
    "shorter than a gram": OTHER[:5],
    "one symbol": OTHER[:1],
    "nothing": OTHER[:0],
    "unknown symbols": np.full(20, 9, np.uint8),
    "in wider numbers": OTHER[50:90].astype(np.uint32),
}


def in_pieces(size: int, text: np.ndarray = OTHER) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: (text[i : i + size] for i in range(0, len(text), size))


def by_hand(text: np.ndarray) -> tuple[list[bool], int, int]:
    whole, part = OTHER.tobytes(), text.astype(np.uint8).tobytes()
    grams = [part[i : i + GRAM] in whole for i in range(len(part) - GRAM + 1)]
    longest = at = 0
    for i in range(len(part)):
        while i + longest < len(part) and part[i : i + longest + 1] in whole:
            longest, at = longest + 1, i
    return grams, longest, at


@pytest.mark.parametrize("size", [29, 1000, 10_000])
def test_what_is_found_is_what_a_search_finds(size: int) -> None:
    for (name, text), facts in zip(TEXTS.items(), overlaps(list(TEXTS.values()), in_pieces(size)), strict=True):
        grams, longest, at = by_hand(text)
        assert facts.grams.tolist() == grams and facts.longest == longest, name
        assert text[facts.at : facts.at + longest].tobytes() in OTHER.astype(text.dtype).tobytes(), name
        assert facts.at == at, name
        assert facts.share == (np.mean(grams) if grams else 0)


def test_an_empty_text_holds_nothing() -> None:
    (facts,) = overlaps([OTHER], in_pieces(10, OTHER[:0]))
    assert not facts.grams.any() and facts.longest == 0 and facts.share == 0


def test_ngrams_have_one_number_wherever_they_stand() -> None:
    twice = np.concatenate([OTHER, OTHER])
    for n in (1, 8, 100, 2999):
        marks = hashes(twice, n)
        np.testing.assert_array_equal(marks[: len(OTHER) - n + 1], marks[len(OTHER) :])
    assert len(np.unique(hashes(OTHER, 20))) == len({OTHER[i : i + 20].tobytes() for i in range(2981)})
    assert hashes(OTHER[:3], 4).size == 0


def test_no_more_passes_than_the_longest_run_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    def other() -> Iterator[np.ndarray]:
        passes.append(1)
        return iter([OTHER])

    overlaps([TEXTS["a run of 60"]], other)
    assert 4 <= len(passes) <= 2 * np.log2(130) + 2
    assert overlap._powers.cache_info().currsize <= 4
