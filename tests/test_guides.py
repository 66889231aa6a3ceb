"""Documented means executed: the commands of docs/guides run, one after the other."""

import re
import shutil
from pathlib import Path

import pytest

from tests.helpers import guides


def follow(guide: str, folder: Path) -> list[str]:
    """Run all blocks of a guide; what each wrote to standard output."""
    environment = guides.prepare(folder)
    found = guides.blocks(guide)
    assert found
    return [guides.run(block, folder, environment) for block in found]


def test_the_guide_to_export(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    exported, by_torch, _, by_onnx, by_c, back, _, theirs = follow("export", tmp_path)
    assert exported.splitlines() == ["names.onnx", "names.html", "names.h", "names.safetensors", "folder"]
    assert by_torch.startswith("An") and by_onnx == by_c != "\n"
    assert back.startswith("checkpoints/back\n") and back.count("\n") == 4
    assert [row.split("\t")[3] for row in theirs.splitlines()[1:]] == ["a", "b", "b", "a", "\\n"]


def test_the_table_of_differences_is_small() -> None:
    text = (guides.GUIDES / "export.md").read_text("utf-8")
    table = text.split("<!-- exports: python -m tests.benchmarks.exports -->")[1].split("<!-- end of exports -->")[0]
    figures = [float(figure) for figure in re.findall(r"\d\.\de-\d\d", table)]
    assert len(figures) > 30 and max(figures) <= 1e-5 and " of 500)" not in table
