"""An SVG picture: shapes and texts, in units of a pixel, in colours that follow the reader's light or dark page."""

from collections.abc import Iterable, Sequence
from html import escape

Point = tuple[float, float]

COLOURS = 6  # of series; later ones take the first again, dashed
FONT = 12  # pixels
CHARACTER, BOLD = 7.0, 7.5  # the width of a character of that size, about
LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "soft": "#59636e",
    "grid": "#d8dee4",
    "hot": "#c2410c",
    "cold": "#1d5fb4",
    "s0": "#1d5fb4",
    "s1": "#c2410c",
    "s2": "#1a7f37",
    "s3": "#8250df",
    "s4": "#9a6700",
    "s5": "#0e7490",
}
DARK = {
    "page": "#14171b",
    "ink": "#e6edf3",
    "soft": "#a2acb7",
    "grid": "#343b43",
    "hot": "#ff8a50",
    "cold": "#6cb2f5",
    "s0": "#6cb2f5",
    "s1": "#ff9a5c",
    "s2": "#5fd38d",
    "s3": "#c4a1ff",
    "s4": "#e3b341",
    "s5": "#56c8d8",
}


def _rules(colours: dict[str, str]) -> str:
    """Two classes a colour, for lines and for areas; with a prefix, since a notebook's page has them all."""
    return "".join(
        f".charnn-{name}{{fill:{colour}}}.charnn-line-{name}{{stroke:{colour};fill:none}}"
        for name, colour in colours.items()
    )


STYLE = f"{_rules(LIGHT)}@media (prefers-color-scheme:dark){{{_rules(DARK)}}}"


class Picture:
    """Shapes on a page of a size, with a title above that also names the picture for those who do not see it."""

    def __init__(self, width: float, height: float, title: str, margin: float = 16):
        self.width, self.height, self.title = max(width, 2 * margin + BOLD * len(title)), height, title
        self._parts: list[str] = []
        self.text(margin, 22, title, weight="bold")

    def text(self, x: float, y: float, what: str, anchor: str = "start", **more: str | float) -> None:
        """A text whose start, middle or end is at x, on the line y; spaces in it are kept."""
        settings = {"colour": "ink", **more}
        colour = settings.pop("colour")
        names = {"weight": "font-weight", "size": "font-size", "family": "font-family", "turn": "transform"}
        if "turn" in settings:
            settings["turn"] = f"rotate({settings['turn']} {_number(x)} {_number(y)})"
        given = "".join(f' {names[name]}="{value}"' for name, value in settings.items())
        shown = escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in what))
        place = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}"'
        self._parts.append(f'<text class="charnn-{colour}" {place}{given}>{shown}</text>')

    def line(self, points: Iterable[Point], colour: str = "soft", width: float = 1, dash: str = "") -> None:
        """A line through points."""
        path = "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
        stroke = f'stroke-width="{_number(width)}" stroke-linejoin="round"'
        stroke += f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<path class="charnn-line-{colour}" d="M{path}" {stroke}/>')

    def area(self, points: Iterable[Point], colour: str, strength: float = 1) -> None:
        """A filled area with these corners, as strong as this share."""
        path = "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
        self._parts.append(f'<path class="charnn-{colour}" d="M{path}Z" fill-opacity="{_number(strength, 3)}"/>')

    def box(self, x: float, y: float, size: Point, colour: str, strength: float = 1) -> None:
        """A filled rectangle."""
        width, height = map(_number, size)
        self._parts.append(
            f'<rect class="charnn-{colour}" x="{_number(x)}" y="{_number(y)}" width="{width}" height="{height}"'
            f' fill-opacity="{_number(strength, 3)}"/>'
        )

    def dot(self, x: float, y: float, colour: str, radius: float = 2.5) -> None:
        """A filled circle, a little of what is below seen through."""
        place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
        self._parts.append(f'<circle class="charnn-{colour}" {place} fill-opacity="0.7"/>')

    def ring(self, x: float, y: float, radius: float, colour: str = "soft") -> None:
        """A circle."""
        place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
        self._parts.append(f'<circle class="charnn-line-{colour}" {place}/>')

    def __str__(self) -> str:
        width, height = _number(self.width), _number(self.height)
        size, view = f'width="{width}" height="{height}"', f'viewBox="0 0 {width} {height}"'
        fonts = f'role="img" font-family="sans-serif" font-size="{FONT}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} {fonts}>'
        title = f"<title>{escape(self.title)}</title>"
        page = f'<rect class="charnn-page" {size}/>'
        return "\n".join([head, title, f"<style>{STYLE}</style>", page, *self._parts, "</svg>\n"])


def colour(index: int) -> tuple[str, str]:
    """The colour of a series, and how its line is dashed."""
    return f"s{index % COLOURS}", "6 3" if index >= COLOURS else ""


def widest(texts: Sequence[str]) -> float:
    """About the width of the longest of some texts."""
    return CHARACTER * max(map(len, texts), default=0)


def _number(value: float, digits: int = 1) -> str:
    """As short as that precision allows."""
    return f"{round(value, digits):g}" if abs(value) < 1e5 else f"{value:.0f}"
