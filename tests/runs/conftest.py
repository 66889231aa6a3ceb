"""A small run that was trained, for tests that change nothing of it."""

import pytest

import charnn
from charnn.runs.run import Run

TEXT = "Anna\nBert\nCarla\nDora\n" * 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("corpus") / "names.txt"
    path.write_text(TEXT, "utf-8")
    session = charnn.train(path, out=None, hidden=4, layers=1, steps=2, validate_every=2, workers=1)
    assert len(list(session)) == 3
    return session.run
