"""Two rules tell of one event: the weaker one's alert waits under the stronger one's, and is closed with it.

It keeps its state, its history and its place on the board, under the other. Its deadlines are put off while the other
alert is open; should that one go away without a person (taken back by the wearer), it asks for itself again.
"""

from msgspec.structs import replace

from gateway.alerts import rows
from gateway.alerts.escalation import DEFAULT_TIMES, begin_anew
from gateway.alerts.model import Alert, Incident, Purpose, Times, incident_key
from gateway.alerts.table import AlertEvent, AlertState
from gateway.centre.index import CentreIndex
from gateway.store.writer import Tx
from rules.model import Reason


def supersede(
    tx: Tx, *, resident: str | None, rule_key: str, subject: str, by_key: str, by_subject: str = "", reason: Reason
) -> Alert | None:
    """Put the open alert of an incident under the open alert of rule ``by_key``.

    Returns:
        The alert that waits now; None when either of the two is not open, and nothing was changed.
    """
    alert = rows.find_open(tx.db, incident_key(resident, rule_key, subject))
    stronger = rows.find_open(tx.db, incident_key(resident, by_key, by_subject))
    if alert is None or stronger is None or stronger.id in {alert.under, alert.id}:
        return None
    if any(below.id == stronger.id for below in rows.all_under(tx.db, alert.id)):
        return None  # in a circle nobody would be asked
    alert = rows.move(tx, alert, AlertEvent.GO_UNDER, detail={"under": stronger.id, "reason": reason})
    return rows.save(tx, replace(alert, under=stronger.id))


def follow_up(tx: Tx, incident: Incident, *, by_key: str, by_subject: str = "") -> Alert | None:
    """Note on the open alert of rule ``by_key`` what a weaker rule says of the same event; nobody is rung up.

    Returns:
        The alert that it is noted on; None when there is none open: then the incident must be raised by itself.
    """
    stronger = rows.find_open(tx.db, incident_key(incident.resident, by_key, by_subject))
    if stronger is None:
        return None
    moved = rows.move(tx, stronger, AlertEvent.FOLLOW_UP, detail={"rule": incident.rule, **rows.story_of(incident)})
    marks = moved.marks if incident.reason in moved.marks else (*moved.marks, incident.reason)
    return rows.save(tx, replace(moved, marks=marks))


def stands_for(tx: Tx, alert: Alert) -> Alert | None:
    """The open alert that this one waits under; None: it stands by itself."""
    if alert.under is None:
        return None
    stronger = rows.find(tx.db, alert.under)
    return None if stronger.state is AlertState.CLOSED else stronger


def apart(tx: Tx, alert: Alert) -> Alert:
    """Note that nothing stands for it any more; the caller saves it, and tells people."""
    alert = rows.move(tx, alert, AlertEvent.STAND_ALONE, detail={"was_under": alert.under})
    return replace(alert, under=None)


def stand_alone(tx: Tx, index: CentreIndex, alert: Alert, *, times: Times = DEFAULT_TIMES) -> Alert:
    """Nothing stands for it any more: it asks for an answer by itself, from the first step."""
    alert = apart(tx, alert)
    if alert.state in {AlertState.ACKNOWLEDGED, AlertState.ATTENDED}:
        return rows.save(tx, alert)
    return rows.save(tx, begin_anew(tx, index, alert, times=times, purpose=Purpose.REPEAT))
