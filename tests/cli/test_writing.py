"""charnn next, and how charnn sample writes: after several primes or what is typed, what matches, what is likeliest."""

import json
import math
import os
import re
import sys
from pathlib import Path

import pytest

import charnn
from tests.helpers.program import invoke, ok, refused, table, well
from tests.helpers.terminals import STYLE, on_terminal, shown
from tests.helpers.waiting import limit

CHARNN = [sys.executable, "-m", "charnn"]

# next


def test_next_is_the_distribution_that_python_gets(here: Path) -> None:
    rows = table(ok("next", "An"))
    expected = charnn.next_characters("names", "An")
    assert [c for _, _, c in rows] == list(expected)
    for (p, bits, _), q in zip(rows, expected.values(), strict=True):
        assert float(p) == pytest.approx(q, abs=1e-6) and float(bits) == pytest.approx(-math.log2(q), abs=1e-4)
    found = json.loads(ok("next", "An", "--json"))
    assert {one["character"]: one["probability"] for one in found["next"]} == expected and found["text"] == "An"
    assert found["entropy"] == pytest.approx(sum(-q * math.log2(q) for q in expected.values()))


def test_next_reads_standard_input_and_takes_options_of_sampling(here: Path) -> None:
    assert ok("next", "-", stdin="An\n") == ok("next", "An") != ok("next")
    assert ok("next", "An", "-n", 2) == "".join(ok("next", "An").splitlines(keepends=True)[:2])
    top = ok("next", "An", "--top-k", 2, "--temp", 0.5).splitlines()
    assert len(top) == 2 and sum(float(row.split("\t")[0]) for row in top) == pytest.approx(1, abs=1e-5)
    assert "'!'" in refused(3, "next", "An!")


def test_next_draws_bars_on_a_terminal(here: Path) -> None:
    with on_terminal([*CHARNN, "next", "An"], 60) as (_, leader):
        lines = [STYLE.sub(b"", line).decode() for line in shown(leader).splitlines()]
    assert "█" in lines[0] and max(map(len, lines)) <= 60 and "entropy" in lines[-1]
    assert any(line.startswith("(end)") for line in lines)


# primes


def test_primes_are_gone_on_from_one_after_the_other(here: Path, tmp_path: Path) -> None:
    (tmp_path / "primes.txt").write_text("An\nBe\n\nDo\n")
    found = ok("sample", "--primes", tmp_path / "primes.txt", "--seed", 5, "-n", 2)
    each = [ok("sample", "--prime", prime, "--seed", 5 + i, "-n", 2) for i, prime in enumerate(["An", "Be", "", "Do"])]
    assert found == "".join(each)
    assert ok("sample", "--primes", "-", "--seed", 5, "-n", 2, stdin="An\nBe\n\nDo\n") == found
    assert ok("sample", "--primes", "-", stdin="") == ""


def test_a_prime_is_said_once(here: Path) -> None:
    for options in (["--prime", "A", "-i"], ["--prime", "A", "--primes", "x"], ["--primes", "x", "-i"]):
        assert "go on from" in refused(2, "sample", *options)
    assert "-i" in refused(2, "sample", "-i", "--json") and "--count" in refused(2, "sample", "-i", "-n", 2)


# interactive


def test_each_line_is_gone_on_from(here: Path) -> None:
    result = well("sample", "-i", "--greedy", stdin="An\n\nx!\nBe")
    expected = [ok("sample", "--greedy", "--prime", prime) for prime in ("An", "", "Be")]
    assert result.stdout == "".join(expected) and "'!'" in result.stderr


def test_a_terminal_shows_a_prompt_and_ctrl_c_ends_a_text(here: Path) -> None:
    command = [*CHARNN, "sample", "-i", "--past-end", "--length", "1000000000"]
    with on_terminal(command) as (process, leader):
        told = shown(leader, b"> ")
        assert b"Ctrl-D" in told and b"checkpoints/names/best.npz, the newest model" in told
        os.write(leader, b"An\n")
        shown(leader, b"\nAn")
        os.write(leader, b"\x03")
        shown(leader, b"> ")
        os.write(leader, b"\x04")
        assert process.wait(limit()) == 0


# matches


def test_what_is_written_matches(here: Path) -> None:
    texts = ok("sample", "--match", "[A-Z][a-z]{2,4}", "-n", 40, "--seed", 1).splitlines()
    assert len(set(texts)) > 5 and all(re.fullmatch("[A-Z][a-z]{2,4}", text) for text in texts)
    one = ok("sample", "--match", "(an|be)+", "--prime", "Do", "--seed", 1, "--length", 8)
    assert re.fullmatch("Do(an|be)+\n", one)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--match", "(a"], "--match"),
        (["--match", "[0-9]"], "--match"),
        (["--match", "a", "--stop", "b"], "--stop"),
        (["--match", "a", "--past-end"], "--past-end"),
        (["--beam", 2, "--temp", 0.5], "--temp"),
        (["--beam", 2, "--greedy"], "--temp"),
        (["--beam", 2, "--seed", 1], "--seed"),
        (["--beam", 2, "-n", 3], "-n"),
        (["--beam", 0], "--beam"),
    ],
)
def test_options_that_do_not_go_together_are_refused(here: Path, options: list[object], named: str) -> None:
    assert named in refused(2, "sample", *options)


# the likeliest text


def test_a_beam_finds_texts_with_their_bits(here: Path) -> None:
    found = [json.loads(line) for line in ok("sample", "--beam", 8, "-n", 4, "--prime", "An", "--json").splitlines()]
    bits = [one["bits"] for one in found]
    assert len(found) == 4 and bits == sorted(bits) and all(one["text"].startswith("An") for one in found)
    for one in found:
        nats = charnn.surprisal("names", one["text"] + ("\n" if one["ended"] else ""))[2:].sum()
        assert one["bits"] == pytest.approx(nats / math.log(2), abs=2e-3)
    result = well("sample", "--beam", 8, "--prime", "An")
    assert result.stdout == found[0]["text"] + "\n" and f"{bits[0]:.2f} bits" in result.stderr
    assert [one.text for one in charnn.samples("names", "An", beam=8, count=4)] == [one["text"] for one in found]


def test_the_likeliest_match_is_a_match(here: Path) -> None:
    (text,) = ok("sample", "--beam", 20, "--match", "[A-Z](la|do){2}").splitlines()
    assert re.fullmatch("[A-Z](la|do){2}", text)


# which run


def test_sample_says_on_a_terminal_alone_which_run_writes(here: Path) -> None:
    assert invoke("sample").stderr == ""
    with on_terminal([*CHARNN, "sample"]) as (_, leader):
        assert b"checkpoints/names/best.npz, the newest model" in shown(leader)
    with on_terminal([*CHARNN, "sample", "-m", "names"]) as (_, leader):
        assert b"writes" not in shown(leader)
