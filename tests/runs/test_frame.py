"""What the header of a checkpoint may say, at its bounds."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from charnn.config import TEXT, TaskConfig
from charnn.runs import frame
from charnn.runs.run import CorpusInfo, Run

RECORD = {"step": 1.0, "epoch": 0.5, "train": 2.0, "valid": 2.0}
BASELINES = {"uniform": 5.0, "unigram": 4.0, "bigram": 3.0, "ngram": 2.0, "order": 3.0, "counted": 9.0}
PAIRS = TaskConfig("translate")


def figures(count: int) -> dict[str, float]:
    return {f"figure {number}": 1.0 for number in range(count)}


def text(**more: Any) -> dict[str, Any]:
    """What a header says of a text."""
    return {**asdict(CorpusInfo((), "0" * 64, 16, "error", BASELINES)), "names": ["a.txt"], **more}


def test_a_validation_has_eight_figures_more_at_most() -> None:
    assert frame._is_record(RECORD) and frame._is_record({**RECORD, **figures(8)})
    assert not frame._is_record({**RECORD, **figures(9)})
    for name in RECORD:
        assert not frame._is_record({key: value for key, value in RECORD.items() if key != name})
        for value in (-1e-9, 2.0**63):
            assert not frame._is_record({**RECORD, name: value})


def test_counts_and_losses_are_from_zero_to_an_int64() -> None:
    assert frame.plausible(0) and frame.plausible(2**63 - 1)
    assert not frame.plausible(-1) and not frame.plausible(2**63) and not frame.plausible(float("nan"))


def test_a_corpus_of_pairs_has_eight_figures_at_most() -> None:
    for count, good in ((0, True), (8, True), (9, False)):
        value = text(symbols=1, baselines=figures(count))
        if good:
            assert frame.read_origin(value, PAIRS).baselines == figures(count)
        else:
            with pytest.raises(ValueError, match="baselines that are none"):
                frame.read_origin(value, PAIRS)


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"symbols": 15}, False),
        ({"baselines": {**BASELINES, "order": 1.0}}, True),
        ({"baselines": {**BASELINES, "order": 0.0}}, False),
        ({"baselines": {**BASELINES, "order": 64.0}}, True),
        ({"baselines": {**BASELINES, "order": 65.0}}, False),
        ({"baselines": {**BASELINES, "counted": 16.0}}, True),
        ({"baselines": {**BASELINES, "counted": 17.0}}, False),
        ({"baselines": {**BASELINES, "ngram": -1.0}}, False),
        ({"baselines": {**BASELINES, "more": 1.0}}, False),
        ({"names": []}, False),
        ({"names": [""]}, False),
        ({"names": ["a", "b"]}, True),
        ({"sha256": "0" * 63}, False),
        ({"sha256": "G" * 64}, False),
        ({"invalid": "keep"}, True),
        ({"invalid": "skip"}, False),
    ],
)
def test_a_text_is_one_with_all_that_counting_makes_of_it(change: dict[str, Any], good: bool) -> None:
    value = text(**change)
    if good:
        found = frame.read_origin(value, TEXT)
        assert asdict(found) == {**value, "names": tuple(value["names"])}
    else:
        with pytest.raises(ValueError, match="none"):
            frame.read_origin(value, TEXT)


def test_a_corpus_that_nobody_knows_is_taken_as_it_is() -> None:
    unknown = {**asdict(frame.NO_CORPUS), "names": ["-"], "baselines": {"uniform": 5.0}}
    assert frame.read_origin(unknown, TEXT).symbols == 0
    for change in ({"symbols": 1}, {"names": ["a"]}, {"baselines": {}}, {"baselines": {"unigram": 5.0}}):
        with pytest.raises(ValueError, match="none"):
            frame.read_origin({**unknown, **change}, TEXT)


@pytest.mark.parametrize(
    ("options", "delayed"),
    [
        ({"delay": 2, "recurrent_depth": 2}, True),
        ({"delay": 1, "recurrent_depth": 2}, False),
        ({"delay": 2, "recurrent_depth": 1}, False),
        ({"delay": None, "recurrent_depth": None}, False),
    ],
)
def test_older_files_say_not_where_a_delay_leads(options: dict[str, Any], delayed: bool) -> None:
    assert frame.model_options(options).get("delay_to") == ("first" if delayed else None)
    assert frame.model_options({**options, "delay_to": "last"})["delay_to"] == "last"


def test_arrays_are_those_of_the_run(run: Run) -> None:
    more = {"resumable": True, "rest": {}}
    made = frame.Frame(run.task, run.model, run.config, run.vocabulary, run.origin, **more)  # type: ignore[arg-type]
    weights = {f"weights/{name}": shape for name, shape in run.model.shapes().items()}
    assert replace(made, resumable=False).expected == weights
    kinds = {name.partition("/")[0] for name in made.expected}
    assert kinds == {"weights", "moments", "state"}
    assert made.expected["state/0"] == (run.config.batch, run.model.state_sizes[0])
    averaged = replace(made, config=replace(run.config, average=0.5)).expected
    assert {name.partition("/")[0] for name in averaged} == kinds | {"iterate"}
