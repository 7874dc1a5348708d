"""Alerts as people read them, in the reader's language: rows of the board, and the lines of an alert's page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from gateway import words
from gateway.alerts import permits
from gateway.alerts.model import Alert, HistoryLine, Outcome, outcomes_for
from gateway.alerts.queries import Explanation, Notified
from gateway.alerts.shelving import Shelf
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.console import alert_words
from gateway.console.colleagues import Colleagues
from gateway.console.pages import Tongue
from gateway.store.access import SCREEN
from gateway.words import N_
from rules.registry import RULES

_RULE_TITLES = {rule.name: rule.title for rule in RULES}


UNTOLD: Final = N_("▲ No message about it reached anybody. Please go, or tell somebody.")


_NAMELESS: Final = frozenset({"break_glass", "broker_gone", "http_gone"})
"""Alerts whose subject is a number or a word of the program: a line of a table, a lane of messages."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as the board, its page and its link show it."""

    id: int
    key: str
    """Changes with every change of the alert; also the idempotency key of a form that was made from it."""
    room: str
    """Room code; the device for a technical matter of the centre."""
    who: str | None
    title: str
    why: str
    priority: str
    mark: str
    priority_word: str
    age: str
    repeats: int
    repeats_text: str
    state: str
    state_text: str
    mine: bool
    """The reader is the one who is going, or there."""
    steps: tuple[str, ...]
    """What the reader can do now: going, arrive, decline, more_help, close, reopen (on the alert's page only)."""
    asks_fall: bool
    """Whether closing it asks what was found after a fall."""
    outcomes: tuple[tuple[str, str], ...]
    """How it can be closed: value and word."""
    say: str
    """For a screen reader, when it is new."""
    untold: bool = False
    """The newest message about it reached nobody."""
    waits: bool = False
    """Nobody is going: a board with sound rings."""
    eta: str = ""
    """How long until who is going should be there, or how late they are; empty: nobody is on the way."""
    colleagues: Colleagues = Colleagues()
    """Whom the reader can ask to take over; only for the one who is going, or there."""
    below: tuple[str, ...] = ()
    """Titles of the alerts of the same event that wait under it, and are closed with it."""


class Line(msgspec.Struct, frozen=True):
    """Something that happened: its time as people and as machines write it, and a sentence."""

    at: str
    iso: str
    text: str


def row_of(alert: Alert, index: CentreIndex, tongue: Tongue, reader: str) -> Row:
    """An alert for one reader (a carer's id)."""
    resident = index.person(alert.resident)
    room = index.public_name(alert.resident) if alert.resident else (alert.device or _about(alert) or tongue("Centre"))
    title = words.alert_title(alert.rule, alert.reason, tongue.language)
    priority = words.priority_word(alert.priority, tongue.language)
    mine = alert.taken_by == reader
    return Row(
        id=alert.id,
        key=f"{alert.id}-{alert.version}",
        untold=alert.untold,
        room=room,
        who=resident.name if resident else None,
        title=title,
        why=tongue.reason(alert.reason),
        priority=alert.priority.value,
        mark=words.PRIORITY_MARKS[alert.priority],
        priority_word=priority,
        age=tongue.since(alert.raised_at),
        repeats=alert.repeats,
        repeats_text=tongue.many("Happened once more.", "Happened {n} times more.", alert.repeats),
        state=alert.state.value,
        state_text=state_text(alert, index, tongue, reader),
        mine=mine,
        steps=_allowed(_steps(alert.state, mine=mine), alert, index, reader),
        asks_fall=alert.rule == "fall" and alert.resident is not None,
        outcomes=tuple((o.value, outcome_word(o, tongue)) for o in outcomes_for(alert.rule)),
        say=tongue("New alert: {priority}. Room {room}. {title}.", priority=priority, room=room, title=title),
        waits=alert.state in {AlertState.OPEN, AlertState.CLEARED},
        eta=eta_text(alert, tongue),
    )


def _about(alert: Alert) -> str:
    """What an alert without resident and device is about, where that says something to people."""
    return "" if alert.rule in _NAMELESS else alert.subject


def rows_of(alerts: Sequence[Alert], index: CentreIndex, tongue: Tongue, reader: str) -> list[Row]:
    """The alerts as rows; one that waits under another of them is named in that one's row."""
    shown = {alert.id for alert in alerts}
    below: dict[int, list[str]] = {}
    rows = []
    for alert in alerts:
        if alert.under is not None and alert.under in shown:
            below.setdefault(alert.under, []).append(words.alert_title(alert.rule, alert.reason, tongue.language))
        else:
            rows.append(row_of(alert, index, tongue, reader))
    return [msgspec.structs.replace(row, below=tuple(below[row.id])) if row.id in below else row for row in rows]


def shelf_lines(shelves: Sequence[Shelf], index: CentreIndex, tongue: Tongue) -> list[str]:
    """What is shelved, in a sentence each."""
    return [
        tongue(
            "{room}: {title} rings nobody until {time} ({who}: {why}). Kept quiet: {n}.",
            room=index.public_name(shelf.resident) if shelf.resident else tongue("Centre"),
            title=title_of(shelf.rule, tongue, own=index.own_title(shelf.resident, shelf.rule_key)),
            time=tongue.at(shelf.until),
            who=name_of(shelf.who, index, tongue),
            why=shelf.why,
            n=shelf.held,
        )
        for shelf in shelves
    ]


def _steps(state: AlertState, *, mine: bool) -> tuple[str, ...]:
    # As the table of gateway.alerts has it; only the one who is going may promise a new time or hand over.
    match state:
        case AlertState.OPEN | AlertState.CLEARED:
            return ("going", "arrive", "decline", "close")
        case AlertState.ACKNOWLEDGED:
            return ("arrive", "decline", "more_help", "close") if mine else ("arrive", "more_help", "close")
        case AlertState.ATTENDED:
            return ("decline", "more_help", "close") if mine else ("arrive", "more_help", "close")
        case AlertState.CLOSED:
            return ("reopen",)


def _allowed(steps: tuple[str, ...], alert: Alert, index: CentreIndex, reader: str) -> tuple[str, ...]:
    """The steps without what this reader may not do."""
    refused = set()
    if not permits.reopens(index, reader):
        refused.add("reopen")
    if not permits.closes(index, alert, reader):
        refused.add("close")
    return tuple(step for step in steps if step not in refused)


def title_of(rule: str, tongue: Tongue, own: str | None = None) -> str:
    """What carers call a rule; ``own``: the title that an own rule has in the care plan."""
    return own or tongue(words.RULE_TITLES.get(rule) or _RULE_TITLES.get(rule, rule))


def outcome_word(outcome: Outcome, tongue: Tongue) -> str:
    """How an alert ended."""
    return tongue(alert_words.OUTCOMES[outcome])


def name_of(who: str | None, index: CentreIndex, tongue: Tongue) -> str:
    """A person as the history names them."""
    if who is None:
        return tongue("The gateway")
    if who == SCREEN:
        return tongue("Wall screen")
    if who.startswith("cli:"):
        return tongue("{user} (command line)", user=who.removeprefix("cli:"))
    return index.carer_name(who) or who


def state_text(alert: Alert, index: CentreIndex, tongue: Tongue, reader: str) -> str:
    """Who is going, in a sentence."""
    mine = alert.taken_by == reader
    who = name_of(alert.taken_by, index, tongue)
    match alert.state:
        case AlertState.OPEN | AlertState.CLEARED if alert.untold:
            return tongue(UNTOLD)
        case AlertState.OPEN:
            return tongue("Nobody is going yet.")
        case AlertState.CLEARED:
            return tongue("It stopped by itself. Please look all the same.")
        case AlertState.ACKNOWLEDGED:
            by = tongue.at(alert.eta_at or alert.raised_at)
            text = N_("You are going. There by {time}.") if mine else N_("{who} is going. There by {time}.")
            return tongue(text, who=who, time=by)
        case AlertState.ATTENDED:
            since = tongue.at(alert.attended_at or alert.raised_at)
            text = N_("You are there since {time}.") if mine else N_("{who} is there since {time}.")
            return tongue(text, who=who, time=since)
        case AlertState.CLOSED:
            return tongue(
                "Closed by {who} at {time}: {outcome}.",
                who=name_of(alert.closed_by, index, tongue),
                time=tongue.at(alert.closed_at or alert.raised_at),
                outcome=outcome_word(alert.outcome or Outcome.OTHER, tongue),
            )


def eta_text(alert: Alert, tongue: Tongue) -> str:
    """How long until who is going should be there, in whole minutes; empty: nobody is on the way."""
    if alert.state is not AlertState.ACKNOWLEDGED or alert.eta_at is None:
        return ""
    seconds = (alert.eta_at - tongue.now).total_seconds()
    if abs(seconds) < 60:
        return tongue("due now")
    # rounded up while there is time, and down when it is over: "1 minute left" is never shown too late
    minutes = -(-seconds // 60) if seconds > 0 else -seconds // 60
    text = N_("{duration} left") if seconds > 0 else N_("{duration} late")
    return tongue(text, duration=words.duration(minutes * 60, tongue.language))


def already_taken(who: str, at: datetime, index: CentreIndex, tongue: Tongue) -> str:
    """What the second carer reads."""
    return tongue("{who} was first, at {time}.", who=name_of(who, index, tongue), time=tongue.at(at))


def why_lines(alert: Alert, tongue: Tongue, *, staff: bool) -> list[str]:
    """Why the alert came: the rule's reason, its marks, and when it happened if that was earlier.

    ``staff``: the reader is no relative, and may read what colleagues wrote.
    """
    lines = [tongue.reason(alert.reason), *(tongue.reason(mark) for mark in alert.marks)]
    if staff and (note := words.staff_note(alert.reason, tongue.language)):
        lines.append(note)
    if (alert.raised_at - alert.happened_at).total_seconds() >= 60:
        lines.append(tongue("It happened at {time}.", time=tongue.at(alert.happened_at)))
    if alert.repeats:
        lines.append(tongue.many("Happened once more.", "Happened {n} times more.", alert.repeats))
    return lines


def evidence_lines(found: Explanation, tongue: Tongue) -> list[Line]:
    """Which readings led to it. Only their kind and device: places and body values need their own consent."""
    return [
        _line(
            seen.observed_at or seen.received_at,
            tongue,
            tongue(alert_words.KINDS.get(seen.kind, seen.kind)) + f" · {seen.device}",
        )
        for seen in found.readings
    ]


def told_lines(told: Sequence[Notified], index: CentreIndex, tongue: Tongue) -> list[Line]:
    """Who was told, how, and whether it reached them. Addresses stay in the store."""
    return [
        _line(
            one.settled_at or one.created_at,
            tongue,
            tongue(
                "{who}, by {channel}: {state}",
                who=name_of(one.carer, index, tongue),
                channel=tongue(alert_words.CHANNELS.get(one.channel, one.channel)),
                state=tongue(alert_words.DELIVERY.get(one.state, one.state)),
            ),
        )
        for one in told
    ]


def history_lines(lines: Sequence[HistoryLine], index: CentreIndex, tongue: Tongue, *, staff: bool) -> list[Line]:
    """What happened to the alert, the newest last; what people wrote is for staff only."""
    return [_line(line.at, tongue, _event_text(line, index, tongue, notes=staff)) for line in lines]


def _event_text(line: HistoryLine, index: CentreIndex, tongue: Tongue, *, notes: bool) -> str:
    event = line.event
    if event == "expire" and line.state_before is AlertState.ATTENDED:
        event = "expire_attended"
    outcome = line.detail.get("outcome")
    return tongue(
        alert_words.EVENTS.get(event, event),
        who=name_of(line.who, index, tongue),
        minutes=line.detail.get("eta_minutes", ""),
        outcome=outcome_word(Outcome(outcome), tongue) if outcome else "",
        note=(line.detail.get("note") or "") if notes else "",
        to=name_of(str(line.detail["to"]), index, tongue) if "to" in line.detail else "",
    ).strip()


def _line(at: datetime, tongue: Tongue, text: str) -> Line:
    return Line(tongue.at(at), at.isoformat(), text)
