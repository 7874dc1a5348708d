"""A token bucket: how much of one source is taken in."""

from collections.abc import Callable

from gateway.clock import monotonic


class Bucket:
    """Lets ``rate_per_s`` through for long, and ``burst`` at once.

    Args:
        rate_per_s: how fast it fills.
        burst: how much it holds; it begins full.
        seconds: real time that only goes forward.
    """

    def __init__(self, rate_per_s: float, burst: int, seconds: Callable[[], float] = monotonic) -> None:
        self._rate = rate_per_s
        self._burst = float(burst)
        self._left = float(burst)
        self._seconds = seconds
        self._at = seconds()

    def take(self) -> float:
        """Take one: 0 when there was one, else the seconds until there will be (and nothing is taken)."""
        now = self._seconds()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate
