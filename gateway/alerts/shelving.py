"""Shelving: for a while, what a rule raises for a resident is shown and counted, but rings nobody.

For the visit to the garden with the family, the sensor that waits for a new battery. A shelf has a reason, somebody
who answers for it, and an end; when it ends and the cause still stands, it is told. Calls for help and falls can't be
shelved. Other high-priority rules not silently: only by a manager, for an hour, and an alert says so from the start.
"""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.alerts import desk, rows
from gateway.alerts.model import URGENCY, Incident, incident_key
from gateway.centre.index import HOUSE, CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import audit
from gateway.store.writer import Tx
from gateway.words import STAFF_NOTE
from rules.model import Priority, Reason

NEVER: Final = frozenset({"help", "fall"})
"""Rules that nobody may shelve: what they tell of can't wait."""

LONGEST: Final[dict[Priority, timedelta]] = {
    Priority.HIGH: timedelta(hours=1),
    Priority.MEDIUM: timedelta(hours=12),
    Priority.LOW: timedelta(days=7),
}
"""The longest shelf. An hour: until the walk is over; a shift and its handover; until the spare part has come."""

LONGEST_WHY: Final = 500
SHELVED_RULE: Final = "shelved_rule"
"""The alert that says that a high-priority rule is shelved."""

GATEWAY: Final = "gateway"
"""Who holds back what a carer at the bedside has just looked after, see gateway.alerts.bedside."""

MAY_SHELVE_HIGH: Final = frozenset({"manager", "admin"})

_DECODE = msgspec.json.Decoder(Incident).decode
_ENCODE = msgspec.json.Encoder().encode


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """A shelved rule; times are UTC-aware. ``held`` is how many incidents it kept quiet, ``standing`` how many of
    them have not gone away by themselves."""

    id: int
    resident: str | None
    rule_key: str
    rule: str
    priority: Priority
    why: str
    who: str
    since: datetime
    until: datetime
    ended_at: datetime | None
    ended_by: str | None
    held: int
    standing: int


def shelve(
    tx: Tx, index: CentreIndex, *, resident: str | None, rule_key: str, lasting: timedelta, why: str, who: str
) -> Shelf:
    """Shelve a rule of a resident (None: of the house) from now on.

    Args:
        tx: the transaction.
        index: the centre.
        resident: the resident's id.
        rule_key: the rule as ``telecare explain`` and the states name it, such as ``zone_exit:garden``.
        lasting: for how long.
        why: a few words.
        who: carer id, or ``cli:<user>`` for whoever has the machine.

    Raises:
        BadAnswerError: a value can't be used; it names the field and what is possible.
        NotAllowedError: this rule can't be shelved, or not by this person.
    """
    whose = HOUSE if resident is None else resident
    if not index.has_rules(whose):
        raise BadAnswerError(f"resident: {resident!r}: expected one of {', '.join(index.residents)}.")
    settings = index.rules_of(whose, tx.now).settings.get(rule_key)
    if settings is None:
        known = ", ".join(key for key in index.rules_of(whose, tx.now).settings if key not in NEVER)
        raise BadAnswerError(f"rule: {rule_key!r}: expected a rule of this care plan: {known}.")
    if settings.name in NEVER:
        raise NotAllowedError(f"rule: {rule_key}: a call for help or a fall is always told; it can't be shelved.")
    why = why.strip()
    if not why or len(why) > LONGEST_WHY:
        raise BadAnswerError(f"why: expected a few words, at most {LONGEST_WHY} characters: others will read them.")
    priority = Priority(getattr(settings, "priority", Priority.MEDIUM))
    if not timedelta(minutes=1) <= lasting <= LONGEST[priority]:
        hours = LONGEST[priority].total_seconds() / 3600
        raise BadAnswerError(f"for: {lasting}: expected 1 minute to {hours:g} hours for a rule of {priority} priority.")
    if priority is Priority.HIGH and not _is_manager(index, who):
        raise NotAllowedError(f"rule: {rule_key}: a manager has to shelve it, because its priority is high.")
    if priority is Priority.HIGH:
        _not_again_and_again(tx, whose, rule_key, lasting)
    _end(tx, index, _in_force(tx.db, whose, rule_key), by=who)
    number = tx.db.execute(
        "INSERT INTO shelves (resident, rule_key, rule, priority, why, who, since, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            whose, rule_key, settings.name, priority.value, why, who, to_ms(tx.now), to_ms(tx.now + lasting),
        ),
    ).fetchone()[0]  # fmt: skip
    shelf = _one(tx.db, number)
    detail = {"shelf": number, "until": shelf.until.isoformat()}  # the rule's name says something of a body
    audit.record(tx, who=who, action="rule.shelve", target=f"resident/{whose}", detail=detail)
    if priority is Priority.HIGH:
        desk.raise_incident(tx, index, _notice(shelf, tx.now))
    return shelf


def _not_again_and_again(tx: Tx, whose: str, rule_key: str, lasting: timedelta) -> None:
    """Refuse what would keep a high-priority rule quiet for more than an hour of any two.

    Raises:
        NotAllowedError: it would.
    """
    longest = LONGEST[Priority.HIGH]
    since, now = to_ms(tx.now + lasting - 2 * longest), to_ms(tx.now)
    before = tx.db.execute(
        "SELECT since, min(until, coalesce(ended_at, ?)) AS ended FROM shelves"
        " WHERE resident = ? AND rule_key = ? AND who != ? AND min(until, coalesce(ended_at, ?)) > ?",
        (now, whose, rule_key, GATEWAY, now, since),
    )
    shelved = timedelta(milliseconds=sum(row["ended"] - max(row["since"], since) for row in before))
    if shelved + lasting > longest:
        raise NotAllowedError(
            f"rule: {rule_key}: it was shelved for {shelved.total_seconds() / 60:.0f} minutes lately; a rule of high "
            "priority may rest for one hour of any two. Wait, or shelve it for less."
        )


def hold_back(tx: Tx, incident: Incident, *, since: datetime, until: datetime, why: str) -> bool:
    """Keep an incident quiet until ``until`` without anybody having asked for it; told then if it still stands.

    Returns:
        Whether it is held; not when it is more urgent than what is held already, or its time is over.
    """
    whose = incident.resident or HOUSE
    if _in_force(tx.db, whose, incident.rule_key) is None and until > tx.now:
        number = tx.db.execute(
            "INSERT INTO shelves (resident, rule_key, rule, priority, why, who, since, until)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                whose, incident.rule_key, incident.rule, incident.priority.value, why, GATEWAY, to_ms(since),
                to_ms(until),
            ),
        ).fetchone()[0]  # fmt: skip
        detail = {"shelf": number, "until": until.isoformat()}
        audit.record(tx, who=GATEWAY, action="rule.shelve", target=f"resident/{whose}", detail=detail)
    return hold(tx, incident) is not None


def unshelve(tx: Tx, index: CentreIndex, number: int, *, who: str) -> Shelf:
    """End a shelf before its time; what still stands is told at once.

    Raises:
        BadAnswerError: there is no such shelf in force.
    """
    row = None
    if 0 < number <= rows.LARGEST:
        row = tx.db.execute("SELECT id FROM shelves WHERE id = ? AND ended_at IS NULL", (number,)).fetchone()
    if row is None:
        raise BadAnswerError(f"shelf: {number}: expected the number of a shelf that is in force.")
    _end(tx, index, number, by=who)
    return _one(tx.db, number)


def shelves(db: sqlite3.Connection, *, everything: bool = False) -> list[Shelf]:
    """Shelves in force, those that end first first; ``everything``: ended ones too, the newest first."""
    where = "1 ORDER BY id DESC LIMIT 1000" if everything else "ended_at IS NULL ORDER BY until"
    return [_shelf(db, row) for row in db.execute(f"SELECT * FROM shelves WHERE {where}")]  # noqa: S608 - our own words


def hold(tx: Tx, incident: Incident) -> Shelf | None:
    """Keep an incident quiet when its rule is shelved.

    Returns:
        The shelf that holds it; None: there is none, or the incident is more urgent than what was shelved knowingly.
    """
    number = _in_force(tx.db, incident.resident or HOUSE, incident.rule_key)
    if number is None:
        return None
    shelf = _one(tx.db, number)
    if shelf.until <= tx.now or URGENCY[incident.priority] > URGENCY[shelf.priority]:
        return None
    if shelf.who == GATEWAY and incident.happened_at > shelf.since:
        return None  # something new: not what the carer has just looked after
    now = to_ms(tx.now)
    tx.db.execute(
        "INSERT INTO shelved (shelf, incident, first_at, last_at, story) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (shelf, incident) DO UPDATE SET"
        " last_at = excluded.last_at, times = times + 1, story = excluded.story, cleared_at = NULL",
        (
            number, incident_key(incident.resident, incident.rule_key, incident.subject), now, now,
            _ENCODE(incident).decode(),
        ),
    )  # fmt: skip
    if shelf.priority is Priority.HIGH:
        desk.follow_up(tx, incident, by_key=SHELVED_RULE, by_subject=incident.rule_key)
    return shelf


def gone(tx: Tx, *, resident: str | None, rule_key: str, subject: str) -> None:
    """What a shelf holds went away by itself: nothing is left to tell when the shelf ends."""
    tx.db.execute(
        "UPDATE shelved SET cleared_at = ? WHERE incident = ? AND cleared_at IS NULL"
        " AND shelf IN (SELECT id FROM shelves WHERE ended_at IS NULL)",
        (to_ms(tx.now), incident_key(resident, rule_key, subject)),
    )


def end_due(tx: Tx, index: CentreIndex) -> list[int]:
    """End every shelf whose time is over, and tell what still stands; ids of the shelves."""
    due = [
        int(row[0])
        for row in tx.db.execute(
            "SELECT id FROM shelves WHERE ended_at IS NULL AND until <= ? ORDER BY until", (to_ms(tx.now),)
        )
    ]
    for number in due:
        _end(tx, index, number, by=None)
    return due


def next_end(db: sqlite3.Connection) -> datetime | None:
    """When the next shelf ends (UTC-aware); None: nothing is shelved."""
    row = db.execute("SELECT min(until) FROM shelves WHERE ended_at IS NULL").fetchone()
    return None if row[0] is None else from_ms(row[0])


def _end(tx: Tx, index: CentreIndex, number: int | None, *, by: str | None) -> None:
    if number is None:
        return
    tx.db.execute("UPDATE shelves SET ended_at = ?, ended_by = ? WHERE id = ?", (to_ms(tx.now), by, number))
    shelf = _one(tx.db, number)
    audit.record(
        tx,
        who=by,
        action="rule.unshelve",
        target=f"resident/{shelf.resident or HOUSE}",
        detail={"shelf": number},
    )
    mark = Reason("Nobody was told while the rule was shelved, from {since_at} on.", {"since_at": to_ms(shelf.since)})
    held = tx.db.execute("SELECT story FROM shelved WHERE shelf = ? AND cleared_at IS NULL ORDER BY id", (number,))
    for row in held.fetchall():
        incident = _DECODE(row["story"])
        desk.raise_incident(tx, index, msgspec.structs.replace(incident, marks=(*incident.marks, mark)))


def _notice(shelf: Shelf, now: datetime) -> Incident:
    return Incident(
        resident=shelf.resident,
        rule=SHELVED_RULE,
        rule_key=SHELVED_RULE,
        subject=shelf.rule_key,
        priority=Priority.LOW,
        reason=Reason(
            "An important rule is shelved until {until_at}.", {"until_at": to_ms(shelf.until), STAFF_NOTE: shelf.why}
        ),
        happened_at=now,
    )


def _is_manager(index: CentreIndex, who: str) -> bool:
    carer = index.carers.get(who)
    return who.partition(":")[0] == "cli" or (carer is not None and carer.role in MAY_SHELVE_HIGH)


def _in_force(db: sqlite3.Connection, whose: str, rule_key: str) -> int | None:
    row = db.execute(
        "SELECT id FROM shelves WHERE resident = ? AND rule_key = ? AND ended_at IS NULL", (whose, rule_key)
    ).fetchone()
    return None if row is None else int(row[0])


def _one(db: sqlite3.Connection, number: int) -> Shelf:
    return _shelf(db, db.execute("SELECT * FROM shelves WHERE id = ?", (number,)).fetchone())


def _shelf(db: sqlite3.Connection, row: sqlite3.Row) -> Shelf:
    held, standing = db.execute(
        "SELECT coalesce(sum(times), 0), count(*) FILTER (WHERE cleared_at IS NULL) FROM shelved WHERE shelf = ?",
        (row["id"],),
    ).fetchone()
    return Shelf(
        id=row["id"],
        resident=None if row["resident"] == HOUSE else row["resident"],
        rule_key=row["rule_key"],
        rule=row["rule"],
        priority=Priority(row["priority"]),
        why=row["why"],
        who=row["who"],
        since=from_ms(row["since"]),
        until=from_ms(row["until"]),
        ended_at=None if row["ended_at"] is None else from_ms(row["ended_at"]),
        ended_by=row["ended_by"],
        held=held,
        standing=standing,
    )
