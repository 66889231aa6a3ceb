"""What others make of the names by language: python -m tests.benchmarks.task_peers --data DIR

Logistic regression of tf-idf weighted character n-grams, by scikit-learn, which has to be installed. Each strength of
its regularisation is a row: right labels and macro-F1 on the development part, and seconds of processor time.
"""

import argparse
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.benchmarks.tasks import NAMES

STRENGTHS = 3.0, 10.0, 30.0, 100.0  # the larger, the less regularised
NGRAMS = 1, 5


def read(path: Path) -> tuple[Sequence[str], Sequence[str]]:
    """Labels, and texts between a start and an end."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return [label for label, _ in rows], [f"^{text}$" for _, text in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data of others")
    data = parser.parse_args().data
    text, linear, metrics = (
        import_module(f"sklearn.{name}") for name in ("feature_extraction.text", "linear_model", "metrics")
    )
    (y, train), (right, dev) = (read(data / name) for name in NAMES)
    weigh = text.TfidfVectorizer(analyzer="char", ngram_range=NGRAMS, sublinear_tf=True, lowercase=False)
    x, held_out = weigh.fit_transform(train), weigh.transform(dev)
    for strength in STRENGTHS:
        started = time.process_time()
        found = linear.LogisticRegression(C=strength, max_iter=200).fit(x, y).predict(held_out)
        seconds = time.process_time() - started
        accuracy, f1 = (
            metrics.accuracy_score(right, found),
            metrics.f1_score(right, found, average="macro", zero_division=0),
        )
        print(f"C {strength:g}\tright {accuracy:.4f}\tmacro-F1 {f1:.4f}\t{seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
