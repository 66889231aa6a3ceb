"""Gaps that are filled, texts that are proofread, and scores given both sides."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import charnn
from charnn.data.pair_batches import Padded
from charnn.data.vocabulary import EOS
from charnn.evaluation.gap_score import PIECE, GapScorer, every
from charnn.nn.pairs.gaps import GapBatch
from charnn.nn.parameters import Parameters
from charnn.nn.workspace import Workspace
from charnn.tasks.fill import Fill
from tests.helpers.pairs import fitted
from tests.helpers.program import invoke, ok, refused, table


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    options = {"steps": 120, "validate_every": 60, "window": 24, "workers": 1, "hidden": 24}
    fitted(folder, "fill", **options)
    return folder


@pytest.fixture
def model(runs: Path) -> Path:
    return runs / "fill"


@pytest.mark.quick
def test_gaps_of_lines_are_filled(model: Path) -> None:
    assert ok("fill", "-m", model, "abc_efgh", "_bcdefg") == "abcdefgh\nabcdefg\n"
    assert ok("fill", "-m", model, "--gap", "?", stdin="bcd?fgh\n\nabcdef\n") == "bcdefgh\n\nabcdef\n"


def test_what_the_model_does_not_know_stays(model: Path) -> None:
    assert charnn.fill(model, "abXd_f") == "abXdef"
    assert charnn.fill(model, ["abc_", "ab_d"]) == [*map(str, charnn.fill(model, ["abc_"])), "abcd"]


def test_a_model_of_text_fills_by_what_follows(home: Path) -> None:
    found = charnn.fill(home / "checkpoints" / "names", "An_e")
    assert found[:2] + found[3:] == "Ane" and len(found) == 4 and found[2] != "\n"
    result = invoke("fill", "-m", home / "checkpoints" / "names", "A§_", "Be_e")
    assert result.exit_code == 3 and result.stdout.splitlines()[0] == "A§_" and "line 1" in result.stderr


def test_filled_lines_as_objects(model: Path) -> None:
    found = json.loads(ok("fill", "-m", model, "abc_e", "--json"))
    assert found == {"line": 1, "text": "abc_e", "filled": "abcde"}


@pytest.mark.quick
def test_unknown_characters_cost_as_in_a_text_and_are_read_as_gaps(model: Path) -> None:
    run, text = charnn.load(model), "abcdefgh\nab§defgh\n"
    rows = table(ok("eval", "-m", model, "--by", "char", "-", stdin=text))
    assert rows[11][3] == "§"
    bits = math.log2(0x110000 - len(run.vocabulary.known))
    assert float(rows[11][0]) == pytest.approx(bits, abs=1e-4)
    ids = run.vocabulary.ids(text.replace("§", "c"))
    hidden = np.arange(len(ids)) == 11
    found = GapScorer(run.model.network, run.weights, run.reset).score(ids, hidden).nats / math.log(2)
    assert [float(row[0]) for row in rows] == pytest.approx([*found[:11], bits, *found[12:]], abs=1e-4)
    told = json.loads(ok("eval", "-m", model, "--json", "-", stdin=text))
    assert told["unknown"] == 1 and told["count"] == len(text)
    file = model.parent / "unknown.txt"
    file.write_text(text, "utf-8")
    assert "§" in refused(3, "eval", "-m", model, file)
    assert json.loads(ok("eval", "-m", model, "--json", "--unknown", "cost", file)) == told


@pytest.mark.quick
def test_unknown_characters_that_are_skipped_stay_in_rows_and_are_not_read(model: Path) -> None:
    skip = ("eval", "-m", model, "--unknown", "skip", "--by")
    lines = [row.split("\t") for row in ok(*skip, "line", "-", stdin="ab§cdefgh\n§§\nabcdefgh\n").splitlines()]
    known = [row.split("\t") for row in ok(*skip, "line", "-", stdin="abcdefgh\n\nabcdefgh\n").splitlines()]
    assert [row[3] for row in lines] == ["ab§cdefgh", "§§", "abcdefgh"]
    assert [row[:3] for row in lines] == [row[:3] for row in known]
    both = [ok(*skip, "char", "-", stdin=text) for text in ("ab§cd\n", "abcd\n")]
    assert both[0] == both[1]


def test_rows_of_several_texts_name_their_files(model: Path, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("abcd\n", "utf-8")
    for by in ("line", "char"):
        rows = ok("eval", "-m", model, "--by", by, tmp_path / "a", tmp_path / "b").splitlines()
        assert {row.split("\t")[4] for row in rows} == {str(tmp_path / "a"), str(tmp_path / "b")}


@pytest.mark.quick
def test_a_wrong_character_is_found_with_its_place(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("abcdefgh\nabcdafgh\nab§defgh\n", "utf-8")
    rows = table(ok("proof", "-m", model, path, "--gain", 3))
    assert [row[:4] for row in rows] == [["2", "5", "a", "e"], ["3", "3", "§", "c"]]
    assert float(rows[0][4]) > 3 and rows[1][4] == "inf"
    assert ok("proof", "-m", model, path, path, "--gain", 3).splitlines()[0].split("\t")[0] == str(path)


@pytest.mark.quick
def test_scores_are_given_both_sides_and_say_so(model: Path) -> None:
    figures = json.loads(ok("eval", "-m", model, "--json"))
    assert figures["bits_per_char_given_both_sides"] < 1.2 and figures["filled"] > 0.9
    assert "bits_per_char" not in figures
    text = "abcdefgh\nbcdefgha\n"
    rows = table(ok("eval", "-", "-m", model, "--by", "char", stdin=text))
    lines = table(ok("eval", "-", "-m", model, "--by", "line", stdin=text))
    assert len(rows) == len(text) and [row[3] for row in lines] == text.split()
    total = sum(float(row[0]) for row in rows)
    assert total == pytest.approx(sum(float(row[1]) for row in lines), abs=0.02)
    assert total == pytest.approx(charnn.evaluate(model, text).score.bits * len(text), abs=0.01)


@pytest.mark.quick
@pytest.mark.parametrize("options", [("--dynamic",), ("--by", "label"), ("--beam", 3), ("--burn-in", 9)])
def test_what_has_no_effect_given_both_sides_is_refused(model: Path, options: tuple[object, ...]) -> None:
    refused(2, "eval", "-", "-m", model, *options, stdin="abc\n")


def test_a_gap_is_one_character(model: Path) -> None:
    assert "--gap" in refused(2, "fill", "-m", model, "--gap", "", "abc")


def test_no_score_depends_on_the_symbol_it_is_of(model: Path) -> None:
    run = charnn.load(model)
    ids = run.vocabulary.ids("abcdefgh\nbcdefgh\n" * 40)
    whole = GapScorer(run.model.network, run.weights, run.reset).score(ids)
    for place in (0, 5, PIECE - 1, PIECE, len(ids) - 1):
        other = ids.copy()
        other[place] = 3
        found = GapScorer(run.model.network, run.weights, run.reset).score(other)
        assert found.likeliest[place] == whole.likeliest[place]
        np.testing.assert_allclose(found.least[place], whole.least[place], rtol=1e-5)


def test_pieces_are_put_together_in_order_by_any_number_of_workers(model: Path) -> None:
    run = charnn.load(model)
    ids = run.vocabulary.ids("abcdefgh\nbcdefgh\n" * 400)
    one, two = (GapScorer(run.model.network, run.weights, run.reset, n).score(ids) for n in (1, 2))
    assert len(one.nats) == len(ids)
    np.testing.assert_array_equal(one.nats, two.nats)
    period = 17 * PIECE  # after so many symbols text and pieces repeat
    assert period < len(ids)
    np.testing.assert_allclose(one.nats[PIECE : 2 * PIECE], one.nats[PIECE + period : 2 * PIECE + period], rtol=1e-4)


def test_no_end_of_a_sequence_is_hidden() -> None:
    ids = np.arange(100) % 4
    hidden = every(ids)
    assert 5 <= hidden.sum() <= 10 and not hidden[ids == EOS].any()


def test_units_are_those_of_both_directions(model: Path) -> None:
    run, text = charnn.load(model), "abcdef"
    found = charnn.units(run, text).activations
    x, both = run.vocabulary.ids(text)[:, None], run.model.network.both
    zero = tuple(np.zeros((1, n), np.float32) for n in both.state_sizes)
    h = both.forward(run.weights.at("both"), (x,), zero, Workspace(back=False))[0]
    np.testing.assert_allclose(np.concatenate([*found.values()], axis=1), np.concatenate(h, axis=2)[:, 0], atol=1e-6)
    refused(2, "inspect", "units", "-", "-m", model, "--gates", stdin=text)


def test_gradients_reach_to_both_sides_of_a_symbol(model: Path) -> None:
    run, text = charnn.load(model), "abcdefg"
    norms = charnn.gradients(run, text, lags=2).norms
    assert [(norm.layer, norm.lag) for norm in norms] == [(layer, lag) for layer in (0, 1) for lag in range(3)]
    p = Parameters(run.model.shapes(), np.float64)
    for name, weight in run.weights.items():
        p[name] = weight
    g, ids = p.like(), run.vocabulary.ids(text)[:, None]
    batch = GapBatch(Padded(ids, ids >= 0), Padded(ids, np.arange(7)[:, None] == 3))
    run.model.network.gradient(p, g, batch, Workspace(), None)
    for layer, (way, seen) in enumerate((("forwards", ids[2::-1, 0]), ("backwards", ids[4:, 0]))):
        expected = np.linalg.norm(g[f"both/{way}/0/U"][seen], axis=1)
        np.testing.assert_allclose([norm.rms for norm in norms if norm.layer == layer], expected, rtol=1e-9)
    assert "more than 7 characters" in refused(3, "inspect", "gradients", "-", "-m", model, "--lags", 3, stdin=text)


def test_ngrams_from_both_sides_help_to_fill_to_score_and_to_proofread(model: Path, tmp_path: Path) -> None:
    alone, both = (json.loads(ok("eval", "-m", model, "--json", *mix)) for mix in ([], ["--mix", "ngram"]))
    assert both["filled"] > 0.9
    assert both["bits_per_char_given_both_sides"] < alone["bits_per_char_given_both_sides"]
    assert ok("fill", "-m", model, "--mix", "ngram", "abc_efgh", "ab__efgh") == "abcdefgh\n" * 2
    path = tmp_path / "letter.txt"
    path.write_text("abcdefgh\nabcdafgh\nab§defgh\n", "utf-8")
    rows = table(ok("proof", "-m", model, path, "--gain", 3, "--mix", "ngram"))
    assert [row[:4] for row in rows] == [["2", "5", "a", "e"], ["3", "3", "§", "c"]]


def test_a_score_with_ngrams_is_that_of_the_mixture_whatever_the_pieces(model: Path) -> None:
    run = charnn.load(model)
    task = Fill(run.task)
    ids = run.vocabulary.ids("abcdefgh\nbcdefgh\n" * 20)
    hidden = every(ids)
    places, x = np.flatnonzero(hidden), np.where(hidden, run.vocabulary.size, ids)
    mixture = task.mixture(run)
    found = task.scorer(run, 1, mixture).score(ids, hidden, hidden)
    logp = mixture.log_probabilities(task.scorer(run).log_probabilities(x, places), x, places)
    np.testing.assert_array_equal(found.likeliest[places], logp.argmax(axis=1))
    np.testing.assert_allclose(found.nats[places], -logp[np.arange(len(places)), ids[places]], rtol=1e-9)


def test_each_half_of_the_held_out_part_is_mixed_as_the_other_one_says(model: Path) -> None:
    run = charnn.load(model)
    task = Fill(run.task)
    whole, halves = task.mixture(run), task.mixture(run, held_out=True)
    assert whole.middle == 0 < halves.middle and whole.mixings[0] == whole.mixings[1]
    evaluator = charnn.evaluator(model, mix="ngram")
    assert evaluator.mixture.middle == halves.middle and "each half" in str(evaluator.mixture)


def test_ngrams_of_a_text_that_is_gone_and_of_a_model_of_text_are_refused(runs: Path, home: Path) -> None:
    (runs / "fill.tsv").rename(runs / "away.tsv")
    try:
        assert "n-grams are counted on the training text" in refused(
            2, "fill", "-m", runs / "fill", "--mix", "ngram", "a_"
        )
    finally:
        (runs / "away.tsv").rename(runs / "fill.tsv")
    assert "--mix has no effect" in refused(2, "fill", "-m", home / "checkpoints" / "names", "--mix", "ngram", "a_")


def test_ngrams_are_counted_once_for_all_files(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, mixture = [], Fill.mixture
    monkeypatch.setattr(Fill, "mixture", lambda *args, **options: counted.append(1) or mixture(*args, **options))
    path = tmp_path / "letter.txt"
    path.write_text("abcdafgh\n", "utf-8")
    rows = table(ok("proof", "-m", model, path, path, "--gain", 3, "--mix", "ngram"))
    assert len(rows) == 2 and len(counted) == 1


def test_ngrams_that_memory_has_no_room_for_are_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charnn.evaluation.mixture.available_memory", lambda: 1000)
    with pytest.raises(charnn.CharnnError, match="do without --mix"):
        charnn.fill(model, "a_c", mix="ngram")
