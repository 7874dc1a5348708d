"""Answers over MQTT: a pager, a button or Home Assistant says what its carer does; see docs/notifications.md.

Each carer has a topic of their own, ``telecare/{site}/carers/{carer}/answer``, so that the broker's access list says
who may speak for whom. What became of an answer goes to ``.../reply``, after it is on disk.
"""

import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import structlog
from msgspec import Meta

from gateway.alerts import taking
from gateway.alerts.answers import LONGEST_NOTE
from gateway.alerts.model import (
    Acknowledge,
    Alert,
    Answer,
    Arrive,
    Close,
    Decline,
    HandOver,
    MoreHelp,
    Outcome,
    most_urgent_first,
)
from gateway.alerts.since import Given
from gateway.alerts.table import AlertState
from gateway.centre.model import Carer
from gateway.errors import BadAnswerError, StoreFailedError, TooLateError
from gateway.notify.answering import Answering, Reply, Taken, open_for, too_late
from gateway.store.database import reader

_LOG = structlog.get_logger(__name__)

ANSWER_TOPIC = "telecare/{site}/carers/{carer}/answer"
REPLY_TOPIC = "telecare/{site}/carers/{carer}/reply"

LONGEST = 8192
"""Bytes of an answer; the longest note in any script takes less."""
TOO_OLD = timedelta(minutes=10)
"""An answer whose own time ``t`` is longer ago is refused: "I am going" of a pager that was off promises nothing."""
AHEAD = timedelta(minutes=2)
"""A device's clock may be ahead by so much; what was pressed later than that has no age that we could know."""


class Word(StrEnum):
    """What a device can say."""

    GOING = "going"
    CANT = "cant"
    THERE = "there"
    MORE_HELP = "more_help"
    HAND_OVER = "hand_over"
    CLOSE = "close"


class AnswerMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The payload at ``telecare/{site}/carers/{carer}/answer``."""

    v: Annotated[Literal[1], Meta(description="Version of this contract.")]
    id: Annotated[
        str, Meta(min_length=1, max_length=64, description="Unique per answer of this carer; a repeat keeps it.")
    ]
    answer: Annotated[Word, Meta(description="What the carer says.")]
    alert: Annotated[int, Meta(ge=1, description="Number of the alert.")] | None = None
    resident: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="Instead of the number: the most urgent open alert of this resident that the carer was "
                "told about. Not for close.",
            ),
        ]
        | None
    ) = None
    t: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description="When it was pressed. Older than ten minutes, or more than two minutes ahead, is refused. "
                "Without it an answer that waited at the broker is refused.",
            ),
        ]
        | None
    ) = None
    eta_minutes: Annotated[int, Meta(ge=1, description="With going: there in so many minutes.")] | None = None
    outcome: Annotated[Outcome, Meta(description="With close: what it was.")] | None = None
    note: Annotated[str, Meta(max_length=LONGEST_NOTE, description="With close and hand_over: a few words.")] = ""
    to: Annotated[str, Meta(min_length=1, description="With hand_over: the carer who is asked.")] | None = None


class ReplyMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The payload at ``telecare/{site}/carers/{carer}/reply``."""

    v: Literal[1] = 1
    id: Annotated[str | None, Meta(description="Of the answer; null when it could not be read.")]
    alert: Annotated[int | None, Meta(description="The alert that it went to.")]
    result: Annotated[
        Literal["taken", "repeated", "refused", "unknown", "unreadable"],
        Meta(description="repeated: taken before, nothing was changed. unknown: no such alert of this carer."),
    ]
    state: Annotated[AlertState | None, Meta(description="The alert's state after an answer that was taken.")]
    text: Annotated[str, Meta(description="For the carer, in their language.")]
    why: Annotated[str | None, Meta(description="Why it was not taken, in English, for technicians.")]
    at: Annotated[datetime, Meta(description="The gateway's time.")]


_DECODER = msgspec.json.Decoder(AnswerMessage)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of an answer, with the reply's beside it under ``$defs``."""
    found, components = msgspec.json.schema_components([AnswerMessage, ReplyMessage], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ANSWER_TOPIC,
        **found[0],
        "$defs": components,
    }


class MqttAnswers:
    """Takes carers' answers from the broker.

    Args:
        answering: takes the answers.
        path: the database file.
    """

    def __init__(self, answering: Answering, path: Path) -> None:
        self._answering = answering
        self._path = path
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the reading connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    async def take(
        self, topic: str, payload: bytes, *, retained: bool, waited: bool = False
    ) -> tuple[str, bytes] | None:
        """Take one message; comes back when the answer is on disk.

        Args:
            topic: where it came.
            payload: as it came.
            retained: it is an old one that the broker kept: nobody presses now.
            waited: it may have waited at the broker while we were away, nobody knows how long.

        Returns:
            Topic and payload of the reply; None: there is nobody to reply to.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        name = carer_of(topic, self._answering.index.site.id)
        carer = self._answering.index.carers.get(name or "")
        if retained:
            _LOG.warning("mqtt_answer.retained", carer=carer.id if carer else None, advice="publish without retain")
            return None
        if carer is None:
            _LOG.warning("mqtt_answer.stranger")
            return None
        number: int | None = None
        message: AnswerMessage | None = None
        try:
            message = _read(payload)
            number = self._alert(message, carer)
            reply = await self._hand_in(message, number, carer, waited=waited)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._said(carer, None, None, Reply(Taken.REFUSED, "", why=str(error)), unreadable=True)
        except TooLateError as error:
            reply = Reply(Taken.LATE, too_late("mqtt", self._answering.index.language_of(carer)), why=str(error))
        except BadAnswerError as error:
            reply = Reply(Taken.REFUSED, "", why=str(error))
        except StoreFailedError:
            raise
        except Exception as error:  # noqa: BLE001 - a message that breaks us must not come again and again
            _LOG.critical("mqtt_answer.broke", carer=carer.id, error=type(error).__name__)
            reply = Reply(Taken.REFUSED, "", why="the gateway failed; answer by another way")
        _LOG.info("mqtt_answer", carer=carer.id, alert=number, taken=reply.taken.value, repeated=reply.repeated)
        return self._said(carer, message.id if message else None, number, reply)

    async def _hand_in(self, message: AnswerMessage, number: int | None, carer: Carer, *, waited: bool) -> Reply:
        if all(way.channel != "mqtt" for way in carer.contacts):
            raise BadAnswerError(
                f"carer: {carer.id}: has no mqtt contact, so nothing on the broker can speak for them."
            )
        answer = _answer(message)
        known = taking.known_alert(self._reader(), carer.id, _key(message)) is not None
        age = timedelta(0) if known else self._age(message, waited=waited)
        # number None: no open alert of that resident; 0 is no alert's number, and gives the words for that
        return await self._answering.hand_in(
            number or 0, answer, carer=carer.id, via="mqtt", key=_key(message), given=Given(age=age, named_then=True)
        )

    def _age(self, message: AnswerMessage, *, waited: bool) -> timedelta:
        """How long ago it was pressed.

        Raises:
            TooLateError: too long ago, or nobody knows.
            BadAnswerError: the device's clock is wrong.
        """
        if message.t is None:
            if waited:
                raise TooLateError("t: missing: it may have waited at the broker for any time; press again.")
            return timedelta(0)
        age = self._answering.now - message.t
        if age > TOO_OLD:
            raise TooLateError(f"t: {message.t.isoformat()}: pressed more than {TOO_OLD} ago; press again.")
        if age < -AHEAD:
            raise BadAnswerError(
                f"t: {message.t.isoformat()}: more than {AHEAD} in the future; set the device's clock, and press again."
            )
        return max(age, timedelta(0))

    def _reader(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = reader(self._path)
        return self._db

    def _alert(self, message: AnswerMessage, carer: Carer) -> int | None:
        """The alert that is meant.

        Raises:
            BadAnswerError: none is named, or two ways at once.
        """
        if (message.alert is None) == (message.resident is None):
            raise BadAnswerError("alert: expected its number, or the resident instead; one of them.")
        if message.alert is not None:
            return message.alert
        if message.answer is Word.CLOSE:
            raise BadAnswerError("alert: expected the number of the alert that is closed.")
        # The same message again means the same alert, although another one may be the most urgent by now.
        known = taking.known_alert(self._reader(), carer.id, _key(message))
        if known is not None:
            return known
        mine = [alert for alert in open_for(self._reader(), carer.id) if alert.resident == message.resident]
        mine = [alert for alert in mine if _changes(alert, message, carer.id)] or mine
        return most_urgent_first(mine)[0].id if mine else None

    def _said(
        self, carer: Carer, number_of_answer: str | None, alert: int | None, reply: Reply, *, unreadable: bool = False
    ) -> tuple[str, bytes]:
        result: Literal["taken", "repeated", "refused", "unknown", "unreadable"] = "refused"
        if unreadable:
            result = "unreadable"
            _LOG.warning("mqtt_answer.unreadable", carer=carer.id)
        elif reply.taken is Taken.ACCEPTED:
            result = "repeated" if reply.repeated else "taken"
        elif reply.taken is Taken.UNKNOWN:
            result = "unknown"
        body = ReplyMessage(
            id=number_of_answer, alert=alert, result=result, state=reply.state, text=reply.text, why=reply.why,
            at=self._answering.now,
        )  # fmt: skip
        topic = REPLY_TOPIC.format(site=self._answering.index.site.id, carer=carer.id)
        return topic, msgspec.json.encode(body)


def carer_of(topic: str, site: str) -> str | None:
    """Whose answer topic it is; None: it is none of this site."""
    head, tail = ANSWER_TOPIC.format(site=site, carer="\0").split("\0")
    if not (topic.startswith(head) and topic.endswith(tail)):
        return None
    name = topic[len(head) : -len(tail)]
    return name if name and "/" not in name else None


def _read(payload: bytes) -> AnswerMessage:
    """The message.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: it is none.
    """
    if len(payload) > LONGEST:
        raise msgspec.DecodeError(f"{len(payload)} bytes: expected at most {LONGEST}")
    return _DECODER.decode(payload)


def _changes(alert: Alert, message: AnswerMessage, who: str) -> bool:
    """Whether an answer can change something about an alert: not where another carer has taken it."""
    if message.answer is Word.MORE_HELP or alert.taken_by is None:
        return True
    if alert.taken_by != who:
        return False
    match message.answer:
        case Word.GOING:  # a new time
            return message.eta_minutes is not None and alert.state is not AlertState.ATTENDED
        case Word.THERE:
            return alert.state is not AlertState.ATTENDED
    return True


def _key(message: AnswerMessage) -> str:
    return f"mqtt:{message.id}"


def _answer(message: AnswerMessage) -> Answer:
    match message.answer:
        case Word.GOING:
            return Acknowledge(message.eta_minutes)
        case Word.CANT:
            return Decline()
        case Word.THERE:
            return Arrive()
        case Word.MORE_HELP:
            return MoreHelp()
        case Word.HAND_OVER:
            if message.to is None:
                raise BadAnswerError("to: missing: expected the carer who is asked.")
            return HandOver(message.to, message.note)
        case Word.CLOSE:
            if message.outcome is None:
                raise BadAnswerError(f"outcome: missing: expected one of {', '.join(Outcome)}.")
            return Close(message.outcome, message.note)
