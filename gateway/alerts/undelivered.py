"""Alarms that reached nobody: what whoever watches the gateway from outside must hear of."""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.alerts.delivery import TOLD, WAITING, State
from gateway.alerts.model import INVOLVED
from gateway.clock import to_ms
from gateway.store import waiting

_LOG = structlog.get_logger(__name__)

TOO_LONG: Final = timedelta(minutes=1)
"""Whoever is told later than that was not told in time (docs/kpis.md)."""

_MOST: Final = 1000
"""Alerts that are looked at, the newest first: the question is asked with each look at /healthz."""


def _words(found: frozenset[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(found))


_UNTOLD: Final = f"""
SELECT count(*) FROM (
    SELECT id FROM alerts WHERE state != 'closed' AND state IN ('open', 'cleared') AND under IS NULL
    ORDER BY id DESC LIMIT {_MOST}) AS one
WHERE EXISTS (
    SELECT 1 FROM notifications WHERE alert = one.id AND purpose IN ({_words(frozenset(INVOLVED))}) AND (
        (state IN ({_words(frozenset(WAITING))}) AND {waiting.SINCE} <= :before)
        OR (state = '{State.FAILED_FOR_GOOD}' AND created_at <= :before)))
AND NOT EXISTS (
    SELECT 1 FROM notifications WHERE alert = one.id AND purpose IN ({_words(frozenset(INVOLVED))})
    AND state IN ({_words(frozenset(TOLD))}))
"""  # noqa: S608 - our own words


def untold(db: sqlite3.Connection, now: datetime) -> int:
    """Open alerts that nobody has taken and nobody was told of, though a message is late by TOO_LONG or was given up.

    What is held back on purpose (quiet hours) is not late.

    Args:
        db: reads the database.
        now: UTC.
    """
    found = db.execute(_UNTOLD, {**waiting.values(now), "before": to_ms(now - TOO_LONG)}).fetchone()
    return int(found[0])


def standing(db: sqlite3.Connection, now: datetime) -> dict[str, float]:
    """For the health report: messages that are ``waiting``, ``oldest_s`` of those that are due, and alerts of which
    nobody was told (``untold``); empty when the database can't be read, which is told elsewhere."""
    try:
        number, age = waiting.oldest(db, now)
        return {"waiting": number, "oldest_s": round(age, 1), "untold": untold(db, now)}
    except sqlite3.Error as error:
        _LOG.warning("health.not_read", error=str(error))
        return {}
