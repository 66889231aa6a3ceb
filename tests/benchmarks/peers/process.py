"""The processes of a contender, from outside: started, asked, watched, and ended whatever happens."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

from charnn.errors import CharnnError
from charnn.machine import peak_memory

from .contender import Entry

PATIENCE = 1800.0  # seconds for one answer: compiling takes minutes, many for gates over 100 steps
GOODBYE = 2.0  # seconds to end by itself


class Contender:
    """One entry's processes, each in a session of its own, so that Ctrl-C comes here alone."""

    def __init__(self, entry: Entry):
        self.entry, self.size = entry, 0.0
        self.memory: int | None = None
        self._closed = False
        self._folder, self._errors = tempfile.TemporaryDirectory(), tempfile.TemporaryFile()
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(entry.ranks):
                self._processes.append(self._start(rank))
        except BaseException:
            self.close()
            raise

    def _start(self, rank: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"{__package__}.contender", self.entry.dump(), str(rank), self._folder.name]
        return subprocess.Popen(
            command,
            env=self.entry.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,
        )

    @property
    def sessions(self) -> set[int]:
        return {process.pid for process in self._processes}

    def ready(self) -> None:
        """Wait until it has imported and made all that it needs."""
        self.size = sum(self._answers()) if self.entry.package == "gemm" else max(self._answers())

    def go(self, times: int) -> float:
        """Let it do its work so many times; the seconds that took, as the slowest of its processes says."""
        return max(self._ask(f"go {times}"))

    def gradient(self) -> dict[str, np.ndarray]:
        """What its first update is made of; nothing may have been asked before."""
        self._ask("gradient first.npz")
        with np.load(Path(self._folder.name) / "first.npz") as found:
            return dict(found)

    def _ask(self, line: str) -> list[float]:
        for process in self._processes:
            assert process.stdin is not None
            try:
                process.stdin.write(line.encode() + b"\n")
            except OSError:
                raise self._lost() from None
        return self._answers()

    def _answers(self) -> list[float]:
        deadline, found = time.monotonic() + PATIENCE, []
        for process in self._processes:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            line = process.stdout.readline() if ready else b""
            if not line.endswith(b"\n"):
                raise self._lost()
            found.append(float(line))
        return found

    def _lost(self) -> CharnnError:
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(GOODBYE / 2)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        said = [line for line in lines if line.strip() and not line.startswith(" ")] or ["nothing was said"]
        return CharnnError(f"{self.entry.package} ({self.entry}) was lost: {said[-1].strip()}")

    def close(self) -> None:
        """End it, and all that it has started; note what memory it took."""
        if self._closed:
            return
        self._closed = True
        try:
            self.memory = peak_memory(self.sessions)
            for process in self._processes:
                if process.stdin:
                    process.stdin.close()
            deadline = time.monotonic() + GOODBYE
            for process in self._processes:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
        finally:
            for process in self._processes:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if process.stdout:
                    process.stdout.close()
            self._errors.close()
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
