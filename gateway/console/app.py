"""The console as a Litestar application: every route, and what surrounds them all."""

import asyncio
from functools import partial

from litestar import Litestar
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig

from gateway.console import (
    account,
    account_api,
    administration,
    alert_page,
    api,
    audit_page,
    break_glass,
    care_api,
    consent,
    duty,
    explain_api,
    figures,
    files,
    kiosk,
    kpi_api,
    link_page,
    looks_page,
    map_api,
    notes,
    oidc_api,
    persons,
    persons_api,
    phone,
    protection,
    push,
    pwa,
    reach_api,
    resident,
    resident_api,
    residents,
    retention,
    rounds,
    search,
    searches,
    session_end,
    shelves,
    shelves_page,
    shifts,
    system,
    users_api,
    zone_api,
    zones,
)
from gateway.console.api_schema import DescribedJson, DescribedYaml
from gateway.console.board import Board
from gateway.console.deps import CONSOLE, STOPPING, Console, ConsoleDeps
from gateway.console.gate import MOST_PARTS, SMALL, Gate, Sending
from gateway.console.guards import at_least
from gateway.console.headers import security_headers
from gateway.console.limits import within_limits
from gateway.console.map import Map
from gateway.console.oidc import OidcPages
from gateway.console.ops import Counters, healthz, metrics_route
from gateway.console.passkey_pages import PasskeyPages
from gateway.console.problems import on_any_error, on_gateway_error, on_http_error, on_too_deep
from gateway.console.routing import Router
from gateway.console.sessions import SessionConfig, SessionStore
from gateway.console.signin import SignIn
from gateway.console.tiles import Ground
from gateway.console.tokens import token_guard
from gateway.console.wall import Wall
from gateway.errors import GatewayError

MAX_BODY_BYTES = SMALL
"""A closing note of 1,000 characters in any script fits several times."""


def create_app(deps: ConsoleDeps) -> Litestar:
    """The console. Serve it with :func:`gateway.console.server.serve`.

    Args:
        deps: the rest of the gateway, as far as the console needs it.
    """
    console = Console(deps)
    ground = Ground(deps.map)
    counters = Counters(console)
    sessions = SessionStore(console.db, deps.writer, deps.clock)
    prefix = "__Host-" if deps.secure_cookies else ""
    return Litestar(
        route_handlers=[
            Board(counters).router(),
            Wall().router(),
            pwa.router(),
            phone.router(),
            session_end.router(),
            alert_page.router(),
            SignIn(deps, counters).router(),
            PasskeyPages(deps, counters).router(),
            OidcPages(deps, counters).router(),
            oidc_api.router(),
            account.router(),
            account_api.router(),
            users_api.router(),
            reach_api.router(),
            kiosk.Kiosk(deps).router(),
            link_page.router(counters),
            api.router(counters),
            explain_api.router(),
            shelves.router(),
            push.router(),
            *deps.more_routes,
            shifts.router(),
            care_api.router(),
            rounds.router(),
            duty.router(),
            figures.router(),
            audit_page.router(),
            system.router(),
            searches.router(),
            shelves_page.router(),
            kpi_api.router(),
            search.router(),
            protection.router(),
            consent.router(),
            break_glass.router(),
            looks_page.router(),
            persons.router(),
            persons_api.router(),
            retention.router(),
            ground.router(),
            Map(ground).router(),
            zones.Pages(ground).router(),
            map_api.router(),
            zone_api.router(),
            *administration.routers(),
            residents.router(),
            resident.router(),
            resident_api.router(),
            notes.router(),
            healthz,
            metrics_route(counters),
            files.router(),
        ],
        middleware=[
            SessionConfig(secure=deps.secure_cookies).middleware,
            DefineMiddleware(Gate, sending=Sending()),  # with the session, before anything reads a body
        ],
        multipart_form_part_limit=MOST_PARTS,
        stores={"sessions": sessions},
        csrf_config=CSRFConfig(
            secret=deps.secret,
            cookie_name=f"{prefix}csrf",
            cookie_secure=deps.secure_cookies,
            cookie_httponly=True,
            cookie_samesite="lax",
        ),
        guards=[token_guard, within_limits],
        before_send=[security_headers(secure=deps.secure_cookies, images=deps.map.tiles_origin)],
        exception_handlers={
            HTTPException: on_http_error,
            GatewayError: on_gateway_error,
            RecursionError: on_too_deep,
            Exception: on_any_error,
        },
        openapi_config=OpenAPIConfig(
            title="Telecare gateway",
            version="1",
            # for who is signed in or has a token: a large answer that strangers can ask for without end is a burden
            openapi_router=Router(
                "/api/schema", route_handlers=[], guards=[at_least("relative")], include_in_schema=False
            ),
            # no viewer: they load scripts from other hosts
            render_plugins=[DescribedJson(), DescribedYaml()],
        ),
        request_max_body_size=MAX_BODY_BYTES,
        state=State({CONSOLE: console, STOPPING: asyncio.Event()}),
        on_startup=[partial(persons.resume_soon, console)],
        on_shutdown=[console.close],
        logging_config=None,
        debug=False,
    )
