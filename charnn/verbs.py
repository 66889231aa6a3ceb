"""What is asked of a trained model: the options of sampling, evaluating and answering lines."""

from dataclasses import dataclass

from .conflicts import check
from .errors import UsageError
from .options import Checked, option, with_old_names

UNKNOWN = "what to do with characters that the model does not know"
INVALID = "what to do with bytes that are not UTF-8"
MIX_GAPS = (
    "for models of --task fill: interpolate the network with n-grams of its training text from both sides, in log "
    "space, by a weight and a sharpness fitted on the held-out part"
)


@dataclass(frozen=True)
class SampleConfig(Checked):
    """How symbols are drawn from the network's scores, and where a sample ends."""

    temp: float = option(1.0, "temperature: below 1 safer, above 1 wilder, 0 the likeliest always", low=0, high=1e6)
    top_k: int = option(0, "draw among the k likeliest characters; 0 for all", low=0, high=2_000_000)
    top_p: float = option(1.0, "draw among the likeliest characters that make up this share", low=1e-9, high=1)
    length: int = option(2000, "maximum length of a sample, in characters", low=0, high=10**12)
    count: int = option(1, "number of samples", low=0, high=10**9)
    seed: int | None = option(None, "seed; the same one gives the same text", low=0, high=2**63 - 1)
    past_end: bool = option(False, "continue past the end of a sequence, up to --length")
    context: str | None = option(None, "context to write for, by a model of --task condition")
    guidance: float = option(
        1.0,
        "how far scores are moved from those without the context to those given it, and beyond; for a model that was "
        "trained with --context-dropout",
        low=0,
        high=100,
    )
    stop: str | None = option(None, "end where this text appears, and leave it out")
    match: str | None = option(
        None, "draw only what matches this regular expression as a whole, up to the end of the sequence"
    )
    beam: int | None = option(
        None, "instead of drawing, find the likeliest texts with this many beginnings side by side", low=1, high=1000
    )
    unknown: str = option("error", UNKNOWN, choices=("error", "skip"))

    def __post_init__(self) -> None:
        super().__post_init__()
        check(vars(self))
        if self.stop == "":
            raise UsageError("--stop is '', which is everywhere: give a text, or leave it out")


@dataclass(frozen=True)
class InspectConfig(Checked):
    """How a text is read by a model that is looked at."""

    unknown: str = option("error", UNKNOWN, choices=("error", "skip"))
    invalid: str = option("error", INVALID, choices=("error", "keep", "replace"))


@dataclass(frozen=True)
class UnitsConfig(InspectConfig):
    """Which units are shown."""

    layer: int | None = option(None, "this layer alone, 0 being the lowest", low=0)
    gates: bool = option(False, "the gates of lstm or gru by their names, instead of the activations")


@dataclass(frozen=True)
class GradientsConfig(InspectConfig):
    """How far gradients are followed."""

    lags: int = option(50, "how far to look back", low=1, high=1000)


@dataclass(frozen=True)
class DriftConfig(InspectConfig):
    """How long a model reads what it writes."""

    steps: int = option(30, "how far both go on", low=1, high=1000)


@dataclass(frozen=True)
class PathsConfig(InspectConfig):
    """How much of a network is unfolded."""

    steps: int = option(16, "steps that are unfolded", low=1, high=200)


@dataclass(frozen=True)
class CompositionConfig(InspectConfig):
    """How many steps are composed, along which line."""

    steps: int = option(16, "steps that are composed", low=1, high=200)
    seed: int = option(0, "draws the direction", low=0)


@dataclass(frozen=True)
class AutomatonConfig(InspectConfig):
    """How states become those of an automaton."""

    states: int = option(16, "maximum number of clusters", low=1, high=64)
    end: float = option(0.05, "a state accepts where the probability of an end is this or more", low=1e-9, high=1)
    seed: int = option(0, "seed of the clusters", low=0, high=2**63 - 1)


@dataclass(frozen=True)
class GradcheckConfig(InspectConfig):
    """Which weights are moved."""

    samples: int = option(20, "weights of each array", low=1, high=1_000_000)
    seed: int = option(0, "which ones", low=0, high=2**63 - 1)


@dataclass(frozen=True)
class MarkovConfig(Checked):
    """Which models a network is compared with."""

    orders: int = option(8, "largest Markov order", low=0, high=30)
    states: int = option(16, "states of the HMM; 0 for none", low=0, high=512)
    rounds: int = option(50, "rounds of Baum-Welch", low=1, high=10_000)


@with_old_names
@dataclass(frozen=True)
class EvalConfig(Checked):
    """How a text is scored: exactly unless `burn_in` is given, and by the trained network alone unless others help."""

    by: str | None = option(
        None,
        "write a TSV row for each line, character, file or label; or the confusion of labels",
        choices=("line", "char", "file", "label", "confusion"),
    )
    beam: int = option(1, "beginnings kept while a target is written; 1 is greedy", low=1, high=1000)
    burn_in: int | None = option(
        None,
        "for models that carry their state on: score parts of the text side by side, each read from this many "
        "characters before it. Many times as fast, and approximate",
        low=1,
        high=10**9,
        was="burn",
    )
    dynamic: bool = option(False, "let the network learn from each segment of the text, after it has been scored")
    dynamic_rate: float = option(0.0005, "learning rate of --dynamic", low=1e-9, high=1, needs="dynamic")
    segment: int = option(32, "characters that --dynamic learns from at a time", low=1, high=1 << 16, needs="dynamic")
    mix: str | None = option(
        None,
        "interpolate the network with the n-gram model of its training text, in log space, by a weight fitted on the "
        "held-out part (where that is scored, on its other half)",
        choices=("ngram",),
    )
    novelty: bool = option(False, "report how much of the text stands word for word in the training text")
    unknown: str | None = option(
        None,
        f"{UNKNOWN}. cost: each costs as many bits as one of all other characters of Unicode, about 20, and the model "
        "does not see it. Default: cost for rows and for standard input, else error",
        choices=("cost", "error", "skip"),
    )
    invalid: str | None = option(
        None,
        f"{INVALID}. Default: keep for rows and for standard input, else error",
        choices=("error", "keep", "replace"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check(vars(self))


@dataclass(frozen=True)
class ClassifyConfig(Checked):
    """Which labels a line is given."""

    top: int = option(1, "labels of each line, the likeliest first", low=1, high=100_000)
    threshold: float | None = option(
        None,
        "probability below which a label is not given; 0.5 by default where a line can have several labels, else 0",
        low=0,
        high=1,
    )
    otherwise: str = option("?", "what stands in place of a label below --threshold", needs="threshold")
    mix: str | None = option(
        None,
        "interpolate the network's probabilities with those of Bayes' rule on n-grams of the training lines, in log "
        "space, by a weight and a sharpness fitted on the held-out lines",
        choices=("ngram",),
    )
    invalid: str = option("replace", INVALID, choices=("error", "keep", "replace"))

    def __post_init__(self) -> None:
        super().__post_init__()
        check(vars(self))


@dataclass(frozen=True)
class TranslateConfig(Checked):
    """How targets are written."""

    beam: int = option(1, "beginnings kept while a target is written; 1 is greedy", low=1, high=1000)
    nbest: int = option(1, "targets of each line, the best first, at most --beam", low=1, high=1000)
    invalid: str = option("replace", INVALID, choices=("error", "keep", "replace"))

    def __post_init__(self) -> None:
        super().__post_init__()
        check(vars(self))


@dataclass(frozen=True)
class FillConfig(Checked):
    """How gaps are filled."""

    gap: str = option("_", "the character that stands for a gap")
    mix: str | None = option(None, MIX_GAPS, choices=("ngram",))
    invalid: str = option("replace", INVALID, choices=("error", "keep", "replace"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.gap) != 1:
            raise UsageError(f"--gap is {self.gap!r}: give one character")


@dataclass(frozen=True)
class ProofConfig(Checked):
    """Which characters are doubted."""

    gain: float = option(6.0, "bits by which another character has to be likelier", low=0, high=1000)
    mix: str | None = option(None, MIX_GAPS, choices=("ngram",))
    invalid: str = option("replace", INVALID, choices=("error", "keep", "replace"))
