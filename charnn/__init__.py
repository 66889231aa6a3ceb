"""Character-level recurrent networks: train, sample and evaluate them from the shell or from Python.

>>> import charnn
>>> session = charnn.train("corpora/names.txt", hidden=64, epochs=5, out=None)  # doctest: +SKIP
>>> for event in session: ...  # doctest: +SKIP
>>> charnn.generate(session.run, 5, temp=0.8)  # doctest: +SKIP

NumPy is imported when the first of these names is used, so that the command line answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .api import evaluate, generate, load, stream, surprisal, tokenize, train
    from .config import ModelConfig, SampleConfig, TrainConfig
    from .data.corpus import Corpus
    from .data.read import read
    from .data.vocabulary import Vocabulary
    from .errors import CharnnError, CheckpointError, DivergenceError, InputError, UsageError
    from .evaluation.score import Score
    from .runs.run import Run
    from .training.session import Session, Validation
    from .training.trainer import Rollback, Update

_HOMES = {
    "api": ("evaluate", "generate", "load", "read", "stream", "surprisal", "tokenize", "train"),
    "config": ("ModelConfig", "SampleConfig", "TrainConfig"),
    "data.corpus": ("Corpus",),
    "data.vocabulary": ("Vocabulary",),
    "errors": ("CharnnError", "CheckpointError", "DivergenceError", "InputError", "UsageError"),
    "evaluation.score": ("Score",),
    "runs.run": ("Run",),
    "training.session": ("Session", "Validation"),
    "training.trainer": ("Rollback", "Update"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CharnnError",
    "CheckpointError",
    "Corpus",
    "DivergenceError",
    "InputError",
    "ModelConfig",
    "Rollback",
    "Run",
    "SampleConfig",
    "Score",
    "Session",
    "TrainConfig",
    "Update",
    "UsageError",
    "Validation",
    "Vocabulary",
    "evaluate",
    "generate",
    "load",
    "read",
    "stream",
    "surprisal",
    "tokenize",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
