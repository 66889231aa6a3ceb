"""How training starts: what is asked for becomes a run, a new one or one that goes on."""

import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..choices import TASKS
from ..config import TEXT, ModelConfig, ReadConfig, TaskConfig, TrainConfig
from ..conflicts import check
from ..data.units import PairVocabulary
from ..data.vocabulary import Vocabulary
from ..errors import CharnnWarning, UsageError, expect
from ..io.text import LIST, short_path
from ..options import Checked, as_typed, flag, known, own
from ..parallel import launcher
from ..runs import checkpoint, folder
from ..runs.folder import Folder
from ..runs.run import Run
from ..tasks import base as tasks
from ..tasks import fitting
from . import budget, finetune, recipes, session
from .budget import SizeChoice
from .recipes import Recipe
from .session import Session

KINDS = ReadConfig, TaskConfig, ModelConfig, TrainConfig
TIMES = "minutes", "epochs", "steps"  # options that a budget stands for


@dataclass(frozen=True)
class Wanted:
    """What is asked of a new run: how its text is read, its network and training, and a budget in seconds.

    `hidden` and `layers` are the sizes that were given, which a budget keeps. `start` is a trained run whose weights
    it starts from.
    """

    reading: ReadConfig
    model: ModelConfig
    config: TrainConfig
    seconds: float | None = None
    hidden: int | None = None
    layers: int | None = None
    options: TaskConfig = TEXT
    start: Run | None = None

    @property
    def reads(self) -> dict[str, Any]:
        """How a task reads its corpus: of pairs with symbols and labels for what a run of the same task knows."""
        known = self.start and self.start.task.task == self.options.task and self.start.vocabulary
        return {**vars(self.reading), **({"known": known} if isinstance(known, PairVocabulary) else {})}


def wanted(
    changes: Mapping[str, Any],
    recipe: str | Recipe | None = None,
    time: str | float | None = None,
    start: Run | None = None,
) -> Wanted:
    """The configurations of these options, of those of a recipe that are not among them, and of a budget's time.

    A budget takes the place of a recipe's time, and the network of `start` that of all defaults. Raises `UsageError`
    for options that there are not, that have no effect or do not go together.
    """
    found, changes = recipes.named(recipe) if recipe else None, known(changes, *KINDS)
    task = changes.get("task")
    defaults = TASKS[task].defaults if isinstance(task, str) and task in TASKS else {}
    values = {**defaults, **(known(found.fields, *KINDS) if found else {}), **changes}
    values |= finetune.decided(start, changes, values) if start else {}
    seconds = None if time is None else budget.seconds(time)
    decided = values | dict.fromkeys(TIMES) if seconds else values
    try:
        reading, options = ReadConfig(**own(ReadConfig, decided)), TaskConfig(**own(TaskConfig, decided))
        model, config = ModelConfig(**own(ModelConfig, decided)), TrainConfig(**own(TrainConfig, decided))
    except UsageError as error:
        raise UsageError(f"{error} (--recipe {found.name} is {found})" if found else str(error)) from None
    config.refuse_idle(changes)
    check(vars(options) | changes, changes)
    return Wanted(reading, model, config, seconds, values.get("hidden"), values.get("layers"), options, start)


def begin(corpus: Any, wanted: Wanted, where: Folder | str | Path | None, name: str | None = None) -> Session:
    """A new run on a corpus; see `session.keep`. With a budget, a network that converges within it."""
    sequence = wanted.reading.sequence
    if sequence not in ("auto", corpus.vocabulary.sequence):
        raise UsageError(
            f"{corpus.names[0]} was tokenised with --sequence {corpus.vocabulary.sequence}: tokenise it anew"
        )
    model, config, choice = sized(corpus, wanted)
    if wanted.start and wanted.start.task.task == wanted.options.task:
        finetune.check_corpus(wanted.start, corpus)
    run, plan = session.new(corpus, model, config, wanted.options)
    if wanted.start:
        finetune.begin(run, wanted.start, plan, score=launcher.rank() == 0)
    begun = session.keep(run, plan, corpus, where, name)
    begun.asked, begun.choice = config, choice
    below = begun.folder and str(begun.folder.path.parent)
    begun.command = again(corpus.names, wanted, f"--runs {below}" if below not in (None, folder.RUNS) else "")
    return begun


def sized(corpus: Any, wanted: Wanted) -> tuple[ModelConfig, TrainConfig, SizeChoice | None]:
    """The network whose size suits the text and the time, its training, and why a time chose it.

    A size that was given stays. Without a time, the same text takes the same size on every machine.
    """
    model, config = wanted.model, wanted.config
    if not tasks.make(wanted.options).sizes:
        return model, replace(config, minutes=wanted.seconds / 60) if wanted.seconds else config, None
    if wanted.seconds:
        return budget.sized(model, config, corpus, wanted.seconds, wanted.hidden, wanted.layers)
    if wanted.hidden is not None:
        return model, config, None
    if config.minutes and model.cell in fitting.MEASURED:
        model, _, choice = budget.sized(model, config, corpus, 60 * config.minutes, layers=wanted.layers)
        return model, config, replace(choice, passes=None)  # the time alone ends the run
    symbols = len(corpus.split(config.valid_share)[0])
    return fitting.choose_hidden(model, symbols, corpus.vocabulary.sequence), config, None


def again(names: Sequence[str], wanted: Wanted, root: str = "") -> str:
    """`charnn train` with the texts, the options that are not at their defaults, and `root`, the options of --runs."""
    words = typed(names, wanted.options, wanted.reading, wanted.model, wanted.config)
    time = f"--budget {wanted.seconds:g}s" if wanted.seconds else ""
    return " ".join(filter(None, [words, time, root]))


def typed(names: Sequence[str], options: TaskConfig, *configs: Checked) -> str:
    """`charnn train` with the texts, and what of a task and of other configurations is not at its default."""
    words = [word for config in (options, *configs) for word in as_typed(config, TASKS[options.task].defaults)]
    files = ["CORPUS" if name == LIST else short_path(name) for name in names]
    return shlex.join(["charnn", "train", *files, *words])


@dataclass(frozen=True)
class Stopped:
    """A run as it was saved, its file, and the folder to go on in; None where the file is a copy."""

    run: Run
    path: Path
    folder: Folder | None
    runs: str | Path


def find(name: str | Path | None, runs: str | Path) -> Stopped:
    """The last state of a run, whose folder is kept from others. Raises `UsageError` for a file without that state."""
    expect("a run", name, str, Path, type(None))
    path = folder.find(None if name is None else str(name), runs, "last")
    own = Folder(path.parent)
    if path != own.last:  # a copy: whatever else is where it lies is none of this run
        return Stopped(_resumable(path), path, None, runs)
    if launcher.rank() == 0:
        own.lock()
    return Stopped(_resumable(path), path, own, runs)


def _resumable(path: Path) -> Run:
    run = checkpoint.load(path)
    run.path = path
    if not run.moments:
        raise UsageError(f"{path} holds only weights: resuming needs the run's last.npz")
    return run


def resume(stopped: Stopped, corpus: Any, changes: Mapping[str, Any]) -> Session:
    """Go on with a run; see `session.resume`. A copy of one goes on in a folder of its own."""
    run, path, changes = stopped.run, stopped.path, known(changes, *KINDS)
    reading = {"sequence": run.vocabulary.sequence, "invalid": run.origin.invalid}
    for name, was in {**vars(run.task), **vars(run.model.config), **reading}.items():
        if changes.get(name, was) not in (was, "auto"):
            raise UsageError(
                f"{path} has {flag(name)} {was}, and cannot be resumed with {changes[name]}: train a new run"
            )
    if run.environment_changes:
        _warn(f"this run was saved with {run.environment_changes}: it goes on, but not to the same last bits")
    before, where = run.config.workers, None if launcher.rank() else stopped.folder or stopped.runs
    corpus = corpus or tasks.make(run.task).reread(run)
    resumed = session.resume(run, corpus, where, own(TrainConfig, changes), path.stem)
    resumed.command = _anew(run, stopped.runs)
    if not stopped.folder and resumed.folder:
        _warn(f"{path} is no run's last.npz: it goes on as a run of its own in {resumed.folder.path}/")
    if run.config.workers != before:
        _warn(f"{run.config.workers} workers, {before} before: it goes on, but not to the same last bits")
    return resumed


def _anew(run: Run, runs: str | Path) -> str:
    """The command that begins such a run, without what was chosen for its time and this machine."""
    kept = {name: getattr(run.config, name) for name in ("valid_share", "shuffle", "seed", "rate")}
    reading = {"invalid": run.origin.invalid}
    if isinstance(run.vocabulary, Vocabulary):
        reading["sequence"] = run.vocabulary.sequence
    config = TrainConfig(**own(TrainConfig, {**TASKS[run.task.task].defaults, **kept}))
    words = typed(run.origin.names, run.task, ReadConfig(**reading), run.model.config, config)
    return words if str(runs) == folder.RUNS else f"{words} --runs {shlex.quote(str(runs))}"


def _warn(message: str) -> None:
    warnings.warn(f"note: {message}", CharnnWarning, stacklevel=4)
