"""The continence sensor's states over some days, as data for the JSON API and as the tab of a resident's page.

A state holds until the sensor says another one, but no longer than the sensor is heard: one that is silent for longer
than it may be (``silent_after_s``) says nothing about now, and "dry" of three days ago must not be read as dry.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import msgspec

from devices.model import Continence
from gateway import words
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms
from gateway.console import charts
from gateway.console.charts import Span
from gateway.console.privacy import Purpose
from gateway.console.resident_charts import MOST_A_DAY
from gateway.console.resident_parts import DAYS, DayLine, clock, closed, days_around
from gateway.console.resident_timeline import LATE, bounds
from gateway.console.resident_who import Looked
from gateway.console.resident_words import CONTINENCE
from gateway.store import places
from gateway.words import N_
from rules.intervals import LIMITS_S, limit_of
from rules.silent_state import SilentSettings

UNKNOWN: Final = "unknown"
"""The word for a time of which nothing is known: the sensor was silent for longer than it may be."""

_WET: Final = frozenset({"some", "change_due", "leak"})
_LOOKS: Final[dict[str, tuple[str, float]]] = {
    "dry": ("dry", 0.25),
    "some": ("some", 0.5),
    "change_due": ("due", 0.85),
    "leak": ("leak", 1.0),
    "error": ("unknown", 0.15),
    "off": ("unknown", 0.15),
    UNKNOWN: ("unknown", 1.0),
}
_MOST_SIGNS: Final = 30_000
"""Words about themselves of all devices of a resident that are looked through: two a minute for ten days."""


class StateSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A state of the continence product from a time on; ``end`` null: still so. Times are UTC.

    ``unknown``: from ``start`` on nothing was heard for longer than the sensor may be silent.
    """

    start: datetime
    end: datetime | None
    state: str


class ContinenceDays(msgspec.Struct, frozen=True, kw_only=True):
    """The states of some days; a change of the product is seen as "dry" after anything wetter. Times are UTC.

    ``heard_at``: when the sensor was heard last in that time; null: it was not.
    """

    since: datetime
    until: datetime
    states: list[StateSpan]
    changed_at: list[datetime]
    heard_at: datetime | None = None


class _Word(msgspec.Struct, frozen=True):
    at: datetime
    device: str
    state: str


def continence_days(
    db: sqlite3.Connection, index: CentreIndex, resident: str, last: date, count: int, *, now: datetime
) -> ContinenceDays:
    """The continence sensor's states over ``count`` days up to ``last``; the consent (continence) was asked for.

    Args:
        db: reads the database.
        index: the care centre.
        resident: whose.
        last: the last day, of the house's time zone.
        count: so many days.
        now: UTC-aware; a sensor that is silent until then may be silent for too long.
    """
    since, until = bounds(last - timedelta(days=count - 1), index)[0], bounds(last, index)[1]
    begin, end = since - timedelta(days=1), until + LATE
    found = places.readings(db, resident, ("continence",), begin, end, most=MOST_A_DAY * (count + 1))
    heard = [one for one in sorted(found, key=lambda one: one.at) if one.at < until]
    said = [
        _Word(one.at, one.device, one.reading.state)
        for one in heard
        if isinstance(one.reading, Continence) and one.reading.state is not None
    ]
    devices = {one.device for one in heard}
    signs = [(one.at, one.device) for one in heard]
    limits = {device: _limit(index, resident, device) for device in devices}
    spans = _spans(said, signs, limits, until, now)
    if any(one.state == UNKNOWN for one in spans):  # only then: a sensor that speaks often enough needs no other sign
        signs = sorted(signs + _signs(db, resident, devices, begin, min(end, now)))
        spans = _spans(said, signs, limits, until, now)
    changed = [b.at for a, b in pairwise(_kept(said)) if b.state == "dry" and a.state in _WET and b.at >= since]
    return ContinenceDays(
        since=since,
        until=until,
        states=[
            StateSpan(start=max(one.start, since), end=one.end, state=one.state)
            for one in spans
            if one.end is None or one.end > since
        ],
        changed_at=changed,
        heard_at=max((at for at, _ in signs if since <= at < until), default=None),
    )


def _kept(said: Sequence[_Word]) -> list[_Word]:
    """Without those that say what the one before said."""
    return [one for n, one in enumerate(said) if n == 0 or said[n - 1].state != one.state]


def _signs(
    db: sqlite3.Connection, resident: str, devices: Iterable[str], since: datetime, until: datetime
) -> list[tuple[datetime, str]]:
    """When these devices said something about themselves: the state that was said before still holds then."""
    numbers = places.places(db, resident, ["status"], since, until, _MOST_SIGNS)
    rows = db.execute(
        "SELECT received_at, device FROM json_each(?) AS wanted JOIN readings ON readings.seq = wanted.value"
        " WHERE device IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(numbers).decode(), msgspec.json.encode(sorted(devices)).decode()),
    )
    return [(from_ms(received_at), device) for received_at, device in rows]


def _limit(index: CentreIndex, resident: str, device: str) -> timedelta:
    """How long the sensor may be silent: as somebody said, or half a day."""
    own = LIMITS_S["continence_sensor"]
    known = index.devices.get(device)
    if known is None:
        return timedelta(seconds=own)
    rules = index.plan_of(resident).rules
    after_s = next((rule.after_s for rule in rules if isinstance(rule, SilentSettings)), None)
    limit = limit_of(known.info(), after_s)
    return timedelta(seconds=limit.limit_s if limit.given else min(limit.limit_s, own))


def _spans(
    said: Sequence[_Word],
    signs: Sequence[tuple[datetime, str]],
    limits: Mapping[str, timedelta],
    until: datetime,
    now: datetime,
) -> list[StateSpan]:
    """Each state for as long as it holds, and where nothing was heard for too long, ``unknown``, in order."""
    heard: dict[str, list[datetime]] = {device: [] for device in limits}
    for at, device in signs:
        heard[device].append(at)
    made: list[StateSpan] = []
    for n, word in enumerate(said):
        end = said[n + 1].at if n + 1 < len(said) else None
        known = word.at
        over = end or min(until, now)
        times = heard[word.device]
        for at in times[bisect_right(times, known) : bisect_left(times, over)]:
            if at - known > limits[word.device]:
                break
            known = at
        silent = over - known > limits[word.device]
        pieces = [(word.at, known if silent else end, word.state), *([(known, end, UNKNOWN)] if silent else [])]
        for start, stop, state in pieces:
            same = made.pop().start if made and made[-1].state == state else start
            made.append(StateSpan(start=same, end=stop, state=state))
    return made


def continence(db: sqlite3.Connection, seen: Looked, day: date) -> dict[str, Any]:
    """The tab: a week of the product's states, a band a day; the time since the last change."""
    if not seen.purposes[Purpose.CONTINENCE].allowed:
        return closed(seen, Purpose.CONTINENCE)
    tongue = seen.tongue
    found = continence_days(db, seen.index, seen.resident.id, day, DAYS, now=tongue.now)
    told = [one for one in found.states if one.state != UNKNOWN]
    newest = found.states[-1] if found.states else None
    context: dict[str, Any] = {}
    if newest is not None and newest.state == UNKNOWN:
        since = tongue(N_("Nothing heard since {time}."), time=tongue.at(newest.start))
        if told:
            since += " " + tongue(N_("The last was: {state}."), state=tongue(CONTINENCE[told[-1].state]))
        context = {"now_state": tongue(N_("Not known")), "now_since": since}
    elif newest is not None:
        since = tongue(N_("since {time}"), time=tongue.at(newest.start))
        context = {"now_state": tongue(CONTINENCE[newest.state]), "now_since": since}
    return {
        **days_around(seen, day, DAYS),
        "hidden": [],
        "days": [_day(found, day - timedelta(days=back), seen) for back in range(DAYS)],
        "edges": ("00:00", "12:00", "24:00"),
        "changed": words.ago(found.changed_at[-1], tongue.language, tongue.now) if found.changed_at else None,
        "heard": words.ago(found.heard_at, tongue.language, tongue.now) if found.heard_at else None,
        **context,
    }


def _day(found: ContinenceDays, day: date, seen: Looked) -> DayLine:
    tongue = seen.tongue
    start, end = bounds(day, seen.index)
    until = min(end, tongue.now)
    spans: list[Span] = []
    said: list[str] = []
    silent = timedelta()
    for state in found.states:
        since, over = max(state.start, start), min(state.end or until, until)
        unknown = state.state == UNKNOWN
        if since < over:
            look, height = _LOOKS[state.state]
            at, to = charts.fraction(since, start, end), charts.fraction(over, start, end)
            spans.append(Span(at, to, look, height))
            silent += over - since if unknown else timedelta()
        if start <= state.start < end and not unknown:
            said.append(f"{clock(state.start, seen)} {tongue(CONTINENCE[state.state])}")
    changes = sum(start <= at < end for at in found.changed_at)
    if changes:
        said.insert(0, tongue.many("Changed once", "Changed {n} times", changes))
    elif any(span.look != "unknown" for span in spans):
        said.insert(0, tongue(N_("No change seen")))
    if silent:
        length = words.duration(silent.total_seconds(), tongue.language)
        said.append(tongue(N_("Nothing was heard for {time}"), time=length))
    return DayLine(
        day=words.day(day, tongue.language),
        iso=day.isoformat(),
        chart=charts.band(spans) if spans else None,
        lines=said if spans else [tongue(N_("Nothing is stored of this day."))],
    )
