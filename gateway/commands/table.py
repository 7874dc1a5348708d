"""The life of a command, as a table: an event that the table does not have changes nothing."""

from enum import StrEnum

from gateway.errors import IllegalStepError


class State(StrEnum):
    """Where a command is, and what that means in real life."""

    QUEUED = "queued"
    """Asked for; the broker does not have it yet."""
    SENT = "sent"
    """The broker has it. Of a device that never answers, no more can be known."""
    CONFIRMED = "confirmed"
    """The device has said that it got it."""
    EXPIRED = "expired"
    """Its time is over: it was not sent, or nobody answered. It may still have been done."""
    FAILED = "failed"
    """The device or its network has said no, or it may not be told again (another wearer, no consent any more)."""
    REFUSED = "refused"
    """Never sent: the device can't, it may not be told, or there were too many."""


class Event(StrEnum):
    """What can happen to a command."""

    SENT = "sent"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    FAILED = "failed"
    REFUSED = "refused"
    """It may not be sent any more: another wearer, no consent."""


TABLE: dict[tuple[State, Event], State] = {
    (State.QUEUED, Event.SENT): State.SENT,
    # The answer may be there before we could note that it was sent (the process died in between).
    (State.QUEUED, Event.CONFIRMED): State.CONFIRMED,
    (State.QUEUED, Event.EXPIRED): State.EXPIRED,
    (State.QUEUED, Event.FAILED): State.FAILED,
    (State.QUEUED, Event.REFUSED): State.REFUSED,
    (State.SENT, Event.SENT): State.SENT,  # again: a device may have been away
    (State.SENT, Event.CONFIRMED): State.CONFIRMED,
    (State.SENT, Event.EXPIRED): State.EXPIRED,
    (State.SENT, Event.FAILED): State.FAILED,
    (State.SENT, Event.REFUSED): State.FAILED,  # the device was told once, and is not told again
}

FINAL = frozenset({State.CONFIRMED, State.EXPIRED, State.FAILED, State.REFUSED})
"""From here nothing leads on."""


def after(state: State, event: Event) -> State:
    """The state after an event.

    Raises:
        IllegalStepError: the table has no such step.
    """
    found = TABLE.get((state, event))
    if found is None:
        raise IllegalStepError(f"A command that is {state.value} can't become {event.value}.")
    return found
