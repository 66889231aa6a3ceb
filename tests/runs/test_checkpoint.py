"""A run in a file: back as it was, the same bytes each time, and nothing else is taken for one."""

import hashlib
import json
import os
import pickle
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import charnn
from charnn.data.vocabulary import MIN_SYMBOLS
from charnn.errors import CharnnError, CheckpointError
from charnn.io import npz
from charnn.io.header import json_array, json_value
from charnn.machine import environment
from charnn.nn.tiling import Shape, Tiling, Tilings
from charnn.runs import checkpoint
from charnn.runs.frame import model_options
from charnn.runs.run import Run
from tests.helpers.arrays import read_arrays
from tests.helpers.snapshots import raises

law = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
OPTIONS: dict[str, Any] = {
    "cell": "elman",
    "hidden": 8,
    "layers": 2,
    "skip": True,
    "dropout": 0.1,
    "activation": "tanh",
    "batch": 3,
    "window": 5,
    "optimizer": "adam",
    "schedule": "constant",
    "steps": 6,
    "validate_every": 3,
    "workers": 1,
    "state": "carry",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("corpus") / "poem.txt"
    path.write_text("roses are red\nviolets are blue\nsugar is sweet\nand so are you\n" * 50, "utf-8")
    session = charnn.train(path, out=None, **OPTIONS)
    for _ in session:
        pass
    return session.run


@pytest.fixture(scope="module")
def whole(run: Run, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of the run's file."""
    path = tmp_path_factory.mktemp("whole") / "last.npz"
    checkpoint.save(path, run)
    return path.read_bytes()


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "model.npz"
    path.write_bytes(data)
    return path


def alike(a: Run, b: Run) -> bool:
    """Equal in everything, to the bit."""
    arrays = [
        (*run.weights.items(), *(kv for m in run.moments for kv in m.items()), *enumerate(run.state)) for run in (a, b)
    ]
    same = [n == m and x.dtype == y.dtype and np.array_equal(x, y) for (n, x), (m, y) in zip(*arrays, strict=True)]
    plain = [{k: v for k, v in vars(run).items() if k not in ("weights", "moments", "state")} for run in (a, b)]
    return all(same) and plain[0] == plain[1]


def test_a_run_comes_back_as_it_was(tmp_path: Path, run: Run) -> None:
    checkpoint.save(tmp_path / "last.npz", run)
    found = checkpoint.load(tmp_path / "last.npz")
    assert alike(found, run)
    assert run.step == 6 and len(run.moments) == 2 and any(s.any() for s in run.state) and run.history
    assert found.weights.flat.flags.writeable and all(s.flags.writeable for s in found.state)


def test_without_what_resuming_needs_the_weights_are_there(tmp_path: Path, run: Run) -> None:
    checkpoint.save(tmp_path / "best.npz", run, resumable=False)
    found = checkpoint.load(tmp_path / "best.npz")
    assert found.moments == () and found.state == ()
    assert alike(found, replace(run, moments=(), state=()))
    checkpoint.save(tmp_path / "last.npz", run)
    assert (tmp_path / "best.npz").stat().st_size < (tmp_path / "last.npz").stat().st_size


def test_averaged_weights_are_kept_beside_those_of_training(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("roses are red\nviolets are blue\n" * 50, "utf-8")
    session = charnn.train(tmp_path / "poem.txt", out=None, **{**OPTIONS, "average": 0.5})
    assert len(list(session)) > 2
    checkpoint.save(tmp_path / "last.npz", session.run)
    found, iterate = checkpoint.load(tmp_path / "last.npz"), session.run.iterate
    assert found.iterate is not None and iterate is not None
    assert np.array_equal(found.iterate.flat, iterate.flat) and not np.array_equal(iterate.flat, found.weights.flat)
    checkpoint.save(tmp_path / "best.npz", session.run, resumable=False)
    assert checkpoint.load(tmp_path / "best.npz").iterate is None


def test_how_products_are_cut_is_known_on_the_machine_it_was_measured_on(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tilings = Tilings({Shape(3, 8, 8, False): Tiling(0, 4)})
    checkpoint.save(tmp_path / "last.npz", replace(run, tilings=tilings))
    assert checkpoint.load(tmp_path / "last.npz").tilings == tilings
    monkeypatch.setattr("charnn.runs.frame.environment", lambda: {**environment(), "cpu": "another"})
    found = checkpoint.load(tmp_path / "last.npz").tilings
    assert isinstance(found, Tilings) and not found


@pytest.mark.parametrize("resumable", [True, False])
def test_the_same_run_makes_the_same_file(tmp_path: Path, run: Run, resumable: bool) -> None:
    hashes = set()
    for name in ("a.npz", "b.npz"):
        checkpoint.save(tmp_path / name, run, resumable=resumable)
        hashes.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    checkpoint.save(tmp_path / "c.npz", checkpoint.load(tmp_path / "a.npz"), resumable=resumable)
    hashes.add(hashlib.sha256((tmp_path / "c.npz").read_bytes()).hexdigest())
    assert len(hashes) == 1


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad", "sgd"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_every_kind_of_run_comes_back(tmp_path: Path, run: Run, optimizer: str, activation: str) -> None:
    path = tmp_path / "poem.txt"
    path.write_bytes("\ufeffröses are red\r\nviolets are blue 😀\r\n".encode())
    session = charnn.train(
        path, out=None, **{**OPTIONS, "optimizer": optimizer, "activation": activation, "skip": False, "steps": 1}
    )
    assert len(list(session)) == 2
    checkpoint.save(tmp_path / "last.npz", session.run)
    assert alike(checkpoint.load(tmp_path / "last.npz"), session.run)


def test_numpy_reads_a_model(tmp_path: Path, run: Run, whole: bytes) -> None:
    with np.load(saved(tmp_path, whole), allow_pickle=False) as read:
        header = json.loads(read["header"].tobytes())
        weights = {name.removeprefix("weights/"): read[name] for name in read if name.startswith("weights/")}
    assert (header["format"], header["charnn"], header["step"]) == ("charnn model", charnn.__version__, 6)
    assert header["version"] == 1  # what was written once is read ever after
    assert header["vocabulary"]["characters"] == list(run.vocabulary.characters)
    assert header["model"]["hidden"] == 8 and header["train"]["steps"] == 6
    assert weights.keys() == set(run.weights)
    assert all(np.array_equal(array, run.weights[name]) for name, array in weights.items())


def test_a_model_works_as_it_did(tmp_path: Path, run: Run, whole: bytes) -> None:
    found = checkpoint.load(saved(tmp_path, whole))
    assert charnn.generate(found, 3, seed=1) == charnn.generate(run, 3, seed=1)
    assert charnn.evaluate(found, "roses are blue\n") == charnn.evaluate(run, "roses are blue\n")


class Trap:
    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self) -> Any:
        return Path.touch, (self.canary,)


def objects(folder: Path) -> bytes:
    np.savez(folder / "objects.npz", header=np.array([Trap(folder / "canary")], object))
    return (folder / "objects.npz").read_bytes()


@pytest.mark.parametrize(
    "make",
    [
        lambda _: b"",
        lambda _: b"roses are red\n" * 100,
        lambda _: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100),
        lambda folder: pickle.dumps(Trap(folder / "canary")),
        objects,
    ],
    ids=["empty", "text", "png", "pickle", "objects"],
)
def test_what_is_no_model_is_refused(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    with raises(CheckpointError, "model.npz"):
        checkpoint.load(saved(tmp_path, make(tmp_path)))
    assert not (tmp_path / "canary").exists()


def test_a_tokenised_text_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("roses are red\nviolets are blue\n", "utf-8")
    charnn.tokenize(tmp_path / "tokens.npz", tmp_path / "a.txt")
    with raises(CheckpointError, "tokens.npz"):
        checkpoint.load(tmp_path / "tokens.npz")


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with raises(CharnnError, "gone.npz"):
        checkpoint.load(tmp_path / "gone.npz")


def test_a_model_cut_off_anywhere_is_refused(tmp_path: Path, whole: bytes) -> None:
    for at in [len(whole) * i // 16 for i in range(16)] + [len(whole) - 1]:
        with pytest.raises(CheckpointError):
            checkpoint.load(saved(tmp_path, whole[:at]))


def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path, run: Run, whole: bytes) -> None:
    rng, noticed = random.Random(0), 0
    for _ in range(500):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        try:
            assert alike(checkpoint.load(saved(tmp_path, bytes(flipped))), run)
        except CheckpointError:
            noticed += 1
    assert noticed > 400


@law
@given(st.data())
def test_random_changes_give_the_run_or_a_checkpoint_error(
    tmp_path: Path, run: Run, whole: bytes, data: st.DataObject
) -> None:
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        new = data.draw(st.binary(max_size=8))
        changed[at : at + data.draw(st.integers(0, 8))] = new
    with suppress(CheckpointError):
        assert alike(checkpoint.load(saved(tmp_path, bytes(changed))), run)


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], object]


def altered(folder: Path, whole: bytes, change: Change, *, honest: bool = True) -> Path:
    """The model with its header and arrays changed, and a digest that is right all the same (if `honest`)."""
    arrays = dict(read_arrays(saved(folder, whole)))
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    if honest:
        header.pop("digest")
        header["digest"] = checkpoint.digest(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)  # with NaN, where there is one
    npz.write(folder / "model.npz", {"header": text, **arrays})
    return folder / "model.npz"


def test_the_digest_vouches_for_header_and_arrays(tmp_path: Path, whole: bytes, run: Run) -> None:
    def scale(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        arrays["weights/readout/c"] = arrays["weights/readout/c"] * 2

    assert alike(checkpoint.load(altered(tmp_path, whole, lambda header, arrays: None)), run)
    for change in (scale, lambda header, _: header.update(step=7), lambda header, _: header["train"].update(rate=1.0)):
        with raises(CheckpointError, "digest"):
            checkpoint.load(altered(tmp_path, whole, change, honest=False))
    for change in (scale, lambda header, _: header.update(step=7)):
        assert not alike(checkpoint.load(altered(tmp_path, whole, change)), run)


def test_the_digest_is_that_of_every_file_so_far() -> None:
    """Of the header in any order, and of each array's name, type, shape and bytes."""
    b, a = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(3, dtype=np.uint8)
    known = "1c340b8646b53d6b3cbd40af40cc691765e868ab540e21b80b8fb9dc25043199"
    assert checkpoint.digest({"step": 1, "names": ["é"]}, {"b": b, "a": a}) == known
    assert checkpoint.digest({"names": ["é"], "step": 1}, {"a": a, "b": np.asfortranarray(b)}) == known
    others = [{"c": b, "a": a}, {"b": b.reshape(3, 2), "a": a}, {"b": b.view(np.uint32), "a": a}, {"b": b + 1, "a": a}]
    hashes = {checkpoint.digest({"step": 1, "names": ["é"]}, arrays) for arrays in others}
    assert len(hashes - {known}) == 4


def test_a_model_from_the_future_says_what_it_needs(tmp_path: Path, whole: bytes) -> None:
    def age(header: dict[str, Any], _: object) -> None:
        header.update(version=checkpoint.VERSION + 1, charnn="7.1.0", news=["unheard of"])

    with raises(CheckpointError, "model.npz", "7.1.0"):
        checkpoint.load(altered(tmp_path, whole, age))
    with raises(CheckpointError, "7.1.0"):
        checkpoint.load(altered(tmp_path, whole, age, honest=False))


def without(name: str) -> Change:
    return lambda header, arrays: arrays.pop(name)


def instead(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda header, arrays: arrays.update({name: make(arrays[name])})


def put(section: str | None = None, **values: Any) -> Change:
    return lambda header, arrays: (header[section] if section else header).update(values)


@pytest.mark.parametrize("symbols", [MIN_SYMBOLS - 1, MIN_SYMBOLS])
def test_a_corpus_is_as_long_as_the_shortest_text(tmp_path: Path, whole: bytes, symbols: int) -> None:
    def shorten(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        header["origin"]["symbols"] = header["origin"]["baselines"]["counted"] = symbols

    path = altered(tmp_path, whole, shorten)
    if symbols < MIN_SYMBOLS:
        with pytest.raises(CheckpointError, match="a corpus that is none"):
            checkpoint.load(path)
    else:
        assert checkpoint.load(path).origin.symbols == symbols


@pytest.mark.parametrize(("best", "step", "good"), [(1.5, 6, True), (1.5, 99, False), (None, 99, True)])
def test_the_best_validation_of_a_run_that_goes_on_is_in_its_history(
    tmp_path: Path, whole: bytes, best: float | None, step: int, good: bool
) -> None:
    path = altered(tmp_path, whole, put(best=best, best_step=step))
    if good:
        assert checkpoint.load(path).best_step == step
    else:
        with raises(CheckpointError, "a best validation that is not in the history"):
            checkpoint.load(path)


@pytest.mark.parametrize(
    "change", [put("model", dropout=None), put("train", workers=None), put("train", validate_every=None)]
)
def test_options_of_a_run_that_goes_on_are_decided(tmp_path: Path, whole: bytes, change: Change) -> None:
    with pytest.raises(CheckpointError, match="an option that was never decided"):
        checkpoint.load(altered(tmp_path, whole, change))


@pytest.mark.parametrize("symbols", [0, 1])
def test_a_network_that_was_trained_elsewhere_has_no_corpus(tmp_path: Path, whole: bytes, symbols: int) -> None:
    origin = {"names": ["-"], "sha256": "", "symbols": symbols, "baselines": {"uniform": 2.0}}
    path = altered(tmp_path, whole, put("origin", **origin))
    if symbols:
        with pytest.raises(CheckpointError, match="a corpus that is none"):
            checkpoint.load(path)
    else:
        assert checkpoint.load(path).origin.names == ("-",)


@pytest.mark.parametrize(
    ("figures", "good"),
    [
        ({"order": 0.5}, False),
        ({"order": 1}, True),
        ({"order": 64}, True),
        ({"order": 65}, False),
        ({"counted": 10**9}, False),
        ({"other": 1.0}, False),
    ],
)
def test_figures_of_counting_are_those_of_a_text(
    tmp_path: Path, whole: bytes, figures: dict[str, float], good: bool
) -> None:
    path = altered(tmp_path, whole, lambda header, arrays: header["origin"]["baselines"].update(figures))
    if good:
        assert figures.items() <= checkpoint.load(path).origin.baselines.items()
    else:
        with pytest.raises(CheckpointError, match="baselines that are none"):
            checkpoint.load(path)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"delay": 2, "recurrent_depth": 2}, True),
        ({"delay": 2}, False),
        ({"recurrent_depth": 2}, False),
        ({"delay": 1, "recurrent_depth": 2}, False),
        ({"delay": 2, "recurrent_depth": 1}, False),
        ({"delay": None, "recurrent_depth": None}, False),
    ],
)
def test_a_delay_of_an_older_file_led_to_the_first_layer_of_a_step(options: dict[str, Any], first: bool) -> None:
    found = model_options({"cell": "elman", **options})
    assert found.get("delay_to") == ("first" if first else None)
    assert model_options({**options, "delay_to": "last"})["delay_to"] == "last"


W = "weights/hidden/0/W"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without(W), W),
        (without("moments/1/readout/c"), "moments/1/readout/c"),
        (without("state/1"), "state/1"),
        (
            lambda header, arrays: arrays.update(stray=np.zeros(3, np.float32)),
            "stray",
        ),
        (instead(W, lambda w: w[:4]), W),
        (instead(W, lambda w: w.reshape(64)), W),
        (instead(W, lambda w: w.astype(np.float64)), W),
        (instead(W, lambda w: np.full_like(w, np.nan)), W),
        (instead(W, lambda w: np.where(w > 0, np.inf, w).astype(np.float32)), W),
        (put("model", hidden=9), "9"),
        (put("model", hidden=10**6), "float32"),
        (put("model", layers=64), "float32"),
        (put("model", skip=False), "float32"),
        (put("model", hidden=0), "hidden is 0"),
        (put("model", hidden=10**30), f"hidden is {10**30}"),
        (put("model", cell="gate"), "cell is 'gate'"),
        (put("model", wings=2), "wings"),
        (put("train", batch=4), "state/0"),
        (put("train", optimizer="sgd"), "moments/"),
        (put("train", rate=-1.0), "rate is -1"),
        (put("vocabulary", characters=[97, 98]), "float32"),
        (put("vocabulary", characters=[97, 97]), "vocabulary"),
        (put("vocabulary", sequence="word"), "vocabulary"),
        (put(vocabulary=None), "corrupt"),
        (put(model=None), "corrupt"),
        (put(train=[]), "corrupt"),
        (put(origin={}), "corrupt"),
        (put("origin", names=3), "corrupt"),
        (put("origin", names=[]), "corrupt"),
        (put("origin", names="poem"), "names is 'poem'"),
        (put("origin", names=["poem", 3]), "names is "),
        (put("origin", invalid="ignore"), "corrupt"),
        (put("origin", symbols=1.5), "symbols is 1.5"),
        (put(history=[{"step": 3}]), "corrupt"),
        (lambda header, _: header["history"].append({"step": 3}), "corrupt"),
        (put(history=[3]), "history is [3]"),
        (put(step=-1), "step is -1"),
        (put(step=2**63), f"step is {2**63}"),
        (put(step=True), "step is True"),
        (put(cursor=1.5), "cursor is 1.5"),
        (put(best=-0.5), "best is -0.5"),
        (put(seconds="long"), "seconds is 'long'"),
        (put(seconds=10**400), "corrupt"),
        (put(seconds=float("nan")), "seconds is nan"),
        (put("train", rate=float("inf")), "rate is inf"),
        (put(history=[{"step": 3, "epoch": 1.0, "train": float("nan"), "valid": 1.0}]), "history is"),
        (put(history=[{"step": 3, "epoch": 1.0, "train": 1.0, "valid": 1.0, "news": "2"}]), "history"),
        (put(environment={"numpy": "2.4", "cpu": 3}), "environment is"),
        (put(environment=["2.4"]), "environment is"),
        (put(format="charnn translation model"), "charnn translation model"),
        (put(format=None), "charnn model"),
        (put(version="1"), "version"),
        (lambda header, _: header.pop("step"), "'step'"),
        (lambda header, _: header.pop("history"), "'history'"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, whole: bytes, change: Change, named: str) -> None:
    with raises(CheckpointError, named) as caught:
        checkpoint.load(altered(tmp_path, whole, change))
    assert str(caught.value).startswith(str(tmp_path / "model.npz"))


@pytest.mark.parametrize("values", [{"step": 2**63 - 1}, {"step": 0}, {"step": 127, "best": None}, {"seconds": 3}])
def test_counters_may_be_as_large_as_an_int64(tmp_path: Path, whole: bytes, values: dict[str, Any]) -> None:
    found = checkpoint.load(altered(tmp_path, whole, put(**values)))
    assert {name: getattr(found, name) for name in values} == values


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)


@pytest.mark.slow
@law
@given(st.data())
def test_any_header_gives_a_run_or_a_checkpoint_error(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    def change(header: dict[str, Any], _: object) -> None:
        at = header
        while True:
            name = data.draw(st.sampled_from(sorted(at)))
            if not at[name] or not isinstance(at[name], dict) or data.draw(st.booleans()):
                break
            at = at[name]
        at[name] = data.draw(JSON)

    with suppress(CheckpointError):
        assert isinstance(checkpoint.load(altered(tmp_path, whole, change)), Run)


def test_an_error_while_saving_leaves_the_old_model(
    tmp_path: Path, run: Run, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, whole)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with raises(CharnnError, "model.npz", "No space left on device"):
        checkpoint.save(path, replace(run, step=99))
    assert path.read_bytes() == whole and len(list(tmp_path.iterdir())) == 1


def test_a_delay_from_before_it_could_go_around_leads_to_the_first_layer(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("roses are red\nviolets are blue\n" * 50, "utf-8")
    options = {**OPTIONS, "delay": 2, "recurrent_depth": 2, "steps": 1, "delay_to": "first"}
    session = charnn.train(tmp_path / "poem.txt", out=None, **options)
    list(session)
    checkpoint.save(tmp_path / "last.npz", session.run)
    arrays = read_arrays(tmp_path / "last.npz")
    header = json_value("", arrays.pop("header"))
    for name in ("delay_to", "delay_only", "init_scale", "bias"):  # as version 0.1 wrote it
        del header["model"][name]
    del header["digest"]
    header["digest"] = checkpoint.digest(header, arrays)
    npz.write(tmp_path / "old.npz", {"header": json_array(header), **arrays})
    assert alike(checkpoint.load(tmp_path / "old.npz"), session.run)
