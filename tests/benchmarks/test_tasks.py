"""The benchmark of tasks: what is recorded, that nothing is measured twice, and what the table says."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import inflection_peer, pairs_speed, restoring, tables, tasks
from tests.helpers.pairs import write


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("clock", ["wall", "processor"])
def test_a_job_is_measured_once(
    clock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "classify")
    job = tasks.Job(
        "classify.tsv", None, "--task classify --hidden 8 --workers 1", 0.05, {"accuracy": 0.9, "mixed_accuracy": 0.9}
    )
    monkeypatch.setattr(tasks, "JOBS", {"toy": job})
    cache = tmp_path / "cache.jsonl"
    arguments = ["tasks", "--data", str(tmp_path), "--seeds", "2", "--cache", str(cache)]
    arguments += ["--processor"] if clock == "processor" else []
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", arguments)
        tasks.main()
    records = tables.kept(cache)
    assert [(record["seed"], record["clock"]) for record in records] == [(0, clock), (1, clock)]
    assert all(record["job"] == "toy" and "majority" in record["baselines"] for record in records)
    told = capsys.readouterr().out
    assert "| toy | accuracy | " in told and "| toy | mixed_accuracy | " in told


def test_the_table_has_medians_beside_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    job = tasks.Job("toy.tsv", None, "--task classify", 1, {"accuracy": 0.9, "mixed_accuracy": 0.9})
    monkeypatch.setattr(tasks, "JOBS", {"toy": job, "not run": job})
    about = {"minutes": 1.1, "cores": 2, "load": 0.5, "date": "2000-01-01", "command": "charnn train toy.tsv"}
    records = [
        {"job": "toy", "seed": n, "accuracy": a, "baselines": {"bayes": 0.8}, **about}
        for n, a in enumerate((0.7, 0.9, 0.8))
    ]
    rows = tasks.table(records).splitlines()
    assert rows[2].startswith("| toy | accuracy | 0.8000 (3) | 0.9 | bayes 0.8 | `charnn train toy.tsv` |")
    assert len(rows) == 3


@pytest.mark.slow
def test_both_ways_of_attention_have_a_loss_of_the_same_size() -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    sides = pairs_speed.sequences(rng), pairs_speed.sequences(rng)
    one, two = pairs_speed.ours(*sides)(), pairs_speed.by_torch(*sides)()
    symbols = sum(len(target) + 1 for target in sides[1])
    assert one / symbols == pytest.approx(np.log(pairs_speed.SYMBOLS), rel=0.1)
    assert two / symbols == pytest.approx(np.log(pairs_speed.SYMBOLS), rel=0.1)


@pytest.mark.slow
def test_the_plain_model_learns_a_few_forms() -> None:
    pytest.importorskip("torch")
    pairs = [([*word, ";PL"], [*word, "s"]) for word in ("cat", "dog", "tree", "bird")]
    peer = inflection_peer.Peer(pairs, 0)
    before = float(peer.loss(pairs).detach())
    assert peer.fit(0.05) > 10
    assert float(peer.loss(pairs).detach()) < before / 2
    assert peer.write([source for source, _ in pairs]) == ["cats", "dogs", "trees", "birds"]


LINES = ("Élan von Paris", "une Élan", "von Paris une Élan", "Paris")


@pytest.mark.parametrize("damage", [["case"], ["case", "accents"], ["case", "accents", "spaces"]], ids=str)
def test_a_corrector_restores_lines_that_it_has_counted(damage: list[str]) -> None:
    restored = restoring.corrector(LINES, damage, 6)
    assert [restored(restoring.damaged(line, damage)) for line in LINES] == [*LINES]
    assert restoring.damaged(LINES[0], ["case", "accents", "spaces"]) == "elanvonparis"
    assert restoring.damaged(LINES[0], ["case"]) == "élan von paris"


@pytest.mark.long
@pytest.mark.slow
def test_restoring_is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("\n".join(LINES * 9))
    monkeypatch.setattr(restoring, "HELD_OUT", 6)
    cache = tmp_path / "cache.jsonl"
    arguments = [str(tmp_path / "text.txt"), "--minutes", "0.02", "--seeds", "2", "--processor", "--cache", str(cache)]
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["restoring", *arguments])
        restoring.main()
    assert [record["seed"] for record in tables.kept(cache)] == [0, 1]
    told = capsys.readouterr().out.splitlines()[-1]
    assert "(2 seeds), 3-grams 0.00%, 5-grams 0.00%, 7-grams 0.00%, copying 100.00%" in told
