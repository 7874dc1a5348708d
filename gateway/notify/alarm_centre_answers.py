"""What an alarm receiving centre says to a CAP message: POST /cap/{token}, a route for the console's listener."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from litestar import Request, Response, Router, post
from litestar.params import FromPath

from gateway.links import Links
from gateway.notify import cap
from gateway.notify.answering import Answering, Said, Taken
from gateway.notify.handover import identifier
from gateway.notify.outbox import row_of
from gateway.notify.states import Event, State
from gateway.notify.xml import XmlError

_LOG = structlog.get_logger(__name__)

OPTIONS: Final = {"skip_session": True, "exclude_from_csrf": True}

_STATUSES: Final = {Taken.ACCEPTED: 200, Taken.REFUSED: 409, Taken.LATE: 409, Taken.UNKNOWN: 410}

Report = Callable[[int, Event, str | None], Awaitable[State | None]]


def cap_route(*, links: Links, db: Callable[[], sqlite3.Connection], answering: Answering, report: Report) -> Router:
    """POST /cap/{token}: a CAP message (``Ack``: it takes care; ``Error``: it can't), or ``answer=going|cant|there``.

    The same answer again changes nothing while the alert stands as that answer left it; after anything else has
    happened it is a new answer. 200: taken; 409: somebody was first, or it is over; 410: no such alert any more; 422:
    not understood; 404: no address of ours.

    Args:
        links: read the token.
        db: a reading connection.
        answering: takes the answer.
        report: takes that the message was read.
    """

    @post("/cap/{token:str}", opt=OPTIONS, status_code=200)
    async def answer(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
        number = links.read_callback("cap", token)
        row = None if number is None else row_of(db(), number)
        if row is None or row.channel != "cap":
            return Response("", status_code=404)
        try:
            said = _said(await request.body(), identifier(answering.index.site.id, row.id))
        except XmlError as error:
            _LOG.warning("cap.not_understood", notification=row.id, error=str(error))
            return Response(str(error), status_code=422, media_type="text/plain")
        await report(row.id, Event.OPENED, None)
        reply = await answering.take(
            row.alert, said, carer=row.carer, via="cap", key=f"cap/{row.id}/{said}", each_turn=True
        )
        _LOG.info("cap.answer", carer=row.carer, alert=row.alert, said=said.value, taken=reply.taken.value)
        return Response(reply.text, status_code=_STATUSES[reply.taken], media_type="text/plain")

    return Router("/", route_handlers=[answer], include_in_schema=False)


def _said(body: bytes, ours: str) -> Said:
    """The answer in a body.

    Raises:
        XmlError: there is none, or it refers to another message.
    """
    if body.lstrip()[:1] != b"<":
        words = parse_qs(body.decode("ascii", "replace")).get("answer", [""])
        if words[0] not in set(Said):
            raise XmlError(f"answer: expected one of {', '.join(Said)}, or a CAP message")
        return Said(words[0])
    ack = cap.read(body)
    if ack.identifiers and ours not in ack.identifiers:
        raise XmlError("references: another message was sent to this address")
    return Said.GOING if ack.kind == "Ack" else Said.CANT
