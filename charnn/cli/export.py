"""charnn export"""

import click

from . import options, streams
from .shell.help import Command
from .shell.types import File


@click.command("export", cls=Command)
@click.argument("path", metavar="FILE|DIR", type=File())
@options.model
@options.runs
@click.option("--json", "as_json", is_flag=True, help="What checking found, as a JSON object.")
def command(path: str, model: str | None, runs: str, as_json: bool) -> None:
    """Write a model for other programs, in the format of the suffix; and run what was written, to check it.

    \b
    .safetensors  weights with PyTorch's names
    DIR           these, a module of PyTorch that loads them, and a model card
    .onnx         for onnxruntime: symbols and state in, scores and state out
    .html         a web page that scores what is typed, and continues it
    .h            C99: the weights, and a function for one step

    Models of pairs and of gaps are written as .onnx: whole sources in, what each label or symbol scores out. Models of
    --task values cannot be exported.

    The check needs PyTorch, onnxruntime, node or a C compiler; where that is missing charnn's arithmetic takes its
    place. It prints how far scores differ at most, over 500 greedy and 500 drawn characters.
    """
    from dataclasses import asdict

    from ..api.loading import export, load
    from ..terminal import console

    run = load(model, runs)
    source = run.path
    streams.refuse_overwriting(path, [str(source)])
    made = export(run, path)
    found = made.checked
    if as_json:
        checked = asdict(found) if found else {"by": None}
        streams.write_json({"file": str(source), "path": str(made.path), "bytes": made.bytes, **checked})
        return
    streams.write(f"{made.path}\n")
    console.note(f"{source} as {made.path}, {made.bytes:,} bytes")
    if found is None:
        console.note("not checked, since onnxruntime is not installed: pip install onnxruntime")
        return
    console.note(
        f"checked by {found.by}: over {found.symbols:,} characters scores differ by {found.difference:.1e} at most; "
        f"{found.greedy} of {found.counted} are equal"
    )
