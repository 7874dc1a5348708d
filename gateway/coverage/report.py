"""The report: the walk, and what the store knows of contacts and of calendars that are fetched."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from gateway.alerts.contact_tests import address_hash
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.coverage.model import ORDER, Finding, Kind, Report
from gateway.coverage.walk import walk
from gateway.coverage.wards import wards
from gateway.store import rotas
from gateway.store.rotas import Span
from gateway.words import N_
from rules.model import Reason

DAYS: Final = 7
"""As far as most houses plan for certain."""

LONGEST_DAYS: Final = 62
"""Two months: beyond that a plan is a wish, and laying out calendars takes long."""

TESTED_DAYS: Final = 35
"""Contacts are tested once a month: a test that is a few days late is no finding yet."""

_UNTESTED = N_("{carer} would be told, but for {days} days no message went out to them and no test was made.")
_UNTESTED_WAYS = N_(
    "{carer} would be told, but for {days} days no message went out there and no test was made: {ways}."
)
_NEVER = N_("The calendar of shift {shift} could never be fetched: {problem}")
_STALE = N_(
    "The calendar of shift {shift} can't be fetched since {since_at}; the copy of {copied_at} counts: {problem}"
)
_NAME = N_("The calendar of shift {shift} says {name} at {since_at}, who is no carer of the centre.")
_SAME_NAME = N_(
    "The calendar of shift {shift} says {name} at {since_at}: {carers} have that name. All of them are on duty then. "
    "Please write the id instead."
)


def look_ahead(
    db: sqlite3.Connection,
    index: CentreIndex,
    now: datetime,
    *,
    days: int = DAYS,
    channels: Collection[str] | None = None,
    tested_days: int = TESTED_DAYS,
) -> Report:
    """Walk the coming days.

    Args:
        db: reads the database.
        index: the centre.
        now: UTC.
        days: how far, 1 to LONGEST_DAYS.
        channels: the channels that work on this gateway; None: all.
        tested_days: a contact to which nothing went out for so long is untested.
    """
    end = now + timedelta(days=days)
    turns = {role: rotas.turns(db, index, role, now, end) for role in index.rotas.roles}
    reachable = {
        carer.id
        for carer in index.carers.values()
        if any(channels is None or contact.channel in channels for contact in carer.contacts)
    }
    walked = walk(index, now, end, turns=turns, reachable=reachable)
    whole = Span(now, end)
    findings = [
        *walked.findings,
        *_calendars(db, index, whole),
        *_names(db, index, whole),
        *wards(index, whole),
        *_untested(db, index, sorted(walked.told & reachable), whole, tested_days, channels),
    ]
    findings.sort(key=lambda finding: (not finding.serious, ORDER[finding.kind], finding.spans[0].since, finding.key))
    return Report(begin=now, end=end, findings=tuple(findings))


def _calendars(db: sqlite3.Connection, index: CentreIndex, whole: Span) -> Iterator[Finding]:
    kept = rotas.copies(db, index)
    for shift in index.rotas.fetched:
        copy = kept.get(shift.id)
        if copy is None or copy.failed_since is None:
            continue
        about: dict[str, float | str] = {"shift": shift.name or shift.id, "problem": copy.problem or ""}
        what = Reason(_NEVER, about)
        if copy.fetched_at is not None:
            times = {"since_at": to_ms(copy.failed_since), "copied_at": to_ms(copy.fetched_at)}
            what = Reason(_STALE, {**about, **times})
        yield Finding(kind=Kind.CALENDAR, spans=(whole,), what=what, shift=shift.id, role=shift.role)


def _names(db: sqlite3.Connection, index: CentreIndex, whole: Span) -> Iterator[Finding]:
    texts = rotas.texts_of(db, index)
    for role in index.rotas.roles:
        spans: dict[tuple[str, str, tuple[str, ...]], list[Span]] = {}
        for one in index.rotas.unknown(role, whole.since, whole.until, texts):
            spans.setdefault((one.shift, one.name, one.carers), []).append(Span(one.start, one.end))
        for (shift, name, carers), when in spans.items():
            about: dict[str, float | str] = {"shift": shift, "name": name, "since_at": to_ms(when[0].since)}
            what = Reason(_SAME_NAME, {**about, "carers": ", ".join(carers)}) if carers else Reason(_NAME, about)
            yield Finding(kind=Kind.UNKNOWN_NAME, spans=tuple(when), what=what, shift=shift, role=role)


def _untested(
    db: sqlite3.Connection,
    index: CentreIndex,
    carers: Iterable[str],
    whole: Span,
    days: int,
    channels: Collection[str] | None,
) -> Iterator[Finding]:
    """One finding for each carer, which counts up the contacts; what has no channel here is nothing to test."""
    since = to_ms(whole.since - timedelta(days=days))
    for name in carers:
        carer = index.carers[name]
        ways = [
            (number, way) for number, way in enumerate(carer.contacts, 1) if channels is None or way.channel in channels
        ]
        # the terminal reaches nobody in particular: it is tested by nobody, and counts where there is nothing else
        ways = [one for one in ways if one[1].channel != "log"] or ways
        untested = [
            f"{number}. {way.channel}" for number, way in ways if not _worked(db, name, way.channel, way.address, since)
        ]
        if untested:
            about: dict[str, float | str] = {"carer": carer.name, "days": days}
            # of nobody who was told by the terminal is it said that no message went out to them
            all_of_them = len(untested) == len(ways) and not any(
                _worked(db, name, way.channel, way.address, since) for way in carer.contacts
            )
            what = (
                Reason(_UNTESTED, about)
                if all_of_them
                else Reason(_UNTESTED_WAYS, {**about, "ways": ", ".join(untested)})
            )
            yield Finding(kind=Kind.UNTESTED, spans=(whole,), what=what, carer=name)


def _worked(db: sqlite3.Connection, carer: str, channel: str, address: str, since: int) -> bool:
    """Whether a message or a test went out on that contact since then (epoch milliseconds)."""
    found = db.execute(
        "SELECT EXISTS (SELECT 1 FROM notifications WHERE carer = ? AND channel = ? AND address = ? AND created_at >= ?"
        " AND state IN ('sent', 'delivered', 'read')) OR EXISTS (SELECT 1 FROM contact_tests"
        " WHERE carer = ? AND address_hash = ? AND at >= ? AND ok = 1)",
        (carer, channel, address, since, carer, address_hash(channel, address), since),
    ).fetchone()
    return bool(found[0])
