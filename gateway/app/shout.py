"""When the store fails: tell a person without it. The outbox can't be used, so this is one attempt on each way."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog

from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.notify.channel import Channel, Outgoing
from gateway.words import N_, gettext

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
    carers = [index.carers[name] for name in index.policy_of(None).failsafe if name in index.carers]
    tries = [
        _send(channels[contact.channel], _message(index, clock, carer.id, carer.language, contact.address, base_url))
        for carer in carers
        for contact in carer.contacts
        if contact.channel in channels
    ]
    reached = sum(await asyncio.gather(*tries))
    _LOG.critical("store.failed_told", messages=reached, of=len(tries))
    return reached


async def _send(channel: Channel, message: Outgoing) -> bool:
    try:
        async with asyncio.timeout(_TIME_S):
            await channel.send(message)
    except Exception as error:  # noqa: BLE001 - each way is tried on its own; there is nobody else to tell
        _LOG.error("store.failed_not_told", channel=channel.name, carer=message.carer, error=type(error).__name__)
        return False
    return True


def _message(index: CentreIndex, clock: Clock, carer: str, language: str, address: str, base_url: str) -> Outgoing:
    now = clock.now()
    return Outgoing(
        notification=0,
        idempotency=uuid4().hex,
        alert=0,
        purpose="alert",
        address=address,
        carer=carer,
        language=language,
        title=gettext(_TITLE, language),
        body=gettext(_BODY, language),
        link=base_url,
        link_words=gettext(_LINK_WORDS, language),
        site=index.site.id,
        resident=None,
        room=None,
        device=None,
        rule=RULE,
        priority="high",
        raised_at=now,
        observed_at=now,
        now=now,
    )
