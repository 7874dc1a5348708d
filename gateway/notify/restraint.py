"""When not to disturb: quiet hours for low and medium, storms of low ones bundled. High is never held back.

Nothing here loses a message: what is held stays owed, with a time at which it goes out.
"""

import sqlite3
from datetime import datetime, timedelta

from gateway.alerts.model import ASKING, Purpose
from gateway.alerts.outbox import AT_ANY_HOUR
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer
from gateway.clock import from_ms, to_ms
from gateway.notify import outbox
from gateway.notify.message import AlertRow
from gateway.notify.outbox import Result, Row
from gateway.notify.states import Event

LOW_AT_ONCE = 3
"""So many low ones to one contact within LOW_WINDOW go out one by one; the rest is told in one message."""

LOW_WINDOW = timedelta(minutes=10)

_HIGH = "high"
_LOW = "low"


def hold(db: sqlite3.Connection, row: Row, alert: AlertRow, index: CentreIndex, now: datetime) -> Result | None:
    """Why a notification is not sent now, and until when; None: send it.

    Only first attempts are held: what was tried once goes on. Never held is what tells a supervisor that others could
    not be told, what a person calls another one for (hand-over, more help), the failsafe step of a medium alert, and
    whatever goes to the carer who is on the way or there.
    """
    if alert.priority == _HIGH or row.attempts or row.purpose is Purpose.UNDELIVERABLE:
        return None
    if row.carer == alert.taken_by or outbox.first_key(row.key, row.contact).endswith(AT_ANY_HOUR):
        return None
    if _is_overtaken(db, row, now):
        return Result(Event.OVERTAKEN, detail="a newer message about the alert waits too")
    carer = index.carers.get(row.carer)
    quiet_until = quiet_end(carer, now.astimezone(index.timezone)) if carer else None
    if quiet_until is not None:
        return Result(Event.HELD, detail="quiet hours", retry_at=to_ms(quiet_until))
    if alert.priority == _LOW:
        free_at = _storm_ends(db, row, now)
        if free_at is not None:
            return Result(Event.HELD, detail="told together with others", retry_at=to_ms(free_at))
    return None


def quiet_end(carer: Carer, local: datetime) -> datetime | None:
    """When the carer's quiet hours that are now end (in the zone of ``local``); None: they are not quiet now.

    On the nights when the clocks change, the end is the wall clock's: 07:00 is 07:00.
    """
    quiet = carer.quiet
    if quiet is None:
        return None
    time = local.time().replace(tzinfo=None)
    start, end = quiet.start, quiet.end
    inside = start <= time < end if start < end else time >= start or time < end
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if start >= end and time >= start else 0)
    return datetime.combine(day, end, tzinfo=local.tzinfo)


def bundle(db: sqlite3.Connection, row: Row, alert: AlertRow, now: datetime) -> tuple[int, ...]:
    """Other low ones that wait for the same contact and are due: they are told in the same message."""
    if alert.priority != _LOW or row.purpose not in ASKING:
        return ()
    found = db.execute(
        "SELECT n.id FROM notifications n JOIN alerts a ON a.id = n.alert WHERE n.carer = ? AND n.channel = ? "
        "AND n.address = ? AND n.id != ? AND n.state = 'pending' AND n.attempts = 0 AND n.due_at <= ? "
        "AND n.purpose IN ('alert', 'reminder', 'repeat') AND a.priority = 'low' AND a.state != 'closed' "
        "AND n.detail IS NOT NULL ORDER BY n.id",
        (row.carer, row.channel, row.address, row.id, to_ms(now)),
    )
    return tuple(int(one[0]) for one in found)


def _storm_ends(db: sqlite3.Connection, row: Row, now: datetime) -> datetime | None:
    """When the next low one may go to this contact; None: now."""
    since = to_ms(now - LOW_WINDOW)
    sent = db.execute(
        "SELECT n.settled_at FROM notifications n JOIN alerts a ON a.id = n.alert WHERE n.carer = ? AND n.channel = ? "
        "AND n.address = ? AND n.created_at > ? AND n.settled_at > ? AND n.settled_at <= ? "
        "AND n.state IN ('sent', 'delivered', 'read') AND a.priority = 'low' ORDER BY n.settled_at",
        (row.carer, row.channel, row.address, since - _ms_of(LOW_WINDOW), since, to_ms(now)),
    ).fetchall()
    if len(sent) < LOW_AT_ONCE:
        return None
    return from_ms(int(sent[-LOW_AT_ONCE][0])) + LOW_WINDOW


def _ms_of(span: timedelta) -> int:
    """A span in milliseconds."""
    return span // timedelta(milliseconds=1)


def _is_overtaken(db: sqlite3.Connection, row: Row, now: datetime) -> bool:
    """Whether this one was held, and a newer one of the same alert waits for the same contact."""
    if row.purpose not in ASKING:
        return False
    newer = db.execute(
        "SELECT 1 FROM notifications WHERE alert = ? AND carer = ? AND contact = ? AND id > ? AND state = 'pending' "
        "AND due_at <= ? AND purpose IN ('alert', 'reminder', 'repeat') LIMIT 1",
        (row.alert, row.carer, row.contact, row.id, to_ms(now)),
    ).fetchone()
    return newer is not None
