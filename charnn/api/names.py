"""What `import charnn` gives: the verbs of the command line, for a notebook. `__all__` is the list of public names.

Where a run is wanted, the name of a run, its folder or its file do too. Where a text is wanted, there may be:

- a str: the text itself
- a `Path`: a file
- a list of names or paths: several files
- a `Corpus`: its held-out part
- for a model of pairs, a list of (left, right), or `Pairs`: their held-out part
- None: the held-out part of the run's own corpus
"""

from ..config import EvalConfig, ModelConfig, ReadConfig, SampleConfig, TrainConfig
from ..data.corpus import Corpus
from ..data.pairs import Pairs
from ..data.read import read
from ..data.vocabulary import Vocabulary
from ..errors import CharnnError, CharnnWarning, CheckpointError, DivergenceError, InputError, UsageError
from ..evaluation.characters import CharacterScores
from ..evaluation.evaluator import Evaluator
from ..evaluation.novelty import Novelty
from ..evaluation.overlap import Overlap
from ..evaluation.readers import Text
from ..evaluation.rows import CharacterScore, LineScore
from ..evaluation.score import Score
from ..exchange.export import Exported
from ..exchange.importing import import_torch
from ..inspection.attention import Attention
from ..inspection.automaton import Automaton
from ..inspection.drift import Drift
from ..inspection.gradcheck import CheckedGradient
from ..inspection.markov import Compared
from ..inspection.results import Gradients, Units
from ..inspection.unfolded.composition import Composition
from ..inspection.unfolded.paths import Paths
from ..inspection.unfolded.trace import Trace
from ..inspection.units import UnitReader, UnitRow
from ..runs.listing import RunSummary
from ..runs.run import Run
from ..sampling.adapt import Adaptation
from ..sampling.text import TextSample, TextSampler
from ..tasks.classifying import Classifier, Labelled
from ..tasks.filling import Doubt, Filler
from ..tasks.translating import Translation, Translator
from ..training.session import Session, Validation
from ..training.trainer import Rollback, Update
from ..verbs import ClassifyConfig, FillConfig, ProofConfig, TranslateConfig
from .evaluation import character_scores, evaluate, evaluator, line_scores, overlaps, surprisal, texts
from .inspection import (
    attention,
    automaton,
    composition,
    describe,
    drift,
    eigenvalues,
    gradcheck,
    gradients,
    markov,
    paths,
    trace,
    unit_reader,
    units,
)
from .lines import classifier, classify, fill, filler, proof, proofreader, translate, translations, translator
from .loading import export, list_runs, load, remove_run, rename_run, save
from .sampling import adapt, generate, next_characters, sampler, samples, stream
from .training import fit, resume, tokenize, train

__all__ = [
    "Adaptation",
    "Attention",
    "Automaton",
    "CharacterScore",
    "CharacterScores",
    "CharnnError",
    "CharnnWarning",
    "CheckedGradient",
    "CheckpointError",
    "Classifier",
    "ClassifyConfig",
    "Compared",
    "Composition",
    "Corpus",
    "DivergenceError",
    "Doubt",
    "Drift",
    "EvalConfig",
    "Evaluator",
    "Exported",
    "FillConfig",
    "Filler",
    "Gradients",
    "InputError",
    "Labelled",
    "LineScore",
    "ModelConfig",
    "Novelty",
    "Overlap",
    "Pairs",
    "Paths",
    "ProofConfig",
    "ReadConfig",
    "Rollback",
    "Run",
    "RunSummary",
    "SampleConfig",
    "Score",
    "Session",
    "Text",
    "TextSample",
    "TextSampler",
    "Trace",
    "TrainConfig",
    "TranslateConfig",
    "Translation",
    "Translator",
    "UnitReader",
    "UnitRow",
    "Units",
    "Update",
    "UsageError",
    "Validation",
    "Vocabulary",
    "adapt",
    "attention",
    "automaton",
    "character_scores",
    "classifier",
    "classify",
    "composition",
    "describe",
    "drift",
    "eigenvalues",
    "evaluate",
    "evaluator",
    "export",
    "fill",
    "filler",
    "fit",
    "generate",
    "gradcheck",
    "gradients",
    "import_torch",
    "line_scores",
    "list_runs",
    "load",
    "markov",
    "next_characters",
    "overlaps",
    "paths",
    "proof",
    "proofreader",
    "read",
    "remove_run",
    "rename_run",
    "resume",
    "sampler",
    "samples",
    "save",
    "stream",
    "surprisal",
    "texts",
    "tokenize",
    "trace",
    "train",
    "translate",
    "translations",
    "translator",
    "unit_reader",
    "units",
]
