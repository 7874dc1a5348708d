"""Zones for managers: a list, and an editor of number fields that scripts make into a drawing."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gateway.centre.index import HOUSE
from gateway.centre.model import Zone
from gateway.console import map_svg, trying, zone_form, zone_model, zone_trial
from gateway.console.deps import console_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.map import shape_of
from gateway.console.pages import page, tongue_for
from gateway.console.problems import refuse
from gateway.console.residents import LONGEST_SEARCH
from gateway.console.routing import Router
from gateway.console.tiles import Ground
from gateway.console.zone_form import Form
from gateway.console.zone_lists import begin, nearest, piece
from gateway.console.zone_model import Checked, Fault
from gateway.console.zone_store import Zones, in_force, remove, seen, store, users_said, zone_at
from gateway.console.zone_words import checked_of, described, done_said, row, said, users_named
from gateway.errors import CentreError, VersionConflictError
from gateway.words import N_

Fields = URLEncodedBody[dict[str, str]]

MAX_BODY_BYTES: Final = 512 * 1024
"""Of a zone as JSON."""

FORM: Final = {"most_fields": 10_500, "most_form": 384 * 1024}
"""A form of 5,000 corners in fields of their own has some 10,010 fields in 255 KiB, each number as long as it gets."""

CHANGED_HERE: Final = N_(
    "Somebody else changed this place meanwhile. What you drew is still here, and nothing was saved. "
    "Saving once more replaces their change."
)
CHANGED_ELSEWHERE: Final = N_(
    "Somebody else changed something else of the house meanwhile. What you drew is still here: please save once more."
)
TAKEN: Final = N_("Another place has this short name. Please take another one.")
SETTLE_S: Final = 2.0
"""A trial that is over sooner is shown at once."""
NO_TRIAL: Final = N_("Trying out is not possible here.")
NO_SUCH_TRIAL: Final = N_("This trial is not known any more. Please try the place out once more.")
GONE: Final = N_("There is no such place (any more).")
MOST_PAGES: Final = 100_000
EMPTY_POINTS: Final = 2
"""Empty rows after the points of each path, for whoever works without scripts; scripts take them out."""


async def looked_at_zone(request: Request[Any, Any, Any], name: str, *, via: str) -> None:
    """Whose plans name a zone is shown with it: that is a look at them."""
    visitor, console = required_visitor(request), console_of(request)
    users = [one for one in zone_model.users_for(console.deps.index(), visitor, [name])[name] if one != HOUSE]
    if users:
        await looked(console, visitor.id, f"zone/{name}", via=via, about=users)


class Pages:
    """The pages of zones."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def router(self) -> Router:
        """GET /zones, GET and POST /zones/new and /zones/{id}, GET /zones/{id}/delete."""

        @get("/zones")
        async def listed(
            request: Request[Any, Any, Any],
            done: Annotated[str, QueryParameter()] = "",
            q: Annotated[str, QueryParameter()] = "",
            page: Annotated[str, QueryParameter()] = "",
        ) -> Response[str]:
            return await self._list(request, done, q, min(_whole(page), MOST_PAGES))

        @get("/zones/new")
        async def new(
            request: Request[Any, Any, Any], shape: Annotated[str, QueryParameter()] = "circle"
        ) -> Response[str]:
            form = Form(shape=shape if shape in zone_form.SHAPES else "circle", radius_m="80", width_m="30")
            return await self._editor(request, form, known=False)

        @get("/zones/{name:str}")
        async def show(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[str]:
            zone = zone_at(console_of(request), name)
            if zone is None:
                return refuse(request, 404, tongue_for(request, required_visitor(request))(GONE))
            await looked_at_zone(request, name, via="page")
            return await self._editor(request, zone_form.form_of(zone), known=True)

        @get("/zones/trials/{number:str}")
        async def trial(request: Request[Any, Any, Any], number: FromPath[str]) -> Response[str]:
            return await self._trial(request, number)

        @post("/zones/new", status_code=200, request_max_body_size=MAX_BODY_BYTES, opt=FORM)
        async def made(request: Request[Any, Any, Any], data: Fields) -> Response[Any]:
            return await self._posted(request, data, None)

        @post("/zones/{name:str}", status_code=200, request_max_body_size=MAX_BODY_BYTES, opt=FORM)
        async def changed(request: Request[Any, Any, Any], name: FromPath[str], data: Fields) -> Response[Any]:
            return await self._posted(request, data, name)

        return Router(
            "/",
            route_handlers=[listed, new, show, trial, made, changed],
            guards=[at_least("manager")],
            include_in_schema=False,
        )

    async def _list(self, request: Request[Any, Any, Any], done: str, asked: str, number: int) -> Response[str]:
        visitor, found = required_visitor(request), in_force(console_of(request))
        return await asyncio.to_thread(self._listed, request, visitor, found, done, asked, number)

    def _listed(
        self, request: Request[Any, Any, Any], visitor: Visitor, found: Zones, done: str, asked: str, number: int
    ) -> Response[str]:
        console, tongue = console_of(request), tongue_for(request, visitor)
        users = zone_model.users_of(console.deps.index())
        part = piece(found.entries, asked, number)
        zones = seen(console, part.entries)
        return page(
            request,
            "zones.html",
            tongue,
            visitor=visitor,
            rows=[row(zone, users.get(zone.id, []), tongue) for zone in zones],
            part=part,
            q=asked[:LONGEST_SEARCH],
            all=len(found.entries),
            total=tongue.many("{n} place", "{n} places", part.total),
            notice=done_said(done, {one["id"]: one["name"] for one in found.entries}, tongue),
            drawing=map_svg.draw(zones, []),
            shapes=[shape_of(zone) for zone in zones],
            **self._map(),
        )

    async def _posted(  # noqa: PLR0911 - each thing that can be done is one answer
        self, request: Request[Any, Any, Any], data: Mapping[str, str], name: str | None
    ) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        form, zone, faults = await asyncio.to_thread(_read, data, name)
        base, wanted = _whole(data.get("base", "")), data.get("do", "check")
        if wanted == "edit":
            return await self._editor(request, form, known=name is not None, base=base)
        if wanted == "delete" and name is not None:
            return await self._delete(request, name, base, form)
        faults = [said(one, tongue) for one in faults]
        checked = Checked(faults=faults) if faults else await asyncio.to_thread(checked_of, zone, tongue)
        if name is None and checked.good and zone_at(console, form.id) is not None:
            checked = Checked(faults=[Fault(field="id", text=tongue(TAKEN))])
        if wanted == "check" or not checked.good:
            status = 200 if wanted == "check" else 422
            return await self._editor(request, form, known=name is not None, base=base, checked=checked, status=status)
        if wanted == "try":
            return await self._try(request, form, zone, known=name is not None, base=base)
        try:
            await store(console, visitor, zone, base, why=form.why)
        except VersionConflictError:
            return await self._conflict(request, form, base, known=name is not None)
        except CentreError as error:
            faults = [Fault(field=one.key, text=f"{one.key}: {one.expected}") for one in error.problems[:20]]
            return await self._editor(
                request, form, known=name is not None, base=base, checked=Checked(faults=faults), status=422
            )
        return Redirect(f"/zones?done=saved-{zone['id']}", status_code=303)

    async def _delete(self, request: Request[Any, Any, Any], name: str, base: int, form: Form) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        used = users_said(console, visitor, name, tongue)
        if used is not None:
            return await self._editor(request, form, known=True, base=base, notice=used, status=409)
        try:
            await remove(console, visitor, name, base, why=form.why)
        except VersionConflictError:
            return await self._conflict(request, form, base, known=True)
        return Redirect(f"/zones?done=gone-{name}", status_code=303)

    async def _try(
        self, request: Request[Any, Any, Any], form: Form, zone: dict[str, Any], *, known: bool, base: int
    ) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        trial = await zone_trial.start(console, visitor.id, zone, base, why=form.why)
        if trial is None:
            return await self._editor(request, form, known=known, base=base, notice=tongue(NO_TRIAL), status=409)
        await trying.settle(trial, SETTLE_S)
        return Redirect(f"/zones/trials/{trial.id}", status_code=303)

    async def _trial(self, request: Request[Any, Any, Any], number: str) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue, index = tongue_for(request, visitor), console.deps.index()
        found = zone_trial.find(console, number, visitor.id)
        if found is None:
            return refuse(request, 404, tongue(NO_SUCH_TRIAL))
        trial, draft = found
        known = zone_at(console, draft.zone["id"]) is not None
        if trial.found is not None:
            await looked(console, visitor.id, zone_trial.looked_at(trial), via="page")
        mine = frozenset(one.id for one in index.residents.values() if visitor.sees(one))
        drawn = zone_form.form_of(Zone.model_validate(draft.zone))
        return await asyncio.to_thread(
            page,
            request,
            "zone_trial.html",
            tongue,
            visitor=visitor,
            trial=trial,
            draft=draft,
            result=zone_trial.result(trial, index, mine, tongue),
            action=f"/zones/{draft.zone['id']}" if known else "/zones/new",
            fields=zone_form.fields_of(msgspec.structs.replace(drawn, why=draft.why)),
        )

    async def _conflict(self, request: Request[Any, Any, Any], form: Form, base: int, *, known: bool) -> Response[str]:
        """Nothing is lost: the form comes back as it was, ready to be saved over the newest version."""
        console = console_of(request)
        tongue = tongue_for(request, required_visitor(request))
        same = zone_at(console, form.id) == zone_at(console, form.id, version=base)
        text = CHANGED_ELSEWHERE if same else CHANGED_HERE
        return await self._editor(request, form, known=known, typed=True, notice=tongue(text), status=409)

    async def _editor(
        self,
        request: Request[Any, Any, Any],
        form: Form,
        *,
        known: bool,
        base: int | None = None,
        typed: bool = False,
        checked: Checked | None = None,
        notice: str | None = None,
        status: int = 200,
    ) -> Response[str]:
        visitor, found = required_visitor(request), in_force(console_of(request))
        return await asyncio.to_thread(  # thousands of zones, or of corners
            self._edited, request, visitor, found, form, known=known, typed=typed or base is not None,
            base=found.version if base is None else base, checked=checked, notice=notice, status=status,
        )  # fmt: skip

    def _edited(
        self,
        request: Request[Any, Any, Any],
        visitor: Visitor,
        found: Zones,
        form: Form,
        *,
        known: bool,
        checked: Checked | None,
        **context: Any,
    ) -> Response[str]:
        console, tongue = console_of(request), tongue_for(request, visitor)
        zone, bad = zone_form.zone_of(form)
        drawn = [Zone.model_validate(zone)] if not bad and zone_model.check(zone).good else []
        placed = [one for one in found.entries if one["id"] != form.id and one.get("geometry")]
        others = seen(console, nearest(placed, begin(drawn[0].geometry) if drawn else None))
        faults = {fault.field: fault.text for fault in checked.faults} if checked else {}
        places = [fault for fault in checked.faults if fault.lon is not None] if checked else []
        return page(
            request,
            "zone.html",
            tongue,
            visitor=visitor,
            form=form,
            known=known,
            shapes_known=[(value, tongue(text)) for value, text in zone_form.SHAPES.items()],
            faults=faults,
            places_json=json.dumps([[one.lon, one.lat] for one in places]),
            places=places,
            checked=described(checked, tongue) if checked and checked.good else [],
            users=users_named(console.deps.index(), visitor, form.id, tongue) if known else [],
            can_try=console.deps.trier is not None,
            shapes=[shape_of(one) for one in others],
            left_out=len(placed) - len(others),
            drawing=map_svg.draw([*drawn, *others] if drawn else others, []),
            action=f"/zones/{form.id}" if known else "/zones/new",
            empty=EMPTY_POINTS,
            **context,
            **self._map(),
        )

    def _map(self) -> dict[str, Any]:
        return {
            "leaflet": self._ground.leaflet.url,
            "tiles": self._ground.template,
            "attribution": self._ground.settings.attribution,
            "max_zoom": self._ground.max_zoom,
        }


def _read(data: Mapping[str, str], name: str | None) -> tuple[Form, dict[str, Any], list[Fault]]:
    """What was sent: the form, the zone that it says, and what can't be read in it."""
    form = zone_form.read(data)
    form.id = name or form.id
    return form, *zone_form.zone_of(form)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else 0
