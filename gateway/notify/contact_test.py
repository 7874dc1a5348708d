"""A test of one way to reach a carer: a real message through the real channel, marked as a test, and its record."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from gateway.alerts import contact_tests
from gateway.alerts.contact_tests import TEST_PURPOSE
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer
from gateway.clock import Clock
from gateway.links import Links
from gateway.notify.channel import Channel, Failure, Outgoing
from gateway.store.writer import Tx
from gateway.words import N_, gettext

Write = Callable[[Callable[[Tx], int]], Awaitable[int]]

_TITLE = N_("Test: {site}")
_BODY = N_("This is a test. Nothing happened, and nobody needs you. Please open the link and say that it came.")
_LINK_WORDS = N_("Say that it came")


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test: its number in the record, and why it failed."""

    id: int
    carer: str
    contact: int
    channel: str
    ok: bool
    detail: str | None


async def try_contact(
    carer: Carer,
    contact: int,
    *,
    channels: Mapping[str, Channel],
    index: CentreIndex,
    links: Links,
    clock: Clock,
    write: Write,
    by: str,
) -> Tested:
    """Send a test, and keep what became of it. Never raises for what a channel does.

    Args:
        carer: whom.
        contact: which of their contacts, from 0.
        channels: by their word in the centre file.
        index: the centre.
        links: makes the link with which the carer confirms it.
        clock: the gateway's clock.
        write: runs a piece of work in a transaction that is on disk when it comes back.
        by: who asked for it.
    """
    way = carer.contacts[contact]
    number = await write(
        lambda tx: contact_tests.begin(
            tx, carer=carer.id, contact=contact, channel=way.channel, address=way.address, by=by
        )
    )
    channel = channels.get(way.channel)
    if channel is None:
        detail: str | None = f"[channels.{way.channel}] is not in gateway.toml"
    else:
        detail = await _sent(channel, _message(carer, way.address, number, index, links, clock))

    def keep(tx: Tx) -> int:
        contact_tests.end(tx, number, ok=detail is None, detail=detail)
        return number

    await write(keep)
    return Tested(id=number, carer=carer.id, contact=contact, channel=way.channel, ok=detail is None, detail=detail)


async def _sent(channel: Channel, message: Outgoing) -> str | None:
    """Why it could not be sent; None: the provider has it."""
    try:
        async with asyncio.timeout(channel.timeout_s):
            await channel.send(message)
    except Failure as failure:
        return str(failure)
    except TimeoutError:
        return f"no answer within {channel.timeout_s:g} s"
    except Exception as error:  # noqa: BLE001 - a mistake in a channel is a finding of its test
        return f"the channel broke: {type(error).__name__}"
    return None


def _message(carer: Carer, address: str, number: int, index: CentreIndex, links: Links, clock: Clock) -> Outgoing:
    now, language = clock.now(), index.language_of(carer)
    return Outgoing(
        notification=0,
        idempotency=f"test-{number}-{round(now.timestamp())}",
        alert=0,
        purpose=TEST_PURPOSE,
        address=address,
        carer=carer.id,
        language=language,
        title=gettext(_TITLE, language, site=index.site.name),
        body=gettext(_BODY, language),
        link=links.make(0, carer.id, f"{TEST_PURPOSE}:{number}"),
        link_words=gettext(_LINK_WORDS, language),
        site=index.site.id,
        resident=None,
        room=None,
        device=None,
        rule=TEST_PURPOSE,
        priority="low",
        raised_at=now,
        observed_at=now,
        now=now,
        urgency=2,
    )
