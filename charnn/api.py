"""What `import charnn` gives: the verbs of the command line, for a notebook. `__all__` is the list of public names."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from .config import ModelConfig, SampleConfig, TrainConfig
from .data import tokenized
from .data.corpus import Corpus
from .data.read import read
from .data.vocabulary import Vocabulary
from .errors import CharnnError, CheckpointError, DivergenceError, InputError, UsageError
from .evaluation import overlap, score
from .evaluation.characters import CharacterScores
from .evaluation.overlap import Overlap
from .evaluation.score import Score
from .exchange.export import Exported, export
from .exchange.importing import import_torch
from .inspection.activations import ActivationReader
from .inspection.gradients import gradients_by_lag
from .inspection.probes import MAX_INSPECTED, spectra
from .inspection.results import Gradients, Units
from .io import text
from .io.lazy import Ids, pieces
from .io.text import Watch
from .runs import checkpoint, folder
from .runs.corpus import PUT_BACK, held_out, own_corpus
from .runs.run import Run
from .sampling import sampler
from .training import session
from .training.session import Session, Validation
from .training.trainer import Rollback, Update

__all__ = [
    "CharacterScores",
    "CharnnError",
    "CheckpointError",
    "Corpus",
    "DivergenceError",
    "Exported",
    "Gradients",
    "InputError",
    "ModelConfig",
    "Rollback",
    "Run",
    "SampleConfig",
    "Score",
    "Session",
    "TrainConfig",
    "Units",
    "Update",
    "UsageError",
    "Validation",
    "Vocabulary",
    "character_scores",
    "evaluate",
    "export",
    "generate",
    "gradients",
    "import_torch",
    "load",
    "read",
    "stream",
    "surprisal",
    "tokenize",
    "train",
    "units",
]


def tokenize(
    out: str | Path,
    *paths: str | Path,
    sequence: str = "auto",
    invalid: str = "error",
    watch: Watch = iter,
    characters: str = "",
) -> Corpus:
    """Write texts of any size to a tokenised file in bounded memory, and return it as a corpus.

    Symbols are reserved for `characters`, whether the texts have them or not.
    """
    tokenized.write(out, [text.file_source(str(path)) for path in paths], sequence, invalid, watch, characters)
    return tokenized.read(out)


def train(
    source: Corpus | str | Path, *, out: str | Path | None = folder.RUNS, name: str | None = None, **options: Any
) -> Session:
    """A new run on a corpus. Iterate over it to train; `.run` holds the network.

    `options` are the fields of `ModelConfig` and `TrainConfig`. The run is kept below `out`, or nowhere (None).
    BLAS uses what threads it likes; set OPENBLAS_NUM_THREADS=1 before NumPy is imported to give them to `workers`.

    >>> session = train("names.txt", hidden=128, epochs=10)  # doctest: +SKIP
    >>> for event in session: print(event)  # doctest: +SKIP
    """
    data = source if isinstance(source, Corpus) else read(source)
    model, config = configure(options, ModelConfig, TrainConfig)
    config.refuse_idle(options)
    return session.begin(data, model, config, out, name)


def load(model: str | Path | None = None, root: str | Path = folder.RUNS) -> Run:
    """A trained run by its name, folder or file; the newest below `root` without one. Raises `CheckpointError`."""
    return checkpoint.load(folder.find(None if model is None else str(model), root))


def stream(run: Run, prime: str = "", *, past_end: bool = False, workers: int = 1, **options: Any) -> Iterator[str]:
    """Characters of one sample as they are drawn, the prime not among them; `options` are `SampleConfig`'s fields.

    The end of the sequence is not a character of it; with `past_end` it is one like any other. A second of the
    `workers` helps where a network is large.
    """
    (config,) = configure(options, SampleConfig)
    ids = encode(run, prime, "the prime")
    drawn = sampler.stream(run.network, config, _rng(config), ids, past_end=past_end, workers=workers)
    yield from run.vocabulary.texts(symbol for symbol in drawn if symbol or past_end)


def generate(run: Run, count: int = 1, prime: str = "", *, workers: int = 1, **options: Any) -> list[str]:
    """Samples, the prime before each, without their ends, by so many processes; `options` as for `stream`."""
    (config,) = configure({**options, "count": count}, SampleConfig)
    ids = encode(run, prime, "the prime")
    batches = sampler.batches(run.network, config, ids, workers=workers)
    return [prime + run.vocabulary.decode(sample.ids) for samples in batches for sample in samples]


def evaluate(run: Run, what: str | Corpus | None = None, *, workers: int = 1) -> Score:
    """The score of a text, or of a corpus' held-out part, or of the run's own held-out part (None): exact, and by so
    many processes where sequences do not depend on each other."""
    if isinstance(what, str):
        ids: Ids = encode(run, what)
    else:
        ids = held_out(run, what)
    return score.evaluate(run.network, ids, workers=workers)


def surprisal(run: Run, what: str) -> np.ndarray:
    """Surprisal of each character of a text in nats, (N,)."""
    pieces = score.surprisal(run.network, run.vocabulary.encode([what]))
    return np.concatenate([np.empty(0), *(nats for nats, _ in pieces)])


def character_scores(run: Run, what: str) -> CharacterScores:
    """Surprisal of each character of a text in bits; a notebook shows the text in shades."""
    bits = surprisal(run, what) / math.log(2)
    return CharacterScores([*run.vocabulary.texts(encode(run, what).tolist())], bits.tolist())


def gradients(run: Run, what: str | Corpus | None = None, lags: int = 50) -> Gradients:
    """How far gradients reach back in a text, in a corpus' held-out part, or in that of the run (None).

    A notebook shows the norms by lag. Raises `InputError` where the text is shorter than the lags.
    """
    ids = encode(run, what) if isinstance(what, str) else np.asarray(held_out(run, what)[:MAX_INSPECTED])
    return Gradients(*gradients_by_lag(run.network, ids, lags), spectra(run.network))


def units(run: Run, what: str, gates: bool = False) -> Units:
    """Activations of every layer's units, or of its gates, after each character of a text.

    A notebook shows them in shades. Raises `UsageError` for gates of a network without any.
    """
    ids, reader = encode(run, what), ActivationReader(run.network, gates)
    found = reader.read(ids)
    most = 1.0 if reader.bounded else max(float(np.abs(h).max(initial=0)) for h in found) or 1.0
    names = (f"layer {block.name}" for block in reader.blocks)
    return Units([*run.vocabulary.texts(ids.tolist())], dict(zip(names, found, strict=True)), most)


def copied(run: Run, texts: Sequence[str | np.ndarray], data: Corpus | None = None) -> list[Overlap]:
    """What of each text, or its ids, stands word for word in the part of its corpus that a run was trained on."""
    train = (data or own_corpus(run, PUT_BACK)).split(run.config.valid)[0]
    return overlap.overlaps([encode(run, one) if isinstance(one, str) else one for one in texts], lambda: pieces(train))


def configure(options: dict[str, Any], *kinds: type) -> list[Any]:
    """Dataclasses made of those options that are their fields. Raises `UsageError` for one that is nobody's."""
    known = [{f.name for f in fields(kind)} for kind in kinds]
    if stray := sorted(options.keys() - set().union(*known)):
        raise UsageError(f"there is no option {stray[0]}; there are {', '.join(sorted(set().union(*known)))}")
    return [kind(**{n: options[n] for n in names & options.keys()}) for kind, names in zip(kinds, known, strict=True)]


def _rng(config: SampleConfig) -> np.random.Generator:
    return np.random.default_rng(config.seed)


def encode(run: Run, what: str, name: str = "the text", unknown: str = "error") -> np.ndarray:
    """Ids of a text in a run's vocabulary, (N,). Raises `InputError` for characters that it does not have."""
    return run.vocabulary.ids(what, name, unknown)
