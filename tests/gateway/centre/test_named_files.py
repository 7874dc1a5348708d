"""Files that a centre file names: which may be read at all, how much of them, and what of them is told."""

import os
from pathlib import Path

import pytest

from gateway.centre import files
from gateway.centre.load import load_centre
from gateway.errors import CentreError, Problem
from tests.gateway.centre.test_photos import CENTRE, JPEG

CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART:20260101T080000Z\r\nDTEND:20260101T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
SECRET = "root:x:0:0:TOP SECRET"
HOUSE = CENTRE.replace('photo = "PHOTO"\n', "")


def written(folder: Path, where: str, name: str) -> Path:
    """A centre file that names a file at one of the three places."""
    match where:
        case "zones":
            text = HOUSE.replace('timezone = "Europe/Malta"', f'timezone = "Europe/Malta"\nzones = "{name}"')
        case "photo":
            text = CENTRE.replace("PHOTO", name)
        case _:
            text = f'{HOUSE}[[calendars]]\nid = "c"\nfile = "{name}"\n'
    path = folder / "centre.toml"
    path.write_text(text, "utf-8")
    return path


def problems(path: Path, sent: frozenset[str] | None = None) -> list[Problem]:
    with pytest.raises(CentreError) as caught:
        load_centre(path, sent=sent)
    assert "TOP SECRET" not in str(caught.value)
    return caught.value.problems


@pytest.mark.parametrize("where", ["zones", "photo", "calendars"])
def test_a_file_that_was_sent_names_nothing_but_what_came_with_it(tmp_path: Path, where: str) -> None:
    own = {
        "zones": b'{"type": "FeatureCollection", "features": []}', "photo": JPEG, "calendars": CALENDAR.encode()
    }[where]  # fmt: skip
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for place in (tmp_path / "own", folder / "own", folder / "came"):
        place.write_bytes(own)
    (folder / "link").symlink_to(tmp_path / "own")
    for name in (str(tmp_path / "own"), "../own", "own", "link", "./came", "\\u0000", "x" * 5000):
        path = written(folder, where, name)
        for sent in (frozenset({"came"}), frozenset[str]()):
            assert problems(path, sent), name
    load_centre(written(folder, where, "came"), sent=frozenset({"came"}))
    load_centre(written(folder, where, "../own"))  # the operator's own


@pytest.mark.parametrize("where", ["zones", "photo", "calendars"])
def test_only_regular_files_of_some_size_are_read(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.centre.load.MOST_ZONES", 1000)
    monkeypatch.setattr("gateway.centre.load.MOST_CALENDAR", 1000)
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it: to open it would wait for ever
    (tmp_path / "large").write_bytes(b" " * 300_000)
    for name in ("pipe", "/dev/zero", "large", ".", "none", "\\u0000"):
        assert len(problems(written(tmp_path, where, name))) == 1, name


@pytest.mark.parametrize("where", ["zones", "photo", "calendars"])
@pytest.mark.parametrize("content", [SECRET, f'["{SECRET}"]', f'{{"type": "{SECRET}"}}'])
def test_nothing_is_told_of_a_file_that_is_something_else(tmp_path: Path, where: str, content: str) -> None:
    (tmp_path / "other").write_text(content, "utf-8")
    assert problems(written(tmp_path, where, "other"))


def test_files_of_windows_editors(tmp_path: Path) -> None:
    """They put a byte order mark in front of UTF-8."""
    (tmp_path / "z").write_text('{"type": "FeatureCollection", "features": []}', "utf-8-sig")
    (tmp_path / "c").write_text(CALENDAR, "utf-8-sig")
    text = written(tmp_path, "zones", "z").read_text("utf-8")
    (tmp_path / "centre.toml").write_text(f'{text}[[calendars]]\nid = "c"\nfile = "c"\n', "utf-8-sig")
    assert load_centre(tmp_path / "centre.toml").calendars[0].text.startswith("BEGIN")


def test_a_pipe_that_the_operator_names_is_read(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, HOUSE.encode())
    os.close(writing)
    try:
        assert load_centre(Path(f"/dev/fd/{reading}")).id == "haven"
    finally:
        os.close(reading)
    with pytest.raises(ValueError, match="at most"):
        files.read_named(written(tmp_path, "photo", "x"), 10)


@pytest.mark.parametrize(
    "value",
    ["9" * 10_000, "[" * 20_000, "0x" + "f" * 10_000, "[" * 200 + "]" * 200],
    ids=["digits", "deep", "hex", "nested"],
)
def test_numbers_and_lists_without_end(tmp_path: Path, value: str) -> None:
    path = tmp_path / "centre.toml"
    path.write_text(f"a = {value}\n{HOUSE.replace('wait_s = 60', f'wait_s = {value}')}", "utf-8")
    assert problems(path)
