"""The map: who is where, as far as each agreed; a resident's way of a day; the zones of the house."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.enums import MediaType
from litestar.params import QueryParameter
from markupsafe import Markup

from gateway import words
from gateway.centre.index import CentreIndex
from gateway.centre.model import Zone
from gateway.clock import to_ms
from gateway.console import map_svg
from gateway.console.beside import beside
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.map_data import Overview, overview, track
from gateway.console.map_svg import Drawing, Mark
from gateway.console.map_way import REFUSED, newest, span_of, ways
from gateway.console.map_words import WHY, Line, hidden_lines, lines, points, rooms
from gateway.console.pages import Tongue, asks_for_part, live_page, page, render, tongue_for
from gateway.console.privacy import Purpose, Shown, shown
from gateway.console.routing import Router
from gateway.console.tiles import Ground
from gateway.console.wards import ward_name, wards_of
from gateway.console.zone_model import zones_for

TARGET: Final = "map"
"""What a look at the map of all is called in the audit."""

PICTURE_S: Final = 5
"""A picture of the map is used again for so long by the same reader."""
_MOST_PICTURES: Final = 200


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
        said = lines(found, index, tongue, self._old_after)
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
        """The map of one resident with the way of a day, or a kind word why not; its parts for its own script."""
        tongue, index = tongue_for(request, visitor), console.deps.index()
        why = shown(console, visitor, name, Purpose.LOCATION)
        resident = index.residents.get(name)
        part = asks_for_part(request)
        address = "/map?" + urlencode({"resident": name} | ({"day": day} if day else {}))
        if resident is None or not why.allowed:
            text = tongue(REFUSED.get(why, REFUSED[Shown.NOT_YOURS]))
            if part:  # what was open is taken away with all that names the person
                return live_page(request, "map_track.html", tongue, address, visitor=visitor, text=text)
            status = 404 if why is Shown.NOT_YOURS else 200
            return page(
                request, "map_hidden.html", tongue, status=status, visitor=visitor, text=text,
                resident=resident if why is not Shown.NOT_YOURS else None,
            )  # fmt: skip
        await looked(console, visitor.id, f"resident/{name}", via="page", again=part)
        chosen = span_of(day, console, why)
        found = await beside(console, lambda db: track(db, name, chosen.since, chosen.until))
        said = points(found, index, tongue)
        last = newest(found, said, chosen, tongue, self._old_after)
        context: dict[str, Any] = {
            "visitor": visitor,
            "resident": resident,
            "text": None,
            "points": said,
            "newest": last,
            "chosen": chosen,
            "why": tongue(WHY[why.value]),
        }
        if part:
            return live_page(request, "map_track.html", tongue, address, **context)
        zones = zones_for(index, visitor)
        look = "spot aged" if last is not None and last.old else "spot"
        marks = [
            Mark(lon=one.lon, lat=one.lat, accuracy_m=one.accuracy_m, look=look, label=resident.room)
            for one in said[-1:]
        ]
        drawing = map_svg.draw(zones, marks, ways(said))
        ground = self._drawn_on(tongue, drawing, zones)
        return live_page(request, "map_track.html", tongue, address, **context, **ground)

    @property
    def _old_after(self) -> timedelta:
        return timedelta(minutes=self._ground.settings.old_after_min)

    def _page(
        self,
        request: Request[Any, Any, Any],
        tongue: Tongue,
        *,
        drawing: Drawing | None,
        zones: Sequence[Zone],
        **context: Any,
    ) -> Response[str]:
        ground = self._drawn_on(tongue, drawing, zones)
        return page(request, "map.html", tongue, now=tongue.at(tongue.now), **ground, **context)

    def _drawn_on(self, tongue: Tongue, drawing: Drawing | None, zones: Sequence[Zone]) -> dict[str, Any]:
        """What a template needs to draw a map."""
        return {
            "leaflet": self._ground.leaflet.url,
            "tiles": self._ground.template,
            "attribution": self._ground.settings.attribution,
            "max_zoom": self._ground.max_zoom,
            "shapes": [shape_of(zone) for zone in zones],
            "drawing": drawing,
            "scale": "" if drawing is None else words.distance(drawing.bar_m, tongue.language),
        }


def shape_of(zone: Zone) -> dict[str, Any]:
    """A zone as map.js draws it."""
    return {
        "id": zone.id, "name": zone.name, "geometry": zone.geometry, "radius_m": zone.radius_m, "width_m": zone.width_m
    }  # fmt: skip


def _mark(line: Line) -> Mark:
    mark = line.alerts[0].mark if line.alerts else ""
    return Mark(lon=line.lon, lat=line.lat, accuracy_m=line.accuracy_m, look=line.look, label=line.room, mark=mark)
