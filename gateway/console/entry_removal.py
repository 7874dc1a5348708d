"""Taking an entry out, after a look at what goes with it."""

from typing import Any

from litestar import Request, Response
from litestar.response import Redirect

from gateway.console.admin import admin_page, after, listed, present
from gateway.console.change_values import entry_name
from gateway.console.deps import console_of
from gateway.console.entries import TABLE_WORDS, hanging_on, take_out
from gateway.console.entry_form import entry_in, path_of
from gateway.console.entry_saving import save_entry
from gateway.console.form_read import base_of, form_of, one_of
from gateway.console.guards import required_visitor
from gateway.console.leaving import FIRST_CHANGES, SERVES, next_house_policy, of_people
from gateway.console.pages import tongue_for
from gateway.console.warded import seen
from gateway.errors import CentreError, VersionConflictError
from gateway.words import N_


def removal_page(
    request: Request[Any, Any, Any], table: str, key: str, *, others: list[str] | None = None, status: int = 200
) -> Response[str]:
    """What goes with an entry that is taken out, and ``others``: why it could not be."""
    version, document = present(console_of(request))
    entry = entry_in(document, table, key)
    tongue = tongue_for(request, required_visitor(request))
    index = console_of(request).deps.index()
    gone = [
        (tongue(TABLE_WORDS[name].one), entry_name(name, one, index, tongue))
        for name, one in hanging_on(seen(required_visitor(request), document), table, key)
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


async def remove_entry(request: Request[Any, Any, Any], table: str, key: str) -> Response[Any]:
    """Take it out, as the form asks; or the page again, with what stands in the way."""
    console, visitor = console_of(request), required_visitor(request)
    _, document = present(console)
    entry_in(document, table, key)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    why = one_of(form, "_why")
    serves = next_house_policy(document, key) if table == "policies" else None
    if serves is not None and one_of(form, "_serves") != serves:
        notice = tongue_for(request, visitor)(
            N_("Please tick that the policy {policy} serves the house."), policy=serves
        )
        return removal_page(request, table, key, others=[notice], status=422)
    try:
        version, _ = await save_entry(
            console, visitor, base_of(form), table, key, lambda changed: take_out(changed, table, key), why
        )
    except VersionConflictError:
        notice = tongue_for(request, visitor)(
            N_("Somebody else changed this meanwhile. Look at it again before you take it out.")
        )
        return removal_page(request, table, key, others=[notice], status=409)
    except CentreError as error:
        others = listed(error.problems, tongue_for(request, visitor))
        return removal_page(request, table, key, others=others, status=422)
    return Redirect(f"/admin/list/{table}?{after(version, changed=True)}", status_code=303)
