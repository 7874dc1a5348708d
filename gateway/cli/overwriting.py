"""What a centre file would change, take out and write over: said before it counts, and only done when it is meant."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from rich.console import Console

from gateway.alerts import queries
from gateway.alerts.table import AlertState
from gateway.centre.diff import EntryChange
from gateway.centre.write import MadeFrom
from gateway.cli.common import ERR, fail, local, printable
from gateway.clock import to_ms
from gateway.problems import shown
from gateway.store import hands, shift_ends, version_lines
from gateway.words import rule_title

MOST: Final = 200
"""Entries that are listed."""

NAMED: Final = 5
"""Versions that are named."""


class Meant(NamedTuple):
    """What whoever applies a file says they know of: that entries are taken out, and which version is written over."""

    removing: bool
    over: int | None


def say(changes: Iterable[EntryChange], out: Console, *, most: int | None = None) -> None:
    """Print what happened to each entry, and to each field of one that changed; ``most``: at most so many entries."""
    listed = list(changes)
    for change in listed[:most]:
        out.print(f"{change.what}: {change.table} {change.key} ({printable(change.name)})", markup=False)
        for one in change.fields:
            before, after = _secret_or_shown(one.field, one.before), _secret_or_shown(one.field, one.after)
            out.print(f"  {one.field}: {before} -> {after}", markup=False)
    if most is not None and len(listed) > most:
        out.print(f"and {len(listed) - most} more", markup=False)


def at_stake(db: sqlite3.Connection, changes: Iterable[EntryChange], now: datetime) -> list[str]:
    """What is lost with whoever is taken out, in sentences: open alerts, alerts in their hands, shifts, passwords."""
    gone: dict[str, set[str]] = {}
    for change in changes:
        if change.what == "removed":
            gone.setdefault(change.table, set()).add(change.key)
    carers, residents = gone.get("carers", set()), gone.get("residents", set())
    found = []
    for number in hands.in_hands(db, carers):
        alert = queries.alert(db, number)
        doing = "is there" if alert.state is AlertState.ATTENDED else "is on the way"
        found.append(f"{alert.taken_by} {doing}: {_alert(db, number)}. The others would be asked again at once.")
    found += [
        f"{one.comes} comes by change {one.id} of the shifts: it would end, and whoever was planned is on duty again."
        for one in shift_ends.standing_in(db, carers, to_ms(now))
    ]
    found += [f"Open: {_alert(db, number)}. It would stay open." for number in hands.open_of(db, residents)]
    if carers:
        found.append(f"Passwords, sessions, passkeys and tokens end for good: {', '.join(sorted(carers))}.")
    return found


def only_as_meant(
    db: sqlite3.Connection,
    changes: list[EntryChange],
    meant: Meant,
    made: MadeFrom | None,
    zone: ZoneInfo,
    now: datetime,
) -> None:
    """End here when a file would take out entries, or write over what was changed by another way, and nobody says so.

    Args:
        db: reads the database.
        changes: what the file changes in the newest version.
        meant: what was said at the command line.
        made: the version that the file was written from, if it says so.
        zone: of the house, for times.
        now: UTC-aware.
    """
    newest = max((one.version for one in version_lines.lines(db, limit=1)), default=0)
    removed = [one for one in changes if one.what == "removed"]
    others = version_lines.not_by_file(db, made) if changes else []
    refused = []
    if meant.over is not None and meant.over != newest:
        refused.append(f"--over {meant.over}: the newest version is {newest}. Look at it, then say --over {newest}.")
    elif others and meant.over is None:
        refused.append(_written_over(others, newest, zone))
    if removed and not meant.removing:
        refused.append(f"It would take out {_numbers(removed)}. If that is meant, say --removing.")
    if not refused:
        return
    say(changes, ERR, most=MOST)
    for sentence in at_stake(db, changes, now):
        ERR.print(sentence, style="yellow", markup=False)
    raise fail("Nothing was changed. " + "\n".join(refused))


def warn_of_loss(db: sqlite3.Connection, changes: Iterable[EntryChange], now: datetime) -> None:
    """Print what is lost with whoever is taken out."""
    for sentence in at_stake(db, changes, now):
        ERR.print(f"Warning: {sentence}", style="yellow", markup=False)


def _written_over(others: list[version_lines.VersionLine], newest: int, zone: ZoneInfo) -> str:
    named = [
        f"{one.version} by {printable(one.applied_by or 'the gateway')} at {local(one.applied_at, zone)}"
        for one in others[:NAMED]
    ]
    more = f", and {len(others) - NAMED} more" if len(others) > NAMED else ""
    which = "version" if len(others) == 1 else "versions"
    return (
        f"This file knows nothing of {which} {', '.join(named)}{more}: they were made in the console, by the API or by "
        "another command, and what they say would be written over. Write down what is in force with `telecare centre "
        f"export FILE`, change that file and apply it. If this file is to replace it all the same, say --over {newest}."
    )


def _numbers(removed: list[EntryChange]) -> str:
    numbers: dict[str, int] = {}
    for one in removed:
        numbers[one.table] = numbers.get(one.table, 0) + 1
    return ", ".join(f"{table} ({number})" for table, number in numbers.items())


def _alert(db: sqlite3.Connection, number: int) -> str:
    alert = queries.alert(db, number)
    about = alert.resident or alert.device or "the house"
    return f"alert {number} ({rule_title(alert.rule, 'en')}, {about})"


def _secret_or_shown(field: str, value: object) -> str:
    if value is None:
        return "-"
    # Addresses of contacts may be keys: a terminal keeps what it shows.
    return "(contacts)" if field == "contacts" else shown(value)
