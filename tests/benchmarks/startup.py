"""What starting costs: the installed command's help and first character, beside Python and NumPy alone, in turns.

    python -m tests.benchmarks.startup

Measures the `charnn` beside this Python; install it as users do (`pip install .`), since an editable one starts later.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 25
CHARNN = str(Path(sys.executable).with_name("charnn"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "charnn --help": [CHARNN, "--help"],
    "charnn sample --length 1": [CHARNN, "sample", "--length", "1"],
}


def main() -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "words.txt").write_text("one\ntwo\nthree\n" * 50, "utf-8")
        train = [CHARNN, "train", "words.txt", "--hidden", "128", "--layers", "1", "--steps", "1"]
        for command in (train, *COMMANDS.values()):
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        for _ in range(ROUNDS):
            for name, command in COMMANDS.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
                found[name].append(time.perf_counter() - start)
    numpy = statistics.median(found["import numpy"])
    print("| command | median | x import numpy |\n|---|---|---|")
    for name, times in found.items():
        print(f"| `{name}` | {1e3 * statistics.median(times):.0f} ms | {statistics.median(times) / numpy:.2f} |")


if __name__ == "__main__":
    main()
