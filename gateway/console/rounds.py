"""The round list: what is due for a change, by time or by room; checked off by a tap, or printed for the round.

A tap goes through the queue of the page, as answers to alerts do: it may come late, and more than once.
See docs/console.md.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from litestar import Request, Response, get, post
from litestar.params import JSONBody, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gateway.clock import from_ms, to_ms
from gateway.console.answering import OTHER_CARER
from gateway.console.answers import MAX_KEY, OtherCarerError, given_of_form
from gateway.console.beside import beside
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, required_visitor, same_origin
from gateway.console.looks import looked
from gateway.console.once import once
from gateway.console.pages import Tongue, asks_for_part, live_page, tongue_for
from gateway.console.problems import problem, refuse, wants_json
from gateway.console.routing import Router
from gateway.console.view import name_of
from gateway.errors import BadAnswerError
from gateway.store import care, rounds
from gateway.store.rounds import Check, Line, Result
from gateway.words import N_
from rules.nights import next_wall_clock

RESULTS: Final[dict[Result, str]] = {
    Result.DONE: N_("Done"),
    Result.NOT_NEEDED: N_("Not needed"),
    Result.LATER: N_("Later"),
}
_SAID: Final[dict[Result, str]] = {
    Result.DONE: N_("{who}, {time}: done"),
    Result.NOT_NEEDED: N_("{who}, {time}: not needed"),
    Result.LATER: N_("{who}, {time}: later"),
}
_AGAIN: Final = N_("{who}, {time}: done, but the sensor still says so")


class Shown(msgspec.Struct, frozen=True):
    """A line as the page shows it. ``id`` names it on the page and in the queue; ``line`` is what the form sends."""

    id: str
    line: str
    room: str
    name: str
    what: str
    urgent: bool
    since: str
    due: str
    iso: str
    late: bool
    said: str | None
    alert: int | None


class RoundCheckWanted(msgspec.Struct, forbid_unknown_fields=True):
    """What was done about a line of GET /api/rounds: its ``resident`` and ``since`` (RFC 3339), and the result.

    ``at``: when it was done (RFC 3339), where that is not now. The newest ``at`` of a line says how it stands; a time
    before ``since``, or after now, is taken as the nearest that can be.
    """

    resident: str
    since: datetime
    result: Result
    at: datetime | None = None


class _Tap(msgspec.Struct, frozen=True):
    """What was done about a line: by the form of a page, or by a program."""

    resident: str
    since: datetime
    result: Result
    at: datetime | None
    was: str | None = None
    key: str | None = None


def router() -> Router:
    """GET /rounds, GET /rounds/print, POST /rounds/check, POST /api/rounds/check."""

    @get("/rounds")
    async def show(
        request: Request[Any, Any, Any],
        by: Annotated[str, QueryParameter()] = "time",
        when: Annotated[str, QueryParameter()] = "all",
    ) -> Response[str]:
        return await _page(request, "rounds.html", by=by, when=when)

    @get("/rounds/print")
    async def printed(request: Request[Any, Any, Any]) -> Response[str]:
        return await _page(request, "rounds_print.html", by="room", when="next")

    @post("/rounds/check", status_code=303, opt={"exclude_from_csrf": True}, guards=[same_origin])
    async def check(request: Request[Any, Any, Any], data: URLEncodedBody[dict[str, str]]) -> Response[Any]:
        return await _checked(request, data)

    @post(
        "/api/rounds/check",
        status_code=200,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="Note what was done about a line of the round list",
        operation_id="checkRound",
        tags=["care"],
        include_in_schema=True,
    )
    @once
    async def check_api(request: Request[Any, Any, Any], data: JSONBody[RoundCheckWanted]) -> Response[Any]:
        for name, value in (("since", data.since), ("at", data.at)):
            if value is not None and value.tzinfo is None:
                return problem(422, f"{name}: {value.isoformat()}: expected a time zone, such as the Z at its end")
        tap = _Tap(data.resident, data.since, data.result, data.at)
        try:
            return Response(await _check(request, required_visitor(request), tap))
        except BadAnswerError as error:
            return problem(404, str(error))

    return Router(
        "/", route_handlers=[show, printed, check, check_api], guards=[at_least("carer")], include_in_schema=False
    )


async def _checked(request: Request[Any, Any, Any], form: dict[str, str]) -> Response[Any]:
    """Take a tap; JSON goes back to the script, the list to a plain form."""
    visitor, console = required_visitor(request), console_of(request)
    tongue, index = tongue_for(request, visitor), console.deps.index()
    try:
        tap = _tap(console, form, visitor)
    except OtherCarerError:
        text = tongue("This page was somebody else’s: you are signed in as {name} now. Nothing was changed.",
                      name=visitor.carer.name)  # fmt: skip
        return await _refused(request, form, 409, text, OTHER_CARER)
    except (BadAnswerError, BadSignature, ValueError):
        return refuse(request, 400)
    try:
        noted = await _check(request, visitor, tap)
    except BadAnswerError:
        text = tongue("This is not on the list any more. Please look at the list again.")
        who = index.residents.get(tap.resident)
        # read on another page, perhaps much later: it has to say what it is about
        return await _refused(request, form, 409, f"{who.room}: {text}" if who and visitor.sees(who) else text)
    if wants_json(request):
        text = _done(console, noted, tongue)
        return Response({"text": text, "at": noted.at, "result": noted.result}, status_code=200)
    return Redirect(f"/rounds?by={_by(form.get('by', ''))}&when={_when(form.get('when', ''))}", status_code=303)


async def _refused(
    request: Request[Any, Any, Any], form: dict[str, str], status: int, text: str, kind: str = "about:blank"
) -> Response[Any]:
    if wants_json(request):
        return problem(status, text, type=kind)
    return await _page(
        request, "rounds.html", by=form.get("by", ""), when=form.get("when", ""), notice=text, status=status
    )


def _tap(console: Console, form: dict[str, str], visitor: Visitor) -> _Tap:
    """What a form says.

    Raises:
        OtherCarerError: the page was made for somebody else.
        BadAnswerError, BadSignature, ValueError: no page of ours sent it.
    """
    given = given_of_form(form, visitor.id)
    resident, since, was = _signer(console).loads(form.get("line", ""))
    return _Tap(
        resident=resident,
        since=from_ms(since),
        result=Result(form.get("result", "")),
        at=console.deps.clock.now() - given.age,
        was=was,
        key=form.get("key", "")[:MAX_KEY] or None,
    )


def _signer(console: Console) -> URLSafeSerializer:
    """Says that a line was on the list, also when it has gone since."""
    return URLSafeSerializer(console.deps.secret, salt="telecare.round.v1")


async def _check(request: Request[Any, Any, Any], visitor: Visitor, tap: _Tap) -> Check:
    deps = console_of(request).deps
    index = deps.index()
    known = index.residents.get(tap.resident)
    if known is None or not visitor.sees(known):
        raise BadAnswerError(f"resident: {tap.resident!r}: expected somebody who is on the list.")
    return await deps.writer.write(
        lambda tx: rounds.check_off(
            tx, index, resident=tap.resident, since=tap.since, result=tap.result, who=visitor.id,
            at=tap.at, was=tap.was, key=tap.key,
        ),
        urgent=True,
    )  # fmt: skip


async def _page(
    request: Request[Any, Any, Any], template: str, *, by: str, when: str, notice: str | None = None, status: int = 200
) -> Response[str]:
    visitor, console = required_visitor(request), console_of(request)
    tongue, index, now = tongue_for(request, visitor), console.deps.index(), console.deps.clock.now()
    by, when = _by(by), _when(when)
    planned = next_wall_clock(index.site.rounds, index.timezone, now) if index.site.rounds else None
    until = (planned or now + timedelta(hours=2)) if when == "next" else None
    lines, done = await beside(
        console,
        lambda db: (rounds.open_lines(db, index, now=now, until=until), rounds.done(db, now=now)),
    )
    mine = {one.id for one in index.residents.values() if visitor.sees(one)}
    lines = [line for line in lines if line.due.resident in mine]
    if by == "room":
        lines.sort(key=lambda line: (line.due.room, line.due.due_at))
    await looked(console, visitor.id, care.ROUNDS_TARGET, via="page", again=asks_for_part(request))
    return live_page(
        request,
        template,
        tongue,
        f"/rounds?by={by}&when={when}",
        status=status,
        visitor=visitor,
        notice=notice,
        by=by,
        when=when,
        planned=tongue.at(until) if until else None,
        lines=[_shown(console, line, tongue) for line in lines],
        done=[_done(console, check, tongue) for check in done if check.resident in mine],
        results=[(result.value, tongue(text)) for result, text in RESULTS.items()],
        at=tongue.at(now),
    )


def _shown(console: Console, line: Line, tongue: Tongue) -> Shown:
    due, index = line.due, console.deps.index()
    check = line.check
    said = None
    if check is not None:
        text = _AGAIN if check.result is Result.DONE else _SAID[check.result]
        said = tongue(text, who=name_of(check.who, index, tongue), time=tongue.at(check.at))
    since = to_ms(due.since)
    return Shown(
        id=f"{due.resident}-{since}",
        line=str(_signer(console).dumps([due.resident, since, due.what])),
        room=due.room,
        name=index.residents[due.resident].name,
        what=tongue(rounds.WHAT[due.what]),
        urgent=due.what in {"leak", "overdue"},
        since=tongue.at(due.since),
        due=tongue.at(due.due_at),
        iso=due.due_at.isoformat(),
        late=due.due_at < tongue.now,
        said=said,
        alert=_alert(console, due.resident),
    )


def _done(console: Console, check: Check, tongue: Tongue) -> str:
    index = console.deps.index()
    who = name_of(check.who, index, tongue)
    said = tongue(_SAID[check.result], who=who, time=tongue.at(check.at))
    return f"{index.public_name(check.resident)}: {tongue(rounds.WHAT[check.what])}. {said}"


def _alert(console: Console, resident: str) -> int | None:
    """The open alert that rings for this, which the carer still has to close."""
    query = (
        "SELECT id FROM alerts WHERE resident = ? AND state != 'closed'"
        " AND rule IN ('continence', 'continence_off', 'not_changed') ORDER BY id DESC LIMIT 1"
    )
    row = console.db().execute(query, (resident,)).fetchone()
    return None if row is None else int(row["id"])


def _by(text: str) -> str:
    return "room" if text == "room" else "time"


def _when(text: str) -> str:
    return "next" if text == "next" else "all"
