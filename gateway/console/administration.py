"""Every route of the administration, in one list."""

from typing import Any
from urllib.parse import unquote

from litestar import Request

from gateway.centre.index import HOUSE
from gateway.console import (
    admin,
    admin_entries,
    admin_pairing,
    admin_people,
    admin_plans,
    admin_rules,
    admin_try,
    admin_versions,
    centre_api,
    centre_trials_api,
    devices_api,
    user_page,
)
from gateway.console.deps import console_of
from gateway.console.editing import in_force
from gateway.console.guards import required_visitor
from gateway.console.looks import looked
from gateway.console.routing import Router


async def looked_at_people(request: Request[Any, Any, Any]) -> None:
    """Pages of the administration that show residents are looks at them; asked before each of these pages is made."""
    if request.method != "GET":
        return
    visitor, console = required_visitor(request), console_of(request)
    found = in_force(console)
    words = [unquote(word) for word in request.url.path.removeprefix("/admin").strip("/").split("/", 2)]
    target = f"centre/{found.version}"
    about: list[str] = []
    match words:
        case ["list" | "new" | "entry" | "remove", ("residents" | "care_plans" | "assignments") as table, *key]:
            target = "/".join([target, table, *key])
        case ["plan", resident, *_] if resident != HOUSE:
            target = f"{target}/care_plans/{resident}"
        case ["hand-on" | "press", device]:
            about = [one["resident"] for one in found.document.get("assignments", ()) if one["device"] == device]
        case ["pair", "device"] | ["versions", _]:
            pass  # they show any resident
        case _:
            return
    await looked(console, visitor.id, target, via="page", about=about)


def routers() -> tuple[Router, ...]:
    """Pages below /admin for managers, /admin/users for administrators, /set-password, and the API of the centre."""
    pages = (
        admin.router(),
        admin_entries.router(),
        admin_plans.router(),
        admin_rules.router(),
        admin_try.router(),
        admin_pairing.router(),
        admin_versions.router(),
    )
    for one in pages:
        one.before_request = looked_at_people
    return (
        *pages,
        *admin_people.routers(),
        user_page.router(),
        centre_api.router(),
        centre_trials_api.router(),
        devices_api.router(),
    )
