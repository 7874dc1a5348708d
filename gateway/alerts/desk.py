"""The desk: everything that happens to an alert goes through here, in the caller's transaction.

The gateway raises, repeats, clears and escalates; a person answers; only a person closes. Nothing about an alert
lives in memory: a command line tool in another process may change it at any time.
"""

from datetime import timedelta

from msgspec.structs import replace

from gateway.alerts import rows
from gateway.alerts.escalation import (
    DEFAULT_TIMES,
    begin,
    begin_anew,
    escalate_due,
    go_on,
    is_failsafe,
    next_due,
    wait_of,
)
from gateway.alerts.model import (
    URGENCY,
    Acknowledge,
    Alert,
    Answer,
    Arrive,
    Close,
    Decline,
    Incident,
    Outcome,
    Purpose,
    Raising,
    Reopen,
    Times,
    Told,
    incident_key,
    outcomes_for,
)
from gateway.alerts.outbox import asked_carers, owe
from gateway.alerts.table import AlertEvent, AlertState
from gateway.centre.index import CentreIndex
from gateway.errors import AlreadyTakenError, BadAnswerError, IllegalStepError, NotAllowedError
from gateway.store.writer import Tx
from rules.model import Reason

__all__ = ["DEFAULT_TIMES", "answer", "clear_incident", "escalate_due", "next_due", "raise_incident"]

SAME_PROMISE = timedelta(minutes=1)
"""A second acknowledgement that names a time this close to the first one is a second tap, not a new promise."""

LONGEST_NOTE = 2000
"""Characters; a note is a remark, the care record is elsewhere."""

_TAKEN = frozenset({AlertState.ACKNOWLEDGED, AlertState.ATTENDED})


def raise_incident(tx: Tx, index: CentreIndex, incident: Incident, *, times: Times = DEFAULT_TIMES) -> Told:
    """Hand in an incident: a new alert, or a repeat of the one that is not closed yet.

    A new alert is told to the first step at once, in this transaction. A repeat counts; it is told again (REPEAT)
    unless carers were told less than ``times.quiet_repeat_s`` ago. A higher priority is always told. A repeat of a
    cleared alert re-opens it.
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
    alert = rows.move(tx, alert, AlertEvent.CLEAR, detail={"reason": reason})
    alert = replace(alert, cleared_at=alert.cleared_at or tx.now)
    if alert.state is AlertState.CLEARED and not known:
        alert = replace(alert, escalate_at=tx.now + wait_of(index.policy_of(alert.resident), alert, times))
    if not known:
        to = [alert.taken_by] if alert.taken_by else asked_carers(tx.db, alert.id)
        _inform(tx, index, alert, to, Purpose.CLEARED)
    return rows.save(tx, alert)


def answer(
    tx: Tx, index: CentreIndex, alert: int, answer: Answer, who: str, via: str, *, times: Times = DEFAULT_TIMES
) -> Alert:
    """A person's answer. The caller has made sure that ``who`` is who they say and may do it.

    The same answer again from the same person (a second tap, a resent form) gives the same result and no second event.

    Args:
        tx: the transaction.
        index: the centre.
        alert: the alert's number.
        answer: Acknowledge, Decline, Arrive, Close or Reopen.
        who: carer id, or ``cli:<user>``.
        via: ``link``, ``page``, ``cli`` ...
        times: how long to wait for what.

    Raises:
        UnknownAlertError: no alert of that number.
        AlreadyTakenError: another carer is going or there; says who and since when.
        IllegalStepError: the alert's state does not allow it.
        BadAnswerError: minutes, outcome or note can't be used.
        NotAllowedError: nobody is named.
    """
    if not who:
        raise NotAllowedError("An answer needs a person: sign in, or name who it is.")
    row = rows.find(tx.db, alert)
    match answer:
        case Acknowledge():
            return _acknowledge(tx, index, row, answer, who, via, times)
        case Decline():
            return _decline(tx, index, row, who, via, times)
        case Arrive():
            return _arrive(tx, index, row, who, via, times)
        case Close():
            return _close(tx, row, answer, who, via)
        case Reopen():
            return _reopen(tx, index, row, answer, who, via, times)


def _repeat(tx: Tx, index: CentreIndex, alert: Alert, incident: Incident, times: Times) -> Told:
    alert = replace(alert, repeats=alert.repeats + 1, last_repeat_at=tx.now)
    more_urgent = URGENCY[incident.priority] > URGENCY[alert.priority]
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
        _tell_again(tx, index, alert, times, everyone=True)
        return Told(alert.id, Raising.PRIORITY_RAISED)
    if alert.told_at is not None and timedelta(0) <= tx.now - alert.told_at < timedelta(seconds=times.quiet_repeat_s):
        rows.save(tx, alert)
        return Told(alert.id, Raising.REPEAT)
    alert = rows.move(tx, alert, AlertEvent.REPEAT, detail=_story(alert, incident))
    _tell_again(tx, index, alert, times, everyone=alert.state is not AlertState.ACKNOWLEDGED)
    return Told(alert.id, Raising.REPEAT)


def _tell_again(tx: Tx, index: CentreIndex, alert: Alert, times: Times, *, everyone: bool) -> None:
    """Tell a repeat: to the carer on the way only, or to everyone who was asked."""
    to = asked_carers(tx.db, alert.id) if everyone else []
    _inform(tx, index, alert, [*to, *([alert.taken_by] if alert.taken_by else [])], Purpose.REPEAT)
    alert = replace(alert, told_at=tx.now)
    if alert.state is not AlertState.ACKNOWLEDGED and alert.escalate_at is not None:
        # Open: a higher priority may have a shorter wait. Attended: whoever was there may have left again.
        soon = tx.now + wait_of(index.policy_of(alert.resident), alert, times)
        alert = replace(alert, escalate_at=min(alert.escalate_at, soon))
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


def _acknowledge(
    tx: Tx, index: CentreIndex, alert: Alert, answer: Acknowledge, who: str, via: str, times: Times
) -> Alert:
    minutes = times.eta_minutes if answer.eta_minutes is None else answer.eta_minutes
    if not 1 <= minutes <= times.longest_eta_minutes:
        raise BadAnswerError(f"minutes: {minutes}: expected 1 to {times.longest_eta_minutes}.")
    eta = tx.now + timedelta(minutes=minutes)
    if alert.state in _TAKEN:
        _only_taker(alert, who)
        same = answer.eta_minutes is None or (alert.eta_at is not None and abs(eta - alert.eta_at) < SAME_PROMISE)
        if same or alert.state is AlertState.ATTENDED:
            return alert
    first = alert.taken_by is None
    alert = rows.move(
        tx, alert, AlertEvent.ACKNOWLEDGE, who=who, via=via, detail={**_turn(alert), "eta_minutes": minutes}
    )
    alert = replace(alert, taken_by=who, taken_at=alert.taken_at or tx.now, eta_at=eta, escalate_at=eta)
    if first:
        _inform(tx, index, alert, asked_carers(tx.db, alert.id), Purpose.TAKEN, but=who)
    return rows.save(tx, alert)


def _decline(tx: Tx, index: CentreIndex, alert: Alert, who: str, via: str, times: Times) -> Alert:
    if alert.state in _TAKEN:
        _only_taker(alert, who)
        alert = rows.move(tx, alert, AlertEvent.DECLINE, who=who, via=via, detail=_turn(alert))
        alert = replace(alert, taken_by=None, taken_at=None, eta_at=None, attended_at=None)
        return rows.save(tx, go_on(tx, index, alert, times=times))
    if rows.has_done(tx.db, alert, AlertEvent.DECLINE, who):
        return alert
    policy = index.policy_of(alert.resident)
    alert = rows.move(tx, alert, AlertEvent.DECLINE, who=who, via=via, detail=_turn(alert))
    # After the failsafe there is nobody new to ask at once: the next round comes at its deadline.
    if not is_failsafe(policy, alert.step) and who in policy.steps[alert.step].to:
        alert = go_on(tx, index, alert, times=times)
    return rows.save(tx, alert)


def _arrive(tx: Tx, index: CentreIndex, alert: Alert, who: str, via: str, times: Times) -> Alert:
    if alert.state is AlertState.ATTENDED:
        if alert.taken_by == who or rows.has_done(tx.db, alert, AlertEvent.ARRIVE, who):
            return alert
        return rows.save(tx, rows.move(tx, alert, AlertEvent.ARRIVE, who=who, via=via, detail=_turn(alert)))
    news = alert.taken_by != who
    alert = rows.move(tx, alert, AlertEvent.ARRIVE, who=who, via=via, detail=_turn(alert))
    alert = replace(
        alert,
        taken_by=who,
        taken_at=tx.now if news else alert.taken_at,
        attended_at=tx.now,
        escalate_at=tx.now + timedelta(seconds=times.unclosed_s),
    )
    if news:
        _inform(tx, index, alert, asked_carers(tx.db, alert.id), Purpose.TAKEN, but=who)
    return rows.save(tx, alert)


def _close(tx: Tx, alert: Alert, answer: Close, who: str, via: str) -> Alert:
    note = answer.note.strip()
    allowed = outcomes_for(alert.rule)
    if answer.outcome not in allowed:
        raise BadAnswerError(f"outcome: {answer.outcome}: expected one of {', '.join(allowed)} for {alert.rule}.")
    if answer.outcome is Outcome.OTHER and not note:
        raise BadAnswerError("note: empty: expected a few words on what it was, because the outcome is other.")
    if len(note) > LONGEST_NOTE:
        raise BadAnswerError(f"note: {len(note)} characters: expected at most {LONGEST_NOTE}.")
    if alert.state is AlertState.CLOSED:
        if (alert.closed_by, alert.outcome) == (who, answer.outcome):
            return alert
        raise IllegalStepError(
            f"The alert was already closed by {alert.closed_by} as {alert.outcome}. Re-open it to change that."
        )
    alert = rows.move(tx, alert, AlertEvent.CLOSE, who=who, via=via, detail={"outcome": answer.outcome, "note": note})
    return rows.save(
        tx,
        replace(alert, closed_at=tx.now, closed_by=who, outcome=answer.outcome, note=note or None, escalate_at=None),
    )


def _reopen(tx: Tx, index: CentreIndex, alert: Alert, answer: Reopen, who: str, via: str, times: Times) -> Alert:
    note = answer.note.strip()
    if len(note) > LONGEST_NOTE:
        raise BadAnswerError(f"note: {len(note)} characters: expected at most {LONGEST_NOTE}.")
    other = rows.find_open(tx.db, alert.incident)
    if alert.state is AlertState.CLOSED and other is not None:
        raise IllegalStepError(f"Alert {other.id} of the same incident is open already: answer that one.")
    alert = rows.move(tx, alert, AlertEvent.REOPEN, who=who, via=via, detail={"note": note, "was": alert.outcome})
    alert = replace(
        alert,
        closed_at=None, closed_by=None, outcome=None, note=None,
        taken_by=None, taken_at=None, eta_at=None, attended_at=None, cleared_at=None,
    )  # fmt: skip
    return rows.save(tx, begin_anew(tx, index, alert, times=times, purpose=Purpose.REPEAT))


def _only_taker(alert: Alert, who: str) -> None:
    if alert.taken_by is not None and alert.taken_by != who:
        raise AlreadyTakenError(alert.taken_by, alert.taken_at or alert.raised_at)


def _turn(alert: Alert) -> dict[str, object]:
    return {"run": alert.run, "round": alert.round, "step": alert.step}


def _inform(
    tx: Tx, index: CentreIndex, alert: Alert, to: list[str], purpose: Purpose, *, but: str | None = None
) -> None:
    for carer in dict.fromkeys(to):
        if carer != but:
            owe(tx, index, alert, carer, max(alert.step, 0), purpose, mark=alert.version)
