"""The loss of runs in the course of training, as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..pictures.charts import Line, lines

COURSES = {  # what a picture may be drawn by: the record's field, its unit in the field, and the axis' name
    "updates": ("step", 1.0, "updates of the weights"),
    "epochs": ("epoch", 1.0, "passes over the training part"),
    "minutes": ("seconds", 60.0, "minutes of training"),
}


@dataclass(frozen=True)
class Curve:
    """The validations of a run, in its measure, and what counting makes of its held-out part."""

    name: str
    records: Sequence[Mapping[str, float]]
    baselines: Mapping[str, float]
    measure: str = "bits/char"


def loss(curves: Sequence[Curve], by: str = "updates") -> str:
    """The loss on the held-out part as SVG, a line for each run, beside the n-gram's; of one run the training loss too.

    `by` is updates, epochs or minutes. Raises `UsageError` for a run without a validation, or without times, and for
    runs whose losses are in different measures.
    """
    field, unit, axis = COURSES[by]
    measure, *others = dict.fromkeys(curve.measure for curve in curves)
    if others:
        raise UsageError(f"losses in {measure} and in {others[0]} cannot be compared: draw a picture of each")
    shown = []
    for i, curve in enumerate(curves):
        if not curve.records:
            raise UsageError(f"{curve.name} has no validation yet, so that there is nothing to draw: train it first")
        if not all(field in record for record in curve.records):
            raise UsageError(
                f"{curve.name} has no times: --by minutes needs a run with a budget of minutes, try updates"
            )
        places = [record[field] / unit for record in curve.records]
        held_out = [record["valid"] for record in curve.records]
        name = curve.name if len(curves) > 1 else "held out"
        shown.append(Line(name, list(zip(places, held_out, strict=True)), i))
        if len(curves) == 1:
            train = [record["train"] for record in curve.records]
            shown.append(Line("training", list(zip(places, train, strict=True)), i, faint=True))
    title = f"Loss of {', '.join(curve.name for curve in curves)}"
    return lines(title, axis, measure, shown, _levels(curves))


def _levels(curves: Sequence[Curve]) -> dict[str, float]:
    """The n-gram's loss, once for each corpus."""
    found: dict[tuple[float, float], str] = {}
    for curve in curves:
        if "ngram" in curve.baselines:
            found.setdefault((curve.baselines["order"], curve.baselines["ngram"]), curve.name)
    several = len(found) > 1
    return {f"{order:.0f}-gram{f', {name}' if several else ''}": bits for (order, bits), name in found.items()}
