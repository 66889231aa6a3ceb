"""What `import charnn` gives does what its docstrings say, on a corpus of the repository and a tiny network."""

import bz2
import gzip
import json
import lzma
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.io.lazy import LazyArray
from charnn.io.text import Source
from tests.helpers.snapshots import raises

NAMES = Path(__file__).parents[1] / "corpora" / "names.txt"
TINY: dict[str, Any] = {
    "cell": "elman",
    "hidden": 24,
    "layers": 1,
    "activation": "tanh",
    "skip": False,
    "dropout": 0.0,
    "batch": 16,
    "window": 16,
    "optimizer": "adam",
    "rate": 0.02,
    "clip": 1.0,
    "schedule": "cosine",
    "warmup": 0.0,
    "final_rate": 0.1,
    "steps": 250,
    "patience": 0,
    "validate_every": 125,
    "valid_share": 0.1,
    "state": "auto",
    "seed": 0,
    "workers": 1,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the run below is kept in."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def session(root: Path) -> charnn.Session:
    """A network that was trained a little."""
    running = charnn.train(NAMES, out=root, **TINY)
    for _ in running:
        pass
    return running


@pytest.fixture(scope="module")
def run(session: Any) -> charnn.Run:
    return session.run  # type: ignore[no-any-return]


def in_python(code: str, **given: Any) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_charnn_imports_no_numpy() -> None:
    code = "import sys, charnn; print(charnn.__version__, *(name for name in sys.modules if name == 'numpy'))"
    assert in_python(code) == f"{charnn.__version__}\n"
    assert in_python("import sys, charnn; charnn.read; print('numpy' in sys.modules)") == "True\n"
    assert in_python("import sys; from charnn import *; print(read.__name__, 'rich' in sys.modules)") == "read False\n"


def test_every_name_that_is_promised_is_there() -> None:
    assert sorted(charnn.__all__) == charnn.__all__ == dir(charnn)
    for name in charnn.__all__:
        assert getattr(charnn, name).__name__ == name
        assert getattr(charnn, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        charnn.nothing  # noqa: B018


# read, tokenize


def test_read_gives_the_text_as_ids() -> None:
    corpus = charnn.read(NAMES)
    text = NAMES.read_text("utf-8")
    assert "".join(corpus.text()) == text
    assert corpus.vocabulary.sequence == "line" and corpus.name == "names"
    assert corpus.sequences == text.count("\n")
    assert corpus.vocabulary.size == len(set(text))  # the line end is EOS
    assert charnn.read(str(NAMES), sequence="file").vocabulary.sequence == "file"


def test_read_takes_several_files_compressed_ones_and_sources(tmp_path: Path) -> None:
    data = b"one\ntwo\nthree\nfour\n"
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "a.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.bz2").write_bytes(bz2.compress(data))
    (tmp_path / "a.xz").write_bytes(lzma.compress(data))
    for ending in ("txt", "gz", "bz2", "xz"):
        assert "".join(charnn.read(tmp_path / f"a.{ending}").text()).encode() == data
    both = charnn.read(tmp_path / "a.txt", Source("b", lambda: gzip.open(tmp_path / "a.gz")))
    assert "".join(both.text()).encode() == data * 2


def test_read_watches_every_pass() -> None:
    seen: list[bytes] = []

    def watch(pieces: Any) -> Iterator[bytes]:
        for piece in pieces:
            seen.append(piece)
            yield piece

    charnn.read(NAMES, watch=watch)
    assert b"".join(seen) == NAMES.read_bytes() * 2


def test_read_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with raises(charnn.UsageError, "nothing.txt"):
        charnn.read(tmp_path / "nothing.txt")
    (tmp_path / "short.txt").write_bytes(b"short")
    with pytest.raises(charnn.InputError, match="too short"):
        charnn.read(tmp_path / "short.txt")
    (tmp_path / "bad.npz").write_bytes(b"PK\3\4 and so on")
    with pytest.raises(charnn.CheckpointError):
        charnn.read(tmp_path / "bad.npz")
    with pytest.raises(charnn.UsageError, match="stands alone"):
        charnn.read(NAMES, tmp_path / "bad.npz")


def test_tokenize_writes_a_file_that_reads_as_the_same_corpus(tmp_path: Path) -> None:
    there = charnn.tokenize(tmp_path / "names.npz", NAMES)
    here = charnn.read(NAMES)
    again = charnn.read(tmp_path / "names.npz")
    for corpus in (there, again):
        np.testing.assert_array_equal(corpus.ids, here.ids)
        assert isinstance(corpus.ids, LazyArray)
        assert (corpus.vocabulary, corpus.sha256, corpus.silent) == (here.vocabulary, here.sha256, here.silent)
    paragraphs = charnn.tokenize(tmp_path / "p.npz", NAMES, NAMES, sequence="paragraph")
    assert paragraphs.vocabulary.sequence == "paragraph"
    assert "".join(paragraphs.text()) == NAMES.read_text("utf-8") * 2


# train, load


def test_train_is_a_session_to_iterate_over(session: Any, run: charnn.Run, root: Path) -> None:
    assert (run.step, len(run.history)) == (250, 2)
    assert run.model.config == charnn.ModelConfig("elman", 24, 1, "tanh", skip=False, dropout=0.0)
    assert (run.config.batch, run.config.rate, run.config.steps) == (16, 0.02, 250)
    assert session.folder.path == root / "names"
    assert run.history[-1]["valid"] < run.origin.baselines["unigram"] - 0.5
    assert len((root / "names" / "log.jsonl").read_bytes().splitlines()) == 2


def test_train_yields_updates_and_validations_and_takes_a_corpus_or_a_path() -> None:
    kinds = []
    for source in (charnn.read(NAMES), NAMES, str(NAMES)):
        session = charnn.train(source, out=None, **{**TINY, "steps": 3, "validate_every": 2})
        kinds.append([type(event) for event in session])
        assert session.folder is None
    assert kinds == [[charnn.Update, charnn.Update, charnn.Validation, charnn.Update, charnn.Validation]] * 3


def test_train_has_defaults_for_everything() -> None:
    session = charnn.train(NAMES, out=None, hidden=4)
    assert session.run.config.epochs and session.run.config.minutes
    assert isinstance(next(iter(session)), charnn.Update)


def test_train_keeps_runs_by_name_in_new_folders(tmp_path: Path) -> None:
    for expected in ("small", "small-2"):
        session = charnn.train(NAMES, out=tmp_path, name="small", **{**TINY, "steps": 1})
        list(session)
        assert session.folder and session.folder.path == tmp_path / expected
        assert charnn.load(expected, root=tmp_path).step == 1


def test_train_refuses_options_that_there_are_not_and_values_out_of_bounds() -> None:
    with pytest.raises(charnn.UsageError, match="no option epoch; there are activation"):
        charnn.train(NAMES, out=None, epoch=3)
    with raises(charnn.UsageError, "hidden is 0"):
        charnn.train(NAMES, out=None, hidden=0)
    with raises(charnn.UsageError, "adam"):
        charnn.train(NAMES, out=None, optimizer="magic")


def test_the_same_seed_trains_the_same_network_and_another_another() -> None:
    def weights(seed: int) -> np.ndarray:
        session = charnn.train(NAMES, out=None, **{**TINY, "steps": 5, "seed": seed, "dropout": 0.2})
        list(session)
        return session.run.weights.flat

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_load_finds_a_run_by_name_folder_file_or_as_the_newest(run: charnn.Run, root: Path) -> None:
    folder = root / "names"
    ways = (
        charnn.load("names", root=root),
        charnn.load(folder),
        charnn.load(folder / "best.npz"),
        charnn.load(str(folder)),
        charnn.load(root=root),
    )
    for loaded in ways:
        np.testing.assert_array_equal(loaded.weights.flat, run.weights.flat)
        assert (loaded.model, loaded.config, loaded.vocabulary) == (run.model, run.config, run.vocabulary)
        assert (loaded.step, loaded.history, loaded.origin) == (run.step, run.history, run.origin)
    assert not ways[0].moments and charnn.load(folder / "last.npz").moments
    with raises(charnn.UsageError, "nothing"):
        charnn.load("nothing", root=root)


# generate, stream


def test_generate_gives_so_many_lines_that_are_like_names(run: charnn.Run) -> None:
    names = charnn.generate(run, 200, seed=0)
    assert len(names) == 200 and len(set(names)) > 100
    known = set(NAMES.read_text("utf-8"))
    assert all("\n" not in name and set(name) <= known for name in names)
    assert np.mean([name[:1].isupper() and name[1:].islower() for name in names]) > 0.8
    assert charnn.generate(run, 3, seed=7) == charnn.generate(run, 3, seed=7) != charnn.generate(run, 3, seed=8)
    assert len(charnn.generate(run)) == 1 and charnn.generate(run, 0) == []


def test_generate_puts_the_prime_before_each(run: charnn.Run) -> None:
    names = charnn.generate(run, 20, "Mar", seed=0)
    assert all(name.startswith("Mar") for name in names) and len(set(names)) > 5
    assert charnn.generate(run, 2, "Mar", length=0) == ["Mar", "Mar"]
    (cold,) = set(charnn.generate(run, 5, "Mar", temp=0))
    assert cold.startswith("Mar")
    with raises(charnn.InputError, "prime", "U+00DF at 1:2"):
        charnn.generate(run, 1, "Mß")
    with raises(charnn.UsageError, "temprature"):
        charnn.generate(run, temprature=1)


def test_stream_gives_the_characters_of_one_sample(run: charnn.Run) -> None:
    for seed in range(5):
        pieces = list(charnn.stream(run, "An", seed=seed))
        assert all(len(piece) == 1 for piece in pieces)
        assert ["An" + "".join(pieces)] == charnn.generate(run, 1, "An", seed=seed)


def test_stream_goes_on_past_the_end_where_asked(run: charnn.Run) -> None:
    text = "".join(charnn.stream(run, past_end=True, length=300, seed=0))
    assert len(text) == 300 and text.count("\n") > 10
    assert "".join(charnn.stream(run, length=300, seed=0)) == text.split("\n")[0]


def test_a_run_that_forgets_at_the_end_of_lines_forgets_there_too_when_it_writes(run: charnn.Run) -> None:
    """Else it goes on from a state that training never saw. Greedily, every line is then the same."""
    assert run.reset
    (line,) = charnn.generate(run, temp=0)
    assert 2 < len(line) < 20
    assert charnn.generate(run, 1, "Mary\n", temp=0) == [f"Mary\n{line}"]
    assert charnn.generate(run, 9, "Mary\n", seed=1) == [f"Mary\n{name}" for name in charnn.generate(run, 9, seed=1)]
    assert "".join(charnn.stream(run, past_end=True, temp=0, length=99)) == (f"{line}\n" * 99)[:99]
    text = "".join(charnn.stream(run, past_end=True, length=3000, seed=0))
    assert np.mean([len(name) for name in text.split("\n")]) > 4


# evaluate, surprisal


def test_evaluate_scores_a_text_a_corpus_or_the_held_out_part(run: charnn.Run) -> None:
    corpus = charnn.read(NAMES)
    own = charnn.evaluate(run)
    held_out = corpus.split(run.config.valid_share)[1]
    assert own == charnn.evaluate(run, corpus)
    assert own.count == len(held_out)
    assert own.bits == pytest.approx(run.history[-1]["valid"], rel=1e-6)
    assert own == charnn.evaluate(run, corpus.vocabulary.decode(held_out))
    assert own.bits < charnn.evaluate(run, corpus.vocabulary.decode(held_out[::-1])).bits - 0.5
    assert math.isnan(charnn.evaluate(run, "").mean)
    with pytest.raises(charnn.InputError, match="characters that the model does not know"):
        charnn.evaluate(run, "Zoë")


def test_workers_change_nothing_but_the_time(run: charnn.Run) -> None:
    assert charnn.generate(run, 100, seed=3, workers=2) == charnn.generate(run, 100, seed=3)
    assert [*charnn.stream(run, seed=3, workers=2)] == [*charnn.stream(run, seed=3)]
    lines = "Mara\nAno\n" * 4000
    assert charnn.evaluate(run, lines, workers=2).nats == pytest.approx(charnn.evaluate(run, lines).nats, rel=1e-6)


def test_evaluate_wants_the_corpus_that_the_run_was_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(NAMES.read_bytes())
    session = charnn.train(path, out=None, **{**TINY, "steps": 1})
    assert charnn.evaluate(session.run).count > 1000
    path.write_bytes(NAMES.read_bytes() + b"Eve\n")
    with pytest.raises(charnn.InputError, match="the one that the model was trained on"):
        charnn.evaluate(session.run)
    path.unlink()
    with pytest.raises(charnn.UsageError, match="the corpus of this model is not at"):
        charnn.evaluate(session.run)


def test_surprisal_is_the_score_symbol_by_symbol(run: charnn.Run) -> None:
    text = "Mary\nXqzw\n"
    nats = charnn.surprisal(run, text)
    assert nats.shape == (10,) and (nats > 0).all()
    score = charnn.evaluate(run, text)
    assert nats.sum() == pytest.approx(score.nats) and score.count == 10
    assert nats[5:].sum() > nats[:5].sum() + 5
    np.testing.assert_allclose(charnn.surprisal(run, "Mary\n"), nats[:5], rtol=1e-5)
    assert charnn.surprisal(run, "").shape == (0,)


def test_samples_are_as_likely_as_their_surprisal_says(run: charnn.Run) -> None:
    """A loop closed: how often a name is drawn is what evaluation says of it."""
    names = charnn.generate(run, 4000, seed=1, temp=1.0)
    common = max(set(names), key=names.count)
    expected = 4000 * math.exp(-charnn.surprisal(run, common + "\n").sum())
    assert abs(names.count(common) - expected) < 5 * math.sqrt(expected) + 1


def test_a_run_trained_on_a_tokenised_file_is_the_same(tmp_path: Path) -> None:
    charnn.tokenize(tmp_path / "names.npz", NAMES)
    runs = []
    for source in (NAMES, tmp_path / "names.npz"):
        session = charnn.train(source, out=None, **{**TINY, "steps": 5})
        list(session)
        runs.append(session.run)
    np.testing.assert_array_equal(runs[0].weights.flat, runs[1].weights.flat)
    assert charnn.evaluate(runs[0]) == charnn.evaluate(runs[1])


def test_every_error_is_of_one_family_and_has_an_exit_code_of_its_own_kind() -> None:
    kinds = (charnn.UsageError, charnn.InputError, charnn.CheckpointError, charnn.DivergenceError)
    assert all(issubclass(kind, charnn.CharnnError) for kind in kinds)
    assert [kind.exit_code for kind in (charnn.CharnnError, *kinds)] == [1, 2, 3, 3, 4]


def test_the_log_tells_of_every_validation(session: Any, run: charnn.Run) -> None:
    records = [json.loads(line) for line in session.folder.log.read_bytes().splitlines()]
    assert [{name: record[name] for name in run.history[0]} for record in records] == run.history
