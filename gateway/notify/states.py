"""The life of a notification, as a table: an event that the table does not have changes nothing.

A notification is one thing owed to one carer at one contact. Whoever shows it to people may rely on what each state
means in real life.
"""

from enum import StrEnum

from gateway.errors import IllegalStepError


class State(StrEnum):
    """Where a notification stands; stored, so a value never changes its meaning."""

    PENDING = "pending"
    """Owed, and not yet tried. Nobody knows of the alert through it."""
    SENT = "sent"
    """The provider took it over. It is likely, but not known, that it reaches the carer's device."""
    DELIVERED = "delivered"
    """The provider says that it is on the carer's device. Nobody has necessarily looked."""
    READ = "read"
    """The carer saw it: opened its link or answered it."""
    FAILED_FOR_NOW = "failed_for_now"
    """The last attempt failed in a way that may pass (time-out, 500, busy line). It is tried again by itself."""
    FAILED_FOR_GOOD = "failed_for_good"
    """It will not be tried again: the address is refused, the contact is gone, or it failed for too long."""
    WITHDRAWN = "withdrawn"
    """It was overtaken before it went out: the alert is closed. Nobody was disturbed."""


class Event(StrEnum):
    """What can happen to a notification."""

    ACCEPTED = "accepted"
    """A provider took it over."""
    REACHED = "reached"
    """A receipt says that it is on the device."""
    OPENED = "opened"
    """The carer opened or answered it."""
    FAILED = "failed"
    """An attempt failed; another one makes sense."""
    GAVE_UP = "gave_up"
    """An attempt failed; no other one makes sense."""
    OVERTAKEN = "overtaken"
    """It is no longer of use."""


S, E = State, Event

TABLE: dict[tuple[State, Event], State] = {
    (S.PENDING, E.ACCEPTED): S.SENT,
    (S.PENDING, E.FAILED): S.FAILED_FOR_NOW,
    (S.PENDING, E.GAVE_UP): S.FAILED_FOR_GOOD,
    (S.PENDING, E.OVERTAKEN): S.WITHDRAWN,
    (S.FAILED_FOR_NOW, E.ACCEPTED): S.SENT,
    (S.FAILED_FOR_NOW, E.FAILED): S.FAILED_FOR_NOW,
    (S.FAILED_FOR_NOW, E.GAVE_UP): S.FAILED_FOR_GOOD,
    (S.FAILED_FOR_NOW, E.OVERTAKEN): S.WITHDRAWN,
    # Receipts come in any order, and may come before the provider's own answer or after we had given up.
    (S.PENDING, E.REACHED): S.DELIVERED,
    (S.PENDING, E.OPENED): S.READ,
    (S.FAILED_FOR_NOW, E.REACHED): S.DELIVERED,
    (S.FAILED_FOR_NOW, E.OPENED): S.READ,
    (S.FAILED_FOR_GOOD, E.REACHED): S.DELIVERED,
    (S.FAILED_FOR_GOOD, E.OPENED): S.READ,
    (S.SENT, E.REACHED): S.DELIVERED,
    (S.SENT, E.OPENED): S.READ,
    # The provider reports later that it could not deliver what it took over.
    (S.SENT, E.GAVE_UP): S.FAILED_FOR_GOOD,
    (S.DELIVERED, E.ACCEPTED): S.DELIVERED,
    (S.DELIVERED, E.REACHED): S.DELIVERED,
    (S.DELIVERED, E.OPENED): S.READ,
    (S.READ, E.ACCEPTED): S.READ,
    (S.READ, E.REACHED): S.READ,
    (S.READ, E.OPENED): S.READ,
}

WAITING: frozenset[State] = frozenset({S.PENDING, S.FAILED_FOR_NOW})
"""States in which it is still to be sent."""

TOLD: frozenset[State] = frozenset({S.SENT, S.DELIVERED, S.READ})
"""States in which, as far as we can know, the carer was told."""


def after(state: State, event: Event) -> State:
    """The state after an event.

    Raises:
        IllegalStepError: the table has no such step; nothing changes.
    """
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalStepError(f"A notification that is {state} can't become {event}.") from None
