"""Asking for somebody: another carer by name, or more people at once."""

from datetime import timedelta

from msgspec.structs import replace

from gateway.alerts import rows
from gateway.alerts.escalation import DEFAULT_TIMES, go_on, wait_of
from gateway.alerts.model import INVOLVED, Alert, HandOver, Purpose, Times
from gateway.alerts.outbox import inform, owe, told_carers, told_in_step
from gateway.alerts.policies import recorded
from gateway.alerts.table import AlertEvent, AlertState
from gateway.centre.index import CentreIndex
from gateway.errors import AlreadyTakenError, BadAnswerError
from gateway.problems import did_you_mean
from gateway.store.writer import Tx

LONGEST_NOTE = 500
"""Characters; whoever is asked reads them on a telephone."""

_TAKEN = frozenset({AlertState.ACKNOWLEDGED, AlertState.ATTENDED})
_WAITING = frozenset({AlertState.OPEN, AlertState.CLEARED})


def hand_over(
    tx: Tx, index: CentreIndex, alert: Alert, answer: HandOver, who: str, via: str, *, times: Times = DEFAULT_TIMES
) -> Alert:
    """Ask a named carer to take it. They have ``times.hand_over_s`` at most; then the next step is told.

    Raises:
        AlreadyTakenError: another carer is going or there; only that one can hand it over.
        BadAnswerError: the centre has no such carer, no way to tell them, or they are a relative of somebody else.
        IllegalStepError: the alert is closed.
    """
    person = index.carers.get(answer.to)
    if person is None or not person.contacts:
        hint = did_you_mean(answer.to, index.carers)
        raise BadAnswerError(f"to: {answer.to!r}: expected a carer of the centre who can be told{hint}.")
    if person.role == "relative" and not _family(index, alert.resident, person.id):
        # whoever gets an alert reads whose it is, and may close it
        raise BadAnswerError(f"to: {answer.to!r}: expected staff, or a relative of the person whom the alert is about.")
    if answer.to == who:
        raise BadAnswerError(f"to: {answer.to!r}: expected somebody else; say that you are going instead.")
    note = answer.note.strip()
    if len(note) > LONGEST_NOTE:
        raise BadAnswerError(f"note: {len(note)} characters: expected at most {LONGEST_NOTE}.")
    others: list[str] = []
    if alert.state in _TAKEN:
        only_taker(alert, who)
        others = told_carers(tx.db, alert.id, INVOLVED)
    elif _just_handed(tx, alert, answer.to, who):
        return alert
    detail = {**turn_of(alert), "to": answer.to, "note": note}
    alert = rows.move(tx, alert, AlertEvent.HAND_OVER, who=who, via=via, detail=detail)
    alert = replace(alert, taken_by=None, taken_at=None, eta_at=None, attended_at=None)
    # The mark makes it a message of its own: the same carer may have been asked in this step before.
    owe(tx, index, alert, answer.to, max(alert.step, 0), Purpose.ALERT, mark=alert.version, any_hour=True)
    # The others were told that somebody is going: that is not so any more.
    inform(tx, index, alert, [carer for carer in others if carer != answer.to], Purpose.REMINDER, but=who)
    wait = min(wait_of(recorded(index, alert), alert, times), timedelta(seconds=times.hand_over_s))
    return rows.save(tx, replace(alert, told_at=tx.now, escalate_at=tx.now + wait))


def not_reached(
    tx: Tx, index: CentreIndex, number: int, carer: str, turn: str, *, times: Times = DEFAULT_TIMES
) -> bool:
    """Whoever was asked by name could not be told by any contact: the next step is told at once, and so are whoever
    handed it over and the others who were asked before.

    Args:
        tx: the transaction.
        index: the centre.
        number: the alert's number.
        carer: who was asked.
        turn: ``run.round.step`` of that message.
        times: how long to wait for what.

    Returns:
        False, and nothing was changed, when the alert does not wait for that carer any more.
    """
    alert = rows.find(tx.db, number)
    last = rows.last_of(tx.db, alert, AlertEvent.HAND_OVER)
    here = f"{alert.run}.{alert.round}.{alert.step}" == turn
    if alert.state not in _WAITING or not here or last is None or last.detail.get("to") != carer:
        return False
    asked = told_carers(tx.db, alert.id, INVOLVED)
    alert = rows.move(
        tx, alert, AlertEvent.ESCALATE, detail={"after_step": alert.step, "round": alert.round, "not_reached": carer}
    )
    alert = go_on(tx, index, alert, times=times, called=True)
    news = dict.fromkeys([*([last.who] if last.who else []), *asked])
    told = told_in_step(tx.db, alert)
    to = [one for one in news if one not in told and one != carer]
    inform(tx, index, alert, to, Purpose.REMINDER, any_hour=True)
    rows.save(tx, alert)
    return True


def more_help(tx: Tx, index: CentreIndex, alert: Alert, who: str, via: str, *, times: Times = DEFAULT_TIMES) -> Alert:
    """Tell the next step at once. A carer who is going, or there, stays so, and so does their time.

    Raises:
        IllegalStepError: the alert is closed.
    """
    if _asked_just_now(tx, alert, who, times):
        return alert
    promised = alert.escalate_at if alert.state in _TAKEN else None
    alert = rows.move(tx, alert, AlertEvent.MORE_HELP, who=who, via=via, detail=turn_of(alert))
    alert = go_on(tx, index, alert, times=times, called=True)
    if promised is not None:
        # What is told now is told besides: it must not put off the moment when a promise runs out.
        alert = replace(alert, escalate_at=promised)
    return rows.save(tx, alert)


def only_taker(alert: Alert, who: str) -> None:
    """Nobody but the carer who took it may go on.

    Raises:
        AlreadyTakenError: somebody else did.
    """
    if alert.taken_by is not None and alert.taken_by != who:
        raise AlreadyTakenError(alert.taken_by, alert.taken_at or alert.raised_at)


def _family(index: CentreIndex, resident: str | None, carer: str) -> bool:
    about = index.person(resident)
    return about is not None and carer in about.relatives


def turn_of(alert: Alert) -> dict[str, object]:
    """Where the escalation stands, for the history."""
    return {"run": alert.run, "round": alert.round, "step": alert.step}


def _just_handed(tx: Tx, alert: Alert, to: str, who: str) -> bool:
    """Whether this very hand-over was the last thing that happened: a second tap."""
    last = tx.db.execute("SELECT * FROM alert_events WHERE alert = ? ORDER BY seq DESC LIMIT 1", (alert.id,)).fetchone()
    line = rows.line_of(last)
    return (line.event, line.who, line.detail.get("to")) == (AlertEvent.HAND_OVER.value, who, to)


def _asked_just_now(tx: Tx, alert: Alert, who: str, times: Times) -> bool:
    last = rows.last_done(tx.db, alert, AlertEvent.MORE_HELP, who)
    return last is not None and timedelta(0) <= tx.now - last < timedelta(seconds=times.more_help_again_s)
