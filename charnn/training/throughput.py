"""How fast this machine trains, scores and samples with a network, beside its matrix products, and in what memory.

Each task is measured in a process of its own, `python -m charnn.training.throughput`, by turns with the products.
"""

import json
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from itertools import islice
from math import prod
from threading import Thread

import numpy as np

from ..config import ModelConfig, SampleConfig, TrainConfig
from ..data.vocabulary import EOS, Vocabulary
from ..errors import CharnnError
from ..evaluation.score import evaluate
from ..machine import busy_seconds, cores, peak_memory, used_seconds
from ..nn import replay
from ..nn.model import Model
from ..nn.network import Network
from ..nn.parameters import Parameters
from ..nn.workspace import Workspace
from ..parallel import apart
from ..parallel.choose import worker_group
from ..runs.run import CorpusInfo
from ..sampling.sampler import batches, stream
from ..tasks.fitting import MIN_WINDOWS_PER_EPOCH
from ..tasks.text import decide
from . import memory
from .plan import lay_out, new_run
from .trainer import Trainer

TURNS = 5
PEAK_SECONDS = 0.1  # of products in each turn, at most
DISTURBED = 0.05  # the share of the machine that others may take
STREAM, STREAMS, TOGETHER = 2000, 256, 100  # characters of one stream; streams side by side, characters of each
LANES, READ = 64, 1024  # rows and steps of the text that is scored
NEVER = -50.0  # score of EOS, so that streams go on
ENDLESS = 10**12  # characters, or updates
SEED = 0
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
SHAPES = (  # of products: how many at a time, M, K, N
    (1, 1024, 1024, 1024),
    (1, 512, 512, 512),
    (1, 256, 256, 256),
    (16, 64, 64, 64),
    (64, 16, 256, 64),
    (32, 32, 256, 64),
    (64, 32, 128, 64),
    (32, 16, 512, 64),
)


@dataclass(frozen=True)
class Work:
    """One repetition of a task with a network, for a vocabulary of so many symbols.

    train: an update from a window of `steps` characters in `batch` rows: forward, backward, clip, Adam. evaluate:
    `steps` characters in each of `batch` rows are read, and their loss is summed. sample: `batch` streams write `steps`
    characters.
    """

    task: str
    model: ModelConfig
    symbols: int
    batch: int
    steps: int
    reset: bool = False  # whether the state is forgotten at EOS

    @property
    def characters(self) -> int:
        """Characters read or written."""
        return self.batch * self.steps

    @cached_property
    def shape(self) -> Model:
        return Model(self.model, self.symbols)

    @property
    def multiplications(self) -> int:
        """Multiply-adds of the matrix products that cannot be done without; two flops each.

        For each character every number of a matrix once, but for the rows of U that are looked up. Training needs
        each three times, for o, dh and dW; but no da W^T at a window's first step, since gradients end there.
        """
        sizes = [prod(shape) for shape in self.shape.shapes().values() if len(shape) == 2]
        layers = self.shape.hidden.layers
        forward = self.characters * (sum(sizes) - sum(layer.looked_up for layer in layers))
        shapes = [layer.shapes()[name] for layer in layers for name in layer.recurrent_weights]
        recurrent = sum(prod(shape) for shape in shapes if len(shape) == 2)
        return 3 * forward - self.batch * recurrent if self.task == "train" else forward

    def weights(self) -> Parameters:
        """Weights to start from: those of a run with this seed."""
        return self.shape.initial(np.random.default_rng(SEED))

    def text(self) -> np.ndarray:
        """Random ids: to score, or enough of them to train on."""
        window = max(self.characters, self.steps * (self.steps // 4 + 1))  # a shorter text has smaller windows
        size = MIN_WINDOWS_PER_EPOCH * window if self.task == "train" else self.characters
        return np.random.default_rng(SEED).integers(0, self.symbols, size, np.min_scalar_type(self.symbols - 1))

    def tasks(self) -> dict[str, "Work"]:
        """What is measured of a network that is trained so."""
        still = replace(self, model=replace(self.model, dropout=0.0))
        return {
            "train": self,
            "evaluate": replace(still, task="evaluate", batch=LANES, steps=READ),
            "sample 1 stream": replace(still, task="sample", batch=1, steps=STREAM),
            f"sample {STREAMS} streams": replace(still, task="sample", batch=STREAMS, steps=TOGETHER),
        }


def trainer(work: Work, workers: int) -> Trainer:
    """What makes updates of some work, on random text. The rate is 0, so that nothing can diverge."""
    config = TrainConfig(
        batch=work.batch,
        window=work.steps,
        workers=workers,
        rate=0.0,
        schedule="constant",
        steps=ENDLESS,
        state="reset" if work.reset else "carry",
    )
    ids = work.text()
    vocabulary = Vocabulary(tuple(range(32, 31 + work.symbols)), "file")
    plan = lay_out(*decide(ids, vocabulary, work.model, config), vocabulary, ids, ids[:0])
    return Trainer(new_run(plan, CorpusInfo(("random",), "", len(ids))), plan, worker_group(workers))


def repetition(work: Work, workers: int) -> Callable[[], object]:
    """What evaluates or samples once, as `eval` and `sample` do it."""
    weights, none = work.weights(), np.array([], np.int64)
    if work.task == "evaluate":
        network = Network(work.shape, weights, reset=True)
        return partial(evaluate, network, work.text(), workers=workers, hits=False)
    weights["readout/c"][EOS] = NEVER
    network = Network(work.shape, weights, work.reset)
    config = SampleConfig(length=work.steps, count=work.batch, seed=SEED)
    if work.batch > 1:
        many = partial(batches, network, config, none, workers=workers)
        return lambda: deque(many(), maxlen=0)
    rng, endless = np.random.default_rng(SEED), replace(config, length=ENDLESS, past_end=True)
    symbols = stream(network, endless, rng, none, workers=workers)
    return lambda: deque(islice(symbols, work.steps), maxlen=0)


class Peak:
    """float32 matrix products at their fastest, by so many threads: of some shapes, large and small, the best.

    `size` multiply-adds are one repetition.
    """

    def __init__(self, threads: int = 1):
        self.size, self.threads = threads * max(map(prod, SHAPES)), threads
        self._take(min(SHAPES, key=self._seconds))

    def _take(self, shape: tuple[int, int, int, int]) -> None:
        (count, m, k, n), self.repeats = shape, self.size // self.threads // prod(shape)
        sizes = [(count, m, k), (k, n), (count, m, n)]
        self.arrays = [[Workspace().empty(size, np.float32) for size in sizes] for _ in range(self.threads)]
        for array in (array for own in self.arrays for array in own):
            array.fill(1)

    def _seconds(self, shape: tuple[int, int, int, int]) -> float:
        self._take(shape)
        self()
        return timed(self, 3)

    def __call__(self) -> None:
        others = [Thread(target=self._multiply, args=own) for own in self.arrays[1:]]
        for other in others:
            other.start()
        self._multiply(*self.arrays[0])
        for other in others:
            other.join()

    def _multiply(self, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
        for _ in range(self.repeats):
            np.matmul(a, b, out=c)


def timed(function: Callable[[], object], times: int) -> float:
    """Seconds that so many calls take."""
    start = time.perf_counter()
    for _ in range(times):
        function()
    return time.perf_counter() - start


def calls_within(seconds: float, function: Callable[[], object]) -> int:
    """How many calls take about so many seconds, at least one."""
    times = 1
    while (taken := timed(function, times)) < seconds / 4:
        times *= 2
    return max(1, round(times * seconds / taken))


@dataclass(frozen=True)
class Speed:
    """What was measured of a task: characters a second, what share of the machine's products that is, and memory."""

    characters_per_second: float
    share_of_peak: float
    peak: float  # multiply-adds a second of the products alone, on all cores
    memory: int | None  # bytes
    disturbed: float  # the share of the machine that others took meanwhile
    products: dict[str, str]  # how training multiplies, by the shape, where that was measured
    repeated: bool  # whether training repeats its windows call by call: see `nn.replay`


def measure(work: Work, workers: int, seconds: float) -> Speed:
    """Some work and the machine's products, by turns, in this process and the workers that it starts."""
    own, turn, learner = {os.getsid(0)}, seconds / TURNS, trainer(work, workers) if work.task == "train" else None
    once = learner.update if learner else repetition(work, workers)
    once()
    times = calls_within(turn, once)
    memory, peak = peak_memory(own), Peak(cores())
    products = calls_within(min(turn, PEAK_SECONDS), peak)
    start, busy, used = time.perf_counter(), busy_seconds(), used_seconds(own)
    rates, peaks = [], []
    for _ in range(TURNS):
        rates.append(times * work.characters / timed(once, times))
        peaks.append(products * peak.size / timed(peak, products))
    others = (busy_seconds() - busy) - (used_seconds(own) - used)
    disturbed = max(0.0, others) / (time.perf_counter() - start) / (os.cpu_count() or 1)
    each = work.multiplications / work.characters
    share = statistics.median(each * rate / best for rate, best in zip(rates, peaks, strict=True))
    chosen = {str(shape): str(tiling) for shape, tiling in (learner.run.tilings.items() if learner else ())}
    repeated = learner is not None and replay.NEVER not in learner.replicas[0].ws.plans.values()
    return Speed(statistics.median(rates), share, statistics.median(peaks), memory, disturbed, chosen, repeated)


def speeds(work: Work, workers: int, seconds: float) -> Iterator[tuple[str, Speed]]:
    """Every task with a network that is trained so, for so many seconds each, in a process of its own."""
    return ((name, _apart(name, task, workers, seconds)) for name, task in work.tasks().items())


@dataclass(frozen=True)
class WindowCost:
    """What an update from a window of so many steps takes: time, and bytes of all that is stored for the way back."""

    window: int
    seconds: float
    seconds_per_character: float
    bytes: int


def windows(work: Work, lengths: Sequence[int], workers: int, seconds: float) -> Iterator[WindowCost]:
    """Training with windows of several lengths: by the equations both costs are O(tau), in proportion to the length."""
    for steps in lengths:
        one = replace(work, steps=steps)
        rate = _apart(f"a window of {steps}", one, workers, seconds).characters_per_second
        stored = workers * memory.window_bytes(one.shape, steps, -(-one.batch // workers))
        yield WindowCost(steps, one.characters / rate, 1 / rate, stored)


def _apart(name: str, task: Work, workers: int, seconds: float) -> Speed:
    """Some work, measured in a process of its own. Raises `CharnnError` where that fails."""
    question = json.dumps([asdict(task), workers, seconds]).encode()
    done = apart.ask(__name__, question, dict.fromkeys(THREADS, "1") | os.environ)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "no word of why"
        raise CharnnError(f"measuring {name} ended with code {done.returncode}: {said}")
    return Speed(**json.loads(done.stdout))


def _answer(question: bytes) -> None:
    """Measure what `speeds` asks for, and write it to standard output."""
    work, workers, seconds = json.loads(question)
    work = Work(**{**work, "model": ModelConfig(**work["model"])})
    os.write(1, json.dumps(asdict(measure(work, workers, seconds))).encode())


if __name__ == "__main__":
    _answer(apart.asked())
