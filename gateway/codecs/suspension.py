"""Codecs that keep running out of time are not run for a while.

Each such run holds up every other message for 50 to 160 ms, an SOS of another device among them. A device that sends
each ten seconds would take a hundredth of the gateway's time, a hundred of them all of it.
"""

from collections.abc import Callable

MOST_IN_A_ROW = 3
"""A message that is slow by itself costs that message; three in a row are the codec's fault."""
SUSPENDED_S = 600.0
"""Real seconds until it is tried again: once in ten minutes it may cost 160 ms."""


class Suspensions:
    """Which models' codecs are not run; ``seconds`` is real time that only goes forward."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._in_a_row: dict[str, int] = {}
        self._until: dict[str, float] = {}

    @property
    def suspended(self) -> frozenset[str]:
        """The models that are suspended, until a run of theirs has ended well."""
        return frozenset(self._until)

    def holds(self, model: str) -> bool:
        """Whether it may not be run now; when the time is over, one run shows whether it is better."""
        return self._until.get(model, 0.0) > self._seconds()

    def failed(self, model: str) -> bool:
        """It ran out of time; True: from now on it is suspended (again)."""
        self._in_a_row[model] = self._in_a_row.get(model, 0) + 1
        if self._in_a_row[model] < MOST_IN_A_ROW:
            return False
        self._until[model] = self._seconds() + SUSPENDED_S
        return True

    def passed(self, model: str) -> None:
        """It ended in time, or is another codec now."""
        self._in_a_row.pop(model, None)
        self._until.pop(model, None)
