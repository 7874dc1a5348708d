"""Who is asking, and what they may do: relative < carer < manager < admin.

The role is read from the centre at each request, so a change of the centre file takes effect at once.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from gateway.alerts import glass
from gateway.alerts.policies import still_theirs
from gateway.alerts.rows import LARGEST
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer, Resident
from gateway.console.deps import Console, console_of
from gateway.console.oidc_identities import LINKED_BY_CLAIM
from gateway.console.origin import Sender, sender_of
from gateway.console.sessions import KIOSK
from gateway.console.signed_in import browser_family
from gateway.console.tokens import Scope
from gateway.store.access import SCREEN

ROLES = ("relative", "carer", "manager", "admin")
"""From the least to the most; each may what the ones before may."""


BY_CLAIM = "by_claim"
"""The key of session data that says that the session began with a link that a claim made, not a hand."""

KIOSK_PATHS = frozenset({"/wall", "/wall/board", "/beats"})
"""What a paired wall screen may see, besides what is open to everybody."""


class Visitor(NamedTuple):
    """Somebody who is signed in."""

    carer: Carer
    reads_only: bool = False
    """A token without the scope to write: it can't break the glass, and what its carer opened stays closed to it."""

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
    """Who is signed in; None: nobody, or somebody who is no longer in the centre, or whose role now asks for more than
    the link with which the session began."""
    carer_id, by_claim = connection.scope["state"].get("token_carer"), False
    if carer_id is None and connection.session:
        if (screen := connection.session.get(KIOSK)) is not None:
            return _screen(connection, str(screen))
        carer_id, by_claim = connection.session.get("carer"), BY_CLAIM in connection.session
    carer = console_of(connection).deps.index().carers.get(str(carer_id)) if carer_id else None
    if carer is None or (by_claim and carer.role not in LINKED_BY_CLAIM):
        return None
    scopes = connection.scope["state"].get("token_scopes")
    return Visitor(carer, reads_only=scopes is not None and Scope.WRITE not in scopes)


def _screen(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> Visitor | None:
    """A paired wall screen: it is nobody, and everything but the wall is closed to it."""
    if connection.url.path not in KIOSK_PATHS:
        return None
    # the key was given to this screen: copied into another kind of browser, it opens nothing
    if connection.session.get("browser") != browser_family(connection.headers.get("user-agent", "")):
        return None
    language = console_of(connection).deps.index().site.language
    return Visitor(Carer.model_construct(id=SCREEN, name=name, language=language, role="carer"))


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


def opened(console: Console, visitor: Visitor, resident_id: str) -> bool:
    """Whether the visitor broke the glass for this resident, and it still holds; never for relatives, nor for a program
    that only reads: what was opened for one emergency is not meant for it."""
    if visitor.reads_only or not visitor.sees_everyone or resident_id not in console.deps.index().residents:
        return False
    return glass.in_force(console.db(), resident_id, visitor.id, console.deps.clock.now()) is not None


def resident_for(
    connection: ASGIConnection[Any, Any, Any, Any], resident_id: str, *, by_glass: bool = False
) -> Resident:
    """The resident of an address or a body, or 404: asked by every route that names one (docs/privacy.md).

    Args:
        connection: what was asked.
        resident_id: the id, as it was sent.
        by_glass: whoever broke the glass for this resident gets in too: for what an emergency needs.

    Raises:
        NotFoundException: there is none of that id, or they are none of the visitor's business.
    """
    visitor, console = required_visitor(connection), console_of(connection)
    found = console.deps.index().residents.get(resident_id)
    if found is None or not (visitor.sees(found) or (by_glass and opened(console, visitor, resident_id))):
        raise NotFoundException("There is no such resident, or they are not yours to see.")
    return found


def concerns(index: CentreIndex, visitor: Visitor, resident_id: str | None) -> bool:
    """Whether a line of a list of the staff is the visitor's business: what is of nobody, and what is of a resident of
    an earlier version, is the business of all staff."""
    resident = index.person(resident_id)
    return visitor.sees_everyone if resident is None else visitor.sees(resident)


def asked_of(index: CentreIndex, visitor: Visitor, resident_id: str | None, *, still_open: bool) -> bool:
    """Whether what a visitor was told about is (still) their business; see gateway.alerts.policies.still_theirs."""
    return still_theirs(index, visitor.carer, resident_id, still_open=still_open)


def may_see(console: Console, visitor: Visitor, alert_id: int) -> bool:
    """Whether the alert is the visitor's business: whoever was told about it, staff of the resident's ward, whoever
    broke the glass for the resident, and whoever is going.

    What is nobody's, and what a resident's of an earlier version was, is the business of all staff.
    """
    if visitor.sees_everyone and not visitor.carer.wards:
        return True
    if not 0 < alert_id <= LARGEST:
        return False
    db, index = console.db(), console.deps.index()
    row = db.execute("SELECT resident, state, taken_by FROM alerts WHERE id = ?", (alert_id,)).fetchone()
    if row is None:
        return False
    if row["taken_by"] == visitor.id and row["state"] != "closed":
        return True  # also when what they opened for it has ended: whoever is going closes it
    whose = row["resident"]
    if visitor.sees_everyone and (concerns(index, visitor, whose) or opened(console, visitor, whose)):
        return True
    told = db.execute(
        "SELECT 1 FROM notifications WHERE alert = ? AND carer = ? LIMIT 1", (alert_id, visitor.id)
    ).fetchone()
    return told is not None and asked_of(index, visitor, whose, still_open=row["state"] != "closed")
