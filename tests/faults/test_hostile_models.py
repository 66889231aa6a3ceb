"""M: models and tokenised files that were made, or damaged, to do harm."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn as library
from charnn.errors import CharnnError, CheckpointError
from charnn.runs import checkpoint
from tests.faults import hostile
from tests.faults.hostile import Change, Member, forged, members, npy, zipped
from tests.helpers.processes import Done, charnn, cheaply
from tests.helpers.program import TINY

W = "weights/hidden/0/W"


def refused(message: str, kind: str = "model", *words: str) -> None:
    """bad.npz is turned down by a command that reads models (or tokenised files), and leaves nothing behind."""
    commands = {
        "model": [["info", "-m", "bad.npz"]],
        "models": [["info", "-m", "bad.npz"], ["sample", "-m", "bad.npz"], ["eval", "names.txt", "-m", "bad.npz"]]
        + [["inspect", command, "names.txt", "-m", "bad.npz"] for command in ("gradients", "units", "gradcheck")],
        "tokens": [["train", "bad.npz", *TINY]],
        "tokenised": [["train", "bad.npz", *TINY], ["tokenize", "--decode", "bad.npz"]],
    }
    for command in commands[kind]:
        charnn(*command).told(3, "bad.npz", message, *words)
    assert not Path("canary").exists() and not Path("checkpoints").exists()


def refused_cheaply(kind: str = "model") -> None:
    """... within a second of processor time beyond what a good model takes, and in 200 MB."""
    command = ["info", "-m", "bad.npz"] if kind == "model" else ["train", "bad.npz"]
    cheaply(command, beside=["info", "-m", "good.npz"]).told(3, "bad.npz")


# M4


def test_M4_of_500_flipped_bits_each_is_noticed_or_changes_nothing(good: Path, whole: bytes) -> None:
    noticed, wanted = 0, library.generate(library.load(good), 3, seed=1)
    for seed in range(500):
        Path("bad.npz").write_bytes(hostile.flipped(whole, seed))
        try:
            assert library.generate(library.load("bad.npz"), 3, seed=1) == wanted
        except CheckpointError as error:
            assert "bad.npz" in str(error)
            noticed += 1
    assert noticed > 400


@pytest.mark.parametrize("seed", range(6))
def test_M4_a_flipped_bit(good: Path, whole: bytes, seed: int) -> None:
    Path("bad.npz").write_bytes(hostile.flipped(whole, seed))
    done = charnn("sample", "-m", "bad.npz", "--seed", 1)
    if done.code:
        done.told(3, "bad.npz")
    else:
        assert done.well() == charnn("sample", "-m", "good.npz", "--seed", 1).well()


@pytest.mark.parametrize("seed", range(4))
def test_M4_a_flipped_bit_of_a_tokenised_file(new: Path, tokens: bytes, seed: int) -> None:
    """It is noticed, or is in a date or the like, which says nothing."""
    Path("bad.npz").write_bytes(hostile.flipped(tokens, seed))
    done = charnn("tokenize", "--decode", "bad.npz")
    if done.code:
        done.told(3, "bad.npz")
    else:
        assert done.well() == Path("names.txt").read_bytes()


# M5


@pytest.mark.parametrize("kind", ["models", "tokenised"])
@pytest.mark.parametrize("where", ["added", "instead of the header", "instead of an array"])
def test_M5_an_array_of_objects(new: Path, whole: bytes, tokens: bytes, kind: str, where: str) -> None:
    found = members(whole if kind == "models" else tokens)
    at = {"added": len(found), "instead of the header": 0, "instead of an array": 1}[where]
    name = "trap.npy" if where == "added" else found[at].name
    zipped([*found[:at], Member(name, hostile.trap()), *found[at + 1 :]], Path("bad.npz"))
    refused("not a charnn", kind, name.removesuffix(".npy"))


def test_M5_the_trap_would_close(new: Path, whole: bytes) -> None:
    zipped([*members(whole), Member("trap.npy", hostile.trap())], Path("bad.npz"))
    with np.load("bad.npz", allow_pickle=True) as read:
        assert read["trap"] is not None
    assert Path("canary").exists()


# M6, M7

CLAIMS: dict[str, Callable[[str], Member]] = {
    "10^12 elements": lambda name: Member(name, hostile.header((10**12,)) + bytes(100)),
    "10^12 elements on two axes": lambda name: Member(name, hostile.header((10**6, 10**6)) + bytes(100)),
    "10^30 elements": lambda name: Member(name, hostile.header((10**10, 10**10, 10**10)) + bytes(100)),
    "10^12 elements, and a size in the zip to match": lambda name: Member(
        name, hostile.header((10**9,)) + bytes(100), size=4_000_000_000 + len(hostile.header((10**9,)))
    ),
}
BOMBS: dict[str, Callable[[str], Member]] = {
    "deflate bomb": lambda name: hostile.bomb(name, 600),
    "npy header of 1.5 GB": hostile.wide,
}


@pytest.mark.parametrize("kind", ["model", "tokens"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_M6_a_claim_of_very_many_elements(good: Path, whole: bytes, tokens: bytes, claim: str, kind: str) -> None:
    first, second, *rest = members(whole if kind == "model" else tokens)
    zipped([first, CLAIMS[claim](second.name), *rest], Path("bad.npz"))
    refused_cheaply(kind)


@pytest.mark.parametrize("kind", ["model", "tokens"])
@pytest.mark.parametrize("what", BOMBS)
@pytest.mark.parametrize("at", [0, 1])
def test_M7_a_little_that_becomes_much(good: Path, whole: bytes, tokens: bytes, what: str, kind: str, at: int) -> None:
    found = members(whole if kind == "model" else tokens)
    found[at] = BOMBS[what](found[at].name)
    zipped(found, Path("bad.npz"))
    refused_cheaply(kind)


# M8

LAYOUTS: dict[str, Callable[[list[Member]], list[Member]]] = {
    "a duplicate": lambda found: [*found, found[-1]],
    "a duplicate of other content": lambda found: [*found, Member(found[-1].name, npy(np.zeros(3, np.float32)))],
    **{
        f"a member called {name}": lambda found, name=name: [*found, Member(name, npy(np.zeros(3, np.float32)))]  # type: ignore[misc]
        for name in ("../../evil.npy", "/tmp/evil.npy", "weights/../../evil.npy", "C:\\evil.npy", "evil", "a/")
    },
    "a text": lambda found: [*found, Member("readme.txt", b"read me")],
    "a text that is called an array": lambda found: [*found, Member("readme.npy", b"read me")],
    "an empty member": lambda found: [*found, Member("nothing.npy", b"")],
    "two names for the same bytes": lambda found: [*found, replace(found[0], at=0)],
    "a member within another": lambda found: [*found, replace(found[1], name="within.npy", at=60)],
    "no members": lambda found: [],
    "deflated": lambda found: [*found[:-1], hostile.bomb(found[-1].name, 1)],
    "encrypted or of an unknown method": lambda found: [*found[:-1], replace(found[-1], method=99)],
    "a false checksum": lambda found: [replace(found[0], crc=1), *found[1:]],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_M8_members_that_no_model_has(new: Path, whole: bytes, layout: str) -> None:
    zipped(LAYOUTS[layout](members(whole)), Path("bad.npz"))
    refused("bad.npz")
    assert not Path("/tmp/evil.npy").exists() and not Path("../../evil.npy").exists()


@pytest.mark.parametrize("layout", ["a duplicate", "a text", "two names for the same bytes", "no members"])
def test_M8_members_that_no_tokenised_file_has(new: Path, tokens: bytes, layout: str) -> None:
    zipped(LAYOUTS[layout](members(tokens)), Path("bad.npz"))
    refused("bad.npz", "tokens")


@pytest.mark.parametrize("where", ["after", "far after", "before", "a comment", "another archive after"])
@pytest.mark.parametrize("kind", ["model", "tokens"])
def test_M8_bytes_that_belong_to_no_member(new: Path, whole: bytes, tokens: bytes, where: str, kind: str) -> None:
    data = whole if kind == "model" else tokens
    changed = {
        "after": data + b"more",
        "far after": data + b"more" * 20_000,
        "before": b"more" + data,
        "a comment": data[:-2] + b"\4\0more",
        "another archive after": data + data,
    }
    Path("bad.npz").write_bytes(changed[where])
    refused("bad.npz", kind)


# M9


def instead(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda header, arrays: arrays.update({name: make(arrays[name])})


MISFITS: dict[str, tuple[Change, tuple[str, ...]]] = {
    "float64": (instead(W, lambda w: w.astype("<f8")), (W, "float32 (8, 8)", "float64 (8, 8)")),
    "float16": (instead(W, lambda w: w.astype("<f2")), (W, "<f4", "<f2")),
    "integers": (instead(W, lambda w: w.astype("<i8")), (W, "float32 (8, 8)", "int64 (8, 8)")),
    "byte order": (instead(W, lambda w: w.astype(">f4")), (W, "<f4", ">f4")),
    "complex": (instead(W, lambda w: w.astype("<c8")), (W, "<f4", "<c8")),
    "text": (instead(W, lambda w: np.array("W")), (W, "<f4", "<U1")),
    "fields": (instead(W, lambda w: np.zeros(2, [("a", "<f4")])), (W, "<f4", "('a', '<f4')")),
    "order": (instead(W, np.asfortranarray), (W, "'fortran_order': False", "'fortran_order': True")),
    "shape": (instead(W, lambda w: w[:4]), (W, "float32 (8, 8)", "float32 (4, 8)")),
    "axes": (instead(W, lambda w: w.reshape(64)), (W, "float32 (8, 8)", "float32 (64,)")),
    "no axes": (instead(W, lambda w: w[0, 0]), (W, "float32 (8, 8)", "float32 ()")),
    "a weight too few": (lambda header, arrays: arrays.pop(W), (W, "float32 (8, 8)", "is nothing")),
    "a moment too few": (
        lambda header, arrays: arrays.pop("moments/1/readout/c"),
        ("moments/1/readout/c", "float32", "is nothing"),
    ),
    "a state too few": (lambda header, arrays: arrays.pop("state/0"), ("state/0", "float32 (4, 8)", "is nothing")),
    "one too many": (
        lambda header, arrays: arrays.update(stray=np.zeros(3, "<f4")),
        ("stray should be nothing", "float32 (3,)"),
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_M9_an_array_that_does_not_fit(new: Path, whole: bytes, misfit: str) -> None:
    change, words = MISFITS[misfit]
    forged(whole, change, Path("bad.npz"))
    refused(words[0], "model", *words[1:])


@pytest.mark.parametrize("misfit", ["order", "shape", "a weight too few"])
def test_M9_every_command_refuses_it(new: Path, whole: bytes, misfit: str) -> None:
    forged(whole, MISFITS[misfit][0], Path("bad.npz"))
    refused(W, "models")


TOKENISED: dict[str, tuple[Change, str]] = {
    "type": (instead("ids", lambda ids: ids.astype("<i8")), "ids"),
    "axes": (instead("ids", lambda ids: ids.reshape(1, -1)), "ids"),
    "no ids": (lambda header, arrays: arrays.pop("ids"), "ids"),
    "one too many": (lambda header, arrays: arrays.update(stray=np.zeros(3, "<f4")), "stray"),
    "an id that the vocabulary does not have": (instead("ids", lambda ids: np.full_like(ids, 250)), "ids"),
    "nothing": (instead("ids", lambda ids: ids[:0]), "ids"),
}


@pytest.mark.parametrize("misfit", TOKENISED)
def test_M9_ids_that_do_not_fit(new: Path, tokens: bytes, misfit: str) -> None:
    change, word = TOKENISED[misfit]
    forged(tokens, change, Path("bad.npz"))
    refused(word, "tokenised")


# M10


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [W, "weights/readout/c", "moments/0/readout/V0", "state/0"])
def test_M10_a_weight_that_is_no_number(new: Path, whole: bytes, value: float, name: str) -> None:
    def spoil(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        arrays[name].flat[-1] = value

    name = name if name in hostile.arrays(whole) else name.removesuffix("0")
    forged(whole, spoil, Path("bad.npz"))
    refused("non-finite", "models" if name == W else "model", name)


# M11


def put(section: str | None = None, **values: Any) -> Change:
    return lambda header, arrays: (header[section] if section else header).update(values)


HEADERS: dict[str, tuple[Change, Callable[[str], str]]] = {
    "too deep": (put(), lambda text: "[" * 100_000),
    "too deep in a value": (put(history=0), lambda text: text.replace('"history": 0', '"history": ' + "[" * 9**5)),
    "closed, and too deep": (put(), lambda text: "[" * 100_000 + "]" * 100_000),
    "a number of 10^5 digits": (put(step=0), lambda text: text.replace('"step": 0', '"step": ' + "9" * 10**5)),
    "no JSON": (put(), lambda text: text[:-1]),
    "no object": (put(), lambda text: "[]"),
    "not ASCII": (put(), lambda text: "\udc00".encode("utf-8", "surrogatepass").decode("latin-1") + text),
    "empty": (put(), lambda text: ""),
}
VALUES: dict[str, Change] = {
    "duplicate characters": put("vocabulary", characters=[97] * 9),
    "characters out of order": lambda header, arrays: header["vocabulary"]["characters"].reverse(),
    "a character that does not exist": lambda header, arrays: header["vocabulary"]["characters"].append(0x110000),
    "no vocabulary": put(vocabulary=None),
    "a vocabulary too small for the weights": lambda header, arrays: header["vocabulary"]["characters"].pop(),
    "a vocabulary too large for the weights": lambda header, arrays: header["vocabulary"]["characters"].append(5000),
    "a layer too many": put("model", layers=2),
    "very many hidden units": put("model", hidden=10**6),
    "hidden units beyond bounds": put("model", hidden=10**30),
    "hidden units as text": put("model", hidden="8"),
    "hidden units as a fraction": put("model", hidden=8.0),
    "hidden units as truth": put("model", hidden=True),
    "an unknown option": put("model", wings=2),
    "a rate as text": put("train", rate="fast"),
    "a batch as text": put("train", batch="4"),
    "a batch that is none": put("train", batch=None),
    "a rate that is infinite": put("train", rate=float("inf")),
    "a rate that is no number": put("train", rate=float("nan")),
    "steps as a list": put("train", steps=[1]),
    "a step as text": put(step="x"),
    "a step below zero": put(step=-1),
    "a step that is a fraction": put(step=1.5),
    "a cursor below zero": put(cursor=-4),
    "seconds that are infinite": put(seconds=float("inf")),
    "a scale that is no number": put(scale=float("nan")),
    "a best loss as text": put(best="good"),
    "a count as a list": put(count=[]),
    "no step": lambda header, arrays: header.pop("step"),
    "a history as text": put(history="long"),
    "a history of numbers": put(history=[1, 2]),
    "a history without losses": put(history=[{"step": 20}]),
    "a history of text": put(history=[{"step": "x", "epoch": "x", "train": "x", "valid": "x"}]),
    "an environment as a list": put(environment=["x"]),
    "an environment of numbers": put(environment={"numpy": 2}),
    "no baselines": put("origin", baselines=None),
    "baselines as text": put("origin", baselines={"uniform": "low"}),
    "a fingerprint as a number": put("origin", sha256=1),
    "symbols as text": put("origin", symbols="many"),
    "names as numbers": put("origin", names=[1, 2]),
    "names as text": put("origin", names="names.txt"),
    "no names": put("origin", names=[]),
    "a policy that there is not": put("origin", invalid="eat"),
}  # fmt: skip


@pytest.mark.parametrize("what", HEADERS)
def test_M11_a_header_that_is_none(new: Path, whole: bytes, what: str) -> None:
    forged(whole, HEADERS[what][0], Path("bad.npz"), HEADERS[what][1])
    refused("is not a charnn")


@pytest.mark.parametrize("what", ["too deep", "no object", "empty"])
def test_M11_a_header_that_is_none_of_a_tokenised_file(new: Path, tokens: bytes, what: str) -> None:
    forged(tokens, HEADERS[what][0], Path("bad.npz"), HEADERS[what][1])
    refused("is not a charnn", "tokens")


@pytest.mark.parametrize("what", VALUES)
def test_M11_a_value_that_does_not_fit(new: Path, whole: bytes, what: str) -> None:
    """In the library, which every command reads models by."""
    forged(whole, VALUES[what], Path("bad.npz"))
    with pytest.raises(CheckpointError, match=r"^bad\.npz is corrupt: "):
        checkpoint.load("bad.npz")


@pytest.mark.parametrize(
    "what", ["duplicate characters", "a vocabulary too small for the weights", "a step as text", "a history of numbers"]
)
def test_M11_a_value_that_does_not_fit_and_every_command(new: Path, whole: bytes, what: str) -> None:
    forged(whole, VALUES[what], Path("bad.npz"))
    refused("is corrupt", "models")
    run = Path("checkpoints/names")
    run.mkdir(parents=True)
    Path("bad.npz").rename(run / "last.npz")
    charnn("train", "--resume").told(3, "checkpoints/names/last.npz is corrupt")


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("duplicate characters", put("vocabulary", characters=[97] * 9)),
        ("a vocabulary too small", put("vocabulary", characters=[97])),
        ("no vocabulary", put(vocabulary=[])),
        ("ends that are none", put(silent=["x"])),
        ("ends beyond the text", put(silent=[10**30])),
        ("ends as a number", put(silent=3)),
        ("a fingerprint as a number", put(sha256=1)),
        ("a policy that there is not", put(invalid="eat")),
    ],
)
def test_M11_a_value_of_a_tokenised_file_that_does_not_fit(new: Path, tokens: bytes, what: str, change: Change) -> None:
    forged(tokens, change, Path("bad.npz"))
    refused("is corrupt", "tokenised")


def test_M11_names_that_would_draw_on_the_terminal(new: Path, whole: bytes) -> None:
    nasty = "a\x1b[2J\rb\nc\x9bd\u202ee"
    forged(whole, put("origin", names=[nasty]), Path("bad.npz"))
    done = charnn("info", "-m", "bad.npz")
    assert not any(byte in done.well().replace(b"\n", b"") for byte in (b"\x1b", b"\r", b"\xc2\x9b", b"\xe2\x80\xae"))
    charnn("eval", "-m", "bad.npz").told(2, "a\\x1b[2J\\rb\\nc\\x9bd\\u202ee")
    forged(whole, put(version=checkpoint.VERSION + 1, charnn=nasty), Path("bad.npz"))
    refused("needs charnn >= a\\x1b[2J\\rb")


@pytest.mark.parametrize(
    "place", [{"cursor": 10**6}, {"step": 2**62}, {"epoch": 2**62}, {"count": 2**62}, {"stale": 99}]
)
def test_M11_a_place_that_no_run_comes_to(here: Path, whole: bytes, place: dict[str, int]) -> None:
    """A model may say anything of where it is; going on from there ends well, or is refused."""
    run = here / "checkpoints" / f"far-{next(iter(place))}"
    run.mkdir()
    forged(whole, put(**place), run / "last.npz")
    done = charnn(
        "train", "--resume", "--name", run.name, "--steps", 10**12 if "epoch" in place else 60, "--minutes", 0.01
    )
    if done.code:
        done.told(3, "last.npz")
    shutil.rmtree(run)


# M12


def test_M12_a_model_from_the_future(new: Path, whole: bytes) -> None:
    forged(whole, put(version=checkpoint.VERSION + 1, charnn="7.1.0", news=["unheard of"]), Path("bad.npz"))
    refused("needs charnn >= 7.1.0", "models")


def test_M12_a_tokenised_file_from_the_future(new: Path, tokens: bytes) -> None:
    forged(tokens, put(version=2, charnn="7.1.0", news=["unheard of"]), Path("bad.npz"))
    refused("needs charnn >= 7.1.0", "tokenised")


# M13


def special(kind: str, path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)


@pytest.mark.parametrize("kind", ["folder", "pipe", "/dev/zero", "/dev/null"])
@pytest.mark.parametrize("name", ["best.npz", "last.npz"])
def test_M13_no_regular_file_as_a_model(new: Path, kind: str, name: str) -> None:
    path = new / "checkpoints/names" / name
    path.parent.mkdir(parents=True)
    special(kind, path)
    for command in [["info", "-m", "names"], ["train", "--resume", "--name", "names"]]:
        charnn(*command).told(3, f"checkpoints/names/{name} is not a charnn file: not a regular file")
    if kind != "folder":
        charnn("sample", "-m", path).told(3, str(path), "not a regular file")
        charnn("eval", "names.txt", "-m", path).told(3, str(path), "not a regular file")


@pytest.mark.parametrize("kind", ["folder", "pipe", "/dev/zero", "/dev/null"])
def test_M13_no_regular_file_as_a_tokenised_file(new: Path, kind: str) -> None:
    special(kind, new / "bad.npz")
    charnn("tokenize", "--decode", "bad.npz").told(3, "bad.npz", "not a regular file")
    charnn("train", "bad.npz").told(3, "bad.npz", "not a regular file")
    assert not Path("checkpoints").exists()


def test_M13_a_model_whose_corpus_is_no_regular_file(new: Path, whole: bytes) -> None:
    """A model names the files it was trained on: it cannot make a command read one without an end."""
    os.mkfifo("pipe.txt")
    for name in ("/dev/zero", str(new / "pipe.txt")):
        forged(whole, put("origin", names=[name]), Path("bad.npz"))
        message = charnn("eval", "-m", "bad.npz").told(2, f"the corpus of this model is not at {name}")
        assert "name the text to use" in message


# M14


AS_NOBODY = """
import difflib, importlib, os, pkgutil, sys
import charnn, numpy, click, rich, tqdm
for module in pkgutil.walk_packages(charnn.__path__, "charnn."):
    if module.name != "charnn.__main__":
        importlib.import_module(module.name)
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
from charnn.cli import program
program(prog_name="charnn")
"""  # what is imported late is imported first: a user other than root may not read where it is


@pytest.fixture
def shut(whole: bytes) -> Iterator[Path]:
    """A folder that anybody may enter, with a model.npz that nobody may read, and a folder that nobody may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "model.npz").write_bytes(whole)
        (folder / "model.npz").chmod(0)
        (folder / "shut").mkdir(mode=0)
        yield folder


def nobody(shut: Path, *args: str) -> Done:
    return charnn(*args, cwd=shut, command=[sys.executable, "-c", AS_NOBODY])


@pytest.mark.parametrize("command", [["info"], ["sample"], ["eval", "-"]])
def test_M14_a_model_that_one_may_not_read(shut: Path, command: list[str]) -> None:
    nobody(shut, *command, "-m", "model.npz").told(1, "model.npz cannot be read: Permission denied")


def test_M14_a_tokenised_file_and_a_folder_that_one_may_not_read(shut: Path) -> None:
    nobody(shut, "tokenize", "--decode", "model.npz").told(1, "model.npz cannot be read: Permission denied")
    nobody(shut, "info", "-m", "shut/model.npz").told(1, "shut/model.npz", "Permission denied")


@pytest.mark.parametrize("call", ["load", "read"])
def test_M14_whoever_one_is(good: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The same without another user: opening the file is refused."""

    def shut(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(good))

    monkeypatch.setattr("builtins.open", shut)
    with pytest.raises(CharnnError, match=r"good\.npz cannot be read: Permission denied") as caught:
        getattr(library, call)(str(good))
    assert caught.value.exit_code == 1


def test_a_model_that_is_only_written_anew_is_as_good(good: Path, whole: bytes) -> None:
    """What the tests above refuse is refused for what they changed: without a change, the forged file works."""
    forged(whole, put(), Path("bad.npz"))
    assert json.loads(hostile.arrays(Path("bad.npz").read_bytes())["header"].tobytes())["digest"]
    wanted = charnn("sample", "-m", "good.npz", "--seed", 1).well()
    assert charnn("sample", "-m", "bad.npz", "--seed", 1).well() == wanted
