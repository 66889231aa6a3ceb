"""Elman (1990), done again: trains the four networks, measures and draws what docs/elman-1990.md shows.

    OPENBLAS_NUM_THREADS=1 python docs/elman_1990.py [--seeds 0 1 2 3] [--write] [--texts FOLDER]

Prints the figures of each experiment and seed. `--write` puts those of the first seed into the page and draws its
pictures; it needs SciPy, for the tree. `--texts` writes what the networks learn and read, for the command line.
"""

import argparse
import importlib.util
import io
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import charnn
from charnn.inspection.activations import ActivationReader
from charnn.io.text import Source
from charnn.pictures import charts, trees
from charnn.pictures.charts import Bars

HERE = Path(__file__).parent
PAGE = HERE / "elman-1990.md"
FRESH = 1000  # seed of the texts that are no corpora
TRIPLES, SENTENCES = 10_000, 100_000  # to learn from


def _make() -> ModuleType:
    """corpora/make.py, which is a script, not a package."""
    spec = importlib.util.spec_from_file_location("corpora_make", HERE.parent / "corpora" / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = _make()
WORDS = tuple(sorted({word for choices in make.CATEGORIES.values() for word in choices}))
SYMBOLS = dict(zip(WORDS, "abcdefghijklmnopqrstuvwxyzABC", strict=True))  # a character for each of the 29 words
NOUNS, VERBS = (
    frozenset(word for name, choices in make.CATEGORIES.items() if name.startswith(kind) for word in choices)
    for kind in ("NOUN", "VERB")
)
ANIMATES = frozenset(word for name in ("HUM", "ANIM", "AGRESS") for word in make.CATEGORIES[f"NOUN-{name}"])


def symbols(lines: str) -> str:
    """Sentences, one a line, as one stream of characters, a word each, with no mark where a sentence ends."""
    return "".join(SYMBOLS[word] for word in lines.split())


def _spelt(words: Iterable[str]) -> list[list[str]]:
    """Templates whose every place has a single choice."""
    return [list(word) for word in words]


class Experiment(NamedTuple):
    templates: Sequence[Sequence[Sequence[str]]]  # of its source, for `make.surprisal`
    learnt: str
    read: str  # what the trained network is measured on, and has never seen
    options: dict[str, Any]


def _corpus(name: str) -> str:
    return (HERE.parent / "corpora" / f"elman-{name}.txt").read_text("ascii").rstrip("\n")


def experiments() -> dict[str, Experiment]:
    """The four of the paper. Either what is learnt or what is read is the corpus; the other is fresh."""
    plain = {"cell": "elman", "layers": 1, "activation": "tanh", "skip": False, "dropout": 0.0}
    small = {**plain, "batch": 10, "window": 27, "rate": 0.01}
    return {
        "xor": Experiment(
            _spelt(f"{a}{b}{a ^ b}" for a in (0, 1) for b in (0, 1)),
            make.xor(Random(FRESH), TRIPLES),
            _corpus("xor"),
            {**small, "hidden": 20, "epochs": 20, "batch": 20, "window": 30},
        ),
        "letters": Experiment(
            _spelt(make.SYLLABLES),
            _corpus("letters"),
            make.letters(Random(FRESH)),
            {**small, "hidden": 20, "epochs": 20},
        ),
        "words": Experiment(
            _spelt(make.WORDS),
            _corpus("words"),
            make.words(Random(FRESH)),
            {**small, "hidden": 20, "epochs": 10},
        ),
        "sentences": Experiment(
            [[[SYMBOLS[word] for word in make.CATEGORIES[name]] for name in template] for template in make.TEMPLATES],
            symbols(make.sentence_lines(Random(FRESH), SENTENCES)),
            symbols(_corpus("sentences")),
            {**plain, "hidden": 150, "batch": 40, "window": 32, "rate": 0.002, "epochs": 4},
        ),
    }


def command(name: str, experiment: Experiment) -> str:
    """The command line that trains the same network."""
    flags = []
    for option, value in experiment.options.items():
        flag = option.replace("_", "-")
        flags.append(f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag} {value}")
    return f"charnn train {name}.txt --name {name} {' '.join(flags)} --workers 1"


def train(experiment: Experiment, seed: int = 0) -> charnn.Run:
    """The run that has learnt the experiment's text."""
    text = (experiment.learnt + "\n").encode("ascii")
    corpus = charnn.read(Source("text", lambda: io.BytesIO(text)))
    session = charnn.train(corpus, out=None, workers=1, seed=seed, **experiment.options)
    for _ in session:
        pass
    return session.run


def measure(run: charnn.Run, experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """Bits of each symbol that is read, to the network and to the best possible predictor, (N,) each."""
    bits = charnn.surprisal(run, experiment.read) / math.log(2)
    return bits, np.array(make.surprisal(experiment.templates, experiment.read))


def errors(bits: np.ndarray) -> np.ndarray:
    """Elman's measure of two-valued symbols: the squared error (1 - P(x))^2."""
    return (1 - 2**-bits) ** 2


def onsets() -> list[int]:
    """Where the words begin in the stream of words that is read."""
    words = [word for sentence in make.word_sentences(Random(FRESH)) for word in sentence]
    return np.cumsum([0, *map(len, words)])[:-1].tolist()


def peaks(bits: np.ndarray) -> list[int]:
    """Inner symbols above the mean that are above the one before, and not below the one after."""
    inner, before, after = bits[1:-1], bits[:-2], bits[2:]
    return (1 + np.flatnonzero((inner > before) & (inner >= after) & (inner > bits.mean()))).tolist()


def f1(found: Iterable[int], true: Iterable[int], length: int) -> float:
    """2 |found and true| / (|found| + |true|), of places that are neither the first nor the last."""
    a, b = ({place for place in places if 0 < place < length - 1} for places in (found, true))
    return 2 * len(a & b) / (len(a) + len(b))


def means(run: charnn.Run, text: str) -> np.ndarray:
    """The hidden state after each word, averaged over all places where it occurs, (29, H)."""
    ids = run.vocabulary.ids(text)
    (h,) = ActivationReader(run.network).read(ids)
    return np.array([h[ids == run.vocabulary.ids(SYMBOLS[word])].mean(axis=0) for word in WORDS])


Tree = Any  # a node of SciPy's, with left, right, dist, pre_order()


def tree(states: np.ndarray) -> Tree:
    """Average linkage (Sokal and Michener 1958) by the cosine distance."""
    from scipy.cluster.hierarchy import linkage, to_tree

    return to_tree(linkage(states, "average", metric="cosine"))


def words_of(node: Tree) -> frozenset[str]:
    return frozenset(WORDS[leaf] for leaf in node.pre_order())


def halves(node: Tree) -> set[frozenset[str]]:
    """The words below the two branches of a node."""
    return {words_of(node.left), words_of(node.right)}


def branch(node: Tree, words: frozenset[str]) -> Tree | None:
    """The branch of a node that holds just these words, or None."""
    return next((child for child in (node.left, node.right) if words_of(child) == words), None)


def is_elmans(root: Tree) -> bool:
    """Whether the first split is nouns / verbs, and that of the nouns animates / inanimates."""
    nouns = branch(root, NOUNS)
    return nouns is not None and halves(nouns) == {ANIMATES, NOUNS - ANIMATES}


class Report(NamedTuple):
    rows: list[tuple[str, str, str]]  # what, the best possible, the network's
    picture: str  # SVG, or nothing


def report_xor(run: charnn.Run, experiment: Experiment) -> Report:
    bits, best = measure(run, experiment)
    rows = [("bits per symbol", f"{best.mean():.4f}", f"{bits.mean():.4f}")]
    for place, name in enumerate(("first bit", "second bit", "exclusive or")):
        own, ideal = errors(bits[place::3]).mean(), errors(best[place::3]).mean()
        rows.append((f"squared error, {name}", f"{ideal:.4f}", f"{own:.4f}"))
    cycle = [errors(values)[: len(values) // 12 * 12].reshape(-1, 12).mean(axis=0) for values in (bits, best)]
    names = [str(place + 1) for place in range(12)]
    shown = bars(cycle[0], cycle[1], names, range(2, 12, 3))
    title = "Squared error by place in the stream; each third bit is the exclusive or"
    return Report(rows, charts.bars(title, f"place in a cycle of 12; {BEST}", "squared error", shown, 36))


def report_letters(run: charnn.Run, experiment: Experiment) -> Report:
    bits, best = measure(run, experiment)
    consonant = np.array([letter in "bdg" for letter in experiment.read])
    rows = [("bits per character", f"{best.mean():.4f}", f"{bits.mean():.4f}")]
    for where, name in ((consonant, "consonant"), (~consonant, "vowel")):
        rows.append((f"bits at a {name}", f"{best[where].mean():.4f}", f"{bits[where].mean():.4f}"))
    text = experiment.read[:36]
    marked = np.flatnonzero(consonant[:36]).tolist()
    shown = bars(bits[:36], best[:36], text, marked)
    return Report(
        rows, charts.bars("Surprisal of each letter; consonants are strong", f"letter; {BEST}", "bits", shown)
    )


def report_words(run: charnn.Run, experiment: Experiment) -> Report:
    bits, best = measure(run, experiment)
    starts, length = onsets(), len(bits)
    rows = [("bits per character", f"{best.mean():.4f}", f"{bits.mean():.4f}")]
    inside = np.arange(length) - np.repeat(starts, np.diff([*starts, length]))
    for place, name in enumerate(("first", "second", "third")):
        found = [f"{values[inside == place].mean():.3f}" for values in (best, bits)]
        rows.append((f"bits at the {name} letter of a word", found[0], found[1]))
    own, ideal = (f"{f1(peaks(values), starts, length):.3f}" for values in (bits, best))
    rows.append(("F1 of word onsets", ideal, own))
    shuffled = np.random.default_rng(0).permutation(bits)
    rows.append(("F1, the same surprisals shuffled", "", f"{f1(peaks(shuffled), starts, length):.3f}"))
    marked = [start for start in starts if start < 60]
    shown = bars(bits[:60], best[:60], experiment.read[:60], marked)
    title = "Surprisal of each letter; first letters of words are strong"
    return Report(rows, charts.bars(title, f"letter; {BEST}", "bits", shown))


def report_sentences(run: charnn.Run, experiment: Experiment) -> Report:
    bits, best = measure(run, experiment)
    ratio = bits.mean() / best.mean()
    rows = [("bits per word", f"{best.mean():.4f}", f"{bits.mean():.4f} ({ratio - 1:+.2%})")]
    try:
        root = tree(means(run, experiment.read))
    except ImportError:
        return Report(rows, "")
    yes = "as in 1990" if is_elmans(root) else "other than in 1990"
    return Report([*rows, ("first splits of the tree", "", yes)], dendrogram(root))


REPORTS = {"xor": report_xor, "letters": report_letters, "words": report_words, "sentences": report_sentences}

# pictures

BEST = "lines: the best possible"


def bars(values: np.ndarray, best: np.ndarray, names: Iterable[str], marked: Iterable[int]) -> Bars:
    """A bar for each value, strong where marked, with its name, and a line across at the best possible value."""
    return Bars(values.tolist(), list(names), set(marked), best.tolist())


def dendrogram(root: Tree) -> str:
    """The tree from left to right, branches joined at their distance, words at the right."""

    def colour(words: list[str]) -> str:
        return next((c for group, c in ((NOUNS, "s0"), (VERBS, "s1")) if group.issuperset(words)), "ink")

    title = "Mean hidden states, average linkage: nouns blue, verbs red"
    return trees.tree(title, "cosine distance", as_tree(root), colour)


def as_tree(node: Tree) -> trees.Tree:
    """SciPy's tree as one to draw."""
    if node.is_leaf():
        return trees.Tree(WORDS[node.id])
    return trees.Tree("", node.dist, (as_tree(node.left), as_tree(node.right)))


# the page


def table(rows: Iterable[Sequence[str]], seed: int) -> str:
    heads = ("", "best possible", f"network, seed {seed}")
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, ("---",) * 3, *rows)) + "\n"


def insert(page: str, name: str, what: str) -> str:
    """The page with `what` between the marks of a name."""
    begin, end = f"<!-- {name}: python docs/elman_1990.py -->\n", f"<!-- end of {name} -->"
    return re.sub(f"(?s)(?<={re.escape(begin)}).*?(?={re.escape(end)})", lambda _: what, page)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Do the experiments of Elman (1990) again.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=list(REPORTS), default=list(REPORTS))
    parser.add_argument("--write", action="store_true", help="put figures and pictures of the first seed into the page")
    parser.add_argument("--texts", type=Path, metavar="FOLDER", help="write what is learnt and what is read; no more")
    given = parser.parse_args(arguments)
    for name, experiment in experiments().items():
        if given.texts:
            given.texts.mkdir(parents=True, exist_ok=True)
            (given.texts / f"{name}.txt").write_bytes((experiment.learnt + "\n").encode("ascii"))
            (given.texts / f"{name}-read.txt").write_bytes(experiment.read.encode("ascii"))
            continue
        for seed in given.seeds if name in given.only else ():
            found = REPORTS[name](train(experiment, seed), experiment)
            print(f"{name}\n\n{table(found.rows, seed)}", flush=True)
            if given.write and seed == given.seeds[0]:
                if not found.picture:
                    parser.error("the tree is SciPy's: pip install 'charnn[docs]'")
                shown = f"    {command(name, experiment)}\n\n{table(found.rows, seed)}"
                PAGE.write_text(insert(PAGE.read_text("utf-8"), name, shown), "utf-8")
                (HERE / f"elman-1990-{name}.svg").write_text(found.picture, "utf-8")


if __name__ == "__main__":
    main()
