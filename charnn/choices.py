"""What the options that choose a piece of code can be: its name, where the code is, and the options that it has.

A new cell is one file, `nn/layers/NAME.py`, and one row of `CELLS`. A new scheme, schedule or optimizer is one class,
and one row here. The rest follows from the row and the class:

- The row is all that the command line needs, so `--help` waits neither for the class nor for NumPy. `Choice.load`
  imports the class when it is first used.
- An option in a row becomes a field of the configuration, an option of `charnn train`, and a keyword argument of the
  class. A row can also name options that its configuration declares, since several choices have them.
- What needs NumPy is said by the class. For a cell see `nn.layers.recurrent.Recurrent`: gates, recurrent weights,
  activation, steps one at a time, and how much it has to read.

    CELLS["rnn"] = Cell("charnn.nn.layers.elman:Elman", "activation")
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from .options import option


def like(spec: Any, **changes: Any) -> Any:
    """An option with other bounds, choices or another default."""
    return option(**{**spec.metadata, **changes})


class Choice:
    """A row: module and name of the code, options of the configuration that it uses, and options of its own."""

    def __init__(self, code: str, *uses: str, **own: Any):
        self.code, self.uses, self.own = code, uses, own

    @property
    def options(self) -> tuple[str, ...]:
        """The names of all options that have an effect with this choice, and only with it or a few more."""
        return *self.uses, *self.own

    def load(self) -> Any:
        """The class, or another maker of what the choice stands for."""
        module, _, name = self.code.partition(":")
        return getattr(import_module(module), name)


class Cell(Choice):
    """A row of `CELLS`. The code is a subclass of `Recurrent`; `reads_output` says that it is fed the output back, and
    `recurrent` that it has recurrent weights W."""

    def __init__(self, code: str, *uses: str, reads_output: bool = False, recurrent: bool = True, **own: Any):
        super().__init__(code, *uses, **own)
        self.reads_output, self.recurrent = reads_output, recurrent


class Task(Choice):
    """A row of `TASKS`. The code is a subclass of `tasks.base.Task`, `network` makes the network from its options, and
    `vocabulary` reads the vocabulary from a file.

    `verbs` are what its models are used for. `defaults` are those of options of `ModelConfig` and `TrainConfig` that
    are best for other tasks than text. `reads_vectors` says that its sequences are of vectors, not of symbols.
    """

    def __init__(
        self,
        code: str,
        network: str,
        vocabulary: str,
        *uses: str,
        verbs: tuple[str, ...],
        defaults: Mapping[str, Any] = MappingProxyType({}),
        reads_vectors: bool = False,
        **own: Any,
    ):
        super().__init__(code, *uses, **own)
        self.network, self.vocabulary, self.verbs, self.defaults = Choice(network), Choice(vocabulary), verbs, defaults
        self.reads_vectors = reads_vectors


CELLS = {
    "lstm": Cell(
        "charnn.nn.layers.layernorm_lstm:LayerNormLSTM",
        norm=option(
            "none", "layer normalisation of the LSTM's gate inputs", choices=("none", "layer"), says="{} normalisation"
        ),
    ),
    "gru": Cell("charnn.nn.layers.gru:GRU"),
    "elman": Cell(
        "charnn.nn.layers.elman:Elman",
        "activation",
        recurrence=option(
            "full",
            "recurrent weights: a full matrix, or a diagonal one, which connects each unit to itself alone",
            choices=("full", "diagonal"),
            says="{} recurrence",
        ),
        delay=option(1, "steps that a second recurrent connection goes back; 1 for no second one", low=1, high=1000),
        recurrent_depth=option(1, "layers from the hidden units of one step to those of the next", low=1, high=64),
        delay_to=option(
            "last",
            "layer of a step that the delayed connection leads to: the last, around the others, or the first",
            choices=("last", "first"),
            says="delay to the {} layer of a step",
        ),
        delay_only=option(
            False,
            "let the delayed connection be the only one from one step to a later one",
            says="no connection but the delayed one",
        ),
    ),
    "jordan": Cell(
        "charnn.nn.layers.jordan:Jordan",
        "activation",
        decay=option(
            0.5, "share of the trace of past outputs kept at each step; 0 for the last output alone", low=0, high=0.999
        ),
        reads_output=True,
        recurrent=False,
    ),
    "conv": Cell(
        "charnn.nn.context.convolution:Convolution",
        "activation",
        width=option(5, "steps that a unit of a convolution sees, the present one among them", low=2, high=1000),
        dilation=option(
            1, "factor from layer to layer of the steps between what a unit of a convolution sees", low=1, high=64
        ),
        recurrent=False,
    ),
    "transformer": Cell(
        "charnn.nn.context.transformer:Transformer",
        heads=option(4, "heads of the attention; they divide --hidden", low=1, high=256),
        lookback=option(64, "steps that attention looks at, the present one among them", low=2, high=4096),
        recurrent=False,
    ),
}

ENCODER = option(
    "bidirectional",
    "what reads the source: one stack, two of which one reads from the end, or (none) the decoder",
    choices=("none", "rnn", "bidirectional"),
    of="task",
)
READER = like(ENCODER, choices=("rnn", "bidirectional"))
POOLING = option(
    "last",
    "vector of the whole source: the last state, or the mean or maximum of all states",
    choices=("last", "mean", "max"),
    of="task",
)
CONDITION = option(
    "start",
    "how a source is seen: by the state at the start, at each step, or both",
    choices=("start", "step", "both"),
    of="task",
)
SYMBOL_DROPOUT = option(
    0.0, "share of the source's symbols that are made unknown while training", low=0, high=0.95, of="task"
)
INSPECTED = "inspect units", "inspect gradients", "inspect gradcheck"  # of models of pairs, and of gaps
TEXT_VOCABULARY, PAIR_VOCABULARY = "charnn.data.vocabulary:from_json", "charnn.data.units:from_json"
TEXT_VERBS = (
    *(
        "eval",
        "eval --by char",
        "eval --novelty",
        "sample",
        "sample --prime",
        "sample --adapt",
        "next",
        "fill",
        "export",
    ),
    *(
        "inspect gradients",
        "inspect units",
        "inspect automaton",
        "inspect drift",
        "inspect paths",
        "inspect composition",
        "inspect trace",
        "inspect markov",
        "inspect gradcheck",
    ),
)
PAIRS = {
    "layers": 1,
    "skip": False,
    "rate": 3e-3,
    "scheme": "full",
    "patience": 0,
    "shuffle": True,
}  # defaults of networks of pairs
TASKS = {
    "text": Task("charnn.tasks.text:Text", "charnn.nn.model:text_model", TEXT_VOCABULARY, verbs=TEXT_VERBS),
    "classify": Task(
        "charnn.tasks.classify:Classify",
        "charnn.nn.task_model:classifier",
        PAIR_VOCABULARY,
        *("columns", "valid_file", "labels", "head", "feedforward"),
        verbs=("classify", "eval", "export", *INSPECTED),
        encoder=READER,
        pooling=like(POOLING, default="mean"),
        symbol_dropout=like(SYMBOL_DROPOUT, default=0.2),
        reading_loss=option(
            0.1,
            "weight of a second loss while training: each symbol of the source is predicted from those before and "
            "after it; 0 for none",
            low=0,
            high=1000,
        ),
        defaults={**PAIRS, "dropout": 0.5},
    ),
    "condition": Task(
        "charnn.tasks.condition:Condition",
        "charnn.nn.task_model:conditioned",
        PAIR_VOCABULARY,
        *("columns", "valid_file", "context_as", "context_dropout"),
        verbs=("sample", "eval", "export", *INSPECTED),
        encoder=READER,
        pooling=POOLING,
        condition=like(CONDITION, default="both"),
        defaults={**PAIRS, "dropout": 0.3},
    ),
    "translate": Task(
        "charnn.tasks.translate:Translate",
        "charnn.nn.task_model:translator",
        PAIR_VOCABULARY,
        *("columns", "valid_file", "attention", "target_units", "autoencode"),
        verbs=("translate", "eval", "export", "inspect attention", *INSPECTED),
        encoder=ENCODER,
        pooling=POOLING,
        condition=CONDITION,
        symbol_dropout=SYMBOL_DROPOUT,
        defaults={**PAIRS, "dropout": 0.3},
    ),
    "fill": Task(
        "charnn.tasks.fill:Fill",
        "charnn.nn.task_model:gap_filler",
        TEXT_VOCABULARY,
        verbs=("fill", "proof", "eval", "export", *INSPECTED),
        symbol_dropout=like(SYMBOL_DROPOUT, default=0.1),
        defaults={"scheme": "full", "window": 64, "layers": 1, "skip": False},
    ),
    "values": Task(
        "charnn.tasks.series.values:Values",
        "charnn.nn.pairs.series:series_model",
        "charnn.data.series:from_json",
        verbs=("sample", "sample --prime", "eval", "inspect gradcheck"),
        reads_vectors=True,
        defaults={"scheme": "full", "layers": 1, "skip": False, "hidden": 64, "dropout": 0.0, "rate": 3e-3},
    ),
}

ENDINGS = {
    "eos": Choice("charnn.nn.heads:SoftmaxHead"),
    "node": Choice("charnn.nn.heads:NodeHead"),
    "length": Choice("charnn.nn.heads:LengthHead"),
}

SCHEMES = {
    "truncated": Choice("charnn.training.schemes:Truncated", "stride"),
    "one-step": Choice("charnn.training.schemes:OneStep"),
    "full": Choice("charnn.training.schemes:full"),
    "unbiased": Choice("charnn.training.schemes:Unbiased", "cut_probability"),
}

SCHEDULES = {
    "constant": Choice("charnn.training.schedules:Constant"),
    "exponential": Choice("charnn.training.schedules:Exponential", "final_rate"),
    "cosine": Choice("charnn.training.schedules:Cosine", "warmup", "final_rate"),
    "plateau": Choice("charnn.training.schedules:Plateau"),
}

OPTIMIZERS = {
    "adam": Choice("charnn.nn.optimizers:Adam"),
    "rmsprop": Choice("charnn.nn.optimizers:RMSprop"),
    "adagrad": Choice("charnn.nn.optimizers:Adagrad"),
    "sgd": Choice("charnn.nn.optimizers:SGD", "momentum"),
}
