"""A network as one offline web page: its weights, and JavaScript that scores what is typed, shades it and goes on."""

import base64
import html
import json
import re
from pathlib import Path

import numpy as np

from ..io.durable import replace
from ..runs.run import Run
from .describe import corpus, shape
from .program import Program
from .steps import program

TEMPLATE = Path(__file__).with_name("templates") / "page.html"


def write(path: str | Path, run: Run) -> None:
    """Write a run as a web page."""
    name = f"A character-level network, trained on {', '.join(corpus(run))}"
    texts = {"TITLE": html.escape(name), "ABOUT": html.escape(f"{shape(run)}."), "MODEL": _model(run, program(run))}
    page = re.sub("|".join(texts), lambda found: texts[found[0]], TEMPLATE.read_text("utf-8"))
    data = page.encode("utf-8", "surrogateescape")
    replace(path, lambda file: file.write(data))


def _model(run: Run, step: Program) -> str:
    """The network as JSON, with nothing in it that could end the element it stands in."""
    starts = np.cumsum([0, *(numbers.size for _, numbers in step.arrays.values())]).tolist()
    flat = [numbers.ravel() for _, numbers in step.arrays.values()]
    value = {
        "characters": run.vocabulary.characters,
        "sequence": run.vocabulary.sequence,
        "newline": ord(run.vocabulary.newline),
        "reset": run.reset,
        "sizes": step.sizes,
        "before": step.before,
        "after": step.after,
        "scores": step.scores,
        "operations": step.operations,
        "arrays": [[index, start, part.size] for index, start, part in zip(step.arrays, starts, flat, strict=False)],
        "data": base64.b64encode(np.concatenate(flat).astype("<f4").tobytes()).decode("ascii"),
    }
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
