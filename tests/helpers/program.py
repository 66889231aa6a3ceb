"""The command line in this process, and what it runs on."""

import gc
import random
from typing import Any

from click.testing import CliRunner, Result

from charnn.cli import program
from tests.helpers.snapshots import check_message

TINY = ["--hidden", "8", "--layers", "1", "--batch", "4", "--window", "8", "--workers", "1", "--dropout", "0"]
TINY += ["--cell", "elman", "--schedule", "constant", "--rate", "0.02", "--patience", "0"]
BRIEF = [*TINY, "--steps", "40", "--validate-every", "20"]
SHORT = [*TINY, "--steps", "2", "--validate-every", "1"]  # for runs that only have to be there


def names(count: int = 400) -> str:
    """Lines of two to five syllables, none of them twice."""
    rng = random.Random(0)
    made = ("".join(rng.choices(["an", "be", "do", "la"], k=rng.randint(2, 5))).title() for _ in range(20 * count))
    return "".join(f"{name}\n" for name in list(dict.fromkeys(made))[:count])


def invoke(*args: object, stdin: str | bytes | None = None, **options: Any) -> Result:
    """Run the command line in this process."""
    if "--resume" in args:
        gc.collect()  # what held the folder before this is gone, as it would be with a process
    return CliRunner().invoke(program, [str(arg) for arg in args], input=stdin, prog_name="charnn", **options)


def well(*args: object, stdin: str | bytes | None = None) -> Result:
    """What came of it, once it has done well."""
    result = invoke(*args, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result


def ok(*args: object, stdin: str | bytes | None = None) -> str:
    """What it writes to standard output, once it has done well."""
    return well(*args, stdin=stdin).stdout_bytes.decode("utf-8", "surrogateescape")  # click's own text has no \r


def table(text: str) -> list[list[str]]:
    """The cells of a table in standard output: lines of values between tabs."""
    return [line.split("\t") for line in text.removesuffix("\n").split("\n")]


def refused(code: int, *args: object, stdin: str | bytes | None = None) -> str:
    """The message where it refuses to: one line, the last, which is word for word what it was."""
    result = invoke(*args, stdin=stdin)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert "Traceback" not in result.stderr and "internal error" not in result.stderr
    message = result.stderr.splitlines()[-1]
    assert message.startswith("charnn: "), result.stderr
    check_message(message)
    return message
