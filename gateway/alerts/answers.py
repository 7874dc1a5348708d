"""A person's answers: I am going, I can't, I am there, it was this; and: that was closed by mistake."""

from datetime import timedelta

from msgspec.structs import replace

from gateway.alerts import permits, rows
from gateway.alerts.asking import hand_over, more_help, only_taker, turn_of
from gateway.alerts.escalation import DEFAULT_TIMES, begin_anew, go_on, is_failsafe
from gateway.alerts.model import (
    FALL_QUESTIONS,
    INVOLVED,
    Acknowledge,
    Alert,
    Answer,
    Arrive,
    Close,
    Decline,
    FallFindings,
    HandOver,
    MoreHelp,
    Outcome,
    Purpose,
    Reopen,
    Times,
    outcomes_for,
)
from gateway.alerts.outbox import inform, told_carers, told_in_step
from gateway.alerts.policies import recorded
from gateway.alerts.table import AlertEvent, AlertState
from gateway.centre.index import CentreIndex
from gateway.errors import BadAnswerError, IllegalStepError, NotAllowedError
from gateway.store.writer import Tx

SAME_PROMISE = timedelta(minutes=1)
"""A second acknowledgement that names a time this close to the first one is a second tap, not a new promise."""

LONGEST_NOTE = 2000
"""Characters; a note is a remark, the care record is elsewhere."""

_TAKEN = frozenset({AlertState.ACKNOWLEDGED, AlertState.ATTENDED})


def answer(  # noqa: PLR0911 - one for each answer
    tx: Tx, index: CentreIndex, alert: int, answer: Answer, who: str, via: str, *, times: Times = DEFAULT_TIMES
) -> Alert:
    """A person's answer. The caller has made sure that ``who`` is who they say and may do it.

    The same answer again from the same person (a second tap, a resent form) gives the same result and no second event.

    Args:
        tx: the transaction.
        index: the centre.
        alert: the alert's number.
        answer: Acknowledge, Decline, Arrive, Close, Reopen, HandOver or MoreHelp.
        who: carer id, or ``cli:<user>``.
        via: ``link``, ``page``, ``cli`` ...
        times: how long to wait for what.

    Raises:
        UnknownAlertError: no alert of that number.
        AlreadyTakenError: another carer is going or there; says who and since when.
        IllegalStepError: the alert's state does not allow it.
        BadAnswerError: minutes, outcome or note can't be used.
        NotAllowedError: nobody is named, or they may not answer so (gateway.alerts.permits).
    """
    if not who:
        raise NotAllowedError("An answer needs a person: sign in, or name who it is.")
    row = rows.find(tx.db, alert)
    permits.check(tx.db, index, row, answer, who)
    match answer:
        case Acknowledge():
            return _acknowledge(tx, index, row, answer, who, via, times)
        case Decline():
            return _decline(tx, index, row, who, via, times)
        case Arrive():
            return _arrive(tx, index, row, who, via, times)
        case Close():
            return _close(tx, index, row, answer, who, via)
        case Reopen():
            return _reopen(tx, index, row, answer, who, via, times)
        case HandOver():
            return hand_over(tx, index, row, answer, who, via, times=times)
        case MoreHelp():
            return more_help(tx, index, row, who, via, times=times)


def _acknowledge(
    tx: Tx, index: CentreIndex, alert: Alert, answer: Acknowledge, who: str, via: str, times: Times
) -> Alert:
    minutes = times.eta_minutes if answer.eta_minutes is None else answer.eta_minutes
    if not 1 <= minutes <= times.longest_eta_minutes:
        raise BadAnswerError(f"minutes: {minutes}: expected 1 to {times.longest_eta_minutes}.")
    eta = tx.now + timedelta(minutes=minutes)
    if alert.state in _TAKEN:
        only_taker(alert, who)
        same = answer.eta_minutes is None or (alert.eta_at is not None and abs(eta - alert.eta_at) < SAME_PROMISE)
        if (same and not _asked_anew(alert)) or alert.state is AlertState.ATTENDED:
            return alert
    first = alert.taken_by is None or _asked_anew(alert)
    alert = rows.move(
        tx, alert, AlertEvent.ACKNOWLEDGE, who=who, via=via, detail={**turn_of(alert), "eta_minutes": minutes}
    )
    alert = replace(alert, taken_by=who, taken_at=alert.taken_at or tx.now, eta_at=eta, escalate_at=eta)
    if first:
        inform(tx, index, alert, told_carers(tx.db, alert.id, INVOLVED), Purpose.TAKEN, but=who)
    return rows.save(tx, alert)


def _asked_anew(alert: Alert) -> bool:
    """Whether the alert became more urgent after somebody took it, so that their promise ends sooner than they said."""
    return alert.eta_at is not None and alert.escalate_at is not None and alert.escalate_at < alert.eta_at


def _decline(tx: Tx, index: CentreIndex, alert: Alert, who: str, via: str, times: Times) -> Alert:
    if alert.state in _TAKEN:
        only_taker(alert, who)
        return _hand_over(tx, index, alert, who, via, times)
    if rows.has_done(tx.db, alert, AlertEvent.DECLINE, who):
        return alert
    alert = rows.move(tx, alert, AlertEvent.DECLINE, who=who, via=via, detail=turn_of(alert))
    if not is_failsafe(recorded(index, alert), alert.step):
        if who in told_in_step(tx.db, alert):
            alert = go_on(tx, index, alert, times=times)
    elif alert.escalate_at is not None and not told_in_step(tx.db, alert) - rows.declined(tx.db, alert):
        # After the failsafe there is nobody new to ask at once, and nobody to wait for: the next round comes soon.
        soon = tx.now + timedelta(seconds=times.round_s(alert.priority))
        alert = replace(alert, escalate_at=min(alert.escalate_at, soon))
    return rows.save(tx, alert)


def _hand_over(tx: Tx, index: CentreIndex, alert: Alert, who: str, via: str, times: Times) -> Alert:
    # From the failsafe it goes on in the next round; the word counts for that one, in which they are not asked again.
    counts_for = replace(alert, round=alert.round + 1) if is_failsafe(recorded(index, alert), alert.step) else alert
    others = told_carers(tx.db, alert.id, INVOLVED)
    alert = rows.move(tx, alert, AlertEvent.DECLINE, who=who, via=via, detail=turn_of(counts_for))
    alert = replace(alert, taken_by=None, taken_at=None, eta_at=None, attended_at=None)
    alert = go_on(tx, index, alert, times=times)
    # The others were told that somebody is going: that is not so any more.
    next_ones = told_in_step(tx.db, alert)
    inform(tx, index, alert, [c for c in others if c not in next_ones], Purpose.REMINDER, but=who)
    return rows.save(tx, alert)


def _comes_back_sooner(alert: Alert, times: Times) -> bool:
    """Whether a repeat made the time shorter after which an alert comes back that somebody is at."""
    if alert.attended_at is None or alert.escalate_at is None:
        return False
    return alert.escalate_at < alert.attended_at + timedelta(seconds=times.unclosed_s)


def _arrive(tx: Tx, index: CentreIndex, alert: Alert, who: str, via: str, times: Times) -> Alert:
    if alert.state is AlertState.ATTENDED:
        until = tx.now + timedelta(seconds=times.unclosed_s)
        if alert.taken_by == who and _comes_back_sooner(alert, times):
            # It happened again since: they say that they are still there.
            alert = rows.move(tx, alert, AlertEvent.ARRIVE, who=who, via=via, detail=turn_of(alert))
            return rows.save(tx, replace(alert, escalate_at=until))
        if alert.taken_by == who or rows.has_done(tx.db, alert, AlertEvent.ARRIVE, who):
            return alert
        return rows.save(tx, rows.move(tx, alert, AlertEvent.ARRIVE, who=who, via=via, detail=turn_of(alert)))
    news = alert.taken_by != who
    alert = rows.move(tx, alert, AlertEvent.ARRIVE, who=who, via=via, detail=turn_of(alert))
    alert = replace(
        alert,
        taken_by=who,
        taken_at=tx.now if news else alert.taken_at,
        attended_at=tx.now,
        escalate_at=tx.now + timedelta(seconds=times.unclosed_s),
    )
    if news:
        inform(tx, index, alert, told_carers(tx.db, alert.id, INVOLVED), Purpose.TAKEN, but=who)
    return rows.save(tx, alert)


def _close(tx: Tx, index: CentreIndex, alert: Alert, answer: Close, who: str, via: str) -> Alert:
    note = answer.note.strip()
    allowed = outcomes_for(alert.rule)
    if answer.outcome not in allowed:
        raise BadAnswerError(f"outcome: {answer.outcome}: expected one of {', '.join(allowed)} for {alert.rule}.")
    if answer.outcome is Outcome.OTHER and not note:
        raise BadAnswerError("note: empty: expected a few words on what it was, because the outcome is other.")
    if len(note) > LONGEST_NOTE:
        raise BadAnswerError(f"note: {len(note)} characters: expected at most {LONGEST_NOTE}.")
    _check_findings(alert, answer.fall)
    if alert.state is AlertState.CLOSED:
        if (alert.closed_by, alert.outcome) == (who, answer.outcome):
            return alert
        raise IllegalStepError(
            f"The alert was already closed by {alert.closed_by} as {alert.outcome}. Re-open it to change that."
        )
    closed = _closed(tx, alert, answer.outcome, note, who, via, findings=answer.fall)
    told = {who}
    _not_needed(tx, index, closed, told)
    for waiting in rows.all_under(tx.db, alert.id):
        # One event, one look: whoever dealt with the fall has dealt with the bed exit. A person closes both.
        outcome = answer.outcome if answer.outcome in outcomes_for(waiting.rule) else Outcome.OTHER
        _not_needed(tx, index, _closed(tx, waiting, outcome, note, who, via, closed_with=alert.id), told)
    return closed


def _not_needed(tx: Tx, index: CentreIndex, closed: Alert, told: set[str]) -> None:
    """Whoever is on the way, or there, hears that another person has closed it; nobody of ``told`` does."""
    if closed.taken_by is not None and closed.taken_by not in told:
        inform(tx, index, closed, [closed.taken_by], Purpose.CLOSED)
        told.add(closed.taken_by)


def _closed(
    tx: Tx,
    alert: Alert,
    outcome: Outcome,
    note: str,
    who: str,
    via: str,
    *,
    findings: FallFindings | None = None,
    closed_with: int | None = None,
) -> Alert:
    detail: dict[str, object] = {"outcome": outcome, "note": note}
    if findings is not None:
        detail["fall"] = findings
    if closed_with is not None:
        detail["with"] = closed_with
    alert = rows.move(tx, alert, AlertEvent.CLOSE, who=who, via=via, detail=detail)
    closed = replace(alert, closed_at=tx.now, closed_by=who, outcome=outcome, note=note or None, findings=findings)
    return rows.save(tx, replace(closed, escalate_at=None))


def _check_findings(alert: Alert, findings: FallFindings | None) -> None:
    if findings is not None and (alert.resident is None or alert.rule not in FALL_QUESTIONS):
        asked = ", ".join(sorted(FALL_QUESTIONS))
        raise BadAnswerError(f"fall: expected none for {alert.rule}: these questions are about {asked} of a resident.")


def _reopen(tx: Tx, index: CentreIndex, alert: Alert, answer: Reopen, who: str, via: str, times: Times) -> Alert:
    note = answer.note.strip()
    if len(note) > LONGEST_NOTE:
        raise BadAnswerError(f"note: {len(note)} characters: expected at most {LONGEST_NOTE}.")
    if alert.state is not AlertState.CLOSED and rows.has_done(tx.db, alert, AlertEvent.REOPEN, who):
        return alert
    other = rows.find_open(tx.db, alert.incident)
    if alert.state is AlertState.CLOSED and other is not None:
        raise IllegalStepError(f"Alert {other.id} of the same incident is open already: answer that one.")
    detail = {"note": note, "was": alert.outcome, "run": alert.run + 1, "round": 0}
    alert = rows.move(tx, alert, AlertEvent.REOPEN, who=who, via=via, detail=detail)
    alert = replace(
        alert,
        closed_at=None, closed_by=None, outcome=None, note=None,
        findings=None, taken_by=None, taken_at=None, eta_at=None, attended_at=None, cleared_at=None, under=None,
    )  # fmt: skip
    return rows.save(tx, begin_anew(tx, index, alert, times=times, purpose=Purpose.REPEAT))
