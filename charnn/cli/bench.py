"""charnn bench"""

from typing import Any

import click

from ..config import ModelConfig, TrainConfig
from ..errors import UsageError
from . import options, streams

SYMBOLS, SIZE = 65, 1_000_000


@click.command("bench")
@click.argument("corpus", nargs=-1)
@options.config_options(ModelConfig, only="cell")
@options.config_options(ModelConfig, only="hidden")
@options.config_options(ModelConfig, only="layers")
@options.config_options(ModelConfig, only="activation")
@options.config_options(ModelConfig, only="skip")
@options.config_options(ModelConfig, only="dropout")
@options.config_options(TrainConfig, only="batch")
@options.config_options(TrainConfig, only="window")
@options.config_options(TrainConfig, only="epochs")
@options.config_options(TrainConfig, only="workers")
@click.option("--symbols", type=int, default=SYMBOLS, show_default=True, help="Different characters, without a CORPUS.")
@click.option(
    "--corpus-size", type=int, default=SIZE, show_default=True, help="Characters to train on, without a CORPUS."
)
@options.invalid
@click.option("--against", metavar="PACKAGES", default="", help="Others to run beside: torch, jax or torch,jax.")
@click.option("--seconds", type=float, default=2.0, show_default=True, help="For how long to measure each figure.")
@click.option("--json", "as_json", is_flag=True, help="All of it as a JSON object.")
@click.pass_context
def command(ctx: click.Context, /, corpus: tuple[str, ...], **params: Any) -> None:
    """Measure how fast this machine trains, evaluates and samples, and estimate how long training on a CORPUS takes.

    Characters a second, beside them the share of the machine's float32 matrix products (NumPy's, measured at the same
    time; only multiplications that cannot be done without count) and peak memory. Figures --against other packages are
    of the fastest of their ways to do the same work, for a network without skip connections, dropout and resets.

    \b
    charnn bench
    charnn bench corpus.txt --hidden 512 --layers 2
    charnn bench --against torch,jax
    """
    from dataclasses import replace

    from ..bench import race, report, variants
    from ..terminal import console

    packages = tuple(dict.fromkeys(name for name in params["against"].split(",") if name))
    if packages and params["skip"] and "skip" in options.given(ctx):
        raise UsageError("--skip with --against: other packages have no skip connections; leave out one of them")
    if packages:
        variants.known(params["cell"])
    variants.installed(packages)
    if not params["seconds"] > 0:
        raise UsageError(f"--seconds is {params['seconds']:g}: give a positive number")
    if packages:
        params |= {"skip": False, "dropout": 0.0}
    size, work, config = _work(corpus, params)
    if packages:
        console.note("other packages have no skip connections: measured without, and without dropout and resets")
        work = replace(work, reset=False)
    lines = list(report.measure(work, config.workers, packages, params["seconds"], console.note))
    if (worst := max(line.disturbed for line in lines)) > race.DISTURBED:
        console.note(f"others took up to {worst:.0%} of the machine meanwhile: measure again when it is idle")
    facts = _facts(size, work, config, lines)
    if params["as_json"]:
        streams.write_json(facts)
    else:
        streams.write(_table(facts))


def _facts(size: int, work: Any, config: Any, lines: list[Any]) -> dict[str, Any]:
    """All that was found out, as JSON has it."""
    from ..bench import usage

    model = work.model
    return {
        "machine": usage.describe(),
        "gemm_peak_gflops": 2 * lines[0].peak / 1e9,
        "model": vars(model.config) | {"symbols": work.symbols, "parameters": model.parameters},
        "batch": work.batch,
        "window": work.steps,
        "workers": config.workers,
        "tasks": [line.dump() for line in lines],
        "corpus": {"symbols": size, "epochs": config.epochs, "seconds": size * config.epochs / lines[0].rate},
    }


def _work(corpus: tuple[str, ...], params: dict[str, Any]) -> tuple[int, Any, Any]:
    """The symbols to train on, the work of an update as training would plan it for them, and the plan."""
    from dataclasses import replace

    from ..bench.work import Work
    from ..data import read
    from ..data.corpus import MIN_SYMBOLS
    from ..nn.model import Model
    from ..terminal import console
    from ..training import memory, plan

    size, symbols, reset = params["corpus_size"], params["symbols"], False
    if corpus:
        sources = streams.sources(corpus)
        found = read.read(*sources, invalid=params["invalid"], watch=console.watch(sources))
        size, symbols = len(found.split(TrainConfig().valid)[0]), found.vocabulary.size
        reset = found.vocabulary.sequence == "line"
    if size < MIN_SYMBOLS:
        raise UsageError(f"--corpus-size is {size}: give at least {MIN_SYMBOLS} characters")
    asked, network = options.pick(params, TrainConfig), options.pick(params, ModelConfig)
    planned = plan.resolve(replace(asked, epochs=asked.epochs or plan.DEFAULT_EPOCHS), size)
    shape = plan.choose_dropout(network, symbols, size)
    memory.check(Model(shape, symbols), planned)
    shared = {name: getattr(shape, name) for name in ("cell", "hidden", "layers", "skip", "dropout")}
    shared |= {"activation": shape.activation} if shape.activation else {}
    work = Work("train", planned.batch, planned.window, symbols=symbols, reset=reset, **shared)
    return size, work, planned


def _table(facts: dict[str, Any]) -> str:
    """The figures in columns, below a line on the machine; last the time for the corpus."""
    names = [peer["package"] for peer in facts["tasks"][0]["peers"]]
    rows = [["", "char/s", "of peak", "memory", *(cell for name in names for cell in (name, "charnn is", "its best"))]]
    for task in facts["tasks"]:
        memory = f"{task['memory'] / 1e6:,.0f} MB" if task["memory"] else "?"
        row = [task["task"], f"{task['characters_per_second']:,.0f}", f"{task['share_of_peak']:.0%}", memory]
        for peer in task["peers"]:
            row += [f"{peer['rate']:,.0f}", f"{peer['ratio']:.2f} x", peer["variant"]]
        rows.append(row)
    corpus, model = facts["corpus"], facts["model"]
    head = [
        f"{facts['machine']}: {facts['gemm_peak_gflops']:,.0f} GFLOP/s in float32 products",
        f"{model['parameters']:,} parameters: {model['layers']} x {model['hidden']} "
        f"{model['activation'] or model['cell']}, {model['symbols']} symbols, batch {facts['batch']}, "
        f"window {facts['window']}, {facts['workers']} worker{'s' * (facts['workers'] > 1)}",
    ]
    foot = f"{corpus['symbols']:,} characters, {corpus['epochs']:g} epochs: {duration(corpus['seconds'])} of training"
    return "\n".join([*head, "", *columns(rows), "", foot, ""])


def columns(rows: list[list[str]]) -> list[str]:
    """Cells below one another: the first of each row to the left, numbers to the right."""
    full = max(len(row) for row in rows)
    rows = [row + [""] * (full - len(row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(full)]
    left = [i == 0 or (i > 3 and i % 3 == 0) for i in range(full)]
    cells = (
        [f"{cell:<{w}}" if to_left else f"{cell:>{w}}" for cell, w, to_left in zip(row, widths, left, strict=True)]
        for row in rows
    )
    return ["  ".join(row).rstrip() for row in cells]


def duration(seconds: float) -> str:
    """Two units of time that say enough."""
    for unit, size, small, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} {int(seconds % size // part)} {small}"
    return f"{seconds:.1f} s"
