"""Texts to corpora, and corpora to runs that train."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

from ..config import ReadConfig
from ..conflicts import check
from ..data import tokenized
from ..data.corpus import Corpus
from ..data.pairs import PairList, Pairs
from ..errors import CharnnError, UsageError, expect
from ..io import text
from ..io.text import Source, Watch
from ..parallel import launcher
from ..runs import folder
from ..runs.folder import Folder
from ..runs.run import Run
from ..tasks import base as tasks
from ..training import start as starting
from ..training.recipes import Recipe
from ..training.session import Session
from .loading import RunLike, load

CorpusLike = Corpus | Pairs | str | Path | Source | Sequence[str | Path | Source] | PairList  # or names of files


def tokenize(
    out: str | Path,
    *paths: str | Path | Source,
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
    characters: str = "",
) -> Corpus:
    """Write texts of any size to a tokenised file in bounded memory, and return it as a corpus.

    Symbols are reserved for `characters`, whether the texts have them or not.
    """
    expect("the file to write", out, str, Path)
    ReadConfig(sequence=sequence, invalid=invalid, characters=characters)
    tokenized.write(out, text.file_sources(paths), sequence, invalid, watch, characters)
    return tokenized.read(out)


def train(
    source: CorpusLike,
    *,
    runs: str | Path | None = folder.RUNS,
    name: str | None = None,
    recipe: str | Recipe | None = None,
    budget: str | float | None = None,
    keep_text: bool = False,
    watch: Watch = iter,
    start: RunLike | None = None,
    **changes: Any,
) -> Session:
    """A new run on a corpus, a file or several, or pairs (left, right). Iterate to train; `.run` holds the network.

    `changes` are options, the fields of `ReadConfig`, `TaskConfig`, `ModelConfig` and `TrainConfig`. They take the
    place of those of the `recipe` of this name. A `budget` is a time, like 10m, or a number of minutes: it chooses the
    sizes that are not given; `.choice` says why. The run is kept below `runs`, or nowhere (None), as `name`; with
    `keep_text` the text is kept in its folder.
    With `start` the weights are those of this trained run, or of the one of this name, folder or file; other options
    of a network than dropout cannot change.
    `watch` passes on the bytes that are read, to show progress.

    BLAS uses what threads it likes; set OPENBLAS_NUM_THREADS=1 before NumPy is imported to give them to `workers`.

    >>> session = train("names.txt", hidden=128, epochs=10)  # doctest: +SKIP
    >>> for event in session: print(event)  # doctest: +SKIP
    """
    runs = changes.pop("out", runs)  # as version 0.1 called it
    expect("runs", runs, str, Path, type(None))
    expect("name", name, str, type(None))
    expect("recipe", recipe, str, Recipe, type(None))
    expect("budget", budget, str, int, float, type(None))
    expect("start", start, str, Path, Run, type(None))
    asked = {**changes, **{key: value for key, value in (("recipe", recipe), ("budget", budget)) if value is not None}}
    check({**asked, "from": start, "ranks": launcher.launched(), "pipe": keep_text}, asked)
    found = load(start, runs or folder.RUNS) if isinstance(start, str | Path) else start
    wanted = starting.wanted(changes, recipe, budget, found)
    where = None if launcher.rank() else runs  # rank 0 alone writes
    if keep_text and isinstance(source, Corpus | Pairs):
        raise UsageError("keep_text is for texts, and this is a corpus already: leave it out")
    if not keep_text or where is None:
        return starting.begin(_corpus(source, wanted, watch), wanted, where, name)
    return _train_on_kept_text(source, wanted, Folder.create(where, name or "stdin"))


def _train_on_kept_text(source: CorpusLike, wanted: starting.Wanted, kept: Folder) -> Session:
    """A new run on a text that can be read only once, and is kept in the run's folder."""
    task = tasks.make(wanted.options)
    path = kept.path / task.kept_as
    try:
        task.keep(path, task.sources(source), **wanted.reads)
        corpus = task.read([text.file_source(path)])
    except BaseException:
        rmtree(kept.path)
        raise
    try:
        return starting.begin(corpus, wanted, kept)
    except CharnnError as error:
        again = starting.typed([str(path)], wanted.options)
        raise type(error)(f"{error}; the text is kept, `{again}`") from None
    except BaseException:
        rmtree(kept.path)
        raise


def fit(source: CorpusLike, **changes: Any) -> Run:
    """Train a new run to its end, and return it; on a terminal with a bar. `changes` are arguments of `train`.

    Ctrl-C ends training after the update at hand; the run is then as it was left, and `resume` goes on with it.

    >>> run = fit("names.txt", minutes=1)  # doctest: +SKIP
    """
    from ..terminal.progress import follow  # not before it is needed: it imports rich and tqdm

    session = train(source, **changes)
    follow(session)
    return session.run


def resume(
    run: str | Path | None = None,
    source: CorpusLike | None = None,
    *,
    runs: str | Path = folder.RUNS,
    watch: Watch = iter,
    **changes: Any,
) -> Session:
    """Go on with a run, by its name, folder or file, or with the newest, exactly where its last.npz left it.

    Its corpus is found where it was, or is given as `source`. `changes` are fields of `TrainConfig`, like a larger
    number of `epochs`. Warns where the last bits will not be those of a run that was never interrupted. Raises
    `UsageError` for changes that would make it another run, `InputError` for another corpus.

    >>> for event in resume("names", epochs=20): print(event)  # doctest: +SKIP
    """
    check({**changes, "resume": True, "ranks": launcher.launched()}, changes)
    stopped = starting.find(run, runs)
    corpus: Any = source
    task = tasks.make(stopped.run.task)
    if isinstance(source, Corpus | Pairs):
        task.assert_takes(source)
    elif source is not None:
        corpus = task.reread(stopped.run, task.sources(source), watch)
    return starting.resume(stopped, corpus, changes)


def _corpus(source: CorpusLike, wanted: starting.Wanted, watch: Watch) -> Any:
    task = tasks.make(wanted.options)
    if isinstance(source, Corpus | Pairs):
        task.assert_takes(source)
        return source
    return task.read(task.sources(source), watch, **wanted.reads)
