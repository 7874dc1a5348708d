"""Who is asking, and what they may do: relative < carer < manager < admin.

The role is read from the centre at each request, so a change of the centre file takes effect at once.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from gateway.alerts.rows import LARGEST
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer, Resident
from gateway.console.deps import console_of
from gateway.console.origin import Sender, sender_of
from gateway.console.sessions import KIOSK

ROLES = ("relative", "carer", "manager", "admin")
"""From the least to the most; each may what the ones before may."""


KIOSK_PATHS = frozenset({"/wall", "/wall/board", "/beats"})
"""What a paired wall screen may see, besides what is open to everybody."""


class Visitor(NamedTuple):
    """Somebody who is signed in."""

    carer: Carer

    @property
    def id(self) -> str:
        """The carer's id."""
        return self.carer.id

    @property
    def sees_everyone(self) -> bool:
        """Staff; a relative sees only their own person, and what they were told about."""
        return self.carer.role != "relative"

    def sees(self, resident: Resident) -> bool:
        """Whether the resident is the visitor's business: of the staff's wards, or the relative's own person.

        A carer without wards works with everybody, and so does one with wards with somebody who has none.
        """
        if not self.sees_everyone:
            return self.carer.id in resident.relatives
        return not self.carer.wards or resident.ward is None or resident.ward in self.carer.wards


def visitor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor | None:
    """Who is signed in; None: nobody, or somebody who is no longer in the centre."""
    carer_id = connection.scope["state"].get("token_carer")
    if carer_id is None and connection.session:
        if (screen := connection.session.get(KIOSK)) is not None:
            return _screen(connection, str(screen))
        carer_id = connection.session.get("carer")
    carer = console_of(connection).deps.index().carers.get(str(carer_id)) if carer_id else None
    return None if carer is None else Visitor(carer)


def _screen(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> Visitor | None:
    """A paired wall screen: it is nobody, and everything but the wall is closed to it."""
    if connection.url.path not in KIOSK_PATHS:
        return None
    language = console_of(connection).deps.index().site.language
    return Visitor(Carer.model_construct(id="kiosk", name=name, language=language, role="carer"))


def required_visitor(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor:
    """Who is signed in.

    Raises:
        NotAuthorizedException: nobody is.
    """
    visitor = visitor_of(connection)
    if visitor is None:
        raise NotAuthorizedException("Please sign in.")
    return visitor


def at_least(role: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]:
    """A guard that lets that role and those above it through.

    Raises:
        ValueError: no such role.
    """
    least = ROLES.index(role)

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if ROLES.index(required_visitor(connection).carer.role) < least:
            raise PermissionDeniedException("Your role does not allow that.")

    return guard


async def same_origin(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard for POSTs that go by cookie but without a CSRF token.

    Raises:
        PermissionDeniedException: another site's page sent it, or nobody says who.
    """
    if "token_carer" in connection.scope["state"]:
        return  # no browser sends a token by itself, so no other site can have made it
    if sender_of(connection, base_url=console_of(connection).deps.base_url) is not Sender.OUR_PAGE:
        raise PermissionDeniedException("That came from another site. Nothing was changed.")


def may_see(db: sqlite3.Connection, index: CentreIndex, visitor: Visitor, alert_id: int) -> bool:
    """Whether the alert is the visitor's business: whoever was told about it, and staff of the resident's ward.

    What is nobody's, and what a resident's of an earlier version was, is the business of all staff.
    """
    if visitor.sees_everyone and not visitor.carer.wards:
        return True
    if not 0 < alert_id <= LARGEST:
        return False
    if visitor.sees_everyone:
        row = db.execute("SELECT resident FROM alerts WHERE id = ?", (alert_id,)).fetchone()
        resident = index.residents.get(row["resident"]) if row else None
        if resident is None or visitor.sees(resident):
            return True
    told = db.execute(
        "SELECT 1 FROM notifications WHERE alert = ? AND carer = ? LIMIT 1", (alert_id, visitor.id)
    ).fetchone()
    return told is not None
