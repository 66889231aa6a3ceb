"""charnn train"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from ..config import ModelConfig, ReadConfig, TaskConfig, TrainConfig
from ..conflicts import check
from ..options import own
from ..parallel import launcher
from . import options, recipe, streams
from .shell import groups, settings
from .shell.help import Command
from .shell.types import File, RunName
from .signals import Stop, last_words, unwinding

if TYPE_CHECKING:
    from ..api import Session

BUDGET = (
    "Time to train: 90s, 10m, 1h30m, or a number of minutes. Chooses the --hidden and --layers that are not given: the "
    "largest network that converges in this time on this machine."
)
GROUPS = groups.TEXT, groups.NETWORK, groups.VARIANTS, groups.TRAINING, groups.BUDGET, groups.RUN
FROM = "Start from the weights of a trained run: its name, folder or file. The sizes of the network are those of it."


@click.command("train", cls=Command, groups=GROUPS)
@click.argument("corpus", nargs=-1, type=File())
@options.grouped(
    groups.RUN, "--resume", chief=True, is_flag=True, help="Continue a run (--name, or the newest) where it stopped."
)
@options.grouped(groups.RUN, "--name", type=RunName(), chief=True, help="Name of the run (default: that of the text).")
@recipe.option
@options.grouped(groups.BUDGET, "--budget", chief=True, metavar="TIME", help=BUDGET)
@options.runs
@options.grouped(groups.RUN, "--from", type=RunName(), metavar="RUN", help=FROM)
@options.config_options(ReadConfig, TaskConfig, ModelConfig, TrainConfig)
@click.pass_context
def command(ctx: click.Context, /, corpus: tuple[str, ...], **params: Any) -> None:
    """Learn a text: a file or several (.gz, .bz2, .xz too), a tokenised file, or - for standard input.

    Training lasts 20 epochs, or 10 minutes, or until 10 validations in a row are no better. The run's folder keeps
    the best and the last state. Ctrl-C saves the run, and --resume continues exactly there.

    \b
    charnn train corpus.txt
    charnn train names.txt --hidden 128 --epochs 20 --name small
    charnn train corpus.txt --budget 10m
    charnn train pairs.tsv --task classify
    charnn train --resume --name small --epochs 40
    """
    if not corpus and not params["resume"]:
        raise click.UsageError("name a CORPUS to train on, or - for standard input, or --resume a run")
    from ..terminal import console, opening

    asked = options.given(ctx)
    check(asked, asked)
    if launcher.launched() > 1:
        launcher.join()
    if launcher.rank():  # rank 0 alone writes and draws
        console.mute()
    if told := str(settings.of(ctx)):
        console.note(told)
    with console.working("reading the text and counting its n-grams"):
        session = _session(corpus, params, asked)
    with Stop() as stop:
        with _watched(session):
            opening.show(session, params["recipe"])
            _follow(session, stop)
        if session.stopped:
            console.saved(session)
            session.group.broadcast(None)  # the others wait: the first rank to die is the end of all
            stop.die()
        console.closing(session)


def _session(corpus: tuple[str, ...], params: dict[str, Any], asked: dict[str, Any]) -> "Session":
    """The run to train: a new one, or one that goes on."""
    from .. import api
    from ..terminal import console

    changes = {
        name: value
        for kind in (ReadConfig, TaskConfig, ModelConfig, TrainConfig)
        for name, value in own(kind, asked).items()
    }
    sources = streams.sources(corpus)
    if params["resume"]:
        return api.resume(params["name"], sources or None, runs=params["runs"], **changes)
    keep = any(map(streams.passing, corpus))
    with unwinding() if keep else nullcontext():
        session = api.train(
            sources,
            **{name: params[name] for name in ("runs", "name", "budget")},
            recipe=params["recipe"] and recipe.named(click.get_current_context(), params["recipe"]),
            start=params["from"],
            keep_text=keep,
            watch=console.watch(sources),
            **changes,
        )
    _doubt(session)
    if session.choice:
        time = f"--budget {params['budget']}" if params["budget"] else f"--minutes {session.run.config.minutes:g}"
        console.note(f"size for {time}: {session.choice}")
    return session


def _doubt(session: "Session") -> None:
    """Say where the held-out part is unlike the other one, and what helps."""
    from ..terminal import console

    plan = session.plan
    if session.group.rank == 0 and (found := plan.task.doubts(plan.train, plan.valid, plan.vocabulary)):
        helps = "" if plan.config.shuffle else "; --shuffle holds out sequences from everywhere"
        console.note(f"warning: the held-out part is unlike the part that is trained on: {found}{helps}")


def _follow(session: "Session", stop: Stop) -> None:
    """Train to the end, or until a signal comes: then the run is saved."""
    from ..terminal.progress import Progress

    progress = Progress(session)
    try:
        for event in session:
            progress.show(event)
            if stop.signal:
                session.stop()
    finally:
        progress.close()
    if session.stopped:
        session.save()


def _watched(session: "Session") -> AbstractContextManager[None]:
    """Says how to go on should mpiexec end all ranks, since one of them was lost."""
    from ..terminal import console

    if session.group.ranks == 1 or session.folder is None:
        return nullcontext()
    return last_words(f"a rank was lost; `charnn train --resume {console.named(session.folder, '--name')}` goes on")
