"""Networks of pairs in ONNX files: onnxruntime computes what charnn does, for sources of different lengths at once."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.choices import TASKS
from charnn.config import ModelConfig, TaskConfig, TrainConfig
from charnn.data.units import PairVocabulary
from charnn.data.vocabulary import Vocabulary
from charnn.errors import CharnnError, UsageError
from charnn.exchange import check_tasks, export, onnx_tasks
from charnn.runs.run import CorpusInfo, Run
from tests.exchange.networks import SHA256

CLOSE = 1e-5
VOCABULARY = PairVocabulary(tuple(" abcdeéxyz…"), ("high", "low", "some"), "characters", "label")
NETWORKS: dict[str, dict[str, Any]] = {
    "classify": {},
    "classify, last": {"pooling": "last", "layers": 2, "skip": True},
    "classify, maximum": {"pooling": "max", "layers": 2},
    "classify, in one direction": {"encoder": "rnn", "pooling": "last", "layers": 2, "skip": True},
    "classify, between": {"feedforward": 7, "cell": "gru"},
    "classify, several labels": {"labels": "several", "cell": "elman", "activation": "tanh"},
    "classify, sigmoid": {"head": "sigmoid", "cell": "elman"},
    "classify, residual": {"layers": 3, "residual": True, "encoder": "rnn"},
    "classify, plain layers": {"layers": 2, "feedforward_depth": 2, "encoder": "rnn", "cell": "elman"},
    "classify, as wide as the vocabulary": {"hidden": 26, "layers": 2, "skip": True},
    "condition": {},
    "condition, at the start": {"condition": "start", "layers": 2, "skip": True},
    "condition, at each step": {"condition": "step", "context_dropout": 0.2, "cell": "gru"},
    "condition, as wide as the vocabulary": {"condition": "step", "hidden": 13, "layers": 2, "skip": True},
    "condition, a text": {"context_as": "text", "encoder": "rnn"},
    "translate": {},
    "translate, gru": {"cell": "gru", "layers": 2, "pooling": "mean", "condition": "both"},
    "translate, near": {"attention": "near"},
    "translate, no attention": {"attention": "none", "cell": "elman", "activation": "tanh", "layers": 2, "skip": True},
    "translate, no encoder": {"encoder": "none", "layers": 2, "skip": True},
    "translate, no encoder, gru": {"encoder": "none", "cell": "gru"},
    "fill": {},
    "fill, gru": {"cell": "gru", "layers": 2, "skip": True},
}


def network(name: str, **more: Any) -> Run:
    """A run of such a network, of 14 units a layer, whose weights are not at their start."""
    task, given = name.partition(",")[0], {**NETWORKS.get(name, {}), **more}
    own = {key: given.pop(key) for key in list(given) if key in TaskConfig.__dataclass_fields__}
    options = TaskConfig(task=task, **own)
    labels = VOCABULARY.labels[: 2 if options.head == "sigmoid" else 3]
    vocabulary: Any = PairVocabulary(VOCABULARY.units, labels, VOCABULARY.source, VOCABULARY.target)
    if task == "fill":
        vocabulary = Vocabulary(tuple(map(ord, VOCABULARY.units)))
    config = ModelConfig(**{"hidden": 14, "dropout": 0.0, "layers": 1, "skip": False, **given})
    model = TASKS[task].network.load()(config, options, vocabulary)
    rng = np.random.default_rng(len(name))
    weights = model.initial(rng)
    for one in weights:
        weights[one] = weights[one] + 0.1 * rng.normal(size=weights[one].shape)
    return Run(model, TrainConfig(), vocabulary, CorpusInfo(("a.tsv",), SHA256, 1000), weights, task=options)


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_and_targets_score_the_same(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    found = export.export(network(name), tmp_path / "model.onnx").checked
    assert found and found.by == "onnxruntime"
    assert found.difference <= CLOSE * max(1.0, found.scale / 10)
    counts = {"classify": "40 labels", "fill": found.counted}
    assert found.counted == counts.get(name.partition(",")[0], "480 likeliest symbols")
    assert found.greedy == int(found.counted.split()[0])


@pytest.mark.parametrize("name", NETWORKS)
def test_files_are_valid_and_say_what_their_symbols_are(name: str, tmp_path: Path) -> None:
    library: Any = pytest.importorskip("onnx")
    run = network(name)
    onnx_tasks.write(tmp_path / "model.onnx", run)
    model = library.load(tmp_path / "model.onnx")
    library.checker.check_model(model, full_check=True)
    about = {one.key: one.value for one in model.metadata_props}
    assert json.loads(about["vocabulary"]) == ["", *VOCABULARY.units, "\ufffd"] and about["task"] == run.task.task
    if "labels" in about:
        assert json.loads(about["labels"]) == list(run.vocabulary.labels)


def test_a_source_alone_scores_as_beside_others(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    run = network("translate")
    onnx_tasks.write(tmp_path / "model.onnx", run)
    sources = check_tasks.drawn(run)
    _, target = check_tasks.scores(run, sources)
    assert target is not None and len({len(source) for source in sources}) > 10
    together = check_tasks.by_onnxruntime(tmp_path / "model.onnx", check_tasks.inputs(run, sources, target))
    for i in (0, 5, 9):
        feeds = check_tasks.inputs(run, sources[i : i + 1], target[:, i : i + 1])
        alone = check_tasks.by_onnxruntime(tmp_path / "model.onnx", feeds)
        np.testing.assert_allclose(alone[:, 0], together[:, i], atol=CLOSE)


def test_another_network_is_found_out(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    run, other = network("classify"), network("classify")
    other.weights["reader/0/backwards/b"][:] += 0.5
    onnx_tasks.write(tmp_path / "model.onnx", other)
    with pytest.raises(CharnnError, match="do not use the file"):
        check_tasks.check(run, tmp_path / "model.onnx")


def test_without_onnxruntime_the_file_is_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export.export(network("classify"), tmp_path / "model.onnx").checked is None


@pytest.mark.parametrize(
    ("file", "options", "named"),
    [
        ("model.html", {}, "can be written as .onnx, not as model.html"),
        ("folder", {}, "can be written as .onnx, not as folder"),
        ("model.onnx", {"norm": "layer"}, "--norm layer has no operator in ONNX"),
        ("model.onnx", {"cell": "elman", "recurrent_depth": 2}, "a --recurrent-depth has no operator"),
    ],
)
def test_what_has_no_place_in_the_format_is_refused(
    file: str, options: dict[str, Any], named: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=named):
        export.export(network("classify", **options), tmp_path / file)
    assert not list(tmp_path.iterdir())
