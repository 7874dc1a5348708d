"""Take a carer's answer once, however often it is sent and by whichever way it comes: page, link, SMS, chat button."""

import hashlib
import sqlite3
from typing import NamedTuple

import msgspec

from gateway.alerts import delivery, desk, queries, rows, since
from gateway.alerts.model import Alert, Answer
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.errors import BadAnswerError
from gateway.store.retention import KEEP_ANSWERS
from gateway.store.writer import Tx, Writer

BY_MESSAGE = frozenset({"link", "sms", "telegram", "voice", "mqtt", "cap"})
"""Ways that begin at a message: whoever answers by one has got it."""

_WHOLE = frozenset({"api", "mqtt"})
"""Ways whose keys are made by programs, one for each answer: the same key with other minutes is another answer."""


class KeyReusedError(BadAnswerError):
    """The idempotency key stands for another answer."""


class Taken(NamedTuple):
    """The alert after the answer; ``repeated`` when this very answer had been taken before."""

    alert: Alert
    repeated: bool


def take(
    tx: Tx,
    index: CentreIndex,
    alert: int,
    answer: Answer,
    *,
    key: str | None,
    who: str,
    via: str,
    each_turn: bool = False,
    given: since.Given = since.NOW,
) -> Taken:
    """Hand an answer to the desk. What was sent to ``who`` about the alert counts as read.

    Args:
        tx: the transaction.
        index: the centre.
        alert: the alert's number.
        answer: what the carer says, as it was sent.
        key: idempotency key; the same one from the same carer again changes nothing. None: no protection.
        who: the carer's id.
        via: ``page``, ``link``, ``api``, ``sms``, ``telegram``, ``voice`` or ``mqtt``.
        each_turn: the key names words, not one message: a digit, a button without a page. Then it is a repetition only
            while the alert stands as that answer left it; after anything else has happened it is a new answer.
        given: from which picture, and how long ago; see gateway.alerts.since.

    Raises:
        KeyReusedError: the key was used for another answer.
        HappenedSinceError, TooLateError: as gateway.alerts.since.check.
        UnknownAlertError, IllegalStepError, BadAnswerError, NotAllowedError: as gateway.alerts.desk.answer.
    """
    turn = queries.alert(tx.db, alert).version if each_turn else None
    full = None if key is None else _full(who, alert, key, turn)
    digest = _digest(answer, via)
    if full is not None:
        known = tx.db.execute("SELECT digest FROM answers WHERE key = ?", (full,)).fetchone()
        if known is not None:
            if known["digest"] != digest:
                raise KeyReusedError("Idempotency-Key: it was used for another answer. Use a new one.")
            return Taken(queries.alert(tx.db, alert), repeated=True)
    counts = since.check(tx, rows.find(tx.db, alert), answer, who, given)
    after = desk.answer(tx, index, alert, counts, who, via)
    delivery.opened(tx, alert, who, by_message=via in BY_MESSAGE)
    if key is not None:
        full = _full(who, alert, key, after.version if each_turn else None)
        tx.db.execute("DELETE FROM answers WHERE at < ?", (to_ms(tx.now - KEEP_ANSWERS),))
        tx.db.execute(
            "INSERT OR REPLACE INTO answers (key, digest, at, alert) VALUES (?, ?, ?, ?)",
            (full, digest, to_ms(tx.now), alert),
        )
    return Taken(after, repeated=False)


def known_alert(db: sqlite3.Connection, who: str, key: str) -> int | None:
    """The alert that an answer of this key went to; None: there was none, or it was longer ago than KEEP_ANSWERS."""
    head, tail = f"{who}/", f"/{_hash(key)}"
    found = db.execute(
        "SELECT key FROM answers WHERE substr(key, 1, length(:head)) = :head AND substr(key, -length(:tail)) = :tail",
        {"head": head, "tail": tail},
    )
    for row in found:
        middle = str(row[0])[len(head) : -len(tail)]
        if middle.isdecimal():
            return int(middle)
    return None


async def mark_opened(writer: Writer, alert: int, carer: str, *, by_message: bool) -> None:
    """A carer looks at an alert and says nothing yet: what was sent to them about it counts as read.

    Raises:
        StoreFailedError: the database failed.
    """
    await writer.write(lambda tx: delivery.opened(tx, alert, carer, by_message=by_message))


def _full(who: str, alert: int, key: str, turn: int | None) -> str:
    return f"{who}/{alert}/{_hash(key if turn is None else f'{key}@{turn}')}"


def _digest(answer: Answer, via: str) -> str:
    # A form's key names its button already, and its minutes shrink while it waits in the queue.
    return _hash(msgspec.json.encode(answer).decode() if via in _WHOLE else type(answer).__name__)


def _hash(text: str) -> str:
    # Keys and answers hold what carers wrote about people; to know them again, that need not be kept.
    return hashlib.sha256(text.encode()).hexdigest()
