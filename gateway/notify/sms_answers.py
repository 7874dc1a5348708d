"""Answers by SMS: ``1 K7`` I am going, ``2 K7`` I can't, ``3 K7`` I am there.

Without the code only when one alert alone can be meant: one is open, and the sender's telephone heard of no other one
within AMBIGUOUS_FOR. The sender's number must be a contact of a carer, or of several who share a telephone. What can't
be understood gets a helpful reply, a few times an hour: two automatic repliers must not talk to each other all night.
"""

import asyncio
import re
import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import structlog

from gateway.alerts import queries
from gateway.alerts.codes import code_of
from gateway.alerts.model import Alert
from gateway.centre.model import Carer
from gateway.clock import Clock, to_ms
from gateway.notify.answering import Answering, Said, open_for
from gateway.notify.sms_time import SentTimes
from gateway.store.database import reader
from gateway.words import N_, gettext

_LOG = structlog.get_logger(__name__)

REPLIES = 4
"""Helpful replies to one number within REPLIES_WITHIN; confirmations of what was taken are not counted."""
REPLIES_WITHIN = timedelta(hours=1)

SHORTEST = 7
"""Digits of a number that can be answered; what is shorter is a service's."""

REMEMBERED = 1000
"""Numbers whose replies are counted."""

STRANGERS = 20
"""Replies to numbers that nobody knows within REPLIES_WITHIN, all together: each costs, and anybody can ask for one."""

AMBIGUOUS_FOR = timedelta(minutes=15)
"""So long after another alert was told to a telephone, or closed, a bare digit may mean that one."""

LOOK_EVERY_S = 1.0
_SAID = {"1": Said.GOING, "2": Said.CANT, "3": Said.THERE}
_TEXT = re.compile(r"\W*([123])\W*([A-Za-z][0-9])?\W*")
_FILE = re.compile(r"IN(?P<stamp>\d{8}_\d{6})_[^_]*_(?P<number>[^_]*)_\d+\.txt")
_HELP = N_("Please answer 1 and the code for “I am going”, 2 and the code for “I can’t”, for example 1 {code}.")
_NONE_OPEN = N_("There is no open alert for you.")
_WHICH = N_("Which one? Open: {codes}. Answer for example 1 {code}.")
_STRANGER = N_("Not taken: this number is not known here. Answer from your own telephone, or by the link.")


class Incoming(msgspec.Struct, frozen=True):
    """An SMS that came in. ``id`` tells two of them apart: the same one again changes nothing."""

    id: str
    number: str
    text: str
    numbered: bool = True
    """False: the provider gives its SMS no numbers, and ``id`` stands for the words alone."""
    sent_at: datetime | None = None
    """UTC-aware; None: nobody knows, and it counts as sent now."""


class SmsAnswers:
    """Takes SMS of carers.

    Args:
        answering: takes the answers.
        say: sends an SMS: number, carer (None: a stranger), text, and a mark that is the same for the same reply.
        path: the database file.
        country: prefix of numbers that come without one, such as ``+356``; None: they are matched without their plus.
    """

    def __init__(
        self,
        answering: Answering,
        say: Callable[[str, Carer | None, str, str], Awaitable[None]],
        path: Path,
        *,
        country: str | None = None,
    ) -> None:
        self._answering = answering
        self._say = say
        self._path = path
        self._country = country
        self._db: sqlite3.Connection | None = None
        self._replied: OrderedDict[str, list[datetime]] = OrderedDict()

    async def take(self, sms: Incoming) -> None:
        """Take one SMS, and answer it.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        number, carers = self._carers(sms.number)
        now = self._answering.now
        age = timedelta(0) if sms.sent_at is None else max(now - sms.sent_at, timedelta(0))
        found = _TEXT.fullmatch(sms.text.strip())
        if not carers:
            await self._stranger(sms, looks_like_one=found is not None)
            return
        open_ones = self._open(carers)
        if found is None:
            await self._help(number, carers[0], sms, self._hint(carers[0], open_ones))
            return
        alerts = [alert for alert in open_ones if found[2] is None or code_of(alert.id) == found[2].upper()]
        if len(alerts) != 1 or (found[2] is None and self._others_lately(carers, alerts[0], now - age)):
            await self._help(number, carers[0], sms, self._which(carers[0], alerts or open_ones))
            return
        reply = await self._answering.take(
            alerts[0].id,
            _SAID[found[1]],
            carer=[carer.id for carer in carers],
            via="sms",
            key=f"sms/{sms.id}",
            each_turn=not sms.numbered,
            age=age,
        )
        _LOG.info("sms.answer", carer=reply.carer, alert=alerts[0].id, taken=reply.taken.value)
        carer = next((one for one in carers if one.id == reply.carer), carers[0])
        await self._say(number, carer, f"{self._named(alerts[0])}: {reply.text}", self._mark(sms))

    @property
    def now(self) -> datetime:
        """The gateway's time, UTC-aware."""
        return self._answering.now

    @property
    def timezone(self) -> ZoneInfo:
        """The care centre's."""
        return self._answering.index.timezone

    def close(self) -> None:
        """Close the reading connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _reader(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = reader(self._path)
        return self._db

    def _open(self, carers: Sequence[Carer]) -> list[Alert]:
        """What is open and one of them was told about, the most urgent first."""
        known = {alert.id for carer in carers for alert in open_for(self._reader(), carer.id)}
        return [alert for alert in queries.open_alerts(self._reader()) if alert.id in known]

    def _others_lately(self, carers: Sequence[Carer], alert: Alert, sent_at: datetime) -> bool:
        """Whether they heard of another alert a short while before they wrote, or one that they knew of was closed; or
        they wrote before this one was there."""
        if alert.raised_at > sent_at:
            return True
        since = to_ms(sent_at - AMBIGUOUS_FOR)
        found = self._reader().execute(
            "SELECT 1 FROM notifications n JOIN alerts a ON a.id = n.alert WHERE n.alert != ? "
            "AND n.carer IN (SELECT value FROM json_each(?)) AND n.state IN ('sent', 'delivered', 'read') "
            "AND (n.settled_at >= ? OR n.created_at >= ? OR a.closed_at >= ?) LIMIT 1",
            (alert.id, msgspec.json.encode([carer.id for carer in carers]).decode(), since, since, since),
        )
        return found.fetchone() is not None

    def _hint(self, carer: Carer, alerts: Sequence[Alert]) -> str:
        if not alerts:
            return gettext(_NONE_OPEN, self._answering.index.language_of(carer))
        return gettext(_HELP, self._answering.index.language_of(carer), code=code_of(alerts[0].id))

    def _which(self, carer: Carer, shown: Sequence[Alert]) -> str:
        if not shown:
            return gettext(_NONE_OPEN, self._answering.index.language_of(carer))
        codes = ", ".join(self._named(alert) for alert in shown[:5])
        return gettext(_WHICH, self._answering.index.language_of(carer), codes=codes, code=code_of(shown[0].id))

    def _named(self, alert: Alert) -> str:
        code = code_of(alert.id)
        return f"{code} ({self._answering.index.public_name(alert.resident)})" if alert.resident else code

    def _mark(self, sms: Incoming) -> str:
        # the same words ten minutes later are another SMS, whose reply may say something else
        return sms.id if sms.numbered else f"{sms.id}/{to_ms(self._answering.now)}"

    async def _help(self, number: str, carer: Carer, sms: Incoming, text: str) -> None:
        if self._may_reply(number, REPLIES):
            await self._say(number, carer, text, self._mark(sms))
        else:
            _LOG.warning("sms.no_more_help", carer=carer.id)

    async def _stranger(self, sms: Incoming, *, looks_like_one: bool) -> None:
        """Somebody who means to answer learns that it was not taken; whoever keeps the log sees it too."""
        digits = re.sub(r"[^0-9]", "", sms.number)
        _LOG.warning("sms.stranger", number_ends=digits[-3:], looks_like_an_answer=looks_like_one)
        # a provider's name instead of a number can't be answered
        if not looks_like_one or len(digits) < SHORTEST:
            return
        if self._may_reply(f"+{digits}", REPLIES) and self._may_reply("", STRANGERS):
            text = gettext(_STRANGER, self._answering.index.site.language)
            await self._say(normal(sms.number, self._country), None, text, self._mark(sms))

    def _may_reply(self, number: str, most: int) -> bool:
        now = self._answering.now
        recent = [at for at in self._replied.pop(number, []) if now - at < REPLIES_WITHIN]
        free = len(recent) < most
        self._replied[number] = [*recent, now] if free else recent
        while len(self._replied) > REMEMBERED:
            self._replied.popitem(last=False)
        return free

    def _carers(self, number: str) -> tuple[str, list[Carer]]:
        """Who has this number, as their contacts write it. Those who share a telephone are all found."""
        given = ways_to_write(number, self._country)
        found = [
            (way.address, carer)
            for carer in self._answering.index.carers.values()
            for way in carer.contacts
            if way.channel in {"sms", "voice"} and way.address in given
        ]
        carers = list({carer.id: carer for _, carer in found}.values())
        return (found[0][0] if found else normal(number, self._country)), carers


class GammuInbox:
    """The inbox folder of gammu-smsd: what came in is taken, and then moved into the folder ``taken`` below it.

    Args:
        folder: gammu-smsd's inboxpath; its inboxformat is ``unicode``, the default.
        answers: takes the SMS.
        clock: the gateway's clock.
    """

    def __init__(self, folder: Path, answers: SmsAnswers, clock: Clock) -> None:
        self._folder = folder
        self._answers = answers
        self._clock = clock
        self._silent = False
        self._times = SentTimes()

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StoreFailedError: an answer could not be stored.
        """
        try:
            while True:
                await self.look()
                await self._clock.wait(asyncio.Event(), LOOK_EVERY_S)
        finally:
            self._answers.close()

    async def look(self) -> int:
        """Take what is there; returns how many SMS."""
        try:
            found = await asyncio.to_thread(self._read)
        except OSError as error:
            if not self._silent:
                _LOG.error("sms.inbox_unreadable", error=error.strerror)
            self._silent = True
            return 0
        self._silent = False
        for sms in found:
            await self._answers.take(sms)
            await asyncio.to_thread(self._done, sms.id)
        return len(found)

    def _read(self) -> list[Incoming]:
        found = []
        for file in sorted(self._folder.iterdir()):
            named = _FILE.fullmatch(file.name)
            if named:
                raw = file.read_bytes()
                # big-endian with its mark and a zero at the end, as gammu 1.42 writes it
                text = raw.decode("utf-16" if raw[:2] in {b"\xfe\xff", b"\xff\xfe"} else "utf-8", "replace")
                arrived = datetime.fromtimestamp(file.stat().st_mtime, UTC)
                sent_at = self._times.filed(named["stamp"], arrived, self._answers.timezone)
                found.append(Incoming(file.name, named["number"], text.rstrip("\0"), sent_at=sent_at))
        return found

    def _done(self, name: str) -> None:
        try:
            (self._folder / "taken").mkdir(exist_ok=True)
            (self._folder / name).rename(self._folder / "taken" / name)
        except OSError as error:
            # it will be read again, and change nothing, because its name is its key
            _LOG.error("sms.inbox_not_moved", error=error.strerror)


def normal(number: str, country: str | None = None) -> str:
    """A telephone number as contacts have it, +35679000000; as it came, when its country can't be known."""
    digits = re.sub(r"[^\d+]", "", number)
    if digits.startswith("+"):
        return digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    if country is None or digits.startswith(country.removeprefix("+")):
        return digits
    return country + digits.removeprefix("0")


def ways_to_write(number: str, country: str | None) -> frozenset[str]:
    """The numbers of contacts that a sender's number may stand for: providers leave out the plus, or the country."""
    digits = re.sub(r"[^\d+]", "", number)
    if digits.startswith(("+", "00")):
        return frozenset({normal(digits)})
    found = {"+" + digits}
    if country is not None:
        found.add(country + digits.removeprefix("0"))
    return frozenset(found)
