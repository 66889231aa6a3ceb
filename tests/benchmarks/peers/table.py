"""The rows of the table of docs/speed.md: what is done, what each row is to reach, and how it is shown."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

from charnn.machine import cores, describe

from . import variants
from .contender import Entry
from .race import Race, Result, race
from .work import Work

SIZES = {  # train B, T, H, L: times the best peer, share of the machine's products
    (50, 50, 128, 2): (1.8, 0.65),
    (64, 64, 256, 1): (1.85, 0.70),
    (64, 128, 512, 1): (1.75, 0.80),
    (32, 100, 512, 2): (1.65, 0.80),
    (128, 64, 1024, 1): (1.45, 0.83),
    (1, 25, 100, 1): (1.3, None),
}
GATED = {  # the same for other cells: times the best peer, where that is aimed at
    ("lstm", 50, 50, 128, 2): 1.25,
    ("lstm", 64, 128, 512, 1): 1.45,
    ("gru", 50, 50, 128, 2): None,
    ("gru", 64, 128, 512, 1): None,
}
EVALUATED = {("elman", 128, 1): 1.6, ("elman", 512, 1): 1.4, ("lstm", 128, 2): 1.15}  # cell, H, L: times the best peer
LITTLE, MUCH = 1 / 4, 1 / 2  # of torch's memory up to 512 hidden units, and beyond
SPEEDUP = 1.8  # two workers against one


def rows() -> Iterator[tuple[str, Work]]:
    """Every row of the table: its name, and what is done."""
    for size in SIZES:
        yield f"train {', '.join(map(str, size))}", Work("train", *size)
    for layers in (1, 2, 3):
        for hidden in (128, 256, 512, 1024):
            yield f"sample 1 stream, {hidden}, {layers}", Work("sample", 1, 2000, hidden, layers)
    for hidden in (128, 512):
        for streams in (64, 256):
            yield f"sample {streams} streams, {hidden}, 1", Work("sample", streams, 2000, hidden, 1)
    for hidden in (128, 512):
        yield f"evaluate {hidden}, 1", Work("evaluate", 64, 2**19 // hidden, hidden, 1)
    for cell, *size in GATED:
        yield f"train {cell} {', '.join(map(str, size))}", Work("train", *size, cell=cell)
    yield "evaluate lstm 128, 2", Work("evaluate", 64, 1024, 128, 2, cell="lstm")
    yield "sample 1 stream, lstm 128, 1", Work("sample", 1, 2000, 128, 1, cell="lstm")


def entries(work: Work, compiled: bool) -> list[Entry]:
    """Who does it: charnn with one worker and with all, the machine's products, and all that peers can do."""
    found = [variants.ours(work, 1), variants.ours(work, cores()), variants.peak(work)]
    for package in variants.PEERS:
        found += variants.peers(package, work, compiled=compiled)
    if work.task == "train" and work.batch == 1 and work.cell == "elman":
        found.append(Entry("min-char-rnn", "loop", work))
    return list(dict.fromkeys(found))


def measure(
    name: str, work: Work, rounds: int, turn: float, quick: bool, tell: Callable[[str], None]
) -> dict[str, Any]:
    """One row: everybody's median, and what charnn's best makes of it; `quick` without what is compiled by torch."""
    done = race(entries(work, not quick), rounds, turn, tell, keep=("stepwise", "loop"))
    ours, peak = done.best("charnn"), done.best("gemm")
    assert ours is not None and peak is not None
    one = next(result for result in done.results if result.entry == variants.ours(work, 1))
    torch, jax = done.best("torch", "by hand" if work.task == "sample" else ""), done.best("jax")
    ratios = {
        "torch": over(ours, torch),
        "stepwise": over(ours, done.best("torch", "stepwise")),
        "jax": over(ours, jax),
        "min-char-rnn": over(ours, done.best("min-char-rnn")),
        "one": over(ours, one) if ours is not one else None,
    }
    return {
        "row": name,
        "rate": ours.rate,
        "share": ours.over(peak) * work.multiplications / work.characters,
        "peak": peak.rate,
        "memory": {p: done.smallest(p) if p != "charnn" else ours.memory for p in ("charnn", *variants.PEERS)},
        "ratios": ratios,
        "best": {r.entry.package: [str(r.entry), r.rate] for r in (torch, jax) if r},
        "targets": targets(work),
        "all": everybody(done),
        "lost": {f"{entry.package} {entry}": why for entry, why in done.lost.items()},
        "disturbed": done.disturbed,
        "date": datetime.date.today().isoformat(),
        "machine": describe(),
        "quick": quick,
    }


def over(ours: Result, other: Result | None) -> float | None:
    """How many times as fast as the other; from medians where it did not run to the end."""
    if other is None:
        return None
    return ours.over(other) if len(ours.rates) == len(other.rates) else ours.rate / other.rate


def everybody(done: Race) -> dict[str, float]:
    return {f"{r.entry.package} {r.entry}": r.rate for r in done.results + done.slow if r.entry.package != "gemm"}


def targets(work: Work) -> dict[str, float | None]:
    """What the row is to reach: ratios at least, the share of the products at least, of torch's memory at most.

    None: it is shown, and nothing is aimed at.
    """
    size = (work.batch, work.steps, work.hidden, work.layers)
    if work.task == "evaluate":
        return {"peer": EVALUATED.get((work.cell, work.hidden, work.layers))}
    if work.cell != "elman":
        return {"torch": None, "jax": 0.7} if work.task == "sample" else {"peer": GATED.get((work.cell, *size))}
    found: dict[str, float | None]
    if work.task == "train":
        peer, share = SIZES[size]
        found = {"peer": peer, "memory": LITTLE if work.hidden <= 512 else MUCH}
        found |= {"share": share, "one": SPEEDUP} if share else {"min-char-rnn": 6.0}
        return found
    if work.batch > 1:
        return {"peer": 1.4}
    found = {"torch": 3.0 if work.hidden <= 512 and work.layers <= 2 else 2.6}
    if work.hidden == 128:
        found |= {"stepwise": 20.0, "jax": 0.7}
    elif work.hidden >= 512:
        found["jax"] = 1.3
    return found


def reached(result: dict[str, Any]) -> dict[str, float]:
    """The figures that have a target, under its name."""
    ratios, memory = result["ratios"], result["memory"]
    peers = [ratios[p] for p in variants.PEERS if ratios[p]]
    found = {name: ratio for name, ratio in ratios.items() if ratio}
    found["share"] = result["share"]
    if peers:
        found["peer"] = min(peers)
    if memory["torch"] and memory["charnn"]:
        found["memory"] = memory["charnn"] / memory["torch"]
    return {name: found[name] for name in result["targets"] if name in found}


def verdict(name: str, figure: float, target: float | None) -> str:
    """A figure beside its target, if any, marked where it falls short."""
    names = {"peer": "best peer", "one": "one worker", "stepwise": "nn.RNN stepwise", "jax": "JAX"}
    if name in ("share", "memory"):
        of = "of peak" if name == "share" else "of torch's memory"
        text, form = f"{figure:.0%} {of}", ".0%"
    else:
        text, form = f"{figure:.2f} x {names.get(name, name)}", "g"
    if target is None:
        return text
    sign, good = ("<=", figure <= target) if name == "memory" else (">=", figure >= target)
    text += f" ({sign} {target:{form}})"
    return text if good else f"**{text}**"


def cells(result: dict[str, Any]) -> list[str]:
    """A row of the table."""
    best, memory = result["best"], result["memory"]
    peers = [f"{best[p][1]:,.0f} ({best[p][0]})" if p in best else "-" for p in variants.PEERS]
    figures = reached(result)
    against = ", ".join(verdict(name, figures[name], result["targets"][name]) for name in figures)
    sizes = " / ".join(f"{memory[p] / 1e6:,.0f}" if memory[p] else "-" for p in ("charnn", *variants.PEERS))
    return [result["row"], f"{result['rate']:,.0f}", f"{result['share']:.0%}", *peers, sizes, against]


def markdown(results: list[dict[str, Any]]) -> str:
    """Markdown; what falls short of its target is bold."""
    order = [name for name, _ in rows()]
    results = sorted(results, key=lambda result: order.index(result["row"]))
    heads = ["work", "charnn, char/s", "of peak", "torch, char/s", "JAX, char/s", "memory, MB (charnn / torch / JAX)"]
    lines = [f"| {' | '.join([*heads, 'figure (target)'])} |", "|" + "---|" * 7]
    lines += [f"| {' | '.join(cells(result))} |" for result in results]
    if results:
        dates = sorted({result["date"] for result in results})
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        peak = max(result["peak"] for result in results) * 2e-9
        lines += ["", f"{results[0]['machine']}, {peak:,.0f} GFLOP/s in float32 products; {when}."]
    return "\n".join(lines) + "\n"
