"""A2: arguments of the wrong type, from Python."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from tests.helpers.program import names

SMALL: dict[str, Any] = {"hidden": 8, "layers": 1, "steps": 1, "dropout": 0.0, "runs": None}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> charnn.Run:
    path = tmp_path_factory.mktemp("types") / "names.txt"
    path.write_text(names(100))
    return charnn.fit(path, **SMALL)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("hidden", value) for value in ("3", 3.5, True, [8], b"8", {})],
        *[("rate", value) for value in ("x", True, [0.1], 1j)],
        *[("skip", value) for value in ("yes", 1, None)],
        *[("cell", value) for value in (3, ["lstm"], None, b"lstm")],
        *[("seed", value) for value in ("1", 1.0)],
        *[("task", value) for value in (3, ["text"], None)],
        *[("recipe", value) for value in (3, ["best"])],
        *[("name", value) for value in (3, Path("x"))],
        *[("budget", value) for value in ([3], {})],
        *[("minutes", value) for value in ([3], {})],
        ("shuffle", "no"),
        ("runs", 3),
    ],
)
def test_A2_an_option_of_training_names_itself(new: Path, option: str, value: Any) -> None:
    with pytest.raises(charnn.CharnnError, match=option) as caught:
        charnn.train("names.txt", **{**SMALL, option: value})
    assert str(caught.value).count("\n") == 0 and len(str(caught.value)) <= 400


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
def test_A2_numbers_of_numpy_are_numbers(new: Path, kind: Callable[[int], Any]) -> None:
    changes = {**SMALL, "hidden": kind(8), "rate": np.float32(0.5), "runs": "runs"}
    run = charnn.fit("names.txt", **changes)
    assert (run.model.config.hidden, type(run.model.config.hidden), type(run.config.rate)) == (8, int, float)
    assert charnn.load("names", "runs").model.config.hidden == 8


@pytest.mark.parametrize("option", ["temp", "count", "top_k", "length", "seed", "stop", "past_end"])
def test_A2_an_option_of_sampling_names_itself(trained: charnn.Run, option: str) -> None:
    flag = option.replace("_", "-")
    for value in ("hot" if option != "stop" else 3, [1], b"x"):
        with pytest.raises(charnn.CharnnError, match=flag):
            charnn.generate(trained, **{option: value})


@pytest.mark.parametrize("what", [3, 2.5, b"abc", [3], [None], {"a": 1}, object()])
@pytest.mark.parametrize("call", [charnn.evaluate, charnn.line_scores, charnn.units, charnn.gradients, charnn.adapt])
def test_A2_what_is_no_text(trained: charnn.Run, call: Callable[..., Any], what: Any) -> None:
    with pytest.raises(charnn.CharnnError, match="text"):
        call(trained, what)


@pytest.mark.parametrize("call", [charnn.train, charnn.read, lambda what: charnn.tokenize("x.npz", what)])
@pytest.mark.parametrize("what", [3, None, b"names.txt", [3], [], {}])
def test_A2_what_is_no_corpus(new: Path, call: Callable[..., Any], what: Any) -> None:
    with pytest.raises(charnn.CharnnError):
        call(what)
    assert not Path("x.npz").exists()


@pytest.mark.parametrize("run", [3, ["names"], b"names", 2.5])
def test_A2_what_is_no_run(new: Path, run: Any) -> None:
    for call in (charnn.load, charnn.generate, charnn.resume, lambda one: charnn.evaluate(one, "text")):
        with pytest.raises(charnn.CharnnError, match="a run is"):
            call(run)


def test_A2_a_prime_that_is_no_text(trained: charnn.Run) -> None:
    for prime in (3, b"An", ["An"]):
        with pytest.raises(charnn.CharnnError, match="the prime is"):
            charnn.generate(trained, prime=prime)  # type: ignore[arg-type]


def test_A2_a_list_of_files_is_read(new: Path) -> None:
    Path("more.txt").write_text("Anbe\n" * 9)
    files: list[str | Path] = ["names.txt", Path("more.txt")]
    corpus = charnn.read(files)
    assert np.array_equal(np.asarray(corpus.ids), np.asarray(charnn.read(*files).ids))
    assert charnn.train(files, **SMALL).run.origin.sha256 == corpus.sha256
    assert charnn.tokenize("both.npz", files).sha256 == corpus.sha256  # type: ignore[arg-type]


CONFIGURED: list[Callable[..., Any]] = [charnn.evaluate, charnn.line_scores, charnn.generate, charnn.next_characters]
PARALLEL: list[Callable[..., Any]] = [charnn.evaluate, charnn.sampler]


@pytest.mark.parametrize("call", CONFIGURED)
def test_A2_what_is_no_configuration(trained: charnn.Run, call: Callable[..., Any]) -> None:
    for config in (5, charnn.TrainConfig(), {"temp": 1}):
        with pytest.raises(charnn.UsageError, match=r"config is .*Config or None"):
            call(trained, config=config, **({"what": "Anna"} if call in CONFIGURED[:2] else {}))


@pytest.mark.parametrize("call", PARALLEL)
@pytest.mark.parametrize("workers", [-1, 0, "two", 1.5, 5000])
def test_A2_what_is_no_number_of_workers(trained: charnn.Run, call: Callable[..., Any], workers: Any) -> None:
    with pytest.raises(charnn.UsageError, match="workers is "):
        call(trained, "Anna", workers=workers)


def test_A2_what_is_no_text_to_look_at(trained: charnn.Run) -> None:
    for call in (charnn.surprisal, charnn.proof, charnn.trace):
        taken: Any = call
        with pytest.raises(charnn.UsageError, match="text is 5, of type int: give str"):
            taken(trained, 5)


@pytest.mark.parametrize("rate", [[], b"x", {}, np.array([1, 2]), "x", math.nan, 2])
def test_A2_what_is_no_rate_to_adapt_by(trained: charnn.Run, rate: Any) -> None:
    with pytest.raises(charnn.UsageError, match="rate is ") as caught:
        charnn.adapt(trained, "Anna", rate=rate)
    assert "\n" not in str(caught.value)
