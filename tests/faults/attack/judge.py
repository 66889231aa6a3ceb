"""What is wrong with how an attack ended; nothing, if the program has held."""

import re
import signal
from pathlib import Path

from charnn.terminal.plain import MAX_MESSAGE, visible

from .server import Attack, End

MEMORY = 700 << 20  # bytes; the process that others are forked from has some 150 of them
CODES = 0, 1, 2, 3, 4
STALE = ".last.npz.ab12.tmp"  # of an attack by what a killed training left
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGPIPE: 141}


def faults(attack: Attack, end: End) -> list[str]:
    """What an attack shows to be wrong."""
    if end.code is None:
        return ["hangs"]
    found = []
    if end.left:
        found.append(f"leaves {end.left} processes behind")
    if "Traceback" in end.err or "internal error" in end.err or "Warning:" in end.err:
        found.append("a traceback, an internal error or a warning of Python")
    if end.memory > MEMORY:
        found.append(f"takes {end.memory >> 20} MB")
    if not _may_end(attack, end.code):
        found.append(f"exit code {end.code}")
    if end.code in CODES[1:] and attack.stdout != "gone":
        found += _message(end.err)
    if end.code == 0 and attack.sound is not None and end.out != attack.sound:
        found.append("reads wrongly: another output than with what is intact, and exit code 0")
    if any(visible(line) != line for line in re.split("[\r\n]", end.err)) and not attack.environ:
        found.append("a harmful character in standard error")
    return found


def _may_end(attack: Attack, code: int) -> bool:
    sent = attack.sent and attack.sent[0]
    if code in CODES or (attack.stdout == "gone" and code in (141, -signal.SIGPIPE)):
        return True
    return bool(sent) and code in (-sent, SIGNALS.get(signal.Signals(sent)))


def _message(err: str) -> list[str]:
    """What is wrong with the message of an error: there is one line of it, the last."""
    lines = err.splitlines()
    messages = [line for line in lines if line.startswith(("charnn: ", "Error: ", "Usage: "))]
    if not lines or len(messages) != 1 or messages[0] != lines[-1] or not err.endswith("\n"):
        return ["no message of one line, as the last one"]
    if len(lines[-1]) > MAX_MESSAGE + len("charnn: "):
        return [f"a message of {len(lines[-1])} characters"]
    return []


def leftovers(folder: Path, before: dict[str, bytes]) -> list[str]:
    """What an attack did to files that were there, and what it left of half-written ones."""
    found = [f"{name} is changed" for name, data in before.items() if _content(folder / name) != data]
    found += [f"{path.name} is left behind" for path in folder.rglob(".*.tmp") if path.name != STALE]
    if (folder / "canary").exists():
        found.append("runs the file's code")
    return found


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
