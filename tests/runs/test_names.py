"""The names of runs, as a shell completes them."""

from pathlib import Path

from charnn.runs.names import below


def test_runs_are_folders_with_a_model_each_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b/best.npz", "b/last.npz", "a/last.npz", "c/other.npz", "d/log.jsonl", "best.npz", "e/f/best.npz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "g" / "best.npz").mkdir(parents=True)
    assert below(tmp_path) == ["a", "b"]
    assert below(tmp_path / "nowhere") == []
