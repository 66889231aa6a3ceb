"""What is worth trying after a run, from what both parts of its text cost, and from the course that they took.

Both parts are scored alike, without dropout. A training part that costs less need not be learnt by heart: it may be
the easier text. What tells is whether the held-out part still gains where the training part does:

    r = (valid[2] - valid[3]) / (train[2] - train[3]),    the means of the second and the last third of the validations
"""

import math
import re

from ..choices import TASKS
from ..config import ModelConfig
from ..runs.run import Run
from ..tasks.base import Task, make
from ..tasks.fitting import suits, usual_dropout
from .budget import wanted
from .schedules import spent

MIN_HISTORY = 6  # validations, of which thirds tell something
WIDE_GAP = 0.05  # of the held-out loss: a gap between the parts that dropout, or more text, may narrow
MIN_CORRELATION = 0.25  # r, below which what is learnt is of the training part alone
RISE = 0.01  # of the best held-out loss: so much above it, the end is not the best
STILL_FALLING = 0.01  # of the held-out loss: where it fell by more towards the end, more time brings more
DROPOUT_STEPS = 0.0, 0.1, 0.25, 0.4, 0.5  # of dropout, to choose from
SPENT = 1.05  # of a budget: a run ends after the update that passes it, and a resumed one may have had more
FEW_PARAMETERS = 0.3  # parameters for each character, below which a network may well be twice as wide
UNIT_MULTIPLE = 16  # units


def advice(run: Run, train: float, where: str = "", again: str = "charnn train CORPUS") -> str:
    """One line with options to type, or nothing where there is nothing left to learn.

    `train` is the loss of the training part in bits, without dropout; `where` the options that name the run, `again`
    the command that began it. The first case that holds is the one that is said. After few validations, that do not
    tell, it is said only where counting is better and can be mixed with the network.
    """
    task = make(run.task)
    if solved(run, task):
        return ""
    counted = task.counted_best(run)
    if counted and task.mixes:
        model = where.replace("--name", "-m", 1)
        counted += f"; `{' '.join(filter(None, ('charnn', task.mixes, model, '--mix ngram')))}` uses both"
    if len(run.history) >= MIN_HISTORY:
        said = _said(run, task, train, where, again)
    else:
        said = f"there were few validations: `{_more(run, where)}`" if counted and task.mixes else ""
    return ", and ".join(filter(None, (counted, said))) if said else ""


def solved(run: Run, task: Task) -> bool:
    """Whether a run's best validation leaves nothing to learn."""
    found = run.best_record if run.best is not None else {}
    return bool(found) and (found["valid"] <= task.solved or found.get(task.right, 0.0) == 1)


def _said(run: Run, task: Task, train: float, where: str, again: str) -> str:
    """What the losses of both parts, and their course, say."""
    m, valid = run.model.config, run.history[-1]["valid"]
    dropout = m.dropout or 0.0
    losses = f"{train:.2f} bits/{task.unit} on the training part, {valid:.2f} held out"
    if _by_heart(run, train):
        less = _less(run, task)
        other = f", or `{_with(again, less)}`" if less else ""
        return f"the network learns the training part by heart ({losses}): more {task.material}{other}"
    if _falling(run):
        return f"the loss was still falling at the end: `{_more(run, where)}`"
    alike = train > (1 - WIDE_GAP) * valid
    if alike and dropout > DROPOUT_STEPS[1] and task.sizes:
        command = _with(again, f"--dropout {_below(dropout):g}")
        return f"both parts cost about the same, and the loss no longer falls ({losses}): `{command}`"
    if not alike and not task.sizes:
        return f"the network has learnt what it can of so much ({losses}): more {task.material}"
    times = 2 if run.weights.count < FEW_PARAMETERS * run.origin.symbols else 1.5
    wider = f"--hidden {_wide(m.hidden, times)}"
    return f"the network has learnt what it can ({losses}): a larger one, `{_with(again, wider)}`"


def _less(run: Run, task: Task) -> str:
    """An option with which less is learnt by heart; nothing where the network is one of those that have proved good."""
    m, usual = run.model.config, TASKS[run.task.task].defaults.get("dropout")
    if (m.dropout or 0.0) < (DROPOUT_STEPS[-1] if usual is None else usual):
        return f"--dropout {_above(run) if usual is None else usual:g}"
    return "" if _suits(run, task) else f"--hidden {_wide(m.hidden, 2 / 3)}"


def _more(run: Run, where: str) -> str:
    """The command that goes on with a run for longer."""
    return " ".join(filter(None, ("charnn train --resume", where, _longer(run))))


def _with(command: str, option: str) -> str:
    """A command with another value of an option."""
    return f"{re.sub(rf' {option.split()[0]} [^ ]+', '', command)} {option}"


def _suits(run: Run, task: Task) -> bool:
    """Whether the network is one that a text of this length, or a task, takes by default."""
    if not task.sizes:
        return bool(run.model.config.hidden <= TASKS[run.task.task].defaults.get("hidden", ModelConfig().hidden))
    symbols = round(run.origin.symbols * (1 - run.config.valid_share))
    return suits(run.model.config, symbols, run.vocabulary.sequence)


def _by_heart(run: Run, train: float) -> bool:
    """Whether the held-out part gains nothing of what is learnt."""
    valid = run.history[-1]["valid"]
    risen = run.best is not None and valid > (1 + RISE) * run.best / math.log(2)
    third = len(run.history) // 3
    learnt, gained = (
        _mean(run, name, slice(third, 2 * third)) - _mean(run, name, slice(-third, None)) for name in ("train", "valid")
    )
    return valid - train > WIDE_GAP * valid and (risen or gained < MIN_CORRELATION * learnt)


def _mean(run: Run, name: str, part: slice) -> float:
    values = [record[name] for record in run.history[part]]
    return sum(values) / len(values)


def _falling(run: Run) -> bool:
    """Whether a run that ended by its budget was too short.

    The last fifth of it was worth it; or it read less than it has to (`budget.wanted`), and the last third was.
    A falling rate brings any loss to rest in the end, so that the last fifth alone would not tell.
    """
    last, symbols = run.history[-1], round(run.origin.symbols * (1 - run.config.valid_share))
    earlier = [record for record in run.history[:-1] if record["step"] <= 0.8 * last["step"]]
    before = min(record["valid"] for record in earlier or run.history[:1])
    third = len(run.history) // 3
    later = _mean(run, "valid", slice(third, 2 * third)) - _mean(run, "valid", slice(-third, None))
    short = last["epoch"] * symbols < wanted(run.weights.count, symbols, run.model.config.cell)
    patient = not run.config.patience or run.bad_validations < run.config.patience
    return patient and max(before - last["valid"], later if short else 0.0) > STILL_FALLING * last["valid"]


def _longer(run: Run) -> str:
    """Twice the budget that was spent; or twice what was done, where a resumed run was given less than that."""
    done = {"steps": run.step, "epochs": run.history[-1]["epoch"], "minutes": run.seconds / 60}
    name = spent(run.config, steps=run.step, epochs=done["epochs"], seconds=run.seconds)
    budget = getattr(run.config, name)
    twice = 2 * (budget if SPENT * budget >= done[name] else math.ceil(done[name]))
    return f"--{name} {twice if name == 'steps' else f'{twice:.12g}'}"


def _above(run: Run) -> float:
    """More dropout, and no less than a run without --dropout would have."""
    usual = usual_dropout(run.weights.count, run.origin.symbols)
    return max(usual, next(rate for rate in DROPOUT_STEPS if rate > (run.model.config.dropout or 0.0)))


def _below(dropout: float) -> float:
    return max(rate for rate in DROPOUT_STEPS if rate < dropout)


def _wide(hidden: int, times: float) -> int:
    """So many times as many units, rounded where they are many."""
    units = max(1, round(hidden * times))
    return round(units / UNIT_MULTIPLE) * UNIT_MULTIPLE if units > 2 * UNIT_MULTIPLE else units
