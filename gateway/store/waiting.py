"""Since when a message has waited, whatever its next attempt is.

An attempt that a provider refuses moves the next one into the future (``due_at``); the message is late all the same.
What is held back on purpose, in quiet hours or to be told together with others, was never tried: ``due_at`` says when
it is due for the first time, and before that it is not late.
"""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import to_ms

LATE: Final = timedelta(seconds=10)
"""After that long without success the carer's next contact is tried too, while the first goes on (``late_at``)."""

WAITS: Final = "state IN ('pending', 'failed_for_now')"
"""A condition in SQL: it is still to be sent."""

SINCE: Final = (
    "(CASE attempts WHEN 0 THEN due_at ELSE max(created_at, coalesce(late_at, :now) - :late) END)"  # found LATE after
)
"""An expression in SQL, epoch milliseconds: when a waiting message was due first, in the future for one that is held.
What was tried was due when it was written, or, when it had been held, LATE before it was found late. Takes the values
of :func:`values`."""


def values(now: datetime) -> dict[str, int]:
    """What SINCE asks for: ``now`` (UTC) and LATE in milliseconds."""
    return {"now": to_ms(now), "late": LATE // timedelta(milliseconds=1)}


def oldest(db: sqlite3.Connection, now: datetime) -> tuple[int, float]:
    """How many messages are still to be sent, and for how many seconds the oldest that is due waits; 0: none is due."""
    found, since = db.execute(
        f"SELECT count(*), min({SINCE}) FROM notifications WHERE {WAITS}",  # noqa: S608 - our own words
        values(now),
    ).fetchone()
    return int(found), 0.0 if since is None else max(0, to_ms(now) - int(since)) / 1000
