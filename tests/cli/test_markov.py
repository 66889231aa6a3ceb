"""charnn inspect markov: what a network is worth beside models of a bounded past."""

import json
from pathlib import Path

import pytest

import charnn
from charnn.data.corpus import Corpus
from charnn.evaluation.ngram import baselines
from tests.helpers.program import TINY, ok, refused, table


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("anna\nbob\ncarla\ndora\n" * 60, "utf-8")
    ok("train", "names.txt", *TINY)


def test_a_row_for_each_order_for_the_hmm_and_for_the_network() -> None:
    head, *rows = table(ok("inspect", "markov", "--orders", "3", "--states", "4"))
    assert head == ["model", "bits"]
    assert [row[0] for row in rows] == ["markov 0", "markov 1", "markov 2", "markov 3", "hmm 4", "network"]
    corpus, run = charnn.read("names.txt"), charnn.load()
    assert isinstance(corpus, Corpus)
    train, valid = corpus.split(run.config.valid_share)
    counted = baselines(train, valid, run.vocabulary.size, orders=[4])
    assert [row[1] for row in rows[:2]] == [f"{counted.unigram:.4f}", f"{counted.bigram:.4f}"]
    assert rows[3][1] == f"{counted.ngram:.4f}" and rows[-1][1] == f"{charnn.evaluate(run).bits:.4f}"
    assert float(rows[1][1]) < float(rows[4][1]) < float(rows[0][1])  # four states, and a bigram has eight


def test_json_and_no_hmm() -> None:
    lines = ok("inspect", "markov", "--orders", "0", "--states", "0", "--json").splitlines()
    assert [json.loads(line)["model"] for line in lines] == ["markov 0", "network"]
    assert [one.model for one in charnn.markov(orders=1, states=2, rounds=1)][2] == "hmm 2"


def test_a_corpus_that_is_gone_and_lengths_are_refused() -> None:
    Path("names.txt").rename("gone.txt")
    refused(2, "inspect", "markov")
    ok("train", "gone.txt", *TINY, "--ending", "length", "--name", "length")
    assert "--ending" in refused(2, "inspect", "markov", "-m", "length")
    assert "leave out --mix" in refused(2, "eval", "-m", "length", "--mix", "ngram")
    assert "--mix" not in refused(2, "next", "-m", "length", "an")
