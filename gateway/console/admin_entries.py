"""Administration of entries: lists with search, a form for each entry, taking out with a look at what goes with it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.centre.diff import SITE, Document, key_of
from gateway.centre.draft import TABLES
from gateway.centre.model import Site
from gateway.console.admin import (
    CHANGED_MEANWHILE,
    LOOK_AT_FIELDS,
    MAX_FORM_BYTES,
    admin_page,
    after,
    flaws_in_words,
    listed,
    present,
)
from gateway.console.admin_lines import lines
from gateway.console.change_values import entry_name
from gateway.console.deps import Console, console_of
from gateway.console.editing import change, problems_of
from gateway.console.entries import (
    BEGIN_WITH,
    TABLE_WORDS,
    find,
    hanging_on,
    known_table,
    new_id,
    offered,
    put,
    spread,
    take_out,
)
from gateway.console.form_fields import Around, Field, fields
from gateway.console.form_read import NEEDED, Flaw, Form, base_of, form_of, one_of, read
from gateway.console.form_schema import Setting, settings_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.leaving import FIRST_CHANGES, SERVES, house_policy, next_house_policy, of_people
from gateway.console.masking import masked, unmasked
from gateway.console.pages import Tongue, tongue_for
from gateway.console.routing import Router
from gateway.errors import CentreError, VersionConflictError
from gateway.problems import WHOLE
from gateway.store import centres, former
from gateway.words import N_

PER_PAGE: Final = 50

ELSEWHERE: Final[dict[str, frozenset[str]]] = {
    "residents": frozenset({"photo"}),
    "care_plans": frozenset({"rules", "consents"}),
    "house_plans": frozenset({"rules"}),
}
"""Keys that this form leaves alone: photos come with a file, consents and rules have pages of their own."""


FIRST: Final[dict[str, frozenset[str]]] = {
    "residents": frozenset({"name", "room", "ward", "note", "relatives"}),
    "devices": frozenset({"type", "format", "address", "model", "room"}),
    "carers": frozenset({"name", "role", "language", "contacts"}),
    "policies": frozenset({"steps", "failsafe"}),
    "shifts": frozenset({"name", "role", "weekly", "calendar"}),
}
"""What is changed most often; the rest waits below, unless something stands there. Other tables are short."""


def model_settings(table: str) -> tuple[Setting, ...]:
    """What the form of a table asks for."""
    left_out = ELSEWHERE.get(table, frozenset())
    return tuple(one for one in settings_of(Site if table == SITE else TABLES[table]) if one.key not in left_out)


def router() -> Router:
    """GET /admin/list/{table}, /admin/new/{table}, /admin/entry/{table}/{key}, /admin/remove/{table}/{key}; POSTs."""

    @get("/list/{table:str}")
    async def listed(request: Request[Any, Any, Any], table: FromPath[str]) -> Response[str]:
        return await _list(request, _known(table))

    @get("/new/{table:str}")
    async def new(request: Request[Any, Any, Any], table: FromPath[str]) -> Response[str]:
        given = {key: value for key, value in request.query_params.items() if key != "done"}
        return _form(request, _known(table), None, entry=given)

    @post("/new/{table:str}")
    async def add(request: Request[Any, Any, Any], table: FromPath[str]) -> Response[Any]:
        return await _save(request, _known(table), None)

    @get("/entry/{table:str}/{key:path}")
    async def show(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[str]:
        return _form(request, _known(table), key.removeprefix("/"))

    @post("/entry/{table:str}/{key:path}")
    async def save(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[Any]:
        return await _save(request, _known(table), key.removeprefix("/"))

    @get("/remove/{table:str}/{key:path}")
    async def ask(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[str]:
        return _removal(request, _known(table), key.removeprefix("/"))

    @post("/remove/{table:str}/{key:path}")
    async def remove(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[Any]:
        return await _remove(request, _known(table), key.removeprefix("/"))

    return Router(
        "/admin",
        route_handlers=[listed, new, add, show, save, ask, remove],
        guards=[at_least("manager")],
        include_in_schema=False,
        request_max_body_size=MAX_FORM_BYTES,
    )


def _known(table: str) -> str:
    if not known_table(table):
        raise NotFoundException
    return table


def path_of(table: str, key: str) -> str:
    """The page of an entry."""
    if table in {"care_plans", "house_plans"}:
        return "/admin/plan/" + quote("@house" if table == "house_plans" else key)
    return f"/admin/entry/{table}/{quote(key)}"


async def _list(request: Request[Any, Any, Any], table: str) -> Response[str]:
    console, tongue = console_of(request), tongue_for(request, required_visitor(request))
    version, document = present(console)
    asked = request.query_params.get("q", "").strip()[:100]
    found = await lines(console, version, document, table, asked, tongue)
    number = int(text) if (text := request.query_params.get("page", "1")).isdecimal() and len(text) < 6 else 1
    pages = max(1, -(-len(found) // PER_PAGE))
    number = min(max(1, number), pages)
    return admin_page(
        request,
        "admin_list.html",
        table=table,
        words=TABLE_WORDS[table],
        lines=[
            {"title": one.title, "more": one.more, "path": path_of(table, one.key)}
            for one in found[(number - 1) * PER_PAGE : number * PER_PAGE]
        ],
        found=len(found),
        asked=asked,
        number=number,
        pages=pages,
    )


def _entry(table: str, key: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    entry = find(document, table, key)
    if entry is None:
        raise NotFoundException
    return entry


def _form(
    request: Request[Any, Any, Any],
    table: str,
    key: str | None,
    *,
    entry: Mapping[str, Any] | None = None,
    flaws: Mapping[str, Flaw] | None = None,
    others: list[str] | None = None,
    notice: str | None = None,
    status: int = 200,
    more_rows: str | None = None,
    typed: Form | None = None,
) -> Response[str]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    version, document = present(console)
    if entry is None and key is not None:
        entry = masked(table, _entry(table, key, document))
    errors = flaws_in_words(flaws or {}, tongue)
    around = Around(
        tongue=tongue,
        timezone=tongue.timezone,
        offered=offered(document),
        errors=errors,
        fixed=frozenset({"id"}) if key is not None else frozenset(),
        more_rows=more_rows,
    )
    made = fields(model_settings(table), entry or {}, around)
    others = [*(tongue(one) for one in others or ()), *_unplaced(errors, made, tongue)]
    typed = typed or {}
    return admin_page(
        request,
        "admin_entry.html",
        status=status,
        table=table,
        key=key,
        words=TABLE_WORDS[table],
        title=None
        if key is None
        else str((entry or {}).get("name") or entry_name(table, key, console.deps.index(), tongue)),
        usual=[one for one in made if _usual(table, one)],
        rarer=[one for one in made if not _usual(table, one)],
        others=others,
        notice=notice,
        base=version,
        why=(typed.get("_why") or [""])[0],
        policies=offered(document)["policies"] if table == "residents" and key is None else [],
        policy=(typed.get("_policy") or [""])[0],
        policy_wrong=errors.get("_policy", []),
        about=_about(table, key, document, tongue),
        serves=tongue(SERVES) if table == "policies" and key is not None and house_policy(document) == key else None,
    )


def _usual(table: str, one: Field) -> bool:
    first = FIRST.get(table)
    return first is None or one.setting.required or one.setting.key in first or one.filled


def _unplaced(errors: Mapping[str, list[str]], made: list[Field], tongue: Tongue) -> list[str]:
    """What is wrong with something that has no field here: it is said above the form."""
    paths = set(_paths(made)) | {"_policy"}
    wrong = ((path, text) for path, texts in errors.items() if path not in paths for text in texts)
    return [text if path == WHOLE else f"{path}: {text}" for path, text in wrong]


def _paths(made: list[Field]) -> list[str]:
    found = []
    for one in made:
        found += [one.path, *_paths(one.inner), *(path for row in one.rows for path in _paths(row))]
    return found


def _about(table: str, key: str | None, document: Mapping[str, Any], tongue: Tongue) -> dict[str, Any]:
    """What else the page of an entry leads to."""
    names = {one["id"]: f"{one['name']} ({one['room']})" for one in document.get("residents", ())}
    word = {"devices": "device", "residents": "resident"}.get(table)
    rows = [one for one in document.get("assignments", ()) if word and one.get(word) == key]
    return {
        "assignments": [
            {
                "path": path_of("assignments", key_of("assignments", one)),
                "text": names.get(one["resident"], one["resident"]) if table == "devices" else one["device"],
                "device": one["device"],
                "since": _day(one["from"], tongue),
                "until": _day(one["to"], tongue) if one.get("to") else None,
            }
            for one in rows
        ],
        "residents": offered(document)["residents"] if table == "devices" and key is not None else [],
    }


def _day(text: str, tongue: Tongue) -> str:
    from datetime import datetime

    return tongue.at(datetime.fromisoformat(text))


async def _save(request: Request[Any, Any, Any], table: str, key: str | None) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    _, document = present(console)
    old = None if key is None else _entry(table, key, document)
    tongue = tongue_for(request, visitor)
    found = read(model_settings(table), form, tongue.timezone)
    entry, flaws = found.entry, dict(found.flaws)
    if "id" in {one.key for one in model_settings(table)} and table != SITE:
        if key is not None:
            entry["id"] = key  # a new id would be another entry
        elif not entry.get("id"):
            used = former.ids(console.db()) if table == "residents" else ()
            entry["id"] = new_id(document, table, str(entry.get("name", "")), used=used)
        if key is not None or flaws.get("id") == Flaw(NEEDED):
            flaws.pop("id", None)
    for button in ("_more", "_up"):
        if button in form:
            more = _moved(entry, button, form[button][0])
            return _form(request, table, key, entry=entry, typed=form, more_rows=more)
    kept = {one: old[one] for one in ELSEWHERE.get(table, ()) if old is not None and one in old}
    whole = unmasked(table, {**entry, **kept}, old)
    policy = (form.get("_policy") or [""])[0]
    if table == "residents" and key is None and not policy:
        flaws["_policy"] = Flaw(NEEDED)
    place = 0

    def edit(changed: Document) -> None:
        nonlocal place
        place = put(changed, table, key, whole)
        if table == "residents" and key is None:
            rules = [{"rule": rule} for rule in BEGIN_WITH]
            put(changed, "care_plans", None, {"resident": whole["id"], "policy": policy, "rules": rules})

    if flaws:  # everything that is wrong is said at once, not one thing after the other
        own, others = spread(await problems_of(console, edit), table, place)
        return _again(request, table, key, entry, {**own, **flaws}, [] if policy == "" else others, form)
    why = one_of(form, "_why")
    try:
        version, unchanged = await save_entry(console, visitor, base_of(form), table, key, edit, why)
    except VersionConflictError:
        return _form(request, table, key, entry=entry, typed=form, notice=tongue(CHANGED_MEANWHILE), status=409)
    except CentreError as error:
        own, others = spread(error.problems, table, place)
        return _again(request, table, key, entry, own, others, form)
    where = path_of(table, key or key_of(table, whole))
    return Redirect(f"{where}?{after(version, changed=not unchanged)}", status_code=303)


def _again(
    request: Request[Any, Any, Any],
    table: str,
    key: str | None,
    entry: Mapping[str, Any],
    flaws: Mapping[str, Flaw],
    others: list[str],
    form: Form,
) -> Response[str]:
    notice = tongue_for(request, required_visitor(request))(LOOK_AT_FIELDS)
    return _form(request, table, key, entry=entry, flaws=flaws, others=others, typed=form, notice=notice, status=422)


async def save_entry(
    console: Console,
    visitor: Visitor,
    base: int,
    table: str,
    key: str | None,
    edit: Any,
    why: str,
) -> tuple[int, bool]:
    """Change one entry; a change of *other* entries meanwhile is no conflict. The version, and whether it is the same.

    Raises:
        VersionConflictError: this entry itself was changed meanwhile.
        CentreError: the changed centre does not hold.
    """
    newest, document = present(console)
    if base != newest and key is not None:
        seen = centres.document_of(console.db(), base)
        if seen is None or find(seen, table, key) != find(document, table, key):
            raise VersionConflictError(base, newest)
    applied = await change(console, visitor, newest, edit, why)
    return applied.version, not applied.changed


def _moved(entry: dict[str, Any], button: str, what: str) -> str | None:
    """One row goes before the one above it; or one more is asked for, in the list that is returned."""
    if button == "_more":
        return what
    path, _, number = what.rpartition(".")
    at: Any = entry
    for part in path.split("."):
        at = (
            at.get(part)
            if isinstance(at, dict)
            else at[int(part)]
            if isinstance(at, list) and part.isdecimal()
            else None
        )
    if isinstance(at, list) and number.isdecimal() and 0 < int(number) < len(at):
        at[int(number) - 1], at[int(number)] = at[int(number)], at[int(number) - 1]
    return None


def _removal(
    request: Request[Any, Any, Any], table: str, key: str, *, others: list[str] | None = None, status: int = 200
) -> Response[str]:
    version, document = present(console_of(request))
    entry = _entry(table, key, document)
    tongue = tongue_for(request, required_visitor(request))
    index = console_of(request).deps.index()
    gone = [
        (tongue(TABLE_WORDS[name].one), entry_name(name, one, index, tongue))
        for name, one in hanging_on(document, table, key)
    ]
    carers, residents = ({key} if table == one else set[str]() for one in ("carers", "residents"))
    stake = of_people(console_of(request), required_visitor(request), tongue, carers=carers, residents=residents)
    serves = next_house_policy(document, key) if table == "policies" else None
    return admin_page(
        request,
        "admin_remove.html",
        status=status,
        title=str(entry.get("name") or entry_name(table, key, index, tongue)),
        words=TABLE_WORDS[table],
        table=table,
        back=path_of(table, key),
        gone=gone,
        stake=stake if serves is None else [*stake, tongue(SERVES), tongue(FIRST_CHANGES, policy=serves)],
        serves=serves,
        others=others or [],
        base=version,
    )


async def _remove(request: Request[Any, Any, Any], table: str, key: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    _, document = present(console)
    _entry(table, key, document)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    why = one_of(form, "_why")
    serves = next_house_policy(document, key) if table == "policies" else None
    if serves is not None and one_of(form, "_serves") != serves:
        notice = tongue_for(request, visitor)(
            N_("Please tick that the policy {policy} serves the house."), policy=serves
        )
        return _removal(request, table, key, others=[notice], status=422)
    try:
        version, _ = await save_entry(
            console, visitor, base_of(form), table, key, lambda changed: take_out(changed, table, key), why
        )
    except VersionConflictError:
        notice = tongue_for(request, visitor)(
            N_("Somebody else changed this meanwhile. Look at it again before you take it out.")
        )
        return _removal(request, table, key, others=[notice], status=409)
    except CentreError as error:
        others = listed(error.problems, tongue_for(request, visitor))
        return _removal(request, table, key, others=others, status=422)
    return Redirect(f"/admin/list/{table}?{after(version, changed=True)}", status_code=303)
