"""Results in docs: texts are split without loss, runs are kept and resumed, and the table is what the records say."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import charnn
from charnn.io import text
from charnn.nn.replay import Plan
from charnn.training import recipes
from tests.benchmarks import quality, results, tables, where, windows
from tests.benchmarks.quality import Row
from tests.helpers.program import ok

PARTS = (80, 10, 10)
PROSE = "".join(f"Été {i}: «{'ab' * (i % 7)}» 漢字 🌊\n{'' if i % 3 else chr(10)}" for i in range(300))
TEXTS = {
    "paragraphs": PROSE,
    "open": PROSE + "and so",  # ends within a sequence
    "windows": PROSE.replace("\n", "\r\n"),
    "lines": re.sub("\n+", "\n", PROSE),
    "one": "".join(map(chr, range(33, 600))) * 3,  # no end of a sequence to cut at
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts texts into a folder, and rows into the script."""

    def put(*rows: Row, **texts: str) -> Path:
        for name, characters in texts.items():
            (tmp_path / f"{name}.txt").write_bytes(text.encode(characters))
            digest = charnn.read(tmp_path / f"{name}.txt").sha256
            monkeypatch.setitem(quality.TEXTS, f"{name}.txt", digest)
        monkeypatch.setattr(quality, "ROWS", rows)
        return tmp_path

    return put


@pytest.mark.parametrize("name", TEXTS)
def test_every_character_is_in_one_part(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(text.encode(TEXTS[name]))
    first, valid, last, count = quality.parted(tmp_path / "text.txt", PARTS, tmp_path / "new")
    learnt, tested = (path.read_bytes().decode("utf-8") for path in (first, last))
    assert learnt + tested == TEXTS[name] and len(tested) == count
    corpus = charnn.read(first)
    parts = [corpus.vocabulary.decode(ids) for ids in corpus.split(valid)]
    if corpus.silent and corpus.vocabulary.end:  # the end of a sequence that the text does not have
        parts[1] = parts[1].removesuffix("\n")
    assert "".join(parts) == learnt
    size = len(TEXTS[name])
    assert len(parts[0]) == len(charnn.read(tmp_path / "text.txt").split(0.2)[0])
    assert len(parts[0]) == pytest.approx(0.8 * size, abs=0.01 * size)
    assert len(learnt) == pytest.approx(0.9 * size, abs=0.01 * size)
    if name != "one":
        end = {"lines": "\n", "windows": "\r\n\r\n"}.get(name, "\n\n")
        assert parts[0].endswith(end) and learnt.endswith(end)
    else:
        assert len(learnt) == round(0.9 * (size + 1))  # EOS is added


# Runs


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Runs commands in this process, and notes them."""
    said: list[tuple[str, ...]] = []

    def told(words: Sequence[str]) -> str:
        said.append(tuple(words))
        return ok(*words)

    def run(*commands: Sequence[str]) -> list[str]:
        return [told(words) for words in commands]

    monkeypatch.setattr(quality, "run", run)
    return said


TINY = "--steps 4 --hidden 4 --layers 1 --workers 1"


def test_what_is_recorded_is_what_the_model_scores(shelf: Callable[..., Path], here: list[tuple[str, ...]]) -> None:
    tested = TEXTS["lines"][:-3] + "ü\n"  # a character that only the test part has
    row = Row("three", "three.txt", TINY, PARTS)
    folder = shelf(row, three=tested)
    record = quality.measure(row, 5, folder / "three.txt", folder / "run")
    run, last = charnn.load(folder / "run" / "run"), (folder / "run" / "three-test.txt").read_text("utf-8")
    assert (record["count"], record["unseen"]) == (len(last) - 1, 1) and run.config.seed == 5
    assert record["bits"] == pytest.approx(charnn.evaluate(run, last.replace("ü", "")).bits, abs=1e-6)
    whole = len(charnn.read(folder / "three.txt").ids)
    assert len(charnn.runs.corpus.own_corpus(run).split(run.config.valid_share)[0]) == pytest.approx(
        0.8 * whole, rel=0.01
    )
    assert len({record[name] for name in ("bits", "dynamic", "mixed", "both")}) == 4
    json.dumps(record)


def test_without_a_test_part_the_held_out_part_is_scored(
    shelf: Callable[..., Path], here: list[tuple[str, ...]]
) -> None:
    row = Row("two", "two.txt", TINY)
    folder = shelf(row, two=TEXTS["paragraphs"])
    record = quality.measure(row, 0, folder / "two.txt", folder / "run")
    run = charnn.load(folder / "run" / "run")
    assert record["count"] == len(charnn.runs.corpus.held_out(run)) and record["unseen"] == 0
    assert record["bits"] == pytest.approx(charnn.evaluate(run).bits, abs=1e-6)
    assert record["ngram"] == pytest.approx(run.origin.baselines["ngram"], abs=1e-6)
    assert record["parameters"] == run.weights.count and record["updates"] == 4


def test_an_interrupted_run_goes_on(
    shelf: Callable[..., Path], here: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row("two", "two.txt", TINY)
    folder = shelf(row, two=TEXTS["paragraphs"])
    done = quality.run

    def cut_off(*commands: Sequence[str]) -> list[str]:
        if commands[0][0] == "eval":
            raise KeyboardInterrupt
        return done(*commands)

    monkeypatch.setattr(quality, "run", cut_off)
    (folder / "run" / "run").mkdir(parents=True)  # that an earlier one left before it was begun
    with pytest.raises(KeyboardInterrupt):
        quality.measure(row, 0, folder / "two.txt", folder / "run")
    before = (folder / "run" / "run" / "best.npz").read_bytes()
    monkeypatch.setattr(quality, "run", done)
    quality.measure(row, 0, folder / "two.txt", folder / "run")
    assert [words[:2] for words in here if words[0] == "train"] == [
        ("train", str(folder / "two.txt")),
        ("train", "--resume"),
    ]
    assert (folder / "run" / "run" / "best.npz").read_bytes() == before
    assert [path.name for path in (folder / "run").iterdir()] == ["run"]


def record(row: Row, seed: int, **more: Any) -> dict[str, Any]:
    """What a run might have left."""
    figures = {"bits": 2.0, "dynamic": 1.9, "mixed": 1.8, "both": 1.7, "ngram": 2.5, "order": 4, "count": 1000}
    rest = {
        "unseen": 0,
        "parameters": 12345,
        "updates": 9,
        "minutes": 1.04,
        "busy": 1.0,
        "date": "2026-01-02",
        "machine": "2 cores",
    }
    return {**row.key, "seed": seed, **figures, **rest, **more}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Runs that take no time; the fourth is interrupted."""
    measured: list[tuple[str, int]] = []

    def measure(row: Row, seed: int, path: Path, folder: Path) -> dict[str, Any]:
        measured.append((row.name, seed))
        folder.mkdir(parents=True)
        (folder / "run").touch()
        if len(measured) == 4:
            raise KeyboardInterrupt
        return record(row, seed)

    monkeypatch.setattr(quality, "measure", measure)
    yield measured


def test_what_was_run_is_not_run_again(
    shelf: Callable[..., Path], stub: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = Row("one", "one.txt", "--minutes 1"), Row("two", "one.txt", "--minutes 2", seeds=(7, 8))
    folder = shelf(one, two, Row("far", "warandpeace.txt", "--minutes 9"), one=TEXTS["one"])
    words, cache = ["--data", str(folder), "--cache", str(folder / "cache.jsonl")], folder / "cache.jsonl"
    assert quality.main(words) == 130
    assert stub == [("one", 0), ("two", 7), ("one", 1), ("two", 8)]
    assert [path.name for path in (folder / "cache.runs").iterdir()] == [two.folder(8)]  # to go on with
    (folder / "cache.runs" / two.folder(8) / "run").unlink()
    (folder / "cache.runs" / two.folder(8)).rmdir()
    with open(cache, "ab") as file:
        file.write(b'{"text": "one.txt", "se')  # as a machine that goes down may leave it
    assert quality.main(words) == 0
    assert stub[4:] == [("two", 8), ("one", 2)]
    assert quality.main(words) == 0 and len(stub) == 6
    assert quality.main([*words, "--only", "two", "--seeds", "7", "9"]) == 0 and stub[6:] == [("two", 9)]
    assert [(r["options"], r["seed"]) for r in tables.kept(cache)] == [
        ("--minutes 1", 0),
        ("--minutes 2", 7),
        ("--minutes 1", 1),
        ("--minutes 2", 8),
        ("--minutes 1", 2),
        ("--minutes 2", 9),
    ]
    assert "far is passed over: warandpeace.txt is not in" in capsys.readouterr().err


def test_a_run_that_fails_does_not_end_the_others(
    shelf: Callable[..., Path],
    stub: list[tuple[str, int]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = Row("bad", "one.txt", "--bad", PARTS, seeds=(0,)), Row("one", "one.txt", "--minutes 1", seeds=(0,))
    folder, measure = shelf(*rows, one=TEXTS["one"]), quality.measure

    def fail(row: Row, *rest: Any) -> dict[str, Any]:
        if row.name == "bad":
            raise subprocess.CalledProcessError(2, ["charnn"])
        return measure(row, *rest)

    monkeypatch.setattr(quality, "measure", fail)
    assert quality.main(["--data", str(folder), "--cache", str(folder / "cache.jsonl")]) == 1
    assert "bad, seed 0, failed with exit code 2" in capsys.readouterr().err
    assert tables.kept(folder / "cache.jsonl") == [record(rows[1], 0)]


def test_commands_answer_fail_and_have_the_time_to_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text(
        f"#!/bin/sh\ncd {tmp_path}\n[ $3 = say ] && echo $@ && exit\n[ $3 = fail ] && exit 4\n"
        "trap 'sleep 0.5; echo > saved; exit' TERM\necho > ready\nwhile :; do sleep 0.1; done\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert quality.run(["say", "it"], ["say"]) == ["-m charnn say it\n", "-m charnn say\n"]
    with pytest.raises(subprocess.CalledProcessError, match=r"'fail'.* exit status 4"):
        quality.run(["say", "it"], ["fail"])

    def interrupted(child: Any) -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quality.run(["train"])
    assert (tmp_path / "saved").exists()


def test_another_text_of_that_name_is_not_taken(shelf: Callable[..., Path], stub: list[tuple[str, int]]) -> None:
    row = Row("one", "one.txt", "--minutes 1")
    folder = shelf(row, one=TEXTS["one"])
    (folder / "one.txt").write_text("something else", "utf-8")
    assert quality.main(["--data", str(folder), "--cache", str(folder / "cache.jsonl")]) == 0
    assert stub == []


def test_list_says_what_is_done(shelf: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    one, far = Row("one", "one.txt", "--minutes 1"), Row("far", "warandpeace.txt", "--minutes 9", PARTS, (0,))
    folder = shelf(one, far, one=TEXTS["one"])
    cache = folder / "cache.jsonl"
    tables.keep(cache, record(one, 1))
    tables.keep(cache, record(replace(one, options="--minutes 3"), 0))  # another row's
    words = ["--list", "--data", str(folder), "--cache", str(cache)]
    assert quality.main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "one: charnn train one.txt --minutes 1, 90/10; seeds: done 1, left 0 2",
        f"far: charnn train warandpeace.txt --minutes 9, 80/10/10; seeds: left 0 (warandpeace.txt is not in {folder})",
    ]
    assert quality.main([*words, "--only", "warandpeace"]) == 0
    assert capsys.readouterr().out.startswith("far: ")
    with pytest.raises(SystemExit) as stopped:
        quality.main([*words, "--only", "one", "nothing"])
    assert stopped.value.code == 2 and "there is no row nothing" in capsys.readouterr().err


# The table


def test_a_row_is_the_median_over_seeds() -> None:
    row = Row("names", "names.txt", "--minutes 1")
    bits = (2.0, 2.5, 2.125)
    records = [record(row, seed, bits=b, both=b - 1, date=f"2026-01-0{4 - seed}") for seed, b in enumerate(bits)]
    lines = results.table([records]).splitlines()
    assert lines[2] == (
        "| `charnn train names.txt --minutes 1` | 90/10, 1,000 characters | **2.1250** (2.0000-2.5000) | 3 "
        "| 2.5000 (4-gram) | -15.0 % | 1.9000 | 1.8000 | 1.1250 | 12,345 | 1.0 (9 updates) "
        "| 2 cores, 2026-01-02 to 2026-01-04 |"
    )
    assert lines[3] == ""
    assert len({line.count("|") for line in lines[:3]}) == 1


def test_rows_without_records_are_left_out() -> None:
    shakespeare, best, far = (row for row in quality.ROWS if row.name in ("shakespeare", "shakespeare-best", "names"))
    lines = results.table([[record(far, 0)], [], [record(best, 0)], [record(shakespeare, 0)]]).split("\n\n")[0]
    first = [line.split(" | ")[0] for line in lines.splitlines()[2:]]
    assert first[:3] == [
        "| `charnn train names.txt --epochs 20 --minutes 1`",
        f"| `charnn train tinyshakespeare.txt {best.options}`",
        "| `charnn train tinyshakespeare.txt --minutes 10`",
    ]
    assert len(first) == 3 + sum(one.text == "tinyshakespeare.txt" for one in results.PUBLISHED)
    assert "War and Peace" not in lines and "(2.0000" not in lines
    assert len({line.count(" | ") for line in lines.splitlines()}) == 1


def test_characters_that_were_not_scored_are_told() -> None:
    row = next(row for row in quality.ROWS if len(row.parts) == 3)
    assert f"are left out: 3 of {row.text}." in results.table([[record(row, 0, unseen=3)]])
    assert "left out" not in results.table([[record(quality.ROWS[0], 0)]])


# The page


@pytest.mark.skipif(not quality.CACHE.exists(), reason="nothing was measured yet")
def test_the_page_has_what_the_records_say() -> None:
    kept = tables.kept(quality.CACHE)
    (block,) = re.findall(f"{quality.BEGIN}(.*){quality.END}", quality.PAGE.read_text("utf-8"), re.DOTALL)
    assert block == results.table([list(row.records(kept).values()) for row in quality.ROWS])
    known = [row.records(kept) for row in quality.ROWS]
    assert sum(map(len, known)) == len(kept)  # none of rows that are no more


def test_write_puts_the_table_between_its_marks(shelf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row("one", "one.txt", "--minutes 1")
    folder = shelf(row, one=TEXTS["one"])
    monkeypatch.setattr(quality, "PAGE", folder / "results.md")
    quality.PAGE.write_text(f"above\n{quality.BEGIN}old\n{quality.END}below\n", "utf-8")
    tables.keep(folder / "cache.jsonl", record(row, 0))
    quality.main(["--list", "--write", "--cache", str(folder / "cache.jsonl"), "--data", str(folder)])
    expected = results.table([[record(row, 0)]])
    assert quality.PAGE.read_text("utf-8") == f"above\n{quality.BEGIN}{expected}{quality.END}below\n"


def test_rows_have_names_and_budgets_of_their_own() -> None:
    assert len({row.name for row in quality.ROWS}) == len({str(row.key) for row in quality.ROWS}) == len(quality.ROWS)
    for words in (row.options.split() for row in quality.ROWS):
        named = recipes.named(words[1]).fields if words[0] == "--recipe" else {}
        assert "--minutes" in words or "minutes" in named  # else they are not counted
    assert isinstance(quality.found(Row("names", "names.txt", ""), Path("nowhere")), Path)


def test_a_parts_time_is_not_that_of_the_parts_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, now = where.Clock(), [0.0]
    monkeypatch.setattr(where.time, "perf_counter", lambda: now[0])

    def work(seconds: float) -> None:
        now[0] += seconds

    inner = clock.around("inner", lambda: work(2))
    clock.around("outer", lambda: (inner(), work(1), inner()))()
    assert (clock.seconds["inner"], clock.seconds["outer"]) == (4, 1)


def test_a_job_with_clocks_in_it_does_the_same_work_and_leaves_none_behind() -> None:
    entry, clock = where.Entry("charnn", "numpy", where.Work("train", 8, 6, 16, 2, cell="lstm")), where.Clock()
    held = {(owner, name): owner.__dict__[name] for places in where.PARTS.values() for owner, name in places}
    plain = where.ours.make(entry, 0, Path()).gradient()
    with where.watched(clock):
        timed = where.ours.make(entry, 0, Path()).gradient()
    assert all((timed[name] == g).all() for name, g in plain.items())
    assert {part for part, seconds in clock.seconds.items() if seconds > 0} == set(where.PARTS) - {"waiting"}
    assert all(owner.__dict__[name] is value for (owner, name), value in held.items())
    clock.seconds.clear()
    where.ours.make(entry, 0, Path()).gradient()
    assert not clock.seconds


def test_both_ways_of_a_window_are_the_same_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    row, trainers = windows.Row(2, 3, 8, options={"rate": 0.01}), []
    for noted in (True, False):
        trainers.append(row.trainer())
        with nullcontext() if noted else windows.in_python():
            windows.updates(trainers[-1], 20)
        assert any(isinstance(plan, Plan) for plan in trainers[-1].replicas[0].ws.plans.values()) == noted
    assert (trainers[0].run.weights.flat == trainers[1].run.weights.flat).all()
    monkeypatch.setattr(windows, "ROUNDS", 2)
    monkeypatch.setattr(windows, "TURN", 1e-3)
    assert all(0 < seconds < 1 for seconds in windows.measure(row))


@pytest.mark.parametrize(("threads", "ends"), [(None, True), ("2", True), ("1", False)])
def test_timings_of_one_thread_each_ask_for_that(
    threads: str | None, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if threads:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
    if ends:
        with pytest.raises(SystemExit, match="set OPENBLAS_NUM_THREADS=1"):
            tables.need_one_thread()
    else:
        tables.need_one_thread()
