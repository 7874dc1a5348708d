"""What lets one person in, for administrators: sessions, tokens, passkeys, links. Each can be ended, or all at once."""

from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.centre.index import CentreIndex
from gateway.console import oidc_account, oidc_identities, passkeys, password_links, signed_in, tokens
from gateway.console.account import browser_lines
from gateway.console.admin import admin_page
from gateway.console.deps import console_of
from gateway.console.form_fields import said
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import Tongue, tongue_for
from gateway.console.routing import Router
from gateway.errors import NotAllowedError
from gateway.store import access
from gateway.store.told_browsers import end_browser, told_browsers
from gateway.store.writer import Tx
from gateway.words import N_

Sent = URLEncodedBody[dict[str, str]]

MAY: Final = {
    tokens.Scope.READ: N_("may read"),
    tokens.Scope.ANSWER: N_("may answer alerts"),
    tokens.Scope.WRITE: N_("may make changes"),
}
STILL_HERE: Final = N_("This person is still of the house.")


def router() -> Router:
    """/admin/users/{carer} and below, for administrators."""
    path = "/admin/users/{carer:str}"

    @get(path)
    async def show(request: Request[Any, Any, Any], carer: FromPath[str]) -> Response[str]:
        return _page(request, carer)

    @post(f"{path}/sessions/{{session:str}}/end", status_code=303)
    async def end_session(request: Request[Any, Any, Any], carer: FromPath[str], session: FromPath[str]) -> Redirect:
        by = required_visitor(request).id
        return await _did(request, carer, lambda tx: signed_in.end(tx, session, by=by, carer=carer))

    @post(f"{path}/tokens/{{number:int}}/revoke", status_code=303)
    async def revoke(request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]) -> Redirect:
        by = required_visitor(request).id
        return await _did(request, carer, lambda tx: tokens.revoke(tx, number, by=by, carer=carer))

    @post(f"{path}/passkeys/{{passkey:str}}/remove", status_code=303)
    async def remove_passkey(request: Request[Any, Any, Any], carer: FromPath[str], passkey: FromPath[str]) -> Redirect:
        by = required_visitor(request).id
        return await _did(request, carer, lambda tx: passkeys.remove(tx, carer, passkey, by=by))

    @post(f"{path}/identities/{{number:int}}/unlink", status_code=303)
    async def unlink(request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]) -> Redirect:
        by = required_visitor(request).id
        return await _did(request, carer, lambda tx: oidc_identities.unlink(tx, number, by=by, carer=carer))

    @post(f"{path}/browsers/{{number:int}}/end", status_code=303)
    async def no_messages(request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]) -> Redirect:
        by = required_visitor(request).id
        return await _did(request, carer, lambda tx: end_browser(tx, number, by=by, carer=carer))

    @post(f"{path}/password-link/end", status_code=303)
    async def end_link(request: Request[Any, Any, Any], carer: FromPath[str]) -> Redirect:
        by = required_visitor(request).id
        return await _did(request, carer, lambda tx: password_links.end(tx, carer, by=by))

    @post(f"{path}/end", status_code=303)
    async def end_all(request: Request[Any, Any, Any], carer: FromPath[str], data: Sent) -> Redirect:
        by = required_visitor(request).id
        return await _did(
            request,
            carer,
            lambda tx: access.end(tx, carer, by=by, tokens="tokens" in data, passkeys="passkeys" in data) is not None,
        )

    @post(f"{path}/remove", status_code=303)
    async def remove(request: Request[Any, Any, Any], carer: FromPath[str]) -> Redirect:
        console, visitor = console_of(request), required_visitor(request)
        if carer in console.deps.index().carers:
            raise NotAllowedError(STILL_HERE)
        await console.deps.writer.write(lambda tx: access.remove(tx, carer, by=visitor.id), urgent=True)
        return Redirect("/admin/users", status_code=303)

    return Router(
        "/",
        route_handlers=[show, end_session, revoke, remove_passkey, unlink, no_messages, end_link, end_all, remove],
        guards=[at_least("admin")],
        include_in_schema=False,
    )


async def _did(request: Request[Any, Any, Any], carer: str, work: Any) -> Redirect:
    def one(tx: Tx) -> bool:
        return bool(work(tx))

    if not await console_of(request).deps.writer.write(one, urgent=True):
        raise NotFoundException
    return Redirect(f"/admin/users/{quote(carer)}?did=ended", status_code=303)


def _page(request: Request[Any, Any, Any], carer: str) -> Response[str]:
    console, tongue = console_of(request), tongue_for(request, required_visitor(request))
    db, person = console.db(), console.deps.index().carers.get(carer)
    lives = signed_in.sessions_of(db, carer, tongue.now)
    keys, made = passkeys.passkeys_of(db, carer), tokens.tokens_of(db, carer, tongue.now)
    if person is None and carer not in access.held(db, tongue.now):
        raise NotFoundException
    return admin_page(
        request,
        "admin_user.html",
        id=carer,
        name=person.name if person else carer,
        role=said(person.role, tongue) if person else "",
        gone=person is None,
        told=tongue(N_("It is ended.")) if request.query_params.get("did") == "ended" else None,
        lines=[
            {
                "id": one.id,
                "browser": one.browser or tongue("unknown browser"),
                "text": " · ".join(filter(None, [_used(one.used_at, tongue), one.address])),
            }
            for one in lives
        ],
        tokens=[
            {
                "id": one.id,
                "name": one.name,
                "text": " · ".join(
                    [
                        ", ".join(tongue(MAY[scope]) for scope in one.scopes),
                        tongue("until {time}", time=tongue.at(one.expires_at)),
                        _used(one.used_at, tongue),
                    ]
                ),
            }
            for one in made
        ],
        linked=[
            {
                "id": one.id,
                "name": one.account,
                "opens": one.opens,
                "text": " · ".join(
                    [
                        tongue("since {time}", time=one.since),
                        tongue("last used about {time}", time=one.used) if one.used else tongue("never used"),
                    ]
                ),
            }
            for one in oidc_account.part(request, carer, tongue).lines
        ],
        browsers=browser_lines(told_browsers(db, carer), tongue),
        link=_link(password_links.link_of(db, carer, tongue.now), console.deps.index(), tongue),
        passkeys=[
            {
                "id": one.id,
                "name": one.name,
                "text": f"{tongue('since {time}', time=tongue.at(one.made_at))} · {_used(one.used_at, tongue)}",
            }
            for one in keys
        ],
    )


def _link(one: password_links.LinkOut | None, index: CentreIndex, tongue: Tongue) -> str | None:
    """The link that is out, in a line."""
    if one is None:
        return None
    who, made, until = index.carer_name(one.made_by) or one.made_by, tongue.at(one.made_at), tongue.at(one.until)
    return tongue(N_("made by {who} {time}, good until {until}"), who=who, time=made, until=until)


def _used(at: Any, tongue: Tongue) -> str:
    return tongue("last used about {time}", time=tongue.at(at)) if at else tongue("never used")
