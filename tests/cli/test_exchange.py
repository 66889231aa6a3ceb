"""`charnn export` and `charnn import`: a path on standard output, what checking found on standard error."""

import json
import sys
from pathlib import Path

import pytest

from charnn.exchange import safetensors
from tests.exchange.networks import network
from tests.helpers.program import invoke

MODEL = str(Path(__file__).parents[1] / "fixtures" / "version-0.1" / "lstm.npz")


def test_export_writes_checks_and_says_so(tmp_path: Path) -> None:
    result = invoke("export", "-m", MODEL, tmp_path / "model.safetensors")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'model.safetensors'}\n")
    said = " ".join(result.stderr.split())
    assert "checked by reading it back: over 1,000 characters scores differ by" in said
    assert "500 of 500 greedy characters are equal" in said


def test_export_as_json(tmp_path: Path) -> None:
    result = invoke("export", "-m", MODEL, tmp_path / "model.safetensors", "--json")
    facts = json.loads(result.stdout)
    assert facts["file"] == MODEL and facts["by"] == "reading it back" and facts["greedy"] == 500
    assert facts["bytes"] == (tmp_path / "model.safetensors").stat().st_size and facts["difference"] < 1e-5


def test_export_refuses_in_one_line(tmp_path: Path) -> None:
    result = invoke("export", "-m", MODEL, tmp_path / "model.pickle")
    assert result.exit_code == 2 and result.stdout == "" and "suffix .pickle" in result.stderr
    assert not list(tmp_path.iterdir())


def test_import_makes_a_run_that_all_commands_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    safetensors.write("model.safetensors", network("gru"))
    result = invoke("import", "model.safetensors")
    assert (result.exit_code, result.stdout) == (0, "checkpoints/model\n")
    assert "`charnn sample -m model` writes" in result.stderr
    assert invoke("sample", "-n", "3", "--length", "5").stdout.count("\n") == 3
    assert "gru" in invoke("info").stdout
    (tmp_path / "text.txt").write_text("abc\n")
    assert json.loads(invoke("eval", "text.txt", "--json").stdout)["count"] == 4
    again = invoke("import", "model.safetensors", "--name", "model")
    assert again.stdout == "checkpoints/model-2\n"


def test_import_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no")
    result = invoke("import", "model.safetensors")
    assert result.exit_code == 3 and "not a valid safetensors file" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_model_of_labels_is_exported_and_says_where_it_was_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("labels.tsv").write_text("a\tbc\nb\tcd\n" * 20)
    options = ["--hidden", 4, "--steps", 2, "--workers", 1, "--name", "labels"]
    assert invoke("train", "labels.tsv", "--task", "classify", *options).exit_code == 0
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = invoke("export", "-m", "labels", "labels.onnx")
    assert (result.exit_code, result.stdout) == (0, "labels.onnx\n")
    assert "not checked, since onnxruntime is not installed" in " ".join(result.stderr.split())
    facts = json.loads(invoke("export", "-m", "labels", "labels.onnx", "--json").stdout)
    assert facts["by"] is None and facts["bytes"] == Path("labels.onnx").stat().st_size
