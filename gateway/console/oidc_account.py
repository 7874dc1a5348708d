"""Linked accounts as "My account" and "Accounts and passwords" show them."""

from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from litestar import Request

from gateway.console.deps import console_of
from gateway.console.oidc_identities import Identity, identities_of, opens
from gateway.console.oidc_words import AT_LINKING, why_of
from gateway.console.pages import Tongue
from gateway.words import N_

LINKED: Final = N_("Your account is linked. You can sign in with it from now on.")
ONLY_WAY: Final = N_("This is your only way to sign in, so the link stays. Ask for a link to set a password first.")


class Line(NamedTuple):
    """One linked account."""

    id: int
    provider: str
    """Its name in the settings; of an earlier provider the host."""
    shown: str
    since: str
    used: str
    opens: bool
    """False: a claim made it, and the carer's role asks for one that is made by hand."""

    @property
    def account(self) -> str:
        """Provider and account in one line."""
        return f"{self.provider}, {self.shown}" if self.shown else self.provider


class Part(NamedTuple):
    """What "My account" shows."""

    name: str | None
    """The provider's; None: there is none now."""
    lines: list[Line]
    can_link: bool


def part(request: Request[Any, Any, Any], carer: str, tongue: Tongue) -> Part:
    """The carer's linked accounts, and whether one can be linked."""
    console = console_of(request)
    found, settings = identities_of(console.db(), carer), console.deps.oidc
    lines = [_line(request, one, tongue) for one in found]
    works = {one.issuer for one, line in zip(found, lines, strict=True) if line.opens}
    return Part(settings.name if settings else None, lines, settings is not None and settings.issuer not in works)


def lines_by_carer(request: Request[Any, Any, Any], tongue: Tongue) -> dict[str, list[Line]]:
    """Everybody's linked accounts."""
    lines: dict[str, list[Line]] = {}
    for one in identities_of(console_of(request).db(), None):
        lines.setdefault(one.carer, []).append(_line(request, one, tongue))
    return lines


def wrong(text: str | None) -> str | None:
    """The msgid of what went wrong with a link, as the page's address says; None: nothing."""
    if text == "only":
        return ONLY_WAY
    why = why_of(text, AT_LINKING)
    return AT_LINKING[why] if why else None


def name_of(request: Request[Any, Any, Any]) -> str:
    """The provider's name."""
    settings = console_of(request).deps.oidc
    return settings.name if settings else "OpenID Connect"


def _line(request: Request[Any, Any, Any], one: Identity, tongue: Tongue) -> Line:
    settings = console_of(request).deps.oidc
    ours = settings is not None and settings.issuer == one.issuer
    carer = console_of(request).deps.index().carers.get(one.carer)
    return Line(
        id=one.id,
        provider=name_of(request) if ours else urlsplit(one.issuer).hostname or one.issuer,
        shown=one.shown,
        since=tongue.at(one.linked_at),
        used=tongue.at(one.used_at) if one.used_at else "",
        opens=carer is None or opens(one.linked_by, carer.role),
    )
