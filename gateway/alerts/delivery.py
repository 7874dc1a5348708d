"""The life of a notification, as a table: an event that the table does not have changes nothing.

A notification is one thing owed to one carer at one contact. Whoever shows it to people may rely on what each state
means in real life.
"""

from enum import StrEnum

from gateway.clock import to_ms
from gateway.errors import IllegalStepError
from gateway.store.writer import Tx


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
    HELD = "held"
    """Not now, but at a time that is known: the carer's quiet hours, or a bundle of others like it."""


S, E = State, Event

TABLE: dict[tuple[State, Event], State] = {
    (S.PENDING, E.ACCEPTED): S.SENT,
    (S.PENDING, E.FAILED): S.FAILED_FOR_NOW,
    (S.PENDING, E.GAVE_UP): S.FAILED_FOR_GOOD,
    (S.PENDING, E.OVERTAKEN): S.WITHDRAWN,
    (S.PENDING, E.HELD): S.PENDING,
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


UNREAD: frozenset[State] = frozenset({S.SENT, S.DELIVERED})
"""States of a message that is out, and that nobody is known to have looked at."""


def after(state: State, event: Event) -> State:
    """The state after an event.

    Raises:
        IllegalStepError: the table has no such step; nothing changes.
    """
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalStepError(f"A notification that is {state} can't become {event}.") from None


def opened(tx: Tx, alert: int, carer: str, *, by_message: bool) -> int:
    """A carer saw an alert: what was sent to them about it counts as read. Returns how many rows changed.

    Args:
        tx: the transaction.
        alert: its number.
        carer: the carer's id.
        by_message: they came by the link or the button of a message. Then one of their messages did arrive, even if no
            provider has said so: when none counts as sent, those that were tried do.
    """
    now = to_ms(tx.now)
    read = (
        "UPDATE notifications SET state = ?, read_at = ?, delivered_at = coalesce(delivered_at, ?), "
        "settled_at = coalesce(settled_at, ?), lease_owner = NULL, lease_until = NULL "
        "WHERE alert = ? AND carer = ? AND "
    )
    values = (State.READ, now, now, now, alert, carer)
    changed = tx.db.execute(f"{read} state IN (?, ?)", (*values, *sorted(UNREAD))).rowcount
    seen = tx.db.execute(
        "SELECT 1 FROM notifications WHERE alert = ? AND carer = ? AND state = ? LIMIT 1", (alert, carer, State.READ)
    ).fetchone()
    if by_message and seen is None:
        changed = tx.db.execute(
            f"{read} state IN (?, ?, ?) AND (attempts > 0 OR lease_owner IS NOT NULL)",
            (*values, State.PENDING, State.FAILED_FOR_NOW, State.FAILED_FOR_GOOD),
        ).rowcount
    if changed:
        tx.alerts.append(alert)
    return changed


def receipt(tx: Tx, number: int, event: Event, detail: str | None = None) -> State | None:
    """A provider reports what became of a message that it has. Receipts may come in any order, and more than once.

    Returns the state afterwards; None: there is no such notification, or the report comes too late to change
    anything (a failure after it was read).
    """
    row = tx.db.execute("SELECT alert, state FROM notifications WHERE id = ?", (number,)).fetchone()
    if row is None:
        return None
    before = State(row["state"])
    try:
        state = after(before, event)
    except IllegalStepError:
        return None
    now = to_ms(tx.now)
    arrived = now if state in {State.DELIVERED, State.READ} else None
    tx.db.execute(
        "UPDATE notifications SET state = ?, settled_at = coalesce(settled_at, ?), detail = coalesce(?, detail), "
        "delivered_at = coalesce(delivered_at, ?), read_at = coalesce(read_at, ?), lease_owner = NULL, "
        "lease_until = NULL WHERE id = ?",
        (state, None if state in WAITING else now, detail, arrived, now if state is State.READ else None, number),
    )
    if state is not before:
        tx.alerts.append(int(row["alert"]))
    return state
