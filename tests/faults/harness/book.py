"""What stands in the daemon's database, read by its tables as an auditor would."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.store.database import FILE, reader


class Book:
    """The database of a data folder; every question opens it anew, so it can be asked at any moment."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE

    def all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Rows of a query."""
        with closing(reader(self.path)) as db:
            return db.execute(query, values).fetchall()

    def number(self, query: str, *values: Any) -> int:
        """The one number that a query asks for."""
        return int(self.all(query, *values)[0][0] or 0)

    def frames(self) -> int:
        """How many different messages are in the journal."""
        return self.number("SELECT count(DISTINCT payload) FROM journal")

    def payloads(self) -> list[bytes]:
        """Every message's payload, redeliveries not counted twice by us: as the rows are."""
        return [bytes(row[0]) for row in self.all("SELECT payload FROM journal ORDER BY seq")]

    def stored_ids(self) -> set[str]:
        """The senders' own ids of events that are stored."""
        return {
            str(row[0]).partition(":")[2].partition(":")[2].partition("@")[0]
            for row in self.all("SELECT event_id FROM event_ids")
        }

    def alerts(self, where: str = "1") -> list[sqlite3.Row]:
        """Alerts, the oldest first."""
        return self.all(f"SELECT * FROM alerts WHERE {where} ORDER BY id")

    def waiting(self) -> int:
        """Notifications that are still to be sent."""
        return self.number("SELECT count(*) FROM notifications WHERE state IN ('pending', 'failed_for_now')")

    def quarantine(self) -> list[sqlite3.Row]:
        """What could not be read, with its topic and payload."""
        return self.all(
            "SELECT q.why, q.field, q.detail, j.topic, j.payload, j.format FROM quarantine q"
            " JOIN journal j ON j.seq = q.frame ORDER BY q.frame"
        )

    def is_sound(self) -> bool:
        """SQLite's own check of the whole file."""
        return [row[0] for row in self.all("PRAGMA integrity_check")] == ["ok"]
