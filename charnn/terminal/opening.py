"""The first screen of a training run: what was understood, what it will take, and what there is to beat."""

from ..training.session import Session
from .console import about, beside, rows

FEW, MANY = 0.02, 3.0  # parameters for each character: outside, a hint says so


def show(session: Session, recipe: str | None = None) -> None:
    """The first screen of a training run."""
    run, plan, config = session.run, session.plan, session.run.config
    m = run.model.config
    state = "forgotten at the end of each" if run.reset else "carried on from one to the next"
    cell = f"{m.activation} {m.cell}" if m.activation else m.cell
    shape = ", ".join([f"{m.layers} x {m.hidden} {cell}", *m.describe()]) + run.model.ending.says
    noise = "dropout" if m.dropout_kind == "standard" else f"{m.dropout_kind} dropout"
    count = run.weights.count
    budget = [f"{value:g} {name}" for name in ("epochs", "steps", "minutes") if (value := getattr(config, name))]
    budget += [f"{config.patience} validations without a better one"] if config.patience else []
    asked = session.asked or config
    fitted = ("batch", "window")
    shrunk = [f"{name} {getattr(config, name)}" for name in fitted if getattr(config, name) < getattr(asked, name)]
    counted = run.origin.baselines
    cut = "" if counted["counted"] == len(plan.train) else f", n-grams counted on {counted['counted']:,.0f} symbols"
    rows(
        [
            *([("recipe", recipe)] if recipe else []),
            *(about(session.corpus) if session.corpus else []),
            ("state", f"{state} (--state {'carry' if run.reset else 'reset'} for the other way)"),
            ("split", f"{len(plan.train):,} symbols to train on, the last {len(plan.valid):,} held out"),
            ("model", f"{shape}, {noise} {m.dropout:g}: {count:,} parameters{hint(count, len(plan.train))}"),
            ("windows", f"{config.batch} sequences x {config.window} characters, {config.workers} workers"),
            *([("updates", str(plan.scheme))] if config.stride or config.scheme != "truncated" else []),
            *([("short text", f"{' and '.join(shrunk)} instead of what was asked for")] if shrunk else []),
            ("memory", f"about {plan.memory / 1e6:,.0f} MB"),
            ("until", " or ".join(budget)),
            ("to beat", f"{beside(counted)}{cut}"),
            ("saved in", f"{session.folder.path}/" if session.folder else "nothing"),
        ]
    )


def hint(parameters: int, characters: int) -> str:
    """A word on a model out of proportion to its text."""
    ratio = parameters / characters
    if ratio > MANY:
        return f" ({ratio:.1f} for each character: enough to learn the text by heart; --hidden and --dropout change it)"
    if ratio < FEW:
        return f" (one for {1 / ratio:.0f} characters: few; a larger --hidden learns more, and takes longer)"
    return ""
