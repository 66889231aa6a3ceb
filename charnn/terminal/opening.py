"""The first screen of a training run: what was understood, what it will take, and what there is to beat."""

from ..data.summary import show as show_character
from ..options import plain
from ..runs.run import Start
from ..tasks.base import Task
from ..training.session import Session
from .console import rows

SHOWN_NEW = 12  # new characters that the screen names


def show(session: Session, recipe: str | None = None) -> None:
    """The first screen of a training run."""
    run, plan, config = session.run, session.plan, session.run.config
    limits = {name: getattr(config, f"{name}s") for name in ("epoch", "step", "minute")}
    budget = [f"{plain(limit)} {name}{'s' * (limit != 1)}" for name, limit in limits.items() if limit]
    budget += [f"{config.patience} validations without a better one"] if config.patience else []
    asked = session.asked or config
    fitted = ("batch", "window")
    shrunk = [name for name in fitted if getattr(config, name) < getattr(asked, name)]
    fits, usual = (" and ".join(f"{name} {getattr(one, name)}" for name in shrunk) for one in (config, asked))
    rows(
        [
            *([("recipe", recipe)] if recipe else []),
            *(plan.task.about(session.corpus) if session.corpus else []),
            *plan.task.describe(run, plan.train, plan.valid),
            *([("updates", str(plan.scheme))] if config.stride or config.scheme != "truncated" else []),
            *([("short text", f"{fits} in place of {usual}")] if shrunk else []),
            ("memory", f"about {plan.memory / 1e6:,.0f} MB"),
            ("until", " or ".join(budget)),
            ("to beat", plan.task.to_beat(run, plan.train)),
            *([("from", started(run.start, plan.task))] if run.start else []),
            ("saved in", f"{session.folder.path}/" if session.folder else "nothing"),
        ]
    )


def started(start: Start, task: Task) -> str:
    """The network that a run starts from, its loss on the held-out part, and the characters that are new to it."""
    name = start.model or "another network"
    same = start.task.task == task.options.task
    does = f"{start.bits:.3f} bits/{task.unit} before training" if same else "layers of a text model"
    new = " ".join(show_character(ord(one)) if len(one) == 1 else one for one in start.new[:SHOWN_NEW])
    return f"{name}: {does}" + (
        f"; {len(start.new)} new character{'s' * (len(start.new) > 1)}, {new}" if start.new else ""
    )
