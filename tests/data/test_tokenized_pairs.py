"""Tokenised files of pairs: the pairs of the text, and refusals of what is none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn.data import pairs, tokenized_pairs
from charnn.data.pairs import PairFormat
from charnn.errors import CheckpointError
from charnn.io import npz
from charnn.io.header import json_array
from charnn.io.lazy import LazyArray
from charnn.io.text import file_source
from tests.helpers.arrays import read_arrays

TEXT = "go\twent\nsee\tsaw\n\tnothing\nbe\twas\twere\n"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "verbs.tsv").write_text(TEXT, "utf-8")
    path = tmp_path / "verbs.npz"
    tokenized_pairs.write(path, [file_source(str(tmp_path / "verbs.tsv"))], PairFormat(target="words"))
    return path


@pytest.mark.parametrize("target", ["characters", "words", "label"])
def test_the_pairs_are_those_of_the_text_and_their_ids_stay_in_the_file(tmp_path: Path, target: str) -> None:
    source, format = tmp_path / "verbs.tsv", PairFormat(target=target, flip=target == "label")
    source.write_text(TEXT, "utf-8")
    tokenized_pairs.write(tmp_path / "verbs.npz", [file_source(str(source))], format)
    found, expected = tokenized_pairs.read(tmp_path / "verbs.npz"), pairs.read([file_source(str(source))], format)
    assert isinstance(found.source.ids, LazyArray) and isinstance(found.target.ids, LazyArray)
    assert (found.vocabulary, found.sha256, found.format) == (expected.vocabulary, expected.sha256, format)
    for i in range(4):
        np.testing.assert_array_equal(found.source[i], expected.source[i])
        np.testing.assert_array_equal(found.target[i], expected.target[i])
    assert found.name == "verbs" and found.where(2).endswith("verbs.npz, line 3")
    for ours, theirs in zip(found.split(0.3, 1), expected.split(0.3, 1), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def changed(path: Path, arrays: dict[str, Any], header: dict[str, Any]) -> Path:
    """The file with other arrays, and other values in its header."""
    found = {name: np.asarray(array) for name, array in read_arrays(path).items()}
    told = json.loads(found.pop("header").tobytes())
    other = path.with_name("other.npz")
    npz.write(other, {"header": json_array({**told, **header}), **found, **arrays})
    return other


@pytest.mark.parametrize(
    ("arrays", "header", "says"),
    [
        ({}, {"format": "charnn tokens"}, "has no tokenised pairs"),
        ({}, {"version": 9}, "needs charnn"),
        ({}, {"counts": [5]}, "not 5 sequences"),
        ({}, {"counts": [3]}, "it has 3 pairs"),
        ({}, {"counts": [5, -1]}, "of no text"),
        ({}, {"counts": None}, "corrupt"),
        ({}, {"pairs": {"columns": "x"}}, "corrupt"),
        ({}, {"pairs": {"columns": 3}}, "corrupt"),
        ({}, {"pairs": {"target": "label"}}, "of other sides"),
        ({}, {"vocabulary": {"units": [], "labels": [], "source": "characters", "target": "words"}}, "not those of"),
        ({}, {"invalid": "no"}, "of no text"),
        ({"more": np.zeros(3, np.uint8)}, {}, "it holds"),
        ({"source/lengths": np.array([2, 3, 0, 9], np.uint32)}, {}, "not 4 sequences"),
        ({"source/ids": np.zeros(7, np.uint16)}, {}, "not 4 sequences"),
        ({"source/ids": np.full(7, 200, np.uint8)}, {}, "not those of its vocabulary"),
    ],
)
def test_what_is_no_file_of_pairs_is_refused(written: Path, arrays: Any, header: Any, says: str) -> None:
    assert len(tokenized_pairs.read(changed(written, {}, {}))) == 4
    with pytest.raises(CheckpointError, match=says):
        tokenized_pairs.read(changed(written, arrays, header))
