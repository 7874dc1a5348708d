"""Signed messages that came before, by their ``webhook-id``.

A signature is good for five minutes, so whoever overhears a message can send it again in that time. And an honest
sender that got no answer sends it again too, with the same id (Standard Webhooks, "Verifying webhooks": the id is the
message's, and the key of idempotency). Both are one event. The second request waits for the first one's commit: it is
answered with 2xx when, and only when, that is on disk.

The message itself is a part of the key, so a sender that uses an id twice, against the standard, loses nothing.
"""

from collections import OrderedDict
from collections.abc import Callable

from gateway.clock import monotonic
from gateway.ingest.http_source import Offer

REMEMBERED_S = 600.0
"""A signature's time may be five minutes off to both sides (standardwebhooks), so it can be used for ten."""
MOST_REMEMBERED = 20_000
"""Some 10 MB; the oldest are forgotten first."""


class Replays:
    """What came in the last minutes.

    Args:
        seconds: real time that only goes forward.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._offers: OrderedDict[int, tuple[float, Offer]] = OrderedDict()

    def find(self, key: int) -> Offer | None:
        """The same message that stands in line or is on disk; None: this is the first, or the first was not stored."""
        self._forget()
        found = self._offers.get(key)
        if found is None or found[1].stored.cancelled():
            return None
        return found[1]

    def note(self, key: int, offer: Offer) -> None:
        """This message stands in line now."""
        self._offers.pop(key, None)
        self._offers[key] = (self._seconds() + REMEMBERED_S, offer)

    def _forget(self) -> None:
        now, offers = self._seconds(), self._offers
        while offers and (len(offers) > MOST_REMEMBERED or next(iter(offers.values()))[0] <= now):
            offers.popitem(last=False)
