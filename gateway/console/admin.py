"""Administration: the overview, and what all of its pages share."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from gateway.centre.diff import SITE
from gateway.console.deps import Console, console_of
from gateway.console.editing import in_force
from gateway.console.entries import TABLE_WORDS
from gateway.console.form_read import Flaw
from gateway.console.guards import ROLES, Visitor, at_least, required_visitor
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.routing import Router
from gateway.console.warded import bounded, seen
from gateway.errors import Problem, told
from gateway.words import N_

MAX_FORM_BYTES = 1024 * 1024
"""A calendar's text, or a policy with many steps."""

SAVED = N_("Saved. Version {version} is in force.")
SAME = N_("Nothing was changed: it said the same before.")
CHANGED_MEANWHILE = N_(
    "Somebody else changed this meanwhile. What you typed is still here; look at it again, and save once more."
)
LOOK_AT_FIELDS = N_("Nothing was saved yet. Please look at what is marked.")

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("People"), ("residents", "carers")),
    (N_("Devices"), ("devices", "assignments")),
    (N_("What is watched, and who is told"), ("care_plans", "house_plans", "policies", "shifts")),
    (N_("House"), (SITE, "zones", "calendars")),
)


def admin_page(request: Request[Any, Any, Any], template: str, *, status: int = 200, **context: Any) -> Response[str]:
    """A page of the administration, for whoever is signed in; says what was saved last."""
    visitor = required_visitor(request)
    tongue = tongue_for(request, visitor)
    done = request.query_params.get("done", "")
    context.setdefault("notice", None)
    saved = None
    if done.isdecimal() and int(done) == in_force(console_of(request)).version:
        saved = {"version": int(done), "text": tongue(SAVED, version=done), "undo": not bounded(visitor)}
    elif done == "same":
        context["notice"] = tongue(SAME)
    return page(request, template, tongue, status=status, visitor=visitor, saved=saved, **context)


def after(applied_version: int, *, changed: bool) -> str:
    """The query that tells the next page what became of it."""
    return f"done={applied_version}" if changed else "done=same"


def flaws_in_words(flaws: Mapping[str, Flaw], tongue: Tongue) -> dict[str, list[str]]:
    """The flaws in the reader's language, by the field's path; whoever wrote braces wrote them."""
    return {path: [tongue(one.text, **one.values) if one.values else tongue(one.text)] for path, one in flaws.items()}


def listed(problems: Sequence[Problem], tongue: Tongue, *, whole: bool = False) -> list[str]:
    """Problems of the house as lines, no more than a person reads; ``whole``: with the file and what stands there."""
    first, more = told(problems)
    lines = [str(one) if whole else f"{one.key}: {one.expected}" for one in first]
    return [*lines, tongue("… and {n} more", n=more)] if more else lines


def may(visitor: Visitor, role: str) -> bool:
    """Whether the visitor has that role, or more."""
    return ROLES.index(visitor.carer.role) >= ROLES.index(role)


def present(console: Console) -> tuple[int, Mapping[str, Any]]:
    """The newest version and its document.

    Raises:
        NotFoundException: nothing was applied yet.
    """
    found = in_force(console)
    if not found.version:
        raise NotFoundException
    return found.version, found.document


def router() -> Router:
    """GET /admin."""

    @get("/admin")
    async def overview(request: Request[Any, Any, Any]) -> Response[str]:
        console, visitor = console_of(request), required_visitor(request)
        tongue = tongue_for(request, visitor)
        version, document = present(console)
        document = seen(visitor, document)
        groups = [
            (
                tongue(title),
                [
                    {
                        "path": f"/admin/list/{table}" if table != SITE else "/admin/entry/centre/centre",
                        "title": tongue(TABLE_WORDS[table].many),
                        "number": None if table == SITE else len(document.get(table, ())),
                    }
                    for table in tables
                ],
            )
            for title, tables in _GROUPS
        ]
        is_admin, whole = may(visitor, "admin"), not bounded(visitor)
        return admin_page(request, "admin.html", groups=groups, version=version, is_admin=is_admin, whole=whole)

    return Router("/", route_handlers=[overview], guards=[at_least("manager")], include_in_schema=False)
