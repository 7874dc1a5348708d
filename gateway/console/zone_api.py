"""Zones as JSON: read, check, try, change. A change is a new version of the centre, made from one that was seen."""

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.centre.model import Zone
from gateway.console import editing, zone_model, zone_trial
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import MOST, POLLED, Cursor, Limit, piece, polled
from gateway.console.looks import looked
from gateway.console.once import once
from gateway.console.pages import Tongue, tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.trying import Trial
from gateway.console.zone_form import BAD_ID, RESERVED
from gateway.console.zone_model import Checked, Fault
from gateway.console.zone_store import in_force, remove, seen, store, users_said, zone_at
from gateway.console.zone_trial import Draft, Result
from gateway.console.zones import GONE, MAX_BODY_BYTES, NO_SUCH_TRIAL, NO_TRIAL, looked_at_zone

_OPEN: dict[str, Any] = {"exclude_from_csrf": True}


class ZoneWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone as it shall be. ``geometry`` is GeoJSON (lon, lat in degrees): Polygon, MultiPolygon, Point with
    ``radius_m``, LineString or MultiLineString with ``width_m`` (metres); none for a zone of rooms. ``base`` is the
    version that the change was made from (``version`` of GET /api/zones); it is needed to change something."""

    name: str
    geometry: dict[str, Any] | None = None
    radius_m: float | None = None
    width_m: float | None = None
    rooms: list[str] = []
    beacons: list[str] = []
    base: int | None = None
    why: str = ""


class ZoneSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A zone. ``kind``: circle, polygon, corridor or indoor; ``square_m``: its size; ``residents``: who of the
    asker's wards uses it."""

    id: str
    name: str
    kind: str
    geometry: dict[str, Any] | None
    radius_m: float | None
    width_m: float | None
    rooms: list[str]
    beacons: list[str]
    square_m: float | None
    residents: list[str]


class ZoneList(msgspec.Struct, frozen=True, kw_only=True):
    """Zones of a version of the centre. ``next``: cursor of the next piece; null: this is the last one."""

    version: int
    zones: list[ZoneSeen]
    next: str | None


class TrialSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A trial of the last four weeks: ``state`` is waiting, running, done, failed or cancelled; ``done`` 0 to 1;
    ``residents``: how many plans name the zone; ``result`` when it is done, in the reader's language."""

    id: str
    zone: str
    state: str
    done: float
    residents: int
    result: Result | None = None


class Saved(msgspec.Struct, frozen=True):
    """The version that holds the change."""

    version: int
    changed: bool


def router() -> Router:
    """GET, PUT, DELETE /api/zones/{id}, GET /api/zones, POST /api/zones/check, POST /api/zones/{id}/trial,
    GET /api/zones/trials/{number}."""

    @get("/api/zones", summary="All zones", operation_id="zones", responses=POLLED, tags=["zones"])
    async def listed(request: Request[Any, Any, Any], limit: Limit = MOST, cursor: Cursor = None) -> Response[ZoneList]:
        console = console_of(request)
        found = in_force(console)
        part, more = piece(found.entries, cursor, limit, key=lambda one: one["id"])
        users = await _users(request, (one["id"] for one in part))
        zones = await asyncio.to_thread(lambda: [_seen(one, users) for one in seen(console, part)])
        view = ZoneList(version=found.version, zones=zones, next=more)
        return await polled(request, view, look="zones")

    @get("/api/zones/{name:str}", summary="A zone", operation_id="zone", tags=["zones"])
    async def one(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
        console = console_of(request)
        zone = zone_at(console, name)
        if zone is None:
            return problem(404, _tongue(request)(GONE))
        await looked_at_zone(request, name, via="api")
        return Response(_seen(zone, await _users(request, [name])))

    @put(
        "/api/zones/{name:str}",
        summary="Make or change a zone: a new version of the centre",
        operation_id="putZone",
        tags=["zones"],
        guards=[at_least("manager"), same_origin],
        opt=_OPEN,
        request_max_body_size=MAX_BODY_BYTES,
    )
    async def put_zone(
        request: Request[Any, Any, Any], name: FromPath[str], data: JSONBody[ZoneWanted]
    ) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        found = await asyncio.to_thread(_checked, name, data, _tongue(request))
        if not found.good:
            return _refused(found)
        if data.base is None:
            return problem(422, "base: expected the version of GET /api/zones that the change was made from")
        applied = await store(console, visitor, _document(name, data), data.base, why=data.why)
        return Response(Saved(applied.version, applied.changed))

    @delete(
        "/api/zones/{name:str}",
        status_code=200,
        summary="Delete a zone that no plan names",
        operation_id="deleteZone",
        tags=["zones"],
        guards=[at_least("manager"), same_origin],
        opt=_OPEN,
    )
    async def delete_zone(
        request: Request[Any, Any, Any], name: FromPath[str], base: Annotated[int, QueryParameter()]
    ) -> Response[Any]:
        visitor, console, tongue = required_visitor(request), console_of(request), _tongue(request)
        if zone_at(console, name) is None:
            return problem(404, tongue(GONE))
        used = users_said(console, visitor, name, tongue)
        if used is not None:
            return problem(409, used)
        applied = await remove(console, visitor, name, base)
        return Response(Saved(applied.version, applied.changed))

    @post(
        "/api/zones/check",
        status_code=200,
        summary="Say whether a zone could be used; nothing is changed",
        operation_id="checkZone",
        tags=["zones"],
        guards=[at_least("manager"), same_origin],
        opt=_OPEN,
        request_max_body_size=MAX_BODY_BYTES,
    )
    async def check(request: Request[Any, Any, Any], data: JSONBody[ZoneWanted]) -> Checked:
        return await asyncio.to_thread(_checked, "zone", data, _tongue(request))

    @post(
        "/api/zones/{name:str}/trial",
        status_code=202,
        summary="Try a zone on the last four weeks; GET the trial to see how far it is",
        operation_id="tryZone",
        tags=["zones"],
        guards=[at_least("manager"), same_origin],
        opt=_OPEN,
        request_max_body_size=MAX_BODY_BYTES,
    )
    @once
    async def begin(request: Request[Any, Any, Any], name: FromPath[str], data: JSONBody[ZoneWanted]) -> Response[Any]:
        visitor, console, tongue = required_visitor(request), console_of(request), _tongue(request)
        found = await asyncio.to_thread(_checked, name, data, tongue)
        if not found.good:
            return _refused(found)
        present = editing.in_force(console)
        trial = await zone_trial.start(console, visitor.id, _document(name, data), present.version)
        known = None if trial is None else zone_trial.find(console, trial.id, visitor.id)
        if known is None:
            return problem(409, tongue(NO_TRIAL))
        return Response(_of(*known, None))

    @get(
        "/api/zones/trials/{number:str}",
        summary="How far a trial is, and what it gave",
        operation_id="zoneTrial",
        tags=["zones"],
        guards=[at_least("manager")],
    )
    async def trial(request: Request[Any, Any, Any], number: FromPath[str]) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        tongue, index = _tongue(request), console.deps.index()
        found = zone_trial.find(console, number, visitor.id)
        if found is None:
            return problem(404, tongue(NO_SUCH_TRIAL))
        if found[0].found is not None:
            await looked(console, visitor.id, zone_trial.looked_at(found[0]), via="api")
        mine = frozenset(one.id for one in index.residents.values() if visitor.sees(one))
        return Response(_of(*found, zone_trial.result(found[0], index, mine, tongue)))

    return Router(
        "/", route_handlers=[listed, one, put_zone, delete_zone, check, begin, trial], guards=[at_least("carer")]
    )


def _document(name: str, data: ZoneWanted) -> dict[str, Any]:
    whole = {field: getattr(data, field) for field in ("name", "geometry", "radius_m", "width_m", "rooms", "beacons")}
    return {"id": name, **{field: value for field, value in whole.items() if value not in (None, [])}}


def _checked(name: str, data: ZoneWanted, tongue: Tongue) -> Checked:
    if name in RESERVED:
        return Checked(faults=[Fault(field="id", text=tongue(BAD_ID))])
    found = zone_model.check(_document(name, data))
    said = [Fault(field=one.field, text=tongue(one.text), lon=one.lon, lat=one.lat) for one in found.faults]
    return msgspec.structs.replace(found, faults=said)


def _refused(found: Checked) -> Response[Any]:
    return problem(422, "; ".join(one.text for one in found.faults), faults=msgspec.to_builtins(found.faults))


async def _users(request: Request[Any, Any, Any], zones: Iterable[str]) -> dict[str, list[str]]:
    """Who uses these zones, as far as it is the asker's business."""
    index, visitor = console_of(request).deps.index(), required_visitor(request)
    await asyncio.to_thread(zone_model.users_of, index)  # of a version that nobody asked for yet it takes a while
    return zone_model.users_for(index, visitor, zones)


def _seen(zone: Zone, users: dict[str, list[str]]) -> ZoneSeen:
    return ZoneSeen(
        id=zone.id,
        name=zone.name,
        kind=zone.shape.kind,
        geometry=zone.geometry,
        radius_m=zone.radius_m,
        width_m=zone.width_m,
        rooms=list(zone.rooms),
        beacons=list(zone.beacons),
        square_m=round(zone.shape.square_m, 1) if zone.shape.has_ground else None,
        residents=users.get(zone.id, []),
    )


def _of(trial: Trial, draft: Draft, result: Result | None) -> TrialSeen:
    return TrialSeen(
        id=trial.id,
        zone=draft.zone["id"],
        state=trial.state,
        done=round(trial.done, 3),
        residents=draft.residents,
        result=result,
    )


def _tongue(request: Request[Any, Any, Any]) -> Tongue:
    return tongue_for(request, required_visitor(request))
