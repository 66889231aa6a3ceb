"""Networks of PyTorch read from .safetensors: torch.nn's LSTM, GRU or RNN between an embedding and a Linear readout."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TEXT, ModelConfig, TrainConfig
from ..data.vocabulary import EOS, Vocabulary, from_json
from ..errors import CharnnError, CheckpointError, InputError, UsageError
from ..io import safetensors
from ..io.handle import read_text
from ..io.header import MAX_BYTES, too_large, typed
from ..nn.model import Model
from ..nn.parameters import Parameters
from ..runs.frame import model_options, read_origin, train_options
from ..runs.run import CorpusInfo, Run
from .matrices import TORCH, columns

Array = np.ndarray
PART = re.compile(r"(.*?)(weight_ih|weight_hh|bias_ih|bias_hh)(?:_l(\d+))?")
REFUSED = {"_reverse": "a bidirectional module", "weight_hr": "an LSTM with a projection"}
CELLS = {4: ("lstm", "LSTM"), 3: ("gru", "GRU"), 1: ("elman", "Elman")}  # by the number of gates
EMBEDDING_NAMES = re.compile("emb|enc|wte")  # in the name of one of two matrices that could be the embedding
MISSING_SCORE = -30.0  # of an end that the network never predicts: it costs about 30 nats


def import_torch(
    path: str | Path,
    vocabulary: str | Path | None = None,
    sequence: str = "auto",
    state: str = "auto",
    activation: str = "tanh",
) -> Run:
    """The network in a .safetensors file, which has no corpus and cannot be resumed.

    A file that charnn exported needs nothing more. For any other one `vocabulary` is a JSON file: a list of characters
    in the order of their ids, or an object from characters to ids; the empty text stands for the end of a sequence.
    Where it is missing, the line end is the end (line), or there is none (file). `activation` is that of an nn.RNN.

    Raises `UsageError`, `InputError` for a vocabulary or modules that cannot be read, `CheckpointError`.
    """
    arrays, metadata = safetensors.read(path)
    if vocabulary is None:
        return _own(path, arrays, metadata)
    characters = _characters(vocabulary)
    found, known = Modules.of(path, arrays, len(characters)), _vocabulary(characters, sequence)
    config = ModelConfig(
        found.cell,
        found.hidden,
        len(found.layers),
        activation if found.cell == "elman" else None,
        skip=found.skip,
        dropout=0.0,
    )
    model = Model(config, known.size)
    weights = found.weights(model, _places(characters, known))
    kept = TrainConfig(state="carry" if state == "auto" and "" not in characters else state)
    origin = CorpusInfo(("-",), "", 0, baselines={"uniform": log2(known.size)})
    return Run(model, kept, known, origin, weights)


def _own(path: str | Path, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> Run:
    """A file that charnn wrote."""
    if not {"config", "vocabulary"} <= metadata.keys():
        raise UsageError(f"{path} does not say what its symbols are: give --vocabulary a JSON list of their characters")
    try:
        about, characters = json.loads(metadata["config"]), json.loads(metadata["vocabulary"])
        named = {"characters": [ord(one) for one in characters[1:]], **{n: about[n] for n in ("sequence", "newline")}}
        vocabulary = from_json(path, named)
        config = ModelConfig(**model_options(about["model"]))
        found = Modules.of(path, arrays, vocabulary.size)
        shape = config.cell, config.hidden, config.layers, config.skip and config.layers > 1
        if shape != (found.cell, found.hidden, len(found.layers), found.skip):
            raise ValueError(f"{shape} is not the shape of its arrays")
        model = Model(config, vocabulary.size)
        weights = found.weights(model, np.arange(vocabulary.size))
        origin = read_origin(about["corpus"], TEXT)
        rest = typed(Run, {name: about[name] for name in ("step", "best")})
        return Run(model, TrainConfig(**train_options(about["train"])), vocabulary, origin, weights, **rest)
    except (CharnnError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} has metadata that is not charnn's: {error}") from None


@dataclass
class Layer:
    """Arrays of one recurrent module, by their names in torch.nn."""

    parts: dict[str, Array] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        return self.parts["weight_ih"].shape[1]

    @property
    def hidden(self) -> int:
        return self.parts["weight_hh"].shape[1]


@dataclass(frozen=True)
class Modules:
    """Recurrent modules from the bottom, the embedding or None, and the readout."""

    layers: list[Layer]
    embedding: Array | None  # (V, n)
    readout: Array  # (V, n)
    bias: Array  # (V,)

    @property
    def hidden(self) -> int:
        return self.layers[0].hidden

    @property
    def gates(self) -> int:
        return self.layers[0].parts["weight_hh"].shape[0] // self.hidden

    @property
    def cell(self) -> str:
        return CELLS[self.gates][0]

    @property
    def symbols(self) -> int:
        return len(self.readout)

    @property
    def skip(self) -> bool:
        """Whether the readout sees all layers, and every layer the input."""
        return len(self.layers) > 1 and self.readout.shape[1] > self.hidden

    @classmethod
    def of(cls, path: str | Path, arrays: Mapping[str, Array], symbols: int) -> "Modules":
        """Sort arrays by their names and shapes. Raises `InputError` for what is not such a network."""
        layers: dict[tuple[Any, ...], Layer] = {}
        others = {}
        for name, array in arrays.items():
            if refused := next((what for mark, what in REFUSED.items() if mark in name), None):
                raise InputError(f"{path} has {name}, of {refused}, which charnn does not have")
            if match := PART.fullmatch(name):
                place = (*_natural(match[1]), int(match[3] or 0))
                layers.setdefault(place, Layer()).parts[match[2]] = array
            else:
                others[name] = array
        if not layers:
            raise InputError(f"{path} has no weight_ih and weight_hh: it is not of torch.nn.LSTM, GRU or RNN")
        found = cls([layers[place] for place in sorted(layers)], *_ends(path, others, symbols))
        found._check(path)
        return found

    def weights(self, model: Model, places: Array) -> Parameters:
        """The weights of a model with the same layers, whose symbol i is the one at `places[i]` here, or none (-1)."""
        p, V = Parameters(model.shapes()), len(places)
        order, own = TORCH[CELLS[self.gates][1]], model.hidden.layers[0].gate_names
        for i, layer in enumerate(self.layers):
            parts = {n: columns(array, order, own) for n, array in layer.parts.items()}
            below, H = (0 if i == 0 else self.hidden), self.hidden
            U = parts["weight_ih"]
            rows = [U[:below]]
            if i == 0 or self.skip:
                symbols = U[below:] if self.embedding is None else self.embedding @ U[below:]
                rows.append(_picked(symbols, places))
            p[f"hidden/{i}/U"], p[f"hidden/{i}/W"] = np.concatenate(rows), parts["weight_hh"]
            zero = np.zeros(self.gates * H, np.float32)
            first, second = parts.get("bias_ih", zero), parts.get("bias_hh", zero).copy()
            if self.cell == "gru":
                p[f"hidden/{i}/c"] = second[-H:]
                second[-H:] = 0
            p[f"hidden/{i}/b"] = first + second
        p["readout/V"] = _picked(self.readout, places).T
        p["readout/c"] = np.where(places < 0, MISSING_SCORE, self.bias[places]).reshape(V)
        return p

    def _check(self, path: str | Path) -> None:
        """Raise `InputError` unless the shapes fit together."""
        H, V = self.hidden, self.symbols
        read = V if self.embedding is None else self.embedding.shape[1]
        if self.gates not in CELLS:
            raise InputError(f"{path} has {self.gates} gates in weight_hh: LSTM has 4, GRU 3, RNN 1")
        for i, layer in enumerate(self.layers):
            rows, inputs = self.gates * H, (H if i else 0) + (read if i == 0 or self.skip else 0)
            wanted = {"weight_ih": (rows, inputs), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}
            for name, array in layer.parts.items():
                if array.shape != wanted[name]:
                    raise InputError(f"{path}: {name} of layer {i} is {array.shape}, and {wanted[name]} is needed")
            if missing := {"weight_ih", "weight_hh"} - layer.parts.keys():
                raise InputError(f"{path} has no {min(missing)} for layer {i}")
        if self.readout.shape[1] != H * (len(self.layers) if self.skip else 1):
            raise InputError(f"{path}: the readout has {self.readout.shape[1]} columns, and layers of {H} are below it")


def _ends(path: str | Path, others: dict[str, Array], symbols: int) -> tuple[Array | None, Array, Array]:
    """The embedding or None, the readout and its bias, among all that is no recurrent module's."""
    matrices = {name: array for name, array in others.items() if array.ndim == 2}
    biases = {name: array for name, array in others.items() if array.ndim == 1}
    beside = {name.removesuffix("bias") + "weight" for name in biases}
    tables = [name for name in matrices if name not in beside]
    if len(tables) == 2:  # a readout without a bias
        tables = [name for name in tables if EMBEDDING_NAMES.search(name.lower())]
    if len(matrices) == 1:
        tables = []
    readouts = matrices.keys() - set(tables)
    if len(readouts) != 1 or len(tables) > 1 or len(biases) > 1 or len(others) != len(matrices) + len(biases):
        names = ", ".join(sorted(others)) or "no other array"
        raise InputError(f"{path} should have a readout, and may have an embedding, beside its cells: it has {names}")
    (name,) = readouts
    readout = matrices[name]
    bias = next(iter(biases.values()), np.zeros(len(readout), np.float32))
    for table in (readout, bias, *(matrices[one] for one in tables)):
        if len(table) != symbols:
            raise InputError(f"the vocabulary has {symbols} symbols, and {path} has {len(table)}")
    return (matrices[tables[0]] if tables else None), readout, bias


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """A name's order among others: numbers in it by their size."""
    return tuple((text, int(number or 0)) for text, number in re.findall(r"(\D+)(\d*)", name))


def _picked(rows: Array, places: Array) -> Array:
    """The row of each symbol; zeros where there is none."""
    return np.where(places[:, None] < 0, 0, rows[places])


def _characters(path: str | Path) -> list[str]:
    """The character of each id in a JSON file; the empty text is the end of a sequence."""
    try:
        text = read_text(path, MAX_BYTES)
        if too_large(np.frombuffer(text.encode(), np.uint8)):
            raise ValueError("it holds more than any vocabulary")
        value = json.loads(text)
    except OSError as error:
        raise UsageError(f"--vocabulary {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"--vocabulary {path} is not JSON: {error}") from None
    if isinstance(value, dict):
        ids = sorted(value, key=lambda character: str(value[character]).zfill(9))
        if [value[character] for character in ids] != list(range(len(ids))):
            raise InputError(f"--vocabulary {path}: the ids of {len(ids)} characters should be 0 to {len(ids) - 1}")
        value = ids
    if not isinstance(value, list) or not all(isinstance(one, str) and len(one) <= 1 for one in value):
        raise InputError(f"--vocabulary {path} should be a JSON list of single characters, or an object with their ids")
    if len(set(value)) != len(value) or len(value) < 2:
        raise InputError(f"--vocabulary {path} should have two characters or more, each once")
    return value


def _vocabulary(characters: list[str], sequence: str) -> Vocabulary:
    """Characters as charnn numbers them, with the end of a sequence first."""
    if sequence == "auto":
        sequence = "line" if ("" in characters) != ("\n" in characters) else "file"
    if sequence == "line" and "\n" in characters and "" in characters:
        raise UsageError(
            "--sequence line ends sequences by line ends, and the vocabulary has another end, the empty text"
        )
    codes = (ord(one) for one in characters if one and not (sequence == "line" and one == "\n"))
    return Vocabulary(tuple(sorted(codes)), sequence)


def _places(characters: list[str], vocabulary: Vocabulary) -> Array:
    """Where each symbol of the vocabulary is among these characters; -1 for an end that is not among them."""
    end = "" if "" in characters else "\n" if vocabulary.sequence == "line" else None
    places = [characters.index(end) if end is not None and end in characters else -1]
    assert EOS == 0
    return np.array([*places, *(characters.index(chr(code)) for code in vocabulary.characters)])
