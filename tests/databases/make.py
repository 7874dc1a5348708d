"""Databases of every version of the schema, as SQL text: what an upgrade finds on a gateway that has been at work.

``python -m tests.databases.make`` writes the one of the newest version. Do that while the version is not released;
from then on its file is never touched again.
"""

import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Close, Outcome
from gateway.clock import ManualClock
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import Pipeline
from gateway.store.database import FILE, prepare
from gateway.store.migrating import MIGRATIONS
from gateway.store.writer import write_now
from tests.gateway.pipeline.chain import DEMO, applied, frame

FOLDER = Path(__file__).parent
START = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)


def versions() -> list[str]:
    """Names of all migrations, the oldest first."""
    return [migration.name for migration in MIGRATIONS._migrations]


def file_of(version: str) -> Path:
    return FOLDER / f"{version}.sql"


def load(version: str, path: Path) -> None:
    """Make the old database at ``path``."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(file_of(version).read_text("utf-8"))
        db.execute("PRAGMA journal_mode=WAL")


def schema(db: sqlite3.Connection) -> dict[str, str]:
    """Every table, index and trigger with its SQL."""
    return {row[0]: row[1] for row in db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")}


def lived(path: Path) -> None:
    """A short night: a centre, a call that was answered and closed, one that waits, a frame nobody could read."""
    prepare(path)
    clock = ManualClock(START)
    index = applied(path, DEMO, clock)
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        db.execute("INSERT INTO accounts (carer, password_hash, changed_at) VALUES ('sam', 'of no password', 0)")
        db.commit()
        pipeline = Pipeline(db, lambda: index)
    messages: list[tuple[str, str, dict[str, Any]]] = [
        ("sos-r01", "help", {"id": "h-1", "phase": "pressed"}),
        ("bed-r01", "bed", {"id": "b-1", "in_bed": True}),
        ("gps-r01", "position", {"id": "p-1", "lon": 14.4, "lat": 35.89, "accuracy_m": 5}),
        ("gps-r01", "position", {"id": "p-2", "lon": 14.4, "lat": 95}),
        ("fall-r02", "fall", {"id": "f-1", "phase": "detected"}),
        ("gps-r07", "status", {"id": "s-1", "battery_percent": 4}),
    ]
    for device, kind, fields in messages:
        clock.move(20)
        receipt: Receipt = frame(device, kind, clock.now(), **fields)
        lane = "alarms" if kind in {"help", "fall"} else "telemetry"
        write_now(path, lambda tx, r=receipt, at=lane: pipeline.take(tx, [r], lane=at), clock=clock)  # type: ignore[misc]
    clock.move(20)
    write_now(path, lambda tx: desk.answer(tx, index, 1, Acknowledge(eta_minutes=5), "nora", "page"), clock=clock)
    clock.move_to(clock.now() + timedelta(minutes=4))
    close = Close(outcome=Outcome.REAL, note="Helped her to the bathroom.")
    write_now(path, lambda tx: desk.answer(tx, index, 1, close, "nora", "page"), clock=clock)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        lived(path)
        with closing(sqlite3.connect(path)) as db:
            file_of(versions()[-1]).write_text("\n".join(db.iterdump()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
