"""The map: who is where, as far as each agreed; a resident's way of a day; the zones of the house."""

import asyncio
import hashlib
from collections import OrderedDict
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.enums import MediaType
from litestar.params import QueryParameter
from markupsafe import Markup

from gateway import words
from gateway.centre.index import CentreIndex
from gateway.centre.model import Resident, Zone
from gateway.clock import to_ms
from gateway.console import map_svg
from gateway.console.beside import beside
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.map_data import Overview, overview, track
from gateway.console.map_svg import Drawing, Mark
from gateway.console.map_words import Line, Point, hidden_lines, lines, points, rooms
from gateway.console.pages import Tongue, page, render, tongue_for
from gateway.console.privacy import Purpose, Shown, shown
from gateway.console.routing import Router
from gateway.console.tiles import Ground
from gateway.console.wards import ward_name, wards_of
from gateway.console.zone_model import zones_for
from gateway.words import N_
from rules.night import instant

TARGET: Final = "map"
"""What a look at the map of all is called in the audit."""

PICTURE_S: Final = 5
"""A picture of the map is used again for so long by the same reader."""
_MOST_PICTURES: Final = 200

REFUSED: Final = {
    Shown.NOT_AGREED: N_("This person did not agree to be located, so the map does not show them."),
    Shown.NO_ALARM: N_("This person agreed to be located while an alert about them is open. None is open now."),
    Shown.NOT_YOURS: N_("There is nobody of that name whom you may see on the map."),
}


class Picture(NamedTuple):
    """The inner part of the page for one reader, its ETag, and the drawing without scripts."""

    html: str
    etag: str
    found: Overview
    lines: list[Line]


class Map:
    """The routes, with the pictures of the last seconds."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._pictures: OrderedDict[tuple[str, ...], tuple[int, Picture]] = OrderedDict()

    def router(self) -> Router:
        """GET /map, GET /map/part."""

        @get("/map")
        async def show(
            request: Request[Any, Any, Any],
            resident: Annotated[str | None, QueryParameter()] = None,
            day: Annotated[str | None, QueryParameter()] = None,
            ward: Annotated[str | None, QueryParameter()] = None,
        ) -> Response[str]:
            visitor, console = required_visitor(request), console_of(request)
            if resident is not None:
                return await self._one(request, console, visitor, resident, day)
            tongue = tongue_for(request, visitor)
            wards = wards_of(console.deps.index(), visitor)
            ward = ward if ward in wards else None
            await looked(console, visitor.id, TARGET, via="page")
            picture = await self._picture(console, visitor, tongue, ward)
            zones = zones_for(console.deps.index(), visitor)
            drawing = await asyncio.to_thread(map_svg.draw, zones, [_mark(line) for line in picture.lines])
            return self._page(
                request,
                tongue,
                visitor=visitor,
                fragment=Markup(picture.html),  # noqa: S704 - our own template's output, escaped there
                etag=picture.etag,
                part="/map/part" + (f"?ward={ward}" if ward else ""),
                drawing=drawing,
                zones=zones,
                wards=[(one, ward_name(one)) for one in wards] if len(wards) > 1 else [],
                ward=ward,
            )

        @get("/map/part")
        async def part(
            request: Request[Any, Any, Any], ward: Annotated[str | None, QueryParameter()] = None
        ) -> Response[str]:
            visitor, console = required_visitor(request), console_of(request)
            ward = ward if ward in wards_of(console.deps.index(), visitor) else None
            picture = await self._picture(console, visitor, tongue_for(request, visitor), ward)
            if request.headers.get("if-none-match") == picture.etag:
                return Response("", status_code=304, headers={"ETag": picture.etag})
            await looked(console, visitor.id, TARGET, via="page", again=True)
            return Response(picture.html, media_type=MediaType.HTML, headers={"ETag": picture.etag})

        return Router("/", route_handlers=[show, part], guards=[at_least("relative")], include_in_schema=False)

    async def _picture(self, console: Console, visitor: Visitor, tongue: Tongue, ward: str | None) -> Picture:
        slot = to_ms(tongue.now) // (PICTURE_S * 1000)
        reader = (visitor.id, tongue.language, ward or "", str(id(console.deps.index())), str(console.changes.number))
        known = self._pictures.get(reader)
        if known is not None and known[0] == slot:
            return known[1]
        found = await overview(console, visitor, ward=ward)
        picture = await asyncio.to_thread(self._written, found, console.deps.index(), visitor, tongue)
        self._pictures[reader] = (slot, picture)
        while len(self._pictures) > _MOST_PICTURES:
            self._pictures.popitem(last=False)
        return picture

    def _written(self, found: Overview, index: CentreIndex, visitor: Visitor, tongue: Tongue) -> Picture:
        said = lines(found, index, tongue, timedelta(minutes=self._ground.settings.old_after_min))
        html = render(
            "_map_list.html",
            tongue,
            lines=said,
            hidden=hidden_lines(found, tongue),
            unknown=rooms(found.unknown, index),
            staff=visitor.sees_everyone,
        )
        return Picture(html, f'"{hashlib.sha256(html.encode()).hexdigest()[:20]}"', found, said)

    async def _one(
        self, request: Request[Any, Any, Any], console: Console, visitor: Visitor, name: str, day: str | None
    ) -> Response[str]:
        """The map of one resident with the way of a day, or a kind word why not."""
        tongue, index = tongue_for(request, visitor), console.deps.index()
        why = shown(console, visitor, name, Purpose.LOCATION)
        resident = index.residents.get(name)
        if resident is None or not why.allowed:
            text = tongue(REFUSED.get(why, REFUSED[Shown.NOT_YOURS]))
            status = 404 if why is Shown.NOT_YOURS else 200
            return page(
                request, "map_hidden.html", tongue, status=status, visitor=visitor, text=text,
                resident=resident if why is not Shown.NOT_YOURS else None,
            )  # fmt: skip
        await looked(console, visitor.id, f"resident/{name}", via="page")
        chosen = span_of(day, console, why)
        found = await beside(console, lambda db: track(db, name, chosen.since, chosen.until))
        said = points(found, index, tongue)
        zones = zones_for(index, visitor)
        newest = [Mark(lon=one.lon, lat=one.lat, accuracy_m=one.accuracy_m, label=resident.room) for one in said[-1:]]
        return self._page(
            request,
            tongue,
            visitor=visitor,
            resident=resident,
            points=said,
            chosen=chosen,
            why=why,
            drawing=map_svg.draw(zones, newest, ways(said)),
            zones=zones,
            etag="",
            part="",
        )

    def _page(self, request: Request[Any, Any, Any], tongue: Tongue, **context: Any) -> Response[str]:
        zones: Any = context.pop("zones")
        drawing = context["drawing"]
        settings = self._ground.settings
        resident: Resident | None = context.setdefault("resident", None)
        return page(
            request,
            "map.html" if resident is None else "map_track.html",
            tongue,
            now=tongue.at(tongue.now),
            leaflet=self._ground.leaflet.url,
            tiles=self._ground.template,
            attribution=settings.attribution,
            max_zoom=self._ground.max_zoom,
            shapes=[shape_of(zone) for zone in zones],
            scale=_scale(drawing, tongue) if isinstance(drawing, Drawing) else "",
            **context,
        )


class Span(NamedTuple):
    """The time of a track (UTC, ``until`` exclusive); ``day``: the local day; None: the last 24 hours."""

    since: datetime
    until: datetime
    day: date | None
    free: bool
    """Whether a day can be chosen: only by who agreed to be shown at any time."""


def span_of(day: str | None, console: Console, why: Shown) -> Span:
    """The time that is asked for: a local day (YYYY-MM-DD), or the last 24 hours when it is none that can be shown."""
    now, zone = console.deps.clock.now(), console.deps.index().timezone
    free = why is Shown.AGREED
    try:
        chosen = date.fromisoformat(day) if day and free else None
    except ValueError:
        chosen = None
    if chosen is None or not date(2000, 1, 1) <= chosen <= now.astimezone(zone).date():
        return Span(now - timedelta(hours=24), now + timedelta(seconds=1), None, free)
    return Span(
        instant(datetime.combine(chosen, time.min), zone),
        instant(datetime.combine(chosen + timedelta(days=1), time.min), zone),
        chosen,
        free,
    )


def ways(track: list[Point]) -> list[list[tuple[float, float]]]:
    """The track in pieces between which nobody knows the way."""
    found: list[list[tuple[float, float]]] = []
    for point in track:
        if point.gap or not found:
            found.append([])
        found[-1].append((point.lon, point.lat))
    return found


def shape_of(zone: Zone) -> dict[str, Any]:
    """A zone as map.js draws it."""
    return {
        "id": zone.id, "name": zone.name, "geometry": zone.geometry, "radius_m": zone.radius_m, "width_m": zone.width_m
    }  # fmt: skip


def _mark(line: Line) -> Mark:
    label = f"{line.alerts[0].mark} {line.room}" if line.alerts else line.room
    return Mark(lon=line.lon, lat=line.lat, accuracy_m=line.accuracy_m, look=line.look, label=label)


def _scale(drawing: Drawing, tongue: Tongue) -> str:
    return words.distance(drawing.bar_m, tongue.language)
