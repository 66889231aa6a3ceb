"""What a model is and how it is trained: every option, its default and its bounds, in one place.

Pure data, without NumPy: the command line reads its options, defaults and help from here, so they cannot drift.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from .choices import CELLS, CONDITION, ENCODER, ENDINGS, OPTIMIZERS, POOLING, SCHEDULES, SCHEMES, SYMBOL_DROPOUT, TASKS
from .conflicts import check
from .errors import UsageError
from .options import Checked, duration, option, with_old_names
from .verbs import INVALID
from .verbs import EvalConfig as EvalConfig
from .verbs import SampleConfig as SampleConfig


def _course(text: str) -> str:
    """A share, or two with a colon between, as their shortest text. Raises `UsageError` for anything else."""
    try:
        shares = [float(share) for share in text.split(":")]
    except ValueError:
        shares = []
    if len(shares) not in (1, 2) or not all(0 <= share <= 1 for share in shares):
        raise UsageError(f"--teacher-forcing is {text!r}: give a number from 0 to 1, or two of them, like 1.0:0.5")
    return ":".join(str(share) for share in dict.fromkeys(shares))


def _minutes(time: float | str | None) -> float | None:
    """A number of minutes, or a time like 90s, 10m or 1h30m. Raises `UsageError` for anything else."""
    if not isinstance(time, str):
        return time
    seconds = duration(time)
    if seconds is None:
        try:
            return float(time)
        except ValueError:
            raise UsageError(f"--minutes is {time!r}: give a number of minutes, or a time like 90s or 1h30m") from None
    return seconds / 60


@cache
def _shares(course: str) -> tuple[float, float]:
    shares = [float(share) for share in course.split(":")]
    return shares[0], shares[-1]


@dataclass(frozen=True)
class ReadConfig(Checked):
    """How a corpus is read."""

    sequence: str = option(
        "auto",
        "what a sequence is, and so what ends by EOS",
        choices=("auto", "line", "paragraph", "file"),
    )
    invalid: str = option("error", INVALID, choices=("error", "keep", "replace"))
    characters: str = option("", "characters to have symbols for beside those of the corpus")


@dataclass(frozen=True)
class ModelConfig(Checked):
    """The shape of a network: with the number of symbols, all that its weights' shapes depend on.

    The options of single cells, such as `norm` and `delay`, are fields too, made from the rows of `choices.CELLS`. An
    option that a cell does not have is None, and must be.
    """

    cell: str = option("lstm", "recurrent cell", choices=CELLS)
    hidden: int = option(
        256,
        "hidden units in each layer; unless given, an lstm has fewer for short texts, and --minutes chooses its size",
        low=1,
        high=1_000_000,
    )
    layers: int = option(2, "number of recurrent layers", low=1, high=64)
    activation: str | None = option(
        "relu",
        "activation function of the hidden units; linear is the identity, h = a",
        choices=("tanh", "relu", "sigmoid", "linear"),
        of="cell",
    )
    skip: bool = option(True, "connect the input to every layer, and every layer to the output")
    dropout: float | None = option(
        None,
        "share of each layer's outputs set to 0 in training (default: 0.1 to 0.5, by parameters per character)",
        low=0,
        high=0.95,
    )
    dropout_kind: str = option(
        "standard",
        "draw the units to drop at every step (standard), or once for all steps of a window (locked, or variational)",
        choices=("standard", "locked"),
    )
    feedforward_depth: int = option(
        1, "layers from one recurrent layer to the next; those beyond 1 are feedforward layers", low=1, high=64
    )
    residual: bool = option(False, "residual connections: add each layer's input to its output")
    feedback: str = option(
        "none", "feed the network's output back into it, beside the hidden units", choices=("none", "output")
    )
    teacher_forcing: str = option(
        "1.0",
        "share of the correct output in what is fed back, by --cell jordan or --feedback output; the rest is the "
        "network's own output. 1.0:0.5 changes the share from the first update to the last",
        form=_course,
    )
    ending: str = option(
        "eos",
        "how the end of a sequence is predicted: as a symbol (eos), by a separate output unit (node), or by a first "
        "symbol that announces the length (length)",
        choices=ENDINGS,
    )
    loss: str = option(
        "cross-entropy",
        "what training makes small: the surprisal of the right symbol, or the squared error of the softmax",
        choices=("cross-entropy", "squared"),
    )
    bias: bool = option(True, "add biases b and c to the sums of units; without them they stay 0")
    init_scale: float = option(
        1.0, "factor of the recurrent weights W at the start, which are orthogonal", low=0, high=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check(vars(self))

    def describe(self) -> list[str]:
        """What there is beside cells one above the other."""
        own = {name: spec.metadata for name, spec in CELLS[self.cell].own.items()}
        found = {
            "skip connections": self.skip,
            "residual connections": self.residual,
            "no biases": not self.bias,
            f"W times {self.init_scale:g} at the start": self.init_scale != 1,
            **{
                spec.get("says", f"{name.replace('_', ' ')} {{}}").format(value): value != spec["default"]
                for name, spec in own.items()
                for value in [getattr(self, name)]
            },
            f"feedforward depth {self.feedforward_depth}": self.feedforward_depth > 1,
            f"{self.feedback} fed back": self.feedback != "none",
            f"teacher forcing {self.teacher_forcing}": self.shares != (1, 1),
        }
        return [words for words, there in found.items() if there]

    @property
    def shares(self) -> tuple[float, float]:
        """Of teacher forcing: the first, and the last."""
        return _shares(self.teacher_forcing)

    @property
    def cell_options(self) -> dict[str, Any]:
        """The options that this cell has, and others have not."""
        return self.options_of("cell")


@dataclass(frozen=True)
class TaskConfig(Checked):
    """What is learnt. The options of single tasks are fields too, made from the rows of `choices.TASKS`."""

    task: str = option(
        "text",
        "what is learnt: the next character (text); of lines left<TAB>right the label on the left (classify), the text "
        "for a context on the left (condition), or the right side from the left (translate); hidden characters (fill); "
        "the next numbers of a series (values)",
        choices=TASKS,
    )
    columns: str | None = option(
        None, "columns of the left and the right side, like 3+1,2; by default the first TAB splits a line", of="task"
    )
    valid_file: str | None = option(None, "lines that are held out, in place of a share of the corpus", of="task")
    encoder: str | None = ENCODER
    pooling: str | None = POOLING
    condition: str | None = CONDITION
    attention: str | None = option(
        "near", "what attention compares: states (dot), also places (near)", choices=("none", "dot", "near"), of="task"
    )
    symbol_dropout: float | None = SYMBOL_DROPOUT
    labels: str | None = option(
        "one", "labels of a line: one, or several with commas between", choices=("one", "several"), of="task"
    )
    head: str | None = option(
        "softmax",
        "scores of labels: one softmax, or a sigmoid that says which of two it is",
        choices=("softmax", "sigmoid"),
        of="task",
    )
    feedforward: int | None = option(
        0, "units of a layer between the source's vector and the scores", low=0, high=1_000_000, of="task"
    )
    context_as: str | None = option(
        "label", "what a context is: one of some labels, or any text", choices=("label", "text"), of="task"
    )
    context_dropout: float | None = option(
        0.0, "share of the contexts that are hidden while training", low=0, high=0.95, of="task"
    )
    target_units: str | None = option(
        "characters", "what a target is made of", choices=("characters", "words"), of="task"
    )
    autoencode: bool | None = option(False, "learn to write each line again, without pairs", of="task")


TEXT = TaskConfig()


@with_old_names
@dataclass(frozen=True)
class TrainConfig(Checked):
    """How a network is trained: with the corpus, the seed and the model, all that a run depends on."""

    batch: int = option(32, "rows of a batch: parts of the text that are read in parallel", low=1, high=1_000_000)
    window: int = option(
        64,
        "characters of a window, which gradients go back through; with --scheme full, those in memory at a time",
        low=1,
        high=1_000_000,
    )
    scheme: str = option(
        "truncated",
        "how far back gradients go: through the window (truncated), one step (one-step), through the whole sequence "
        "(full), or to a random cut (unbiased)",
        choices=SCHEMES,
    )
    stride: int | None = option(
        None, "characters between updates, at most --window, which is the default", low=1, high=1_000_000, of="scheme"
    )
    cut_probability: float | None = option(
        0.5,
        "probability that the gradient is cut at the edge of a window",
        low=0.001,
        high=1,
        of="scheme",
        was="cut",
    )
    optimizer: str = option("adam", "rule by which a gradient updates the weights", choices=OPTIMIZERS)
    rate: float = option(4e-3, "learning rate", low=0, high=1e12)
    momentum: float = option(
        0.9, "share of the sum of past gradients that each update keeps", low=0, high=0.9999, only="optimizer"
    )
    weight_decay: float = option(
        0.0, "weight decay as in AdamW: each update shrinks the weights by this share times --rate", low=0, high=1e6
    )
    clip: float = option(
        0.5, "maximum norm of the gradient, beyond which it is scaled down; 0 for no limit", low=0, high=1e12
    )
    schedule: str = option("cosine", "learning rate schedule", choices=SCHEDULES)
    warmup: float = option(
        0.02, "share of the run in which the learning rate rises from 0", low=0, high=1, only="schedule"
    )
    final_rate: float = option(
        0.01, "final learning rate, as a share of --rate", low=0, high=1, only="schedule", was="floor"
    )
    average: float = option(
        0.0,
        "share of all updates so far, the latest ones, over which weights are averaged for validation and later use; "
        "0 for no average",
        low=0,
        high=1,
    )
    freeze: int = option(0, "lowest layers that keep the weights of --from, but learn new characters", low=0, high=64)
    epochs: float | None = option(None, "maximum number of passes over the training part", low=1e-6, high=1e9)
    steps: int | None = option(None, "maximum number of updates", low=1, high=10**12)
    minutes: float | None = option(
        None, "maximum minutes, or a time as 90s, 1h30m; sets the size of an lstm", low=1e-6, high=1e7, form=_minutes
    )
    patience: int = option(
        10, "stop after this many validations in a row without a better one; 0 for never", low=0, high=10**9
    )
    validate_every: int | None = option(
        None,
        "updates between validations (default: an epoch, but at least 200 k and at most 2 M characters)",
        low=1,
        high=10**12,
        was="every",
    )
    valid_share: float = option(
        0.1, "share of the corpus, from its end, held out for validation", low=0.0001, high=0.9, was="valid"
    )
    shuffle: bool = option(
        False,
        "bring the sequences of the corpus into an order drawn by --seed before the last ones are held out, as lists "
        "need that are sorted",
    )
    state: str = option(
        "auto",
        "the state at the end of a sequence: kept (carry), kept at the end of an epoch too (continuous), or set to 0 "
        "(reset). auto: reset for lines, carry for paragraphs and files",
        choices=("auto", "carry", "reset", "continuous"),
    )
    seed: int = option(0, "seed of all random numbers", low=0, high=2**63 - 1)
    workers: int | None = option(
        None, "processes that share a batch (default: the fastest number; in short runs one per core)", low=1, high=1024
    )

    @property
    def order(self) -> int | None:
        """The seed of the order of sequences; None for the order of the text."""
        return self.seed if self.shuffle else None

    def __post_init__(self) -> None:
        super().__post_init__()
        check(vars(self))
