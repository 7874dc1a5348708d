"""Was it done? The answers of devices come in as any message does, so they are looked for in the store.

Nothing of this is in the way of the readings: the pipeline knows nothing of commands. A device of our own contract
answers with an ordinary message whose ``id`` is the command's; that id is among the known events when it is on disk.
For the others the journal is read on from where the command was asked for, as far as the command's own topics go.
"""

import sqlite3
from typing import Any

import msgspec

from devices.model import ALARM_KINDS, KINDS
from gateway.clock import to_ms
from gateway.commands.queue import Command
from gateway.commands.table import Event
from gateway.commands.ways import Answers, Way

AT_ONCE = 5_000
"""Frames looked at for one command in one look: some 5 ms of the event loop in the worst case."""

_ROUNDED = 0.15
"""The part by which a lamp may round a brightness or a colour: 454 mired becomes 400 on one that goes no warmer."""


class Seen(msgspec.Struct, frozen=True):
    """What was found: the event (None: no answer yet), a word about it, and how far the journal was read."""

    event: Event | None
    detail: str | None = None
    upto: int = 0


def look(db: sqlite3.Connection, command: Command, way: Way, *, read: int) -> Seen:
    """Look for the answer to a command.

    Args:
        db: any connection.
        command: one that is not settled.
        way: how it was told.
        read: how far the journal was read for it before.
    """
    match way.answers:
        case Answers.NONE:
            return Seen(None, upto=read)
        case Answers.EVENT_ID:
            return Seen(Event.CONFIRMED if _event_known(db, way.address, command.id) else None, upto=read)
        case Answers.STATE if command.sent_at is None:
            # A lamp that somebody has switched on by hand is no answer to what we have not said yet.
            return Seen(None, upto=read)
    sent_at = to_ms(command.sent_at) if command.sent_at is not None and way.answers is Answers.STATE else 0
    [last] = db.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()
    upto = min(int(last), read + AT_ONCE)
    rows = db.execute(
        "SELECT topic, payload FROM journal WHERE seq > ? AND seq <= ? AND topic IN (SELECT value FROM json_each(?)) "
        "AND received_at >= ? ORDER BY seq",
        (read, upto, msgspec.json.encode(way.answer_topics).decode(), sent_at),
    )
    for row in rows:
        found = _answer(row["topic"], bytes(row["payload"]), command, way)
        if found is not None:
            return Seen(found, row["topic"].rpartition("/")[2] if found is Event.FAILED else None, upto)
    return Seen(None, upto=upto)


def _event_known(db: sqlite3.Connection, address: str, number: str) -> bool:
    """Whether the device has sent a message with that id. Calls for help have ids of their own and never answer."""
    keys = [f"{kind}:{number}" for kind in KINDS if kind not in ALARM_KINDS]
    marks = ",".join("?" * len(keys))
    query = f"SELECT 1 FROM event_ids WHERE device = ? AND event_id IN ({marks})"  # noqa: S608 - question marks only
    return db.execute(query, (f"native:{address}", *keys)).fetchone() is not None


def _answer(topic: str, payload: bytes, command: Command, way: Way) -> Event | None:
    try:
        said: Any = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    match way.answers:
        case Answers.TTS:
            about_it, done = f"telecare:{command.id}" in _correlation_ids(said), topic.endswith("/ack")
        case Answers.CHIRPSTACK:
            # ``acknowledged`` is left out when it is false, as everything in ChirpStack's JSON is.
            about_it, done = said.get("queueItemId") == command.id, said.get("acknowledged") is True
        case _:
            wanted = way.set or {}
            about_it = done = all(key in said and _as_set(said[key], value) for key, value in wanted.items())
    if not about_it:
        return None
    return Event.CONFIRMED if done else Event.FAILED


def _as_set(said: Any, wanted: Any) -> bool:
    """Whether a state is what was set. A lamp has its own steps and limits: a level that it rounds is still ours."""
    numbers = [value for value in (said, wanted) if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == 2:
        return abs(numbers[0] - numbers[1]) <= max(_ROUNDED * abs(numbers[1]), 1)
    return bool(said == wanted)


def _correlation_ids(said: dict[str, Any]) -> set[str]:
    """Every correlation id of a message of The Things Stack: of the envelope, and of the downlink in it."""
    failed = said.get("downlink_failed")
    parts = (said, said.get("downlink_ack"), said.get("downlink_nack"), failed and _part(failed, "downlink"))
    ids = [_part(part, "correlation_ids") for part in parts]
    return {word for some in ids if isinstance(some, list) for word in some if isinstance(word, str)}


def _part(said: Any, key: str) -> Any:
    return said.get(key) if isinstance(said, dict) else None
