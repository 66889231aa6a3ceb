"""Attacks by what surrounds a command: streams, folders, places to write to, limits, signals, locales."""

import os
import resource
import shutil
import signal
from pathlib import Path
from random import Random

from .inputs import COMMANDS, TINY, nasty
from .judge import STALE
from .server import Attack
from .stock import SMALL, STEPS, command

LOCALES = "C", "POSIX", "C.UTF-8", "tr_TR.UTF-8", "ja_JP.EUC-JP", "nonsense", ""
LONG = "x" * 300


def _any(rng: Random) -> list[str]:
    return [*rng.choice(COMMANDS[rng.choice([*COMMANDS])])]


def streams(rng: Random, folder: Path) -> Attack:
    """Standard input and output closed, full, gone, sockets, folders or devices; another locale."""
    os.mkfifo(folder / "fifo")
    text = [["eval", "-m", "text.npz"], ["tokenize"], ["tokenize", "-"], ["train", "-", *TINY, *STEPS]]
    text += [
        ["classify", "-m", "classify.npz"],
        ["sample", "-m", "text.npz", "--primes", "-"],
        ["fill", "-m", "text.npz"],
    ]
    text += [["sample", "-m", "text.npz", "-i"], ["proof", "-m", "fill.npz"], ["next", "-m", "text.npz"]]
    kinds = ["closed", "socket", "names.txt", "text.npz", "/dev/null", "fifo", nasty(rng)]
    kind = rng.choice(kinds)
    environ = {
        "LC_ALL": rng.choice(LOCALES),
        "LANG": rng.choice(LOCALES),
        "COLUMNS": rng.choice(["0", "-1", "1", "x", "80", "100000"]),
        "TERM": rng.choice(["dumb", "xterm", "", "nonsense"]),
        "PYTHONIOENCODING": rng.choice(["ascii:strict", "utf-8", "latin-1"]),
    }
    args = rng.choice(text) if rng.random() < 0.6 else _any(rng)
    return Attack(args, kind, rng.choice(["file", "full", "closed", "gone"]), environ if rng.random() < 0.6 else {})


def limits(rng: Random, folder: Path) -> Attack:
    """Less memory, disk, files or processes than a command needs."""
    which, most = rng.choice(
        [
            (resource.RLIMIT_FSIZE, rng.choice([0, 1, 100, 1000, 4096, 10_000, 100_000])),
            (resource.RLIMIT_NOFILE, rng.choice([0, 3, 4, 5, 6, 8, 12, 20])),
            (resource.RLIMIT_CPU, 60),
        ]
    )
    args = _any(rng)
    if rng.random() < 0.3:
        args = ["train", "names.txt", *TINY, *STEPS, "--workers", "2"]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does
    return Attack(args, limits={which: most})


PLACES = [
    *(
        "loop",
        "dangling",
        "file",
        "file/x",
        "empty",
        ".",
        "..",
        "/",
        "",
        "~",
        "$HOME",
        "//",
        "a/b/c/d",
        LONG,
        f"{LONG}/x",
    ),
    *("/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "/proc/self/fd/0", "fifo.npz", "hard.npz", "soft.npz"),
    *("text.npz", "names.txt", "Text.npz", "CHECKPOINTS", "empty/../names.txt", "x\ty", "\x1b]0;x\7", "\udcff", "..."),
]
READING = """
train PLACE TINY
train names.txt TINY --name PLACE
train names.txt TINY --runs PLACE
train names.txt --from PLACE STEPS
train classify.tsv --task classify SMALL --valid-file PLACE
train --resume --name PLACE
sample -m PLACE
sample -m text.npz --primes PLACE --length 9
sample -m text.npz --adapt PLACE --length 9
sample -m text.npz --adapt names.txt --length 9 --keep PLACE
sample -m condition.npz --contexts PLACE --length 9
eval PLACE -m text.npz
eval -m PLACE
info PLACE
info -m PLACE
plot PLACE
list --runs PLACE
tokenize names.txt -o PLACE
tokenize PLACE -o o.npz
tokenize --decode PLACE
tokenize --decode --vocabulary PLACE
export PLACE -m text.npz
import PLACE
import weights.safetensors --name PLACE
import weights.safetensors --vocabulary PLACE
import weights.safetensors --runs PLACE
mv PLACE x
rm PLACE -y
classify PLACE -m classify.npz
proof PLACE -m fill.npz
inspect units PLACE -m text.npz
""".strip().split("\n")


def places(rng: Random, folder: Path) -> Attack:
    """Texts, models and outputs whose names lead to folders, loops, devices, pipes, nowhere, or too far."""
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nothing/there")
    (folder / "file").write_text("x")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "fifo.npz")
    (folder / "hard.npz").hardlink_to(folder / "text.npz")
    (folder / "soft.npz").symlink_to("text.npz")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "loop").symlink_to("loop")
    place = rng.choice(PLACES) + rng.choice(["", "", "", "/", ".onnx", ".npz", ".txt"])
    return Attack(command(rng.choice(READING), PLACE=place))


RUNS = """
train --resume --steps 6
train --resume --name RUN --steps 6
list
list --json
info
info RUN
sample -m RUN --length 9
plot
plot RUN
mv RUN y
mv RUN more
rm -y RUN
eval -m RUN
eval -m RUN --novelty
""".strip().split("\n")
LOGS = [b'{"step": 1}', b'{"step": "x"}', b"[]", b"{", b"null", b'{"step": 1e400}', b"[" * 9000, b"\xff"]
LINKS = "/dev/zero", "/etc/passwd", "../../names.txt", "nothing", "/proc/kmsg", "last.npz", "log.jsonl"


def runs(rng: Random, folder: Path) -> Attack:
    """A run's folder, or the folder of all runs, with things in it that no training put there."""
    root = folder / "checkpoints"
    name = rng.choice(["x", "x", "a b", "\x1b[31m", "\u202eo", "-m", "é", "X" * 200, "\udcff", "x\ny"])
    place = root / name
    place.mkdir(parents=True)
    kind = rng.choice(["text", "text", "classify", "values"])
    for file in rng.choice([["last.npz", "best.npz"], ["last.npz"], ["best.npz"]]):
        shutil.copy(folder / f"{kind}.npz", place / file)
    odd = rng.choice(["log.jsonl", ".lock", "tokens.npz", "last.npz", "best.npz", STALE, "other"])
    there = place / odd
    match rng.randrange(7):
        case 0:
            there.write_bytes(nasty(rng))
        case 1:
            lines = [
                b'{"step": 1}',
                b'{"step": "x"}',
                b"[]",
                b"{",
                b"null",
                b'{"step": 1e400}',
                b"[" * 9000,
                b"\xff",
                b'{"step": 4, "seconds": -1}',
            ]
            there.write_bytes(b"\n".join(rng.choices(lines, k=rng.randint(1, 6))))
        case 2:
            there.unlink(missing_ok=True)
            there.symlink_to(rng.choice(LINKS))
        case 3:
            there.unlink(missing_ok=True)
            there.mkdir()
        case 4:
            there.unlink(missing_ok=True)
            os.mkfifo(there)
        case 5:
            there.unlink(missing_ok=True)
            there.hardlink_to(folder / "names.txt")
        case _:
            (root / "more").mkdir()
            (root / "more" / "last.npz").write_bytes(nasty(rng))
    given = f"./{name}" if name.startswith("-") else name
    return Attack(command(rng.choice(RUNS), RUN=given))


def signals(rng: Random, folder: Path) -> Attack:
    """A signal at any time of any command."""
    long = [
        ["train", "names.txt", *TINY, "--steps", "1000000", "--validate-every", "50"],
        ["train", "names.txt", *TINY, "--steps", "1000000", "--validate-every", "50", "--workers", "2"],
        ["train", "classify.tsv", "--task", "classify", *SMALL[:-4], "--steps", "1000000", "--validate-every", "20"],
        ["sample", "-m", "text.npz", "-n", "100000"],
        ["inspect", "markov", "-m", "text.npz"],
    ]
    args = rng.choice(long) if rng.random() < 0.7 else _any(rng)
    which = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    return Attack(args, sent=(which, rng.random() ** 2))
