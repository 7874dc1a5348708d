"""The newest position is the one that was taken last, whenever it came, noted or not, and whatever a clock says."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Position
from gateway.clock import to_ms
from gateway.store import fixes, places
from gateway.store.database import connect, prepare
from gateway.store.fixes import last_fix, last_position, last_positions
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.writer import Tx

START = datetime(2026, 3, 1, tzinfo=UTC)
LONG_AGO = START - timedelta(days=3)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "gateway.db"
    prepare(path)
    db = connect(path)
    yield db
    db.close()


class Told(NamedTuple):
    """A position that is told: minutes after START when it came, and before that when it was taken (None: no time)."""

    came: float
    ago: float | None = 0.0
    resident: str = "r01"
    fixed: bool = True


def _store(db: sqlite3.Connection, told: Told) -> int:
    frame = db.execute("SELECT coalesce(max(frame), 0) + 1 FROM readings").fetchone()[0]
    received = START + timedelta(minutes=told.came)
    taken = None if told.ago is None else received - timedelta(minutes=told.ago)
    reading = Position(device="gps", lon=14 + frame / 1000, lat=35.9, fixed_at=taken if told.fixed else None)
    db.execute(
        "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
        " VALUES (?, ?, 'gps', ?, 'position', ?, ?, ?)",
        (
            frame * READINGS_PER_FRAME, frame, told.resident, None if taken is None else to_ms(taken),
            to_ms(received), msgspec.json.encode(reading).decode(),
        ),
    )  # fmt: skip
    return int(frame * READINGS_PER_FRAME)


def _newest(db: sqlite3.Connection, resident: str = "r01") -> int | None:
    found = last_position(db, resident)
    came = db.execute("SELECT max(seq) FROM readings WHERE resident = ?", (resident,)).fetchone()[0]
    if found is None:
        assert came is None
        return None
    assert last_positions(db, {resident: came}, LONG_AGO)[resident] == found
    fix = last_fix(db, resident)
    assert fix is not None
    assert fix.lon == getattr(found.reading, "lon", None)
    return found.seq


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("noted", [0, 1, 2, 10])
def test_what_is_handed_in_late_is_not_the_newest(db: sqlite3.Connection, noted: int, fixed: bool) -> None:
    """``fixed``: the position has a time of its own; else its message has one."""
    now = _store(db, Told(299, fixed=fixed))
    for late in (300, 299, 298, 297):
        _store(db, Told(300, late, fixed=fixed))
    places.note_places(Tx(db, START), noted) if noted else None
    assert _newest(db) == now
    later = _store(db, Told(301, fixed=fixed))
    assert _newest(db) == later


def test_without_a_time_it_is_as_new_as_it_came(db: sqlite3.Connection) -> None:
    _store(db, Told(10))
    silent = _store(db, Told(11, None))
    _store(db, Told(12, 5))
    assert _newest(db) == silent


def test_a_clock_ahead_or_lost_counts_as_heard_and_pins_nobody(db: sqlite3.Connection) -> None:
    ahead = _store(db, Told(10, -60 * 24 * 365))
    assert _newest(db) == ahead
    right = _store(db, Told(11))
    assert _newest(db) == right
    lost = _store(db, Told(12, 60 * 24 * 365 * 20))
    assert _newest(db) == lost
    assert _store(db, Told(13)) == _newest(db)


def test_a_clock_that_was_set_back_does_not_pin_the_person(db: sqlite3.Connection) -> None:
    good = _store(db, Told(0))
    told = [_store(db, Told(1 + minute, 300)) for minute in range(6)]
    assert _newest(db) == told[-1]
    db.execute("DELETE FROM readings WHERE seq >= ?", (told[2],))
    assert _newest(db) == good, "two may be a delay"


def test_a_store_of_old_positions_is_no_clock_that_is_behind(db: sqlite3.Connection) -> None:
    good = _store(db, Told(299))
    for number in range(60):  # each ten seconds one of five minutes
        came = 300 + number / 6
        _store(db, Told(came, came - number * 5))
    found = last_position(db, "r01")
    assert found is not None
    assert fixes.taken_at(found) == START + timedelta(minutes=299)
    assert found.seq == good


@settings(max_examples=40, deadline=None)
@given(
    told=st.lists(
        st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(-5, 4)), st.sampled_from(["r01", "r02"])),
        max_size=25,
    ),
    noted=st.integers(0, 25),
)
def test_noted_or_not_the_one_taken_last_is_found(
    told: list[tuple[int, int | None, str]], noted: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("db") / "gateway.db"
    prepare(path)
    db = connect(path, synchronous="OFF")
    came = 0
    expected: dict[str, tuple[int, int]] = {}
    for gap, ago, resident in told:
        came += gap
        number, taken = _store(db, Told(came, ago, resident)), came - max(0, ago or 0)
        if resident not in expected or taken >= expected[resident][0]:
            expected[resident] = (taken, number)
    if noted:
        places.note_places(Tx(db, START), noted)
    for resident in ("r01", "r02"):
        assert _newest(db, resident) == (expected[resident][1] if resident in expected else None)
    db.close()


def test_the_way_of_a_search_has_the_newest_and_not_what_came_last(db: sqlite3.Connection) -> None:
    _store(db, Told(299))
    for number in range(30):
        _store(db, Told(300, 200 - number))
    found = fixes.fixes(db, "r01", since=LONG_AGO, most=20)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert len(found) == 20
    assert found[-1].at == START + timedelta(minutes=299)


def test_what_is_long_past_is_told_to_nobody(db: sqlite3.Connection) -> None:
    _store(db, Told(0))
    assert last_fix(db, "r01") is not None
    _store(db, Told(60 * 24 * 7 + 1, resident="r02"))
    assert last_fix(db, "r01") is None
    assert last_position(db, "r01") is not None


def test_few_are_looked_at_and_by_an_index(db: sqlite3.Connection) -> None:
    for minute in range(400):
        _store(db, Told(minute, 0.1, "r01" if minute % 2 else "r02"))
    places.note_places(Tx(db, START), 1000)
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    db.set_progress_handler(step, 1)
    assert last_position(db, "r01") is not None
    db.set_progress_handler(None, 0)
    assert steps < 200, "not each of the 200 positions"
    for query in asked:
        for line in db.execute(f"EXPLAIN QUERY PLAN {query}").fetchall():
            whole = line["detail"].startswith("SCAN") and line["detail"] != "SCAN reading_places_until"  # one row
            assert not whole, (query, line["detail"])
            assert "TEMP B-TREE" not in line["detail"]


def test_with_far_more_than_usual_not_noted_everybody_is_still_there(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixes, "LATE_OF_ALL", 3)
    quiet = _store(db, Told(0))
    for minute in range(10):
        busy = _store(db, Told(minute + 1, resident="r02"))
    found = last_positions(db, {"r01": quiet, "r02": busy}, LONG_AGO)
    assert {one: place.seq for one, place in found.items()} == {"r01": quiet, "r02": busy}
