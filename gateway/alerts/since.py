"""An answer that comes late, against what has happened since it was given.

A tapped answer waits on a phone without a connection, and a page may stand open for hours. "I am there" of the morning
is no answer to a button that was pressed again at noon, and "It was nothing" must not close what nobody has looked at.

- "I am there", "more help", "close" and a hand-over do not count when it happened again, became more urgent or was
  opened again after the picture that they were made from (its version), or after the moment at which they were tapped.
- "I am there" is about now: after LATEST nobody knows whether they still are.
- "Close" tells what was found, and stays true. But after LATEST it does not count when somebody else has gone since.

"I am going" has its own time: "in five minutes" of four minutes ago is in one, and of six minutes ago is no promise
any more. "I can't" harms nobody.
"""

import sqlite3
from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from gateway.alerts import rows
from gateway.alerts.escalation import DEFAULT_TIMES
from gateway.alerts.model import Acknowledge, Alert, Answer, Arrive, Close, HandOver, MoreHelp
from gateway.alerts.table import NEWS, AlertEvent, AlertState
from gateway.clock import to_ms
from gateway.errors import HappenedSinceError, PromiseOverError, TooLateError
from gateway.store.writer import Tx

LATEST = timedelta(minutes=15)
"""Older than this, "I am there" says nothing about now. A walk through the house and a lift take less."""

_OTHERS = (AlertEvent.ACKNOWLEDGE, AlertEvent.ARRIVE)


class Given(msgspec.Struct, frozen=True):
    """When an answer was given, as far as it is known."""

    version: int | None = None
    """The alert's version in the picture that it was made from; None: there was none (a message, a telephone)."""
    age: timedelta = timedelta(0)
    """How long ago it was tapped."""
    named_then: bool = False
    """The minutes of a promise are as they were named then; False: whoever hands it in has made them fewer already."""


NOW = Given()
"""Just now, by somebody who sees how things stand."""


def check(tx: Tx, alert: Alert, answer: Answer, who: str, given: Given) -> Answer:
    """Whether the answer still is one; returns what of it counts now.

    Raises:
        HappenedSinceError: something happened that it does not know of; nothing was changed.
        TooLateError: it is about a moment that is over; nothing was changed.
    """
    if isinstance(answer, Acknowledge) and given.named_then and alert.state is not AlertState.CLOSED:
        return _left(answer, given.age)
    if alert.state is AlertState.CLOSED or not isinstance(answer, Arrive | Close | HandOver | MoreHelp):
        return answer
    tapped = tx.now - given.age if given.age > timedelta(0) else None
    if _news(tx.db, alert, given.version, tapped) or (isinstance(answer, Close) and _came_below(tx.db, alert, tapped)):
        raise HappenedSinceError("It happened again, or became more urgent, after that was answered: look at it again.")
    if tapped is None or given.age <= LATEST:
        return answer
    if isinstance(answer, Arrive):
        raise TooLateError(f"It was answered {given.age} ago; expected at most {LATEST}.")
    if isinstance(answer, Close) and _after(tx.db, alert, _OTHERS, tapped, but=who):
        raise HappenedSinceError("Somebody else has gone since that was answered: look at it again.")
    return answer


def _left(answer: Acknowledge, age: timedelta) -> Acknowledge:
    """What is left of a promise, in whole minutes, rounded up.

    Raises:
        PromiseOverError: nothing is.
    """
    if age < timedelta(minutes=1):
        return answer
    promised = DEFAULT_TIMES.eta_minutes if answer.eta_minutes is None else answer.eta_minutes
    left = -((age - timedelta(minutes=promised)) // timedelta(minutes=1))
    if left < 1 <= promised:
        raise PromiseOverError(f"eta_minutes: {promised}: answered {age} ago, so the time is over; answer again.")
    return Acknowledge(left)


def _news(db: sqlite3.Connection, alert: Alert, version: int | None, tapped: datetime | None) -> bool:
    if version is not None:
        found = db.execute(
            f"SELECT 1 FROM alert_events WHERE alert = ? AND event IN ({_marks(NEWS)}) AND detail ->> 'version' > ?",  # noqa: S608
            (alert.id, *NEWS, version),
        )
        if found.fetchone() is not None:
            return True
    return tapped is not None and _news_after(db, alert, tapped)


def _came_below(db: sqlite3.Connection, alert: Alert, tapped: datetime | None) -> bool:
    """Whether something waits under it, and would be closed with it, that nobody could know of then."""
    if tapped is None:
        return False
    return any(one.raised_at > tapped or _news_after(db, one, tapped) for one in rows.all_under(db, alert.id))


def _news_after(db: sqlite3.Connection, alert: Alert, at: datetime) -> bool:
    # a press shortly after another one is counted, and is no line of the history
    counted = alert.last_repeat_at is not None and alert.last_repeat_at > at
    return counted or _after(db, alert, NEWS, at)


def _after(
    db: sqlite3.Connection, alert: Alert, events: Collection[AlertEvent], at: datetime, *, but: str = ""
) -> bool:
    found = db.execute(
        f"SELECT 1 FROM alert_events WHERE alert = ? AND event IN ({_marks(events)}) AND at > ? AND who IS NOT ?",  # noqa: S608
        (alert.id, *events, to_ms(at), but),
    )
    return found.fetchone() is not None


def _marks(values: Collection[AlertEvent]) -> str:
    return ", ".join("?" * len(values))
