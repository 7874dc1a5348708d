"""What providers send to us over HTTP: receipts, pressed keys of calls, SMS. Routes for the console's listener.

Each address has a part that nobody can guess: a signed token about one notification, or the secret of the settings.
"""

import base64
import hashlib
import hmac
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from litestar import Request, Response, Router, post
from litestar.params import FromPath

from gateway.clock import Clock
from gateway.links import Links
from gateway.notify import message
from gateway.notify.answering import Answering, Said
from gateway.notify.channels.voice import spoken
from gateway.notify.outbox import Row, row_of
from gateway.notify.sms_answers import Incoming, SmsAnswers
from gateway.notify.sms_time import SentTimes
from gateway.notify.states import Event, State
from gateway.notify.template import XML, Posted, fill_escaped
from gateway.settings.providers import Inbound, Receipts, Voice

_LOG = structlog.get_logger(__name__)

OPTIONS = {"skip_session": True, "exclude_from_csrf": True}
_KEYS = {"1": Said.GOING, "2": Said.CANT, "3": Said.THERE}

Report = Callable[[int, Event, str | None], Awaitable[State | None]]
"""A receipt: notification, what happened, a technician's words. Comes back when it is on disk."""


def receipts_route(
    ways: Mapping[str, Receipts], links: Links, db: Callable[[], sqlite3.Connection], report: Report
) -> Router:
    """POST /receipt/{token}: a provider says what became of a message.

    Args:
        ways: how each channel's provider says it.
        links: read the token.
        db: a reading connection.
        report: takes the receipt.
    """

    @post("/receipt/{token:str}", opt=OPTIONS, status_code=204)
    async def receipt(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[None]:
        number = links.read_callback("receipt", token)
        row = None if number is None else row_of(db(), number)
        if row is None or row.channel not in ways:
            return Response(None, status_code=404)
        way = ways[row.channel]
        word = (await _posted(request)).field(way.state)
        event = _event(way, word)
        if event is not None:
            state = await report(row.id, event, f"the provider says {word}" if event is Event.GAVE_UP else None)
            _LOG.info("notify.receipt", notification=row.id, channel=row.channel, event_is=event.value, state=state)
        return Response(None, status_code=204)

    return Router("/", route_handlers=[receipt], include_in_schema=False)


def voice_route(
    voice: Voice,
    *,
    links: Links,
    db: Callable[[], sqlite3.Connection],
    answering: Answering,
    report: Report,
    clock: Clock,
) -> Router:
    """POST /voice/{token}: what to say in a call, and the key that was pressed."""

    secret = voice.secret.get_secret_value() if voice.secret else ""

    @post("/voice/{token:str}", opt=OPTIONS, status_code=200)
    async def call(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
        number = links.read_callback("voice", token)
        row = None if number is None else row_of(db(), number)
        if number is None or row is None or row.channel != "voice":
            return Response("", status_code=404)
        url = links.callback("voice", number)
        posted = await _posted(request)
        if not _signed(voice, secret, url, await request.body(), posted, request.headers):
            _LOG.warning("voice.not_signed", notification=row.id)
            return Response("", status_code=403)
        language = _language(answering, row)
        key = (posted.field(voice.digits) or "").strip()
        # A mailbox takes a call too, and hears the text: only a key tells that somebody listened.
        await report(row.id, Event.OPENED if key else Event.ACCEPTED, None)
        pressed = _KEYS.get(key)
        if pressed is None:
            values = {"text": _said(row, db(), answering, links, clock), "answer_url": url, "language": language}
            return Response(fill_escaped(voice.ask, values, _escapes(voice)), media_type=voice.answer_type)
        reply = await answering.take(
            row.alert, pressed, carer=row.carer, via="voice", key=f"voice/{row.id}/{pressed}", each_turn=True
        )
        _LOG.info("voice.answer", carer=row.carer, alert=row.alert, taken=reply.taken.value)
        values = {"text": reply.text, "language": language}
        return Response(fill_escaped(voice.say, values, _escapes(voice)), media_type=voice.answer_type)

    return Router("/", route_handlers=[call], include_in_schema=False)


def sms_route(inbound: Inbound, answers: SmsAnswers) -> Router:
    """POST /sms/{secret}: an SMS that came in at the provider."""

    times = SentTimes()

    secret = inbound.secret.get_secret_value() if inbound.secret else ""

    @post("/sms/{given:str}", opt=OPTIONS, status_code=204)
    async def sms(request: Request[Any, Any, Any], given: FromPath[str]) -> Response[None]:
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            return Response(None, status_code=404)
        body = await request.body()
        posted = await _posted(request)
        number, text = posted.field(inbound.sender), posted.field(inbound.text)
        if number is None or text is None:
            _LOG.warning("sms.incomplete", has_number=number is not None, has_text=text is not None)
            return Response(None, status_code=400)
        named = posted.field(inbound.id) if inbound.id else None
        # without the provider's number, the same words again are a repetition only while nothing has changed since
        mark = named or hashlib.sha256(body).hexdigest()[:24]
        sent_at = times.posted(posted.field(inbound.at), answers.now) if inbound.at else None
        await answers.take(Incoming(mark, number, text, numbered=bool(named), sent_at=sent_at))
        return Response(None, status_code=204)

    return Router("/", route_handlers=[sms], include_in_schema=False)


async def _posted(request: Request[Any, Any, Any]) -> Posted:
    return Posted(await request.body(), request.headers.get("content-type", ""))


def _event(way: Receipts, word: str | None) -> Event | None:
    for words, event in ((way.read, Event.OPENED), (way.delivered, Event.REACHED), (way.failed, Event.GAVE_UP)):
        if word in words:
            return event
    return None


def _signed(voice: Voice, secret: str, url: str, body: bytes, posted: Posted, headers: Mapping[str, str]) -> bool:
    given = headers.get(voice.signature_header.lower(), "")
    match voice.signature:
        case "none":
            return True
        case "twilio":
            # https://www.twilio.com/docs/usage/webhooks/webhooks-security: the address, then every field by name
            text = url + "".join(name + posted.form[name] for name in sorted(posted.form))
            wanted = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()
        case "hmac-sha256":
            wanted = hmac.digest(secret.encode(), body, "sha256").hex()
            given = given.removeprefix("sha256=").lower()
    return bool(secret) and hmac.compare_digest(given.encode(), wanted.encode())


def _language(answering: Answering, row: Row) -> str:
    return answering.index.language_of(answering.index.carers.get(row.carer))


def _said(row: Row, db: sqlite3.Connection, answering: Answering, links: Links, clock: Clock) -> str:
    alert = message.read_alert(db, row.alert)
    if alert is None:
        return ""
    return spoken(message.compose(row, alert, index=answering.index, links=links, clock=clock))


def _escapes(voice: Voice) -> tuple[tuple[str, str], ...]:
    if "xml" in voice.answer_type:
        return XML
    return (("\\", "\\\\"), ('"', '\\"')) if "json" in voice.answer_type else ()
