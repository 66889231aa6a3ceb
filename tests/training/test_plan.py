"""A run is planned once, on what the network reads, and its session and trainer follow that plan."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.config import ModelConfig, TrainConfig
from charnn.data.corpus import Corpus
from charnn.data.read import read
from charnn.errors import CharnnError, InputError, UsageError
from charnn.nn import heads
from charnn.tasks import fitting
from charnn.tasks.base import CHARACTERS_PER_VALIDATION
from charnn.training import session
from charnn.training.plan import resolve
from tests.helpers.toys import corpus, text

NAMES = Path(__file__).parents[2] / "corpora" / "names.txt"
CHARACTERS, READ = 32_503, 37_153  # of the training part; --ending length reads a class before each name
SMALL = {"batch": 8, "window": 16, "workers": 1}


@pytest.fixture(scope="module")
def names() -> Corpus:
    return read(NAMES)


def model(**given: Any) -> ModelConfig:
    return ModelConfig(**{"cell": "elman", "hidden": 8, "layers": 1, "skip": False, **given})


@pytest.mark.parametrize(
    ("ending", "every", "each"), [("eos", 253, 128.0), ("length", 290, 128 * CHARACTERS / READ), ("node", 253, 128.0)]
)
def test_an_epoch_lies_between_validations_whatever_is_read(
    names: Corpus, ending: str, every: int, each: float
) -> None:
    plan = resolve(names, model(ending=ending), TrainConfig(**SMALL))
    assert (len(plan.train), len(plan.batches.ids)) == (CHARACTERS, READ if ending == "length" else CHARACTERS)
    assert plan.scheme.size == 128 and plan.characters_per_update == pytest.approx(each)
    assert plan.config.validate_every == every == int(CHARACTERS / each)


@pytest.mark.parametrize(("ending", "size", "each"), [("eos", 76.89, 76.89), ("length", 87.89, 76.89)])
def test_full_divides_by_the_symbols_that_it_reads(names: Corpus, ending: str, size: float, each: float) -> None:
    plan = resolve(names, model(ending=ending), TrainConfig(batch=11, window=45, scheme="full"))
    assert plan.scheme.size == pytest.approx(size, abs=0.005)
    assert plan.characters_per_update == pytest.approx(each, abs=0.005)
    assert plan.config.validate_every == int(CHARACTERS / plan.characters_per_update)


def test_intervals_are_measured_in_characters_of_the_text(names: Corpus) -> None:
    low, _ = CHARACTERS_PER_VALIDATION
    plan = resolve(names, model(ending="length"), TrainConfig(**SMALL, epochs=10_000))
    assert plan.config.validate_every == round(low / plan.characters_per_update) == 1786


def test_windows_are_fitted_to_what_is_read(names: Corpus) -> None:
    for ending, fitted in (("eos", (20, 24)), ("length", (24, 24))):
        config = resolve(names, model(ending=ending), TrainConfig()).config
        assert (config.batch, config.window) == fitted


@pytest.mark.parametrize("given", [{}, {"scheme": "full"}, {"scheme": "unbiased"}, {"stride": 3}], ids=str)
@pytest.mark.parametrize("ending", ["eos", "length"])
def test_session_and_trainer_follow_the_plan(ending: str, given: dict[str, Any]) -> None:
    parts = corpus(text(4000))
    asked = (
        model(ending=ending),
        TrainConfig(**{**SMALL, "epochs": 1.0, "validate_every": 10**6, "patience": 0, **given}),
    )
    running = session.begin(parts, *asked, None)
    plan = running.plan
    assert running.run.config == plan.config and running.trainer.scheme is plan.scheme
    list(running)
    assert len(plan.train) / running.run.step == pytest.approx(plan.characters_per_update, rel=0.3)
    again = resolve(parts, plan.model.config, plan.config)  # as `resume` does
    assert again.config == plan.config and again.model == plan.model


def test_what_cannot_be_learnt_is_refused() -> None:
    line_ends = replace(corpus(np.zeros(40, np.uint8)), vocabulary=replace(corpus(text(9)).vocabulary, characters=()))
    with pytest.raises(InputError, match="nothing but line ends"):
        resolve(line_ends, model(), TrainConfig())
    with pytest.raises(UsageError, match="--ending length has no length to learn"):
        resolve(corpus(np.ones(40, np.uint8)), model(ending="length"), TrainConfig())


def test_what_a_head_reads_must_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "available_memory", lambda: 1000)
    with pytest.raises(CharnnError, match="as --ending length reads it"):
        resolve(corpus(text(4000)), model(ending="length"), TrainConfig())
    assert len(resolve(corpus(text(4000)), model(), TrainConfig()).batches.ids) == 3601


# sizes that suit a text


@pytest.mark.parametrize(
    ("symbols", "sequence", "options", "hidden"),
    [
        (3999, "line", {}, 64),
        (3999, "paragraph", {}, 64),
        (4000, "line", {}, 192),
        (49_999, "line", {}, 192),
        (50_000, "line", {}, 256),
        (4000, "paragraph", {}, 128),
        (29_999, "file", {}, 128),
        (30_000, "file", {}, 256),
        (3999, "line", {"cell": "gru"}, 256),
    ],
)
def test_an_lstm_is_smaller_where_a_text_is_short(
    symbols: int, sequence: str, options: dict[str, Any], hidden: int
) -> None:
    assert fitting.choose_hidden(ModelConfig(**options), symbols, sequence).hidden == hidden


def test_a_size_that_is_given_stays(tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("an\nbe\ndo\n" * 100)
    sizes = [
        api.train(short, runs=None, steps=1, workers=1, **options).run.model.config.hidden
        for options in ({}, {"hidden": 256}, {"recipe": "small"})
    ]
    assert sizes == [64, 256, 128]
