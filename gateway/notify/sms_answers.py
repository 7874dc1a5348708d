"""Answers by SMS: ``1 K7`` I am going, ``2 K7`` I can't, ``3 K7`` I am there; without the code when only one is open.

The sender's number must be a carer's contact; nobody else gets an answer. What can't be understood gets a helpful
reply, a few times an hour: two automatic repliers must not talk to each other all night.
"""

import asyncio
import re
import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from gateway.alerts.codes import code_of
from gateway.alerts.model import Alert
from gateway.centre.model import Carer
from gateway.clock import Clock
from gateway.notify.answering import Answering, Said, open_for
from gateway.store.database import reader
from gateway.words import N_, gettext

_LOG = structlog.get_logger(__name__)

REPLIES = 4
"""Helpful replies to one number within REPLIES_WITHIN; confirmations of what was taken are not counted."""
REPLIES_WITHIN = timedelta(hours=1)

LOOK_EVERY_S = 1.0
_SAID = {"1": Said.GOING, "2": Said.CANT, "3": Said.THERE}
_TEXT = re.compile(r"\W*([123])\W*([A-Za-z][0-9])?\W*")
_FILE = re.compile(r"IN\d{8}_\d{6}_[^_]*_(?P<number>[^_]*)_\d+\.txt")
_HELP = N_("Please answer 1 and the code for “I am going”, 2 and the code for “I can’t”, for example 1 {code}.")
_NONE_OPEN = N_("There is no open alert for you.")
_WHICH = N_("Which one? Open: {codes}. Answer for example 1 {code}.")


class Incoming(msgspec.Struct, frozen=True):
    """An SMS that came in. ``id`` tells two of them apart: the same one again changes nothing."""

    id: str
    number: str
    text: str


class SmsAnswers:
    """Takes SMS of carers.

    Args:
        answering: takes the answers.
        say: sends an SMS to a carer: number, carer, text, and a mark that is the same for the same reply.
        path: the database file.
    """

    def __init__(
        self, answering: Answering, say: Callable[[str, Carer, str, str], Awaitable[None]], path: Path
    ) -> None:
        self._answering = answering
        self._say = say
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._replied: OrderedDict[str, list[datetime]] = OrderedDict()

    async def take(self, sms: Incoming) -> None:
        """Take one SMS, and answer it.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        number = normal(sms.number)
        carer = self._carer(number)
        if carer is None:
            _LOG.warning("sms.stranger")
            return
        found = _TEXT.fullmatch(sms.text.strip())
        if found is None:
            await self._help(number, carer, sms, self._hint(carer))
            return
        alerts = [alert for alert in self._open(carer) if found[2] is None or code_of(alert.id) == found[2].upper()]
        if len(alerts) != 1:
            await self._help(number, carer, sms, self._which(carer, alerts))
            return
        reply = await self._answering.take(
            alerts[0].id, _SAID[found[1]], carer=carer.id, via="sms", key=f"sms/{sms.id}"
        )
        _LOG.info("sms.answer", carer=carer.id, alert=alerts[0].id, taken=reply.taken.value)
        await self._say(number, carer, reply.text, sms.id)

    def close(self) -> None:
        """Close the reading connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self, carer: Carer) -> list[Alert]:
        if self._db is None:
            self._db = reader(self._path)
        return open_for(self._db, carer.id)

    def _hint(self, carer: Carer) -> str:
        alerts = self._open(carer)
        if not alerts:
            return gettext(_NONE_OPEN, carer.language)
        return gettext(_HELP, carer.language, code=code_of(alerts[0].id))

    def _which(self, carer: Carer, alerts: list[Alert]) -> str:
        shown = alerts or self._open(carer)
        if not shown:
            return gettext(_NONE_OPEN, carer.language)
        index = self._answering.index
        codes = ", ".join(
            f"{code_of(alert.id)} ({index.public_name(alert.resident)})" if alert.resident else code_of(alert.id)
            for alert in shown[:5]
        )
        return gettext(_WHICH, carer.language, codes=codes, code=code_of(shown[0].id))

    async def _help(self, number: str, carer: Carer, sms: Incoming, text: str) -> None:
        now = self._answering.now
        recent = [at for at in self._replied.pop(number, []) if now - at < REPLIES_WITHIN]
        if len(recent) < REPLIES:
            recent.append(now)
            await self._say(number, carer, text, sms.id)
        else:
            _LOG.warning("sms.no_more_help", carer=carer.id)
        self._replied[number] = recent

    def _carer(self, number: str) -> Carer | None:
        for carer in self._answering.index.carers.values():
            if any(way.channel in {"sms", "voice"} and way.address == number for way in carer.contacts):
                return carer
        return None


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
                found.append(Incoming(file.name, named["number"], text.rstrip("\0")))
        return found

    def _done(self, name: str) -> None:
        try:
            (self._folder / "taken").mkdir(exist_ok=True)
            (self._folder / name).rename(self._folder / "taken" / name)
        except OSError as error:
            # it will be read again, and change nothing, because its name is its key
            _LOG.error("sms.inbox_not_moved", error=error.strerror)


def normal(number: str) -> str:
    """A telephone number as contacts have it: +35679000000."""
    digits = re.sub(r"[^\d+]", "", number)
    return "+" + digits[2:] if digits.startswith("00") else digits
