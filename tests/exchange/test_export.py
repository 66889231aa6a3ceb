"""Every exported file is opened by a program that it is meant for: scores agree to 1e-5, 500 greedy characters too."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charnn
from charnn.errors import CharnnError, UsageError
from charnn.exchange import check, export, header, html, onnx, safetensors
from charnn.exchange.check import Check
from charnn.nn.workspace import Workspace
from charnn.runs.run import Run
from tests.exchange.networks import IN_TORCH, NETWORKS, SHA256, network

FIXTURES = Path(__file__).parents[1] / "fixtures" / "version-0.1"
TRAINED = ["elman-deep", "gru-node", "jordan", "lstm"]
CLOSE = 1e-5
RUNTIMES = {"model.onnx": "onnxruntime", "model.html": "node", "model.h": "cc", "folder": "PyTorch"}


def runs(name: str) -> Run:
    return charnn.load(FIXTURES / f"{name}.npz") if name in TRAINED else network(name)


def needs(file: str) -> None:
    """Skip where there is nothing that runs such a file."""
    if file in ("model.onnx", "folder"):
        pytest.importorskip({"model.onnx": "onnxruntime", "folder": "torch"}[file])
    elif not shutil.which(RUNTIMES[file]):
        pytest.skip(f"there is no {RUNTIMES[file]}")


def agrees(found: Check, by: str) -> None:
    assert found.by == by
    assert found.symbols == 1000 and found.greedy == 500
    assert found.difference <= CLOSE * max(1.0, found.scale / 10)


@pytest.mark.parametrize("file", ["model.onnx", "model.html", "model.h"])
@pytest.mark.parametrize("name", [*NETWORKS, *TRAINED])
def test_scores_and_greedy_text_are_equal(name: str, file: str, tmp_path: Path) -> None:
    needs(file)
    agrees(export.export(runs(name), tmp_path / file).checked, RUNTIMES[file])


@pytest.mark.parametrize("name", [*IN_TORCH, "lstm"])
def test_pytorch_loads_the_folder(name: str, tmp_path: Path) -> None:
    needs("folder")
    agrees(export.export(runs(name), tmp_path / "folder").checked, "PyTorch")


@pytest.mark.parametrize("name", IN_TORCH)
def test_weights_are_read_back_as_they_were(name: str, tmp_path: Path) -> None:
    agrees(export.export(network(name), tmp_path / "model.safetensors").checked, "reading it back")


@pytest.mark.parametrize("name", ["lstm", "gru", "elman, deep", "jordan, half taught"])
@pytest.mark.parametrize("sequence", ["line", "file"])
def test_a_state_that_is_carried_over_ends_and_one_that_is_not(name: str, sequence: str, tmp_path: Path) -> None:
    run = network(name, sequence)
    for file in ("model.onnx", "model.html", "model.h"):
        found = export.export(run, tmp_path / file).checked
        assert found.difference <= CLOSE and found.greedy == 500


@pytest.mark.parametrize("name", ["lstm", "gru, no skip, node", "elman, half taught", "jordan, no decay"])
def test_one_onnx_file_scores_a_batch_and_steps(name: str, tmp_path: Path) -> None:
    needs("model.onnx")
    run, x = network(name), np.random.default_rng(0).integers(0, 13, (30, 4))
    onnx.write(tmp_path / "model.onnx", run)
    score = onnx.scorer(tmp_path / "model.onnx")
    o, after = run.model.scores(run.weights, x, run.model.zero_state(4), Workspace(back=False), None)
    o = run.model.ending.joint_scores(o)
    whole, state = score(run.model.zero_state(4), x)
    np.testing.assert_allclose(whole, o, rtol=CLOSE, atol=CLOSE)
    stepped: Any = run.model.zero_state(4)
    for t in range(30):
        one, stepped = score(stepped, x[t : t + 1])
        np.testing.assert_allclose(one[0], o[t], rtol=CLOSE, atol=CLOSE)
    for ours, theirs, last in zip(after, state, stepped, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=CLOSE, atol=CLOSE)
        np.testing.assert_allclose(last, ours, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_files_are_valid_and_say_what_their_symbols_are(name: str, tmp_path: Path) -> None:
    library: Any = pytest.importorskip("onnx")
    run = network(name)
    onnx.write(tmp_path / "model.onnx", run)
    model = library.load(tmp_path / "model.onnx")
    library.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    about = {one.key: one.value for one in model.metadata_props}
    assert json.loads(about.pop("vocabulary")) == ["", *map(chr, run.vocabulary.characters)]
    assert about == {"sequence": "line", "newline": "\n", "state": "reset", "corpus_sha256": SHA256}


@pytest.mark.parametrize("name", NETWORKS)
def test_headers_compile_without_a_warning(name: str, tmp_path: Path) -> None:
    needs("model.h")
    header.write(tmp_path / "model.h", network(name))
    (tmp_path / "main.c").write_text(check.PROGRAM, "ascii")
    options = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result"]
    done = subprocess.run(["cc", *options, "-c", "main.c"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


TEXTS = ["", "\n", "abc\nab\n\nx\r\n\r\ny\n\n\n", "\r\nab", "\r\r\nab\n\r\n", "é…\nz'"]


@pytest.mark.parametrize("sequence", ["line", "paragraph", "file"])
def test_the_page_reads_text_as_we_do(sequence: str, tmp_path: Path) -> None:
    needs("model.html")
    run = network("lstm", sequence)
    characters = tuple(sorted({*run.vocabulary.characters, *([] if sequence == "line" else [10]), 13}))
    run.vocabulary = charnn.Vocabulary(characters, sequence)
    run.model, run.weights = (other := network("lstm")).model, other.weights
    html.write(tmp_path / "model.html", run)
    scripts = check.scripts(tmp_path / "model.html")
    code = f"{scripts['network']}\nconst encode = encoder({scripts['model']});\n"
    code += f"console.log(JSON.stringify({json.dumps(TEXTS)}.map(t => encode(t).map(([, symbol]) => symbol))));"
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [run.vocabulary.ids(text).tolist() for text in TEXTS]


def test_the_page_has_nothing_that_a_network_would_be_needed_for(tmp_path: Path) -> None:
    run = network("lstm")
    run.origin = charnn.load(FIXTURES / "lstm.npz").origin.__class__(("</script><b>MODEL.txt",), SHA256, 10)
    html.write(tmp_path / "model.html", run)
    page = (tmp_path / "model.html").read_text("utf-8")
    assert "http" not in page and "src=" not in page and "</script><b>" not in page
    assert page.count("</script>") == 3 and "&lt;b&gt;MODEL.txt" in page


def test_the_folder_has_all_that_others_need(tmp_path: Path) -> None:
    run = network("gru")
    safetensors.write_folder(tmp_path / "folder", run)
    there = {path.name: path for path in (tmp_path / "folder").iterdir()}
    assert there.keys() == {"model.safetensors", "config.json", "vocab.json", "model.py", "README.md"}
    assert json.loads(there["vocab.json"].read_text("utf-8")) == ["", *map(chr, run.vocabulary.characters)]
    config = json.loads(there["config.json"].read_text("utf-8"))
    assert config["model"]["cell"] == "gru" and config["symbols"] == 13 and config["state"] == "reset"
    card = there["README.md"].read_text("utf-8")
    for words in (SHA256, "2.1640", "charnn train 'a text.txt' --cell gru --hidden 20", "the last 10.0% held out"):
        assert words in card


@pytest.mark.parametrize("name", ["README.md", "model.py", "model.safetensors"])
def test_a_folder_of_others_is_not_written_over(tmp_path: Path, name: str) -> None:
    run = network("gru")
    safetensors.write_folder(tmp_path / "ours", run)
    safetensors.write_folder(tmp_path / "ours", run)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"has a {name} that no export wrote: name another folder"):
        export.export(run, tmp_path)
    assert (tmp_path / name).read_text() == "mine" and len([*tmp_path.iterdir()]) == 2


@pytest.mark.slow
def test_the_module_goes_on_from_a_text(tmp_path: Path) -> None:
    needs("folder")
    run = charnn.load(FIXTURES / "lstm.npz")
    safetensors.write_folder(tmp_path, run)
    command = [sys.executable, str(tmp_path / "model.py"), "an"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\n") == charnn.generate(run, 1, "an", temp=0.0, length=497)[0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ending": "length"}, "--ending length"),
        ({"norm": "layer"}, "--norm layer"),
        ({"cell": "jordan"}, "--cell jordan"),
        ({"cell": "conv"}, "--cell conv has no module in PyTorch"),
        ({"cell": "transformer"}, "--cell transformer has no module in PyTorch"),
        ({"cell": "elman", "activation": "sigmoid"}, "--activation sigmoid"),
        ({"cell": "elman", "delay": 2}, "--delay"),
        ({"feedforward_depth": 2}, "--feedforward-depth"),
        ({"feedback": "output", "teacher_forcing": "0.5"}, "--teacher-forcing 0.5"),
    ],
)
def test_what_pytorch_does_not_have_is_refused_by_name(options: dict[str, Any], named: str, tmp_path: Path) -> None:
    for path in (tmp_path / "model.safetensors", tmp_path / "folder"):
        with pytest.raises(UsageError, match=named):
            export.export(network("", **options), path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", ["model.onnx", "model.html", "model.h"])
def test_lengths_drawn_first_are_refused(file: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--ending length"):
        export.export(network("lstm", ending="length"), tmp_path / file)
    assert not list(tmp_path.iterdir())


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.safetensors, \.onnx, \.html, \.h"):
        export.export(network("lstm"), tmp_path / "model.pt")


@pytest.mark.parametrize("file", ["model.onnx", "model.html", "model.h", "folder"])
def test_another_network_is_found_out(file: str, tmp_path: Path) -> None:
    needs(file)
    run, other = network("gru"), network("gru")
    other.weights["hidden/1/c"][3] += 0.5
    write, open = export.writer(tmp_path / file)
    write(tmp_path / file, other)
    with pytest.raises(CharnnError, match="do not use the file"):
        check.check(run, *open(tmp_path / file, run))


@pytest.mark.parametrize("file", ["model.onnx", "model.html", "model.h"])
def test_without_a_runtime_our_arithmetic_checks(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    agrees(export.export(network("lstm, node"), tmp_path / file).checked, "charnn's arithmetic")


def test_without_torch_the_folder_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    agrees(export.export(network("lstm"), tmp_path / "folder").checked, "reading it back")
