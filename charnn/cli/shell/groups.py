"""The groups that help shows options in: of each option of a configuration the heading that it stands under."""

from typing import Any

from ...config import ModelConfig, ReadConfig, SampleConfig, TaskConfig, TrainConfig

TEXT, NETWORK, VARIANTS, TRAINING = "Text", "Network", "Variants of the recurrence", "Training"
BUDGET, RUN = "Budget", "Run"
START, DRAWING, OUTPUT = "Start and end", "Drawing", "Output"
OF_KIND: dict[type, str] = {
    ReadConfig: TEXT,
    TaskConfig: TEXT,
    ModelConfig: NETWORK,
    TrainConfig: TRAINING,
    SampleConfig: START,
}
OF_CHOICE = {"cell": VARIANTS}  # of the options that single choices of an option have
APART: dict[type, dict[str, str]] = {  # options that stand in another group than others of their configuration
    TaskConfig: dict.fromkeys(
        ("encoder", "pooling", "condition", "attention", "symbol_dropout", "reading_loss", "head", "feedforward"),
        NETWORK,
    ),
    ModelConfig: {
        **dict.fromkeys(("activation", "norm"), NETWORK),
        **dict.fromkeys(("feedback", "teacher_forcing"), VARIANTS),
    },
    TrainConfig: {
        **dict.fromkeys(("valid_share", "shuffle", "state"), TEXT),
        **dict.fromkeys(("epochs", "steps", "minutes", "patience", "validate_every"), BUDGET),
        **dict.fromkeys(("seed", "workers"), RUN),
    },
    SampleConfig: dict.fromkeys(("temp", "top_k", "top_p", "seed"), DRAWING),
}
CHIEF = {"task", "cell", "hidden", "layers", "dropout", "minutes"}  # of training, those that help shows first


def group_of(kind: type, spec: Any) -> str:
    """The heading of the group of options that a field stands under."""
    of = OF_CHOICE.get(spec.metadata.get("of", ""), OF_KIND.get(kind, ""))
    return APART.get(kind, {}).get(spec.name, of)
