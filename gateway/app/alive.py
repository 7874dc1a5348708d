"""When the gateway was last alive: a small file, noted every second, read at the next start."""

import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from gateway.clock import from_ms

EVERY_S = 1.0
"""Real seconds between notes. The file is not flushed to the disk: after a power cut the newest message counts."""

_FILE = "alive"


def note(folder: Path, now: datetime) -> None:
    """Write down that we live. A full disk must not end the daemon for this."""
    with suppress(OSError):
        (folder / _FILE).write_text(now.isoformat(), encoding="ascii")


def last(folder: Path, db: sqlite3.Connection) -> datetime | None:
    """The last sign of life (UTC-aware): the note or the newest message, whichever is later; None: a new gateway."""
    newest = db.execute("SELECT received_at FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    signs = [] if newest is None else [from_ms(newest[0])]
    with suppress(OSError, ValueError):
        noted = datetime.fromisoformat((folder / _FILE).read_text(encoding="ascii"))
        if noted.tzinfo is not None:  # else it is not ours
            signs.append(noted)
    return max(signs, default=None)
