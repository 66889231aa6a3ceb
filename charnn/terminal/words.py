"""Numbers as a person reads them: sizes, ages, counts, in few characters."""

SIZES = "B", "kB", "MB", "GB", "TB"
AGES = (("s", 60.0), ("min", 60.0), ("h", 24.0), ("d", 7.0), ("wk", 52.0), ("y", float("inf")))  # a unit, and how many
# make one of the next


def size(count: float) -> str:
    """Bytes in the largest unit of which there is at least one: 3.2 MB."""
    return _scaled(count, SIZES)


def count(number: float) -> str:
    """A number in few characters: 924 k."""
    return _scaled(number, ("", "k", "M", "G", "T"))


def age(seconds: float) -> str:
    """A time span in its largest whole unit: 3 d."""
    left = max(0.0, seconds)
    for unit, many in AGES:
        if left < many:
            return f"{int(left)} {unit}"
        left /= many
    raise AssertionError("no age is infinite")


def _scaled(number: float, units: tuple[str, ...]) -> str:
    """Three digits at most, and a unit."""
    step = 0
    while round(number) >= 1000 and step < len(units) - 1:
        number, step = number / 1000, step + 1
    digits = f"{number:.1f}" if step and round(number, 1) < 10 else f"{number:.0f}"
    return f"{digits} {units[step]}".rstrip()
