"""When the store fails: tell a person without it. The outbox can't be used, so this is one attempt on each way."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import structlog

from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer
from gateway.clock import Clock
from gateway.notify.channel import Channel, Outgoing
from gateway.words import N_, gettext, time_of

_LOG = structlog.get_logger(__name__)

RULE = "store_failed"
AGAIN_AFTER = timedelta(minutes=10)
_NOTE = "store-failed"
_TIME_S = 10.0
"""Real seconds that all attempts together may take: the daemon must start anew, alarms wait in the broker."""

_TITLE = N_("!!! The telecare gateway can't store alarms")
_BODY = N_("It starts anew by itself. If this message comes again, alarms are not heard: call a technician now.")
_LINK_WORDS = N_("Open the page")


async def shout(
    channels: Mapping[str, Channel], index: CentreIndex, clock: Clock, base_url: str, *, folder: Path
) -> int:
    """Tell the failsafe carers of the centre's first policy on all of their contacts; how many were reached.

    Not again within AGAIN_AFTER: a full disk stops every start after a few seconds. Where even that can't be noted
    (``folder`` is on the full disk), telling too often is the lesser evil.
    """
    note = folder / _NOTE
    now = clock.now()
    with suppress(OSError, ValueError):
        if timedelta(0) <= now - datetime.fromisoformat(note.read_text(encoding="ascii")) < AGAIN_AFTER:
            return 0
    with suppress(OSError):
        note.write_text(now.isoformat(), encoding="ascii")
    tries = await tell_failsafe(channels, index, clock, base_url, Words(RULE, _TITLE, _BODY))
    for one in tries:
        if one.error is not None:
            _LOG.error("store.failed_not_told", channel=one.channel, carer=one.carer, error=one.error)
    reached = sum(one.error is None for one in tries)
    _LOG.critical("store.failed_told", messages=reached, of=len(tries))
    return reached


class Words(msgspec.Struct, frozen=True):
    """What is told without the store: msgids, and the times (UTC-aware) for the blanks of the body."""

    rule: str
    title: str
    body: str
    times: Mapping[str, datetime] = {}
    priority: str = "high"
    purpose: str = "alert"


class Tried(msgspec.Struct, frozen=True):
    """One way that was tried; ``error``: the kind of what went wrong, None: the message was taken."""

    channel: str
    carer: str
    error: str | None


async def tell_failsafe(
    channels: Mapping[str, Channel], index: CentreIndex, clock: Clock, base_url: str, words: Words
) -> list[Tried]:
    """Tell the failsafe carers of the centre's first policy, once on each of their contacts, all at the same time."""
    carers = [index.carers[name] for name in index.policy_of(None).failsafe if name in index.carers]
    return await asyncio.gather(
        *(
            _send(channels[contact.channel], _message(index, clock, carer, contact.address, base_url, words))
            for carer in carers
            for contact in carer.contacts
            if contact.channel in channels
        )
    )


async def _send(channel: Channel, message: Outgoing) -> Tried:
    try:
        async with asyncio.timeout(_TIME_S):
            await channel.send(message)
    except Exception as error:  # noqa: BLE001 - each way is tried on its own; there is nobody else to tell
        return Tried(channel.name, message.carer, type(error).__name__)
    return Tried(channel.name, message.carer, None)


def _message(index: CentreIndex, clock: Clock, carer: Carer, address: str, base_url: str, words: Words) -> Outgoing:
    now, language = clock.now(), index.language_of(carer)
    times = {name: time_of(at, language, index.timezone, now) for name, at in words.times.items()}
    return Outgoing(
        notification=0,
        idempotency=uuid4().hex,
        alert=0,
        purpose=words.purpose,
        address=address,
        carer=carer.id,
        language=language,
        title=gettext(words.title, language),
        body=gettext(words.body, language, **times),
        link=base_url,
        link_words=gettext(_LINK_WORDS, language),
        site=index.site.id,
        resident=None,
        room=None,
        device=None,
        rule=words.rule,
        priority=words.priority,
        raised_at=now,
        observed_at=now,
        now=now,
    )
