"""charnn train"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from ..config import ModelConfig, TrainConfig
from ..conflicts import check
from ..errors import CharnnError, UsageError
from . import options, recipe, streams
from .signals import Stop, last_words

BUDGET = (
    "Time to train: 90s, 10m, 1h30m, or a number of minutes. Chooses the --hidden and --layers that are not given: the "
    "largest network that converges in this time on this machine."
)
TIMES = "minutes", "epochs", "steps"  # options that a budget stands for


@click.command("train")
@click.argument("corpus", nargs=-1)
@click.option("--resume", is_flag=True, help="Go on with a run (--name, or the newest) where it stopped.")
@click.option("--name", help="Name of the run; the corpus' by default.")
@recipe.option
@click.option("--budget", metavar="TIME", help=BUDGET)
@options.runs
@options.sequence
@options.invalid
@options.characters
@options.config_options(ModelConfig, TrainConfig)
@click.pass_context
def command(ctx: click.Context, /, corpus: tuple[str, ...], **params: Any) -> None:
    """Learn a text: a file or several (.gz, .bz2, .xz too), a tokenised file, or - for standard input.

    Without options it takes some minutes: 20 epochs, or 10 minutes, or until 10 validations in a row are no better.
    The best and the last state are kept in a folder of their own; Ctrl-C saves, and --resume goes on exactly there.

    \b
    charnn train corpus.txt
    charnn train names.txt --hidden 128 --epochs 20 --name small
    charnn train corpus.txt --budget 10m
    charnn train --resume --name small --epochs 40
    """
    if not corpus and not params["resume"]:
        raise click.UsageError("name a CORPUS to train on, or - for standard input, or --resume a run")
    asked = options.given(ctx)
    check(asked, asked)
    from ..parallel import launcher
    from ..terminal import console, opening

    if launcher.launched() > 1:
        launcher.join()
        pipe = any(map(streams.passing, corpus))
        check({"workers": params["workers"], "ranks": launcher.launched(), "pipe": pipe})
    if launcher.rank():  # rank 0 alone writes and draws
        console.mute()
    session, found = _resume(corpus, params, asked) if params["resume"] else _begin(corpus, params, asked)
    with Stop() as stop:
        with _watched(session):
            opening.show(session, found, params)
            progress = console.Progress(session)
            try:
                for event in session:
                    progress.show(event)
                    if stop.signal:
                        session.stop()
            finally:
                progress.close()
            if session.stopped:
                session.save()
        if session.stopped:
            console.saved(session)
            session.group.broadcast(None)  # the others wait: the first rank to die is the end of all
            stop.die()
        console.closing(session)


def _watched(session: Any) -> AbstractContextManager[None]:
    """Says how to go on should mpiexec end all ranks, since one of them was lost."""
    from ..terminal import console

    if session.group.ranks == 1 or session.folder is None:
        return nullcontext()
    return last_words(f"a rank was lost; `charnn train --resume {console.named(session.folder, '--name')}` goes on")


def _configs(params: dict[str, Any], seconds: float | None) -> tuple[ModelConfig, TrainConfig]:
    """What is asked for. A budget takes the place of a recipe's time; where a recipe does not fit in, it is shown."""
    if seconds:
        params = {**params, **dict.fromkeys(TIMES)}
    try:
        return options.pick(params, ModelConfig), options.pick(params, TrainConfig)
    except UsageError as error:
        if params["recipe"]:
            raise UsageError(f"{error} (--recipe {params['recipe']} is {recipe.words(params['recipe'])})") from None
        raise


def _sized(params: dict[str, Any], asked: dict[str, Any], seconds: float, model: Any, config: Any, found: Any) -> Any:
    """The configs with a budget's network and its time; says which, and why."""
    from ..terminal import console
    from ..training import budget

    said = {**recipe.fields(params["recipe"]), **asked}
    model, config, chosen = budget.sized(model, config, found, seconds, said.get("hidden"), said.get("layers"))
    console.note(f"budget {params['budget']}: {chosen}")
    return model, config


def _begin(corpus: tuple[str, ...], params: dict[str, Any], asked: dict[str, Any]):  # type: ignore[no-untyped-def]
    """A new run; a corpus from standard input or a pipe is kept in its folder, since nothing else keeps it."""
    from ..data import read, tokenized
    from ..parallel import launcher
    from ..runs.folder import Folder
    from ..terminal import console
    from ..training import budget, session

    seconds = budget.seconds(params["budget"]) if "budget" in asked else None
    model, config = _configs(params, seconds)
    config.refuse_idle(asked)

    def begin(found: Any, *where: Any) -> Any:
        configs = _sized(params, asked, seconds, model, config, found) if seconds else (model, config)
        return session.begin(found, *configs, *where)

    sources, name = streams.sources(corpus), params["name"]
    reading = {name: params[name] for name in ("sequence", "invalid", "characters")}
    if any(map(streams.passing, corpus)):
        folder = Folder.create(params["runs"], name or "stdin")
        try:
            tokenized.write(folder.path / "tokens.npz", sources, **reading)
        except BaseException:
            folder.path.rmdir()
            raise
        found = tokenized.read(folder.path / "tokens.npz")
        try:
            return begin(found, folder), found
        except CharnnError as error:
            raise type(error)(f"{error}; the text is kept, `charnn train {folder.path / 'tokens.npz'}`") from None
    where = None if launcher.rank() else params["runs"]
    found = read.read(*sources, watch=console.watch(sources), **reading)
    if params["sequence"] not in ("auto", found.vocabulary.sequence):
        raise UsageError(f"{corpus[0]} was tokenised with --sequence {found.vocabulary.sequence}: tokenise it anew")
    return begin(found, where, name), found


def _resume(corpus: tuple[str, ...], params: dict[str, Any], asked: dict[str, Any]):  # type: ignore[no-untyped-def]
    """A run as its last.npz left it; options that would make it another run are refused."""
    from ..parallel import launcher
    from ..runs import checkpoint
    from ..runs.corpus import own_corpus, read_as
    from ..runs.folder import Folder, find
    from ..terminal import console
    from ..training import session

    path = find(params["name"], params["runs"], "last")
    folder: Any = Folder(path.parent)
    if own := path == folder.last:
        if launcher.rank() == 0:
            folder.lock()
    else:  # a copy: whatever else is where it lies is none of this run
        folder = params["runs"]
    run = checkpoint.load(path)
    if not run.moments:
        raise UsageError(f"{path} holds only weights: resuming needs the run's last.npz")
    fixed = {**vars(run.model.config), "sequence": run.vocabulary.sequence, "invalid": run.origin.invalid}
    for name, was in fixed.items():
        if asked.get(name, was) not in (was, "auto"):
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{path} has {flag} {was}, and cannot be resumed with {asked[name]}: train a new run")
    changes = {name: value for name, value in asked.items() if name in options.names(TrainConfig)}
    if corpus:
        found = read_as(run, *streams.sources(corpus))
    else:
        found = own_corpus(run)
    if run.environment_changes:
        console.note(
            f"note: this run was saved with {run.environment_changes}: it goes on, but not to the same last bits"
        )
    was = run.config.workers
    resumed = session.resume(run, found, None if launcher.rank() else folder, changes, path.stem)
    if not own and resumed.folder:
        console.note(f"note: {path} is no run's last.npz: it goes on as a run of its own in {resumed.folder.path}/")
    if run.config.workers != was:
        console.note(f"note: {run.config.workers} workers, {was} before: it goes on, but not to the same last bits")
    return resumed, found
