"""``telecare probe``: asks again and again from outside whether the gateway hears, and tells people if it does not."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from gateway.app.outage import TO_SAY, Outage, Stand
from gateway.app.shout import Tried, Words
from gateway.clock import Clock, monotonic
from gateway.notify.channel import Failure
from gateway.words import N_
from simulators.prober import Outcome, Probed

_LOG = structlog.get_logger(__name__)

RULE: Final = "probe"
_NOTE: Final = "probe-told"
"""File with the time since when people know of an outage, so that a prober that starts anew tells of its end."""

_GONE: Final = N_("!!! The telecare gateway does not answer")
_BACK: Final = N_("The telecare gateway answers again")
_BODIES: Final[dict[Outcome, str]] = {
    Outcome.NO_BROKER: N_(
        "The probe has not reached the broker since {since}. Either alarms are not heard, or only the probe is cut "
        "off. Look after the residents, and call a technician now."
    ),
    Outcome.REFUSED: N_(
        "The broker has not let the probe in since {since}. Alarms may still be heard; the probe can't tell. Call a "
        "technician now."
    ),
}
_UNHEARD: Final = N_(
    "No test message was acknowledged since {since}: alarms may not be heard. Look after the residents, and call a "
    "technician now."
)
_AGAIN: Final = N_(
    "Test messages are acknowledged again. From {since} until now they were not: look after anybody who may have "
    "called meanwhile."
)

Ask = Callable[[datetime, float | None], Awaitable[Probed]]
Tell = Callable[[Words], Awaitable[list[Tried]]]
Ping = Callable[[], Awaitable[None]]


class Prober:
    """One probe.

    Args:
        ask: sends a test message (now, round trip of the one before) and says what came of it.
        tell: tells the failsafe people, once on each of their contacts.
        ping: somebody outside who notices silence; raises Failure; None: nobody.
        clock: the time, and the waits.
        every_s: seconds from one test message to the next.
        enough: so many in a row are not acknowledged until people are told.
        folder: where it is noted that people know of an outage.
    """

    def __init__(
        self, *, ask: Ask, tell: Tell, ping: Ping | None, clock: Clock, every_s: float, enough: int, folder: Path
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._ping = ping
        self._clock = clock
        self._every_s = every_s
        self._enough = enough
        self._note = folder / _NOTE
        self._before_ms: float | None = None
        self.outage = _noted(self._note)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began = monotonic()
            await self.once()
            await self._clock.sleep(max(0.0, self._every_s - (monotonic() - began)))

    async def once(self) -> Probed:
        """One test message, and what follows from it."""
        at = self._clock.now()
        probed = await self._ask(at, self._before_ms)
        self._before_ms = probed.round_trip_ms
        if probed.outcome is Outcome.ACKNOWLEDGED:
            _LOG.info("probe.acknowledged", round_trip_ms=probed.round_trip_ms)
            self.outage = self.outage.answered()
            await self._sign_of_life()
        else:
            self.outage = self.outage.not_answered(at, enough=self._enough)
            _LOG.warning("probe.not_acknowledged", outcome=probed.outcome.value, in_a_row=self.outage.missed)
        if self.outage.stand in TO_SAY:
            await self._say(probed.outcome)
        return probed

    async def _say(self, outcome: Outcome) -> None:
        since = self.outage.since
        assert since is not None, "an outage has a begin"
        gone = self.outage.stand is Stand.GONE
        times = {"since": since}
        if gone:
            words = Words(RULE, _GONE, _BODIES.get(outcome, _UNHEARD), times)
        else:
            words = Words(RULE, _BACK, _AGAIN, times, priority="low", purpose="cleared")
        tries = await self._tell(words)
        for one in tries:
            if one.error is not None:
                _LOG.error("probe.not_told", channel=one.channel, carer=one.carer, error=one.error)
        told = [one for one in tries if one.error is None]
        # the prober's own log reaches nobody at night; it counts only where there is nothing else
        if [one for one in told if one.channel != "log"] or (told and {one.channel for one in tries} == {"log"}):
            self.outage = self.outage.reached()
            self._write_down()
        if gone:
            _LOG.critical("probe.outage_told", messages=len(told), of=len(tries))
        else:
            _LOG.warning("probe.back_told", messages=len(told), of=len(tries))

    async def _sign_of_life(self) -> None:
        if self._ping is not None:
            try:
                await self._ping()
            except Failure as failure:
                _LOG.warning("probe.ping_failed", detail=str(failure))

    def _write_down(self) -> None:
        """A full disk only means that a prober that starts anew may tell once too often, or not that it is over."""
        with suppress(OSError):
            if self.outage.stand is Stand.TOLD and self.outage.since is not None:
                self._note.parent.mkdir(parents=True, exist_ok=True)
                self._note.write_text(self.outage.since.isoformat(), encoding="ascii")
            else:
                self._note.unlink(missing_ok=True)


def _noted(note: Path) -> Outage:
    with suppress(OSError, ValueError):
        since = datetime.fromisoformat(note.read_text(encoding="ascii"))
        if since.tzinfo is not None:  # else it is not ours
            return Outage(Stand.TOLD, since)
    return Outage()
