"""Options that do not go together: each row of the table refuses what it is for, and nothing that lacks its options."""

from typing import Any

import pytest

from charnn.conflicts import CONFLICTS, OF_STREAMS, OF_TEXT, check
from charnn.errors import UsageError

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"feedback": "output", "cell": "jordan"}, "--feedback output has no effect on --cell jordan, which feeds it back"),
    (
        {"teacher_forcing": "0.5", "feedback": "none", "cell": "gru"},
        "--teacher-forcing 0.5 has no effect where no output is fed back: leave it out, or choose --feedback output or "
        "--cell jordan",
    ),
    ({"teacher_forcing": "0.5", "ending": "node"}, "which --ending node does not have: choose --ending eos"),
    ({"init_scale": 0.5, "cell": "jordan"}, "--init-scale has no effect on --cell jordan, which has no recurrent weig"),
    ({"delay_to": "first", "delay": 1, "recurrent_depth": 2}, "--delay-to first has no effect without a --delay and"),
    (
        {"delay_only": True, "delay": 1},
        "--delay-only has no effect on --delay 1, which has no delayed connection: leave",
    ),
    ({"delay_only": True, "recurrent_depth": 3}, "leaves no way through the layers of --recurrent-depth 3: leave it"),
    ({"loss": "squared", "ending": "node"}, "which --ending node does not have: choose --ending eos"),
    ({"heads": 3, "hidden": 8}, "--heads 3 does not divide --hidden 8: choose --hidden a multiple of it"),
    ({"feedforward_depth": 2, "layers": 1}, "--feedforward-depth has no effect on --layers 1"),
    ({"residual": True, "layers": 1}, "--residual has no effect on --layers 1"),
    ({"dilation": 2, "layers": 1}, "--dilation has no effect on --layers 1"),
    ({"dropout_kind": "locked", "dropout": 0}, "--dropout-kind locked has no effect on --dropout 0"),
    ({"dropout_kind": "locked", "teacher_forcing": "0.5"}, "on a network that reads its own output"),
    ({"dropout_kind": "locked", "scheme": "one-step"}, "on --scheme one-step, whose windows have one step"),
    ({"dropout_kind": "locked", "window": 1}, "on --window 1, whose windows have one step"),
    ({"scheme": "one-step", "cell": "conv"}, "would train the weights of the newest input alone of the --width inputs"),
    (
        {"window": 9, "scheme": "truncated", "width": 4, "dilation": 3, "layers": 2},
        "--window 9 is no longer than what --cell conv looks back, so some of its weights would not be trained: choose",
    ),
    (
        {"scheme": "one-step", "cell": "jordan", "teacher_forcing": "1.0"},
        "--scheme one-step has no effect on --cell jordan, which has no recurrent weights W: leave it out",
    ),
    ({"stride": 9, "window": 8}, "--stride is 9, and --window 8: "),
    *[
        ({name: "x", "encoder": "none"}, f"--{name} has no effect with --encoder none: leave it out")
        for name in ("pooling", "condition", "attention")
    ],
    *[
        ({name: "x", "context_as": "label"}, f"--{name} has no effect with --context-as label")
        for name in ("encoder", "pooling")
    ],
    ({"head": "sigmoid", "labels": "several"}, "--head has no effect with --labels several"),
    (
        {"reading_loss": 0.5, "encoder": "bidirectional", "layers": 2},
        "--reading-loss has no effect on --layers 2 that read both ways: upper ones know each symbol: leave it out, or",
    ),
    ({"columns": "1,2", "autoencode": True}, "--columns has no effect with --autoencode: leave it out"),
    *[
        (
            {name: "x", "task": "classify"},
            f"--{name.replace('_', '-')} has no effect on --task classify: leave it out, or",
        )
        for name in (*OF_TEXT, *OF_STREAMS, "window")
    ],
    ({"characters": "abc", "task": "values"}, "--characters has no effect on --task values: leave it out"),
    ({"shuffle": True, "task": "values"}, "--shuffle has no effect on --task values"),
    ({"task": "values", "cell": "jordan"}, "--task values reads vectors, and --cell jordan feeds symbols back: choose"),
    ({"minutes": 1, "budget": "1m"}, "--budget and --minutes both say how long to train: leave one of them out"),
    ({"epochs": 1, "budget": "1m"}, "--budget and --epochs both"),
    ({"steps": 1, "budget": "1m"}, "--budget and --steps both"),
    ({"recipe": "best", "resume": True}, "--recipe is for new runs: leave it out, or --resume"),
    ({"budget": "1m", "resume": True}, "--budget is for new runs"),
    ({"characters": "xyz", "resume": True}, "--characters is for new runs"),
    ({"from": "names", "resume": True}, "--from is for new runs"),
    ({"freeze": 1, "from": None}, "--freeze needs --from: add it, or leave --freeze out"),
    ({"from": "names", "recipe": "best"}, "--recipe chooses a network, and --from has one: leave one of them out"),
    ({"from": "names", "budget": "1m"}, "--budget chooses a network, and --from has one: give --minutes instead"),
    ({"freeze": 1, "weight_decay": 0.1}, "--weight-decay 0.1 would shrink the weights that --freeze keeps"),
    ({"workers": 2, "ranks": 3}, "the ranks that mpiexec starts are the workers: leave --workers out"),
    ({"batch": 2, "ranks": 3}, "there are 3 ranks for a batch of 2: start fewer"),
    ({"pipe": True, "ranks": 2}, "standard input reaches one rank only: name a file"),
    ({"output": "a.npz", "decode": True}, "--decode writes to standard output: leave out --output"),
    ({"vocabulary": "a.npz", "decode": False}, "--vocabulary needs --decode: add it, or leave --vocabulary out"),
    ({"past_end": True, "count": 2}, "--past-end writes one long sample: leave -n at 1"),
    ({"prime": "-", "adapt": "-"}, "--prime - and --adapt - both read standard input: give one of them a text"),
    ({"context": "a", "contexts": "-"}, "--context and --contexts both say what to write for: leave out one of them"),
    ({"adapt_rate": 0.1, "adapt": None}, "--adapt-rate needs --adapt: add it, or leave --adapt-rate out"),
    ({"keep": "other", "adapt": None}, "--keep needs --adapt"),
    ({"null": True, "separator": ";", "json": False}, "say differently what follows a sample: give one of them"),
    ({"stop": "b", "match": "a"}, "--stop and --match say differently where a text ends"),
    ({"past_end": True, "match": "a"}, "--past-end and --match say differently where a text ends"),
    ({"stop": "b", "beam": 2}, "--stop and --beam say differently where a text ends"),
    ({"past_end": True, "beam": 2}, "--past-end and --beam say differently where a text ends"),
    ({"temp": 0.5, "beam": 2}, "--temp is for drawing, and --beam finds the likeliest text: leave it out"),
    ({"top_k": 3, "beam": 2}, "--top-k is for drawing, and --beam finds the likeliest text: leave it out"),
    ({"top_p": 0.5, "beam": 2}, "--top-p is for drawing, and --beam finds the likeliest text: leave it out"),
    ({"seed": 1, "beam": 2}, "--seed is for drawing, and --beam finds the likeliest text: leave it out"),
    ({"count": 3, "beam": 2}, "--beam 2 finds 2 texts at most, and -n is 3: give a larger --beam"),
    ({"prime": "a", "primes": "a.txt"}, "--prime and --primes both say what to go on from: give one of them"),
    ({"prime": "a", "interactive": True}, "--prime and --interactive both say what to go on from: give one of them"),
    (
        {"primes": "a.txt", "interactive": True},
        "--primes and --interactive both say what to go on from: give one of them",
    ),
    ({"contexts": "a.txt", "primes": "a.txt"}, "--contexts and --primes both say what to go on from: give one of them"),
    (
        {"contexts": "a.txt", "interactive": True},
        "--contexts and --interactive both say what to go on from: give one of them",
    ),
    ({"count": 2, "interactive": True}, "--interactive writes one text for each line, and not with --count"),
    ({"json": True, "interactive": True}, "--interactive writes one text for each line, and not with --json"),
    ({"novelty": True, "interactive": True}, "--interactive writes one text for each line, and not with --novelty"),
    ({"primes": "-", "adapt": "-"}, "--primes - and --adapt - both read standard input: name a file"),
    ({"adapt": "-", "interactive": True}, "--adapt - reads standard input to its end"),
    ({"dynamic": True, "burn_in": 9}, "--dynamic reads a text from its start to its end: leave --burn-in out"),
    ({"mix": "ngram", "burn_in": 9}, "--mix reads a text from its start to its end: leave --burn-in out"),
    ({"burn_in": 9, "reset": True, "path": "a.npz"}, "a.npz forgets its state at the end of a sequence"),
    ({"by": "line", "burn_in": 9}, "--by line is exact: leave --burn-in out"),
    ({"by": "char", "novelty": True}, "--by char writes rows, and --novelty figures of the whole"),
    ({"by": "line", "json": True}, "--by line writes rows, and --json one score: leave out one of them"),
    ({"picture": "svg", "by": "line"}, "--svg shows the text character by character: add --by char, or"),
    ({"nbest": 3, "beam": 2}, "--nbest is 3, and a beam of 2 finds no more than that: give a --beam as large"),
    ({"threshold": 0.9, "top": 2}, "--threshold leaves labels out, and --top writes the likeliest ones"),
    ({"window": 9, "windows": [16]}, "--window has no effect with --windows, which measures training by"),
    ({"epochs": 9.0, "windows": [16]}, "--epochs has no effect with --windows"),
    ({"table": "norms", "json": True}, "--table norms writes rows, and --json everything"),
    ({"svg": True, "json": True}, "--svg draws a picture, and --json writes an object: leave out one of them"),
    ({"dot": True, "svg": True, "json": False}, "--dot, --svg and --json say differently how the automaton"),
    ({"svg": True, "table": "saturation"}, "--table saturation has no picture: leave --svg out, or give norms"),
]


@pytest.mark.parametrize(("values", "says"), REFUSED, ids=lambda value: " ".join(value) if type(value) is dict else "")
def test_what_does_not_go_together_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        check(values, values)
    assert says in str(refused.value) and "\n" not in str(refused.value)
    for name in values:
        check({other: value for other, value in values.items() if other != name}, values)


@pytest.mark.parametrize(("asked", "flag"), [(False, "--no-bias"), (True, "--bias")])
def test_a_switch_is_named_as_it_was_typed(asked: bool, flag: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag} has no effect on --task values"):
        check({"bias": asked, "task": "values"}, ["bias"])


def test_every_row_is_tried_here() -> None:
    assert [row.options for row in CONFLICTS] == [tuple(values) for values, _ in REFUSED]


def test_a_default_that_was_not_asked_for_goes_together_with_all() -> None:
    check({"minutes": 10.0, "budget": "1m"}, ["budget"])
