"""The report: the walk, and what the store knows of contacts and of calendars that are fetched."""

import sqlite3
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.coverage.contacts import Contacts
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
    contacts = Contacts(db, index, channels)
    reachable = contacts.reachable()
    walked = walk(index, now, end, turns=turns, reachable=reachable)
    whole = Span(now, end)
    findings = [
        *walked.findings,
        *_calendars(db, index, whole),
        *_names(db, index, whole),
        *wards(index, whole),
        *contacts.findings(walked.told & reachable, whole, tested_days),
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
