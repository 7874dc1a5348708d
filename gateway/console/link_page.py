"""The page behind a signed link in a message: shows little, answers without sign-in, works without a script.

A GET only shows, whoever fetches it: mail scanners and previews open links too. The token is the key, so there is
nothing for another site to forge: it would have to know the address.

An action that is sent again (a double tap, a provider's repetition) changes nothing while the alert stands as that
action left it, and shows how things stand. After anything else has happened it is a new answer: whoever presses "I am
going", then "I can't", then "I am going" is going. The page's own forms carry the picture of the alert that they were
made from, and are taken once.
"""

import hashlib
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, head, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.alerts import contact_tests, queries
from gateway.alerts.model import Alert
from gateway.alerts.table import AlertState
from gateway.alerts.taking import mark_opened
from gateway.console.answering import EXPECTED, explained
from gateway.console.answers import given_of_form, key_of_form, read_form, take
from gateway.console.deps import console_of
from gateway.console.guards import Visitor, asked_of
from gateway.console.looks import looked
from gateway.console.ops import Counters
from gateway.console.pages import page, tongue_for
from gateway.console.routing import Router
from gateway.console.view import row_of
from gateway.errors import UnknownAlertError
from gateway.links import LinkClaim, LinkRefusal
from gateway.words import N_

Form = URLEncodedBody[dict[str, str]]

PRIVATE = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
OPTIONS = {"skip_session": True, "exclude_from_csrf": True}

SEEN = "seen"
"""What the page's script says when somebody looks at it: no answer, but the message has been read."""

_REFUSED: dict[LinkRefusal, tuple[int, str, str]] = {
    LinkRefusal.EXPIRED: (
        410,
        N_("This link is too old"),
        N_("Links work for a day. If the alert is still open, you got a newer message; or sign in."),
    ),
    LinkRefusal.FORGED: (
        404,
        N_("This link does not work"),
        N_("Perhaps it was cut off in the message. Copy the whole address, or sign in."),
    ),
}


def router(counters: Counters) -> Router:
    """GET, HEAD and POST /a/{token}."""

    @get("/a/{token:str}", opt=OPTIONS)
    async def show(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
        match _read(request, token):
            case (int() as test, Visitor() as visitor):
                return _test_page(request, token, test, visitor)
            case (Alert() as alert, Visitor() as visitor):
                await looked(console_of(request), visitor.id, f"alert/{alert.id}", via="link")
                return _page(request, token, alert, visitor)
            case refusal:
                return _refused(request, LinkRefusal(refusal))

    @head("/a/{token:str}", opt=OPTIONS)
    async def peek(token: FromPath[str]) -> None:
        """Says nothing: whoever only knocks learns nothing."""

    @post("/a/{token:str}", opt=OPTIONS, status_code=303)
    async def act(request: Request[Any, Any, Any], token: FromPath[str], data: Form) -> Response[Any]:
        found = _read(request, token)
        if isinstance(found, LinkRefusal):
            return _refused(request, found)
        alert, visitor = found
        writer = console_of(request).deps.writer
        if isinstance(alert, int):
            await writer.write(lambda tx: contact_tests.confirm(tx, alert, visitor.id))
            return Redirect(request.url.path, status_code=303, headers=PRIVATE)
        if data.get("answer") == SEEN:
            await mark_opened(writer, alert.id, visitor.id, by_message=True)
            return Response(None, status_code=204, headers=PRIVATE)
        tongue = tongue_for(request, visitor)
        try:
            answer = read_form(data)
            of_page = key_of_form(data)
            taken = await take(
                console_of(request),
                alert.id,
                answer,
                key=of_page or _words(token, data),
                who=visitor.id,
                via="link",
                each_turn=of_page is None,
                given=given_of_form({name: data[name] for name in ("key", "age_s") if name in data}, visitor.id),
            )
        except EXPECTED as error:
            status, text = explained(error, request, alert.id, tongue, visitor.id)
            counters.answered("link", HTTPStatus(status).phrase)
            now = queries.alert(console_of(request).db(), alert.id)
            return _page(request, token, now, visitor, notice=text, status=status)
        counters.answered("link", "repeated" if taken.repeated else "accepted")
        return Redirect(request.url.path, status_code=303, headers=PRIVATE)

    return Router("/", route_handlers=[show, peek, act], include_in_schema=False)


def _words(token: str, form: dict[str, str]) -> str:
    """The key of an action that comes without a page, such as a button in a notification: the link and its words."""
    named = "/".join((token, form.get("answer", ""), form.get("outcome", ""), form.get("note", "")))
    return f"link/{hashlib.sha256(named.encode()).hexdigest()[:24]}"


def _read(request: Request[Any, Any, Any], token: str) -> tuple[Alert | int, Visitor] | LinkRefusal:
    """What the link is about (an alert, or the number of a test of a contact) and whose it is."""
    console = console_of(request)
    claim = console.deps.links.read(token)
    if isinstance(claim, LinkRefusal):
        return claim
    carer = console.deps.index().carers.get(claim.carer)
    if carer is None:
        # no longer one of us: the link of yesterday opens nothing
        return LinkRefusal.EXPIRED
    test = contact_tests.of_purpose(claim.purpose)
    if test is not None:
        return test, Visitor(carer)
    return _alert(request, claim, Visitor(carer))


def _alert(request: Request[Any, Any, Any], claim: LinkClaim, visitor: Visitor) -> tuple[Alert, Visitor] | LinkRefusal:
    console = console_of(request)
    try:
        found = queries.alert(console.db(), claim.alert)
    except UnknownAlertError:
        return LinkRefusal.EXPIRED
    still_open = found.state is not AlertState.CLOSED
    if found.taken_by != visitor.id and not asked_of(
        console.deps.index(), visitor, found.resident, still_open=still_open
    ):
        return LinkRefusal.EXPIRED  # a relative whom the resident does not name any more
    return found, visitor


def _page(
    request: Request[Any, Any, Any],
    token: str,
    alert: Alert,
    visitor: Visitor,
    *,
    notice: str | None = None,
    status: int = 200,
) -> Response[str]:
    tongue = tongue_for(request, visitor)
    return page(
        request,
        "link.html",
        tongue,
        status=status,
        headers=PRIVATE,
        row=row_of(alert, console_of(request).deps.index(), tongue, visitor.id),
        action=f"/a/{token}",
        carer_name=visitor.carer.name,
        notice=notice,
    )


def _test_page(request: Request[Any, Any, Any], token: str, test: int, visitor: Visitor) -> Response[str]:
    tongue = tongue_for(request, visitor)
    found = (
        console_of(request)
        .db()
        .execute("SELECT confirmed_at FROM contact_tests WHERE id = ? AND carer = ?", (test, visitor.id))
        .fetchone()
    )
    if found is None:
        return _refused(request, LinkRefusal.EXPIRED)
    confirmed = found["confirmed_at"] is not None
    return page(
        request,
        "test_link.html",
        tongue,
        headers=PRIVATE,
        title=tongue("Thank you: the test came") if confirmed else tongue("This is a test"),
        text=tongue("Messages reach you this way. There is nothing else to do.")
        if confirmed
        else tongue(
            "Nothing happened. Please say that the message came, so that everybody knows that you can be told."
        ),
        confirmed=confirmed,
        action=f"/a/{token}",
    )


def _refused(request: Request[Any, Any, Any], refusal: LinkRefusal) -> Response[str]:
    status, title, text = _REFUSED[refusal]
    tongue = tongue_for(request)
    return page(request, "message.html", tongue, status=status, headers=PRIVATE, title=tongue(title), text=tongue(text))
