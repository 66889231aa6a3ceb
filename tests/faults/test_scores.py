"""E, C11: figures that look right: of texts that were trained on, of characters that nobody knows, of several texts."""

import gzip
import json
import math
import shutil
from pathlib import Path

import pytest

from charnn.runs import checkpoint
from tests.helpers.processes import Done, bash, charnn, measured
from tests.helpers.program import TINY, names

SHORT = [*TINY, "--steps", "4", "--validate-every", "2"]
UNKNOWN = math.log2(0x110000)  # bits of a character that a model does not know, and some less


def figures(done: Done) -> dict[str, object]:
    return dict(json.loads(done.well()))


def rows(done: Done) -> list[list[str]]:
    return [line.split("\t") for line in done.well().decode("utf-8", "replace").split("\n")[:-1]]


# E1


@pytest.fixture
def moved(new: Path) -> Path:
    """A run whose text is not where it was."""
    charnn("train", "names.txt", *SHORT).well()
    shutil.move("names.txt", new / "other.txt")
    return new


def test_E1_a_corpus_that_was_renamed_is_scored_by_what_was_held_out(moved: Path) -> None:
    charnn("eval").told(2, "the corpus of this model is not at", "name the text to use")
    found = charnn("eval", "other.txt", "--json")
    said = figures(found)
    assert "other.txt is the corpus of this model: the part held out is scored" in found.err
    shutil.move("other.txt", "names.txt")
    assert said == figures(charnn("eval", "--json")) == figures(charnn("eval", "names.txt", "--json"))
    assert int(str(said["count"])) < len(names()) // 5


@pytest.mark.parametrize("how", ["tokenised", "packed", "linked"])
def test_E1_a_corpus_in_another_form(moved: Path, how: str) -> None:
    if how == "tokenised":
        charnn("tokenize", "other.txt", "-o", "it.npz").well()
        name = "it.npz"
    elif how == "packed":
        Path("it.gz").write_bytes(gzip.compress(Path("other.txt").read_bytes()))
        name = "it.gz"
    else:
        Path("it").symlink_to("other.txt")
        name = "it"
    assert figures(charnn("eval", name, "--json")) == figures(charnn("eval", "other.txt", "--json"))


@pytest.mark.parametrize("more", [[], ["--json"], ["--by", "line"], ["--by", "char"], ["--by", "file"]])
def test_E1_the_corpus_as_a_stream_is_marked(here: Path, more: list[str]) -> None:
    done = charnn("eval", "-", *more, stdin=Path("names.txt").read_bytes())
    assert "standard input is the corpus of this model: its score says little" in " ".join(done.err.split())
    if more == ["--json"]:
        assert list(figures(done)["baselines"]) == ["uniform"]  # type: ignore[call-overload]
    assert "on the same text" not in done.err


def test_E1_rows_are_those_of_the_whole_corpus_and_say_what_was_trained_on(here: Path) -> None:
    done = charnn("eval", "names.txt", "--by", "line")
    assert [row[3] for row in rows(done)] == names().splitlines()
    assert "was trained on all but the last" in done.err


def test_E1_one_of_several_files_is_marked(new: Path) -> None:
    Path("more.txt").write_text("An\nBe\n" * 50)
    charnn("train", "names.txt", "more.txt", *SHORT).well()
    done = charnn("eval", "more.txt")
    assert "more.txt is among the files that the model was trained on" in done.err
    assert "on the same text" not in done.err


def test_E1_another_text_is_not_taken_for_the_corpus(here: Path) -> None:
    for change in (names()[:-1], names() + "\n", names().swapcase()):
        done = charnn("eval", "-", "--unknown", "skip", stdin=change.encode())
        assert done.well() and "is the corpus of" not in done.err


def test_E1_pairs_are_recognised(new: Path) -> None:
    lines = [f"{'a' if name < 'B' else 'b'}\t{name}" for name in names().splitlines()]
    Path("pairs.tsv").write_text("".join(f"{line}\n" for line in lines))
    charnn("train", "pairs.tsv", "--task", "classify", "--hidden", "8", "--steps", "2").well()
    done = charnn("eval", "pairs.tsv", "--json")
    assert figures(done) == figures(charnn("eval", "--json")) and "the part held out is scored" in done.err


# E2

LOG = "Anbe\nßß\n\nLado\tx\nAn?be\n\x00\ndobe"


@pytest.mark.parametrize("by", ["line", "char"])
def test_E2_a_stream_goes_on_whatever_comes(here: Path, by: str) -> None:
    found = rows(charnn("eval", "-", "--by", by, stdin=LOG.encode() + b"\xff\xfe\n" + b"An\n"))
    if by == "line":
        texts = [row[3] for row in found]
        assert texts[:6] == ["Anbe", "ßß", "", "Lado\\tx", "An?be", "\x00"] and texts[7:] == ["An"]
    else:
        text = "".join(row[3] for row in found)
        assert text.startswith("Anbe\\nßß\\n\\nLado\\tx\\nAn?be\\n\x00\\ndobe�")


def test_E2_bytes_that_are_no_text_come_out_as_they_were(here: Path) -> None:
    found = charnn("eval", "-", "--by", "line", stdin=b"An\xffbe\n\xc3\n").well()
    assert [line.split(b"\t")[3] for line in found.splitlines()] == [b"An\xffbe", b"\xc3"]


def test_E2_an_odd_line_ranks_as_odd(here: Path) -> None:
    odd = ["Anßbe", "Ωβ", "?"]
    found = rows(charnn("eval", "-", "--by", "line", stdin=("".join(f"{n}\n" for n in odd) + names()).encode()))
    ranked = sorted(found, key=lambda row: -float(row[0]))
    assert {row[3] for row in ranked[: len(odd)]} == set(odd)
    skipped = rows(charnn("eval", "-", "--by", "line", "--unknown", "skip", stdin="Anßbe\nAnbe\n".encode()))
    assert skipped[0][:2] == skipped[1][:2] and skipped[0][3] == "Anßbe"


def test_E2_unknown_characters_are_counted_and_cost_some_twenty_bits(here: Path) -> None:
    known, both = (figures(charnn("eval", "-", "--json", stdin=text.encode())) for text in ("Anbe\n", "Anßbße\n"))
    assert known["unknown"] == 0 and both["unknown"] == 2
    more = (float(str(both["nats"])) - float(str(known["nats"]))) / math.log(2)
    assert 2 * UNKNOWN - 0.1 < more < 2 * UNKNOWN
    assert b"unknown\t2\n" in charnn("eval", "-", stdin="Anßbße\n".encode()).well()
    assert b"unknown" not in charnn("eval", "-", stdin=b"Anbe\n").well()


@pytest.mark.parametrize("more", [["--dynamic"], ["--mix", "ngram"], ["--dynamic", "--mix", "ngram"], ["--novelty"]])
def test_E2_other_readers_see_the_known_characters_alone(here: Path, more: list[str]) -> None:
    text = "ßß" + names()[:300].replace("n", "nß") + "ΩΩΩ\n"
    with_, without = (
        figures(charnn("eval", "-", "--json", *more, stdin=one.encode()))
        for one in (text, text.replace("ß", "").replace("Ω", ""))
    )
    bits = (float(str(with_["nats"])) - float(str(without["nats"]))) / math.log(2)
    assert bits == pytest.approx(float(str(with_["unknown"])) * UNKNOWN, rel=1e-3)


def test_E2_nothing_but_unknown_characters(here: Path) -> None:
    found = rows(charnn("eval", "-", "--by", "line", stdin=("ß" * 100_000 + "\nAn\n").encode()))
    assert len(found) == 2 and float(found[0][0]) > 20 and found[1][3] == "An"


@pytest.mark.parametrize("head", ["eos", "node", "length"])
def test_E2_whatever_predicts_the_end(new: Path, head: str) -> None:
    charnn("train", "names.txt", *SHORT, "--ending", head).well()
    found = rows(charnn("eval", "-", "--by", "line", stdin="ß\nAnßbe\nßß\n\ndo".encode()))
    assert [row[3] for row in found] == ["ß", "Anßbe", "ßß", "", "do"]
    assert all(float(row[1]) > 20 * row[3].count("ß") for row in found)


# E3


def test_E3_an_open_last_line_counts_as_in_training(new: Path) -> None:
    for name, text in (("open", names()[:-1]), ("closed", names())):
        Path(f"{name}.txt").write_text(text)
    charnn("train", "open.txt", *SHORT).well()
    charnn("train", "closed.txt", *SHORT).well()
    Path("a.txt").write_text("Anbe\nDola")
    Path("b.txt").write_text("Anbe\nDola\n")
    a, b = (figures(charnn("eval", "-m", "closed", f"{name}.txt", "--json")) for name in "ab")
    assert a["count"] == b["count"] == 10 and a["nats"] == pytest.approx(b["nats"], rel=1e-6)
    lines = [rows(charnn("eval", "-m", "closed", f"{name}.txt", "--by", "line")) for name in "ab"]
    assert lines[0] == lines[1] and len(lines[0]) == 2
    counts = [figures(charnn("eval", "-m", name, "--json"))["count"] for name in ("open", "closed")]
    assert counts[0] == counts[1]


# E4


def test_E4_several_texts_each_by_its_name(here: Path, tmp_path: Path) -> None:
    for name, text in (("a", "Anbe\nDola\n"), ("b", "Xß\n")):
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in "ab"]
    found = rows(charnn("eval", *files, "--by", "file"))
    assert [row[-1] for row in found] == files and [row[3] for row in found] == ["0", "2"]
    lines = rows(charnn("eval", *files, "--by", "line"))
    assert [row[-1] for row in lines] == [files[0]] * 2 + [files[1]] and {len(row) for row in lines} == {5}
    said = figures(charnn("eval", *files, "--json", "--unknown", "cost"))
    each = said["files"]
    assert isinstance(each, dict) and list(each) == files
    assert sum(one["count"] for one in each.values()) == said["count"]
    assert len(rows(charnn("eval", files[0], "--by", "line"))[0]) == 4


# E5


@pytest.mark.parametrize("where", ["names.txt", "data/names.txt"])
def test_E5_a_corpus_that_moved_together_with_its_run(new: Path, where: str) -> None:
    Path("old/data").mkdir(parents=True)
    shutil.move("names.txt", f"old/{where}")
    charnn("train", where, *SHORT, cwd="old").well()
    before = figures(charnn("eval", "--json", cwd="old"))
    shutil.move("old", "elsewhere")
    for more in ([], ["--mix", "ngram"], ["--novelty"]):
        found = figures(charnn("eval", "--json", *more, cwd="elsewhere"))
        assert found["count"] == before["count"]
    charnn("train", "--resume", "--steps", 8, cwd="elsewhere").well()
    assert checkpoint.load("elsewhere/checkpoints/names/last.npz").origin.names == (str(new / "elsewhere" / where),)


def test_E5_a_corpus_of_this_name_but_with_another_text_is_not_taken(new: Path) -> None:
    Path("old").mkdir()
    shutil.move("names.txt", "old/names.txt")
    charnn("train", "names.txt", *SHORT, cwd="old").well()
    shutil.move("old", "elsewhere")
    Path("elsewhere/names.txt").write_text(names().swapcase())
    charnn("eval", cwd="elsewhere").told(2, "the corpus of this model is not at")


def test_E5_a_given_path_serves_mixtures_and_novelty_too(moved: Path) -> None:
    for more in (["--mix", "ngram"], ["--novelty"]):
        assert "bits_per_char" in figures(charnn("eval", "other.txt", "--json", *more))
    charnn("train", "--resume", "other.txt", "--steps", 8).well()
    assert charnn("eval", "-m", "checkpoints/names/last.npz").well()  # which knows the new place


@pytest.mark.parametrize("more", ["Anbe\n", "Anbe\n" * 9000])
def test_E5_a_corpus_that_has_grown_says_how_to_get_the_old_one(new: Path, more: str) -> None:
    charnn("train", "names.txt", *SHORT).well()
    before = figures(charnn("eval", "--json"))
    with open("names.txt", "a") as file:
        file.write(more)
    message = charnn("eval").told(3, "names.txt is longer than", "begins with it", "train a new run on it")
    bash(message.split("`")[1]).well()
    assert figures(charnn("eval", "old.txt", "--json")) == before
    charnn("train", "--resume", "--steps", 8).told(3, "names.txt is longer than", "head -c")
    charnn("train", "--resume", "old.txt", "--steps", 8).well()


# C11


@pytest.mark.parametrize("by", ["line", "char"])
def test_C11_time_is_linear_in_the_length_of_a_line(new: Path, by: str) -> None:
    charnn("train", "names.txt", *SHORT).well()
    seconds = []
    for size in (250_000, 1_000_000):
        Path("long.txt").write_text("Anbedola" * (size // 8) + "\n")
        done, memory, took = measured("eval", "long.txt", "--by", by)
        assert done.well() and memory < 500_000
        seconds.append(took)
    assert seconds[1] < 6 * seconds[0]


def test_C11_memory_does_not_grow_with_the_length_of_a_line(new: Path) -> None:
    charnn("train", "names.txt", *SHORT).well()
    most = []
    for size in (100_000, 600_000):
        Path("long.txt").write_text("Anbedola" * (size // 8) + "\n")
        done, memory, _ = measured("eval", "long.txt")
        assert done.well()
        most.append(memory)
    assert most[1] < most[0] + 25_000  # kB: pieces of a text, and no more
