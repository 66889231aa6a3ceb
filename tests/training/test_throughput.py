"""What `charnn bench` measures: how many products there are, on what they are timed, and what others take meanwhile."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from math import prod
from pathlib import Path

import numpy as np
import pytest

from charnn import machine
from charnn.config import ModelConfig, SampleConfig
from charnn.errors import CharnnError
from charnn.training import throughput
from charnn.training.throughput import Peak, Work, speeds

TINY = Work("train", ModelConfig("elman", 6, 2, "tanh", skip=False, dropout=0.0), 9, 4, 8)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "jordan"])
@pytest.mark.parametrize("skip", [False, True])
def test_a_character_takes_every_matrix_once_but_what_is_looked_up(cell: str, skip: bool) -> None:
    """The weights that one character changes when it is read from a state that is not zero, counted one by one."""
    work = Work("sample", ModelConfig(cell, 5, 2, skip=skip, dropout=0.0), 7, 1, 1)
    weights, shape = work.weights(), work.shape
    used = 0
    for name, w in weights.items():
        if w.ndim == 2:
            looked_up = 7 if name == "hidden/0/U" or (skip and name == "hidden/1/U") else 0
            used += (len(w) - looked_up) * w.shape[1]
    assert work.multiplications == used and shape.symbols == 7


@pytest.mark.parametrize("reset", [False, True])
def test_every_task_does_its_work(reset: bool) -> None:
    work = replace(TINY, reset=reset)
    tasks = work.tasks()
    trained = throughput.trainer(work, 1)
    update = trained.update()
    assert (trained.run.config.batch, trained.run.config.window, trained.run.reset) == (4, 8, reset)
    assert update.count == work.characters  # type: ignore[union-attr]
    score = throughput.repetition(replace(tasks["evaluate"], batch=2), 1)()
    assert score.count == 2 * throughput.READ  # type: ignore[attr-defined]
    assert {task.reset for task in tasks.values()} == {reset}


def test_streams_are_as_long_and_as_many_as_they_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    one, many = (TINY.tasks()[task] for task in ("sample 1 stream", f"sample {throughput.STREAMS} streams"))
    endless, asked = count(), list[SampleConfig]()

    def record(network: object, config: SampleConfig, *_: object, **options: object) -> Iterator[object]:
        asked.append(config)
        return iter(())

    monkeypatch.setattr(throughput, "stream", lambda *_, **options: endless)
    throughput.repetition(one, 1)()
    assert next(endless) == one.characters == throughput.STREAM
    monkeypatch.setattr(throughput, "batches", record)
    throughput.repetition(many, 1)()
    assert asked[0].count * asked[0].length == many.characters


@pytest.mark.long
def test_products_are_done_by_every_thread() -> None:
    peak = Peak(2)
    for _, b, c in peak.arrays:
        c.fill(0)
        assert b.shape[0] > 1
    peak()
    for a, _, c in peak.arrays:
        np.testing.assert_array_equal(c, a.shape[-1])
    each = {prod(a.shape) * c.shape[-1] * peak.repeats for a, _, c in peak.arrays}
    assert each == {peak.size // 2}


def test_calls_fill_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "timed", lambda function, times: 0.01 * times)
    assert throughput.calls_within(1.0, lambda: None) == 100
    assert throughput.calls_within(1e-6, lambda: None) == 1


def test_a_measurement_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho first >&2\necho no memory >&2\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(CharnnError, match=r"measuring train ended with code 3: no memory$"):
        next(speeds(TINY, 1, 0.1))


def python(code: str, **environment: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, check=True, start_new_session=True
    )
    return done.stdout.decode().strip()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_time_of_workers_that_are_gone_counts() -> None:
    burn = "import os, time\nif not os.fork():\n    while time.process_time() < 0.3: pass\n    os._exit(0)\nos.wait()\n"
    code = burn + "from charnn.machine import used_seconds\nprint(used_seconds({os.getsid(0)}))"
    assert float(python(code)) >= 0.3


@pytest.mark.skipif("openblas" not in str(np.show_config(mode="dicts")), reason="another BLAS")
def test_the_kernel_is_the_one_that_blas_has_chosen() -> None:
    told = partial(python, "from charnn.machine import blas_kernel\nprint(blas_kernel())")
    assert machine.blas_kernel() in machine.describe()
    if os.uname().machine == "x86_64":
        assert told(OPENBLAS_CORETYPE="Haswell") == "Haswell"
