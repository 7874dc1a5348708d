"""``telecare status``: how far each resident is protected, and the probe, whether the daemon runs or not."""

from contextlib import closing
from datetime import datetime

import msgspec
from rich.table import Table

from gateway.centre.index import CentreIndex
from gateway.centre.model import Device
from gateway.centre.probes import patience
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    local,
    print_json,
    printable,
    settings_and_database,
)
from gateway.errors import StoreError
from gateway.store import centres, gone
from gateway.store.database import reader
from gateway.store.probes import Heard, last
from gateway.store.protection import Kept, stored
from gateway.words import say
from rules.protection import Level

_WORST_FIRST = (Level.UNPROTECTED, Level.DEGRADED, Level.PROTECTED)
_MARKS = {Level.UNPROTECTED: "!!", Level.DEGRADED: "!", Level.PROTECTED: ""}


class Line(msgspec.Struct, kw_only=True):
    """One resident. ``level`` is None for somebody whom the daemon has not looked at yet; ``since`` is UTC."""

    resident: str
    room: str
    level: Level | None
    since: datetime | None
    missing: list[str]


def status(*, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show how far each resident is protected, the least first, and what is missing; and when the probe was heard."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
        if found is None:
            raise StoreError("No care centre was applied yet: run `telecare centre apply FILE`.")
        index, kept = CentreIndex(found.centre, gone=gone.people(db)), stored(db)
        heard = [(probe, last(db, probe.address)) for probe in index.probes]
    lines = [_line(index, resident, kept.get(resident)) for resident in index.residents]
    lines.sort(key=lambda line: -1 if line.level is None else _WORST_FIRST.index(line.level))
    if json:
        for line in lines:
            print_json(line)
        return
    table = Table("", "room", "resident", "protection", "since", "missing", box=None)
    for line in lines:
        table.add_row(
            "?" if line.level is None else _MARKS[line.level],
            line.room,
            line.resident,
            "not known yet" if line.level is None else line.level.value,
            "" if line.since is None else local(line.since, index.timezone),
            printable(" ".join(line.missing)),
        )
    OUT.print(table)
    for left in sorted(index.gone.residents):
        text = f"! {index.public_name(left)} ({left}): not in the centre any more, and an alert is still open."
        OUT.print(printable(text), markup=False)
    for probe, one in heard:
        OUT.print(_probe(probe, one, index))
    if not heard:
        OUT.print("No probe is set up: docs/probe.md tells what it is good for, and how.")


def _probe(probe: Device, heard: Heard | None, index: CentreIndex) -> str:
    """One line about a probe, with a word in front when something is wrong."""
    if heard is None:
        return f"! Probe {probe.id}: not heard yet. Is telecare probe running?"
    if CLOCK.now() - heard.at > patience(probe):
        return f"! Probe {probe.id}: not heard since {local(heard.at, index.timezone)}."
    trip = "" if heard.round_trip_ms is None else f"; its last round trip took {heard.round_trip_ms:.0f} ms"
    return f"Probe {probe.id}: heard at {local(heard.at, index.timezone)}{trip}."


def _line(index: CentreIndex, resident: str, kept: Kept | None) -> Line:
    now = CLOCK.now()
    return Line(
        resident=resident,
        room=index.public_name(resident),
        level=None if kept is None else kept.level,
        since=None if kept is None else kept.since,
        missing=[] if kept is None else [say(reason, "en", index.timezone, now) for reason in kept.missing],
    )
