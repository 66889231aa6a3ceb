"""What is said of a run beside its weights: the vocabulary, the configuration, and the command that trained it."""

import math
import shlex
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..config import ModelConfig, TrainConfig
from ..data.vocabulary import Vocabulary
from ..runs.run import Run
from ..version import __version__


def vocabulary_list(vocabulary: Vocabulary) -> list[str]:
    """The character of each symbol; that of EOS, the first, is the empty text."""
    return ["", *map(chr, vocabulary.characters)]


def config_of(run: Run) -> dict[str, Any]:
    """All that a reader of the weights needs to know, for JSON."""
    return {
        "charnn": __version__,
        "model": asdict(run.model.config),
        "symbols": run.model.symbols,
        "sequence": run.vocabulary.sequence,
        "newline": run.vocabulary.newline,
        "state": "reset" if run.reset else "carry",
        "corpus": asdict(run.origin),
        "train": asdict(run.config),
        "step": run.step,
        "best": run.best,
    }


def shape(run: Run) -> str:
    """Layers, cells, what there is beside them, and the number of parameters."""
    config = run.model.config
    words = [f"{config.layers} x {config.hidden} {config.cell}", *config.describe()]
    return f"{', '.join(words)}{run.model.ending.says}: {run.model.parameters:,} parameters"


def corpus(run: Run) -> list[str]:
    """The names of the files of a run's corpus, without their folders."""
    return [Path(name).name for name in run.origin.names]


def command(run: Run) -> str:
    """The command line that trains such a run: every option that is not at its default."""
    words = ["charnn", "train", *corpus(run), *(["--from", run.start.model] if run.start else [])]
    for config, kind in ((run.model.config, ModelConfig), (run.config, TrainConfig)):
        for spec in fields(kind):
            value, flag = getattr(config, spec.name), spec.name.replace("_", "-")
            if value == spec.default:
                continue
            words += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", f"{value}"]
    return shlex.join(words)


def card(run: Run, files: str) -> str:
    """A model card in Markdown: what the model is, what it was trained on, how well it does, and how to load it."""
    origin = run.origin
    rows = [
        ("network", shape(run)),
        ("symbols", f"{run.vocabulary.size}, the end of a sequence among them"),
        ("sequence", f"{run.vocabulary.sequence}; the state is {'reset' if run.reset else 'carried on'} at its end"),
        ("corpus", ", ".join(corpus(run))),
        ("sha256 of the corpus", origin.sha256),
        ("split", f"{origin.symbols:,} symbols, the last {run.config.valid_share:.1%} held out"),
        ("updates", f"{run.step:,}"),
        *([("bits/char held out", f"{run.best / math.log(2):.4f}")] if run.best is not None else []),
        *((f"{name}, bits/char", f"{bits:.4f}") for name, bits in origin.baselines.items() if name in BASELINES),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return CARD.format(name=run.model.config.cell, table=table, command=command(run), files=files, version=__version__)


BASELINES = "uniform", "unigram", "bigram", "ngram"
TITLE = "# A character-level language model ("
CARD = f"""{TITLE}{{name}})

| | |
|---|---|
{{table}}

Trained with charnn {{version}}:

    {{command}}

The baselines are those of counting, on the same held-out part.

{{files}}
"""
