"""What random numbers are drawn for."""

from enum import IntEnum


class Draw(IntEnum):
    """Beside a run's seed, the number that sets the random numbers for one use apart from those for all others.

    They are part of what a run is: with another number a resumed run goes on in another way.
    """

    DROPOUT = 1
    SAMPLE = 2  # lines that are shown while training
    CUT = 3  # of the way back through time, at random places
    SPLIT = 4  # the order of sequences, and what is held out
    PAIR_ORDER = 5  # of batches in an epoch
    GAP_ORDER = 6
    SERIES_ORDER = 7
