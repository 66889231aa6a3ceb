"""Write the corpora of lectures on recurrent networks: `python corpora/lectures.py even-zeros > even-zeros.txt`."""

import argparse
from collections.abc import Callable, Iterator
from random import Random


def even_zeros(rng: Random, count: int = 2000) -> Iterator[str]:
    """Strings of 0 and 1 with an even number of zeros: what the acceptor of two states accepts.

    From S1, after an even number of zeros: an end, 0 or 1, with probabilities 0.2, 0.4, 0.4. From S2: 0 or 1 alike.
    """
    for _ in range(count):
        text, even = "", True
        while not even or rng.random() >= 0.2:
            symbol = "01"[rng.random() < 0.5]
            text, even = text + symbol, even == (symbol == "1")
        yield text


def zeros_and_ones(rng: Random, count: int = 4000) -> Iterator[str]:
    """Strings of 1 to 16 zeros and ones, as label<TAB>string: even or odd, by the number of zeros."""
    for _ in range(count):
        text = "".join("01"[rng.random() < 0.5] for _ in range(1 + int(rng.random() * 16)))
        yield f"{('even', 'odd')[text.count('0') % 2]}\t{text}"


CORPORA: dict[str, Callable[[Random], Iterator[str]]] = {
    "even-zeros": even_zeros,
    "zeros-and-ones": zeros_and_ones,
}


def main() -> None:
    """Write a corpus to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for line in CORPORA[given.corpus](Random(given.seed)):
        print(line)


if __name__ == "__main__":
    main()
