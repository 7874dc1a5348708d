"""Shifts in the store: what people changed, the last good copies of fetched calendars, and who is on duty then."""

import hashlib
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.centre.index import CentreIndex
from gateway.centre.rota import Change, Turn, changed, on_duty
from gateway.centre.shifts import Shift
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError
from gateway.problems import did_you_mean
from gateway.store import audit
from gateway.store.writer import Tx

LONGEST_CHANGE: Final = timedelta(days=92)
"""Three months: whoever is away for longer is taken out of the plan itself."""

LONGEST_WHY: Final = 500


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """How a fetched calendar stands; times are UTC. ``text`` None: there is no copy of this address yet."""

    shift: str
    text: str | None
    fetched_at: datetime | None
    failed_since: datetime | None
    problem: str | None


class Span(msgspec.Struct, frozen=True):
    """From an instant (UTC-aware) until just before another."""

    since: datetime
    until: datetime


def on_shift(db: sqlite3.Connection, index: CentreIndex, role: str, at: datetime) -> tuple[str, ...]:
    """Ids of the carers who are on duty for a role at that time (UTC), changes counted in."""
    return on_duty(turns(db, index, role, at, at + timedelta(milliseconds=1)), at)


def turns(db: sqlite3.Connection, index: CentreIndex, role: str, begin: datetime, end: datetime) -> list[Turn]:
    """The turns of a role that touch the time between two instants (UTC), changes counted in."""
    rotas = index.rotas
    texts = texts_of(db, index) if any(shift.role == role for shift in rotas.fetched) else {}
    planned = rotas.planned(role, begin, end, texts)
    # whoever is no carer can't be told: such a change counts for nothing, and who was planned is on duty
    made = [
        one for one in changes(db, role=role, begin=begin, end=end) if one.comes is None or one.comes in index.carers
    ]
    after = changed(planned, made)
    return [turn for turn in after if turn.end > begin and turn.start < end]


def texts_of(db: sqlite3.Connection, index: CentreIndex) -> dict[str, str]:
    """The last good texts of the fetched calendars, by shift."""
    found = copies(db, index)
    return {shift: copy.text for shift, copy in found.items() if copy.text is not None}


def copies(db: sqlite3.Connection, index: CentreIndex) -> dict[str, Copy]:
    """How the fetched calendars of the centre stand, by shift; what was never tried is missing."""
    rows = {row["shift"]: row for row in db.execute("SELECT * FROM rota_copies")}
    return {
        shift.id: Copy(
            shift=shift.id,
            text=row["text"],
            fetched_at=_time(row["fetched_at"]),
            failed_since=_time(row["failed_since"]),
            problem=row["problem"],
        )
        for shift in index.rotas.fetched
        if (row := rows.get(shift.id)) is not None and row["source"] == source_of(shift)
    }


def keep_copy(tx: Tx, shift: Shift, text: str) -> None:
    """The calendar of a shift was fetched and can be used."""
    tx.db.execute(
        "INSERT INTO rota_copies (shift, source, text, fetched_at) VALUES (?, ?, ?, ?) ON CONFLICT (shift) DO UPDATE"
        " SET source = excluded.source, text = excluded.text, fetched_at = excluded.fetched_at, failed_since = NULL,"
        " problem = NULL",
        (shift.id, source_of(shift), text, to_ms(tx.now)),
    )


def could_not_fetch(tx: Tx, shift: Shift, problem: str) -> None:
    """The calendar of a shift could not be fetched, or not be used: the last good copy of that address stays."""
    tx.db.execute(
        "INSERT INTO rota_copies (shift, source, failed_since, problem) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (shift) DO UPDATE SET problem = excluded.problem,"
        " failed_since = CASE source WHEN excluded.source THEN coalesce(failed_since, excluded.failed_since)"
        " ELSE excluded.failed_since END,"
        " text = CASE source WHEN excluded.source THEN text END,"
        " fetched_at = CASE source WHEN excluded.source THEN fetched_at END, source = excluded.source",
        (shift.id, source_of(shift), to_ms(tx.now), problem[:LONGEST_WHY]),
    )


def source_of(shift: Shift) -> str:
    """What stands for a shift's address in the store: the address itself may be a secret."""
    return hashlib.sha256((shift.url or "").encode()).hexdigest()


def changes(
    db: sqlite3.Connection,
    *,
    role: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    everything: bool = False,
) -> list[Change]:
    """Changes of shifts, the oldest first: of a role, and those that touch the time between two instants (UTC).

    ``everything``: those that were taken back too.
    """
    found = db.execute(
        "SELECT * FROM shift_changes WHERE (:everything OR ended_at IS NULL)"
        " AND (:role IS NULL OR role = :role) AND (:begin IS NULL OR until > :begin)"
        " AND (:end IS NULL OR since < :end) ORDER BY id",
        {
            "everything": everything,
            "role": role,
            "begin": None if begin is None else to_ms(begin),
            "end": None if end is None else to_ms(end),
        },
    )
    return [change_of(row) for row in found]


def ahead(db: sqlite3.Connection, now: datetime, *, limit: int = -1, offset: int = 0) -> list[Change]:
    """The changes in force that are not over at ``now`` (UTC), the soonest first; -1: all of them."""
    found = db.execute(
        "SELECT * FROM shift_changes WHERE ended_at IS NULL AND until > ? ORDER BY since, id LIMIT ? OFFSET ?",
        (to_ms(now), limit, offset),
    )
    return [change_of(row) for row in found]


def override(
    tx: Tx,
    index: CentreIndex,
    *,
    role: str,
    span: Span,
    leaves: str | None = None,
    comes: str | None = None,
    why: str,
    who: str,
) -> Change:
    """For a while, somebody is not on duty, somebody else is, or both.

    Args:
        tx: the transaction.
        index: the centre.
        role: a role of its shifts.
        span: from when until when.
        leaves: carer id; must be on duty in that time.
        comes: carer id; staff, or somebody whom the weekly plan of the role has anyway.
        why: a few words.
        who: carer id or ``cli:<user>``, for the audit.

    Raises:
        BadAnswerError: a value can't be used; it names the field and what is possible.
    """
    if leaves is None and comes is None:
        raise BadAnswerError("comes: (missing): expected a carer who comes, one who leaves, or both.")
    if leaves == comes:
        raise BadAnswerError(f"comes: {comes!r}: expected somebody else than the carer who leaves.")
    _check(tx, index, role, span, [leaves], why)
    _stands_in(index, role, comes)
    made = _add(tx, role, span, leaves, comes, why, who)
    _written(tx, made, "shift.override")
    return made


def swap(
    tx: Tx, index: CentreIndex, *, role: str, first: tuple[str, Span], second: tuple[str, Span], why: str, who: str
) -> tuple[Change, Change]:
    """Two carers take each other's turn: ``first`` is who gives away which time, ``second`` who gives which back.

    Both must be staff, or be in the weekly plan of the role.

    Raises:
        BadAnswerError: a value can't be used; it names the field and what is possible.
    """
    if first[0] == second[0]:
        raise BadAnswerError(f"carer: {first[0]!r}: expected two carers who swap.")
    _check(tx, index, role, first[1], [first[0]], why)
    _check(tx, index, role, second[1], [second[0]], why)
    for carer in (first[0], second[0]):
        _stands_in(index, role, carer)
    one = _add(tx, role, first[1], first[0], second[0], why, who)
    two = _add(tx, role, second[1], second[0], first[0], why, who, swap=one.id)
    _written(tx, one, "shift.swap", swap=one.id)
    _written(tx, two, "shift.swap", swap=one.id)
    return one, two


def _check(tx: Tx, index: CentreIndex, role: str, span: Span, leaving: Iterable[str | None], why: str) -> None:
    roles = index.rotas.roles
    if role not in roles:
        expected = ", ".join(roles) or "none, because the centre file has no [[shifts]]"
        raise BadAnswerError(f"role: {role!r}: expected a role of the shifts: {expected}{did_you_mean(role, roles)}.")
    if not timedelta(0) < span.until - span.since <= LONGEST_CHANGE:
        raise BadAnswerError(f"until: expected a time after the beginning, at most {LONGEST_CHANGE.days} days later.")
    if span.until <= tx.now:
        raise BadAnswerError("until: expected a time that is not over yet: who was on duty stays as it was.")
    if not why.strip() or len(why) > LONGEST_WHY:
        raise BadAnswerError(f"why: expected a few words, at most {LONGEST_WHY} characters: others will read them.")
    for carer in leaving:
        _known(index, carer, may_be_silent=True)
        then = {turn.carer for turn in turns(tx.db, index, role, span.since, span.until)}
        if carer is not None and carer not in then:
            there = ", ".join(sorted(then)) or "nobody"
            raise BadAnswerError(f"leaves: {carer!r}: expected somebody who is on duty for {role} then: {there}.")


def _known(index: CentreIndex, carer: str | None, *, may_be_silent: bool = False) -> None:
    if carer is None:
        return
    person = index.carers.get(carer)
    if person is None:
        raise BadAnswerError(f"carer: {carer!r}: expected a carer of the centre{did_you_mean(carer, index.carers)}.")
    if not person.contacts and not may_be_silent:
        raise BadAnswerError(f"carer: {carer!r}: expected a carer with at least one contact: this one can't be told.")


def _stands_in(index: CentreIndex, role: str, carer: str | None) -> None:
    """Whether somebody can be put on duty by a tap: a relative or an alarm centre stands in for no nurse.

    Whoever wrote the centre file may have meant it so, as of a family who takes turns: then they are in the plan.
    """
    _known(index, carer)
    if carer is None:
        return
    person = index.carers[carer]
    if person.kind == "person" and person.role != "relative":
        return
    shifts = (shift for shift in index.rotas.shifts.values() if shift.role == role)
    if not any(carer in window.carers for shift in shifts for window in shift.weekly):
        who = "a relative" if person.kind == "person" else "an alarm centre"
        raise BadAnswerError(
            f"carer: {carer!r}: expected staff for {role}; this is {who}, whom its plan does not have."
        )


def _add(
    tx: Tx, role: str, span: Span, leaves: str | None, comes: str | None, why: str, who: str, *, swap: int | None = None
) -> Change:
    row = tx.db.execute(
        "INSERT INTO shift_changes (role, since, until, leaves, comes, swap, why, who, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (role, to_ms(span.since), to_ms(span.until), leaves, comes, swap, why.strip(), who, to_ms(tx.now)),
    ).fetchone()
    return change_of(row)


def _written(tx: Tx, change: Change, action: str, **more: int) -> None:
    """The line of the audit; ``swap`` is the same number in both lines of a swap."""
    times = {"since": change.since.isoformat(), "until": change.until.isoformat()}
    detail = {"role": change.role, **times, "leaves": change.leaves, "comes": change.comes, **more}
    audit.record(tx, who=change.who, action=action, target=f"shift_change/{change.id}", detail=detail)


def change_of(row: sqlite3.Row) -> Change:
    """A row of the table of changes."""
    return Change(
        id=row["id"],
        role=row["role"],
        since=from_ms(row["since"]),
        until=from_ms(row["until"]),
        leaves=row["leaves"],
        comes=row["comes"],
        swap=row["swap"],
        why=row["why"],
        who=row["who"],
        made_at=from_ms(row["made_at"]),
        ended_at=_time(row["ended_at"]),
        ended_by=row["ended_by"],
    )


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
