"""Draw screens as tmux sees them: train.svg, and those of a session at 80 and 120 columns, dark and light.

Usage: python docs/images/make.py [train|session]. The first takes half a minute. It needs tmux.
"""

import re
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent
CORPUS = FOLDER.parents[1] / "corpora" / "names.txt"
TRAIN = "charnn train names.txt --epochs 20"
SMALL = "--hidden 16 --steps 300 --validate-every 50"
SETUP = f"charnn train names.txt --name small {SMALL} && charnn train names.txt --name gru --cell gru {SMALL}"
SHOWN = "charnn list", "charnn next -m gru Jo -n 6", "charnn info -m small", "charnn eval -m small"
THEMES = {"dark": MONOKAI, "light": DEFAULT_TERMINAL_THEME}
LINES, SESSION = 56, "charnn-picture"
LOOK_EVERY = 0.5  # seconds
PATIENCE = 300  # seconds that a command may take


def screen(command: str, folder: Path, columns: int) -> str:
    """What a terminal shows once a command has ended, with its colours as escape sequences."""
    done = folder / "done"
    done.unlink(missing_ok=True)
    program = f'charnn() {{ {sys.executable} -m charnn "$@"; }}'
    shell = f"cd {folder} && {program} && clear && {command}; touch {done}; sleep 9"
    start = ["tmux", "new-session", "-d", "-s", SESSION, "-x", str(columns), "-y", str(LINES)]
    subprocess.run([*start, "bash", "-c", shell], check=True)
    until = time.monotonic() + PATIENCE
    while not done.exists() and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
    look = ["tmux", "capture-pane", "-e", "-p", "-t", SESSION]
    seen = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    subprocess.run(["tmux", "kill-session", "-t", SESSION], check=True)
    return seen.rstrip()


def draw(shown: str, path: Path, columns: int, theme: TerminalTheme) -> None:
    """Draw a screen as SVG, with the fonts that the reader has."""
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown))
    svg = console.export_svg(title="charnn", theme=theme, unique_id=path.stem)
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), "utf-8")


def main(which: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "names.txt").write_bytes(CORPUS.read_bytes())
        if which != "session":
            draw(f"$ {TRAIN}\n{screen(TRAIN, folder, 80)}", FOLDER / "train.svg", 80, MONOKAI)
        if which != "train":
            screen(f"{SETUP} >/dev/null 2>&1", folder, 80)
            commands = "; ".join(f"echo '$ {command}'; {command}" for command in SHOWN)
            for columns in (80, 120):
                shown = screen(commands, folder, columns)
                for look, theme in THEMES.items():
                    draw(shown, FOLDER / f"session-{columns}-{look}.svg", columns, theme)


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["all"])
