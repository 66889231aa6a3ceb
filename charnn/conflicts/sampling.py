"""Options of sampling that do not go together."""

from ..conflict import Conflict, both, needs

SAMPLING = (
    Conflict(
        ("past_end", "count"),
        lambda past_end, count: past_end and count != 1,
        "--past-end writes one long sample",
        "leave -n at 1",
    ),
    Conflict(
        ("prime", "adapt"),
        lambda prime, adapt: prime == adapt == "-",
        "--prime - and --adapt - both read standard input",
        "give one of them a text, or a file",
    ),
    Conflict(
        ("context", "contexts"),
        lambda context, contexts: context is not None and contexts is not None,
        "--context and --contexts both say what to write for",
        "leave out one of them",
    ),
    *(needs(name, "adapt") for name in ("adapt_rate", "keep")),
    Conflict(
        ("null", "separator", "json"),
        lambda null, separator, json: null + json + (separator is not None) > 1,
        "--null, --separator and --json say differently what follows a sample",
        "give one of them",
    ),
    *(
        Conflict(
            (name, other),
            lambda value, other: value not in (None, False) and other is not None,
            f"--{name.replace('_', '-')} and --{other} say differently where a text ends",
            "leave out one of them",
        )
        for name, other in (("stop", "match"), ("past_end", "match"), ("stop", "beam"), ("past_end", "beam"))
    ),
    *(
        Conflict(
            (name, "beam"),
            lambda value, beam, plain=plain: value != plain and beam is not None,
            f"--{name.replace('_', '-')} is for drawing, and --beam finds the likeliest text",
        )
        for name, plain in (("temp", 1.0), ("top_k", 0), ("top_p", 1.0), ("seed", None))
    ),
    Conflict(
        ("count", "beam"),
        lambda count, beam: beam is not None and count > beam,
        "--beam {beam} finds {beam} texts at most, and -n is {count}",
        "give a larger --beam",
    ),
    *(
        both(name, other, f"--{name} and --{other} both say what to go on from", "give one of them")
        for name, other in (
            *(("prime", "primes"), ("prime", "interactive"), ("primes", "interactive")),
            *(("contexts", "primes"), ("contexts", "interactive")),
        )
    ),
    *(
        Conflict(
            (name, "interactive"),
            lambda value, interactive, plain=plain: interactive and value != plain,
            f"--interactive writes one text for each line, and not with --{name}",
        )
        for name, plain in (("count", 1), ("json", False), ("novelty", False))
    ),
    Conflict(
        ("primes", "adapt"),
        lambda primes, adapt: primes == adapt == "-",
        "--primes - and --adapt - both read standard input",
        "name a file for one of them",
    ),
    Conflict(
        ("adapt", "interactive"),
        lambda adapt, interactive: adapt == "-" and interactive,
        "--adapt - reads standard input to its end, and --interactive reads it too",
        "name a file to adapt to",
    ),
)
