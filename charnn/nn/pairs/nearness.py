"""What attention prefers by place: the symbols of a source that are as far along as the target is."""

from dataclasses import dataclass

import numpy as np

from ..layers.base import Array
from ..parameters import Views

REACH = 16  # symbols; a source that is further off counts as so far


@dataclass(frozen=True)
class Nearness:
    """r[i - t], which is added to the score of a source's symbol i at step t (as in Raffel et al., 2020).

    A target often follows its source: where the next symbol stands is known before anything is learnt of symbols.
    r has a number for each distance from -`reach` to `reach`, beyond which the last one holds. All start as 0.
    """

    reach: int = REACH

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"r": (2 * self.reach + 1,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        return {"r": np.zeros(2 * self.reach + 1)}

    def scores(self, p: Views, steps: Array, symbols: int) -> Array:
        """What is added to the scores (T, S) of S symbols at some steps, (T,) of their numbers."""
        return p["r"][self._places(steps, symbols)]

    def add(self, g: Views, steps: Array, ds: Array) -> None:
        """ADD into g the gradient, from that of the scores (T, S)."""
        places = self._places(steps, ds.shape[1])
        g["r"] += np.bincount(places.reshape(-1), ds.reshape(-1), minlength=len(g["r"]))

    def _places(self, steps: Array, symbols: int) -> Array:
        apart = np.arange(symbols) - steps[:, None]
        return np.clip(apart, -self.reach, self.reach) + self.reach
