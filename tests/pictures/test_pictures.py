"""Pictures are well-formed, say what they show, and put shapes where the numbers are."""

import math
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from charnn.pictures import charts, graphs, shades, svg, trees
from charnn.pictures.axes import Axis, spread
from charnn.pictures.charts import Bars, Line
from charnn.pictures.trees import Tree

SPACE = "{http://www.w3.org/2000/svg}"
TEXT = "a <b> & \x1b\n\r\té"
FORK = Tree("", 1.0, (Tree("one"), Tree("", 0.4, (Tree("two & more"), Tree("three")))))
PICTURES: dict[str, Callable[[str], str]] = {
    "lines": lambda title: charts.lines(title, "x, s", "y, m", [Line("<a>", [(0, 1), (1, 3)], 0)], {"level": 2.0}),
    "bars": lambda title: charts.bars(title, "x, s", "y, m", Bars([1.0, 2.0], ["<", "&"])),
    "plane": lambda title: charts.plane(title, {"W & more": [1 + 1j, -0.5]}),
    "matrix": lambda title: shades.matrix(title, "x, s", [("<a>", [[0.5, -1.0], [math.nan, 2.0]])], ["&", "\n"]),
    "grid": lambda title: shades.grid(
        title, ("x, s", "y, m"), (["<a>", "b"], ["&", "\n"]), [[0.5, 0.0], [1.0, math.nan]]
    ),
    "text": lambda title: shades.text(title, "about & about", [(c, 3.0) for c in TEXT]),
    "graph": lambda title: graphs.graph(title, ["S1", "<b>"], {(0, 0): "&", (0, 1): "x, s"}, [True, False]),
    "tree": lambda title: trees.tree(title, "x, s", FORK, lambda leaves: "ink"),
}


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in parsed(picture).iter(f"{SPACE}text")]


def boxes(picture: str, colour: str) -> list[ElementTree.Element]:
    return [one for one in parsed(picture).iter(f"{SPACE}rect") if one.attrib["class"] == f"charnn-{colour}"]


@pytest.mark.parametrize("kind", PICTURES)
def test_every_picture_has_a_title_and_its_axes_names(kind: str) -> None:
    picture = PICTURES[kind]("A <title> & more")
    root = parsed(picture)
    assert root.find(f"{SPACE}title").text == "A <title> & more"  # type: ignore[union-attr]
    found = texts(picture)
    assert found[0] == "A <title> & more" and root.attrib["role"] == "img"
    named = {"lines": ["x, s", "y, m", "<a>", "level"], "bars": ["x, s", "y, m", "<", "&"], "matrix": ["x, s", "&"]}
    named |= {"grid": ["x, s", "y, m", "<a>", "&", "↵"]}
    named |= {"graph": ["S1", "<b>", "&", "x, s"]}
    named |= {"plane": ["real", "imaginary"], "text": ["about & about", "8 bits"], "tree": ["x, s", "two & more"]}
    assert set(named[kind]) <= set(found)


@pytest.mark.parametrize("kind", PICTURES)
def test_every_shape_lies_inside_and_has_a_colour_of_both_themes(kind: str) -> None:
    root = parsed(PICTURES[kind]("A title"))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{SPACE}rect"):
        left, top = float(box.get("x", 0)), float(box.get("y", 0))
        assert left >= 0 and left + float(box.attrib["width"]) <= width + 0.11
        assert top >= 0 and top + float(box.attrib["height"]) <= height + 0.11
    for element in root.iter():
        if element.tag == f"{SPACE}text":
            assert 0 <= float(element.attrib["x"]) <= width and 0 < float(element.attrib["y"]) <= height
        if name := element.get("class", "").removeprefix("charnn-").removeprefix("line-"):
            assert name in svg.LIGHT and name in svg.DARK


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, as WCAG 2 has it."""

    def luminance(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted(luminance(colour) + 0.05 for colour in (one, other))
    return high / low


@pytest.mark.parametrize("colours", [svg.LIGHT, svg.DARK], ids=["light", "dark"])
def test_texts_and_lines_stand_out_from_the_page(colours: dict[str, str]) -> None:
    assert svg.LIGHT.keys() == svg.DARK.keys()
    for name, colour in colours.items():
        least = {"page": 0, "grid": 1.2}.get(name, 4.5)
        assert contrast(colour, colours["page"]) >= least, name


def test_a_line_goes_through_its_points_on_both_scales() -> None:
    for log, middle in ((False, 90 / 99), (True, 0.5)):
        picture = charts.lines("t", "x", "y", [Line("a", [(0, 1), (5, 10), (10, 100)], 0)], log=log)
        paths = [one.attrib for one in parsed(picture).iter(f"{SPACE}path")]
        (path,) = (one["d"] for one in paths if one["class"] == "charnn-line-s0")
        points = [tuple(map(float, part.split(" "))) for part in path[1:].split("L")]
        (x0, y0), (x1, y1), (x2, y2) = points
        assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and y0 > y1 > y2
        assert (y1 - y2) / (y0 - y2) == pytest.approx(middle, abs=0.01)


def test_what_is_not_finite_or_not_positive_on_a_logarithmic_axis_is_left_out() -> None:
    shown = [Line("a", [(0, math.nan), (1, 0.0), (2, 1.0), (3, math.inf), (4, 0.5)], 0), Line("b", [], 1)]
    picture = charts.lines("t", "x", "y", shown, log=True)
    assert "nan" not in picture and "inf" not in picture and "b" not in texts(picture)


def test_bars_are_as_high_as_values() -> None:
    picture = charts.bars("t", "x", "y", Bars([1.0, 4.0, 2.0], "abc", {1}, [1.0, 3.0, 2.0]))
    found = boxes(picture, "s0")
    heights = [float(box.attrib["height"]) for box in found]
    assert heights == pytest.approx([heights[1] / 4, heights[1], heights[1] / 2], abs=0.1)
    assert [float(box.attrib["fill-opacity"]) for box in found] == [0.4, 1, 0.4]


def test_cells_are_red_above_zero_and_blue_below() -> None:
    picture = shades.matrix("t", "x", [("a", [[0.5, -1.0], [math.nan, 0.0]])], "ab")
    cells = {colour: boxes(picture, colour) for colour in ("hot", "cold")}
    found = {
        colour: [box.attrib["fill-opacity"] for box in there if box.attrib["width"] == f"{shades.CELL:g}"]
        for colour, there in cells.items()
    }
    assert found == {"hot": ["0.5"], "cold": ["1"]}


def test_a_shaded_text_is_the_text_in_lines_of_80() -> None:
    picture = shades.text("t", "about", [(c, 8.0) for c in "ab\n" + "x" * 100])
    found = [element for element in parsed(picture).iter(f"{SPACE}text") if element.get("font-family") == "monospace"]
    assert "".join(element.text or "" for element in found) == "ab↵" + "x" * 100
    assert len({element.attrib["y"] for element in found}) == 3
    page = shades.page("t & t", "about", [("<", 1.5), ("\n", 0.0)])
    assert '<span title="1.50 bits" style="--s:0.15">&lt;</span>' in page and "t &amp; t" in page


def test_a_trees_leaves_are_in_their_order_and_branches_coloured() -> None:
    picture = trees.tree("t", "x", FORK, lambda leaves: "s1" if leaves == ["two & more", "three"] else "ink")
    assert [name for name in texts(picture) if name in FORK.leaves] == ["one", "two & more", "three"]
    coloured = [one for one in parsed(picture).iter(f"{SPACE}path") if one.get("class") == "charnn-line-s1"]
    assert len(coloured) == 3


@pytest.mark.parametrize("count", [3, 4, 6, 9, 12, 16])
def test_labels_of_arrows_cover_no_state_and_no_other_label(count: int) -> None:
    """Two to four arrows leave each state, with labels of all lengths; arrows keep out of states."""
    steps = {3: (1, 2), 4: (1, 2, 3)}.get(count, (1, 2, count // 2, count - 1))
    labels = dict(zip(steps, ("a", "a, b", "a, b, c", "d"), strict=False))
    edges = {(a, (a + step) % count): label for a in range(count) for step, label in labels.items()}
    root = parsed(graphs.graph("t", [f"S{i}" for i in range(count)], edges, [False] * count))
    states = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root.iter(f"{SPACE}circle")]
    found = [one.attrib for one in root.iter(f"{SPACE}rect")][1:]  # the first is the page
    boxes = [tuple(float(one[name]) for name in ("x", "y", "width", "height")) for one in found]
    assert len(boxes) == len(edges)
    for n, (x, y, width, height) in enumerate(boxes):
        assert all(x + width <= u or u + w <= x or y + height <= v or v + h <= y for u, v, w, h in boxes[:n])
        assert all(math.dist((x + width / 2, y + height / 2), state) > graphs.RADIUS for state in states)
    for path in root.iter(f"{SPACE}path"):
        points = [tuple(map(float, part.split(" "))) for part in path.attrib["d"].strip("MZ").split("L")]
        assert all(math.dist(point, state) > graphs.RADIUS - 1 for point in points for state in states)


@pytest.mark.parametrize(
    ("values", "log", "labels"),
    [
        ([0, 1], False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([1.5, 5200], False, ["0", "2,000", "4,000", "6,000"]),
        ([2.31, 2.34], False, ["2.31", "2.32", "2.33", "2.34"]),
        ([3, 3], False, ["2.5", "3.0", "3.5"]),
        ([], False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.002, 30, 0, math.inf], True, ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]),
        ([1], True, ["10⁰", "10¹"]),
        ([1e-300, 1], True, ["10⁻³⁰⁰", "10⁻²⁵⁷", "10⁻²¹⁴", "10⁻¹⁷¹", "10⁻¹²⁸", "10⁻⁸⁵", "10⁻⁴²"]),
    ],
)
def test_ticks_are_round_numbers(values: list[float], log: bool, labels: list[str]) -> None:
    axis = Axis.around("x", values, log)
    assert [label for _, label in axis.ticks] == labels
    assert axis.place(axis.low) == 0 and axis.place(axis.high) == pytest.approx(1)


def test_labels_do_not_cover_each_other() -> None:
    assert spread([10, 11, 50], 15, 0, 100) == [10, 25, 50]
    assert spread([98, 99, 100], 15, 0, 100) == [70, 85, 100]
