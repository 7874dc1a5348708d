"""Administration of entries: lists with search, a form for each entry, taking out with a look at what goes with it."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.centre.diff import SITE, Document, key_of
from gateway.console.admin import CHANGED_MEANWHILE, MAX_FORM_BYTES, admin_page, after, present
from gateway.console.admin_lines import lines
from gateway.console.deps import console_of
from gateway.console.editing import problems_of
from gateway.console.entries import BEGIN_WITH, TABLE_WORDS, known_table, new_id, put, spread
from gateway.console.entry_form import ELSEWHERE, entry_in, form_again, form_page, model_settings, path_of
from gateway.console.entry_removal import removal_page, remove_entry
from gateway.console.entry_saving import save_entry
from gateway.console.form_read import NEEDED, Flaw, base_of, form_of, one_of, read
from gateway.console.guards import at_least, required_visitor
from gateway.console.masking import unmasked
from gateway.console.pages import tongue_for
from gateway.console.routing import Router
from gateway.console.warded_guards import own_wards
from gateway.errors import CentreError, VersionConflictError
from gateway.store import former

PER_PAGE: Final = 50


def router() -> Router:
    """GET /admin/list/{table}, /admin/new/{table}, /admin/entry/{table}/{key}, /admin/remove/{table}/{key}; POSTs."""

    @get("/list/{table:str}")
    async def listed(request: Request[Any, Any, Any], table: FromPath[str]) -> Response[str]:
        return await _list(request, _known(table))

    @get("/new/{table:str}")
    async def new(request: Request[Any, Any, Any], table: FromPath[str]) -> Response[str]:
        given = {key: value for key, value in request.query_params.items() if key != "done"}
        return form_page(request, _known(table), None, entry=given)

    @post("/new/{table:str}")
    async def add(request: Request[Any, Any, Any], table: FromPath[str]) -> Response[Any]:
        return await _save(request, _known(table), None)

    @get("/entry/{table:str}/{key:path}")
    async def show(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[str]:
        return form_page(request, _known(table), key.removeprefix("/"))

    @post("/entry/{table:str}/{key:path}")
    async def save(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[Any]:
        return await _save(request, _known(table), key.removeprefix("/"))

    @get("/remove/{table:str}/{key:path}")
    async def ask(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[str]:
        return removal_page(request, _known(table), key.removeprefix("/"))

    @post("/remove/{table:str}/{key:path}")
    async def remove(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[Any]:
        return await remove_entry(request, _known(table), key.removeprefix("/"))

    return Router(
        "/admin",
        route_handlers=[listed, new, add, show, save, ask, remove],
        guards=[at_least("manager"), own_wards],
        include_in_schema=False,
        request_max_body_size=MAX_FORM_BYTES,
    )


def _known(table: str) -> str:
    if not known_table(table):
        raise NotFoundException
    return table


async def _list(request: Request[Any, Any, Any], table: str) -> Response[str]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    version, document = present(console)
    asked = request.query_params.get("q", "").strip()[:100]
    found = await lines(console, version, document, table, asked, tongue, visitor)
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


async def _save(request: Request[Any, Any, Any], table: str, key: str | None) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    _, document = present(console)
    old = None if key is None else entry_in(document, table, key)
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
            return form_page(request, table, key, entry=entry, typed=form, more_rows=more)
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
        return form_again(request, table, key, entry, {**own, **flaws}, [] if policy == "" else others, form)
    why = one_of(form, "_why")
    try:
        version, unchanged = await save_entry(console, visitor, base_of(form), table, key, edit, why)
    except VersionConflictError:
        return form_page(request, table, key, entry=entry, typed=form, notice=tongue(CHANGED_MEANWHILE), status=409)
    except CentreError as error:
        own, others = spread(error.problems, table, place)
        return form_again(request, table, key, entry, own, others, form)
    where = path_of(table, key or key_of(table, whole))
    return Redirect(f"{where}?{after(version, changed=not unchanged)}", status_code=303)


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
