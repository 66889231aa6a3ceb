"""How much memory training will need, and how much there is: known before the first step, not after hours."""

from pathlib import Path

from . import optimizers
from .config import TrainConfig
from .errors import CharnnError
from .evaluation import WINDOW
from .model import Model

FLOAT = 4  # bytes
RESERVE = 50 << 20  # bytes for what is not counted here
COUNTING = 32  # bytes that counting n-grams takes for each symbol


def needed(model: Model, config: TrainConfig, symbols: int = 0) -> int:
    """Bytes that training will take on top of a corpus of so many symbols: weights, moments, gradients, activations.

    Weights and moments are there twice, since a setback returns to a copy; each worker has a gradient of its own. For
    each symbol of a window a layer keeps its input's product, h, what dropout makes of it, and their gradients; and for
    each gate beside, its product, the gate, their gradient, and now and then something more.
    """
    vectors = 2 * (1 + len(optimizers.make(config).moments)) + (config.workers or 1)
    gates = model.hidden.layers[0].shapes()["W"][1] // model.config.hidden
    start = (2 + gates) * 2 * model.config.hidden**2  # drawing orthogonal matrices for W, in float64, two beside them
    window = (
        max(config.batch * config.window, WINDOW)
        * model.config.hidden
        * model.config.layers
        * (4 * gates + (4 if model.config.skip else 2))
    )
    scores = config.batch * config.window * model.symbols
    return RESERVE + model.ending.bytes(symbols) + FLOAT * (model.parameters * vectors + start + window + scores)


def available() -> int | None:
    """Bytes that this process may still take, by its limits and by what is free; None where that cannot be told."""
    found = []
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
            found.append(limit - used)
    except (ImportError, OSError):  # not on this system
        pass
    try:
        lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
        found += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    except OSError:
        pass
    return min(found, default=None)


def countable(most: int) -> int:
    """How many symbols n-grams can be counted on in half of the memory that there is, up to `most`."""
    there = available()
    return most if there is None else max(0, min(most, there // 2 // COUNTING))


def check(model: Model, config: TrainConfig, symbols: int = 0) -> int:
    """Bytes that training will need. Raises `CharnnError` where there are not so many."""
    need, there = needed(model, config, symbols), available()
    if there is not None and need > there:
        raise CharnnError(
            f"training needs {need / 1e9:.1f} GB, and there are {there / 1e9:.1f} GB: "
            "try a smaller --hidden, --layers, --batch or --window"
        )
    return need
