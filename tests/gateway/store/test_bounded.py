"""Pages of a large house: what is counted is found by number, not by looking at every message."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import to_ms
from gateway.store import retention_rows, standing
from gateway.store.database import FILE, connect, prepare
from gateway.store.history import first_frame
from tests.gateway.store.steps import steps

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FRAMES = 20_000
"""One message every minute, the newest a minute ago."""
BROKEN = (100, FRAMES - 2 * 24 * 60, FRAMES - 30, FRAMES)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / FILE
    prepare(path)
    with closing(connect(path)) as opened:
        opened.execute("BEGIN")  # one save for all, not one for each
        opened.executemany(
            "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', 't', x'', ?)",
            [(number, _at(number)) for number in range(1, FRAMES + 1)],
        )
        opened.executemany(
            "INSERT INTO quarantine (frame, why, detail) VALUES (?, 'not_json', '')", [(one,) for one in BROKEN]
        )
        opened.execute("COMMIT")
        yield opened


def _at(number: int) -> int:
    return to_ms(NOW - timedelta(minutes=FRAMES + 1 - number))


def test_the_first_message_of_a_time_is_found_by_halving(db: sqlite3.Connection) -> None:
    assert first_frame(db, _at(1)) <= 1
    assert first_frame(db, _at(7_000)) == 7_000
    assert first_frame(db, _at(7_000) + 1) == 7_001
    assert first_frame(db, to_ms(NOW)) == FRAMES + 1
    assert steps(db, lambda: first_frame(db, _at(7_000))) < 1_000


def test_what_is_too_old_is_counted_without_looking_at_what_is_not(db: sqlite3.Connection) -> None:
    cut = _at(101)
    assert retention_rows.count(db, "journal", cut, 1_000) == 100
    assert retention_rows.count(db, "quarantine", cut, 1_000) == 1
    for kind in ("journal", "quarantine"):
        assert steps(db, lambda kind=kind: retention_rows.count(db, kind, cut, 1_000)) < 2_000  # type: ignore[misc]


def test_the_newest_message_is_never_counted(db: sqlite3.Connection) -> None:
    assert retention_rows.count(db, "journal", to_ms(NOW), 10**6) == FRAMES - 1
    assert retention_rows.count(db, "quarantine", to_ms(NOW), 10**6) == len(BROKEN) - 1
    assert retention_rows.count(db, "journal", to_ms(NOW), 1_000) == 1_000


def test_messages_of_the_last_day_that_could_not_be_read(db: sqlite3.Connection, tmp_path: Path) -> None:
    path = tmp_path / FILE
    assert standing.store(db, path, now=NOW).quarantined == 2
    assert standing.store(db, path, now=NOW + timedelta(days=2)).quarantined == 0
    assert steps(db, lambda: standing.store(db, path, now=NOW)) < 2_000
