"""A resident's readings are found, noted or not: always the same ones."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Bed, Reading, Vitals, kind_of
from gateway.clock import to_ms
from gateway.store import places
from gateway.store.database import connect, prepare
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.writer import Tx

START = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = ("bed", "vitals")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "gateway.db"
    prepare(path)
    db = connect(path)
    yield db
    db.close()


def _store(db: sqlite3.Connection, minute: int, resident: str | None, reading: Reading) -> int:
    frame = db.execute("SELECT coalesce(max(frame), 0) + 1 FROM readings").fetchone()[0]
    ms = to_ms(START + timedelta(minutes=minute))
    fields = msgspec.json.encode(reading).decode()
    db.execute(
        "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
        " VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
        (frame * READINGS_PER_FRAME, frame, reading.device, resident, kind_of(reading), ms, fields),
    )
    return int(frame * READINGS_PER_FRAME)


def _heart(rate: float) -> Vitals:
    return Vitals(device="bed", heart_rate_bpm=rate)


@settings(max_examples=30, deadline=None)
@given(
    who=st.lists(st.sampled_from(["r01", "r02", None]), max_size=40),
    noted=st.integers(0, 40),
    since=st.integers(0, 40),
    lasting=st.integers(0, 40),
    most=st.integers(1, 10),
)
def test_noted_or_not_the_same_are_found(
    who: list[str | None], noted: int, since: int, lasting: int, most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("db") / "gateway.db"
    prepare(path)
    db = connect(path, synchronous="OFF")
    expected = []
    for minute, resident in enumerate(who):
        reading = Bed(device="bed", in_bed=True) if minute % 3 else _heart(60)
        number = _store(db, minute, resident, reading)
        if resident == "r01" and since <= minute < since + lasting:
            expected.append(number)
        if minute + 1 == noted:
            places.note_places(Tx(db, START), 7)
            places.note_places(Tx(db, START), 3)
    start = START + timedelta(minutes=since)
    found = places.places(db, "r01", KINDS, start, start + timedelta(minutes=lasting), most)
    assert found == expected[-most:]
    db.close()


def test_noting_goes_on_where_it_ended(db: sqlite3.Connection) -> None:
    for minute in range(10):
        _store(db, minute, "r01" if minute % 2 else None, _heart(60))
    assert places.waiting(db) == 10
    assert [places.note_places(Tx(db, START), 4) for _ in range(4)] == [4, 4, 2, 0]
    assert places.waiting(db) == 0
    assert db.execute("SELECT count(*) FROM reading_places").fetchone()[0] == 5


def test_what_is_past_its_retention_is_left_out(db: sqlite3.Connection) -> None:
    numbers = [_store(db, minute, "r01", _heart(60 + minute)) for minute in range(4)]
    places.note_places(Tx(db, START))
    db.execute("DELETE FROM readings WHERE seq = ?", (numbers[1],))
    found = places.readings(db, "r01", KINDS, START, START + timedelta(hours=1), most=10)
    assert [one.seq for one in found] == [numbers[0], *numbers[2:]]


def test_a_chart_gets_evenly_picked_ones_and_a_list_the_newest(db: sqlite3.Connection) -> None:
    numbers = [_store(db, minute, "r01", _heart(60)) for minute in range(100)]
    end = START + timedelta(days=1)
    picked = places.readings(db, "r01", KINDS, START, end, most=10, every=False)
    newest = places.readings(db, "r01", KINDS, START, end, most=10)
    assert [one.seq for one in picked] == numbers[::10]
    assert [one.seq for one in newest] == numbers[-10:]


def test_a_clock_that_lost_its_time_counts_as_heard(db: sqlite3.Connection) -> None:
    number = _store(db, 5, "r01", _heart(60))
    db.execute("UPDATE readings SET observed_at = 0 WHERE seq = ?", (number,))
    [found] = places.read(db, [number])
    assert found.at == found.received_at == START + timedelta(minutes=5)
