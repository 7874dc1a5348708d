"""What a message says beyond the lock screen, and to whom: the three levels of privacy.

A message to a contact says what a lock screen may say, unless the centre file says ``shows = "details"`` for that
contact. Then its body goes on with as much as the carer's role may see:

========== ==================================================================================================
level      body of the message
========== ==================================================================================================
lock screen room code (or device) and kind only
relative   of the resident's own relatives: who, how long ago; where, when the resident agreed that relatives may see it
staff      who, how long ago, why, the care note, the next step, the virtual visit; where, as the resident agreed
========== ==================================================================================================

The title never says more than a lock screen may: it is what telephones, mail programs and watches show first.
"""

import sqlite3
from datetime import datetime
from enum import StrEnum
from textwrap import shorten
from typing import Final, NamedTuple

import msgspec

from gateway.centre.index import CentreIndex
from gateway.centre.model import LOCK_SCREEN_ONLY, Resident
from gateway.links import Links
from gateway.notify.outbox import Row
from gateway.store.fixes import Fix, last_fix, may_tell_place
from gateway.words import N_, ago, away, distance, gettext, next_step, say, staff_note
from rules.model import Reason
from rules.zone_exit import ZoneExitSettings

LONGEST_NOTE: Final = 300
"""Characters of the care note in a message: push services take 4 kB in all. The page of the alert has all of it."""

_REASON: Final = msgspec.json.Decoder(Reason)
_AGO = N_("{who}, {ago}")
_NOTE = N_("Good to know: {note}")
_NEXT = N_("Next: {step}")
_VISIT = N_("Virtual visit: {link}")
_MAP = N_("Map: {link}")
_SEEN = N_("Last seen {ago}, {where}")
_SEEN_PLAIN = N_("Last seen {ago}")
_WITHIN = N_("in {place}")
_ACCURACY = N_("good to {distance}")
_FAMILY = N_("Say by the link whether you can go. If you can’t, the next people are told at once.")


class Level(StrEnum):
    """How much somebody may read where."""

    LOCK_SCREEN = "lock_screen"
    RELATIVE = "relative"
    STAFF = "staff"


class About(NamedTuple):
    """What the details are about: an alert, and what a lock screen calls it."""

    resident: str | None
    rule: str
    reason: str
    """JSON of a rules.model.Reason."""
    what: str
    raised_at: datetime
    asks: bool
    """Whether the message asks for an answer; what only informs has no next step."""


def level_of(index: CentreIndex, row: Row, resident: str | None) -> Level:
    """The level of one notification: of its contact as the centre file has it now, and of the carer's role.

    ``resident``: whom the alert is about. The relative of somebody else, whom a policy may name, reads no name.
    """
    carer = index.carers.get(row.carer)
    if carer is None or carer.kind != "person" or row.channel in LOCK_SCREEN_ONLY:
        return Level.LOCK_SCREEN
    known = [way for way in carer.contacts if (way.channel, way.address) == (row.channel, row.address)]
    if not known or any(way.shows != "details" for way in known):
        return Level.LOCK_SCREEN
    if carer.role != "relative":
        return Level.STAFF
    about = index.person(resident)
    return Level.RELATIVE if about is not None and carer.id in about.relatives else Level.LOCK_SCREEN


def lines(
    about: About,
    level: Level,
    *,
    index: CentreIndex,
    links: Links,
    language: str,
    now: datetime,
    db: sqlite3.Connection | None,
) -> tuple[str, ...]:
    """The further lines of a body.

    Args:
        about: the alert.
        level: how much may be said.
        index: the centre.
        links: knows the address of a map.
        language: the reader's.
        now: UTC-aware.
        db: for the last position; None: it is not told.
    """
    resident = index.person(about.resident)
    if level is Level.LOCK_SCREEN or (resident is None and level is Level.RELATIVE):
        return ()
    when = ago(about.raised_at, language, now)
    found = [] if resident is None else [gettext(_AGO, language, who=resident.name, ago=when)]
    if level is Level.STAFF:
        reason = _REASON.decode(about.reason)
        found.append(say(reason, language, index.timezone, now))
        if noted := staff_note(reason, language):
            found.append(noted)
        if resident is not None and resident.note:
            note = shorten(resident.note, LONGEST_NOTE, placeholder=" …")
            found.append(gettext(_NOTE, language, note=note))
    if about.asks:
        step = next_step(about.rule, language) if level is Level.STAFF else gettext(_FAMILY, language)
        found.append(gettext(_NEXT, language, step=step))
    if resident is not None and db is not None and may_say_where(index, resident, level, about.rule):
        fix = last_fix(db, resident.id)
        if fix is not None:
            found += _where(fix, resident, level, index, links, language, now)
    if level is Level.STAFF and resident is not None and resident.visit:
        found.append(gettext(_VISIT, language, link=resident.visit))
    return tuple(found)


def may_say_where(index: CentreIndex, resident: Resident, level: Level, rule: str) -> bool:
    """Whether a message about an open alert may say where the person is: as agreed, to relatives only if that too."""
    if level is Level.LOCK_SCREEN or not may_tell_place(index, resident.id, rule):
        return False
    return level is Level.STAFF or "location" in index.plan_of(resident.id).consents.relatives


def _where(
    fix: Fix, resident: Resident, level: Level, index: CentreIndex, links: Links, language: str, now: datetime
) -> list[str]:
    """When and where the person was last, in words and as a link to a map."""
    seen = ago(fix.at, language, now)
    where = _far(fix, resident, level, index, language)
    said = gettext(_SEEN, language, ago=seen, where=where) if where else gettext(_SEEN_PLAIN, language, ago=seen)
    if fix.accuracy_m is not None:
        said += " (" + gettext(_ACCURACY, language, distance=distance(fix.accuracy_m, language)) + ")"
    return [said, gettext(_MAP, language, link=links.map(fix.lon, fix.lat))]


def _far(fix: Fix, resident: Resident, level: Level, index: CentreIndex, language: str) -> str:
    """How far from the safe zone of the person's care plan; nothing, when the plan has none on the map."""
    for settings in index.plan_of(resident.id).rules:
        if not isinstance(settings, ZoneExitSettings):
            continue
        zone = index.zone(settings.zone)
        if not zone.has_ground:
            continue
        metres = zone.signed_distance(fix.lon, fix.lat)
        if metres <= 0:
            return gettext(_WITHIN, language, place=zone.name)
        # for the family it is home, whatever the house calls the zone
        return away(metres, language, "" if level is Level.RELATIVE else zone.name)
    return ""
