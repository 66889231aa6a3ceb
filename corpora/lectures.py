"""Write the corpora of lectures on recurrent networks: `python corpora/lectures.py even-zeros > even-zeros.txt`."""

import argparse
import math
from collections.abc import Callable, Iterator
from random import Random

Vector = tuple[float, ...]
WARM_UP = 500  # steps of a system that are left out, until it is near its attractor


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


def sine(rng: Random, count: int = 2000) -> Iterator[str]:
    """sin(t / 5) + sin(t / 3) / 2, with a little noise: a line a step."""
    for t in range(count):
        yield f"{math.sin(t / 5) + math.sin(t / 3) / 2 + rng.gauss(0, 0.02):.4f}"


def lorenz(rng: Random, count: int = 5000, step: float = 0.02) -> Iterator[str]:
    """x, y, z of the system of Lorenz (1963), a line each 0.1 units of time, by Runge and Kutta's method.

    dx/dt = 10 (y - x),   dy/dt = x (28 - z) - y,   dz/dt = x y - 8/3 z
    """

    def slope(at: Vector) -> Vector:
        x, y, z = at
        return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z

    at: Vector = (1 + rng.random(), 1 + rng.random(), 20.0)
    for number in range(5 * (WARM_UP + count)):
        if number >= 5 * WARM_UP and number % 5 == 0:
            yield "\t".join(f"{value:.4f}" for value in at)
        a = slope(at)
        b = slope(_moved(at, a, step / 2))
        c = slope(_moved(at, b, step / 2))
        d = slope(_moved(at, c, step))
        mean = tuple((p + 2 * q + 2 * r + s) / 6 for p, q, r, s in zip(a, b, c, d, strict=True))
        at = _moved(at, mean, step)


def mackey_glass(rng: Random, count: int = 5000, delay: int = 17) -> Iterator[str]:
    """The delay equation of Mackey and Glass (1977), chaotic with a delay of 17: a line each six units of time.

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t),   in steps of a tenth
    """
    tenths = 10 * delay
    past = [1.2 + 0.1 * (rng.random() - 0.5) for _ in range(tenths + 1)]
    for number in range(60 * (WARM_UP + count)):
        late = past[-tenths - 1]
        past.append(past[-1] + 0.1 * (0.2 * late / (1 + late**10) - 0.1 * past[-1]))
        if number % 60 == 59 and number >= 60 * WARM_UP:
            yield f"{past[-1]:.5f}"


def _moved(at: Vector, slope: Vector, step: float) -> Vector:
    return tuple(value + step * rate for value, rate in zip(at, slope, strict=True))


CORPORA: dict[str, Callable[[Random], Iterator[str]]] = {
    "even-zeros": even_zeros,
    "zeros-and-ones": zeros_and_ones,
    "sine": sine,
    "lorenz": lorenz,
    "mackey-glass": mackey_glass,
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
