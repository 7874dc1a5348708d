"""The page of the system: broker, lanes, store, messages, certificates; what works, what does not, since when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from babel.numbers import format_decimal
from litestar import Request, Response, Router, get

from gateway.console.beside import beside
from gateway.console.certificates import Certificate, certificates
from gateway.console.deps import Console, console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.store import standing
from gateway.store.standing import ChannelStanding, StoreStanding
from gateway.words import N_

LITTLE_SPACE: Final = 2 * 2**30
"""Two GiB free: some weeks of a large house, so that somebody can act on a working day."""
SOON: Final = timedelta(days=21)
"""Automatic renewals happen a month ahead; a certificate with less than three weeks was not renewed."""
QUIET: Final = timedelta(minutes=15)
"""No message at all for so long: in a house with devices something is wrong on the way."""


class Item(msgspec.Struct, frozen=True):
    """One thing: how it stands (good, warn, bad) and a sentence."""

    title: str
    look: str
    text: str


class SystemView(msgspec.Struct, kw_only=True):
    """How the gateway stands. Sizes in bytes, times RFC 3339 in UTC. ``health`` as /healthz shows it on the machine."""

    ok: bool
    at: datetime
    health: dict[str, Any]
    store: StoreStanding
    channels: list[ChannelStanding]
    certificates: list[Certificate]


WORDS: Final = {"good": N_("works"), "warn": N_("look at it"), "bad": N_("does not work")}


def router() -> Router:
    """GET /system, GET /api/system."""

    @get("/system", include_in_schema=False)
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        found = await _found(console)
        await looked(console, visitor.id, "system", via="page")
        items = [*_lanes(found, tongue), *_store(found, tongue), *_channels(console, found, tongue)]
        items += [_certificate(one, tongue) for one in found.certificates]
        worst = next((look for look in ("bad", "warn") if any(item.look == look for item in items)), "good")
        return page(
            request,
            "system.html",
            tongue,
            visitor=visitor,
            items=items,
            worst=worst,
            words={look: tongue(text) for look, text in WORDS.items()},
            at=tongue.at(tongue.now),
            centre=found.health.get("centre", {}),
        )

    @get("/api/system", summary="How the gateway stands", operation_id="system", tags=["system"])
    async def system(request: Request[Any, Any, Any]) -> SystemView:
        visitor, console = required_visitor(request), console_of(request)
        await looked(console, visitor.id, "system", via="api")
        return await _found(console)

    return Router("/", route_handlers=[show, system], guards=[at_least("manager")])


async def _found(console: Console) -> SystemView:
    deps = console.deps
    now, health = deps.clock.now(), dict(deps.health())
    store, channels, certs = await beside(
        console,
        lambda db: (
            standing.store(db, deps.database, now=now),
            standing.channels(db, now=now),
            certificates(deps.certificates),
        ),
    )
    return SystemView(
        ok=bool(health.get("ok")), at=now, health=health, store=store, channels=channels, certificates=certs
    )


def _lanes(found: SystemView, tongue: Tongue) -> list[Item]:
    items = []
    lanes = found.health.get("lanes")
    for name, lane in lanes.items() if isinstance(lanes, Mapping) else ():
        title = tongue("Messages of devices: {lane}", lane=name)
        waiting = tongue.many("{n} message waits", "{n} messages wait", int(lane.get("waiting", 0) or 0))
        if lane.get("connected") is False:
            text = tongue("There is no connection to the broker. {trouble}", trouble=lane.get("trouble") or "")
            items.append(Item(title, "bad", text))
        else:
            busy = lane.get("paused") or int(lane.get("waiting", 0) or 0) > 1000
            text = tongue("Connected, MQTT {protocol}. {waiting}.", protocol=lane.get("protocol", "?"), waiting=waiting)
            items.append(Item(title, "warn" if busy else "good", text))
    last = found.store.last_message
    if last is None:
        items.append(Item(tongue("Last message"), "warn", tongue("No device has sent anything yet.")))
    else:
        look = "warn" if found.at - last > QUIET else "good"
        items.append(Item(tongue("Last message"), look, tongue("{time} ago", time=tongue.since(last))))
    return items


def _store(found: SystemView, tongue: Tongue) -> list[Item]:
    health = found.health.get("store")
    fine = not isinstance(health, Mapping) or bool(health.get("ok", True))
    little = found.store.free_bytes < LITTLE_SPACE
    text = tongue(
        "The database has {size}; {free} are free on the disk.",
        size=_size(found.store.database_bytes + found.store.log_bytes, tongue),
        free=_size(found.store.free_bytes, tongue),
    )
    look = "good" if fine and not little else "warn" if fine else "bad"
    unread = found.store.quarantined
    return [
        Item(tongue("Store"), look, text),
        Item(
            tongue("Messages that could not be read"),
            "warn" if unread else "good",
            tongue.many("{n} in the last 24 hours", "{n} in the last 24 hours", unread),
        ),
    ]


def _channels(console: Console, found: SystemView, tongue: Tongue) -> list[Item]:
    known = {one.channel: one for one in found.channels}
    used = {contact.channel for carer in console.deps.index().carers.values() for contact in carer.contacts}
    items = []
    for name in sorted(used | set(known)):
        title = tongue("Messages to carers: {channel}", channel=name)
        if console.deps.channels is not None and name not in console.deps.channels:
            items.append(Item(title, "bad", tongue("Carers have it as a contact, but it is not set up here.")))
            continue
        one = known.get(name)
        if one is None:
            items.append(Item(title, "good", tongue("Nothing was sent in the last 24 hours.")))
            continue
        late = one.oldest_waiting is not None and found.at - one.oldest_waiting > timedelta(minutes=1)
        text = tongue(
            "{told} sent, {failed} failed, {waiting} waiting in the last 24 hours.",
            told=one.told,
            failed=one.failed,
            waiting=one.waiting,
        )
        if one.last_told is not None:
            text += " " + tongue("The last went out at {time}.", time=tongue.at(one.last_told))
        items.append(Item(title, "bad" if late else "warn" if one.failed else "good", text))
    return items


def _certificate(one: Certificate, tongue: Tongue) -> Item:
    title = tongue("Certificate: {name}", name=one.name)
    if one.until is None:
        return Item(title, "bad", tongue("It can’t be read: {problem}", problem=one.problem or ""))
    look = "bad" if one.until <= tongue.now else "warn" if one.until - tongue.now < SOON else "good"
    return Item(title, look, tongue("It is good until {time}.", time=tongue.at(one.until)))


def _size(number: int, tongue: Tongue) -> str:
    """Bytes as people write them, in steps of 1,000 as disks are sold."""
    for unit, step in (("GB", 10**9), ("MB", 10**6)):
        if number >= step:
            return f"{format_decimal(round(number / step, 1), locale=tongue.language)} {unit}"
    return f"{number // 1000} kB"
