"""The corpus of a run, found again byte for byte, or not taken for it."""

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from charnn.data import tokenized
from charnn.data.read import read
from charnn.errors import InputError, UsageError
from charnn.io.text import PIECE, Source, file_source
from charnn.runs import corpus
from charnn.runs.run import Run
from tests.helpers.snapshots import raises

from .conftest import TEXT


@pytest.fixture
def moved(run: Run, tmp_path: Path) -> Run:
    """The run with its file, and its corpus gone."""
    (tmp_path / "runs/names").mkdir(parents=True)
    origin = replace(run.origin, names=("/gone/texts/names.txt",))
    return replace(run, origin=origin, path=tmp_path / "runs/names/last.npz")


@pytest.mark.parametrize("at", ["runs/names", "runs", ".", "runs/names/texts", "texts"])
def test_a_corpus_is_found_beside_its_run(moved: Run, tmp_path: Path, at: str) -> None:
    place = tmp_path / at / "names.txt"
    place.parent.mkdir(exist_ok=True)
    place.write_text(TEXT[::-1])
    with raises(UsageError, "/gone/texts/names.txt"):
        corpus.places(moved)
    place.write_text(TEXT)
    assert [str(Path(name).resolve()) for name in corpus.places(moved)] == [str(place.resolve())]
    assert [source.name for source in corpus.own_sources(moved)] == [*corpus.places(moved)]
    assert len(corpus.own_corpus(moved).ids) == moved.origin.symbols


def test_where_a_corpus_is_looked_for_and_where_not(moved: Run, tmp_path: Path) -> None:
    deep = replace(moved, path=tmp_path / "a/b/c/d/e/last.npz")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/names.txt").write_text(TEXT)
    with raises(UsageError, "put it there"):
        corpus.places(deep, corpus.PUT_BACK)
    (tmp_path / "a/b").mkdir()
    shutil.copy(tmp_path / "a/names.txt", tmp_path / "a/b")
    assert corpus.places(deep) == [str(tmp_path / "a/b/names.txt")]
    with raises(UsageError, "names.txt"):
        corpus.places(replace(moved, path=None))


@pytest.mark.parametrize(
    ("at", "found"), [("names.txt", True), ("b/c/d/names.txt", True), ("a/b/c/d/names.txt", False)]
)
def test_folders_of_a_corpus_may_have_moved_along(run: Run, tmp_path: Path, at: str, found: bool) -> None:
    (tmp_path / "run" / at).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "run" / at).write_text(TEXT)
    origin = replace(run.origin, names=("/gone/a/b/c/d/names.txt",))
    moved = replace(run, origin=origin, path=tmp_path / "run/last.npz")
    if found:
        assert corpus.places(moved) == [str(tmp_path / "run" / at)]
    else:
        with raises(UsageError, "/gone/a/b/c/d/names.txt"):
            corpus.places(moved)


def test_only_the_same_bytes_are_the_corpus(run: Run, tmp_path: Path) -> None:
    names = ["same.txt", "longer.txt", "other.txt", "half.txt", "rest.txt"]
    texts = [TEXT, TEXT + "Eva\n", TEXT[:-4] + "oda\n", TEXT[:40], TEXT[40:]]
    for name, text in zip(names, texts, strict=True):
        (tmp_path / name).write_text(text)

    def own(*given: str) -> bool:
        return corpus.is_own(run, [file_source(tmp_path / name) for name in given])

    assert own("same.txt") and own("half.txt", "rest.txt")
    assert not any((own("longer.txt"), own("other.txt"), own("half.txt"), own("rest.txt", "half.txt"), own("none.txt")))
    data = read(tmp_path / "same.txt")
    tokenized.write(tmp_path / "same.npz", [file_source(tmp_path / "same.txt")])
    assert data.sha256 == run.origin.sha256 and own("same.npz") and not own("same.npz", "half.txt")


def test_a_file_too_long_to_be_the_corpus_is_not_read_to_its_end(run: Run, tmp_path: Path) -> None:
    path, read = tmp_path / "long.txt", []
    path.write_bytes(b"a" * (9 << 20))

    class Watched:
        def __init__(self) -> None:
            self.file = open(path, "rb")

        def __enter__(self) -> "Watched":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def read(self, size: int) -> bytes:
            read.append(size)
            return self.file.read(size)

    for symbols, pieces in ((run.origin.symbols, 1), (PIECE // 4 - 1, 1), (PIECE // 4, 2)):  # of 4 bytes at most
        long = replace(run, origin=replace(run.origin, symbols=symbols))
        assert not corpus.is_own(long, [Source(str(path), Watched)])
        assert len(read) == pieces
        read.clear()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("Eva\n", "head -c 210"),
        ("Eva\n" * 1000, "head -c 210"),
        (None, "differs"),
    ],
    ids=["a line", "lines", "other lines"],
)
def test_a_corpus_that_grew_says_how_to_get_the_old_one(run: Run, tmp_path: Path, more: str | None, told: str) -> None:
    path = tmp_path / "na mes.txt"
    path.write_text(TEXT + more if more else TEXT.replace("Anna", "Hans"))
    grown = replace(run, origin=replace(run.origin, names=(str(path),)))
    with raises(InputError, "na mes.txt", told):
        corpus.own_corpus(grown)


@pytest.mark.parametrize("more", ["\nEva\n", "a\nEva\n", "\n"])
def test_an_open_corpus_that_grew_says_how_to_get_the_old_one(run: Run, tmp_path: Path, more: str) -> None:
    path, text = tmp_path / "names.txt", TEXT[:-1].encode()  # its last line has no end
    path.write_bytes(text + more.encode())
    origin = replace(run.origin, names=(str(path),), sha256=hashlib.sha256(text).hexdigest())
    with raises(InputError, f"head -c {len(text)}" if "Eva" in more else "differs"):
        corpus.own_corpus(replace(run, origin=origin))


@pytest.mark.parametrize("closed", [False, True])
def test_the_old_corpus_is_found_wherever_the_pieces_are_cut(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    path, text = tmp_path / "names.txt", "Anna\nBerta\nB\u00e9a" + "\n" * closed
    size = len(text.encode())
    path.write_bytes(f"{text}\nEva\n".encode())
    origin = {"symbols": len(text) + (not closed), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    old = replace(run, origin=replace(run.origin, names=(str(path),), **origin))
    for piece in range(1, size + 4):
        monkeypatch.setattr("charnn.io.text.PIECE", piece)
        with raises(InputError, f"head -c {size} "):
            corpus.own_corpus(old)


def test_as_many_bytes_as_characters_can_have_are_read(run: Run, tmp_path: Path) -> None:
    path, text = tmp_path / "wide.txt", "\U0001f600".encode() * run.origin.symbols
    path.write_bytes(text)
    wide = replace(run, origin=replace(run.origin, sha256=hashlib.sha256(text).hexdigest()))
    assert corpus.is_own(wide, [file_source(path)])
    path.write_bytes(text + b"a")
    assert not corpus.is_own(wide, [file_source(path)])


def test_no_more_bytes_are_read_than_a_corpus_can_have(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "names.txt", []
    path.write_text("a" * 1000)

    def read_as(*_: object, watch: Callable[[Iterator[bytes]], Iterator[bytes]]) -> None:
        for piece in watch(itertools.repeat(b"a" * run.origin.symbols)):
            read.append(piece)

    monkeypatch.setattr(corpus, "read_as", read_as)
    with raises(InputError, "longer"):
        corpus.own_corpus(replace(run, origin=replace(run.origin, names=(str(path),))))
    assert len(read) == 4


def test_a_corpus_that_became_longer_and_another_is_told_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text(TEXT.replace("Anna", "Hanna") * 2)
    with raises(InputError, "longer", "train a new run"):
        corpus.own_corpus(replace(run, origin=replace(run.origin, names=(str(path),))))


def test_the_held_out_part_comes_last(run: Run) -> None:
    train, valid = corpus.parts(run)
    whole = corpus.own_corpus(run)
    assert [*train[:], *valid[:]] == [*whole.ids[:]] and 0 < len(valid) < len(train)
    assert [*corpus.held_out(run, whole)[:]] == [*valid[:]]


@pytest.mark.parametrize(
    ("name", "readable"),
    [("text", True), ("empty", False), ("folder", False), ("none", False), ("/proc/self/maps", False), ("-", False)],
)
def test_what_a_model_may_have_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, readable: bool) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("a")
    Path("-").write_text("a")
    Path("empty").touch()
    Path("folder").mkdir()
    assert corpus.readable(name) == readable
    assert not corpus.readable("a\0b")
    Path("link").symlink_to("/proc/self/maps")
    assert not corpus.readable("link")
