"""How old what is fetched can be, when the server does not say when it was given: only as old as the last look.

Fetches hang at the server until there is something (long polling), so while one follows the other all that comes is of
this moment. After a start, a failure or a gap it has waited for up to as long as nobody looked. Then one fetch that
does not hang brings what has waited, so that nothing that is given later is taken for old.
"""

from datetime import datetime, timedelta

LITTLE = timedelta(seconds=10)
"""Between two fetches, and for the way of an answer: shorter than this is no gap."""


class Fetching:
    """The moments of fetches.

    Args:
        hold: how long the server may hold back an empty answer.
        kept: how long the server keeps what nobody fetches; nothing is older.
    """

    def __init__(self, hold: timedelta, kept: timedelta) -> None:
        self._hold = hold
        self._kept = kept
        self._whole_at: datetime | None = None
        """The end of the last fetch that left nothing behind."""
        self._behind = True
        self._at_once = False
        """What the last fetch brought came when it was given."""
        self._since: datetime | None = None
        """What the last fetch brought was given after this; None: nobody knows."""

    def begins(self, now: datetime) -> bool:
        """Before a fetch; True: it may hang. False: it brings what has waited, and comes back at once."""
        if self._whole_at is None or now - self._whole_at > LITTLE:
            self._behind = True
        return not self._behind

    def ended(self, now: datetime, *, left_some: bool) -> None:
        """A fetch succeeded.

        Args:
            now: its end.
            left_some: there may be more than it could bring.
        """
        before = self._whole_at
        gap = self._behind or before is None or now - before > self._hold + LITTLE
        self._at_once = not gap
        self._since = before if gap else now
        self._behind = left_some
        if not left_some:
            self._whole_at = now

    def failed(self) -> None:
        """A fetch failed: what is given from now on waits."""
        self._behind = True

    def age(self, now: datetime, not_before: datetime | None) -> timedelta:
        """How long ago something that the last fetch brought was given, at most.

        Args:
            now: when it is looked at.
            not_before: it was given after this; None: not known.
        """
        if self._at_once and self._since is not None and now - self._since <= LITTLE:
            return timedelta(0)
        ages = [self._kept, *(now - at for at in (self._since, not_before) if at is not None)]
        return max(min(ages), timedelta(0))
