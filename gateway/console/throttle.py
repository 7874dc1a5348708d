"""Slowing down whoever guesses passwords, without ever locking out a ward.

Wrong tries are counted per account *and* place. The place is the browser, when it once signed in to this account
(it then has a signed cookie), and the network address otherwise. So a guesser on the ward's own network slows
down the browsers that were never signed in, but not a carer's own phone. The wait grows with each wrong try and
has a limit: nobody is locked out, and the right password works as soon as the wait is over.

All tries of one address are counted too, whatever account they name, so that one password tried with many names is
slowed down like many passwords with one name. Browsers that once signed in are not part of it, and they have a lane of
their own to the hashing: a ward whose address is busy, or misused, still signs in with its own phones. Others who wait
as long as they are told get their turn, whoever tries meanwhile (gateway.console.turns).
"""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.clock import Clock

FREE_TRIES = 5
"""Tired fingers get that many without a wait."""

LONGEST_WAIT_S = 30.0
"""2,880 tries a day at most from one place: hopeless against ten characters, bearable for a person."""

FREE_OF_ADDRESS = 20
"""A ward's new phones behind one address get that many tries of all accounts together without a wait."""

EVERYBODY = ""
"""The account under which all tries of an address are counted; no account has this name."""

FORGET_AFTER = timedelta(minutes=15)
"""Without a wrong try for that long, all is forgotten."""

MAX_PLACES = 10_000
"""A bound on the memory that a flood of tries can take: some 2 MB; the oldest are forgotten first."""


class _Tries(NamedTuple):
    wrong: int
    last: datetime


class Throttle:
    """Remembers wrong tries, in memory: a restart forgives, and starts the count anew."""

    def __init__(self, clock: Clock, free: int = FREE_TRIES) -> None:
        self._clock = clock
        self._free = free
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()

    def wait_s(self, account: str, place: str) -> float:
        """Seconds until the next try of this account from this place is looked at; 0: now."""
        tries = self._tries.get((account, place))
        if tries is None or tries.wrong < self._free:
            return 0.0
        now = self._clock.now()
        if now - tries.last >= FORGET_AFTER:
            del self._tries[account, place]
            return 0.0
        if now < tries.last:  # the clock was set back: the wait begins anew, and is no longer than any other
            tries = self._tries[account, place] = tries._replace(last=now)
        wait = min(LONGEST_WAIT_S, 2.0 ** min(10, tries.wrong - self._free))
        return max(0.0, wait - (now - tries.last).total_seconds())

    def begin(self, account: str, place: str) -> None:
        """A try is being looked at. It counts as wrong until :meth:`right`, so that tries sent at once all count."""
        now = self._clock.now()
        before = self._tries.pop((account, place), None)
        wrong = before.wrong if before and now - before.last < FORGET_AFTER else 0
        self._tries[account, place] = _Tries(wrong + 1, now)
        if len(self._tries) > MAX_PLACES:
            self._tries.popitem(last=False)

    def right(self, account: str, place: str) -> None:
        """The password was right: forget the wrong ones."""
        self._tries.pop((account, place), None)

    def take_back(self, account: str, place: str) -> None:
        """That try was right, or was not looked at; the other ones still count."""
        tries = self._tries.get((account, place))
        if tries is not None:
            self._tries[account, place] = tries._replace(wrong=max(0, tries.wrong - 1))


class Lane:
    """A way to something dear, so many at once, with a queue that has an end."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._there = 0

    @property
    def full(self) -> bool:
        """Whether one more would have to wait too long."""
        return self._there >= self._room

    async def __aenter__(self) -> None:
        """Wait for a place."""
        self._there += 1
        try:
            await self._free.acquire()
        except BaseException:
            self._there -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        """Leave it to the next."""
        self._there -= 1
        self._free.release()
