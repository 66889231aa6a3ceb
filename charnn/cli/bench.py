"""charnn bench"""

from collections.abc import Iterable
from typing import Any

import click

from ..config import ModelConfig, TrainConfig
from ..conflicts import check
from ..errors import UsageError
from ..options import own
from . import options, streams
from .shell.help import Command
from .shell.types import File, Number

SYMBOLS, SIZE, MAX_SYMBOLS = 65, 1_000_000, 65_536
MAX_WINDOW = 100_000
WIDTH = 18  # of the names of tasks
UNREPEATED = "a window makes too many calls of NumPy to have them repeated (docs/speed.md): try a smaller --window"
MAX_SECONDS = 3600  # of each figure
HIDDEN = "peak", "products", "repeated"  # figures that stand beside those of the tasks
PRODUCTS = "products x W, rows x depth x columns (T: x W^T), in the way that is the fastest here:"


def _lengths(ctx: click.Context, param: click.Parameter, value: str | None) -> list[int]:
    """Lengths of windows with commas between."""
    parts = value.split(",") if value is not None else []
    if not all(part.isdecimal() and 0 < int(part) <= MAX_WINDOW for part in parts):
        raise click.BadParameter(f"{value!r} is no list of lengths: give some from 1 to {MAX_WINDOW:,}, as in 16,64")
    return [int(part) for part in parts]


@click.command("bench", cls=Command)
@click.argument("corpus", nargs=-1, type=File())
@options.config_options(
    ModelConfig, only=("cell", "hidden", "layers", "activation", "skip", "dropout", "width", "heads")
)
@options.config_options(TrainConfig, only=("batch", "window", "epochs", "workers"))
@click.option(
    "--symbols", type=Number(int), default=SYMBOLS, show_default=True, help="Different characters, without a CORPUS."
)
@click.option(
    "--corpus-size", type=Number(int), default=SIZE, show_default=True, help="Characters to train on, without a CORPUS."
)
@options.invalid
@click.option(
    "--seconds", type=Number(float), default=2.0, show_default=True, help="For how long to measure each figure."
)
@click.option(
    "--windows",
    callback=_lengths,
    metavar="LIST",
    help="Training alone, with windows of these lengths, as in 16,64,256.",
)
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
def command(corpus: tuple[str, ...], **params: Any) -> None:
    """Measure how fast this machine trains, evaluates and samples, and estimate how long training on a CORPUS takes.

    Characters a second, beside them the share of the machine's float32 matrix products (NumPy's, measured at the same
    time; only multiplications that cannot be done without count) and peak memory.

    \b
    charnn bench
    charnn bench corpus.txt --hidden 512 --layers 2
    charnn bench --windows 16,64,256             time and memory by window
    """
    from ..terminal import console
    from ..training import throughput

    if not 0 < params["seconds"] <= MAX_SECONDS:
        raise UsageError(f"--seconds is {params['seconds']:g}: give a positive number of at most {MAX_SECONDS:,}")
    size, work, config = _work(corpus, params)
    asked = options.given(click.get_current_context())
    check({name: params[name] for name in ("windows", "window", "epochs")}, asked)
    if lengths := params["windows"]:
        _write_windows(throughput.windows(work, lengths, config.workers, params["seconds"]), params["as_json"])
        return
    speeds = dict(console.counted(throughput.speeds(work, config.workers, params["seconds"]), None, "figure"))
    if (worst := max(speed.disturbed for speed in speeds.values())) > throughput.DISTURBED:
        console.note(f"others took up to {worst:.0%} of the machine meanwhile: measure again when it is idle")
    facts = _facts(size, work, config, speeds)
    if params["as_json"]:
        streams.write_json(facts)
    else:
        streams.write(_table(facts))


def _write_windows(costs: Iterable[Any], as_json: bool) -> None:
    """A row for each length, as it is measured."""
    if not as_json:
        streams.write_row("window", "ms", "us/character", "MB")
    for one in costs:
        if as_json:
            streams.write_json(vars(one), flush=True)
        else:
            figures = 1e3 * one.seconds, 1e6 * one.seconds_per_character, one.bytes / 1e6
            streams.write_row(str(one.window), *(f"{figure:.3g}" for figure in figures))
            streams.flush()


def _work(corpus: tuple[str, ...], params: dict[str, Any]) -> tuple[int, Any, Any]:
    """The symbols to train on, the work of an update as training would plan it for them, and the plan."""
    from dataclasses import replace

    from ..data import read
    from ..data.vocabulary import MIN_SYMBOLS
    from ..nn.model import Model
    from ..nn.network import Network
    from ..tasks import fitting
    from ..terminal import console
    from ..training import memory, tune
    from ..training.throughput import Work

    size, symbols, reset = params["corpus_size"], params["symbols"], False
    if corpus:
        sources = streams.sources(corpus)
        found = read.read(*sources, invalid=params["invalid"], watch=console.watch(sources))
        size, symbols = len(found.split(TrainConfig().valid_share)[0]), found.vocabulary.size
        reset = found.vocabulary.sequence == "line"
    if size < MIN_SYMBOLS:
        raise UsageError(f"--corpus-size is {size}: give at least {MIN_SYMBOLS} characters")
    if not 2 <= symbols <= MAX_SYMBOLS:
        raise UsageError(f"--symbols is {symbols}: give 2 to {MAX_SYMBOLS}")
    asked, network = TrainConfig(**own(TrainConfig, params)), ModelConfig(**own(ModelConfig, params))
    planned = fitting.fit(replace(asked, epochs=asked.epochs or fitting.DEFAULT_EPOCHS), size)
    shape = fitting.choose_dropout(network, symbols, size)
    memory.check(Model(shape, symbols), planned)
    work = Work("train", shape, symbols, planned.batch, planned.window, reset)
    if asked.workers is None:
        drawn = Network(work.shape, work.weights(), reset)
        whole = tune.expected_multiplications(planned, drawn.weights.count, work.characters, size)
        planned = replace(planned, workers=tune.choose_workers(drawn, planned, whole))
    return size, work, planned


def _facts(size: int, work: Any, config: Any, speeds: dict[str, Any]) -> dict[str, Any]:
    """All that was found out, as JSON has it."""
    from .. import machine

    train = speeds["train"]
    return {
        "machine": machine.describe(),
        "gemm_peak_gflops": 2 * train.peak / 1e9,
        "model": vars(work.model) | {"symbols": work.symbols, "parameters": work.shape.parameters},
        "batch": work.batch,
        "window": work.steps,
        "workers": config.workers,
        "products": train.products,
        "windows_repeated": train.repeated,
        "tasks": [{"task": name, **_shown(speed)} for name, speed in speeds.items()],
        "corpus": {
            "symbols": size,
            "epochs": config.epochs,
            "seconds": size * config.epochs / train.characters_per_second,
        },
    }


def _shown(speed: Any) -> dict[str, Any]:
    """What is shown for each task; the peak and the products stand beside them."""
    return {name: value for name, value in vars(speed).items() if name not in HIDDEN}


def _table(facts: dict[str, Any]) -> str:
    """The figures in columns, below a line on the machine; last the time for the corpus."""
    corpus, model = facts["corpus"], facts["model"]
    lines = [
        f"{facts['machine']}: {facts['gemm_peak_gflops']:,.0f} GFLOP/s in float32 products",
        f"{model['parameters']:,} parameters: {model['layers']} x {model['hidden']} "
        f"{model['activation'] or model['cell']}, {model['symbols']} symbols, batch {facts['batch']}, "
        f"window {facts['window']}, {facts['workers']} worker{'s' * (facts['workers'] > 1)}",
        "",
        f"{'':{WIDTH}}  {'char/s':>11}  of peak    memory",
    ]
    for task in facts["tasks"]:
        memory = f"{task['memory'] / 1e6:,.0f} MB" if task["memory"] else "?"
        rate, share = task["characters_per_second"], task["share_of_peak"]
        lines.append(f"{task['task']:{WIDTH}}  {rate:11,.0f}  {share:7.0%}  {memory:>8}")
    foot = f"{corpus['symbols']:,} characters, {corpus['epochs']:g} epochs: {duration(corpus['seconds'])} of training"
    ways = [f"{shape:{WIDTH + 2}}  {way}" for shape, way in facts["products"].items()]
    longest = [] if facts["windows_repeated"] else [UNREPEATED, ""]
    return "\n".join([*lines, "", foot, "", *longest, PRODUCTS, *ways, ""])


def duration(seconds: float) -> str:
    """Two units of time that say enough."""
    for unit, size, small, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} {int(seconds % size // part)} {small}"
    return f"{seconds:.1f} s"
