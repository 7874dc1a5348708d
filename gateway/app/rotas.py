"""Calendars of shifts that come from elsewhere: fetched at intervals, the last good copy kept, silence told.

The address stands in the centre file, so it is treated as somebody else's choice: only public hosts (or those allowed
by name), no redirects, a limit on size and time. Nothing of the address or of the text is logged.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import httpx
import structlog

from gateway.alerts import desk, rows
from gateway.alerts.model import Incident, incident_key
from gateway.centre.index import CentreIndex
from gateway.centre.shifts import Shift
from gateway.clock import Clock, to_ms
from gateway.notify.channel import PermanentFailure, TemporaryFailure
from gateway.notify.http import AGENT, GuardedHttp, checked_url
from gateway.settings.duty import Shifts
from gateway.store import rotas
from gateway.store.writer import Tx, Writer
from gateway.words import N_
from rules.errors import BadCalendarError
from rules.ical import LONGEST_TEXT, read_calendar
from rules.model import Priority, Reason

_LOG = structlog.get_logger(__name__)

RULE: Final = "rota_unreachable"
LOOK_EVERY_S: Final = 5.0
"""Real seconds between looks for what is to be fetched: a new shift of the centre file is fetched that soon."""

_MOST_BYTES: Final = 4 * LONGEST_TEXT
"""In UTF-8 a character has at most four."""

_GONE = N_("The calendar of shift {shift} can't be fetched since {since_at}: {problem}. The last good copy counts.")
_NEVER = N_("The calendar of shift {shift} could not be fetched yet: {problem}. Nobody is on shift by it.")
_BACK = Reason(N_("The calendar of shifts can be fetched again."))


class FetchError(Exception):
    """The calendar could not be fetched, or not be used; its text is for a technician and has no address in it."""


class CalendarHttp(GuardedHttp):
    """Fetches calendars from addresses that somebody else chose.

    Args:
        allow_private: host names (or addresses) that may be in a private network.
        timeout_s: for one calendar, all in all.
    """

    def __init__(self, *, allow_private: Collection[str] = (), timeout_s: float = 30.0) -> None:
        super().__init__(allow_private=allow_private, timeout_s=timeout_s, where="[shifts]")
        self._whole_s = timeout_s

    async def fetch(self, address: str) -> str:
        """The text at an address.

        Raises:
            FetchError: it could not be fetched, or is too long, or no text.
        """
        try:
            async with asyncio.timeout(self._whole_s):
                return await self._fetch(checked_url(address))
        except TimeoutError:
            raise FetchError("no answer in time") from None
        except (PermanentFailure, TemporaryFailure) as error:
            raise FetchError(str(error)) from error
        except httpx.HTTPError as error:
            raise FetchError(f"the request failed: {type(error).__name__}") from error

    async def _fetch(self, url: httpx.URL) -> str:
        [target, *_] = await self._resolved(url)
        request = httpx.Request(
            "GET",
            url.copy_with(host=target),
            headers={"host": url.netloc.decode("ascii"), "user-agent": AGENT, "accept": "text/calendar"},
            extensions={"sni_hostname": url.host, "timeout": httpx.Timeout(self._whole_s).as_dict()},
        )
        response = await self._client(url).send(request, stream=True)
        try:
            if response.status_code != 200:
                raise FetchError(f"status {response.status_code}; expected 200 (redirects are not followed)")
            read = bytearray()
            async for part in response.aiter_bytes():
                read += part
                if len(read) > _MOST_BYTES:
                    raise FetchError(f"it has more than {LONGEST_TEXT} characters")
        finally:
            await response.aclose()
        try:
            return read.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FetchError("it is no UTF-8 text") from error


class RotaFetcher:
    """Fetches what is due; ``run()`` until cancelled."""

    def __init__(
        self,
        *,
        writer: Writer,
        index: Callable[[], CentreIndex],
        clock: Clock,
        settings: Shifts,
        speed: float = 1.0,
    ) -> None:
        self._writer = writer
        self._index = index
        self._clock = clock
        self._settings = settings
        self._look_every_s = LOOK_EVERY_S / max(1.0, speed)
        self._http = CalendarHttp(allow_private=settings.allow_private, timeout_s=settings.timeout_s)
        self._tried: dict[str, datetime] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.fetch_due()
                await asyncio.sleep(self._look_every_s)
        finally:
            await self._http.close()

    async def fetch_due(self) -> int:
        """Fetch every calendar that was not looked at for the set time; how many."""
        index, now = self._index(), self._clock.now()
        due = [shift for shift in index.rotas.fetched if self._is_due(shift, now)]
        for shift in due:
            self._tried[_known_by(shift)] = now
        # One slow host must not keep the others waiting.
        await asyncio.gather(*(self._fetch(index, shift) for shift in due))
        return len(due)

    def _is_due(self, shift: Shift, now: datetime) -> bool:
        last = self._tried.get(_known_by(shift))
        return last is None or not timedelta(0) <= now - last < timedelta(seconds=self._settings.refresh_s)

    async def _fetch(self, index: CentreIndex, shift: Shift) -> None:
        try:
            text = await self._http.fetch(shift.url or "")
            # To read and to lay out a large calendar takes half a second: beside the event loop.
            await asyncio.to_thread(read_calendar, text, index.rotas.zone_of(shift))
        except FetchError as error:
            problem = str(error)
        except BadCalendarError as error:
            problem = error.problems[0]
        else:
            await self._writer.write(partial(self._good, shift=shift, text=text))
            _LOG.info("rota.fetched", shift=shift.id, characters=len(text))
            return
        _LOG.warning("rota.not_fetched", shift=shift.id, problem=problem)
        await self._writer.write(partial(self._bad, shift=shift, problem=problem))

    def _good(self, tx: Tx, *, shift: Shift, text: str) -> None:
        rotas.keep_copy(tx, shift, text)
        alert = rows.find_open(tx.db, incident_key(None, RULE, shift.id))
        if alert is not None and alert.cleared_at is None:
            desk.clear_incident(tx, self._index(), resident=None, rule_key=RULE, subject=shift.id, reason=_BACK)

    def _bad(self, tx: Tx, *, shift: Shift, problem: str) -> None:
        rotas.could_not_fetch(tx, shift, problem)
        copy = rotas.copies(tx.db, self._index()).get(shift.id)
        if copy is None or copy.failed_since is None:
            return  # the centre has changed meanwhile
        since = copy.fetched_at or copy.failed_since
        patience = timedelta(seconds=self._settings.unreachable_after_s)
        if tx.now - since < patience:
            return
        alert = rows.newest(tx.db, incident_key(None, RULE, shift.id))
        known = alert is not None and alert.cleared_at is None
        if alert is not None and known and (alert.closed_at is None or tx.now - alert.closed_at < patience):
            return  # told already; once closed by a person, again after the same time
        desk.raise_incident(tx, self._index(), _incident(shift, copy, problem, since))


def _known_by(shift: Shift) -> str:
    return f"{shift.id}/{rotas.source_of(shift)}"


def _incident(shift: Shift, copy: rotas.Copy, problem: str, since: datetime) -> Incident:
    about: dict[str, float | str] = {"shift": shift.name or shift.id, "problem": problem, "since_at": to_ms(since)}
    return Incident(
        rule=RULE,
        rule_key=RULE,
        subject=shift.id,
        priority=Priority.MEDIUM,
        reason=Reason(_NEVER if copy.text is None else _GONE, about),
        happened_at=since,
    )
