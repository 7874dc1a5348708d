"""Accounts and how people are reached: who has which role and a password, links to set one, channels, tests."""

import asyncio
from typing import Any, Final, get_args
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.alerts import contact_tests
from gateway.alerts.contact_tests import address_hash
from gateway.centre.contact import address_shown
from gateway.centre.model import Channel
from gateway.clock import to_ms
from gateway.console import oidc_account, password_links
from gateway.console.accounts import MAX_LENGTH, MIN_LENGTH, hash_password
from gateway.console.admin import admin_page, present
from gateway.console.deps import console_of
from gateway.console.form_fields import said
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import page, tongue_for
from gateway.console.passkeys import passkeys_of
from gateway.console.routing import Router
from gateway.store import access
from gateway.store.told_browsers import told_browsers
from gateway.words import N_

Sent = URLEncodedBody[dict[str, str]]

LINK_GONE: Final = N_("This link was used, or is too old. Ask for a new one.")
NOT_ALIKE: Final = N_("The two passwords differ.")
TOO_SHORT: Final = N_("At least {n} characters are asked for.")
SET: Final = N_("Your password is set. Please sign in.")
NOTHING: Final = access.Held()
NO_ALARMS: Final = N_("Your phone gets no alarms until you allow messages on it again: sign in, and open This phone.")
ENDED: Final = N_("You are signed out everywhere.")


def routers() -> tuple[Router, ...]:
    """/admin/users (admins), /admin/channels and /admin/contacts (managers), /set-password/{token} (with the link)."""
    return _users(), _reaching(), _setting()


def _users() -> Router:
    @get("/users")
    async def users(request: Request[Any, Any, Any]) -> Response[str]:
        return _users_page(request)

    @post("/users/{carer:str}/link")
    async def link(request: Request[Any, Any, Any], carer: FromPath[str]) -> Response[str]:
        console, visitor = console_of(request), required_visitor(request)
        if carer not in console.deps.index().carers:
            raise NotFoundException
        token = await console.deps.writer.write(lambda tx: password_links.make(tx, carer, by=visitor.id))
        base = console.deps.base_url.rstrip("/") or str(request.base_url).rstrip("/")
        return _users_page(request, made=(carer, f"{base}/set-password/{token}"))

    @post("/users/{carer:str}/sign-out")
    async def sign_out(request: Request[Any, Any, Any], carer: FromPath[str]) -> Redirect:
        console, visitor = console_of(request), required_visitor(request)

        await console.deps.writer.write(lambda tx: access.end(tx, carer, by=visitor.id), urgent=True)
        return Redirect("/admin/users", status_code=303)

    return Router("/admin", route_handlers=[users, link, sign_out], guards=[at_least("admin")], include_in_schema=False)


def _users_page(request: Request[Any, Any, Any], *, made: tuple[str, str] | None = None) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    db = console.db()
    held = access.held(db, tongue.now)
    carers, linked = console.deps.index().carers, oidc_account.lines_by_carer(request, tongue)
    people = [
        {
            "id": one.id,
            "name": one.name,
            "role": said(one.role, tongue),
            "has": held.get(one.id, NOTHING),
            "linked": linked.get(one.id, ()),
        }
        for one in sorted(carers.values(), key=lambda carer: carer.name.casefold())
    ]
    gone = sorted((set(held) | set(linked)) - set(carers))
    shown = {"name": carers[made[0]].name, "link": made[1]} if made else None
    return admin_page(request, "admin_users.html", people=people, gone=gone, made=shown)


def _reaching() -> Router:
    @get("/channels")
    async def channels(request: Request[Any, Any, Any]) -> Response[str]:
        console = console_of(request)
        tongue = tongue_for(request, required_visitor(request))
        _, document = present(console)
        used: dict[str, int] = {}
        for one in (contact for carer in document.get("carers", ()) for contact in carer.get("contacts", ())):
            used[one["channel"]] = used.get(one["channel"], 0) + 1
        works = console.deps.channels
        rows = [
            {
                "word": word,
                "title": said(word, tongue),
                "works": works is None or word in works,
                "used": used.get(word, 0),
            }
            for word in get_args(Channel)
        ]
        rows.sort(key=lambda row: (row["works"] or not row["used"], not row["works"], row["word"]))
        return admin_page(request, "admin_channels.html", rows=rows)

    @get("/contacts/{carer:str}")
    async def contacts(request: Request[Any, Any, Any], carer: FromPath[str]) -> Response[str]:
        return _contacts(request, carer)

    @post("/contacts/{carer:str}/test")
    async def test(request: Request[Any, Any, Any], carer: FromPath[str], data: Sent) -> Redirect:
        console, visitor = console_of(request), required_visitor(request)
        number = data.get("contact", "")
        if console.deps.test_contact is None or not number.isdecimal() or len(number) > 3:
            raise NotFoundException
        try:
            await console.deps.test_contact(carer, int(number), visitor.id)
        except LookupError:
            raise NotFoundException from None
        return Redirect(f"/admin/contacts/{quote(carer)}", status_code=303)

    return Router(
        "/admin", route_handlers=[channels, contacts, test], guards=[at_least("manager")], include_in_schema=False
    )


def _contacts(request: Request[Any, Any, Any], carer: str) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    found = console.deps.index().carers.get(carer)
    if found is None:
        raise NotFoundException
    latest = contact_tests.latest(console.db())
    works = console.deps.channels
    rows = []
    for number, way in enumerate(found.contacts):
        last = latest.get((carer, address_hash(way.channel, way.address)))
        rows.append(
            {
                "number": number,
                "title": said(way.channel, tongue),
                "address": address_shown(way.channel, way.address).strip('"') if way.address else "",
                "works": works is None or way.channel in works,
                "ok": last.ok if last else None,
                "at": tongue.at(last.at) if last else "",
                "detail": (last.detail or "") if last and not last.ok else "",
                "confirmed": tongue.at(last.confirmed_at) if last and last.confirmed_at else "",
            }
        )
    can = console.deps.test_contact is not None
    return admin_page(request, "admin_contacts.html", carer=carer, name=found.name, rows=rows, can=can)


def _setting() -> Router:
    @get("/set-password/{token:str}")
    async def ask(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
        return _ask(request, token)

    @post("/set-password/{token:str}")
    async def keep(request: Request[Any, Any, Any], token: FromPath[str], data: Sent) -> Response[Any]:
        tongue = tongue_for(request)
        password = data.get("password", "")
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            return _ask(request, token, wrong=tongue(TOO_SHORT, n=MIN_LENGTH))
        if password != data.get("again", ""):
            return _ask(request, token, wrong=tongue(NOT_ALIKE))
        console = console_of(request)
        if password_links.carer_of(console.db(), token, to_ms(tongue.now)) is None:
            return _ask(request, token)
        hashed = await asyncio.to_thread(hash_password, password)
        used = await console.deps.writer.write(lambda tx: password_links.use(tx, token, hashed))
        if used is None:
            return _ask(request, token)
        carer, ended = used
        said = [tongue(SET), tongue(ENDED)]
        if ended.tokens:
            said.append(
                tongue.many("{n} token for programs is revoked.", "{n} tokens for programs are revoked.", ended.tokens)
            )
        if ended.browsers:
            said.append(tongue(NO_ALARMS))
        if passkeys_of(console.db(), carer):
            said.append(tongue(N_("Your passkeys stay: remove those that you don’t know.")))
        return page(request, "message.html", tongue, title=tongue(N_("Done")), text=" ".join(said))

    return Router("/", route_handlers=[ask, keep], include_in_schema=False)


def _ask(request: Request[Any, Any, Any], token: str, *, wrong: str | None = None) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request)
    carer = password_links.carer_of(console.db(), token, to_ms(tongue.now)) if len(token) < 100 else None
    found = console.deps.index().carers.get(carer or "")
    if carer is None or found is None:
        return page(
            request, "message.html", tongue, status=410, title=tongue(N_("Not any more")), text=tongue(LINK_GONE)
        )
    return page(
        request,
        "admin_set_password.html",
        tongue,
        status=422 if wrong else 200,
        wrong=wrong,
        carer=carer,
        least=MIN_LENGTH,
        told=bool(told_browsers(console.db(), carer)),
    )
