"""Which tilings there are, which one is taken by rule, and that they survive being written down."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charnn.nn import tiling
from charnn.nn.tiling import MANY, SMALL, WHOLE, Shape, Tiling, Tilings, by_rule, candidates

sizes = st.integers(1, 3000)
shapes = st.builds(Shape, st.just(MANY) | st.integers(1, 100), sizes, sizes, st.booleans())


@given(shapes)
def test_candidates_cut_without_remainder_and_leave_small_pieces(shape: Shape) -> None:
    found = list(candidates(shape))
    assert found[0] == WHOLE and len(found) == len(set(found))
    assert (Tiling(copied=True) in found) == (shape.transposed and shape.rows != MANY)
    for cut in found[1 + shape.transposed :]:
        assert cut.fits(shape)
        if shape.rows != MANY:
            assert (cut.block or shape.rows) * shape.depth * (cut.tile or shape.columns) <= SMALL


@given(shapes, st.sampled_from(["SkylakeX", "Haswell", "NeoverseN1"]))
def test_the_rule_chooses_a_candidate_or_plain_products(shape: Shape, kernel: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiling, "blas_kernel", lambda: kernel)
        chosen = by_rule.__wrapped__(shape)
    assert chosen in list(candidates(shape)) or chosen == Tiling(copied=True)
    if kernel != "SkylakeX":
        assert (chosen.block, chosen.tile) == (0, 0)
        assert chosen.copied == (shape.transposed and shape.rows != MANY and kernel == "NeoverseN1")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Shape(32, 256, 1024, False), Tiling(0, 64)),  # all rows
        (Shape(16, 1024, 256, True), Tiling(0, 32, True)),
        (Shape(64, 256, 256, True), Tiling(0, 32, True)),
        (Shape(64, 1024, 1024, False), WHOLE),  # packed in any case
        (Shape(25, 128, 128, False), WHOLE),  # small as it is
        (Shape(25, 128, 128, True), Tiling(copied=True)),
        (Shape(MANY, 256, 65, False), Tiling(32)),
        (Shape(MANY, 512, 65, False), Tiling(16)),
        (Shape(MANY, 65, 256, True), WHOLE),
        (Shape(MANY, 256, 256, False), WHOLE),
    ],
    ids=lambda value: str(value),
)
def test_the_rule_where_kernels_read_small_products_as_they_lie(
    shape: Shape, expected: Tiling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "blas_kernel", lambda: "SkylakeX")
    assert by_rule.__wrapped__(shape) == expected


@given(st.dictionaries(shapes, st.integers(0, 50)))
def test_tilings_survive_being_written_down(found: dict[Shape, int]) -> None:
    chosen = Tilings({shape: list(candidates(shape))[n % len(list(candidates(shape)))] for shape, n in found.items()})
    again = Tilings.load(json.loads(json.dumps(chosen.dump())))
    assert again == chosen and all(type(cut) is Tiling for cut in again.values())


@pytest.mark.parametrize(
    "damaged",
    [
        [],
        {"16 x 256": [0, 0, 0]},
        {"16 x 256 x 1024 t": [0, 0, 0]},
        {"1e9 x 256 x 1024": [0, 0, 0]},
        {"16 x 256 x 1024": [0, 0]},
        {"16 x 256 x 1024": [0, 0.0, 0]},
        {"16 x 256 x 1024": [True, 64, 0]},
        {"16 x 256 x 1024": "064"},
        {"16 x 256 x 1024": [5, 64, 0]},
        {"16 x 256 x 1024": [0, 63, 0]},
        {"16 x 256 x 1024": [-16, 64, 0]},
        {"16 x 256 x 1024": [32, 64, 0]},
        {"many x 256 x 1024": [16, 2048, 0]},
    ],
    ids=str,
)
def test_what_was_not_written_so_is_refused(damaged: Any) -> None:
    with pytest.raises(ValueError):
        Tilings.load(damaged)


def test_what_is_not_known_is_by_rule_and_stays_so() -> None:
    known, other = Shape(16, 256, 1024, False), Shape(17, 256, 1024, False)
    found = Tilings({known: Tiling(8, 32)})
    assert found[known] == Tiling(8, 32) and found[other] == by_rule(other)
    assert list(found) == [known]
