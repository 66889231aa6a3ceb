"""Training as a user sees it: updates, validations, and a folder that keeps the best and the last."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..config import TEXT, ModelConfig, TaskConfig, TrainConfig
from ..conflicts import check
from ..errors import CharnnError, DivergenceError, UsageError
from ..machine import cores
from ..options import flag, plain
from ..parallel.choose import worker_group
from ..runs import checkpoint
from ..runs.corpus import assert_same_corpus
from ..runs.folder import Folder
from ..runs.run import CorpusInfo, Run
from ..tasks.base import Validated
from . import advice, finetune, schedules, tune
from .budget import SizeChoice
from .plan import Plan, new_run, resolve
from .trainer import Rollback, Trainer, Update

# What no resuming changes
FIXED_OPTIONS = (
    "scheme",
    "batch",
    "window",
    "optimizer",
    "average",
    "state",
    "valid_share",
    "shuffle",
    "seed",
    "freeze",
)
MIN_PROCESSES = 2  # workers that a resumed run may have, for the same bits, whatever the cores at hand


@dataclass(frozen=True)
class Validation:
    """The held-out part was scored, and the run saved. Losses in bits, per character or whatever else the task counts;
    `train` since the last one. `figures` are what else the task says.
    """

    step: int
    epoch: float
    train: float
    valid: float
    best: bool
    sample: str
    figures: Mapping[str, float] = field(default_factory=dict)


Event = Update | Rollback | Validation


class Session:
    """A run, the plan that it follows, and the folder it is kept in (or None).

    Iterating trains: it yields an `Update` for each window, and a `Validation` or a `Rollback` where there is one. It
    ends when a budget or patience is spent. Between two events everything is whole: leave the loop, `save`, and a later
    session on the same folder goes on exactly there.
    """

    def __init__(self, run: Run, plan: Plan, folder: Folder | None = None):
        self.run, self.plan, self.folder = run, plan, folder
        self.corpus: Any = None  # that it was begun or resumed with
        self.asked: TrainConfig | None = None  # of a new run, before anything was fitted to the text
        self.command = "charnn train CORPUS"  # what a new run was begun by, as a shell reads it
        self.choice: SizeChoice | None = None  # of a budget: the network that converges in it
        if folder:
            folder.lock()
        self.group = worker_group(run.config.workers or 1)
        self.trainer = Trainer(run, plan, self.group)

    def __repr__(self) -> str:
        return f"<Session of {self.run!r}: {self.trainer.progress:.0%} done; iterate over it to train>"

    @property
    def finished(self) -> str | None:
        """Why there is nothing more to do, or None."""
        run = self.run
        if self.trainer.progress >= 1:
            name = schedules.spent(run.config, steps=run.step, epochs=self.trainer.epochs, seconds=run.seconds)
            limit = plain(getattr(run.config, name))
            return f"{limit} of {limit} {name}"
        if run.config.patience and run.bad_validations >= run.config.patience:
            return f"no better validation in {run.bad_validations}"
        return None

    def __iter__(self) -> Iterator[Event]:
        run = self.run
        while not self.trainer.stopped:
            ended = self.finished
            if run.step > run.validated and (ended or run.step % (run.config.validate_every or 1) == 0):
                work: Callable[[], Event] = self.validate
            elif ended:
                break
            else:
                work = self.trainer.update
            try:
                event = work()
            except DivergenceError:
                self.save()  # the last good state
                raise
            if isinstance(event, Rollback) and self.folder:
                self.folder.write({"step": run.step, "setback": event.failed, "rate": event.rate})
            yield event
        self.group.close()

    def stop(self) -> None:
        """End before the next update; under MPI after it, when all ranks know."""
        self.trainer.asked = True
        self.trainer.stopped |= self.group.ranks == 1

    @property
    def stopped(self) -> bool:
        """Whether it ends, or ended, because `stop` was called, here or on another rank."""
        return self.trainer.stopped

    def save(self, best: bool = False) -> None:
        """Keep the run as it is now in last.npz, and in best.npz. All ranks must come here: their rows are gathered."""
        for rows in self.run.state:
            self.group.all_gather(rows)
        if self.folder:
            self.folder.save(self.run, best=best)
        self.group.broadcast(None)  # the others wait until it is written

    def validate(self) -> Validation | Rollback:
        """Score the held-out part, note it, and save; or find that the network is beyond use, and set it back."""
        run = self.run
        self.group.assert_in_sync(run.weights.flat)
        found = self.group.broadcast(self._validated(self.plan.valid) if self.group.rank == 0 else None)
        if not self.trainer.sane(found.loss, found.trivial):
            return self.trainer.roll_back()
        record = {
            "step": run.step,
            "epoch": self.trainer.epochs,
            "train": run.nats / max(1, run.count) / math.log(2),
            "valid": found.loss / math.log(2),
            **found.figures,
        }
        task = self.plan.task
        most = max((one[task.right] for one in run.history), default=0.0) if task.right else 0.0
        better = run.best is None or task.better(record, run.best_record, most)
        if better:
            run.best, run.best_step, run.bad_validations = found.loss, run.step, 0
        else:
            run.bad_validations += 1
            count = schedules.make(run.config).halve_after
            if count and run.bad_validations % count == 0:
                run.rate_factor /= 2
        run.nats, run.count = 0.0, 0
        run.note(record)
        sample = self.plan.task.example(run, self.plan.valid)
        event = Validation(run.step, record["epoch"], record["train"], record["valid"], better, sample, found.figures)
        self.trainer.take_snapshot()
        if self.folder:
            told = {**record, "best": better, "sample": sample}
            self.folder.write(told | ({"seconds": round(run.seconds, 1)} if run.config.minutes else {}))
        self.save(best=better)
        return event

    def advice(self, where: str = "") -> str:
        """What is worth trying next, on rank 0; `where` are the options that name the run. See `advice.advice`."""
        if self.group.rank or self.run.start or not self.run.history or advice.solved(self.run, self.plan.task):
            return ""
        known = math.nan
        if len(self.run.history) >= advice.MIN_HISTORY:
            known = self._validated(self.plan.task.last(self.plan.train)).loss / math.log(2)
        return advice.advice(self.run, known, where, self.command)

    def forgotten(self) -> tuple[float, float] | None:
        """What the best weights so far have forgotten, on rank 0; see `finetune.forgotten`."""
        if self.group.rank or self.run.start is None:
            return None
        best = self.folder and self.folder.best.is_file()
        return finetune.forgotten(checkpoint.load(self.folder.best) if self.folder and best else self.run)

    def _validated(self, part: Any) -> Validated:
        """What a part of the corpus says of the network as it is now."""
        return self.plan.task.validate(self.run, part, self.group.size // self.group.ranks)


def begin(
    corpus: Any,
    model: ModelConfig,
    config: TrainConfig,
    where: Folder | str | Path | None,
    name: str | None = None,
    options: TaskConfig = TEXT,
) -> Session:
    """A new run on a corpus, kept in a folder, in a new one called `name` below a path, or nowhere (None)."""
    return keep(*new(corpus, model, config, options), corpus, where, name)


def new(corpus: Any, model: ModelConfig, config: TrainConfig, options: TaskConfig = TEXT) -> tuple[Run, Plan]:
    """A new run on a corpus, and the plan that it will follow."""
    check({**vars(model), **vars(config)})
    plan = resolve(corpus, model, config, options)
    plan.check_memory()
    counted = plan.task.baselines(corpus, plan.train, plan.valid)
    size = plan.task.count(plan.train) + plan.task.count(plan.valid)
    run = new_run(plan, CorpusInfo(corpus.names, corpus.sha256, size, corpus.invalid, counted))
    if config.workers is None and options == TEXT:
        plan = _share_as_measured(plan, run)
    return run, plan


def _share_as_measured(plan: Plan, run: Run) -> Plan:
    """The plan, and its new run, with as many workers as are the fastest on this machine; see `tune.choose_workers`."""
    size, symbols = plan.scheme.size, plan.task.count_laid_out(plan.batches)
    work = tune.expected_multiplications(plan.config, run.weights.count, size, symbols)
    shared = replace(plan, config=replace(plan.config, workers=tune.choose_workers(run.network, plan.config, work)))
    try:
        shared.check_memory()
    except CharnnError:  # which the workers of the plan had enough of
        return plan
    run.config = shared.config
    return shared


def keep(run: Run, plan: Plan, corpus: Any, where: Folder | str | Path | None, name: str | None = None) -> Session:
    """A session of a new run, which is saved: in a folder, in a new one called `name` below a path, or nowhere."""
    if isinstance(where, str | Path):
        where = Folder.create(where, name or corpus.name)
    session = Session(run, plan, where)
    session.corpus = corpus
    session.save()  # what cannot be written is found out now, not after hours
    return session


def resume(
    run: Run, corpus: Any, where: Folder | str | Path | None, changes: dict[str, Any], name: str | None = None
) -> Session:
    """Go on with a run as its last.npz left it, with `changes` to its `TrainConfig`.

    The run is kept in its folder, in a new one called `name` below a path, or nowhere (None).
    Raises `InputError` where the corpus is not the run's, `UsageError` where a change would make it another run.
    """
    assert_same_corpus(corpus, run)
    other = changes.get("scheme", run.config.scheme) != run.config.scheme
    own = dict.fromkeys(run.config.options_of("scheme")) if other else {}  # which the other scheme may not have
    changes = {"workers": min(run.config.workers or 1, max(MIN_PROCESSES, cores())), **changes}
    plan = resolve(corpus, run.model.config, replace(run.config, **{**own, **changes}), run.task)
    for option in (*FIXED_OPTIONS, *run.config.options_of("scheme")):
        was, now = getattr(run.config, option), getattr(plan.config, option)
        if option in changes and was != now:
            how = f"without {flag(option)}" if was is None else f"with {flag(option)} {was},"
            raise UsageError(f"this run was trained {how} and cannot be resumed with {now}: train a new run")
    plan.config.refuse_idle(changes)
    plan.check_memory()
    run.config, run.origin = plan.config, replace(run.origin, names=corpus.names)  # which may have moved
    if isinstance(where, Folder):
        where.lock()  # another training may be at work on this log
        where.rewind(run.validated, run.rollbacks)
    elif where is not None:
        where = Folder.create(where, name or corpus.name)
    session = Session(run, plan, where)
    session.corpus = corpus
    return session
