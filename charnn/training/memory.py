"""How much memory training will need, and how much there is: known before the first step, not after hours."""

from ..config import TrainConfig
from ..errors import CharnnError
from ..evaluation.score import SCORING_WINDOW
from ..machine import available_memory
from ..nn import optimizers
from ..nn.layers.base import Layer
from ..nn.layers.linear import SORT_CHUNK
from ..nn.model import Model

FLOAT_BYTES = 4  # bytes
RESERVED_BYTES = 50 << 20  # bytes for what is not counted here


def needed(model: Model, config: TrainConfig, kept: int = 0, symbols: int = 0) -> int:
    """Bytes that training will take on top of a corpus of so many symbols: weights, moments, gradients, activations.

    Weights and moments are there twice, since a rollback returns to a copy; each worker has a gradient of its own, and
    copies of matrices in a layout that products want. For each symbol of a window a layer keeps for each gate, or each
    matrix that h meets on its way to the next step, what it makes and one number more, its gradient or what is behind
    the gates; then h, and what dropout makes of it; what is normalised once more. Some are there twice while they are
    sorted by symbols. A network that reads its own output makes of each step a window, with all that others keep for a
    window once, the state among it. An update whose gradients go back over windows' edges also holds the states that
    are `kept` there.
    """
    workers = config.workers or 1
    vectors = 2 * (1 + (config.average > 0) + len(optimizers.make(config).moments)) + 3 * workers
    hidden, layers = model.config.hidden, model.hidden.layers
    gates = [_columns(layer) // hidden or 1 for layer in layers]
    normed = sum(layer.shapes().get("gain", (0,))[0] for layer in layers)
    start = (2 + max(gates)) * 2 * hidden**2  # drawing orthogonal matrices for W, in float64, two beside them
    beside = 1 + 2 * bool(model.config.dropout) + model.config.skip + model.config.residual
    steps, free = max(config.batch * config.window, SCORING_WINDOW), model.config.shares != (1, 1)
    window = steps * (3 if free else 1) * (hidden * sum(2 * count + beside for count in gates) + normed)
    window += min(workers * SORT_CHUNK, steps * max(gates) * hidden)
    states = (6 * (steps if free else config.batch) + kept * config.batch) * sum(model.state_sizes)
    scores = config.batch * config.window * model.symbols
    numbers = model.parameters * vectors + start + window + scores + states
    return RESERVED_BYTES + model.ending.bytes(symbols) + FLOAT_BYTES * numbers


def _columns(layer: Layer) -> int:
    """How many numbers a layer makes of its own values, for each symbol: the columns of its recurrent weights."""
    return sum(layer.shapes()[name][-1] for name in layer.recurrent_weights)


def check(model: Model, config: TrainConfig, kept: int = 0, symbols: int = 0) -> int:
    """Bytes that training will need. Raises `CharnnError` where there are not so many."""
    need, there = needed(model, config, kept, symbols), available_memory()
    if there is not None and need > there:
        raise CharnnError(
            f"training needs {need / 1e9:.1f} GB, and there are {there / 1e9:.1f} GB: "
            "try a smaller --hidden, --layers, --batch or --window"
        )
    return need
