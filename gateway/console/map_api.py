"""The map as JSON: positions as GeoJSON, and a resident's way."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from devices.model import Position
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.listing import POLLED, Cursor, piece, polled
from gateway.console.looks import looked
from gateway.console.map import TARGET
from gateway.console.map_data import DRAWN, Spot, is_coarse, overview, track
from gateway.console.map_way import REFUSED, span_of
from gateway.console.pages import tongue_for
from gateway.console.privacy import Purpose, Shown, shown
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.store.fixes import taken_at
from gateway.store.places import Found

MOST: Final = 1000
MOST_FIXES: Final = 5000


class PointGeometry(msgspec.Struct, frozen=True, tag="Point", tag_field="type"):
    """A GeoJSON Point: longitude and latitude in degrees (WGS 84)."""

    coordinates: tuple[float, float]


class AlertThere(msgspec.Struct, frozen=True):
    """An open alert of the person: its number, priority (high, medium, low) and rule."""

    id: int
    priority: str
    rule: str


class WhoIsThere(msgspec.Struct, frozen=True, kw_only=True):
    """A position. ``at`` is when it was taken (UTC), ``age_s`` whole minutes since then in seconds; ``accuracy_m`` the
    radius in metres (null: not known); ``coarse``: near which mast or beacon, not where; ``shown``: why it may be
    shown: agreed, alarm (an alert is open) or break_glass."""

    resident: str
    room: str
    at: datetime
    age_s: int
    accuracy_m: float | None
    source: str | None
    coarse: bool
    device: str
    shown: str
    alerts: list[AlertThere]


class Feature(msgspec.Struct, frozen=True, tag="Feature", tag_field="type"):
    """A GeoJSON Feature of one person's position."""

    id: str
    geometry: PointGeometry
    properties: WhoIsThere


class Everybody(msgspec.Struct, frozen=True, kw_only=True, tag="FeatureCollection", tag_field="type"):
    """Who may be shown, and where they were last. ``hidden`` counts the others by reason (not_agreed, no_alarm),
    ``unknown`` are ids without a position of the last 7 days; ``left_out`` were too many for ``limit``."""

    features: list[Feature]
    hidden: dict[str, int]
    unknown: list[str]
    left_out: int


class FixSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A position of a way; ``at`` UTC, ``accuracy_m`` metres or null."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None
    source: str | None
    coarse: bool
    device: str


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A resident's positions from ``since`` until before ``until`` (UTC), the oldest first; ``shown``: why.
    ``next``: cursor of the next piece; null: this is the last one."""

    resident: str
    since: datetime
    until: datetime
    shown: str
    fixes: list[FixSeen]
    next: str | None


def router() -> Router:
    """GET /api/map, GET /api/residents/{resident}/track."""

    @get(
        "/api/map",
        summary="Who is where, as far as each agreed",
        operation_id="map",
        responses=POLLED,
        tags=["map"],
    )
    async def everybody(
        request: Request[Any, Any, Any],
        ward: Annotated[str | None, QueryParameter()] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = DRAWN,
    ) -> Response[Everybody]:
        visitor, console = required_visitor(request), console_of(request)
        found = await overview(console, visitor, ward=ward, most=limit)
        now, residents = console.deps.clock.now(), console.deps.index().residents
        view = Everybody(
            features=[_feature(one, residents[one.resident].room, now) for one in found.spots],
            hidden={why.value: number for why, number in found.hidden.items()},
            unknown=found.unknown[:MOST],
            left_out=found.left_out,
        )
        return await polled(request, view, look=TARGET)

    @get(
        "/api/residents/{resident:str}/track",
        summary="Where a resident was on a day",
        operation_id="residentTrack",
        tags=["map"],
    )
    async def way(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        day: Annotated[str | None, QueryParameter(description="A local day, YYYY-MM-DD; default: 24 hours")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST_FIXES, description="At most so many.")] = MOST_FIXES,
        cursor: Cursor = None,
    ) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        why = shown(console, visitor, resident, Purpose.LOCATION)
        if not why.allowed:
            text = tongue_for(request, visitor)(REFUSED.get(why, REFUSED[Shown.NOT_YOURS]))
            return problem(404 if why is Shown.NOT_YOURS else 403, text)
        await looked(console, visitor.id, f"resident/{resident}", via="api")
        span = span_of(day, console, why)
        found = await beside(console, lambda db: track(db, resident, span.since, span.until))
        part, more = piece(found, cursor, limit, key=lambda one: one.seq)
        fixes = [_fix(one, one.reading) for one in part if isinstance(one.reading, Position)]
        return Response(
            Way(resident=resident, since=span.since, until=span.until, shown=why.value, fixes=fixes, next=more)
        )

    return Router("/", route_handlers=[everybody, way], guards=[at_least("relative")])


def _feature(spot: Spot, room: str, now: datetime) -> Feature:
    return Feature(
        id=spot.resident,
        geometry=PointGeometry((spot.lon, spot.lat)),
        properties=WhoIsThere(
            resident=spot.resident,
            room=room,
            at=spot.at,
            age_s=max(0, int((now - spot.at).total_seconds() // 60 * 60)),
            accuracy_m=spot.accuracy_m,
            source=spot.source,
            coarse=spot.coarse,
            device=spot.device,
            shown=spot.why,
            alerts=[AlertThere(one.id, one.priority, one.rule) for one in spot.alerts],
        ),
    )


def _fix(found: Found, fix: Position) -> FixSeen:
    return FixSeen(
        at=taken_at(found),
        lon=fix.lon,
        lat=fix.lat,
        accuracy_m=fix.accuracy_m,
        source=fix.source,
        coarse=is_coarse(fix),
        device=found.device,
    )
