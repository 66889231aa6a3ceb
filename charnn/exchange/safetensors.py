"""A network as .safetensors with PyTorch's names and gate orders, alone or in a folder that loads it into torch.nn."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CharnnError, UsageError
from ..io import safetensors
from ..io.durable import replace
from ..runs.run import Run
from . import describe
from .matrices import TORCH, matrices, read_twice
from .steps import check

Array = np.ndarray
TEMPLATE = Path(__file__).with_name("templates") / "model.py.txt"
NAMES = "model.safetensors", "config.json", "vocab.json", "model.py", "README.md"  # of files in a folder
FILES = """`model.safetensors` has the weights, `config.json` the configuration, `vocab.json` the character of each
symbol. `python model.py TEXT` loads them into torch.nn and goes on from TEXT. `charnn import model.safetensors` reads
the weights back."""


OTHERS = ".onnx, .html or .h"
OPTIONS = {  # that make layers which PyTorch does not have
    "Jordan": "--cell jordan",
    "Dense": "--feedforward-depth above 1",
    "DeepTransition": "--recurrence diagonal, a --delay or a --recurrent-depth",
    "LayerNormLSTM": "--norm layer",
    "Convolution": "--cell conv",
    "Transformer": "--cell transformer",
}


def tensors(run: Run) -> dict[str, Array]:
    """The weights as torch.nn's LSTM, GRU, RNN and Linear keep them. Raises `UsageError` for other layers."""
    check(run)
    config, found = run.model.config, dict[str, Array]()
    if config.shares != (1, 1):
        raise UsageError(f"--teacher-forcing {config.teacher_forcing} has no module in PyTorch: export to {OTHERS}")
    for i, layer in enumerate(run.model.hidden.layers):
        name, activation = type(layer).__name__, layer.activation
        if name not in TORCH or activation not in ("gated", "tanh", "relu"):
            option = f"--activation {activation}" if name in TORCH else OPTIONS.get(name, f"a {name} layer")
            raise UsageError(f"{option} has no module in PyTorch: export to {OTHERS}")
        own = matrices(layer, run.weights.at(f"hidden/{i}"), read_twice(run.model), TORCH)
        for part, array in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), own, strict=True):
            found[f"layers.{i}.{part}_l0"] = array
    return {**found, "readout.weight": run.weights["readout/V"].T, "readout.bias": run.weights["readout/c"]}


def config_of(run: Run) -> dict[str, Any]:
    """See `describe.config_of`; a correct output that is fed back is the symbol read, whose weights are summed up."""
    config = describe.config_of(run)
    return {**config, "model": {**config["model"], "feedback": "none"}}


def write(path: str | Path, run: Run) -> None:
    """Write a run's weights, with its configuration and its vocabulary in the metadata."""
    about = {"config": config_of(run), "vocabulary": describe.vocabulary_list(run.vocabulary)}
    metadata = {"format": "pt", **{name: json.dumps(value) for name, value in about.items()}}
    safetensors.write(path, tensors(run), metadata)


def write_folder(path: str | Path, run: Run) -> None:
    """Write a folder with weights, configuration, vocabulary, a module of PyTorch that loads them, and a model card."""
    folder = Path(path)
    tensors(run)  # refused before a folder is made
    refuse_foreign(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CharnnError(f"{path} cannot be made: {error.strerror}") from None
    write(folder / "model.safetensors", run)
    texts = {
        "config.json": json.dumps(config_of(run), indent=2) + "\n",
        "vocab.json": json.dumps(describe.vocabulary_list(run.vocabulary)) + "\n",
        "model.py": TEMPLATE.read_text("utf-8"),
        "README.md": describe.card(run, FILES),
    }
    for name, text in texts.items():
        data = text.encode("utf-8", "surrogateescape")
        replace(folder / name, lambda file, data=data: file.write(data))  # type: ignore[misc]


def refuse_foreign(folder: Path) -> None:
    """Raise `UsageError` for a folder with files that an export would write over, unless an export wrote them."""
    there = [name for name in NAMES if (folder / name).exists()]
    if not there:
        return
    card, title = folder / "README.md", describe.TITLE.encode()
    if card.is_file():
        with card.open("rb") as file:
            if file.read(len(title)) == title:
                return
    raise UsageError(f"{folder} has a {there[-1]} that no export wrote: name another folder")


Scorer = Callable[[Any, Array], tuple[Array, Any]]


def scorer(folder: str | Path) -> Scorer:
    """What a folder's model.py computes, by PyTorch: (state or None, symbols (T, B)) -> scores (T, B, V), state.

    Raises `ImportError` where torch is not installed.
    """
    import runpy

    import torch

    model = runpy.run_path(str(Path(folder) / "model.py"))["Model"]()

    def score(state: Any, symbols: Array) -> tuple[Array, Any]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # more of them slow short texts down
        try:
            with torch.no_grad():
                scores, after = model(torch.from_numpy(symbols.astype(np.int64)), state)
        finally:
            torch.set_num_threads(threads)
        return scores.numpy(), after

    return score
