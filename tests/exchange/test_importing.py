"""Networks of PyTorch that become runs: the same scores, and refusals that name what does not fit."""

import json
import os
import re
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.errors import CheckpointError, InputError, UsageError
from charnn.exchange import check, importing
from charnn.exchange.safetensors import write
from charnn.io import safetensors
from charnn.runs.folder import Folder
from tests.exchange.networks import IN_TORCH, network
from tests.helpers.program import well

torch = pytest.importorskip("torch")

CHARACTERS = ["b", "\n", "a", " ", "é", "z"]  # in no order
V, H, E = len(CHARACTERS), 8, 5


class Theirs(torch.nn.Module):  # type: ignore[misc, name-defined]
    """What others call a character model: an embedding or one-hot vectors, a module of some layers, a readout."""

    def __init__(self, kind: str, embedded: bool, layers: int, symbols: int = V, bias: bool = True, **options: Any):
        super().__init__()
        torch.manual_seed(0)
        self.encoder = torch.nn.Embedding(symbols, E) if embedded else None
        self.rnn = getattr(torch.nn, kind)(E if embedded else symbols, H, layers, **options)
        self.decoder = torch.nn.Linear(H, symbols, bias=bias)

    def forward(self, ids: Any) -> Any:
        onehot = torch.nn.functional.one_hot(ids, self.decoder.out_features).float()
        return self.decoder(self.rnn(self.encoder(ids) if self.encoder is not None else onehot)[0])

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        return {name: tensor.numpy() for name, tensor in self.state_dict().items()}


def saved(folder: Path, arrays: dict[str, np.ndarray], characters: Any = CHARACTERS) -> tuple[Path, Path]:
    safetensors.write(folder / "theirs.safetensors", arrays, {"format": "pt"})
    (folder / "chars.json").write_text(json.dumps(characters), "utf-8")
    return folder / "theirs.safetensors", folder / "chars.json"


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
    "rnn": ("RNN", {}),
    "rnn, relu": ("RNN", {"nonlinearity": "relu"}),
    "gru without biases": ("GRU", {"bias": False}),
}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("embedded", [True, False], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_theirs(kind: str, embedded: bool, layers: int, tmp_path: Path) -> None:
    module, options = KINDS[kind]
    theirs = Theirs(module, embedded, layers, **options)
    files = saved(tmp_path, theirs.tensors)
    run = importing.import_torch(*files, activation=options.get("nonlinearity", "tanh"))
    assert run.vocabulary.sequence == "line" and not run.reset
    text = "az é\nbaab\nz"
    read = run.vocabulary.ids(text)
    ids = torch.tensor([CHARACTERS.index(character) for character in text])
    expected = theirs(ids[:, None])[:, 0].detach().numpy()[:, [1, *map(CHARACTERS.index, sorted(" abzé"))]]
    np.testing.assert_allclose(check.scores(run, read), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", IN_TORCH)
def test_what_was_exported_comes_back(name: str, tmp_path: Path) -> None:
    run = network(name, "paragraph")
    write(tmp_path / "a.safetensors", run)
    back = importing.import_torch(tmp_path / "a.safetensors")
    assert (back.vocabulary, back.origin, back.config) == (run.vocabulary, run.origin, run.config)
    assert (back.step, back.best, back.reset) == (7, 1.5, run.reset)
    ids = np.random.default_rng(0).integers(0, 13, 50)
    np.testing.assert_allclose(check.scores(back, ids), check.scores(run, ids), rtol=1e-6, atol=1e-6)


def test_an_imported_run_is_saved_sampled_and_scored(tmp_path: Path) -> None:
    run = importing.import_torch(*saved(tmp_path, Theirs("LSTM", True, 2).tensors))
    folder = Folder.create(tmp_path, "theirs")
    folder.save_weights(run)
    loaded = charnn.load("theirs", tmp_path)
    assert charnn.generate(loaded, 3, length=10, seed=0) == charnn.generate(run, 3, length=10, seed=0)
    assert charnn.evaluate(loaded, "ab\n").count == 3
    (tmp_path / "ab.txt").write_text("ab\n")
    assert "uniform 2.585 bits/char" in well("eval", "-m", folder.path, tmp_path / "ab.txt").output
    with pytest.raises(UsageError, match="the corpus of this model is not at -"):
        charnn.evaluate(loaded)


def test_an_end_that_they_have_and_one_that_they_do_not_have(tmp_path: Path) -> None:
    theirs = Theirs("GRU", True, 1)
    own_end = importing.import_torch(*saved(tmp_path, theirs.tensors, ["b", "", "a", " ", "é", "z"]))
    assert own_end.vocabulary.sequence == "line" and own_end.reset
    no_end = importing.import_torch(*saved(tmp_path, theirs.tensors, dict(zip("bcadéz", range(6), strict=True))))
    assert no_end.vocabulary == charnn.Vocabulary(tuple(map(ord, "abcdzé")), "file")
    first = check.scores(no_end, np.array([0, 3]))
    assert (first.argmax(axis=1) != 0).all() and (first[:, 0] == importing.MISSING_SCORE).all()
    both = importing.import_torch(
        *saved(tmp_path, theirs.tensors, ["b", "\n", "a", "", "é", "z"]), sequence="paragraph"
    )
    assert both.vocabulary.sequence == "paragraph" and ord("\n") in both.vocabulary.characters


def without(arrays: dict[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays.items() if name not in names}


REFUSED: dict[str, tuple[Any, str]] = {
    "two directions": (lambda: Theirs("LSTM", True, 1, bidirectional=True).tensors, "_reverse, of a bidirectional"),
    "a projection": (lambda: Theirs("LSTM", True, 1, proj_size=4).tensors, "weight_hr_l0, of an LSTM with a proj"),
    "no cell": (lambda: {"a.weight": np.zeros((V, 3), np.float32)}, "no weight_ih and weight_hh"),
    "no readout": (lambda: without(Theirs("GRU", False, 1).tensors, "decoder.weight"), "should have a readout"),
    "one more array": (lambda: {**Theirs("GRU", True, 1).tensors, "norm.weight": np.ones(3, np.float32)}, "norm"),
    "three matrices": (lambda: {**Theirs("GRU", True, 1).tensors, "x": np.ones((V, 3), np.float32)}, "encoder"),
    "other symbols": (lambda: Theirs("GRU", True, 1, symbols=7).tensors, "has 6 symbols, and .* has 7"),
    "a layer missing": (lambda: without(Theirs("GRU", True, 2).tensors, "rnn.weight_ih_l1"), "weight_ih for layer 1"),
    "a shape": (lambda: {**Theirs("GRU", True, 1).tensors, "rnn.bias_ih_l0": np.ones(3, np.float32)}, "bias_ih"),
    "two gates": (
        lambda: {
            "rnn.weight_ih_l0": np.ones((2 * H, V), np.float32),
            "rnn.weight_hh_l0": np.ones((2 * H, H), np.float32),
            "out.weight": np.ones((V, H), np.float32),
        },
        "2 gates",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_named(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        importing.import_torch(*saved(tmp_path, make()))


@pytest.mark.parametrize(
    ("characters", "message"),
    [
        ("ab", "should be a JSON list"),
        (["ab", "c"], "single characters"),
        ([1, 2], "single characters"),
        (["a", "a"], "each once"),
        ({"a": 0, "b": 2}, "ids of 2 characters should be 0 to 1"),
        ({"a": "x", "b": None}, "ids of 2 characters"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(characters: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        importing.import_torch(*saved(tmp_path, Theirs("GRU", True, 1).tensors, characters))


def test_a_vocabulary_is_asked_for_and_has_to_be_there(tmp_path: Path) -> None:
    model, chars = saved(tmp_path, Theirs("GRU", True, 1).tensors)
    with pytest.raises(UsageError, match="give --vocabulary"):
        importing.import_torch(model)
    with pytest.raises(UsageError, match=re.escape(f"{chars}.none cannot be read")):
        importing.import_torch(model, f"{chars}.none")
    for content, message in ((b"[", "is not JSON"), (b"[" + b"[]," * 3_000_000 + b"0]", "more than any vocabulary")):
        chars.write_bytes(content)
        with pytest.raises(InputError, match=message):
            importing.import_torch(model, chars)
    with pytest.raises(InputError, match="more than 10,485,760 bytes"):
        importing.import_torch(model, "/dev/zero")


def test_a_vocabulary_may_come_through_a_pipe_with_a_byte_order_mark(tmp_path: Path) -> None:
    model, chars = saved(tmp_path, Theirs("GRU", True, 1).tensors)
    text, pipe = chars.read_text("utf-8"), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("\ufeff" + text, "utf-8"))
    writer.start()
    assert importing.import_torch(model, pipe).vocabulary == importing.import_torch(model, chars).vocabulary
    writer.join()


def test_tied_weights_and_a_readout_without_bias(tmp_path: Path) -> None:
    theirs = Theirs("LSTM", True, 1, bias=False)
    run = importing.import_torch(*saved(tmp_path, theirs.tensors))
    assert not run.weights["readout/c"].any()
    renamed = {name.replace("encoder", "first"): array for name, array in theirs.tensors.items()}
    with pytest.raises(InputError, match=r"it has decoder\.weight, first\.weight"):
        importing.import_torch(*saved(tmp_path, renamed))


@pytest.mark.parametrize(
    ("key", "value"),
    [("cell", "elman"), ("hidden", 10**6), ("layers", 3), ("skip", False), ("cell", 7), ("hidden", "many")],
)
def test_metadata_that_is_not_ours_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write(path, network("lstm"))
    arrays, metadata = safetensors.read(path)
    config = json.loads(metadata["config"])
    config["model"][key] = value
    safetensors.write(path, arrays, {**metadata, "config": json.dumps(config)})
    with pytest.raises(CheckpointError, match="metadata that is not charnn's"):
        importing.import_torch(path)


def test_layers_are_ordered_by_number(tmp_path: Path) -> None:
    found = importing.Modules.of(
        "it",
        OrderedDict(
            (f"rnns.{i}.{part}_l0", np.full((H, V if i == 0 else H) if part == "weight_ih" else (H, H), i, np.float32))
            for i in (10, 2, 0)
            for part in ("weight_ih", "weight_hh")
        )
        | {"out.weight": np.ones((V, H), np.float32)},
        V,
    )
    assert [layer.parts["weight_hh"][0, 0] for layer in found.layers] == [0, 2, 10]
