"""What a model is and how it is trained: every option, its default and its bounds, in one place.

Pure data, without NumPy: the command line reads its options, defaults and help from here, so they cannot drift.
"""

from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from .errors import UsageError


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A field with its help text, its bounds (both allowed) or its `choices`, for the command line to read."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, **more})


class Checked:
    """Dataclasses that refuse values out of bounds when they are made."""

    def __post_init__(self) -> None:
        for spec in fields(self):  # type: ignore[arg-type]
            check(spec.name, getattr(self, spec.name), spec.metadata)


def check(name: str, value: Any, bounds: Any) -> None:
    """Raise `UsageError` for a value out of its bounds or choices, nan and inf included."""
    flag = "--" + name.replace("_", "-")
    choices, low, high = bounds.get("choices"), bounds.get("low"), bounds.get("high")
    if choices is not None and value not in choices and not (value is None and "of" in bounds):
        raise UsageError(f"{flag} is {value!r}: choose one of {', '.join(choices)}")
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, float) and not isfinite(value):
        raise UsageError(f"{flag} is {value}: give a finite number")
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise UsageError(f"{flag} is {value}: give a number {limits}")


@dataclass(frozen=True)
class ModelConfig(Checked):
    """The shape of a network: with the number of symbols, all that its weights' shapes depend on.

    Options `of` some cells only have a default for each of these; they stay None, and must, for other cells.
    """

    cell: str = option("elman", "recurrent cell", choices=("elman", "lstm", "gru"))
    hidden: int = option(256, "hidden units in each layer", low=1, high=1_000_000)
    layers: int = option(3, "recurrent layers, one above the other", low=1, high=64)
    activation: str | None = option(
        None,
        "what the hidden units of elman compute (default: relu)",
        choices=("tanh", "relu", "sigmoid"),
        of={"elman": "relu"},
    )
    skip: bool = option(True, "connect the input to every layer and every layer to the output")
    dropout: float | None = option(
        None,
        "share of a layer's outputs silenced while training (default: 0.1 to 0.5, by parameters for each character)",
        low=0,
        high=0.95,
    )
    ending: str = option(
        "eos",
        "how a sequence ends: by a symbol, by a node beside the characters, or after as many as were told first",
        choices=("eos", "node", "length"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for spec in fields(self):
            cells = spec.metadata.get("of")
            if cells and getattr(self, spec.name) is None:
                object.__setattr__(self, spec.name, cells.get(self.cell))
            elif cells and self.cell not in cells:
                raise UsageError(
                    f"--{spec.name} has no effect on --cell {self.cell}: leave it out, or choose --cell "
                    + " or ".join(cells)
                )

    @property
    def own(self) -> dict[str, Any]:
        """The options that this cell has, and others have not."""
        found = [spec.name for spec in fields(self) if self.cell in spec.metadata.get("of", ())]
        return {name: getattr(self, name) for name in found}


@dataclass(frozen=True)
class TrainConfig(Checked):
    """How a network is trained: with the corpus, the seed and the model, all that a run depends on."""

    batch: int = option(32, "sequences read side by side", low=1, high=1_000_000)
    window: int = option(64, "characters after which gradients are truncated", low=1, high=1_000_000)
    optimizer: str = option("adam", "rule of the updates", choices=("adam", "rmsprop", "adagrad", "sgd"))
    rate: float = option(4e-3, "learning rate", low=0, high=1e12)
    momentum: float = option(0.9, "momentum of sgd", low=0, high=0.9999)
    weight_decay: float = option(0.0, "shrinking of the weights, apart from the gradient (AdamW)", low=0, high=1e6)
    clip: float = option(0.5, "largest norm of the gradient; 0 for no limit", low=0, high=1e12)
    schedule: str = option(
        "cosine", "course of the learning rate", choices=("constant", "exponential", "cosine", "plateau")
    )
    warmup: float = option(0.02, "share of the run in which the rate rises from 0", low=0, high=1)
    floor: float = option(0.01, "the rate that cosine and exponential end at, as a share of the rate", low=0, high=1)
    epochs: float | None = option(None, "passes over the training part", low=1e-6, high=1e9)
    steps: int | None = option(None, "updates of the weights", low=1, high=10**12)
    minutes: float | None = option(None, "minutes on the clock", low=1e-6, high=1e7)
    patience: int = option(10, "validations without a better one before stopping; 0 for never", low=0, high=10**9)
    every: int | None = option(
        None, "updates between validations (default: an epoch, within 200 k and 2 M characters)", low=1, high=10**12
    )
    valid: float = option(0.1, "share of the corpus, from its end, held out for validation", low=0.0001, high=0.9)
    state: str = option(
        "auto", "whether the state is carried over a sequence's end", choices=("auto", "carry", "reset")
    )
    seed: int = option(0, "seed of all that is random", low=0, high=2**63 - 1)
    workers: int | None = option(None, "processes that share a batch (default: the cores at hand)", low=1, high=1024)


@dataclass(frozen=True)
class SampleConfig(Checked):
    """How symbols are drawn from the network's scores."""

    temp: float = option(1.0, "temperature: below 1 safer, above 1 wilder, 0 the likeliest always", low=0, high=1e6)
    top_k: int = option(0, "draw among the k likeliest characters; 0 for all", low=0, high=2_000_000)
    top_p: float = option(1.0, "draw among the likeliest characters that make up this share", low=1e-9, high=1)
    length: int = option(2000, "most characters of a sample", low=0, high=10**12)
    count: int = option(1, "number of samples", low=0, high=10**9)
    seed: int | None = option(None, "seed; the same one gives the same text", low=0, high=2**63 - 1)
