"""Series of vectors: lines of numbers as they were, on a scale, in parts."""

from pathlib import Path

import numpy as np
import pytest

from charnn.data import series
from charnn.data.series import Part, Scale, Series
from charnn.errors import CheckpointError, InputError
from charnn.io.text import file_source


def read(folder: Path, text: str, scale: Scale | None = None) -> Series:
    (folder / "numbers.tsv").write_text(text)
    return series.read([file_source(folder / "numbers.tsv")], scale=scale)


def lines(count: int, start: int = 0) -> str:
    return "".join(f"{t}\t{t * t / 10}\n" for t in range(start, start + count))


def test_blank_lines_end_sequences_wherever_they_are(tmp_path: Path) -> None:
    found = read(tmp_path, f"\n\n{lines(10)}\n  \n\n{lines(7, 10)}\n")
    assert found.edges.tolist() == [0, 10, 17] and found.name == "numbers"
    np.testing.assert_allclose(found.values, [[t, t * t / 10] for t in range(17)])


def test_the_scale_is_that_of_the_first_nine_tenths_and_goes_back_and_forth(tmp_path: Path) -> None:
    found = read(tmp_path, lines(100))
    start = found.values[:90]
    assert found.vocabulary.mean == pytest.approx(start.mean(axis=0))
    assert found.vocabulary.deviation == pytest.approx(start.std(axis=0))
    seen = found.whole.values
    assert seen.dtype == np.float32 and seen[:90].std(axis=0) == pytest.approx(1)
    np.testing.assert_allclose(found.vocabulary.restored(seen), found.values, atol=1e-4)
    same = read(tmp_path, "5 5\n" * 20)
    assert same.vocabulary.deviation == (1, 1) and not same.whole.values.any()
    assert series.from_json("", {"mean": [1.0], "deviation": [2.0]}) == Scale((1.0,), (2.0,))


@pytest.mark.parametrize(
    "value", [{"mean": [], "deviation": []}, {"mean": [0.0], "deviation": [0.0]}, {"mean": [0.0], "deviation": [1, 1]}]
)
def test_a_scale_that_is_none_is_refused(value: dict[str, list[float]]) -> None:
    with pytest.raises(CheckpointError, match="scale"):
        series.from_json("a.npz", value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lines(20) + "1\ttwo\n", "line 21: could not convert string to float: 'two'; give numbers"),
        (lines(20) + "1\t1_5\n", "line 21: could not convert string to float: '1_5'; give numbers"),
        ("1\t1e-165\n2\t2e-165\n" * 20, "has column 2, whose deviation from the mean is below 1e-60: give the column"),
        (lines(20) + "1\n", "line 21: 1 numbers, and not 2"),
        (lines(20) + "nan\t1\n", "line 21: a number is not finite"),
        (lines(20) + "-1e70\t1\n", "line 21: -1e+70 is beyond 1e+60: give the column in another unit"),
        (lines(20) + "1e30\t1\n", "has 1e+30 in column 1, more than 1e+09 standard deviations from the mean"),
        (lines(15), "is too short: 15 lines of numbers, where at least 16 are needed"),
        ("", "is too short: 0 lines"),
    ],
)
def test_what_is_no_series_is_refused_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert says in str(refused.value)


@pytest.mark.parametrize("number", ["1e60", "-1e60", "1e-59"])
def test_columns_of_any_unit_are_standardised(tmp_path: Path, number: str) -> None:
    found = read(tmp_path, f"0\t{number}\n1\t0\n" * 20)
    whole = found.whole.values
    assert np.isfinite(whole).all() and np.abs(whole).max() < 10
    assert float(found.vocabulary.texts(whole)[0][1]) == pytest.approx(float(number))


def test_a_byte_order_mark_is_no_number(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + lines(20)).values.tolist() == read(tmp_path, lines(20)).values.tolist()


def test_a_known_scale_says_how_many_numbers_a_line_has(tmp_path: Path) -> None:
    assert len(read(tmp_path, "1\t2\n", Scale((0.0, 0.0), (1.0, 1.0))).values) == 1
    with pytest.raises(InputError, match="line 1: 2 numbers, and not 1"):
        read(tmp_path, "1\t2\n", Scale((0.0,), (1.0,)))


def test_a_part_knows_what_was_before_within_each_sequence() -> None:
    part = Part(np.arange(1.0, 8)[:, None], np.array([0, 3, 7]))
    assert part.before(1)[:, 0].tolist() == [0, 1, 2, 0, 4, 5, 6]
    assert part.before(2)[:, 0].tolist() == [0, 0, 1, 0, 0, 4, 5]
    assert not part.before(9).any()
    some = part.some(2, 6)
    assert some.values[:, 0].tolist() == [3, 4, 5, 6] and some.edges.tolist() == [0, 1, 4]


def test_a_split_is_between_sequences_or_reads_what_is_before(tmp_path: Path) -> None:
    one = read(tmp_path, lines(400))
    train, valid = one.split(0.1)
    assert len(train.values) == 360 and valid.read == 256 and len(valid.values) == 296
    np.testing.assert_array_equal(valid.values[:256], train.values[-256:])
    several = read(tmp_path, f"{lines(30)}\n{lines(30)}\n{lines(40)}")
    train, valid = several.split(0.2)
    assert train.edges.tolist() == [0, 30, 60] and valid.edges.tolist() == [0, 40] and valid.read == 0
    assert valid.some(0, 10).read == 0 and one.split(0.1)[1].some(200, 290).read == 56


def test_vectors_are_told_in_their_own_units_to_a_millionth_of_the_deviation() -> None:
    values = np.array([[0.0, 1], [-1.2345678, 1e-9]], np.float32)
    assert Scale((10.0, 5e9), (0.01, 2e6)).texts(values) == [["10", "5002000000"], ["9.9876543", "5000000000"]]
    far = np.array([[1e-5], [0.0]], np.float32)
    assert Scale((1e9,), (0.7,)).texts(far) == [["1000000000.000007"], ["1000000000"]]
    assert Scale((1e60,), (1e59,)).texts(np.array([[1 / 3]])) == [["1.03333333333e+60"]]
