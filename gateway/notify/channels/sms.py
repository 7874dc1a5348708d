"""Channel ``sms``: through a modem (the folders of gammu-smsd) or through a provider's HTTP API.

Answers come back as SMS, see gateway.notify.sms_answers.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.alerts.codes import code_of
from gateway.clock import monotonic
from gateway.notify.channel import MOST_WORKERS, Outgoing, PermanentFailure, Sent, TemporaryFailure
from gateway.notify.http import OpenHttp, destination
from gateway.notify.template import Template
from gateway.words import N_, gettext

_LOG = structlog.get_logger(__name__)

LONGEST = 600
"""Characters: some five SMS. What is longer is cut, because each part costs and takes seconds."""

_LOOK_EVERY_S = 0.2
_ANSWER = N_("Answer 1 {code}: I am going. 2 {code}: I can’t.")


def text_of(message: Outgoing, *, link: bool) -> str:
    """What stands in the SMS: the title, what to do, how to answer, and the link where it is wanted."""
    parts = []
    if message.asks:
        parts.append(gettext(_ANSWER, message.language, code=code_of(message.alert)))
    # a test can only be confirmed by its link
    if link or not message.alert:
        parts.append(message.link)
    # how to answer is never what is cut
    room = LONGEST - sum(len(part) + 1 for part in parts)
    said = f"{message.title}\n{message.body}"
    said = said if len(said) <= room else said[: max(0, room - 2)] + " …"
    return "\n".join((said, *parts))[:LONGEST]


class HttpSmsChannel:
    """Tells by SMS through a provider's HTTP API.

    Args:
        template: the provider's API.
        receipt_url: makes the address at which the provider reports what became of a notification.
        link: whether the link stands in the SMS.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "sms"
    workers = MOST_WORKERS

    def __init__(
        self, template: Template, *, receipt_url: Callable[[int], str], link: bool = True, timeout_s: float = 10.0
    ) -> None:
        self._template = template
        self._receipt_url = receipt_url
        self._link = link
        self.timeout_s = timeout_s
        self._http = OpenHttp(timeout_s=timeout_s)

    def destination(self, address: str) -> str:
        """The provider's server."""
        return destination(self._template.url)

    async def send(self, message: Outgoing) -> Sent:
        """Hand it to the provider."""
        values = {
            "to": message.address,
            "text": text_of(message, link=self._link),
            "id": message.idempotency,
            "carer": message.carer,
            "language": message.language,
            "receipt_url": self._receipt_url(message.notification),
        }
        return Sent(await self._template.send(self._http, values, message.now))

    async def say(self, number: str, text: str, message: Outgoing) -> None:
        """An SMS that is no notification, such as the answer to an answer; raises as :meth:`send`."""
        values = {"to": number, "text": text[:LONGEST], "id": message.idempotency, "carer": message.carer}
        values |= {"language": message.language, "receipt_url": self._receipt_url(0)}
        await self._template.send(self._http, values, message.now)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class GammuSmsChannel:
    """Tells by SMS through the folders of gammu-smsd's files service.

    gammu-smsd takes a file from the outbox when it has a network, and moves it to the sent or the error folder. An
    attempt that is repeated finds its own file again by its name, so nobody gets the SMS twice.

    Args:
        outbox: gammu-smsd's outboxpath; sent, errors: its sentsmspath and errorsmspath.
        link: whether the link stands in the SMS.
        timeout_s: how long gammu-smsd may take.
    """

    name = "sms"
    workers = 8
    """They only wait; the modem sends one after the other."""

    def __init__(self, *, outbox: Path, sent: Path, errors: Path, link: bool = True, timeout_s: float = 60.0) -> None:
        self._outbox, self._sent, self._errors = outbox, sent, errors
        self._link = link
        self.timeout_s = timeout_s

    def destination(self, address: str) -> str:
        """There is one modem."""
        return "modem"

    async def send(self, message: Outgoing) -> Sent:
        """Put it into the outbox, and wait until gammu-smsd has sent it or given up."""
        name = await asyncio.to_thread(
            self._put, message.address, text_of(message, link=self._link), message.idempotency, message.priority
        )
        until = monotonic() + self.timeout_s * 0.9  # so that we say what is wrong, not the dispatcher's own time-out
        while monotonic() < until:
            place = await asyncio.to_thread(self._where, name)
            if place is self._sent:
                return Sent(name)
            if place is self._errors:
                await asyncio.to_thread(self._forget, name)
                raise PermanentFailure("the modem could not send it; gammu-smsd's log says why")
            await asyncio.sleep(_LOOK_EVERY_S)
        raise TemporaryFailure("gammu-smsd has not sent it yet: does it run, and has the modem a network?")

    async def say(self, number: str, text: str, message: Outgoing) -> None:
        """An SMS that is no notification, such as the answer to an answer: put into the outbox, and left there."""
        await asyncio.to_thread(self._put, number, text[:LONGEST], message.idempotency, "low")

    async def close(self) -> None:
        """Nothing to let go of."""

    def _put(self, number: str, text: str, mark: str, priority: str) -> str:
        # OUT<priority><date>_<time>_<serial>_<number>_<note>.txt; A goes first (gammu-smsd, "Service using files")
        letter = {"high": "A", "medium": "H"}.get(priority, "P")
        name = f"OUT{letter}20000101_000000_00_{number}_{mark}.txt"
        if self._where(name) is not None:
            return name
        draft = self._outbox / f".{name}.new"  # gammu-smsd looks for names that begin with OUT
        try:
            # UTF-16 with its mark: read alike whatever the locale of gammu-smsd is
            draft.write_bytes(text.encode("utf-16"))
            # group-writable, or a gammu-smsd of another user could not move it
            draft.chmod(0o660)
            os.replace(draft, self._outbox / name)  # noqa: PTH105 - atomic, and the same folder
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise TemporaryFailure(f"gammu-smsd's outbox can't be written: {error.strerror}") from error
        return name

    def _where(self, name: str) -> Path | None:
        for folder in (self._outbox, self._sent, self._errors):
            if (folder / name).exists():
                return folder
        return None

    def _forget(self, name: str) -> None:
        """So that another attempt would be one."""
        try:
            (self._errors / name).rename(self._errors / f"seen-{name}")
        except OSError as error:
            _LOG.warning("sms.error_file_stays", error=error.strerror)


SmsChannel = HttpSmsChannel | GammuSmsChannel
