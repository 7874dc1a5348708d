"""What a channel is: one way to tell a carer, with its own time-out and its own judgement of what failed.

Failure (base of what a send can end with)
├── TemporaryFailure   try again: time-out, connection refused, 451, 500, 429 (with the wait that was asked for)
└── PermanentFailure   trying again is of no use: the address is refused, is no address, or is not allowed
"""

from datetime import datetime
from typing import Protocol

import msgspec

from gateway.errors import GatewayError
from gateway.notify.cap import Earlier, Place

MOST_WORKERS = 4
"""Sends at the same time to one server: enough to get past a few slow ones, polite to every provider."""


class Failure(GatewayError):  # noqa: N818 - an outcome with a name, not a mistake
    """A send did not succeed. The text goes into the database and the log: no names, addresses or secrets in it."""


class TemporaryFailure(Failure):
    """It may work later.

    Args:
        detail: what went wrong, for a technician.
        retry_after_s: how long the provider asked us to wait, if it did.
    """

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class PermanentFailure(Failure):
    """It will never work like this."""


class Sent(msgspec.Struct, frozen=True):
    """The provider took it over; ``provider_id`` is its own number for it, where it gives one."""

    provider_id: str | None = None
    delivered: bool = False
    """The receiver itself has said that it has it, not only somebody on the way."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message, ready to go: texts are in the carer's language. The title is fit for a lock screen, and so is the
    body unless the contact shows details (gateway.notify.details). Times are UTC-aware.

    ``idempotency`` is the same in every attempt for one notification, and different from those of any other one,
    also of another database. ``observed_at`` is the time of the reading that raised the alert.
    """

    notification: int
    idempotency: str
    alert: int
    purpose: str
    address: str
    carer: str
    language: str
    title: str
    body: str
    link: str
    link_words: str
    site: str
    resident: str | None
    room: str | None
    device: str | None
    rule: str
    priority: str
    raised_at: datetime
    observed_at: datetime
    now: datetime
    urgency: int = 3
    """1 (for information) to 5 (now): grows with every round without an answer."""
    going_words: str = ""
    """What a button for "I am going" says; empty: no answer is asked for."""
    cant_words: str = ""

    place: Place | None = None
    """Where the person was last; only for alarm receiving centres, and only when the resident agreed."""
    earlier: tuple[Earlier, ...] = ()
    """What the same alarm receiving centre has heard of the alert before."""
    created_at: datetime | None = None
    """When it was first owed; only for alarm receiving centres."""

    @property
    def asks(self) -> bool:
        """Whether an answer is asked for."""
        return bool(self.going_words)


class Channel(Protocol):
    """One way to tell a carer."""

    @property
    def name(self) -> str:
        """The word in the centre file: ``smtp``."""

    @property
    def timeout_s(self) -> float:
        """After how many seconds of real time an attempt counts as failed."""

    @property
    def workers(self) -> int:
        """Most sends at the same time to one destination."""

    def destination(self, address: str) -> str:
        """Which server an address leads to: what is stuck there must not delay anything else."""

    async def send(self, message: Outgoing) -> Sent:
        """Hand one message to the provider.

        Raises:
            TemporaryFailure: it may work later.
            PermanentFailure: it will never work like this.
        """

    async def close(self) -> None:
        """Let go of connections and threads."""
