"""The desk: everything that happens to an alert goes through here, in the caller's transaction.

The gateway raises, repeats, clears and escalates; a person answers; only a person closes. Nothing about an alert
lives in memory: a command line tool in another process may change it at any time.
"""

import sqlite3
from datetime import datetime, timedelta

from msgspec.structs import replace

from gateway.alerts import rows
from gateway.alerts.answers import answer
from gateway.alerts.escalation import (
    DEFAULT_TIMES,
    begin,
    begin_anew,
    escalate_due,
    latest_time,
    next_due,
    set_back,
    wait_of,
)
from gateway.alerts.merging import apart, follow_up, stand_alone, supersede
from gateway.alerts.model import (
    INVOLVED,
    URGENCY,
    Alert,
    Incident,
    Purpose,
    Raising,
    Times,
    Told,
    incident_key,
)
from gateway.alerts.outbox import inform, told_carers, told_in_step
from gateway.alerts.policies import chosen, recorded
from gateway.alerts.table import AlertEvent, AlertState
from gateway.centre.index import CentreIndex
from gateway.store.writer import Tx
from rules.model import Reason

__all__ = [
    "DEFAULT_TIMES",
    "answer",
    "clear_incident",
    "dealt_with",
    "escalate_due",
    "follow_up",
    "latest_time",
    "next_due",
    "raise_incident",
    "set_back",
    "supersede",
]


_TAKEN = frozenset({AlertState.ACKNOWLEDGED, AlertState.ATTENDED})


def raise_incident(tx: Tx, index: CentreIndex, incident: Incident, *, times: Times = DEFAULT_TIMES) -> Told:
    """Hand in an incident: a new alert, or a repeat of the one that is not closed yet.

    A new alert is told to the first step at once, in this transaction. A repeat counts; it is told again (REPEAT)
    unless carers were told less than ``times.quiet_repeat_s``, or its own ``quiet_s``, ago. One as urgent as the alert,
    told or not, is what the alert shows from then on; a less urgent one hides nothing. A higher priority is always
    told. A repeat of a cleared alert re-opens it.
    """
    alert = rows.find_open(tx.db, incident_key(incident.resident, incident.rule_key, incident.subject))
    if alert is None:
        alert = rows.add(tx, incident, index.policy_of(incident.resident).id)
        rows.save(tx, begin(tx, index, alert, times=times))
        return Told(alert.id, Raising.NEW)
    return _repeat(tx, index, alert, incident, times)


def clear_incident(
    tx: Tx,
    index: CentreIndex,
    *,
    resident: str | None,
    rule_key: str,
    subject: str,
    reason: Reason,
    times: Times = DEFAULT_TIMES,
) -> Alert | None:
    """The cause went away by itself. An unanswered alert becomes cleared; a taken one keeps its state.

    Whoever had been asked is told once; the escalation goes on, more slowly, until a person has looked.

    Returns:
        The alert; None when no alert of that incident is open.
    """
    alert = rows.find_open(tx.db, incident_key(resident, rule_key, subject))
    if alert is None:
        return None
    known = alert.cleared_at is not None
    if known and alert.state is not AlertState.OPEN:
        return alert  # it is noted; a start of the gateway, which looks at everything anew, is no news
    alert = rows.move(tx, alert, AlertEvent.CLEAR, detail={"reason": reason})
    alert = replace(alert, cleared_at=alert.cleared_at or tx.now)
    if alert.state is AlertState.CLEARED and not known:
        alert = replace(alert, escalate_at=tx.now + wait_of(recorded(index, alert), alert, times))
    if not known:
        to = [alert.taken_by] if alert.taken_by else told_carers(tx.db, alert.id, INVOLVED)
        inform(tx, index, alert, to, Purpose.CLEARED)
    return rows.save(tx, alert)


def dealt_with(db: sqlite3.Connection, incident: Incident) -> bool:
    """Whether a person has closed what the incident tells of once more: an alert of it that is not open any more, and
    was closed after it happened. "Still on the floor?" must not ring when the carer who helped has just left.
    """
    key = incident_key(incident.resident, incident.rule_key, incident.subject)
    last = rows.newest(db, key)
    return last is not None and last.closed_at is not None and last.closed_at >= incident.happened_at


def _repeat(tx: Tx, index: CentreIndex, alert: Alert, incident: Incident, times: Times) -> Told:
    alert = replace(alert, repeats=alert.repeats + 1, last_repeat_at=tx.now)
    more_urgent = URGENCY[incident.priority] > URGENCY[alert.priority]
    if alert.under is not None and more_urgent and alert.state in _TAKEN:
        alert = apart(tx, alert)  # and then as any other that somebody has taken
    elif alert.under is not None:
        alert = _newest(alert, incident)
        if alert.state is AlertState.CLEARED:
            alert = replace(rows.move(tx, alert, AlertEvent.REPEAT, detail=_story(alert, incident)), cleared_at=None)
        if more_urgent:
            alert = _more_urgent(tx, alert, incident)
        return Told(stand_alone(tx, index, alert, times=times).id, Raising.REOPENED)
    if alert.state is AlertState.CLEARED:
        alert = rows.move(tx, alert, AlertEvent.REPEAT, detail=_story(alert, incident))
        alert = replace(_newest(alert, incident), cleared_at=None)
        if more_urgent:
            alert = _more_urgent(tx, alert, incident)
        rows.save(tx, begin_anew(tx, index, alert, times=times, purpose=Purpose.REPEAT))
        return Told(alert.id, Raising.REOPENED)
    alert = replace(alert, cleared_at=None)
    if more_urgent:
        alert = _newest(_more_urgent(tx, alert, incident), incident)
        if chosen(index, alert, tx.now).name != recorded(index, alert).name:
            _tell_others(tx, index, alert, times)
        else:
            _tell_again(tx, index, alert, times, everyone=True, risen=True)
        return Told(alert.id, Raising.PRIORITY_RAISED)
    # since when somebody waits does not move: it is the first of them
    shown = replace(_newest(alert, incident), happened_at=min(alert.happened_at, incident.happened_at))
    shown = shown if URGENCY[incident.priority] == URGENCY[alert.priority] else alert
    # whoever was there may have left again: then a border that wavers is no reason to be quiet
    wavers_s = 0.0 if alert.state is AlertState.ATTENDED else incident.quiet_s
    quiet = timedelta(seconds=max(times.quiet_repeat_s, wavers_s))
    if alert.told_at is not None and timedelta(0) <= tx.now - alert.told_at < quiet:
        rows.save(tx, shown)
        return Told(alert.id, Raising.REPEAT)
    alert = rows.move(tx, shown, AlertEvent.REPEAT, detail=_story(alert, incident))
    _tell_again(tx, index, alert, times, everyone=alert.state is not AlertState.ACKNOWLEDGED)
    return Told(alert.id, Raising.REPEAT)


def _tell_again(tx: Tx, index: CentreIndex, alert: Alert, times: Times, *, everyone: bool, risen: bool = False) -> None:
    """Tell a repeat: to the carer on the way only, or to everyone who was asked."""
    to = told_carers(tx.db, alert.id, INVOLVED) if everyone else []
    inform(tx, index, alert, [*to, *([alert.taken_by] if alert.taken_by else [])], Purpose.REPEAT)
    alert = replace(alert, told_at=tx.now)
    if risen and alert.state in _TAKEN:
        alert = _shortened(tx, index, alert, alert.escalate_at, times)
    elif alert.state is not AlertState.ACKNOWLEDGED and alert.escalate_at is not None:
        # Open: a higher priority may have a shorter wait. Attended: whoever was there may have left again.
        soon = tx.now + wait_of(recorded(index, alert), alert, times)
        alert = replace(alert, escalate_at=min(alert.escalate_at, soon))
    rows.save(tx, alert)


def _shortened(tx: Tx, index: CentreIndex, alert: Alert, promised: datetime | None, times: Times) -> Alert:
    """What was promised for a lower priority does not count for the higher one: whoever took it says so again soon, or
    everybody is asked. ``promised``: when their time would be over."""
    soon = tx.now + min(wait_of(recorded(index, alert), alert, times), timedelta(seconds=times.risen_s))
    return replace(alert, escalate_at=soon if promised is None else min(promised, soon))


def _tell_others(tx: Tx, index: CentreIndex, alert: Alert, times: Times) -> None:
    """It is so urgent now that other steps count: from their first one, and whoever was asked hears of it too."""
    asked = told_carers(tx.db, alert.id, INVOLVED)
    promised = alert.escalate_at
    alert = begin_anew(tx, index, alert, times=times, purpose=Purpose.REPEAT)
    if alert.taken_by is not None:
        asked.append(alert.taken_by)
        alert = _shortened(tx, index, alert, promised, times)
    told = told_in_step(tx.db, alert)
    inform(tx, index, alert, [carer for carer in asked if carer not in told], Purpose.REPEAT)
    rows.save(tx, alert)


def _more_urgent(tx: Tx, alert: Alert, incident: Incident) -> Alert:
    moved = rows.move(tx, alert, AlertEvent.RAISE_PRIORITY, detail={"from": alert.priority, **_story(alert, incident)})
    return replace(moved, priority=incident.priority)


def _story(alert: Alert, incident: Incident) -> dict[str, object]:
    return {"repeats": alert.repeats, **rows.story_of(incident)}


def _newest(alert: Alert, incident: Incident) -> Alert:
    """Show the newest reason; the earlier ones are in the history."""
    return replace(
        alert,
        reason=incident.reason,
        marks=incident.marks,
        evidence=incident.evidence,
        before=rows.plain(incident.before),
        after=rows.plain(incident.after),
        happened_at=incident.happened_at,
    )
