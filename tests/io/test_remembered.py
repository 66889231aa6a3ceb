"""What was measured on a machine: found again in the user's cache, and never in the way."""

import json
from pathlib import Path

import pytest

from charnn.io.remembered import Remembered, machine_key
from charnn.machine import environment

ONE = Remembered("some.json", "charnn some")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "charnn" / "some.json"


def test_what_was_written_is_read_beside_that_of_other_machines(cache: Path) -> None:
    assert ONE.path == cache and ONE.read() == {}
    assert ONE.write({"another": [2]}, {"this": 1})
    assert ONE.read() == {"format": "charnn some", "another": [2], machine_key(): {"this": 1}}
    assert ONE.write(ONE.read(), {"this": 3})
    assert ONE.read()[machine_key()] == {"this": 3} and ONE.read()["another"] == [2]


def test_a_machine_is_its_processor_and_its_libraries() -> None:
    assert machine_key() == " / ".join(environment().values())


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_cache_folder_it_lies_below_the_home(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ONE.path == tmp_path / ".cache" / "charnn" / "some.json"


def test_a_home_that_is_no_absolute_path_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "somewhere")
    with pytest.raises(RuntimeError):
        _ = ONE.path
    assert ONE.read() == {} and not ONE.write({}, 1)
    assert not [*tmp_path.iterdir()]


def test_a_file_that_is_none_of_ours_is_as_none(cache: Path) -> None:
    cache.parent.mkdir()
    for content in ("", "[]", "{", "3", '{"format": "other"}', "[" * 100_000, "\udcff"):
        cache.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert ONE.read() == {}
    cache.unlink()
    cache.mkdir()
    assert ONE.read() == {} and not ONE.write({}, 1)


def test_a_file_of_more_than_10_mb_is_not_read(cache: Path) -> None:
    cache.parent.mkdir()
    content = json.dumps({"format": "charnn some"}).encode()
    for size, read in ((10_485_760, True), (10_485_761, False)):
        cache.write_bytes(content + b" " * (size - len(content)))
        assert bool(ONE.read()) == read


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "charnn").write_text("a file")
    assert not ONE.write({}, 1) and ONE.read() == {}
