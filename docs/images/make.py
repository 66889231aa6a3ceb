"""Draw docs/images/train.svg: the screen of a terminal of 80 columns after `charnn train`, as tmux sees it.

Usage: python docs/images/make.py. It takes the minute that the training takes, and needs tmux.
"""

import re
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

FOLDER = Path(__file__).parent
CORPUS = FOLDER.parents[1] / "corpora" / "names.txt"
COMMAND = "charnn train names.txt --minutes 1"
COLUMNS, LINES, SESSION = 80, 44, "charnn-picture"
LOOK_EVERY = 0.5  # seconds
PATIENCE = 300  # seconds that a command may take


def screen(command: str, folder: Path) -> str:
    """What a terminal shows once a command has ended, with its colours as escape sequences."""
    done = folder / "done"
    program = f'charnn() {{ {sys.executable} -m charnn "$@"; }}'
    shell = f"cd {folder} && {program} && clear && {command}; touch {done}; sleep 9"
    start = ["tmux", "new-session", "-d", "-s", SESSION, "-x", str(COLUMNS), "-y", str(LINES)]
    subprocess.run([*start, "bash", "-c", shell], check=True)
    until = time.monotonic() + PATIENCE
    while not done.exists() and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
    look = ["tmux", "capture-pane", "-e", "-p", "-t", SESSION]
    seen = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    subprocess.run(["tmux", "kill-session", "-t", SESSION], check=True)
    return seen.rstrip()


def draw(shown: str, title: str, path: Path) -> None:
    """Draw a screen as SVG, with the fonts that the reader has."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown))
    svg = console.export_svg(title=title, theme=MONOKAI, unique_id="train")
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), "utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "names.txt").write_bytes(CORPUS.read_bytes())
        draw(f"$ {COMMAND}\n{screen(COMMAND, folder)}", "charnn", FOLDER / "train.svg")


if __name__ == "__main__":
    main()
