"""Sampling, the next character and adapting, from Python."""

import math
from pathlib import Path

import numpy as np
import pytest

import charnn


def test_the_next_characters_are_what_surprisal_says(run: charnn.Run) -> None:
    found = charnn.next_characters(run, "Ann")
    assert sum(found.values()) == pytest.approx(1) and list(found.values()) == sorted(found.values(), reverse=True)
    for character, p in found.items():
        nats = charnn.surprisal(run, "Ann" + (character or "\n"))[-1]
        assert -math.log(p) == pytest.approx(nats, rel=1e-4)


def test_the_next_characters_are_drawn_as_often_as_they_are_likely(run: charnn.Run) -> None:
    expected = charnn.next_characters(run, "Ma", temp=0.7, top_k=5)
    assert len(expected) == 5
    drawn = [text[2:3] for text in charnn.generate(run, 4000, "Ma", seed=1, temp=0.7, top_k=5, length=1)]
    assert set(drawn) <= set(expected)
    for character, p in expected.items():
        assert abs(drawn.count(character) - 4000 * p) < 5 * math.sqrt(4000 * p) + 1
    (one,) = charnn.next_characters(run, "Ma", temp=0).items()
    assert one == (next(iter(expected)), 1.0)


def test_the_next_character_of_a_model_of_lengths_is_refused() -> None:
    names = Path(__file__).parents[2] / "corpora" / "names.txt"
    run = charnn.train(names, out=None, steps=1, hidden=4, ending="length", workers=1).run
    with pytest.raises(charnn.UsageError, match="--ending length"):
        charnn.next_characters(run, "A")


def test_samples_tell_whether_they_ended_and_what_is_new(run: charnn.Run) -> None:
    found = list(charnn.samples(run, count=40, seed=3, length=6, novelty=True))
    known = Path(run.origin.names[0]).read_text("utf-8").splitlines()
    assert [one.text for one in found] == charnn.generate(run, 40, seed=3, length=6)
    assert {len(one.text) for one in found if not one.ended} == {6}
    for one in found:
        assert one.novelty is not None
        whole = one.text in known if one.ended else any(name.startswith(one.text) for name in known)
        assert (one.novelty.found != "new") == whole
        assert one.novelty.overlap.longest <= len(one.text)
    assert all(one.novelty is None for one in charnn.samples(run, count=2, seed=3))


def test_a_text_to_stop_at_is_left_out(run: charnn.Run) -> None:
    whole = charnn.generate(run, 50, seed=5)
    cut = list(charnn.samples(run, count=50, seed=5, stop="an"))
    for text, one in zip(whole, cut, strict=True):
        assert one.text == text.split("an")[0] and one.ended == ("an" not in text)
    streamed = "".join(charnn.stream(run, seed=5, past_end=True, length=500, stop="\n\n"))
    assert "\n\n" not in streamed


def test_one_sample_past_the_end_is_one_text(run: charnn.Run) -> None:
    (one,) = charnn.samples(run, "An", past_end=True, length=50, seed=0)
    assert one.text == "An" + "".join(charnn.stream(run, "An", past_end=True, length=50, seed=0)) and not one.ended
    with pytest.raises(charnn.UsageError, match="--past-end writes one long sample"):
        charnn.generate(run, 2, past_end=True)


def test_unknown_characters_of_a_prime_are_left_out_where_that_is_asked(run: charnn.Run) -> None:
    sampler = charnn.sampler(run, "Aßn", unknown="skip", temp=0)
    assert sampler.prime == "An"
    assert charnn.generate(run, 1, "Aßn", unknown="skip", temp=0) == charnn.generate(run, 1, "An", temp=0)


def test_adapting_gives_a_copy_that_has_learnt(run: charnn.Run) -> None:
    before, text = run.weights.flat.copy(), "Xenia\nXaver\n" * 30
    found = charnn.adapt(run, text, rate=0.005)
    np.testing.assert_array_equal(run.weights.flat, before)
    assert not np.array_equal(found.run.weights.flat, before)
    assert found.symbols == len(text)
    assert found.before == pytest.approx(charnn.evaluate(run, text).bits, rel=1e-5)
    dynamic = charnn.evaluate(run, text, dynamic=True, dynamic_rate=0.005).bits
    assert found.learning == pytest.approx(dynamic, rel=1e-5)
    assert charnn.evaluate(found.run, text).bits < dynamic < found.before
    assert "adapted to the text, 360 symbols" in str(found)
    with pytest.raises(charnn.InputError, match="nothing to adapt to"):
        charnn.adapt(run, "")
    with pytest.raises(charnn.UsageError, match="--adapt-rate is 2"):
        charnn.adapt(run, text, rate=2)


def test_an_adapted_run_can_be_kept_and_not_resumed(run: charnn.Run, tmp_path: Path) -> None:
    adapted = charnn.adapt(run, "Xenia\nXaver\n" * 30).run
    path = charnn.save(adapted, "mine", tmp_path)
    again = charnn.load("mine", tmp_path)
    assert path == tmp_path / "mine" and not again.moments
    np.testing.assert_array_equal(again.weights.flat, adapted.weights.flat)


def test_a_run_that_was_never_trained_warns() -> None:
    names = Path(__file__).parents[2] / "corpora" / "names.txt"
    session = charnn.train(names, runs=None, steps=1, hidden=4, workers=1)
    with pytest.warns(charnn.CharnnWarning, match="never trained"):
        charnn.generate(session.run)
    for _ in session:
        pass
    charnn.generate(session.run)
