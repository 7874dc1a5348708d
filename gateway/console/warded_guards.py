"""Guards of the administration for managers with wards; see gateway.console.warded."""

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from gateway.console.deps import console_of
from gateway.console.editing import in_force
from gateway.console.guards import required_visitor
from gateway.console.warded import bounded, hidden
from gateway.errors import NotAllowedError
from gateway.words import N_

WHOLE_HOUSE: Final = N_(
    "This is about the whole house, and you look after some of its wards. Please ask a manager of the whole house, or"
    " an administrator."
)


async def whole_house(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Lets nobody in who is a manager of some wards only.

    Raises:
        NotAllowedError: that is who asks.
    """
    if bounded(required_visitor(connection)):
        raise NotAllowedError(WHOLE_HOUSE)


async def own_wards(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Entries, plans and devices of residents of other wards are not there for a manager with wards.

    Raises:
        NotFoundException: the address names one.
    """
    visitor = required_visitor(connection)
    if not bounded(visitor):
        return
    document, named = in_force(console_of(connection)).document, connection.path_params
    asked = [
        (str(named.get("table", "")), str(named.get("key", "")).removeprefix("/")),
        ("residents", str(named.get("resident", ""))),
        ("devices", str(named.get("device", ""))),
    ]
    if any(hidden(visitor, document, table, key) for table, key in asked):
        raise NotFoundException
