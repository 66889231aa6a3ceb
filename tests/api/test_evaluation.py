"""Evaluation from Python: what can be scored, and by which run."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.evaluation.dynamic import StreamLearner, stream_surprisal
from charnn.evaluation.overlap import GRAM

TEXT = "Anna\nBerta\n\nCarl\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")
    return path


def test_a_text_is_a_string_a_path_or_several_files(run: charnn.Run, file: Path) -> None:
    whole = charnn.evaluate(run, TEXT)
    assert whole.count == len(TEXT) and whole.bits > 0
    for what in (file, [file], [str(file)], [charnn.texts(run, file)[0]]):
        assert charnn.evaluate(run, what).nats == pytest.approx(whole.nats, rel=1e-6)
    twice = charnn.evaluate(run, [file, str(file)])
    assert (twice.count, twice.nats) == (2 * whole.count, pytest.approx(2 * whole.nats, rel=1e-6))
    with pytest.raises(charnn.UsageError, match="does not exist"):
        charnn.evaluate(run, Path("no such text"))


def test_a_corpus_is_scored_by_its_held_out_part(run: charnn.Run, file: Path) -> None:
    own = charnn.read(*run.origin.names)
    assert charnn.evaluate(run, own) == charnn.evaluate(run) == charnn.evaluate(run, None)
    assert charnn.evaluate(run).count == len(own.split(run.config.valid_share)[1])
    other = charnn.read(file)
    with pytest.raises(charnn.InputError, match="another vocabulary"):
        charnn.evaluate(run, other)


def test_a_run_is_given_by_its_name_folder_or_file(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent)
    runs.rename("checkpoints")
    try:
        expected = charnn.evaluate(charnn.load("names"), TEXT)
        for name in ("names", Path("checkpoints/names"), "checkpoints/names/best.npz"):
            assert charnn.evaluate(name, TEXT) == expected
            assert charnn.surprisal(name, TEXT).sum() == pytest.approx(expected.nats, rel=1e-6)
    finally:
        Path("checkpoints").rename(runs)
    with pytest.raises(charnn.UsageError, match="there is no model nobody"):
        charnn.evaluate("nobody", TEXT)


def test_options_are_those_of_the_config(run: charnn.Run) -> None:
    config = charnn.EvalConfig(dynamic=True, segment=4)
    found = charnn.evaluate(run, TEXT, config, dynamic_rate=0.01)
    ids = run.vocabulary.ids(TEXT)
    ((nats, _),) = stream_surprisal(StreamLearner(run.network, segment=4, rate=0.01), [ids])
    assert found.nats == pytest.approx(nats.sum(), rel=1e-6)
    assert charnn.evaluate(run, TEXT + "ß", unknown="skip") == replace(charnn.evaluate(run, TEXT), unknown=1)
    with pytest.raises(charnn.InputError, match="U\\+00DF"):
        charnn.evaluate(run, TEXT + "ß")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dynamik": True}, "there is no option dynamik; there are "),
        ({"segment": 8}, "--segment needs --dynamic: add it, or leave --segment out"),
        ({"dynamic_rate": 0}, "--dynamic-rate is 0"),
        ({"mix": "bigram"}, "--mix is 'bigram': choose one of ngram"),
        ({"dynamic": True, "burn_in": 9}, "leave --burn-in out"),
        ({"by": "line"}, "evaluate gives one score: leave --by out"),
        ({"burn_in": 9}, "scoring is as fast without --burn-in"),
    ],
)
def test_options_without_sense_are_refused(run: charnn.Run, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(charnn.UsageError, match=message):
        charnn.evaluate(run, TEXT, **changes)


def test_a_mixture_gives_its_weights_and_its_parts(run: charnn.Run) -> None:
    found = charnn.evaluate(run, mix="ngram")
    more = found.more
    assert 0 < more["weight_first_half"] < 1 and 0 < more["weight_second_half"] < 1
    assert more["network_bits_per_char"] == pytest.approx(charnn.evaluate(run).bits, rel=1e-6)
    assert found.bits < min(more["network_bits_per_char"], more["ngram_bits_per_char"])
    other = charnn.evaluate(run, TEXT, mix="ngram")
    assert other.more.keys() == {"weight", "network_bits_per_char", "ngram_bits_per_char"}
    assert found.figures.items() >= {**more, "bits_per_char": found.bits, "count": found.count}.items()


def test_novelty_is_that_of_the_text(run: charnn.Run) -> None:
    own = "".join(charnn.read(*run.origin.names).text())[:500]
    found = charnn.evaluate(run, own, novelty=True).more
    assert found == {"copied_8grams": 1.0, "longest_copied": 500}
    (overlap,) = charnn.overlaps(run, [own + "XXX"])
    assert (overlap.longest, overlap.at, len(overlap.grams)) == (500, 0, 503 - GRAM + 1)
    assert overlap.grams[: 500 - GRAM + 1].all()


def test_burning_in_is_of_runs_that_carry_their_state(run: charnn.Run) -> None:
    carried = replace(run, config=replace(run.config, state="carry"))
    exact, near = charnn.evaluate(carried), charnn.evaluate(carried, burn_in=64)
    assert near.count == exact.count and near.nats == pytest.approx(exact.nats, rel=1e-3)


# Rows


def test_lines_sum_to_the_score_and_keep_their_text(run: charnn.Run) -> None:
    rows = charnn.line_scores(run, TEXT)
    assert [(row.line, row.text, row.characters) for row in rows] == [
        (1, "Anna", 5),
        (2, "Berta", 6),
        (3, "", 1),
        (4, "Carl", 5),
    ]
    assert sum(row.bits for row in rows) == pytest.approx(charnn.evaluate(run, TEXT).nats / math.log(2), rel=1e-6)
    assert [row.bits_per_char for row in rows] == [row.bits / row.characters for row in rows]


def test_characters_have_their_places_and_their_surprisal(run: charnn.Run) -> None:
    found = charnn.character_scores(run, TEXT)
    assert "".join(row.character for row in found.rows) == TEXT
    places = [(i + 1, j + 1) for i, line in enumerate(TEXT.splitlines(keepends=True)) for j in range(len(line))]
    assert [(row.line, row.column) for row in found.rows] == places
    np.testing.assert_allclose([row.bits for row in found.rows], charnn.surprisal(run, TEXT) / math.log(2), rtol=1e-6)
    assert found.mean == pytest.approx(charnn.evaluate(run, TEXT).bits, rel=1e-6)


def test_rows_come_as_their_text_is_read(run: charnn.Run) -> None:
    """A text without an end gives its rows, one piece at a time."""
    endless = iter([run.vocabulary.ids("Anna\nBer"), run.vocabulary.ids("ta\nCarl")])
    evaluator = charnn.evaluator(run, [charnn.Text("endless", endless)], by="line")
    rows = evaluator.lines()
    assert [row.text for row in next(rows)] == ["Anna"]
    assert [row.text for row in next(rows)] == ["Berta"]
    assert [row.text for row in next(rows)] == ["Carl"]


def test_the_end_of_a_file_is_a_row_without_a_character(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("abcabcabc\n" * 20, "utf-8")
    session = charnn.train(charnn.read(tmp_path / "one.txt", sequence="file"), out=None, steps=1, hidden=4, workers=1)
    run = session.run
    rows = charnn.character_scores(run).rows
    assert rows[-1].character == "" and rows[-1].bits > 0
    assert len(rows) == charnn.evaluate(run).count


def test_of_no_text_there_is_no_score(run: charnn.Run) -> None:
    found = charnn.character_scores(run, "")
    assert math.isnan(found.mean) and "nan bits/char over 0 characters" in found.svg() and found.html()
    for call in (charnn.evaluate, charnn.line_scores, charnn.units, charnn.texts):
        with pytest.raises(charnn.UsageError, match="no text is given: name a file"):
            call(run, [])


@pytest.mark.parametrize("given", ["Anna", 5, [5], np.array([1])])
def test_overlaps_are_those_of_a_list_of_texts(run: charnn.Run, given: Any) -> None:
    with pytest.raises(charnn.UsageError, match="texts is "):
        charnn.overlaps(run, given)
