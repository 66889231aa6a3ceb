"""The table that `quality.py` writes: rows made of the records of what was run, and rows of what others published."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HEADER = (
    "command",
    "scored",
    "bits/char",
    "seeds",
    "Kneser-Ney",
    "against it",
    "`--dynamic`",
    "`--mix ngram`",
    "both",
    "parameters",
    "minutes",
    "machine, date",
)
NOTES = """
**Commands**: `charnn train TEXT OPTIONS --seed 0` and so on, then `charnn eval`; then with `--dynamic`, with
`--mix ngram`, and with both, at the default rate. **Figures**: bits per character, the mean of -log2 P over all
characters of the part that is scored, read from EOS and the zero state on; EOS, the line end of an empty line, in lists
of every line, counts as the character it is. Medians over the seeds, (lowest-highest) beside the first. Kneser-Ney: the
n-gram model counted on the training part; against it: the network's bits, more or fewer. Minutes are those of
training, validations among them. **Splits** are of characters, not bytes, cut at the nearest end of a paragraph, in
lists of a line. 90/10: the last 10 % is scored. It was never trained on; but validations on it chose the weights that
are kept, and the order of the n-gram model. The weight of the mixture is fitted on each half for the other. 80/10/10:
the 10 % in the middle chose all of these, and the last 10 % is scored.{unseen}
*Italics*: what others published, of the same shares of the text; sampled: estimated on windows drawn at random from it;
CR LF: with such line ends, whose second character costs next to nothing.
"""


@dataclass(frozen=True)
class Published:
    """A figure of others, in bits per character: as they give it, or their nats divided by ln 2."""

    text: str
    what: str
    bits: str
    scored: str
    parameters: str = ""
    minutes: str = ""
    machine: str = ""


NANOGPT = "[nanoGPT](https://github.com/karpathy/nanoGPT)"
FENG = "[Feng et al. 2024](https://arxiv.org/abs/2410.01201)"
KARPATHY = "[Karpathy, Johnson and Li 2015](https://arxiv.org/abs/1506.02078)"
PUBLISHED = (
    Published("tinyshakespeare.txt", f"{NANOGPT}, baby GPT", "2.120", "90/10, sampled", "10.7 M", "3", "A100"),
    Published("tinyshakespeare.txt", f"{NANOGPT}, its recipe for a CPU", "2.712", "90/10, sampled", minutes="3"),
    Published("tinyshakespeare.txt", f"minGRU, {FENG}", "2.233", "90/10"),
    Published("tinyshakespeare.txt", f"minLSTM, {FENG}", "2.243", "90/10"),
    Published("warandpeace.txt", f"20-gram, {KARPATHY}", "1.724", "80/10/10, line ends CR LF"),
    Published("warandpeace.txt", f"RNN, {KARPATHY}", "about 1.787", "80/10/10, line ends CR LF"),
    Published("warandpeace.txt", f"best network, {KARPATHY}", "1.554", "80/10/10, line ends CR LF"),
)


def table(rows: Sequence[list[dict[str, Any]]]) -> str:
    """Markdown: a row for the records of each, those of one text together, and below them what others published."""
    rows = [records for records in rows if records]
    lines = [list(HEADER), ["---"] * len(HEADER)]
    for text in dict.fromkeys(records[0]["text"] for records in rows):
        lines += [cells(records) for records in rows if records[0]["text"] == text]
        lines += [published(one) for one in PUBLISHED if one.text == text]
    markdown = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return markdown + NOTES.format(unseen=unseen(rows))


def cells(records: list[dict[str, Any]]) -> list[str]:
    """A row: medians over the records, one of each seed."""
    names = ("bits", "dynamic", "mixed", "both", "ngram", "parameters", "updates", "minutes")
    middle = {name: statistics.median(record[name] for record in records) for name in names}
    bits, first = sorted(record["bits"] for record in records), records[0]
    span = f" ({bits[0]:.4f}-{bits[-1]:.4f})" if len(bits) > 1 else ""
    machines = "; ".join(dict.fromkeys(record["machine"] for record in records))
    dates = sorted({record["date"] for record in records})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return [
        f"`charnn train {first['text']} {first['options']}`",
        f"{first['split']}, {first['count']:,} characters",
        f"**{middle['bits']:.4f}**{span}",
        f"{len(records)}",
        f"{middle['ngram']:.4f} ({first['order']}-gram)",
        f"{100 * (middle['bits'] / middle['ngram'] - 1):+.1f} %",
        *(f"{middle[name]:.4f}" for name in ("dynamic", "mixed", "both")),
        f"{middle['parameters']:,.0f}",
        f"{middle['minutes']:.1f} ({middle['updates']:,.0f} updates)",
        f"{machines}, {when}",
    ]


def published(one: Published) -> list[str]:
    """A row of what others published."""
    known = (one.what, one.scored, one.bits, "", "", "", "", "", "", one.parameters, one.minutes, one.machine)
    return [f"*{cell}*" if cell else "" for cell in known]


def unseen(rows: Sequence[list[dict[str, Any]]]) -> str:
    """How many characters of test parts could not be scored."""
    tested = {records[0]["text"]: records[0]["unseen"] for records in rows if records[0]["split"].count("/") == 2}
    told = ", ".join(f"{count:,} of {text}" for text, count in tested.items())
    return f"\nCharacters there that the rest of the text does not have are left out: {told}." if told else ""
