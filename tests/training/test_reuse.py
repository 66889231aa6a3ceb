"""Networks of tasks that start from a text model, or from one of the same task: what they compute before training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.data.pair_batches import pad
from charnn.errors import UsageError
from charnn.evaluation.pairs import probabilities
from charnn.nn.pairs.decoder import Seen
from charnn.nn.workspace import Workspace
from charnn.runs import checkpoint
from charnn.training import reuse

TINY: dict[str, Any] = {"batch": 4, "workers": 1, "seed": 3, "runs": None}
WORDS = ["anbe", "do", "la", "anla", "dolabe", "be", "ando"]
MORE = [*WORDS, "böan", "ladö"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a text, and pairs of words with a label, or with the word reversed."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("".join(f"{word}\n" for word in WORDS * 20), "utf-8")
    for name, words in (("few", WORDS), ("more", MORE)):
        kinds = [word[0] if name == "more" or word[0] != "l" else "a" for word in words]
        labels = [f"{kind}\t{word}\n" for kind, word in zip(kinds, words, strict=True)]
        Path(f"{name}-labels.tsv").write_text("".join(labels * 8), "utf-8")
        Path(f"{name}-pairs.tsv").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words * 8), "utf-8")
    yield tmp_path


def trained(source: str, **options: Any) -> charnn.Run:
    running = charnn.train(source, **{**TINY, "steps": 12, **options})
    for _ in running:
        pass
    return running.run


def text_model(**options: Any) -> charnn.Run:
    return trained("text.txt", hidden=6, **options)


def started(source: str, start: charnn.Run, **options: Any) -> charnn.Run:
    return charnn.train(source, start=start, **{**TINY, "steps": 6, **options}).run


def ids(run: charnn.Run, word: str) -> np.ndarray:
    symbols = reuse.symbols(run)
    return np.array([symbols.index(one) for one in word] + [0])


def states(run: charnn.Run, word: str) -> list[np.ndarray]:
    """What a text model's layers put out for a word, from the zero state on."""
    x, network = ids(run, word)[:, None], run.network
    zero = network.zero_state(1)
    h, _, _ = run.model.hidden.forward(run.weights, (x,), zero, Workspace(back=False))
    return [part[:, 0] for part in h]


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
@pytest.mark.parametrize(
    "shape", [{"layers": 1}, {"layers": 2, "skip": False}, {"layers": 3}, {"feedforward_depth": 2}]
)
def test_an_encoder_reads_a_source_as_the_text_model_does(cell: str, shape: dict[str, Any]) -> None:
    start = text_model(cell=cell, **shape)
    run = started("more-labels.tsv", start, task="classify", encoder="rnn")
    network = run.model.network
    read = network.reader.read(
        run.weights.at("reader"), pad([ids(run, "dolabe")[:-1]], np.dtype(np.uint8)), Workspace()
    )
    for ours, theirs in zip(read.h, states(start, "dolabe"), strict=True):
        np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-6)


def test_the_first_layer_of_a_bidirectional_encoder_does_so_in_one_half() -> None:
    start = text_model(layers=2)
    run = started("few-pairs.tsv", start, task="translate")
    assert run.model.config.hidden == 12 and run.task.encoder == "bidirectional"
    source = pad([ids(run, "dolabe")[:-1]], np.dtype(np.uint8))
    read = run.model.network.reader.read(run.weights.at("reader"), source, Workspace())
    np.testing.assert_allclose(read.h[0][:, 0], states(start, "dolabe")[0], atol=1e-6)
    np.testing.assert_array_equal(run.weights["reader/1/forwards/W"], start.weights["hidden/1/W"])


def test_a_decoder_alone_is_the_text_model() -> None:
    start = text_model(layers=2)
    run = started("few-pairs.tsv", start, task="translate", encoder="none")
    network, word = run.model.network, ids(run, "dolabe")[:-1]
    state = tuple(np.zeros((1, n), np.float32) for n in network.stack.state_sizes)
    found = []
    for symbol in word:
        step = network.advance(run.weights, Seen(state), np.array([symbol]), state, Workspace())
        found.append(step.o[0])
        state = step.state
    o, _ = start.network.scores(ids(start, "dolabe")[:-1, None], start.network.zero_state(1), Workspace())
    places = [reuse.symbols(run).index(one) for one in reuse.symbols(start)]
    np.testing.assert_allclose(np.array(found)[:, places], o[:, 0], atol=1e-5)


def test_without_attention_a_decoder_and_its_readout_start_from_the_text_model() -> None:
    start = text_model(layers=1)
    run = started("few-pairs.tsv", start, task="translate", encoder="rnn", attention="none")
    np.testing.assert_array_equal(run.weights["decoder/stack/0/W"], start.weights["hidden/0/W"])
    places = [reuse.symbols(run).index(one) for one in reuse.symbols(start)]
    np.testing.assert_allclose(run.weights["readout/V"][:, places], start.weights["readout/V"], rtol=1e-6)


def test_a_text_for_a_label_starts_from_the_text_model() -> None:
    start = text_model(layers=2)
    run = started("few-labels.tsv", start, task="condition")
    assert run.model.config.hidden == 6
    for i, below in ((0, 0), (1, 6)):
        new, old = (one.weights.at(at) for one, at in ((run, f"decoder/stack/{i}"), (start, f"hidden/{i}")))
        np.testing.assert_array_equal(new["W"], old["W"])
        np.testing.assert_array_equal(new["U"][:below], old["U"][:below])
        places = [reuse.symbols(run).index(one) for one in reuse.symbols(start)]
        V = len(reuse.symbols(run))
        np.testing.assert_allclose(new["U"][-V:][places], old["U"][below:], rtol=1e-6)
        assert len(new["U"]) == below + 6 + V


def test_gaps_are_filled_from_the_text_model_on_the_left() -> None:
    start = text_model(layers=2)
    run = started("text.txt", start, task="fill")
    p, both = run.weights.at("both/forwards"), run.model.network.both
    zero = tuple(np.zeros((1, n), np.float32) for n in both.forwards.state_sizes)
    h, _, _ = both.forwards.forward(p, (ids(run, "dolabe")[:, None],), zero, Workspace(back=False))
    for ours, theirs in zip(h, states(start, "dolabe"), strict=True):
        np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-6)


def test_a_gap_filler_goes_on_with_more_characters() -> None:
    start = trained("text.txt", task="fill", hidden=6)
    Path("more.txt").write_text("".join(f"{word}\n" for word in MORE * 20), "utf-8")
    run = started("more.txt", start, task="fill")
    assert run.start is not None and run.start.new == ("ö",)
    places, found = [reuse.symbols(run).index(one) for one in reuse.symbols(start)[:-1]], []
    for one in (start, run):
        o = one.model.network.scores(one.weights, ids(one, "dolabe")[:, None], None, Workspace(back=False))
        found.append(o[:, 0])
    np.testing.assert_allclose(found[1][:, places], found[0], atol=1e-5)


@pytest.mark.parametrize("context_dropout", [0.0, 0.3])
def test_a_text_for_a_label_goes_on_with_more_labels(context_dropout: float) -> None:
    start = trained("few-labels.tsv", task="condition", hidden=6, context_dropout=context_dropout)
    run = started("more-labels.tsv", start, task="condition")
    known = [run.vocabulary.labels.index(label) for label in start.vocabulary.labels]
    table, old = run.weights["reader/U"], start.weights["reader/U"]
    np.testing.assert_array_equal(table[known], old[: len(known)])
    np.testing.assert_array_equal(table[4:], old[3:])


@pytest.mark.parametrize("task", [{"encoder": "rnn"}, {}, {"head": "softmax", "feedforward": 5}])
def test_a_classifier_goes_on_with_more_characters_and_labels(task: dict[str, Any]) -> None:
    start = trained("few-labels.tsv", task="classify", hidden=6, layers=2, **task)
    run = started("more-labels.tsv", start, task="classify")
    assert run.start is not None and run.start.new == ("ö",)
    assert run.vocabulary.labels == ("a", "b", "d", "l") and start.vocabulary.labels == ("a", "b", "d")
    p, q = (probabilities(one.model, one.weights, [ids(one, "dolabe")[:-1]])[0] for one in (start, run))
    np.testing.assert_allclose(q[:3] / q[:3].sum(), p, atol=1e-5)
    assert {name for name, w in run.weights.items() if w.shape != start.weights[name].shape} >= {"readout/V"}


@pytest.mark.parametrize("task", [{}, {"encoder": "none"}, {"attention": "none", "encoder": "rnn"}])
def test_a_translator_goes_on_with_more_characters(task: dict[str, Any]) -> None:
    start = trained("few-pairs.tsv", task="translate", hidden=6, **task)
    run = started("more-pairs.tsv", start, task="translate")
    places, found = [reuse.symbols(run).index(one) for one in reuse.symbols(start)], []
    for one in (start, run):
        word, dtype = ids(one, "dolabe")[:-1], np.dtype(np.uint8)
        network = one.model.network
        seen = network.see(one.weights, pad([word], dtype), Workspace())
        found.append(network.advance(one.weights, seen, np.array([0]), seen.state, Workspace()).o[0])
    np.testing.assert_allclose(found[1][places], found[0], atol=1e-5)


def test_the_same_pairs_give_the_same_weights_and_nothing_is_forgotten_yet() -> None:
    start = trained("few-labels.tsv", task="classify", hidden=6)
    running = charnn.train("few-labels.tsv", start=start, task="classify", **{**TINY, "steps": 6})
    np.testing.assert_array_equal(running.run.weights.flat, start.weights.flat)
    before, now = running.forgotten() or (0.0, 1.0)
    assert before == pytest.approx(now) and running.run.start is not None
    assert running.run.start.bits == pytest.approx(start.history[-1]["valid"], rel=1e-5)


@pytest.mark.parametrize(
    ("source", "options", "same", "learnt"),
    [
        ("more-labels.tsv", {"task": "classify", "encoder": "rnn"}, False, {"reader/0"}),
        ("more-labels.tsv", {"task": "classify"}, False, {"reader/0/forwards"}),
        ("more-labels.tsv", {"task": "classify"}, True, {"reader/0/forwards", "reader/0/backwards"}),
        ("more-pairs.tsv", {"task": "translate", "encoder": "none"}, False, {"decoder/0"}),
        ("more-labels.tsv", {"task": "fill"}, False, {"both/forwards/0"}),
        ("more-labels.tsv", {"task": "fill"}, True, {"both/forwards/0", "both/backwards/0"}),
    ],
)
def test_frozen_layers_learn_the_rows_of_new_characters_alone(
    source: str, options: dict[str, Any], same: bool, learnt: set[str]
) -> None:
    start = trained(source.replace("more", "few"), hidden=6, layers=2, **options) if same else text_model(layers=2)
    running = charnn.train(source, start=start, freeze=1, **{**TINY, "steps": 10, **options})
    before = {name: w.copy() for name, w in running.run.weights.items()}
    for _ in running:
        pass
    changed = {name: w != before[name] for name, w in running.run.weights.items()}
    assert running.run.start is not None
    for at in learnt:
        assert not changed[f"{at}/W"].any() and not changed[f"{at}/b"].any()
        rows = np.flatnonzero(changed[f"{at}/U"].any(axis=1))
        new = [reuse.symbols(running.run).index(one) for one in running.run.start.new]
        assert "ö" in running.run.start.new and rows.tolist() == new
    others = {name for name in changed if name.rpartition("/")[0] not in learnt}
    assert any(changed[name].any() for name in others)


def test_a_run_of_a_task_that_was_started_can_be_saved_and_resumed(tmp_path: Path) -> None:
    start = text_model()
    options = {**TINY, "runs": tmp_path, "task": "classify", "freeze": 1, "validate_every": 3, "steps": 6}
    whole = charnn.train("more-labels.tsv", start=start, name="whole", **options)
    for _ in whole:
        pass
    half = charnn.train("more-labels.tsv", start=start, name="half", **options)
    for event in half:
        if isinstance(event, charnn.Validation):
            break
    assert checkpoint.load(tmp_path / "half" / "last.npz").start == half.run.start == whole.run.start
    del half  # and so its lock
    again = charnn.resume("half", runs=tmp_path)
    for _ in again:
        pass
    np.testing.assert_array_equal(again.run.weights.flat, whole.run.weights.flat)


def refused(source: str, start: charnn.Run, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        started(source, start, **options)
    return str(caught.value)


def test_networks_that_do_not_fit_are_refused() -> None:
    assert "--task classify, not translate" in refused(
        "few-pairs.tsv", trained("few-labels.tsv", task="classify", hidden=6), task="translate"
    )
    start = text_model()
    assert "--hidden 12, not 6" in refused("few-labels.tsv", start, task="classify", hidden=6)
    assert "--layers 2, not 1" in refused("few-labels.tsv", start, task="classify", layers=1)
    assert "--freeze is 3, and the network has 2" in refused("few-labels.tsv", start, task="classify", freeze=3)
    length = text_model(ending="length")
    assert "--ending eos" in refused("few-labels.tsv", length, task="classify")
    jordan = text_model(cell="jordan")
    assert "name another" in refused("few-labels.tsv", jordan, task="classify")


def test_pairs_that_lack_symbols_of_the_start_are_refused() -> None:
    start = trained("more-labels.tsv", task="classify", hidden=6)
    few = charnn.train("few-labels.tsv", task="classify", hidden=6, **{**TINY, "steps": 1}).corpus
    assert "no symbols for all" in refused(few, start, task="classify")


def test_characters_are_reserved_in_pairs_too() -> None:
    assert "é" in charnn.train("few-labels.tsv", task="classify", hidden=6, characters="é", **TINY).run.vocabulary.units
