"""Bringing a device in as JSON: what a label means, who is heard, a new device, a test press, handing it on.

For managers, as the pages of it are. What changes the centre is a version of it, and can be undone.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.centre.diff import Document
from gateway.console import editing
from gateway.console.centre_api import change_centre, unmet_condition
from gateway.console.deps import console_of
from gateway.console.editing import in_force
from gateway.console.entries import find, new_id, put
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.handing_on import HAD_UNTIL, ahead, hand_on, too_early
from gateway.console.once import once
from gateway.console.pairing import Label, Press, Waiting, heard_since, matches, read_label, waiting_room
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.warded_guards import own_wards

LOOKS_BACK: Final = timedelta(minutes=15)

_Why: TypeAlias = Annotated[str, msgspec.Meta(max_length=300)]


class LabelView(msgspec.Struct):
    """What a code on a label says, and which waiting devices it means."""

    label: Label
    waiting: list[Waiting]


class WaitingRoom(msgspec.Struct):
    """Devices that were heard in the last hour and that the centre does not have, the newest first."""

    waiting: list[Waiting]


class DeviceWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new device: ``type``, ``format`` and ``address`` as in the centre file. With ``resident`` it is theirs from
    ``since`` on (RFC 3339; null: from now on). ``why`` says why, for the version."""

    type: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    format: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    model: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    resident: str | None = None
    since: datetime | None = None
    why: _Why = ""


class DeviceMade(msgspec.Struct):
    """The new device's id, and the version of the centre that has it."""

    device: str
    version: int


class HandOnWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose the device is from ``at`` on (RFC 3339): a resident's, or (null) nobody's. ``why`` says why.

    ``at`` lies after the time from which the present person has it: past readings stay whose they are. ``later``: true
    where ``at`` lies more than five minutes ahead; until then the device stays with the present person."""

    resident: str | None
    at: datetime
    later: bool = False
    why: _Why = ""


class Heard(msgspec.Struct):
    """What a device said since ``since`` (UTC), the newest first; at most ten. Empty: press once more."""

    device: str
    since: datetime
    heard: list[Press]


def router() -> Router:
    """GET /api/centre/waiting-room and /pairing; POST /api/centre/devices, …/{id}/hand-on; GET …/{id}/heard."""
    writes: dict[str, Any] = {"guards": [same_origin], "opt": {"exclude_from_csrf": True}}

    @get("/waiting-room", summary="Unknown devices that are heard", operation_id="waitingRoom")
    async def waiting(request: Request[Any, Any, Any]) -> WaitingRoom:
        return WaitingRoom(_waiting(request))

    @get("/pairing", summary="What a code on a label means", operation_id="pairing")
    async def pairing(
        request: Request[Any, Any, Any],
        code: Annotated[str, QueryParameter(max_length=300, description="What the label or its QR code says.")],
    ) -> Response[Any]:
        label = read_label(code)
        if label is None:
            return problem(422, "code: expected a LoRaWAN QR code, a DevEUI, an IMEI or a serial number")
        return Response(LabelView(label, matches(label, _waiting(request))))

    @post("/devices", summary="Bring a device in", operation_id="addDevice", status_code=201, **writes)
    @once
    async def add(request: Request[Any, Any, Any], data: JSONBody[DeviceWanted]) -> Response[Any]:
        console, now = console_of(request), console_of(request).deps.clock.now()
        since = data.since or now
        if since.tzinfo is None:
            return _no_zone("since", since)
        found = in_force(console)
        if data.resident is not None and find(found.document, "residents", data.resident) is None:
            return problem(422, f"resident: {data.resident[:60]!r}: expected a resident of the centre, or null")
        device = new_id(found.document, "devices", "")
        entry = {"id": device, "type": data.type, "format": data.format, "address": data.address, "model": data.model}

        def edit(document: Document) -> None:
            put(document, "devices", None, {name: value for name, value in entry.items() if value})
            if data.resident is not None:
                one = {"device": device, "resident": data.resident, "from": _utc(since)}
                put(document, "assignments", None, one)

        applied = await editing.change(console, required_visitor(request), found.version, edit, data.why)
        return Response(DeviceMade(device, applied.version), status_code=201)

    @post(
        "/devices/{device:str}/hand-on", summary="Give a device to somebody else; needs If-Match",
        operation_id="handOnDevice", status_code=200, **writes,
    )  # fmt: skip
    @once
    async def give(
        request: Request[Any, Any, Any], device: FromPath[str], data: JSONBody[HandOnWanted]
    ) -> Response[Any]:
        document = in_force(console_of(request)).document
        if find(document, "devices", device) is None:
            return problem(404, "There is no such device.")
        if data.at.tzinfo is None:
            return _no_zone("at", data.at)
        if data.resident is not None and find(document, "residents", data.resident) is None:
            return problem(422, f"resident: {data.resident[:60]!r}: expected a resident of the centre, or null")
        at, now = _utc(data.at), console_of(request).deps.clock.now()
        if (unmet := unmet_condition(request)) is not None:
            return unmet
        if (wrong := _untimely(document, device, data, now)) is not None:
            return problem(422, f"at: {at}: {wrong}")
        return await change_centre(request, lambda centre: hand_on(centre, device, data.resident, at, now), data.why)

    @get("/devices/{device:str}/heard", summary="What a device said lately: a test press", operation_id="heardOfDevice")
    async def heard(
        request: Request[Any, Any, Any],
        device: FromPath[str],
        since: Annotated[
            datetime | None, QueryParameter(description="From then on (RFC 3339); the last 15 minutes.")
        ] = None,
    ) -> Response[Any]:
        console, now = console_of(request), console_of(request).deps.clock.now()
        entry = find(in_force(console).document, "devices", device)
        if entry is None:
            return problem(404, "There is no such device.")
        begin = since or now - LOOKS_BACK
        if begin.tzinfo is None:
            return _no_zone("since", begin)
        begin = max(begin, now - timedelta(days=1))
        # until the rules have a new device, its messages still go by the name that nobody knows
        names = (device, f"{entry['format']}:{entry['address']}")
        found = [one for name in names for one in heard_since(console.db(), name, begin)]
        found.sort(key=lambda one: one.received_at, reverse=True)
        return Response(Heard(device, begin, found[:10]))

    return Router(
        "/api/centre", route_handlers=[waiting, pairing, add, give, heard], guards=[at_least("manager"), own_wards],
        tags=["centre"],
    )  # fmt: skip


def _waiting(request: Request[Any, Any, Any]) -> list[Waiting]:
    console = console_of(request)
    devices = in_force(console).document.get("devices", ())
    return waiting_room(
        console.db(), console.deps.clock.now(), [(str(one["format"]), str(one["address"])) for one in devices]
    )


def _untimely(document: Document, device: str, data: HandOnWanted, now: datetime) -> str | None:
    """Why a device can't be given on from that time; None: it can."""
    if (early := too_early(document, device, data.at, now)) is not None:
        words = "somebody had it until" if early[0] == HAD_UNTIL else "the present person has had it since"
        return f"{words} {_utc(early[1])}: expected a later time"
    if ahead(data.at, now) and not data.later:
        return "this lies ahead, until then it stays with the present person: expected later=true"
    return None


def _no_zone(field: str, at: datetime) -> Response[bytes]:
    return problem(422, f"{field}: {at.isoformat()}: expected a time zone, such as the Z at its end")


def _utc(at: datetime) -> str:
    """As the centre's document has times."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
