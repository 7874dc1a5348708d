"""The page of the system: broker, lanes, store, messages, certificates; what works, what does not, since when."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get

from gateway.console import system_items
from gateway.console.beside import beside
from gateway.console.certificates import Certificate, certificates
from gateway.console.deps import Console, console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.routing import Router
from gateway.console.system_items import WORDS, Health, Item
from gateway.store import standing
from gateway.store.standing import ChannelStanding, StoreStanding


class SystemView(msgspec.Struct, kw_only=True):
    """How the gateway stands. Sizes in bytes, times RFC 3339 in UTC. ``health`` as /healthz shows it on the machine."""

    ok: bool
    at: datetime
    health: dict[str, Any]
    store: StoreStanding
    channels: list[ChannelStanding]
    certificates: list[Certificate]


def router() -> Router:
    """GET /system, GET /api/system."""

    @get("/system", include_in_schema=False)
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        found = await _found(console)
        await looked(console, visitor.id, "system", via="page")
        items = _items(console, found, tongue)
        worst = next((look for look in ("bad", "warn") if any(item.look == look for item in items)), "good")
        return page(
            request,
            "system.html",
            tongue,
            visitor=visitor,
            items=system_items.worst_first(items),
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
    now, health, index = deps.clock.now(), dict(deps.health()), deps.index()
    in_use = deps.certificates_in_use()
    probes = {f"telecare/{index.site.id}/{probe.address}/status" for probe in index.probes}
    store, channels, certs = await beside(
        console,
        lambda db: (
            standing.store(db, deps.database, now=now, probes=probes),
            standing.channels(db, now=now),
            certificates(deps.certificates, in_use),
        ),
    )
    return SystemView(
        ok=bool(health.get("ok")), at=now, health=health, store=store, channels=channels, certificates=certs
    )


def _items(console: Console, found: SystemView, tongue: Tongue) -> list[Item]:
    """The parts in the order of the data's way."""
    health = Health(found.health)
    used = {contact.channel for carer in console.deps.index().carers.values() for contact in carer.contacts}
    return [
        *system_items.lanes(health, tongue),
        *system_items.posts(health, tongue),
        *system_items.decoders(health, tongue),
        *system_items.last_message(found.store, tongue),
        *system_items.probes(health, tongue),
        *system_items.store(health, found.store, tongue),
        *system_items.channels(found.channels, used, console.deps.channels, tongue),
        *(system_items.certificate(one, tongue) for one in found.certificates),
    ]
