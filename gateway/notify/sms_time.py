"""When an SMS was sent, as far as anybody says so."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from pydantic import AwareDatetime, TypeAdapter, ValidationError

_LOG = structlog.get_logger(__name__)

AHEAD = timedelta(minutes=2)
"""Clocks of networks and providers may be ahead of ours by so much; what is later than that was read wrongly."""
LONGEST = timedelta(days=7)
"""Networks give up an SMS sooner; what took longer was read wrongly."""
_STEP, _NEAR = timedelta(minutes=30), timedelta(seconds=90)
"""Zones differ by whole half hours (few by a quarter of one); an SMS is on its way for some seconds."""

_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class SentTimes:
    """Reads times of SMS. What can't be used is logged once: it is a matter of settings, and comes with each SMS."""

    def __init__(self) -> None:
        self._told = False

    def posted(self, text: str | None, now: datetime) -> datetime | None:
        """A provider's time: ISO 8601 with its offset, or seconds or milliseconds since 1970.

        Returns:
            UTC-aware; None: not there, not readable, without an offset, or more than AHEAD in the future.
        """
        try:
            at = _TIME.validate_python((text or "").strip()).astimezone(UTC)
        except (ValidationError, OverflowError):
            self._unusable("the provider's time: expected ISO 8601 with an offset, or seconds or ms since 1970")
            return None
        if at - now > AHEAD:
            self._unusable("the provider's time is in the future: is it another zone's?")
            return None
        return at

    def filed(self, stamp: str, arrived: datetime, zone: ZoneInfo) -> datetime:
        """When an SMS in the folder of gammu-smsd was sent.

        gammu-smsd writes the network's time into the name as the network gave it, without its zone: that of the place
        where the modem is. What can't be so, or looks like another zone's time, counts as sent when it arrived.

        Args:
            stamp: ``YYYYMMDD_HHMMSS`` of the file's name.
            arrived: when the file was written, UTC-aware.
            zone: the care centre's.
        """
        try:
            sent = datetime.strptime(stamp, "%Y%m%d_%H%M%S").replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            self._unusable("the file's name holds no time")
            return arrived
        way = arrived - sent
        if not -AHEAD <= way <= LONGEST:
            self._unusable("the time in the file's name is too far from when the file was written")
            return arrived
        if way > _NEAR and (way + _NEAR) % _STEP <= 2 * _NEAR:
            self._unusable("the time in the file's name looks like another zone's")
            return arrived
        return min(sent, arrived)

    def _unusable(self, why: str) -> None:
        if not self._told:
            _LOG.warning("sms.time_unusable", why=why, so="answers count as given when they arrive")
            self._told = True
