"""Options together: any two of them train, are saved and resumed, score and write, or are refused in one line."""

import math
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charnn import api
from charnn.config import ModelConfig, TrainConfig
from charnn.errors import UsageError
from charnn.evaluation import score
from charnn.options import own
from charnn.runs import checkpoint
from charnn.training import session
from charnn.training.trainer import Update
from tests.helpers.toys import corpus, text

CHOICES: list[dict[str, Any]] = [
    {"cell": "lstm"},
    {"cell": "lstm", "norm": "layer"},
    {"cell": "gru"},
    {"cell": "jordan", "decay": 0.9},
    {"cell": "jordan", "decay": 0.0},
    {"cell": "conv", "width": 3},
    {"cell": "conv", "width": 2, "dilation": 2},
    {"cell": "transformer", "heads": 5, "lookback": 6},
    {"recurrence": "diagonal"},
    {"activation": "linear", "init_scale": 0.5},
    {"bias": False},
    {"loss": "squared"},
    {"delay": 3},
    {"delay": 2, "delay_only": True},
    {"delay": 2, "recurrent_depth": 3, "delay_to": "first"},
    {"recurrent_depth": 2},
    {"feedforward_depth": 2},
    {"residual": True},
    {"skip": False},
    {"layers": 1},
    {"feedback": "output"},
    {"feedback": "output", "teacher_forcing": "1.0:0.5"},
    {"teacher_forcing": "0"},
    {"ending": "node"},
    {"ending": "length"},
    {"scheme": "one-step"},
    {"scheme": "full"},
    {"scheme": "unbiased", "cut_probability": 0.6},
    {"stride": 3},
    {"state": "carry"},
    {"state": "continuous"},
    {"dropout": 0.4},
    {"dropout": 0.4, "dropout_kind": "locked"},
    {"workers": 2},
    {"average": 0.3},
]
PAIRS = [(a, b) for a, b in combinations(CHOICES, 2) if not a.keys() & b.keys()]
CORPUS = corpus(text(700))
PLAIN = {
    "hidden": 5,
    "layers": 2,
    "dropout": 0.0,
    "batch": 4,
    "window": 7,
    "steps": 6,
    "validate_every": 3,
    "workers": 1,
}
PLAIN |= {"cell": "elman"}


def configs(options: dict[str, Any]) -> tuple[Any, ...]:
    options = {**PLAIN, **options}
    return tuple(kind(**own(kind, options)) for kind in (ModelConfig, TrainConfig))


@pytest.mark.parametrize(
    "pair",
    [pytest.param(pair, marks=[pytest.mark.long] if n % 4 else []) for n, pair in enumerate(PAIRS)],
    ids=lambda pair: ", ".join(f"{k} {v}" for part in pair for k, v in part.items()),
)
def test_two_options_together(pair: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path) -> None:
    try:
        model, config = configs({**pair[0], **pair[1]})
        running = session.begin(CORPUS, model, config, tmp_path, "toy")
    except UsageError as error:
        line = str(error)
        assert "\n" not in line and ("leave it out" in line or "choose" in line)
        assert any(f"--{name.replace('_', '-')}" in line for part in pair for name in part)
        return
    for event in running:
        if isinstance(event, Update) and event.step == 4:
            break
    running.save()
    running.group.close()
    assert running.folder is not None
    loaded = checkpoint.load(running.folder.last)
    again = session.resume(loaded, CORPUS, None, {})
    list(again)
    run = again.run
    assert run.step == 6 and run.best is not None and math.isfinite(run.best)
    ids = CORPUS.split(config.valid_share)[1]
    exact = score.evaluate(run.network, ids)
    assert exact.count == len(ids) and 0 < exact.bits < 10
    parts = score.surprisal(run.network, [ids[:17], ids[17:]])
    assert sum(nats.sum() for nats, _ in parts) == pytest.approx(exact.nats, rel=1e-4)
    drawn = api.generate(run, 3, seed=1, length=30)
    assert len(drawn) == 3 and all(set(one) <= {chr(c) for c in run.vocabulary.characters} for one in drawn)
    assert np.isfinite(run.weights.flat).all()
