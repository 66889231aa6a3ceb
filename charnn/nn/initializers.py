"""Random matrices that weights start from."""

import numpy as np


def glorot(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Uniform in +-sqrt(6 / (rows + columns)): keeps variances through a layer (Glorot and Bengio, 2010)."""
    limit = np.sqrt(6 / sum(shape))
    return rng.uniform(-limit, limit, shape)


def orthogonal(rng: np.random.Generator, n: int) -> np.ndarray:
    """A random (n, n) matrix of orthonormal rows: h W keeps the length of h (Saxe et al., 2014).

    The signs make it uniform over all such matrices (Mezzadri, 2007).
    """
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return q * np.sign(np.diag(r))
