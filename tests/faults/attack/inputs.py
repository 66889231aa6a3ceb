"""Attacks by texts, options, variables and settings that no honest person gives."""

import re
from pathlib import Path
from random import Random
from typing import Any

from tests.helpers.texts import NASTY

from .server import Attack
from .stock import KEPT, MODELS, SMALL, STEPS, TASKS, TINY, TOKENS, command

PIECES = [
    *NASTY.values(),
    b"", b"\n", b"a", b"\0", b"\t", b"\r\n", b"\r", b"\x1b[31m", b"\xff\xfea\0", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b"\xc3",
    "\u202egnp.exe".encode(), b"an\tAnbe\n", b"vowels\tae\n", b"\t\n", b"\t\t\t\n", b" \n", b"1.5\t2\n", b"nan\t1\n",
    b"1e400\t0\n",
    b"a" * 3000, b"ab\n" * 300, b"\n" * 50, b"1 2\n" * 30, b"1e308\t-1e308\n" * 20, b"PK\3\4", b"\x1f\x8b\x08", b"BZh9",
    "ǅǆ\u0345\U0001f1e6\U0001f1e7".encode(), b"\\n\\t", b"{}\n", b"[]", b"-", b"0\n" * 20, b"vowels,odd\tae\n" * 8,
    "".join(map(chr, range(0x4E00, 0x4F00))).encode(), b"\x00\xd8" * 20, b"Anbe\nDola\n" * 30, b"\x7f\x9b\x9d" * 4,
]  # fmt: skip
FILES = [*KEPT, *(f"{name}.npz" for name in (*MODELS, *TOKENS)), "weights.safetensors"]
NAMES = [
    "t.txt", "-", "t.gz", "t.bz2", "t.xz", "t.npz", "t.GZ", "t.tar.gz", "t", "\x1b[31mred.txt", "\u202etxt.exe",
    "a b.txt",
    "-x.txt", "new\nline.txt", "x" * 200, "t.safetensors", "é.txt", "CON", "...", "t.zip", "charnn.toml", "b\udcff.txt",
]  # fmt: skip
WORDS = [
    "", "-", "--", "0", "-1", "1", "2", "3", "1e9", "1e-300", "nan", "inf", "-inf", "1e400", "99999999999999999999",
    "0x10",
    "1_000", "١٢", "½", " 1", "1:0.5", "1:2:3", "90s", "1h30m", "-5m", "0s", "1e9h", "auto", "none", "text", "line",
    "char",
    "an", "\x1b[31m", "\u202e", "\udcff", "a\nb", "\t", "x" * 5000, "../..", "/", "/dev/null", "/dev/zero",
    "/dev/full", ".",
    "names.txt", "text.npz", "nothing.txt", "[", "(", "a{1000000}", "(a*)*b",
    "\\", "[z-a]", "(?P<x>", "a|", "1,2", "2,1",
    "0,1", "1+1,1", "99,1", ",", "True", "lstm", "elman", "transformer", "softmax", "one", "lecture", "list", "_", "é",
]  # fmt: skip
COMMANDS: dict[str, list[list[str]]] = {
    "train": [["train", "names.txt", *TINY, *STEPS]]
    + [["train", f"{task}.tsv", "--task", task, *SMALL] for task in TASKS],
    "sample": [["sample", "-m", f"{name}.npz", "--length", "20"] for name in ("text", "prose", "condition", "values")],
    "next": [["next", "An", "-m", "text.npz"]],
    "eval": [["eval", "-m", "text.npz", "names.txt"]]
    + [["eval", "-m", f"{task}.npz", f"{task}.tsv"] for task in TASKS],
    "classify": [["classify", "-m", "classify.npz", "classify.tsv"]],
    "translate": [["translate", "-m", "translate.npz", "translate.tsv"]],
    "fill": [["fill", "-m", "fill.npz", "ab_de"], ["fill", "-m", "text.npz", "An_e"]],
    "proof": [["proof", "-m", "fill.npz", "fill.tsv"]],
    "list": [["list"]],
    "info": [["info", "-m", "text.npz"]],
    "plot": [["plot", "text.npz"]],
    "tokenize": [["tokenize", "names.txt", "-o", "o.npz"], ["tokenize", "classify.tsv", "--task", "classify"]],
    "export": [["export", "o.onnx", "-m", "text.npz"], ["export", "o.h", "-m", "text.npz"]],
    "import": [["import", "weights.safetensors"]],
    "completion": [["completion", "bash"]],
    "mv": [["mv", "x", "y"]],
    "rm": [["rm", "x", "-y"]],
    **{
        f"inspect {name}": [["inspect", name, "-m", "text.npz"]]
        for name in ("gradients", "units", "trace", "drift", "markov", "automaton", "gradcheck", "paths", "composition")
    },
    "inspect attention": [["inspect", "attention", "aei", "-m", "translate.npz"]],
}
COSTLY = {"hidden", "layers", "minutes", "budget", "epochs", "steps", "count", "length", "workers", "recipe"}
COSTLY |= {
    "recurrent_depth",
    "feedforward_depth",
    "beam",
    "feedforward",
    "batch",
    "window",
    "lookback",
    "width",
    "delay",
}
COSTLY |= {"patience", "help_all", "orders", "states", "size", "runs_of", "heads", "repeats"}


def _parameters(words: list[str]) -> list[Any]:
    from charnn.cli import program

    group: Any = program
    for word in words:
        group = group.get_command(None, word)
    return [param for param in group.params if param.param_type_name == "option" and param.name not in COSTLY]


def nasty(rng: Random) -> bytes:
    """A text of such pieces."""
    return b"".join(rng.choices(PIECES, k=rng.choice([0, 1, 1, 2, 3, 8])))


def placed(rng: Random, folder: Path, data: bytes) -> tuple[str, bytes]:
    """A text under some name in a folder, or as standard input."""
    name = rng.choice(NAMES) if rng.random() < 0.4 else "t.txt"
    if name == "-":
        return name, data
    (folder / name).write_bytes(data)
    return (f"./{name}" if name.startswith("-") else name), b""


TEXTS = """
train TEXT TINY ODD
train TEXT SMALL --shuffle --sequence paragraph ODD
train TEXT SMALL --sequence file --state carry ODD
train TEXT SMALL --task TASK ODD
train TEXT SMALL --task translate --autoencode ODD
train TEXT SMALL --task translate --target-units words ODD
train TEXT SMALL --task classify --labels several ODD
train TEXT SMALL --task classify --columns 2,1 ODD
train TEXT SMALL --task condition --context-as text --columns 1+2,3 ODD
train TASK.tsv SMALL --task TASK --valid-file TEXT ODD
train TEXT STEPS --task TASK --from TASK.npz ODD
train TEXT STEPS --from text.npz ODD
tokenize TEXT ODD
tokenize TEXT -o o.npz ODD
tokenize TEXT --task TASK -o o.npz ODD
tokenize --decode --vocabulary text.npz TEXT
tokenize --decode --vocabulary TASK.npz TEXT
eval TEXT -m text.npz BY ODD
eval TEXT -m prose.npz BY ODD
eval TEXT -m TASK.npz BY ODD
eval TEXT -m text.npz --dynamic ODD
eval TEXT -m text.npz --novelty ODD
eval TEXT -m prose.npz --burn-in 4 ODD
classify TEXT -m classify.npz ODD
translate TEXT -m translate.npz --scores ODD
fill -m fill.npz ODD
fill -m text.npz ODD
proof TEXT -m fill.npz --gain 0 ODD
sample -m text.npz --primes TEXT --length 9
sample -m condition.npz --contexts TEXT --length 9
sample -m text.npz --prime - --length 9
sample -m text.npz --adapt TEXT --length 9
inspect units TEXT -m text.npz
inspect automaton TEXT -m text.npz
import weights.safetensors --vocabulary TEXT
info -m TEXT
sample -m TEXT
""".strip().split("\n")
BY = [
    [],
    ["--by", "line"],
    ["--by", "char"],
    ["--by", "file"],
    ["--json"],
    ["--unknown", "skip"],
    ["--unknown", "cost"],
]
ODD = [[], [], ["--invalid", "keep"], ["--invalid", "replace"], ["--invalid", "error"]]


def texts(rng: Random, folder: Path) -> Attack:
    """A text of odd bytes, to be trained on, tokenised, scored, answered or filled."""
    name, stdin = placed(rng, folder, nasty(rng))
    line = rng.choice(TEXTS).replace("TASK", rng.choice(TASKS))
    chosen = {"BY": rng.choice(BY), "ODD": rng.choice(ODD)}
    args = [one for word in command(line, TEXT=name) for one in chosen.get(word, [word])]
    return Attack(args, stdin or (nasty(rng) if rng.random() < 0.5 else b""))


def exchanged(rng: Random, folder: Path) -> Attack:
    """Texts, models and tokenised files of other tasks and kinds in the place of those that a command takes."""
    if rng.random() < 0.5:
        args = [*rng.choice(COMMANDS[rng.choice([*COMMANDS])])]
    else:
        line = re.sub("TASK", lambda _: rng.choice(TASKS), rng.choice(TEXTS))
        args = [arg for arg in command(line, TEXT=rng.choice(FILES)) if arg not in ("BY", "ODD")]
    args = [rng.choice(FILES) if arg in FILES and rng.random() < 0.7 else arg for arg in args]
    return Attack(args, stdin=rng.choice([b"", b"An\nBe\n", b"1 2\n", *FILES]))


def options(rng: Random, folder: Path) -> Attack:
    """Options of a command with values of all kinds."""
    name = rng.choice([*COMMANDS])
    args = [*rng.choice(COMMANDS[name])]
    params = _parameters(name.split())
    for param in rng.choices(params, k=rng.choice([1, 1, 2, 3])) if params else []:
        flag = rng.choice([*param.opts, *param.secondary_opts])
        args += [flag] if param.is_flag else [flag, word(rng, param)]
    if rng.random() < 0.2:
        args.insert(rng.randrange(1, len(args) + 1), rng.choice(WORDS))
    return Attack([arg.replace("\0", "") for arg in args], stdin=rng.choice([b"", b"An\nBe\n", "closed", "names.txt"]))


def word(rng: Random, param: Any) -> str:
    """A value for an option: one that it may have, or any."""
    choices = [str(one) for one in getattr(param.type, "choices", ())]
    return rng.choice(choices) if choices and rng.random() < 0.5 else rng.choice(WORDS)


def settings(rng: Random, folder: Path) -> Attack:
    """A charnn.toml, and variables CHARNN_*, with anything in them."""
    name = rng.choice([*COMMANDS])
    params = [param.name for param in _parameters(name.split())] or ["runs"]
    key = lambda: rng.choice([*params, "runs", "x", "Model", "temp-x"])  # noqa: E731
    if rng.random() < 0.6:
        values = ["1", "-1", '"x"', "true", "[]", "[1]", "{}", "{x=1}", "nan", "inf", "1979-05-27", '"\\u001b[31m"',
        '""', "1e400",
                  "12:00:00", '"\\u202e"', "0x10", "9" * 30, '"' + "x" * 3000 + '"', "{a={b={c=1}}}",
                  "[[[]]]"]  # fmt: skip
        tables = [
            f"[{name.replace(' ', '.')}]",
            "[recipes.own]",
            "[recipes]",
            "[[train]]",
            "[train.x]",
            "",
            "[",
            "\0",
            "[x]",
        ]
        lines = [f"{key()} = {rng.choice(values)}" for _ in range(rng.randint(0, 3))]
        extra = rng.choice(
            ["", "", "", "\ufeff", "\udcff", "=", "'", "runs = 'checkpoints'\n", "recipes = 3\n", "train = 1\n"]
        )
        text = f"{extra}{rng.choice(tables)}\n" + "\n".join(lines)
        (folder / "charnn.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    environ = {}
    for _ in range(rng.randint(0, 2)):
        start = rng.choice([f"CHARNN_{name.replace(' ', '_').upper()}", "CHARNN", "CHARNN_TRAIN"])
        environ[f"{start}_{key().upper().replace('-', '_')}"] = rng.choice(WORDS)
    args = [*rng.choice(COMMANDS[name])]
    if name == "train" and rng.random() < 0.2:
        args += ["--recipe", rng.choice(["own", "x", "", "elman"])]
    return Attack(args, environ=environ)


def completion(rng: Random, folder: Path) -> Attack:
    """What a shell asks when a word is to be completed."""
    (folder / "checkpoints" / rng.choice(["a b", "\x1b[31m", "é", "x'y", "$(touch canary)"])).mkdir(parents=True)
    words = [
        "charnn",
        *rng.choices(
            [*COMMANDS, "-m", "--model", "--runs", "nowhere", "'", '"', "\\", "--cell=", "--"], k=rng.randint(0, 4)
        ),
    ]
    environ = {
        "_CHARNN_COMPLETE": rng.choice(["bash_complete", "zsh_complete", "fish_complete", "bash_source"]),
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": rng.choice(["0", "1", str(len(words)), "99", "-1"]),
    }
    return Attack([], environ=environ)
