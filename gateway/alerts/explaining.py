"""The whole chain behind an alert, as data: what queries.explain has, and the condition that the rule looked at, what
devices were told, what went under it, and whether the rule was shelved.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.alerts.queries import Explanation
from gateway.centre.index import HOUSE
from gateway.clock import from_ms, to_ms
from gateway.store import centres, version_lines

FOLLOWS: Final = timedelta(minutes=10)
"""So long after an alert was raised may a rule tell a device something because of it: rules answer at once, or with the
next reading."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule looked at: its settings in the centre that was in force when the alert was raised.

    ``settings`` are as the centre file would write them, with every default that was filled in then; None where that
    version has no such rule (the gateway itself raised the alert, or the house's own matter).
    """

    rule: str
    rule_key: str
    settings: dict[str, Any] | None
    centre_version: int | None


class CommandSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule told a device: which rule, why, and what became of it."""

    device: str
    command: str
    who: str
    why: str
    state: str
    created_at: datetime
    sent_at: datetime | None


class ShelfSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the rule was shelved, as far as it touches the alert."""

    id: int
    who: str
    why: str
    since: datetime
    until: datetime
    ended_at: datetime | None


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Message, reading, state before, condition, state after, alert, who was told, what devices were told."""

    explanation: Explanation
    condition: Condition
    commands: tuple[CommandSeen, ...]
    shelves: tuple[ShelfSeen, ...]
    below: tuple[int, ...]
    """Numbers of the alerts of the same event that wait under this one."""


def chain(db: sqlite3.Connection, number: int) -> Chain:
    """Everything that is known of an alert.

    Raises:
        UnknownAlertError: there is none of that number.
    """
    found = queries.explain(db, number)
    alert = found.alert
    below = db.execute("SELECT id FROM alerts WHERE under = ? ORDER BY id", (number,))
    return Chain(
        explanation=found,
        condition=condition_of(db, alert),
        commands=tuple(_commands(db, alert)),
        shelves=tuple(_shelves(db, alert)),
        below=tuple(row[0] for row in below),
    )


def condition_of(db: sqlite3.Connection, alert: Alert) -> Condition:
    """The rule's settings in the centre that was in force when the alert was raised."""
    version = version_lines.number_at(db, alert.raised_at)
    if not version:
        return Condition(rule=alert.rule, rule_key=alert.rule_key, settings=None, centre_version=None)
    table, key = ("house_plans", "house") if alert.resident is None else ("care_plans", alert.resident)
    rules = (centres.entry_of(db, version, table, key) or {}).get("rules", ())
    settings = _settings(rules, alert)
    return Condition(rule=alert.rule, rule_key=alert.rule_key, settings=settings, centre_version=version)


def _settings(rules: Iterable[Mapping[str, Any]], alert: Alert) -> dict[str, Any] | None:
    """The settings from which a rule of that key was built: keys are the word, and what tells its rules apart."""
    named = [dict(rule) for rule in rules if rule.get("rule") == alert.rule]
    if len(named) < 2:
        return named[0] if named else None
    parts = set(alert.rule_key.split(":")[1:])
    return next((rule for rule in named if parts & {rule.get("id"), rule.get("zone"), rule.get("device")}), None)


def _commands(db: sqlite3.Connection, alert: Alert) -> Iterable[CommandSeen]:
    """What rules told devices of that resident from when it happened until soon after the alert."""
    begin = min(alert.happened_at, alert.raised_at)
    last = max(alert.raised_at, alert.last_repeat_at or alert.raised_at)
    rows = db.execute(
        "SELECT * FROM commands WHERE created_at >= ? AND created_at <= ? AND who GLOB 'rule:*'"
        " AND (resident IS ? OR resident IS NULL) ORDER BY seq",
        (to_ms(begin), to_ms(last + FOLLOWS), alert.resident),
    )
    for row in rows:
        yield CommandSeen(
            device=row["device"],
            command=row["command"],
            who=row["who"],
            why=row["why"],
            state=row["state"],
            created_at=from_ms(row["created_at"]),
            sent_at=None if row["sent_at"] is None else from_ms(row["sent_at"]),
        )


def _shelves(db: sqlite3.Connection, alert: Alert) -> Iterable[ShelfSeen]:
    end = to_ms(alert.closed_at) if alert.closed_at is not None else 2**62
    rows = db.execute(
        "SELECT * FROM shelves WHERE resident = ? AND rule_key = ? AND since <= ? AND coalesce(ended_at, until) >= ?"
        " ORDER BY id",
        (alert.resident or HOUSE, alert.rule_key, end, to_ms(min(alert.happened_at, alert.raised_at))),
    )
    for row in rows:
        yield ShelfSeen(
            id=row["id"],
            who=row["who"],
            why=row["why"],
            since=from_ms(row["since"]),
            until=from_ms(row["until"]),
            ended_at=None if row["ended_at"] is None else from_ms(row["ended_at"]),
        )
