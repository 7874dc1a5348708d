"""Turns of those who waited: who guesses without a pause can't take every try from who waits as the page says.

Wrong tries make the next one wait (gateway.console.throttle), and a guesser who asks all the time is always the first
when the wait is over. So whoever is told to wait gets a ticket, a signed cookie with the time when it is their turn.
Who comes back with it then is looked at, once, although others had wrong tries meanwhile. A browser has one ticket, of
one account. Who collects tickets gains little: so many turns of an account, and of an address, in 30 seconds.
"""

import secrets
from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from gateway.clock import Clock, from_ms, to_ms

TICKET_COOKIE: Final = "telecare_turn"
LASTS: Final = timedelta(minutes=10)
"""For how long a turn can be taken after it has come."""

SPAN: Final = timedelta(seconds=30)
OF_ACCOUNT: Final = 4
"""Turns of one account from one address in each span: 11,520 a day, hopeless against ten characters."""

OF_ADDRESS: Final = 120
"""Turns of one address in each span, whatever the account: a fifth of a core for the hashing."""

MOST_USED: Final = 10_000
"""A bound on memory; a ticket of which the use was forgotten still counts as a turn."""

MOST_PLACES: Final = 10_000


class Turns:
    """Makes tickets, and knows in memory which were used."""

    def __init__(self, clock: Clock, secret: str) -> None:
        self._clock = clock
        self._signer = URLSafeSerializer(secret, salt="telecare.turn.v1")
        self._used: OrderedDict[str, None] = OrderedDict()
        self._taken: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def ticket(self, account: str, address: str, wait_s: float) -> str:
        """A ticket of an account from an address, good when the wait is over."""
        due = self._clock.now() + timedelta(seconds=wait_s)
        return str(self._signer.dumps([account, address, to_ms(due), secrets.token_hex(8)]))

    def left_s(self, ticket: str, account: str, address: str, longest_s: float) -> float | None:
        """Seconds until it is that ticket's turn; None: it is no good: another's, used, or too old."""
        found = self._read(ticket, account, address)
        if found is None or found[1] in self._used:
            return None
        left = found[0] - self._clock.now()
        if left > timedelta(seconds=longest_s) or left < -LASTS:
            return None
        return max(0.0, left.total_seconds())

    def take(self, ticket: str, account: str, address: str) -> bool:
        """Take the turn of a ticket that is good; False: there were too many, and the ticket stays good."""
        found = self._read(ticket, account, address)
        if found is None:
            return False
        now = self._clock.now()
        mine, all_of = self._of((account, address), now), self._of(("", address), now)
        if len(mine) >= OF_ACCOUNT or len(all_of) >= OF_ADDRESS:
            return False
        mine.append(now)
        all_of.append(now)
        self._used[found[1]] = None
        if len(self._used) > MOST_USED:
            self._used.popitem(last=False)
        return True

    def _of(self, key: tuple[str, str], now: datetime) -> deque[datetime]:
        """The turns of the last span; those of a clock that was set back since are forgotten."""
        taken = self._taken.setdefault(key, deque())
        self._taken.move_to_end(key)
        if len(self._taken) > MOST_PLACES:
            self._taken.popitem(last=False)
        while taken and not timedelta(0) <= now - taken[0] < SPAN:
            taken.popleft()
        return taken

    def _read(self, ticket: str, account: str, address: str) -> tuple[datetime, str] | None:
        try:
            said = self._signer.loads(ticket)
        except BadSignature:
            return None
        if said[:2] != [account, address]:
            return None
        return from_ms(int(said[2])), str(said[3])
