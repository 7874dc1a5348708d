"""The life of an alert, as a table: (state, event) -> state. What is not in it is illegal and changes nothing.

Two kinds of events: a person's answers, and what the gateway notices. Only a person's event leads to CLOSED.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from gateway.errors import IllegalStepError


class AlertState(StrEnum):
    """Where an alert stands; stored and shown, so a value never changes its meaning."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ATTENDED = "attended"
    CLEARED = "cleared"
    CLOSED = "closed"


class AlertEvent(StrEnum):
    """What can happen to an alert; stored in its history."""

    ACKNOWLEDGE = "acknowledge"
    DECLINE = "decline"
    ARRIVE = "arrive"
    CLOSE = "close"
    REOPEN = "reopen"
    HAND_OVER = "hand_over"
    MORE_HELP = "more_help"
    CLEAR = "clear"
    REPEAT = "repeat"
    RAISE_PRIORITY = "raise_priority"
    ESCALATE = "escalate"
    EXPIRE = "expire"
    GO_UNDER = "go_under"
    STAND_ALONE = "stand_alone"
    FOLLOW_UP = "follow_up"


RAISED = "raised"
"""The first line of every history: how the alert began. Not an event of the table: there was no state before."""

START = AlertState.OPEN

PERSON_EVENTS: frozenset[AlertEvent] = frozenset(
    {
        AlertEvent.ACKNOWLEDGE,
        AlertEvent.DECLINE,
        AlertEvent.ARRIVE,
        AlertEvent.CLOSE,
        AlertEvent.REOPEN,
        AlertEvent.HAND_OVER,
        AlertEvent.MORE_HELP,
    }
)
"""Events that only an authenticated person can cause."""

NEWS: frozenset[AlertEvent] = frozenset({AlertEvent.REPEAT, AlertEvent.RAISE_PRIORITY, AlertEvent.REOPEN})
"""Events after which somebody has to look again. The history names the ``version`` that shows each first."""

_S, _E = AlertState, AlertEvent

TABLE: Mapping[tuple[AlertState, AlertEvent], AlertState] = MappingProxyType(
    {
        (_S.OPEN, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,
        (_S.OPEN, _E.DECLINE): _S.OPEN,
        (_S.OPEN, _E.ARRIVE): _S.ATTENDED,
        (_S.OPEN, _E.CLOSE): _S.CLOSED,
        (_S.OPEN, _E.HAND_OVER): _S.OPEN,
        (_S.OPEN, _E.MORE_HELP): _S.OPEN,
        (_S.OPEN, _E.CLEAR): _S.CLEARED,
        (_S.OPEN, _E.REPEAT): _S.OPEN,
        (_S.OPEN, _E.RAISE_PRIORITY): _S.OPEN,
        (_S.OPEN, _E.ESCALATE): _S.OPEN,
        (_S.OPEN, _E.GO_UNDER): _S.OPEN,
        (_S.OPEN, _E.STAND_ALONE): _S.OPEN,
        (_S.OPEN, _E.FOLLOW_UP): _S.OPEN,
        (_S.ACKNOWLEDGED, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,  # the same carer names a new time
        (_S.ACKNOWLEDGED, _E.DECLINE): _S.OPEN,  # can't come after all
        (_S.ACKNOWLEDGED, _E.ARRIVE): _S.ATTENDED,
        (_S.ACKNOWLEDGED, _E.CLOSE): _S.CLOSED,
        (_S.ACKNOWLEDGED, _E.HAND_OVER): _S.OPEN,  # somebody else is asked to go instead
        (_S.ACKNOWLEDGED, _E.MORE_HELP): _S.ACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _E.CLEAR): _S.ACKNOWLEDGED,  # noted; the carer is on the way all the same
        (_S.ACKNOWLEDGED, _E.REPEAT): _S.ACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _E.RAISE_PRIORITY): _S.ACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _E.EXPIRE): _S.OPEN,
        (_S.ACKNOWLEDGED, _E.GO_UNDER): _S.ACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _E.STAND_ALONE): _S.ACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _E.FOLLOW_UP): _S.ACKNOWLEDGED,
        (_S.ATTENDED, _E.ARRIVE): _S.ATTENDED,  # a second pair of hands
        (_S.ATTENDED, _E.DECLINE): _S.OPEN,  # must leave; hands over
        (_S.ATTENDED, _E.CLOSE): _S.CLOSED,
        (_S.ATTENDED, _E.HAND_OVER): _S.OPEN,
        (_S.ATTENDED, _E.MORE_HELP): _S.ATTENDED,  # one pair of hands is not enough
        (_S.ATTENDED, _E.CLEAR): _S.ATTENDED,
        (_S.ATTENDED, _E.REPEAT): _S.ATTENDED,
        (_S.ATTENDED, _E.RAISE_PRIORITY): _S.ATTENDED,
        (_S.ATTENDED, _E.EXPIRE): _S.OPEN,  # seen but not closed: brought back
        (_S.ATTENDED, _E.GO_UNDER): _S.ATTENDED,
        (_S.ATTENDED, _E.STAND_ALONE): _S.ATTENDED,
        (_S.ATTENDED, _E.FOLLOW_UP): _S.ATTENDED,
        (_S.CLEARED, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,
        (_S.CLEARED, _E.DECLINE): _S.CLEARED,
        (_S.CLEARED, _E.ARRIVE): _S.ATTENDED,
        (_S.CLEARED, _E.CLOSE): _S.CLOSED,
        (_S.CLEARED, _E.HAND_OVER): _S.CLEARED,
        (_S.CLEARED, _E.MORE_HELP): _S.CLEARED,
        (_S.CLEARED, _E.CLEAR): _S.CLEARED,
        (_S.CLEARED, _E.REPEAT): _S.OPEN,  # it happens again
        (_S.CLEARED, _E.ESCALATE): _S.CLEARED,  # a person still looks
        (_S.CLEARED, _E.GO_UNDER): _S.CLEARED,
        (_S.CLEARED, _E.STAND_ALONE): _S.CLEARED,
        (_S.CLEARED, _E.FOLLOW_UP): _S.CLEARED,
        (_S.CLOSED, _E.REOPEN): _S.OPEN,  # closed by mistake
    }
)

WHEN_DUE: Mapping[AlertState, AlertEvent] = MappingProxyType(
    {
        _S.OPEN: _E.ESCALATE,
        _S.CLEARED: _E.ESCALATE,
        _S.ACKNOWLEDGED: _E.EXPIRE,
        _S.ATTENDED: _E.EXPIRE,
    }
)
"""What happens when an alert's deadline passes. Every state but CLOSED has one: nobody is left unheard."""

STATE_MEANING: Mapping[AlertState, str] = MappingProxyType(
    {
        _S.OPEN: "Nobody has answered yet. Carers are told, step by step.",
        _S.ACKNOWLEDGED: "A carer has promised to come by a certain time.",
        _S.ATTENDED: "A carer is with the resident.",
        _S.CLEARED: "The cause went away by itself and nobody had answered. A person still looks.",
        _S.CLOSED: "A person has dealt with it and said what it was.",
    }
)

EVENT_MEANING: Mapping[AlertEvent, str] = MappingProxyType(
    {
        _E.ACKNOWLEDGE: "A carer says: I am going, I will be there in so many minutes.",
        _E.DECLINE: "A carer says: I can't.",
        _E.ARRIVE: "A carer says: I am there.",
        _E.CLOSE: "A person says what it was and ends the alert.",
        _E.REOPEN: "A person takes a closing back.",
        _E.HAND_OVER: "A carer asks another one, by name, to take it.",
        _E.MORE_HELP: "A person asks for more help: the next step is told at once.",
        _E.CLEAR: "The rule sees that the cause went away by itself.",
        _E.REPEAT: "It happened again.",
        _E.RAISE_PRIORITY: "It happened again and is more urgent now.",
        _E.ESCALATE: "Nobody answered in time: the next step is told.",
        _E.EXPIRE: "The promised time passed, or the alert was seen but not closed in time.",
        _E.GO_UNDER: "A more urgent alert tells of the same event: this one waits under it, and is closed with it.",
        _E.STAND_ALONE: "The more urgent alert was taken back: this one asks for itself again.",
        _E.FOLLOW_UP: "Another rule tells of the same event: it is noted here and rings nobody again.",
    }
)

_CAN_NOT: Mapping[AlertEvent, str] = MappingProxyType(
    {
        _E.ACKNOWLEDGE: "be acknowledged",
        _E.DECLINE: "be declined",
        _E.ARRIVE: "be attended",
        _E.CLOSE: "be closed again",
        _E.REOPEN: "be re-opened",
        _E.HAND_OVER: "be handed over",
        _E.MORE_HELP: "get more help",
        _E.CLEAR: "be cleared",
        _E.REPEAT: "be repeated",
        _E.RAISE_PRIORITY: "get a higher priority",
        _E.ESCALATE: "be escalated",
        _E.EXPIRE: "expire",
        _E.GO_UNDER: "go under another one",
        _E.STAND_ALONE: "ask for itself again",
        _E.FOLLOW_UP: "take a note",
    }
)


def follow(state: AlertState, event: AlertEvent) -> AlertState:
    """The state after an event.

    Raises:
        IllegalStepError: the table has no such step; its text says what is possible instead.
    """
    after = TABLE.get((state, event))
    if after is None:
        possible = ", ".join(sorted(e for s, e in TABLE if s is state and e in PERSON_EVENTS))
        raise IllegalStepError(f"The alert is {state} and can't {_CAN_NOT[event]}. A person can: {possible}.")
    return after


def diagram() -> str:
    """The table as a Mermaid state diagram, as docs/alerts.md shows it."""
    arrows: dict[tuple[AlertState, AlertState], list[str]] = {}
    for (before, event), after in TABLE.items():
        arrows.setdefault((before, after), []).append(event.value)
    lines = ["stateDiagram-v2", f"    [*] --> {START}: {RAISED}"]
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(lines)


def grid() -> str:
    """The table as a Markdown table, one row an event; a dash is an illegal step."""
    states = list(AlertState)
    lines = [f"| event | {' | '.join(states)} |", f"|---|{'---|' * len(states)}"]
    for event in AlertEvent:
        cells = [TABLE.get((state, event)) for state in states]
        lines.append(f"| {event} | {' | '.join(c or '–' for c in cells)} |")
    return "\n".join(lines)
