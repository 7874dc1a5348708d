"""Run recorded messages through the same code on their own time: no broker, no waiting, the same result each time."""

import json
import sqlite3
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from devices import registry, topics
from devices.errors import UnreadableError
from devices.model import Frame
from gateway.alerts import desk, queries, shelving
from gateway.alerts.model import Alert
from gateway.centre.index import CentreIndex
from gateway.centre.model import Centre
from gateway.clock import ManualClock
from gateway.errors import GatewayError, Problem
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import ALARMS, TELEMETRY, Pipeline
from gateway.store import centres
from gateway.store.database import FILE, connect, prepare
from gateway.store.writer import Tx
from gateway.words import say
from rules.model import Reason

T = TypeVar("T")

_ESCALATIONS = 2_000
"""Escalation steps taken between two messages at the most: an alert that nobody answers makes up to 1,440 a day, and
none of them changes what is printed. The rules' own deadlines are all taken."""

_AT_ONCE = 1_000
"""Messages in one transaction."""

_STUCK = 1_000
"""Deadlines in a row at one time after which we go on: a rule that broke wants to be told the time again and again."""

_RFC_3339 = "expected a time such as 2026-01-31T02:00:00Z"

YEARS = range(2000, 2200)
"""Years that a recording may be from, the same as in a centre file: local times can't be computed at the ends of
what Python can count."""


class BadMessageError(GatewayError):
    """Lines of the recording that can't be used; ``problems`` has them all."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Recorded(msgspec.Struct, frozen=True):
    """One recorded message."""

    received_at: datetime
    topic: str
    payload: bytes
    format: str
    dup: bool = False
    """The broker marked it as delivered again."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    received_at: datetime
    topic: str
    payload: Any = msgspec.UNSET
    payload_base64: str | msgspec.UnsetType = msgspec.UNSET
    format: str | None = None
    dup: bool = False


class ReplayedAlert(msgspec.Struct, frozen=True):
    """An alert as ``telecare replay`` prints it; times are UTC."""

    alert: int
    rule: str
    resident: str | None
    device: str | None
    priority: str
    raised_at: datetime
    happened_at: datetime
    state: str
    repeats: int
    reason: str
    marks: list[str]


def read_messages(lines: Iterable[str], *, file: str) -> list[Recorded]:
    """Messages of a JSONL recording: ``{"received_at", "topic", "payload" | "payload_base64", "format"?, "dup"?}``.

    A payload that is a text is taken as it is; any other JSON value is written as JSON. The format follows from the
    topic unless the line names it. Messages are put in the order of ``received_at`` (equal times keep their order).

    Raises:
        BadMessageError: with every line that can't be used.
    """
    messages: list[Recorded] = []
    problems: list[Problem] = []
    decoder = msgspec.json.Decoder(_Line)
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            messages.append(_message(decoder.decode(text)))
        except (msgspec.DecodeError, ValueError, UnreadableError, RecursionError) as error:
            problems.append(Problem(file, f"line {number}", text.strip()[:60], _expected(error, text)))
    if problems:
        raise BadMessageError(problems)
    return sorted(messages, key=lambda message: message.received_at)


def _expected(error: Exception, text: str) -> str:
    """What is wrong with a line: the key, and what is expected there."""
    match error:
        case msgspec.ValidationError():
            # "Expected `str`, got `int` - at `$.topic`"
            what, _, where = str(error).partition(" - at `$.")
            what = _RFC_3339 if where.startswith("received_at") else what[:1].lower() + what[1:]
            return f"{where.rstrip('`')}: {what}" if where else what
        case msgspec.DecodeError() | RecursionError():
            if key := _halved(text):
                return f"{ascii(key)[1:-1]}: expected whole characters, not half a surrogate pair"
            return f"expected one JSON object: {error}"
        case UnreadableError():
            names = ", ".join(form.name for form in registry.FORMATS)
            return f"format: expected one of {names}"
        case _:
            return str(error)


def _message(line: _Line) -> Recorded:
    if line.received_at.tzinfo is None:
        raise ValueError(f"received_at: {_RFC_3339}: it has no time zone")
    if line.received_at.year not in YEARS:
        raise ValueError(f"received_at: expected a year from 2000 to 2199, not {line.received_at.year}")
    if (line.payload is msgspec.UNSET) == (line.payload_base64 is msgspec.UNSET):
        raise ValueError("payload, payload_base64: expected one of the two")
    form = registry.find(line.format).name if line.format else format_of(line.topic)
    if form is None:
        raise ValueError(f'topic: no format listens to {line.topic!r}: expected one to be named with "format"')
    return Recorded(line.received_at, line.topic, _payload(line), form, line.dup)


def _payload(line: _Line) -> bytes:
    if not isinstance(line.payload_base64, str):
        return line.payload.encode() if isinstance(line.payload, str) else msgspec.json.encode(line.payload)
    try:
        return b64decode(line.payload_base64, validate=True)
    except ValueError as error:
        raise ValueError("payload_base64: expected Base64") from error


def _halved(text: str) -> str | None:
    """The first key of a line that holds half a surrogate pair, such as ``"\\ud800"``: JSON can write it, no text can
    hold it."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for key, value in line.items() if isinstance(line, dict) else ():
        try:
            json.dumps([key, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return str(key)
    return None


def format_of(topic: str) -> str | None:
    """Name of the format whose own topics match; None: none does."""
    for form in registry.FORMATS:
        if any(topics.matches(wanted, topic) for wanted in (*form.alarm_topics, *form.telemetry_topics)):
            return form.name
    return None


def replay(
    centre: Centre,
    messages: list[Recorded],
    *,
    until: datetime | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[ReplayedAlert]:
    """Every alert that the messages raise, in the order raised, each as it stood at the end.

    Time is that of the messages: the rules' deadlines and the escalation between two messages are taken at their own
    time; after the last message time stands still, or goes on to ``until``.
    """
    if not messages:
        return
    with tempfile.TemporaryDirectory(prefix="telecare-replay-") as folder:
        path = Path(folder) / FILE
        prepare(path)
        # A scratch copy that nobody needs after a power cut: no waiting for the disk.
        db = connect(path, synchronous="OFF")
        try:
            yield from Replay(db, centre, messages[0].received_at).run(messages, until, progress)
        finally:
            db.close()


class Replay:
    """A centre on its own time: messages are handed in, every deadline between them is taken when it is due.

    Args:
        db: a prepared, writable database; nothing else writes to it.
        centre: the centre to judge by, assignments included.
        start: the first moment, UTC-aware.
    """

    def __init__(self, db: sqlite3.Connection, centre: Centre, start: datetime) -> None:
        self.db = db
        self.index = CentreIndex(centre)
        self._clock = ManualClock(start)
        self.write(lambda tx: centres.apply(tx, centre, who="replay"))
        self._taken = 0
        self.restart()

    @property
    def now(self) -> datetime:
        """The time of the replay, UTC."""
        return self._clock.now()

    def run(
        self, messages: list[Recorded], until: datetime | None, progress: Callable[[], None]
    ) -> Iterator[ReplayedAlert]:
        """All messages, then what time alone brings up to ``until``; every alert as it stands at the end."""
        for start in range(0, len(messages), _AT_ONCE):
            with self._at_once():
                for message in messages[start : start + _AT_ONCE]:
                    self.take(message)
                    progress()
        if until is not None:
            self.go_to(until)
        yield from self.alerts()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """All that is written in here is one transaction: nobody else looks, and each one takes its time."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self.db.execute("COMMIT")

    def take(self, message: Recorded) -> None:
        """Go to the message's time and hand it in."""
        self.go_to(message.received_at)
        self._taken += 1
        form = registry.find(message.format)
        frame = Frame(topic=message.topic, payload=message.payload, received_at=message.received_at, dup=message.dup)
        receipt = Receipt(frame=frame, format=form.name, packet_id=self._taken % 65535 + 1, session=1)
        lane = ALARMS if form.is_alarm(message.topic) else TELEMETRY
        self.write(lambda tx: self._pipeline.take(tx, [receipt], lane=lane))

    def restart(self) -> None:
        """A new process: only what is in the database is left."""
        self._pipeline = Pipeline(self.db, lambda: self.index)
        self._everybody()

    def alerts(self) -> Iterator[ReplayedAlert]:
        """Every alert so far, in the order raised."""
        for alert in sorted(queries.alerts(self.db, queries.Filter(limit=-1)), key=lambda a: (a.raised_at, a.id)):
            yield self._shown(alert)

    def _everybody(self) -> None:
        self.write(lambda tx: self._pipeline.tick(tx, list(self.index.judged)))
        self._assignments = self.index.next_change_at(self._clock.now())

    def go_to(self, at: datetime) -> None:
        """Move time to ``at``, taking every deadline on the way at its own time."""
        escalations = stuck = 0
        while stuck < _STUCK:
            waiting = [self._pipeline.next_wake(), self._assignments, shelving.next_end(self.db)]
            if escalations < _ESCALATIONS:
                waiting.append(desk.next_due(self.db))
            due = min((when for when in waiting if when is not None), default=None)
            if due is None or due > at:
                break
            stuck = stuck + 1 if due <= self._clock.now() else 0
            self._clock.move_to(due)
            if self._assignments is not None and self._assignments <= self._clock.now():
                self._everybody()
            self.write(self._pipeline.tick)
            self.write(lambda tx: shelving.end_due(tx, self.index))
            escalations += len(self.write(lambda tx: desk.escalate_due(tx, self.index)))
        self._clock.move_to(at)

    def write(self, work: Callable[[Tx], T]) -> T:
        """Do something in a transaction of its own, such as a carer's answer."""
        if self.db.in_transaction:
            return work(Tx(self.db, self._clock.now()))
        self.db.execute("BEGIN")
        result = work(Tx(self.db, self._clock.now()))
        self.db.execute("COMMIT")
        return result

    def _shown(self, alert: Alert) -> ReplayedAlert:
        def words(reason: Reason) -> str:
            return say(reason, "en", self.index.timezone, alert.raised_at)

        return ReplayedAlert(
            alert=alert.id,
            rule=alert.rule,
            resident=alert.resident,
            device=alert.device,
            priority=alert.priority.value,
            raised_at=alert.raised_at,
            happened_at=alert.happened_at,
            state=alert.state.value,
            repeats=alert.repeats,
            reason=words(alert.reason),
            marks=[words(mark) for mark in alert.marks],
        )
