"""What carers look up without an alert: the summary of a night, and the list for the next round.

Both respect what the resident agreed to. Whoever shows them writes the look into the audit, with the target that stands
here: reading takes its time, and must not hold up the writer.
"""

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from gateway.centre.index import CentreIndex
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import places
from rules.baseline import Usual
from rules.continence import ContinenceState, Stand
from rules.continence_off import ContinenceOffState
from rules.model import State
from rules.not_changed import NotChangedState
from rules.registry import decode_states
from rules.sleep_summary import BEFORE, NightSummary, Seen, night_of, summarise
from rules.vitals import VitalRule, VitalState

LATE: Final = timedelta(hours=36)
"""So much later may a reading of the night have come: a summary by the maker comes at noon, a bridge after a weekend's
downtime sends the last of what it kept."""


def night_target(resident: str, day: date) -> str:
    """What the audit calls a look at a night."""
    return f"sleep/{resident}/{day.isoformat()}"


ROUNDS_TARGET: Final = "rounds"
"""What the audit calls a look at the round list."""

_MOST: Final = 200_000
"""Readings of a night at most: three sensors that each speak once a second."""


class DueChange(msgspec.Struct, frozen=True):
    """A line of the round list: which room, what, since when, and when it is (or was) to be done. Times are UTC.

    ``what``: leak, overdue, due, not_changed (the same product for too long), sensor_off (nobody knows).
    """

    room: str
    resident: str
    what: str
    since: datetime
    due_at: datetime


def night(db: sqlite3.Connection, index: CentreIndex, resident: str, day: date, *, now: datetime) -> NightSummary:
    """The summary of the night that began on that local day; of one that is not over by ``now`` (UTC), so far.

    Raises:
        BadAnswerError: no such resident.
        NotAllowedError: the resident did not agree that carers see bed and sleep.
    """
    if resident not in index.residents:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident: {', '.join(index.residents)}")
    if not index.plan_of(resident).consents.sleep:
        raise NotAllowedError(f"{resident}: did not agree that carers see bed and sleep (consents.sleep).")
    heart, breathing = usual_of(db, index, resident, now=now)
    start, end = night_of(day, index.timezone)
    seen = _seen(db, resident, start, end)
    return summarise(day, index.timezone, seen, now=now, heart=heart, breathing=breathing)


def round_list(db: sqlite3.Connection, index: CentreIndex, *, now: datetime, until: datetime | None) -> list[DueChange]:
    """What is to be done on the round, by time and room.

    Residents who did not agree that carers see continence are not on it.

    Args:
        db: reads the database.
        index: the centre.
        now: UTC.
        until: only what is due by then (UTC); None: all.
    """
    found: list[DueChange] = []
    # In a large house most have no such rule: their states are not even read.
    query = "SELECT resident, states FROM rule_states WHERE instr(states, ?) OR instr(states, ?)"
    kept = {row["resident"]: row["states"] for row in db.execute(query, ('"continence', '"not_changed'))}
    for resident, person in index.residents.items():
        if resident not in kept or not index.plan_of(resident).consents.continence:
            continue
        rules = index.rules_of(resident, now)
        found += [
            DueChange(person.room, resident, what, since, due_at)
            for key, state in decode_states(kept[resident].encode()).items()
            if rules.has(key)
            for what, since, due_at in _due(state)
        ]
    return sorted(
        (one for one in found if until is None or one.due_at <= until), key=lambda one: (one.due_at, one.room, one.what)
    )


def _due(state: State) -> Iterator[tuple[str, datetime, datetime]]:
    match state:
        case ContinenceState(stand=Stand.LEAK, since=datetime() as since, at=datetime() as at):
            yield "leak", since, at
        case ContinenceState(stand=Stand.DUE | Stand.OVERDUE as stand, since=datetime() as since):
            yield stand.value, since, state.round_at or state.until or since
        case NotChangedState(told=True, since=datetime() as since, at=datetime() as at):
            yield "not_changed", since, at
        case ContinenceOffState(told=True, since=datetime() as since):
            yield "sensor_off", since, since


def _states(db: sqlite3.Connection, resident: str) -> dict[str, State]:
    row = db.execute("SELECT states FROM rule_states WHERE resident = ?", (resident,)).fetchone()
    return {} if row is None else decode_states(row[0].encode())


def usual_of(
    db: sqlite3.Connection, index: CentreIndex, resident: str, *, now: datetime
) -> tuple[Usual | None, Usual | None]:
    """What is usual for the person's heart rate and breathing at night; None: no such rule, or too few nights."""
    states = _states(db, resident)
    return _usual(index, resident, states, "heart_rate", now), _usual(index, resident, states, "breathing", now)


def _usual(index: CentreIndex, resident: str, states: dict[str, State], key: str, now: datetime) -> Usual | None:
    """What is usual for the person; None: no such rule in the care plan, or too few nights."""
    state = states.get(key)
    for rule in index.rules_of(resident, now).rules:
        if rule.key == key and isinstance(rule, VitalRule) and isinstance(state, VitalState):
            return rule.usual(state)
    return None


def _seen(db: sqlite3.Connection, resident: str, start: datetime, end: datetime) -> Iterator[Seen]:
    found = places.readings(db, resident, ("bed", "sleep", "vitals"), start - BEFORE, end + LATE, most=_MOST)
    return (Seen(one.at, one.reading) for one in found)
