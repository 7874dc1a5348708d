"""Bringing a device in: a code or the waiting room, who gets it, and a test press; and handing it on."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from devices import registry
from gateway.centre.diff import Document
from gateway.clock import from_ms, to_ms
from gateway.console import qr
from gateway.console.admin import LOOK_AT_FIELDS, MAX_FORM_BYTES, admin_page, after, flaws_in_words, present
from gateway.console.deps import console_of
from gateway.console.entries import find, new_id, offered, put, spread
from gateway.console.entry_saving import save_entry
from gateway.console.form_fields import WORDS, said
from gateway.console.form_read import NEEDED, NO_MOMENT, WAS, Flaw, Form, form_of, moment_in, wall
from gateway.console.guards import at_least, required_visitor
from gateway.console.handing_on import LATER, LATER_NEW, ahead, hand_on, holder_of, moment, too_early, wearer_of
from gateway.console.pages import Tongue, tongue_for
from gateway.console.pairing import heard_since, is_proof, known_as, matches, named_already, read_label, waiting_room
from gateway.console.routing import Router
from gateway.console.warded import seen
from gateway.console.warded_guards import own_wards
from gateway.errors import CentreError, VersionConflictError
from gateway.words import N_

TYPES: Final = (
    "tracker", "fall_detector", "bed_sensor", "continence_sensor", "sos_button", "hub", "door_sensor", "motion_sensor",
    "room_sensor", "lamp", "other",
)  # fmt: skip
UNREADABLE_CODE: Final = N_("That is no code of a device. Please look at the label again.")
KNOWN_ALREADY: Final = N_("This device is here already.")
PRESS_FOR: Final = timedelta(minutes=15)
"""After so long the page no longer asks by itself."""


def router() -> Router:
    """GET /admin/pair, POST /admin/pair/photo, GET and POST /admin/pair/device and /admin/hand-on/{id}, GET
    /admin/press/{id}."""

    @get("/pair")
    async def pair(request: Request[Any, Any, Any]) -> Response[Any]:
        return _pair(request)

    @post("/pair/photo", request_max_body_size=qr.LARGEST)
    async def read_photo(request: Request[Any, Any, Any]) -> Response[Any]:
        sent = (await request.form()).get("picture")
        found = await asyncio.to_thread(qr.codes_in, await sent.read()) if isinstance(sent, UploadFile) else []
        code = next((one for one in found if read_label(one) is not None), None)
        if code is None:
            return _pair(request, no_code=True)
        return Redirect("/admin/pair?" + urlencode({"code": code}), status_code=303)

    @get("/pair/device")
    async def fill(request: Request[Any, Any, Any]) -> Response[str]:
        return _device(request, {name: [value] for name, value in request.query_params.items()})

    @post("/pair/device")
    async def add(request: Request[Any, Any, Any]) -> Response[Any]:
        return await _add(request)

    @get("/press/{device:str}")
    async def press(request: Request[Any, Any, Any], device: FromPath[str]) -> Response[str]:
        return _press(request, device)

    @get("/hand-on/{device:str}")
    async def ask(request: Request[Any, Any, Any], device: FromPath[str]) -> Response[str]:
        return _hand_on_page(request, device, {})

    @post("/hand-on/{device:str}")
    async def hand_on(request: Request[Any, Any, Any], device: FromPath[str]) -> Response[Any]:
        return await _hand_on(request, device)

    return Router(
        "/admin",
        route_handlers=[pair, read_photo, fill, add, press, ask, hand_on],
        guards=[at_least("manager"), own_wards],
        include_in_schema=False,
        request_max_body_size=MAX_FORM_BYTES,
    )


def _pair(request: Request[Any, Any, Any], *, no_code: bool = False) -> Response[Any]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    _, document = present(console)
    known = [(one["format"], one["address"]) for one in document.get("devices", ())]
    waiting = waiting_room(console.db(), tongue.now, known)
    code = request.query_params.get("code", "").strip()[:300]
    label = read_label(code) if code else None
    there = known_as(label, document) if label else None
    meant = matches(label, waiting) if label else []
    if label and there is None:
        one = meant[0] if meant else None
        where = {
            "format": one.format if one else label.formats[0] if label.formats else "",
            "address": one.address if one else label.addresses[0],
            "type": (one.type if one else None) or "",
            "heard": "1" if one else "",
            "eui": label.dev_eui or "",
        }
        return Redirect("/admin/pair/device?" + urlencode({k: v for k, v in where.items() if v}), status_code=303)
    listed = [
        {
            "path": "/admin/pair/device?"
            + urlencode({"format": one.format, "address": one.address, "type": one.type or "", "heard": "1"}),
            "title": one.address,
            "more": ", ".join(
                [_title(one.format), tongue.at(one.last_at), *(said(kind, tongue) for kind in one.kinds)]
            ),
            "readable": one.readable,
        }
        for one in waiting
    ]
    wrong = None
    if code and label is None:
        wrong = tongue(UNREADABLE_CODE)
    elif there is not None:
        wrong = tongue(KNOWN_ALREADY)
    return admin_page(
        request,
        "admin_pair.html",
        status=422 if wrong or no_code else 200,
        no_code=no_code,
        waiting=listed,
        code=code,
        wrong=wrong,
        there=f"/admin/entry/devices/{quote(str(there['id']))}" if there else None,
    )


def _title(format_name: str) -> str:
    return next((one.title for one in registry.FORMATS if one.name == format_name), format_name)


def _value(form: Form, name: str) -> str:
    return (form.get(name) or [""])[0].strip()


def _device(
    request: Request[Any, Any, Any],
    form: Form,
    *,
    flaws: dict[str, Flaw] | None = None,
    others: list[str] | None = None,
    later: bool = False,
    status: int = 200,
) -> Response[str]:
    tongue = tongue_for(request, required_visitor(request))
    version, document = present(console_of(request))
    was = _value(form, "since" + WAS) or tongue.now.isoformat()
    return admin_page(
        request,
        "admin_pair_device.html",
        status=status,
        typed={
            name: _value(form, name)
            for name in ("format", "address", "type", "model", "resident", "heard", "eui", "later")
        },
        since=_value(form, "since") or wall(was, tongue.timezone),
        was=was,
        later=later,
        base=version,
        flaws={
            path: tongue(one.text, **one.values) if one.values else tongue(one.text)
            for path, one in (flaws or {}).items()
        },
        others=others or [],
        notice=tongue(LOOK_AT_FIELDS) if flaws or others else None,
        types=[(word, tongue(WORDS[word])) for word in TYPES],
        formats=[(one.name, one.title) for one in registry.FORMATS],
        residents=offered(seen(required_visitor(request), document))["residents"],
    )


async def _add(request: Request[Any, Any, Any]) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    version, document = present(console)
    flaws = {name: Flaw(NEEDED) for name in ("type", "format", "address") if not _value(form, name)}
    resident = _value(form, "resident")
    since = moment_in(form, "since", tongue.timezone)
    later = bool(resident and since and ahead(moment(since), tongue.now))
    if resident and since is None:
        flaws["since"] = Flaw(NO_MOMENT)
    elif later and not _value(form, "later"):
        flaws["since"] = Flaw(LATER_NEW, {"time": tongue.at(moment(since))})
    if resident and find(document, "residents", resident) is None:
        flaws["resident"] = Flaw(NEEDED)
    if named_already(_value(form, "format"), _value(form, "address"), document) is not None:
        flaws["address"] = Flaw(KNOWN_ALREADY)
    if flaws:
        return _device(request, form, flaws=flaws, later=later, status=422)
    device = new_id(document, "devices", "")
    entry = {"id": device, **{name: _value(form, name) for name in ("type", "format", "address", "model")}}
    entry = {name: value for name, value in entry.items() if value}
    place = 0

    def edit(changed: Document) -> None:
        nonlocal place
        place = put(changed, "devices", None, dict(entry))
        if resident:
            put(changed, "assignments", None, {"device": device, "resident": resident, "from": since})

    try:
        await save_entry(console, visitor, version, "devices", None, edit, "")
    except CentreError as error:
        own, others = spread(error.problems, "devices", place)
        given = len(document.get("assignments", ()))
        worn, others_ = spread(
            [one for one in error.problems if one.key.startswith("assignments")], "assignments", given
        )
        if "from" in worn:
            own["since"], others = worn["from"], [one for one in others if not one.startswith("assignments")] + others_
        return _device(request, form, flaws=own, others=others, later=later, status=422)
    return Redirect(f"/admin/press/{quote(device)}?new=1", status_code=303)


def _press(request: Request[Any, Any, Any], device: str) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    _, document = present(console)
    entry = find(document, "devices", device)
    if entry is None:
        raise NotFoundException
    asked = request.query_params.get("since", "")
    since = from_ms(int(asked)) if asked.isdecimal() and len(asked) < 15 else tongue.now
    # Until the rules have the new version, its messages still go by the name that nobody knows.
    names = (device, f"{entry['format']}:{entry['address']}")
    heard = [one for name in names for one in heard_since(console.db(), name, since)]
    heard.sort(key=lambda one: one.received_at, reverse=True)
    came = [one for one in heard if is_proof(str(entry["type"]), one.kind)]
    waits = not came and tongue.now - since < PRESS_FOR
    wearer = find(document, "residents", wearer_of(document, device, tongue.now) or "")
    return admin_page(
        request,
        "admin_press.html",
        device=device,
        title=f"{said(str(entry['type']), tongue)} {device}",
        came=[(said(one.kind, tongue), tongue.at(one.received_at)) for one in came],
        heard=[(said(one.kind, tongue), tongue.at(one.received_at)) for one in heard],
        waits=waits,
        again=f"/admin/press/{quote(device)}?since={to_ms(since)}",
        since=tongue.at(since),
        button=entry["type"] == "sos_button",
        native=entry["format"] == "native",
        new="new" in request.query_params,
        wearer=wearer["name"] if wearer else None,
    )


def _hand_on_page(
    request: Request[Any, Any, Any],
    device: str,
    form: Form,
    *,
    flaws: dict[str, Flaw] | None = None,
    others: list[str] | None = None,
    notice: str | None = None,
    later: bool = False,
    status: int = 200,
) -> Response[str]:
    tongue = tongue_for(request, required_visitor(request))
    version, document = present(console_of(request))
    entry = find(document, "devices", device)
    if entry is None:
        raise NotFoundException
    holder = holder_of(document, device, tongue.now)
    names = dict(offered(seen(required_visitor(request), document))["residents"])
    was = _value(form, "at" + WAS) or tongue.now.isoformat()
    return admin_page(
        request,
        "admin_hand_on.html",
        status=status,
        device=device,
        title=f"{said(str(entry['type']), tongue)} {device}",
        holder=names.get(holder, holder) if holder else None,
        residents=[pair for pair in names.items() if pair[0] != holder],
        typed={name: _value(form, name) for name in ("resident", "_why")},
        at=_value(form, "at") or wall(was, tongue.timezone),
        was=was,
        flaws={path: " ".join(texts) for path, texts in flaws_in_words(flaws or {}, tongue).items()},
        later=later,
        others=others or [],
        notice=notice,
        base=version,
    )


def _holder(document: Mapping[str, Any], device: str, tongue: Tongue) -> str:
    """Who has the device now, as people call them."""
    whose = holder_of(document, device, tongue.now)
    return dict(offered(document)["residents"]).get(whose or "") or tongue("nobody")


async def _hand_on(request: Request[Any, Any, Any], device: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    version, document = present(console)
    if find(document, "devices", device) is None:
        raise NotFoundException
    resident, at = _value(form, "resident"), moment_in(form, "at", tongue.timezone)
    flaws: dict[str, Flaw] = {}
    if not resident:
        flaws["resident"] = Flaw(NEEDED)
    later = False
    if at is None:
        flaws["at"] = Flaw(NO_MOMENT)
    elif (early := too_early(document, device, moment(at), tongue.now)) is not None:
        flaws["at"] = Flaw(early[0], {"time": tongue.at(early[1])})
    elif (later := ahead(moment(at), tongue.now)) and not _value(form, "later"):
        flaws["at"] = Flaw(LATER, {"time": tongue.at(moment(at)), "who": _holder(document, device, tongue)})
    if flaws or at is None:
        notice = tongue(LOOK_AT_FIELDS)
        return _hand_on_page(request, device, form, flaws=flaws, notice=notice, later=later, status=422)

    def edit(changed: Document) -> None:
        hand_on(changed, device, None if resident == "nobody" else resident, at, tongue.now)

    try:
        base = _value(form, "_base")
        seen = int(base) if base.isdecimal() and len(base) < 12 else 0
        if seen != version:
            raise VersionConflictError(seen, version)
        done, same = await save_entry(console, visitor, version, "devices", device, edit, _value(form, "_why"))
    except CentreError as error:
        others = [f"{one.key}: {one.expected}" for one in error.problems]
        return _hand_on_page(request, device, form, others=others, notice=tongue(LOOK_AT_FIELDS), status=422)
    return Redirect(f"/admin/entry/devices/{quote(device)}?{after(done, changed=not same)}", status_code=303)
