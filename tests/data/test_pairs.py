"""Pairs: lines read, numbered, split, and put side by side in batches."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.data import pairs as pairs_module
from charnn.data.pair_batches import PairBatches, by_length, lengths, pad, within_memory
from charnn.data.pairs import PairFormat, Pairs
from charnn.data.units import PairVocabulary, from_json, join, split
from charnn.errors import CheckpointError, InputError, UsageError
from charnn.io.text import PIECE, file_source

LINES = "go\twent\nsee\tsaw\n\tnothing\nbe\twas\twere\nsee\tsaw\n"


def read(path: Path, text: str = LINES, **format: Any) -> Pairs:
    path.write_text(text, "utf-8", newline="")
    return pairs_module.read([file_source(str(path))], PairFormat(**format))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "verbs.tsv"


def texts(pairs: Pairs) -> list[tuple[str, str]]:
    v = pairs.vocabulary
    return [(v.decode(pairs.source[i], v.source), v.decode(pairs.target[i], v.target)) for i in range(len(pairs))]


def test_the_first_tab_splits_and_both_sides_share_a_vocabulary(file: Path) -> None:
    found = read(file)
    assert texts(found) == [("go", "went"), ("see", "saw"), ("", "nothing"), ("be", "was\twere"), ("see", "saw")]
    units = "".join(found.vocabulary.units)
    assert units == "".join(sorted(set("gowentseesawnothingbewas\twere")))
    assert found.source[0].tolist() == [1 + units.index(c) for c in "go"]
    assert found.vocabulary.size == len(units) + 2 and found.source.ids.dtype == np.uint8


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_line_ends_are_no_part_of_the_target_and_the_last_may_lack(file: Path, end: str) -> None:
    assert texts(read(file, "a\tb\r\nc\td\r\ne\tf\ng\th" + end))[-2:] == [("e", "f"), ("g", "h")]


def test_a_byte_order_mark_is_no_part_of_the_first_line(file: Path) -> None:
    assert texts(read(file, "\ufeffa\tb\nc\td\ne\tf\n\ufeffg\th\n")) == [
        ("a", "b"),
        ("c", "d"),
        ("e", "f"),
        ("\ufeffg", "h"),
    ]


def test_columns_are_chosen_and_joined(file: Path) -> None:
    text = "go\twent\tPST\nsee\tseen\tPRF\nbe\tis\tPRS\nbe\tbeing\tGER\n"
    assert texts(read(file, text, columns="3+1,2"))[0] == ("PST\tgo", "went")
    assert texts(read(file, text, columns="1,3"))[1] == ("see", "PRF")
    assert texts(read(file, text, columns="3,1+2"))[3] == ("GER", "be\tbeing")


@pytest.mark.parametrize("columns", [",", "1", "1,2,3", "0,1", "a,b", "1+,2", "-1,2"])
def test_columns_that_are_none_are_refused(file: Path, columns: str) -> None:
    with pytest.raises(UsageError, match="--columns"):
        read(file, columns=columns)


@pytest.mark.parametrize(
    ("text", "columns", "line"),
    [("a\tb\nc\td\ne\n", None, 3), ("a\tb\tc\nd\te\n", "3,1", 2), ("a\n" * 3, None, 1)],
)
def test_a_line_that_is_no_pair_is_named(file: Path, text: str, columns: str | None, line: int) -> None:
    with pytest.raises(InputError, match=rf"verbs\.tsv, line {line}: .*--columns"):
        read(file, text, columns=columns)


def test_the_line_is_right_in_a_long_file(file: Path) -> None:
    count = 2 * PIECE // len("abc\tdef\n")
    with pytest.raises(InputError, match=rf"line {count + 1}:"):
        read(file, "abc\tdef\n" * count + "no tab\n")


def test_too_few_pairs_are_refused(file: Path) -> None:
    with pytest.raises(InputError, match="3 pairs"):
        read(file, "a\tb\nc\td\ne\tf\n")


def test_labels_and_words_have_units_of_their_own(file: Path) -> None:
    found = read(file, "de\tja\nfr\toui\nde\tnein\n\t?\n", target="label", flip=True)
    assert found.vocabulary.labels == ("", "de", "fr")
    assert [int(found.target[i][0]) for i in range(4)] == [1, 2, 1, 0]
    assert texts(found)[1] == ("oui", "fr")
    several = read(file, "a,b\tx\nb\ty\n\tz\nc,a\tx\n", target="labels", flip=True)
    assert several.vocabulary.labels == ("a", "b", "c")
    assert [several.target[i].tolist() for i in range(4)] == [[0, 1], [1], [], [2, 0]]
    phones = read(file, "ah\ta h\nsh\tʃ\nash\ta ʃ\nha\th a\n", target="words")
    assert phones.vocabulary.units == ("a", "h", "s", "ʃ")
    assert texts(phones)[2] == ("ash", "a ʃ") and len(phones.target[2]) == 2


def test_a_line_is_its_own_target_where_asked(file: Path) -> None:
    assert texts(read(file, "a\tb\nc\nd\ne\n", autoencode=True))[:2] == [("a\tb", "a\tb"), ("c", "c")]


def test_what_the_vocabulary_lacks_is_unknown(file: Path) -> None:
    pairs = read(file)
    v = pairs.vocabulary
    assert v.encode("gq", "characters").tolist() == [1 + v.units.index("g"), v.unknown]
    assert v.decode([v.unknown, 0], "characters") == "\ufffd"
    file.write_text("q\tsaw\n")
    other = pairs_module.read([file_source(str(file))], pairs.format, vocabulary=v)
    assert other.source[0].tolist() == [v.unknown] and len(other) == 1
    assert PairVocabulary((), ("a", "b"), target="label").encode("c", "label").tolist() == [2]


def test_compressed_and_several_files_are_read_and_places_are_known(tmp_path: Path) -> None:
    one, two = tmp_path / "one.tsv.gz", tmp_path / "two.tsv"
    one.write_bytes(gzip.compress(b"a\tb\nc\td\n"))
    two.write_bytes(b"e\tf\ng\th\ni\tj\n")
    found = pairs_module.read([file_source(str(path)) for path in (one, two)], PairFormat())
    assert len(found) == 5 and found.counts == (2, 3)
    assert found.where(1).endswith("one.tsv.gz, line 2") and found.where(2).endswith("two.tsv, line 1")


@pytest.mark.parametrize("kind", ["characters", "words", "label", "labels"])
def test_join_is_the_inverse_of_split(kind: str) -> None:
    for text in ("", "abc", "a b  c ", "a,b,,c", " "):
        assert join(split(text, kind), kind) == text


def test_a_vocabulary_that_is_none_is_refused() -> None:
    good = {"units": ["a", "b"], "labels": [], "source": "characters", "target": "words"}
    assert from_json("m", good) == PairVocabulary(("a", "b"), (), "characters", "words")
    for name, value in (("units", ["b", "a"]), ("labels", ["a", "a"]), ("units", [1]), ("source", "bytes")):
        with pytest.raises(CheckpointError):
            from_json("m", {**good, name: value})


def test_the_split_is_by_place_or_at_random_and_never_empty(file: Path) -> None:
    pairs = read(file, "".join(f"{i}\t{i}\n" for i in range(100)))
    train, valid = pairs.split(0.1, None)
    assert train.tolist() == [*range(90)] and valid.tolist() == [*range(90, 100)]
    train, valid = pairs.split(0.1, 3)
    assert sorted([*train, *valid]) == [*range(100)] and len(valid) == 10 and valid.max() - valid.min() > 20
    np.testing.assert_array_equal(valid, pairs.split(0.1, 3)[1])
    assert valid.tolist() != pairs.split(0.1, 4)[1].tolist()
    assert len(pairs.split(0.0001, 0)[1]) == 1 and len(read(file).split(0.9, None)[0]) == 1


def many(file: Path, count: int = 1000) -> Pairs:
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 30, (count, 2))
    return read(file, "".join(f"{'s' * a}\t{'t' * b}\n" for a, b in sizes.tolist()))


def test_an_epoch_has_every_pair_once_in_an_order_of_its_own(file: Path) -> None:
    pairs = many(file)
    rows = np.arange(3, 1000)
    batches, again = (PairBatches(pairs, rows, 16, 7) for _ in range(2))
    orders = []
    for epoch in (0, 1):
        found = [batches.at(epoch, i) for i in range(len(batches))]
        assert len(found) == 63 and sorted(np.concatenate(found).tolist()) == rows.tolist()
        assert sorted(map(len, found)) == [5] + 62 * [16]
        orders.append(np.concatenate(found).tolist())
        for index in (62, 0, 5):  # known by place alone
            np.testing.assert_array_equal(again.at(epoch, index), found[index])
    assert orders[0] != orders[1]
    assert PairBatches(pairs, rows, 16, 8).at(0, 0).tolist() != batches.at(0, 0).tolist()


def test_pairs_of_like_length_are_side_by_side(file: Path) -> None:
    pairs = many(file)
    batches = PairBatches(pairs, np.arange(1000), 16, 0)
    spread = [float(np.ptp(batches.lengths[batches.at(0, i)])) for i in range(len(batches))]
    assert np.mean(spread) < 5 and float(np.ptp(batches.lengths)) > 50
    first = batches.lengths[batches.at(0, 3)]
    assert (np.diff(first) <= 0).all()


def test_padding_closes_every_sequence_and_says_where_it_begins() -> None:
    padded = pad([np.array([3, 4, 5]), np.array([], int), np.array([6])], np.dtype(np.uint8))
    assert padded.ids.T.tolist() == [[3, 4, 5, 0], [0, 0, 0, 0], [6, 0, 0, 0]]
    assert padded.inside.T.astype(int).tolist() == [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]]
    assert padded.before.T.tolist() == [[0, 3, 4, 5], [0, 0, 0, 0], [0, 6, 0, 0]]


def test_rows_are_cut_where_they_would_be_too_many(file: Path) -> None:
    pairs = many(file)
    sizes = lengths(pairs, PairBatches(pairs, np.arange(1000), 64, 0).at(0, 0))
    parts = [*within_memory(sizes, 500)]
    assert len(parts) > 2 and parts[0].start == 0 and parts[-1].stop == 64
    for part, next in zip(parts, [*parts[1:], None], strict=True):
        assert sizes[:, part].max(axis=1).sum() * (part.stop - part.start) <= 500
        if next is not None:
            more = sizes[:, part.start : part.stop + 1]
            assert part.stop == next.start and more.max(axis=1).sum() * more.shape[1] > 500
    assert [*within_memory(sizes, 1)] == [slice(i, i + 1) for i in range(64)]


def test_rows_by_length_are_all_there_the_longest_first(file: Path) -> None:
    sizes = lengths(many(file), np.arange(1000))
    parts = by_length(sizes, 300)
    order = np.concatenate(parts)
    assert sorted(order.tolist()) == [*range(1000)] and (np.diff(sizes.sum(axis=0)[order]) <= 0).all()
    assert len(parts[-2]) > 2 * len(parts[0])


def test_empty_lines_at_the_end_are_left_out_and_others_are_named(file: Path) -> None:
    assert texts(read(file, "a\tb\n" * 5 + "\n\n")) == [("a", "b")] * 5
    with pytest.raises(InputError, match=r"verbs\.tsv, line 6 is empty: leave it out"):
        read(file, "a\tb\n" * 5 + "\n\na\tb\n")
    assert len(read(file, "a\n" * 5 + "\n\n", autoencode=True)) == 7
