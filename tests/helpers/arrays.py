"""All arrays of a .npz file at once; the program itself reads them one by one."""

from pathlib import Path

import numpy as np

from charnn.io.npz import Reader


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file by name. Raises as `Reader` does."""
    reader = Reader(path)
    return {name: reader.read(name) for name in reader.arrays}
