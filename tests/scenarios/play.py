"""Plays a scenario through the engine of ``telecare replay``, and compares what came with what was expected."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.alerts import answers, queries, shelving
from gateway.alerts.model import Acknowledge, Alert, Answer, Arrive, Close, Outcome
from gateway.app.replay import Recorded, Replay
from gateway.clock import from_ms
from gateway.commands import queue
from gateway.store.database import FILE, connect
from gateway.words import say
from rules.model import Reason
from tests.scenarios.place import centre_of, lon_lat
from tests.scenarios.script import KINDS, At, Expect, Scenario, ScenarioError, Times, span

LOST_CLOCK = "lost"
"""A device that has lost its time begins again in 1970."""


class Line(msgspec.Struct, frozen=True):
    """One line of the timeline: when, a sign (``<`` heard, ``!`` came, ``?`` missing, ``-`` a person), what."""

    at: datetime
    sign: str
    what: str


class Came(msgspec.Struct, frozen=True):
    """An alert or a command that came."""

    at: datetime
    rule: str
    of: str
    what: str
    alert: Alert | None = None
    words: str = ""
    marks: tuple[str, ...] = ()
    under: str | None = None
    command: str | None = None
    device: str | None = None
    refused: str | None = None


class Played(msgspec.Struct, frozen=True):
    """What came of a scenario."""

    times: Times
    lines: tuple[Line, ...]
    came: tuple[Came, ...]


class Step(msgspec.Struct, frozen=True):
    """Something that happens at a time: a message (with the broker's mark), or what a person does."""

    at: datetime
    entry: At
    message: Recorded | None = None
    what: str = ""


def play(scenario: Scenario, template: Path) -> Played:
    """Play a scenario; ``template`` is an empty prepared database, of which a copy is made."""
    times = Times(scenario.start, scenario.timezone)
    steps = sorted(_steps(scenario, times), key=lambda step: step.at)
    last = steps[-1].at if steps else times.start
    until = times.at(scenario.until, last) if scenario.until else last
    with tempfile.TemporaryDirectory(prefix="telecare-scenario-") as folder:
        path = Path(folder) / FILE
        shutil.copy(template, path)
        db = connect(path, synchronous="OFF")
        try:
            house = Replay(db, centre_of(scenario), times.start)
            for step in steps:
                _do(house, step)
            house.go_to(until)
            lines = tuple(Line(step.at, "<" if step.message else "-", step.what) for step in steps)
            return Played(times, lines, tuple(sorted(_came(house), key=lambda one: one.at)))
        finally:
            db.close()


def _steps(scenario: Scenario, times: Times) -> Iterator[Step]:
    at = times.start
    for number, entry in enumerate(scenario.at, 1):
        first = at = times.at(entry.t, at)
        for day in range(entry.days):
            begin = times.later(first, day) if day else first
            for turn in range(entry.times):
                moment = begin + turn * (span(entry.every) if entry.every else timedelta(0))
                for step in _said(entry, moment, f"{number}-{day}-{turn}", times):
                    # in the timeline only the first of many is shown
                    yield replace(step, what="" if turn or day else step.what + _often(entry))


def _often(entry: At) -> str:
    every = f" (and every {entry.every}, {entry.times} times)" if entry.times > 1 else ""
    return every + (f" (on {entry.days} days)" if entry.days > 1 else "")


def _said(entry: At, at: datetime, unique: str, times: Times) -> Iterator[Step]:
    said = [(kind, getattr(entry, kind)) for kind in KINDS if getattr(entry, kind) is not None]
    if entry.sender is None:
        what = entry.answer or (entry.shelve and f"shelve {entry.shelve}") or ("restart" if entry.restart else "")
        if not what or said:
            raise ScenarioError(f"{entry.t}: expected from = a device, or answer, shelve or restart")
        yield Step(at, entry, what=f"{what} {entry.rule or ''}".strip())
        return
    if len(said) != 1:
        raise ScenarioError(f"{entry.t}: {entry.sender}: expected one of {', '.join(KINDS)}")
    kind, fields = said[0]
    heard = at + span(entry.late)
    payload = entry.raw.encode() if entry.raw is not None else _payload(entry, kind, fields, at, unique)
    message = Recorded(heard, f"telecare/house/{entry.sender}/{kind}", payload, "native")
    words = " ".join(f"{key}={value}" for key, value in fields.items())
    late = f" (of {times.say(at)})" if heard != at else ""
    step = Step(heard, entry, message, what=f"{entry.sender}: {kind} {words}{late}")
    yield step
    if entry.again is not None:
        mark, _, after = entry.again.partition(" ")
        if mark not in ("dup", "same"):
            raise ScenarioError(f"again: {entry.again!r}: expected dup 5s or same 5s")
        moment = heard + span(after)
        repeated = replace(message, received_at=moment, dup=mark == "dup")
        yield Step(moment, entry, repeated, f"{step.what} ({mark})")


def _payload(entry: At, kind: str, fields: dict[str, Any], at: datetime, unique: str) -> bytes:
    body: dict[str, Any] = {"v": 1, "id": f"{entry.sender}-{unique}"}
    if entry.stamped:
        stamp = at
        if entry.clock == LOST_CLOCK:
            stamp = from_ms(int(at.timestamp()) % 86400 * 1000)
        elif entry.clock is not None:
            stamp = at + span(entry.clock)
        body["t"] = stamp.isoformat()
    fields = dict(fields)
    if kind in ("position", "help", "fall") and {"east", "north"} & fields.keys():
        lon, lat = lon_lat(fields.pop("east", 0.0), fields.pop("north", 0.0))
        fields |= {"lon": round(lon, 7), "lat": round(lat, 7)}
    if isinstance(fields.get("fixed"), str):
        fields["fixed_at"] = (at + span(fields.pop("fixed"))).isoformat()
    return json.dumps(body | fields).encode()


def _do(house: Replay, step: Step) -> None:
    entry = step.entry
    if step.message is not None:
        house.take(step.message)
        return
    house.go_to(step.at)
    if entry.restart:
        house.restart()
    elif entry.shelve is not None:
        lasting = span(entry.lasting)
        house.write(
            lambda tx: shelving.shelve(
                tx, house.index, resident="anna", rule_key=str(entry.shelve), lasting=lasting, why="A visit", who="sam"
            )
        )
    else:
        _answer(house, entry)


def _answer(house: Replay, entry: At) -> None:
    waiting = [alert for alert in queries.open_alerts(house.db) if alert.rule == entry.rule]
    if not waiting:
        raise ScenarioError(f"{entry.t}: answer: expected an open alert of {entry.rule}")
    said: dict[str, tuple[Answer, ...]] = {
        "going": (Acknowledge(),),
        "close": (Acknowledge(), Arrive(), Close(outcome=Outcome.REAL)),
    }
    for one in said[str(entry.answer)]:
        house.write(
            partial(answers.answer, index=house.index, alert=waiting[-1].id, answer=one, who="nora", via="page")
        )


def _came(house: Replay) -> Iterator[Came]:
    alerts = {alert.id: alert for alert in queries.alerts(house.db, queries.Filter(limit=-1))}
    for alert in alerts.values():

        def words(reason: Reason, at: datetime = alert.raised_at) -> str:
            return say(reason, "en", house.index.timezone, at)

        of = alert.resident or "house"
        what = f"{alert.rule} of {of}, {alert.priority.value}: {words(alert.reason)}"
        what += "".join(f" [{words(mark)}]" for mark in alert.marks)
        what += f" ({alert.repeats} times more)" if alert.repeats else ""
        under = alerts[alert.under].rule if alert.under is not None else None
        marks = tuple(map(words, alert.marks))
        yield Came(alert.raised_at, alert.rule, of, what, alert, words(alert.reason), marks, under)
    for one in queue.commands(house.db, limit=1000):
        rule = one.who.removeprefix("rule:").partition(":")[0]
        detail = f", {one.detail}" if one.detail else ""
        what = f"{one.command} to {one.device} by {rule}{detail}"
        yield Came(
            one.created_at,
            rule,
            one.resident or "house",
            what,
            command=one.command,
            device=one.device,
            refused=one.detail,
        )


def compare(scenario: Scenario, played: Played) -> list[str]:
    """Everything in which what came is not what was expected; empty: all is well."""
    times, wrong = played.times, []
    left = list(played.came)
    at = times.start
    for expected in scenario.expect:
        at = times.at(expected.t, at)
        latest = at + max(span(expected.within), timedelta(seconds=1))
        found = next((one for one in left if _fits(expected, one) and at <= one.at <= latest), None)
        if found is None:
            wrong.append(f"{times.say(at)} ? did not come: {expected.command or expected.rule} of {expected.of}")
            continue
        left.remove(found)
        wrong += [
            f"{times.say(found.at)} ! {found.what}: {difference}" for difference in _differs(expected, found, times)
        ]
    wrong += [f"{times.say(one.at)} ! not expected: {one.what}" for one in left]
    for silence in scenario.expect_none:
        since = times.at(silence.start, times.start) if silence.start else times.start
        until = times.at(silence.until, since) if silence.until else None
        wrong += [
            f"{times.say(one.at)} ! {one.rule}, but: {silence.why}"
            for one in played.came
            if one.rule == silence.rule and since <= one.at and (until is None or one.at <= until)
        ]
    return wrong


def _fits(expected: Expect, one: Came) -> bool:
    if expected.command is not None:
        return (expected.command, expected.device) == (one.command, one.device)
    return one.alert is not None and (expected.rule, expected.of) == (one.rule, one.of)


def _differs(expected: Expect, one: Came, times: Times) -> Iterator[str]:
    if one.alert is None:
        if expected.refused != one.refused:
            yield f"expected it to be refused with {expected.refused}, not {one.refused}"
        return
    alert = one.alert
    if expected.priority != alert.priority.value:
        yield f"expected priority {expected.priority}"
    if expected.repeats != alert.repeats:
        yield f"expected {expected.repeats} repeats, not {alert.repeats}"
    if expected.under != one.under:
        yield f"expected under {expected.under}, not {one.under}"
    for word in expected.words:
        if word not in one.words:
            yield f"expected the words {word!r}"
    missing = [word for word in expected.marks if not any(word in mark for mark in one.marks)]
    if missing or len(expected.marks) != len(one.marks):
        yield f"expected the marks {list(expected.marks)}, not {list(one.marks)}"
    cleared = None if expected.cleared is None else times.at(expected.cleared, alert.raised_at)
    if (cleared is None) != (alert.cleared_at is None) or (
        cleared is not None
        and alert.cleared_at is not None
        and not timedelta(0) <= alert.cleared_at - cleared <= timedelta(seconds=1)
    ):
        when = "not at all" if alert.cleared_at is None else times.say(alert.cleared_at)
        yield f"expected it to be cleared {'never' if cleared is None else times.say(cleared)}; it was {when}"


def timeline(played: Played, wrong: list[str]) -> str:
    """The story for whoever looks for the mistake: what was heard, what came, and then what is wrong."""
    rows = [*played.lines, *(Line(one.at, "!", one.what) for one in played.came)]
    rows = sorted((line for line in rows if line.what), key=lambda line: line.at)
    story = "\n".join(f"{played.times.say(line.at)} {line.sign} {line.what}" for line in rows)
    return f"\n{story}\n\nWrong:\n" + "\n".join(wrong)
