"""Traps that other character networks fell into, one test each: what we would see if we fell in too."""

import ast
import math
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.cli import program
from charnn.config import ModelConfig, SampleConfig, TrainConfig
from charnn.data import read
from charnn.data.batches import StreamBatches
from charnn.data.corpus import Corpus
from charnn.data.vocabulary import EOS, Vocabulary
from charnn.errors import InputError
from charnn.evaluation import score
from charnn.evaluation.score import Score, evaluate
from charnn.nn import optimizers
from charnn.nn.functions import cross_entropy, log_softmax
from charnn.nn.layers.elman import Elman
from charnn.nn.layers.linear import Linear
from charnn.nn.model import Model
from charnn.nn.network import Network
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.options import choices
from charnn.runs.folder import Folder
from charnn.runs.run import CorpusInfo, Run
from charnn.sampling.sampler import generate
from charnn.sampling.stepper import FastStepper
from charnn.tasks import fitting
from charnn.tasks.base import CHARACTERS_PER_VALIDATION
from charnn.training import session
from charnn.training.session import Session, Validation
from charnn.training.trainer import Rollback, Trainer, Update
from tests.helpers.program import invoke
from tests.helpers.snapshots import raises
from tests.helpers.toys import trainer_of

PACKAGE = Path(__file__).parents[1] / "charnn"
LETTERS = "abcd"
V = len(LETTERS) + 1
SMALL = ModelConfig("elman", 8, 1, "tanh", skip=False, dropout=0.0)
PLAIN = TrainConfig(
    batch=4,
    window=8,
    optimizer="adam",
    rate=0.01,
    momentum=0.9,
    weight_decay=0.0,
    clip=0.0,
    schedule="constant",
    warmup=0.0,
    final_rate=0.1,
    epochs=None,
    steps=1000,
    minutes=None,
    patience=0,
    validate_every=5,
    valid_share=0.2,
    state="auto",
    seed=1,
    workers=1,
)


def lines(symbols: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.integers(1, V, symbols) * (np.arange(symbols) % 6 != 5)).astype(np.uint8)


def words(sequence: str = "line") -> Vocabulary:
    return Vocabulary(tuple(map(ord, LETTERS)), sequence)


def trainer(ids: np.ndarray, **given: Any) -> Trainer:
    config, model = replace(PLAIN, **given), Model(SMALL, V)
    weights = model.initial(np.random.default_rng(0))
    moments = tuple(weights.like() for _ in optimizers.make(config).moments)
    state = model.zero_state(config.batch)
    return trainer_of(Run(model, config, words(), CorpusInfo(("x",), "", len(ids)), weights, moments, state), ids)


def begin(where: Path | None = None, **given: Any) -> Session:
    corpus = Corpus(lines(), words(), (), ("toy",), "0" * 64)
    return session.begin(corpus, SMALL, replace(PLAIN, **given), where, "toy")


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def spectators(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray, Any]]:
    """What every window's gradient was computed from: x, the state before, keep."""
    seen: list[tuple[np.ndarray, np.ndarray, Any]] = []
    original = Model.gradient

    def spy(self, p, g, batch, state, *rest):  # type: ignore[no-untyped-def]
        seen.append((batch.x.copy(), state[0].copy(), batch.keep))
        return original(self, p, g, batch, state, *rest)

    monkeypatch.setattr(Model, "gradient", spy)
    return seen


# Windows


def test_the_last_target_does_not_wrap_round_to_the_first_character() -> None:
    ids = np.array([1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 3], np.uint8)  # 1 is never predicted but at the start
    for batch in (1, 2, 5):
        for window in (1, 3, 4, 12, 100):
            lanes = StreamBatches(ids, batch, window)
            pairs = [(int(a), int(b)) for i in range(len(lanes)) for a, b in zip(*map(np.ravel, lanes[i]), strict=True)]
            assert len(pairs) == 12
            assert pairs.count((EOS, 1)) == 1 and [b for _, b in pairs].count(1) == 1


def test_windows_are_not_off_by_one() -> None:
    ids = np.arange(1, 101, dtype=np.uint8)
    for batch, window in ((1, 10), (3, 7), (4, 25), (7, 9)):
        lanes = StreamBatches(ids, batch, window)
        read = [lanes[i] for i in range(len(lanes))]
        assert all((x == y - 1).all() for x, y in read)
        assert sorted(np.concatenate([y.ravel() for _, y in read])) == list(range(1, 101))


# Numbers


def test_the_softmax_takes_its_maximum_off() -> None:
    o = np.array([[1000.0, 999.0], [-1000.0, -1001.0]], np.float32)
    expected = math.log(1 + math.exp(-1))
    np.testing.assert_allclose(cross_entropy(o.copy(), np.array([0, 0])), expected, rtol=1e-4)
    np.testing.assert_allclose(log_softmax(o)[:, 0], -expected, rtol=1e-4)


def test_perplexity_divides_by_every_symbol_that_was_predicted_and_no_other() -> None:
    model = Model(SMALL, V)
    ids = np.array([1, 2, 0, 0, 3, 0, 4, 1], np.uint8)  # 8 symbols, 3 of them EOS
    for reset in (True, False):
        found = evaluate(Network(model, Parameters(model.shapes()), reset), ids)
        assert found.count == 8
        assert found.perplexity == pytest.approx(V)  # of a network that knows nothing
        assert evaluate(Network(model, Parameters(model.shapes()), reset), ids, burn_in=2).perplexity == pytest.approx(
            V
        )
    assert (Score(8 * math.log(4), 4) + Score(0.0, 4)).perplexity == pytest.approx(4)  # not the mean of two means


def test_a_training_loss_divides_by_every_symbol_that_was_predicted() -> None:
    running = trainer(lines(4 * 8 * 2 + 9), rate=0.0)
    running.run.weights.flat.fill(0)
    for _ in range(len(running.scheme.lanes)):
        update = running.update()
        assert isinstance(update, Update) and update.nats / update.count == pytest.approx(math.log(V))


# Text


def test_the_order_of_the_vocabulary_is_that_of_code_points_whatever_the_text_or_the_hash_seed(tmp_path: Path) -> None:
    text = "zebra\nÄpfel\nabc\n"
    here = read.read(write(tmp_path / "a.txt", text)).vocabulary.characters
    there = read.read(write(tmp_path / "b.txt", "".join(reversed(text))), sequence="line").vocabulary.characters
    assert here == there == tuple(sorted({ord(c) for c in text if c != "\n"}))
    code = f"import charnn; print(charnn.read({str(tmp_path / 'a.txt')!r}).vocabulary.characters)"
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout == f"{here}\n"


def test_the_first_line_is_not_dropped(tmp_path: Path) -> None:
    text = "first\n" + "second\nthird\n" * 3
    for mode in ("line", "paragraph", "file"):
        corpus = read.read(write(tmp_path / "text", text), sequence=mode)
        assert "".join(corpus.text()) == text
    corpus = read.read(tmp_path / "text")
    x, y = StreamBatches(corpus.ids, 1, 6)[0]
    assert corpus.vocabulary.decode(y[:, 0]) == "first\n"
    assert x[0, 0] == EOS


def test_bad_bytes_are_not_dropped_silently(tmp_path: Path) -> None:
    path = write(tmp_path / "text", b"some text \xff and more of it\n")
    with raises(InputError, "0xff", "offset 10"):
        read.read(path)
    assert "\udcff" in "".join(read.read(path, invalid="keep").text())
    assert "\ufffd" in "".join(read.read(path, invalid="replace").text())


def test_unknown_characters_are_not_taken_for_id_0_silently() -> None:
    with raises(InputError, "U+0058 at 1:2"):
        list(words().encode(["aXb"]))
    (ids,) = words().encode(["aXb"], unknown="skip")
    assert ids.tolist() == [1, 2]  # left out when asked for: not an end in their place


def test_a_prompt_is_not_encoded_byte_by_byte() -> None:
    vocabulary = Vocabulary(tuple(sorted(map(ord, "aé漢😀"))))
    (ids,) = vocabulary.encode(["é漢😀a"])
    assert len(ids) == 4 and vocabulary.decode(ids) == "é漢😀a"
    model = Model(SMALL, vocabulary.size)
    weights, read = model.initial(np.random.default_rng(0)), []
    network = Run(model, PLAIN, vocabulary, CorpusInfo(("x",), "", 0), weights)
    original = FastStepper.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FastStepper, "read", lambda self, x: (read.append(int(x)), original(self, x)))
        (sample,) = api.generate(network, prime="é漢😀a", length=0)
    assert read == [EOS, *ids.tolist()] and sample == "é漢😀a"


def test_files_are_read_and_written_the_same_whatever_the_locale(tmp_path: Path) -> None:
    """Python warns, and here stops, wherever a file is opened in the locale's encoding."""
    write(tmp_path / "text", "naïve café 漢字\n" * 40)
    code = """
import charnn
session = charnn.train("text", hidden=4, layers=1, dropout=0.0, steps=2, out="runs")
for event in session: pass
run = charnn.load(root="runs")
print(ascii(charnn.generate(run, prime="caf\\xe9", length=0)[0]), (session.folder.log).exists())
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONUTF8", "PYTHONIOENCODING")}
    found = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-W", "error::EncodingWarning", "-c", code],
        env={**environment, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "OPENBLAS_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (found.stdout, found.returncode) == ("'caf\\xe9' True\n", 0), found.stderr


def test_no_file_is_opened_as_text_without_an_encoding() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            given = ast.unparse(node)
            own = name.startswith(("streams.", "super()"))  # of ours for bytes that are no text; of click for help
            if name == "open" or (name.endswith((".read_text", ".write_text")) and not own):
                assert re.search(r"'[rwa]b'|encoding=|utf-?8", given), f"{path}: {given}"


# Training


def test_adams_moments_go_on_when_the_rate_decays() -> None:
    """Through a falling rate and a halved one the moments are those of the whole history, and t goes on."""
    running = trainer(lines(), schedule="exponential", steps=20)
    m, v = (np.zeros_like(running.run.weights.flat, np.float64) for _ in range(2))
    rates = []
    original = optimizers.Adam.update

    def spy(self, w, g, moments, r, t, scratch):  # type: ignore[no-untyped-def]
        nonlocal m, v
        m, v = 0.9 * m + g, 0.999 * v + g.astype(np.float64) ** 2  # but for 0.1 and 0.001, which the rate makes up for
        assert t == len(rates) + 1
        rates.append(r)
        original(self, w, g, moments, r, t, scratch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers.Adam, "update", spy)
        for step in range(12):
            running.run.rate_factor = 0.5 if step >= 6 else 1.0  # as plateaus and setbacks do
            assert isinstance(running.update(), Update)
    assert all(np.diff(rates) < 0) and rates[6] < 0.6 * rates[5]
    np.testing.assert_allclose(running.run.moments[0].flat, m, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(running.run.moments[1].flat, v, rtol=1e-3, atol=1e-6)


def test_a_plateau_changes_the_rate_and_leaves_the_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    running = begin(schedule="plateau", validate_every=1, steps=4)
    monkeypatch.setattr(score, "evaluate", lambda *_, **__: Score(1.0, 1))
    kept: list[np.ndarray] = []
    for event in running:
        moments = [moment.flat.copy() for moment in running.run.moments]
        if isinstance(event, Validation):
            np.testing.assert_array_equal(kept, moments)
        kept = moments
    assert running.run.rate_factor == 0.5
    assert all(moment.flat.any() for moment in running.run.moments)


def test_the_best_validation_is_not_overwritten_by_a_worse_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([2.0, 3.0, 2.5])
    monkeypatch.setattr(score, "evaluate", lambda *_, **__: Score(next(losses), 1))
    running = begin(tmp_path, steps=15)
    best = b""
    for event in running:
        if isinstance(event, Validation) and event.best:
            best = running.folder.best.read_bytes()  # type: ignore[union-attr]
    assert running.folder and running.folder.best.read_bytes() == best
    assert (running.run.best, running.run.best_step) == (2.0, 5)
    assert api.load(running.folder.path).best == 2.0
    assert api.load(running.folder.path).step == 5


def test_an_old_runs_folder_is_not_deleted_or_written_into(tmp_path: Path) -> None:
    first = Folder.create(tmp_path, "names")
    write(first.path / "best.npz", "years of work")
    second, third = Folder.create(tmp_path, "names"), Folder.create(tmp_path, "names")
    assert [folder.path.name for folder in (first, second, third)] == ["names", "names-2", "names-3"]
    assert (first.path / "best.npz").read_bytes() == b"years of work"
    assert list(second.path.iterdir()) == []


def test_the_state_is_not_carried_across_independent_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = spectators(monkeypatch)
    running = trainer(lines())
    for _ in range(3):
        running.update()
    for x, _, keep in seen:
        assert (x == EOS).any()
        np.testing.assert_array_equal(keep[..., 0] == 0, x == EOS)
    model, weights = running.run.model, running.run.weights
    alone = evaluate(Network(model, weights, True), np.array([3, 4, 0])).nats
    for before in ([1, 2, 0], [4, 4, 4, 4, 0]):
        both = evaluate(Network(model, weights, True), np.array([*before, 3, 4, 0])).nats
        assert both - evaluate(Network(model, weights, True), np.array(before)).nats == pytest.approx(alone, rel=1e-6)


def test_the_state_is_not_carried_across_an_epochs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = spectators(monkeypatch)
    running = trainer(lines(4 * 8 * 2), state="carry")
    for _ in range(5):
        running.update()
    assert [bool(before.any()) for _, before, _ in seen] == [False, True, False, True, False]


def test_sampling_starts_as_training_does() -> None:
    """A first letter that only ever follows a line's end in training is the one that samples begin with."""
    ids = np.array([1, 2, 2, 3, 0] * 300, np.uint8)
    running = trainer(ids, rate=0.02, clip=1.0)
    for _ in range(100):
        running.update()
    network = running.run
    samples = generate(
        Network(network.model, network.weights, True),
        SampleConfig(count=50, length=20),
        np.random.default_rng(0),
        ids[:0],
    )
    texts = [network.vocabulary.decode(sample.ids) for sample in samples]
    assert texts.count("abbc") > 40
    o, _ = network.model.step(network.weights, np.array([EOS]), network.model.zero_state(1), Workspace())
    assert log_softmax(o)[0, 1] > -0.1


def test_the_gradient_is_clipped_by_its_global_norm_and_keeps_its_direction() -> None:
    before, after = ([], [])
    for clip, updates in ((0.0, before), (0.01, after)):
        running = trainer(lines(), optimizer="sgd", momentum=0.0, rate=1.0, clip=clip)
        start = running.run.weights.flat.copy()
        update = running.update()
        assert isinstance(update, Update) and update.norm > 0.1
        updates += [start - running.run.weights.flat, update.norm]
    assert np.linalg.norm(before[0]) == pytest.approx(before[1], rel=1e-3)
    assert np.linalg.norm(after[0]) == pytest.approx(0.01, rel=1e-3)
    np.testing.assert_allclose(after[0], before[0] * 0.01 / before[1], atol=1e-6)


def test_a_gradient_below_the_limit_is_left_alone() -> None:
    found = []
    for clip in (0.0, 1e6):
        running = trainer(lines(), clip=clip)
        running.update()
        found.append(running.run.weights.flat.copy())
    np.testing.assert_array_equal(*found)


def test_no_backward_pass_returns_zeros() -> None:
    """Every weight, every input and the state get a gradient that points uphill."""
    rng = np.random.default_rng(0)
    for layer in (Linear((3,), 4), Elman((3,), 4, "tanh"), Elman((3,), 4, "relu"), Elman((3,), 4, "sigmoid")):
        p = Parameters(layer.shapes(), np.float64)
        for name in p:
            p[name] = rng.normal(size=p[name].shape)
        x, state = rng.normal(size=(6, 2, 3)), tuple(rng.normal(size=(2, n)) for n in layer.state_sizes)
        (y,), _, backward = layer.forward(p, (x,), state, Workspace())
        before, g = y.sum(), p.like()
        (dx,), dstate = backward((np.ones_like(y),), tuple(np.zeros_like(s) for s in state), g)
        for where, slope in [(x, dx), *zip(state, dstate, strict=True), *((p[name], g[name]) for name in p)]:
            assert slope.shape == where.shape and slope.any()
            where += 1e-5 * slope
            (y,), _, _ = layer.forward(p, (x,), state, Workspace())
            assert y.sum() - before == pytest.approx(1e-5 * (slope**2).sum(), rel=1e-3)
            where -= 1e-5 * slope


def test_a_setback_is_told_and_not_passed_over() -> None:
    running = trainer(lines())
    running.run.weights["readout/c"] += np.nan
    assert isinstance(running.update(), Rollback)


# Documentation


def test_documented_defaults_are_those_of_the_code() -> None:
    for command, kinds in (("train", (ModelConfig, TrainConfig)), ("sample", (SampleConfig,))):
        with program.make_context("charnn", [command, "--help"], resilient_parsing=True) as context:
            options = {option.name: option for option in program.get_command(context, command).params}  # type: ignore[union-attr]
        everything = "--help-all" if command == "train" else "--help"
        output = invoke(command, everything, terminal_width=300).output
        parts = [" ".join(part.split()) for part in re.split(r"\n  (?:-\w, )?(?=--)", output)]
        shown = {part.split()[0].strip(","): part for part in parts if part.startswith("--")}
        for kind in kinds:
            for spec in fields(kind):
                option = options[spec.name]
                told = next(shown[flag] for flag in option.opts if flag in shown)
                assert option.default == spec.default, spec.name
                if key := spec.metadata.get("of"):  # of some choices only, where it has a default that help tells
                    for choice, row in choices(kind, key).items():
                        used = getattr(kind(**{key: choice}), spec.name)
                        assert used is None or (spec.name in row.options and f"; default: {used})" in told), spec.name
                else:
                    assert spec.default == (getattr(kind(), spec.name) or spec.default), spec.name
                if spec.default is not None and not isinstance(spec.default, bool):
                    assert f"[default: {spec.default}]" in told, spec.name


def test_what_help_says_of_defaults_that_depend_on_the_text_is_what_the_code_does() -> None:
    shown = " ".join(invoke("train", "--help-all", terminal_width=300).output.split())
    patience = TrainConfig().patience
    assert f"{fitting.DEFAULT_EPOCHS:g} epochs, or {fitting.DEFAULT_MINUTES:g} minutes" in shown
    assert f"{patience} validations in a row" in shown
    shares = [share for _, share in fitting.DROPOUT_BY_RATIO]
    assert f"default: {min(shares):g} to {max(shares):g}" in shown
    least, most = CHARACTERS_PER_VALIDATION
    assert f"at least {least // 1000:,} k and at most {most // 10**6:,} M characters" in shown
