"""The key figures' look at each alert: when it was told, answered and attended, of one pass of SQL."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from gateway.alerts.delivery import TOLD
from gateway.alerts.model import INVOLVED
from gateway.alerts.table import AlertEvent, AlertState
from gateway.clock import to_ms

ANSWERS: Final = (AlertEvent.ACKNOWLEDGE, AlertEvent.ARRIVE, AlertEvent.CLOSE)
"""Events with which a person says that somebody sees to it."""


class Line(msgspec.Struct, frozen=True):
    """One alert; times in epoch milliseconds."""

    raised: int
    closed: int | None
    outcome: str | None
    notified: int | None
    acknowledged: int | None
    """When the answer came, counted from ``raised`` as one wait: the longest of all."""
    attended: int | None
    waits_since: int
    """When it last began to wait for an answer."""
    broken: int
    """Promises that ran out."""


def words(values: Iterable[str]) -> str:
    """Our own words as a list of SQL."""
    return ", ".join(f"'{value}'" for value in sorted(values))


_WAITS_AGAIN: Final = f"""
(e.event = '{AlertEvent.REOPEN}' OR
 (e.state_before = '{AlertState.ACKNOWLEDGED}' AND e.state_after = '{AlertState.OPEN}'))
"""
"""Closed by mistake and re-opened; or whoever was going does not come: their time ran out, they say so, or they ask
somebody else. Whoever was there has answered, whatever comes after."""

_ANSWERED: Final = f"(e.who IS NOT NULL AND e.event IN ({words(ANSWERS)}))"

# One pass over the alerts; their events and messages are found by index.
_ALERTS = f"""
WITH chosen AS MATERIALIZED (
    SELECT id, raised_at, closed_at, outcome FROM alerts
    WHERE raised_at >= :since AND raised_at < :until AND under IS NULL
)
SELECT c.id, c.raised_at, c.closed_at, c.outcome,
    (SELECT min(n.settled_at) FROM notifications n
     WHERE n.alert = c.id AND n.purpose IN ({words(INVOLVED)}) AND n.state IN ({words(TOLD)})),
    min(e.at) FILTER (WHERE {_ANSWERED}),
    min(e.at) FILTER (WHERE e.who IS NOT NULL AND e.event = '{AlertEvent.ARRIVE}'),
    count(*) FILTER (WHERE {_WAITS_AGAIN}),
    count(*) FILTER (WHERE e.event = '{AlertEvent.EXPIRE}' AND e.state_before = '{AlertState.ACKNOWLEDGED}')
FROM chosen c LEFT JOIN alert_events e ON e.alert = c.id
GROUP BY c.id ORDER BY c.raised_at
"""  # noqa: S608 - our own words

# Of the few that waited more than once.
_WAITS = f"""
SELECT e.at, {_WAITS_AGAIN} FROM alert_events e WHERE e.alert = ? AND ({_ANSWERED} OR {_WAITS_AGAIN}) ORDER BY e.seq
"""  # noqa: S608 - our own words


def alert_lines(db: sqlite3.Connection, *, since: datetime, until: datetime) -> list[Line]:
    """The alerts that were raised from ``since`` until just before ``until`` (UTC-aware) and stand by themselves."""
    values = {"since": to_ms(since), "until": to_ms(until)}
    return [_line(db, *row) for row in db.execute(_ALERTS, values).fetchall()]


def _line(
    db: sqlite3.Connection,
    number: int,
    raised: int,
    closed: int | None,
    outcome: str | None,
    notified: int | None,
    answered: int | None,
    attended: int | None,
    again: int,
    broken: int,
) -> Line:
    began = raised
    if again:
        longest, waiting = 0, True
        for at, begins in db.execute(_WAITS, (number,)):
            if begins:
                began, waiting = at, True
            elif waiting:
                longest, waiting = max(longest, at - began), False
        answered = None if waiting else raised + longest
    return Line(raised, closed, outcome, notified, answered, attended, began, broken)
