"""A resident's page, in tabs that are plain links: now, what happened, sleep, heart and breathing, continence,
activity, devices, care plan, past alerts. What a tab shows is put into words in gateway.console.resident_parts."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from gateway.console import resident_continence, resident_now, resident_parts
from gateway.console.beside import beside
from gateway.console.guards import at_least
from gateway.console.pages import live_page
from gateway.console.problems import refuse
from gateway.console.resident_who import Looked, day_of, look, today
from gateway.console.routing import Router
from gateway.console.wards import ward_name
from gateway.errors import BadAnswerError
from gateway.words import N_
from rules.sleep_summary import last_night


class Asked(NamedTuple):
    """What the address asks for: a day, how many days or nights, from which number or place on."""

    day: str
    span: str
    before: int


PLAIN: Final = Asked("", "", 0)
"""The address without anything behind it."""


class Tab(NamedTuple):
    """A tab: the end of its address, its title, who sees it, and what fills its template."""

    name: str
    title: str
    """Msgid."""
    fill: Callable[[Looked, Asked], Awaitable[dict[str, Any]]]
    staff: bool = False


async def _now(seen: Looked, _: Asked) -> dict[str, Any]:
    return await beside(seen.console, lambda db: resident_now.parts(db, seen))


async def _timeline(seen: Looked, asked: Asked) -> dict[str, Any]:
    day = day_of(asked.day, today(seen.console, seen.index))
    if asked.span == "week":
        return await beside(seen.console, lambda db: resident_parts.week(db, seen, day))
    return await beside(seen.console, lambda db: resident_parts.timeline(db, seen, day, asked.before))


async def _sleep(seen: Looked, asked: Asked) -> dict[str, Any]:
    day = day_of(asked.day, today(seen.console, seen.index))
    count = 14 if asked.span == "14" else 7
    return await beside(seen.console, lambda db: resident_parts.sleep(db, seen, day, count))


async def _vitals(seen: Looked, asked: Asked) -> dict[str, Any]:
    local = seen.console.deps.clock.now().astimezone(seen.index.timezone)
    # before noon the piece from noon to noon that goes on began yesterday
    last = local.date() if local.hour >= 12 else local.date() - timedelta(days=1)
    # by day, the last night is what is asked for; the piece that goes on is one step later
    day = day_of(asked.day, last) if asked.day else last_night(seen.tongue.now, seen.index.timezone)
    return await beside(seen.console, lambda db: resident_parts.vitals(db, seen, day, last))


async def _continence(seen: Looked, asked: Asked) -> dict[str, Any]:
    day = day_of(asked.day, today(seen.console, seen.index))
    return await beside(seen.console, lambda db: resident_continence.continence(db, seen, day))


async def _activity(seen: Looked, asked: Asked) -> dict[str, Any]:
    day = day_of(asked.day, today(seen.console, seen.index))
    return await beside(seen.console, lambda db: resident_parts.activity(db, seen, day))


async def _devices(seen: Looked, _: Asked) -> dict[str, Any]:
    return await beside(seen.console, lambda db: resident_now.devices(db, seen))


async def _plan(seen: Looked, _: Asked) -> dict[str, Any]:
    return resident_parts.plan(seen)


async def _alerts(seen: Looked, asked: Asked) -> dict[str, Any]:
    return await beside(seen.console, lambda db: resident_parts.alerts(db, seen, asked.before or None))


TABS: Final = (
    Tab("", N_("Now"), _now),
    Tab("timeline", N_("What happened"), _timeline),
    Tab("sleep", N_("Sleep"), _sleep),
    Tab("vitals", N_("Heart and breathing"), _vitals),
    Tab("continence", N_("Continence"), _continence),
    Tab("activity", N_("Activity"), _activity),
    Tab("devices", N_("Devices"), _devices, staff=True),
    Tab("plan", N_("Care plan"), _plan, staff=True),
    Tab("alerts", N_("Past alerts"), _alerts),
)
"""In the order in which they stand on the page."""


def router() -> Router:
    """GET /residents/{id} and the tabs below it."""
    return Router(
        "/residents/{resident:str}",
        route_handlers=[_handler(tab) for tab in TABS],
        guards=[at_least("relative")],
        include_in_schema=False,
    )


async def resident_page(
    request: Request[Any, Any, Any],
    resident: str,
    tab: Tab = TABS[0],
    asked: Asked = PLAIN,
    *,
    status: int = 200,
    **more: Any,
) -> Response[str]:
    """A tab as a page.

    Raises:
        NotFoundException: no such resident, or they are not the visitor's to see.
    """
    seen = await look(request, resident, via="page", part=tab.name)
    try:
        parts = await tab.fill(seen, asked)
    except BadAnswerError:
        return refuse(request, 400)
    tongue = seen.tongue
    query = urlencode({name: value for name, value in asked._asdict().items() if value})
    return live_page(
        request,
        f"resident_{tab.name or 'now'}.html",
        tongue,
        f"/residents/{resident}" + (f"/{tab.name}" if tab.name else "") + (f"?{query}" if query else ""),
        status=status,
        **{
            "visitor": seen.visitor,
            "resident": seen.resident,
            "ward": ward_name(seen.resident.ward) if seen.resident.ward else None,
            "staff": seen.visitor.sees_everyone,
            "tab": tongue(tab.title),
            "tabs": [
                (f"/residents/{resident}" + (f"/{one.name}" if one.name else ""), tongue(one.title), one is tab)
                for one in TABS
                if not one.staff or seen.visitor.sees_everyone
            ],
            "notice": None,
            "draft": "",
            **parts,
            **more,
        },
    )


def _handler(tab: Tab) -> HTTPRouteHandler:
    guards = [at_least("carer")] if tab.staff else []

    @get(f"/{tab.name}", guards=guards, name=f"resident-{tab.name or 'now'}")
    async def show(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        day: Annotated[str, QueryParameter()] = "",
        span: Annotated[str, QueryParameter()] = "",
        before: Annotated[int, QueryParameter(ge=0, le=1 << 60)] = 0,
    ) -> Response[str]:
        return await resident_page(request, resident, tab, Asked(day, span, before))

    return show
