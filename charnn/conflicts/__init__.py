"""Options that do not go together: one table, for configurations, the library and every command.

An option that works with some choices of another one only stands in the rows of `choices`, or beside its own help text
(`only`, `needs`). What is left is here, by the names of configurations and commands. `ranks` are those that mpiexec
started, `pipe` is a corpus that can be read once only, and `reset` that the model at `path` forgets its state at EOS.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ..choices import CELLS, TASKS
from ..conflict import Conflict, between_layers, both, needs, new_run, of_tasks, time, without
from ..errors import UsageError
from ..options import typed
from .sampling import SAMPLING

LOCKED = "--dropout-kind locked has no effect on"
OF_TEXT = "scheme", "stride", "cut_probability", "ending", "feedback", "teacher_forcing", "init_scale", "bias", "loss"
OF_STREAMS = "sequence", "state"
SHARE = "--teacher-forcing {teacher_forcing}"
FED = " or ".join(["--feedback output", *(f"--cell {name}" for name, cell in CELLS.items() if cell.reads_output)])

CONFLICTS = (
    # A network
    Conflict(
        ("feedback", "cell"),
        lambda feedback, cell: feedback == "output" and CELLS[cell].reads_output,
        "--feedback output has no effect on --cell {cell}, which feeds it back already",
    ),
    Conflict(
        ("teacher_forcing", "feedback", "cell"),
        lambda share, feedback, cell: share != "1.0" and feedback == "none" and not CELLS[cell].reads_output,
        f"{SHARE} has no effect where no output is fed back",
        f"leave it out, or choose {FED}",
    ),
    Conflict(
        ("teacher_forcing", "ending"),
        lambda share, ending: share != "1.0" and ending != "eos",
        f"{SHARE} feeds back one softmax over all symbols, which --ending {{ending}} does not have",
        "choose --ending eos, or leave it out",
    ),
    Conflict(
        ("init_scale", "cell"),
        lambda scale, cell: scale != 1 and not CELLS[cell].recurrent,
        "--init-scale has no effect on --cell {cell}, which has no recurrent weights W",
    ),
    Conflict(
        ("delay_to", "delay", "recurrent_depth"),
        lambda to, delay, depth: to == "first" and 1 in (delay, depth),
        "--delay-to first has no effect without a --delay and a --recurrent-depth of 2 or more",
    ),
    Conflict(
        ("delay_only", "delay"),
        lambda only, delay: only and delay == 1,
        "--delay-only has no effect on --delay 1, which has no delayed connection",
        "leave it out, or choose --delay 2 or more",
    ),
    Conflict(
        ("delay_only", "recurrent_depth"),
        lambda only, depth: only and depth and depth > 1,
        "--delay-only leaves no way through the layers of --recurrent-depth {recurrent_depth}",
        "leave it out, or choose --recurrent-depth 1",
    ),
    Conflict(
        ("loss", "ending"),
        lambda loss, ending: loss == "squared" and ending != "eos",
        "--loss squared is that of one softmax over all symbols, which --ending {ending} does not have",
        "choose --ending eos, or leave it out",
    ),
    Conflict(
        ("heads", "hidden"),
        lambda heads, hidden: heads and hidden % heads,
        "--heads {heads} does not divide --hidden {hidden}",
        "choose --hidden a multiple of it",
    ),
    between_layers("feedforward_depth", 1),
    between_layers("residual", False),
    between_layers("dilation", 1),
    Conflict(
        ("dropout_kind", "dropout"),
        lambda kind, dropout: kind == "locked" and dropout == 0,
        f"{LOCKED} --dropout 0",
    ),
    Conflict(
        ("dropout_kind", "teacher_forcing"),
        lambda kind, share: kind == "locked" and share != "1.0",
        f"{LOCKED} a network that reads its own output, one step a window",
    ),
    # Training
    Conflict(
        ("dropout_kind", "scheme"),
        lambda kind, scheme: kind == "locked" and scheme == "one-step",
        f"{LOCKED} --scheme one-step, whose windows have one step",
    ),
    Conflict(
        ("dropout_kind", "window"),
        lambda kind, window: kind == "locked" and window == 1,
        f"{LOCKED} --window 1, whose windows have one step",
    ),
    Conflict(
        ("scheme", "cell"),
        lambda scheme, cell: scheme == "one-step" and cell == "conv",
        "--scheme one-step would train the weights of the newest input alone of the --width inputs of --cell conv",
        "choose another --scheme",
    ),
    Conflict(
        ("window", "scheme", "width", "dilation", "layers"),
        lambda window, scheme, width, dilation, layers: (
            scheme == "truncated" and width and window <= (width - 1) * dilation ** (layers - 1)
        ),
        "--window {window} is no longer than what --cell conv looks back, so some of its weights would not be trained",
        "choose a larger --window or --scheme full",
    ),
    Conflict(
        ("scheme", "cell", "teacher_forcing"),
        lambda scheme, cell, share: scheme == "one-step" and cell == "jordan" and share == "1.0",
        "--scheme one-step has no effect on --cell jordan, which has no recurrent weights W",
    ),
    Conflict(
        ("stride", "window"),
        lambda stride, window: stride and stride > window,
        "--stride is {stride}, and --window {window}: characters in between would not be learnt from",
        "give a stride of a window at most",
    ),
    # A task on pairs
    *(without(name, "encoder", "none") for name in ("pooling", "condition", "attention")),
    *(without(name, "context_as", "label") for name in ("encoder", "pooling")),
    without("head", "labels", "several"),
    Conflict(
        ("reading_loss", "encoder", "layers"),
        lambda share, encoder, layers: share and encoder == "bidirectional" and layers > 1,
        "--reading-loss has no effect on --layers {layers} that read both ways: upper ones know each symbol",
        "leave it out, or choose --layers 1 or --encoder rnn",
        asked=True,
    ),
    without("columns", "autoencode", True),
    *(of_tasks(name, "text") for name in OF_TEXT),
    *(of_tasks(name, "text", "fill") for name in OF_STREAMS),
    of_tasks("window", "text", "fill", "values"),
    of_tasks("characters", *(name for name, task in TASKS.items() if not task.reads_vectors)),
    of_tasks("shuffle", "text", "fill", "classify", "condition", "translate"),
    Conflict(
        ("task", "cell"),
        lambda task, cell: TASKS[task].reads_vectors and CELLS[cell].reads_output,
        "--task {task} reads vectors, and --cell {cell} feeds symbols back",
        "choose another --cell",
    ),
    # How long
    *(time(name) for name in ("minutes", "epochs", "steps")),
    *(new_run(name) for name in ("recipe", "budget", "characters", "from")),
    # From a trained network
    needs("freeze", "from"),
    both("from", "recipe", "--recipe chooses a network, and --from has one", "leave one of them out"),
    both("from", "budget", "--budget chooses a network, and --from has one", "give --minutes instead of --budget"),
    both(
        "freeze",
        "weight_decay",
        "--weight-decay {weight_decay} would shrink the weights that --freeze keeps",
        "leave one of them out",
    ),
    Conflict(
        ("workers", "ranks"),
        lambda workers, ranks: workers and ranks > 1,
        "the ranks that mpiexec starts are the workers",
        "leave --workers out",
    ),
    Conflict(
        ("batch", "ranks"),
        lambda batch, ranks: ranks > batch,
        "there are {ranks} ranks for a batch of {batch}",
        "start fewer, or give a larger --batch",
    ),
    Conflict(
        ("pipe", "ranks"),
        lambda pipe, ranks: pipe and ranks > 1,
        "standard input reaches one rank only",
        "name a file that all ranks can read",
    ),
    # charnn tokenize
    Conflict(
        ("output", "decode"),
        lambda output, decode: decode and output not in (None, "-"),
        "--decode writes to standard output",
        "leave out --output",
    ),
    Conflict(
        ("vocabulary", "decode"),
        lambda vocabulary, decode: vocabulary and not decode,
        "--vocabulary needs --decode",
        "add it, or leave --vocabulary out",
    ),
    *SAMPLING,
    # Evaluation
    *(
        both(name, "burn_in", f"--{name} reads a text from its start to its end", "leave --burn-in out")
        for name in ("dynamic", "mix")
    ),
    Conflict(
        ("burn_in", "reset", "path"),
        lambda burn_in, reset, path: burn_in and reset,
        "{path} forgets its state at the end of a sequence, so that scoring is as fast without --burn-in",
    ),
    both("by", "burn_in", "--by {by} is exact", "leave --burn-in out"),
    both("by", "novelty", "--by {by} writes rows, and --novelty figures of the whole", "leave out one of them"),
    both("by", "json", "--by {by} writes rows, and --json one score", "leave out one of them"),
    Conflict(
        ("picture", "by"),
        lambda picture, by: picture and by != "char" and (picture, by) != ("svg", "confusion"),
        "--{picture} shows the text character by character",
        "add --by char, or draw --by confusion --svg",
    ),
    # Lines that are answered
    Conflict(
        ("nbest", "beam"),
        lambda nbest, beam: nbest > beam,
        "--nbest is {nbest}, and a beam of {beam} finds no more than that",
        "give a --beam as large",
    ),
    Conflict(
        ("threshold", "top"),
        lambda threshold, top: threshold is not None and top > 1,
        "--threshold leaves labels out, and --top writes the likeliest ones with their probabilities",
        "leave out one of them",
    ),
    # charnn bench
    *(
        Conflict(
            (name, "windows"),
            lambda _, windows: windows,
            f"--{name} has no effect with --windows, which measures training by the length of a window",
            asked=True,
        )
        for name in ("window", "epochs")
    ),
    # Inspection
    both("table", "json", "--table {table} writes rows, and --json everything", "leave out one of them"),
    both("svg", "json", "--svg draws a picture, and --json writes an object", "leave out one of them"),
    Conflict(
        ("dot", "svg", "json"),
        lambda dot, svg, json: dot + svg + json > 1,
        "--dot, --svg and --json say differently how the automaton is written",
        "give one of them",
    ),
    Conflict(
        ("svg", "table"),
        lambda svg, table: svg and table == "saturation",
        "--table saturation has no picture",
        "leave --svg out, or give norms or eigenvalues",
    ),
)


def check(values: Mapping[str, Any], asked: Collection[str] = ()) -> None:
    """Raise `UsageError` where some of these values do not go together: by the rows all of whose options are there.

    `asked` are the options that were asked for, rather than left at their defaults.
    """
    for row in CONFLICTS:
        if not all(name in values for name in row.options) or (row.asked and row.options[0] not in asked):
            continue
        if row.when(*(values[name] for name in row.options)):
            told = {name: values[name] for name in row.options}
            flag = typed(row.options[0], told[row.options[0]])
            raise UsageError(f"{row.says.format(flag=flag, **told)}: {row.do}")
