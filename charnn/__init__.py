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
    from .api import evaluate, generate, load, read, stream, surprisal, tokenize, train
    from .config import ModelConfig, SampleConfig, TrainConfig
    from .corpus import Corpus
    from .errors import CharnnError, CheckpointError, DivergenceError, InputError, UsageError
    from .evaluation import Score
    from .run import Run
    from .session import Session, Validation
    from .training import Setback, Update
    from .vocabulary import Vocabulary

_HOMES = {
    "api": ("evaluate", "generate", "load", "read", "stream", "surprisal", "tokenize", "train"),
    "config": ("ModelConfig", "SampleConfig", "TrainConfig"),
    "corpus": ("Corpus",),
    "errors": ("CharnnError", "CheckpointError", "DivergenceError", "InputError", "UsageError"),
    "evaluation": ("Score",),
    "run": ("Run",),
    "session": ("Session", "Validation"),
    "training": ("Setback", "Update"),
    "vocabulary": ("Vocabulary",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CharnnError",
    "CheckpointError",
    "Corpus",
    "DivergenceError",
    "InputError",
    "ModelConfig",
    "Run",
    "SampleConfig",
    "Score",
    "Session",
    "Setback",
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
