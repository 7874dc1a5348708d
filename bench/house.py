"""A large house in a database: residents, carers, readings of a month, alerts. For measuring the console's pages.

``python -m bench.house FOLDER`` makes one and keeps it (some minutes for a million readings). Other programs use
:func:`make`. The same numbers give the same house.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from devices.model import Reading, kind_of
from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import ManualClock, to_ms
from gateway.store import centres
from gateway.store.database import FILE, connect, prepare
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.places import note_places
from gateway.store.writer import Tx
from rules.model import Priority, Reason

NOW = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
"""The house's "now": give the console a ManualClock of it."""

DAYS = 30
BUSY = "r00001"
"""Has every sensor, and half of the readings of the last two weeks that a bed sensor of the talkative kind gives."""

CARERS = ("nora", "sam", "ada", "rita")
"""A carer, a manager, an admin, and the relative of BUSY."""

RULES: list[dict[str, Any]] = [
    {"rule": "help"}, {"rule": "fall"}, {"rule": "silent"}, {"rule": "low_battery"}, {"rule": "continence"},
    {"rule": "heart_rate"}, {"rule": "breathing"},
    {"rule": "bed_exit"},
]  # fmt: skip


def document(residents: int) -> dict[str, Any]:
    """The centre: five wards, a tracker, a bed sensor and a continence sensor for everybody."""
    names = [f"r{number:05}" for number in range(residents)]
    first = ["Carmen", "Joseph", "Ġorġa", "Søren", "Wilhelmina", "Pawlu", "Inġrid", "Aage"]
    last = ["Vella", "Borg", "Featherstonehaugh-Camilleri", "Rasmussen", "Żammit", "Pace", "Grech", "Østergaard"]
    kinds = {"gps": "tracker", "bed": "bed_sensor", "dry": "continence_sensor"}
    agreed = {"location": "always", "sleep": True, "continence": True, "activity": True}
    return {
        "centre": {"id": "bench", "name": "Bench House", "timezone": "Europe/Malta"},
        "residents": [
            {
                "id": name, "name": f"{first[n % 8]} {last[n // 8 % 8]} {n}", "room": f"{n // 2000 + 1}-{n % 2000:04}",
                "ward": f"ward-{n // max(1, residents // 5)}", "note": "Uses a walker.",
                **({"relatives": ["rita"], "visit": "https://visit.example.org/1"} if name == BUSY else {}),
            }
            for n, name in enumerate(names)
        ],
        "devices": [
            {"id": f"{short}-{name}", "type": kind, "format": "native"}
            for name in names for short, kind in kinds.items()
        ],
        "assignments": [
            {"device": f"{short}-{name}", "resident": name, "from": "2026-01-01T00:00:00Z"}
            for name in names for short in kinds
        ],
        "carers": [
            {"id": who, "name": who.title(), "role": role, "contacts": [{"channel": "log"}]}
            for who, role in zip(CARERS, ("carer", "manager", "admin", "relative"), strict=True)
        ],
        "policies": [{"id": "standard", "steps": [{"to": ["nora"], "wait_s": 120}], "failsafe": ["sam"]}],
        "care_plans": [
            {"resident": name, "policy": "standard", "consents": {**agreed, "relatives": ["sleep"]}, "rules": RULES}
            for name in names
        ],
    }  # fmt: skip


def make(folder: Path, *, residents: int = 10_000, readings: int = 1_000_000, alerts: int = 2_000) -> CentreIndex:
    """Make the database ``gateway.db`` in a folder, with the centre in force; returns its index.

    Args:
        folder: where; made when it is not there.
        residents: how many; two at least.
        readings: how many, over DAYS days until NOW, in the order of time.
        alerts: raised over the same time; every tenth stays open.
    """
    path = folder / FILE
    prepare(path)
    db = connect(path, synchronous="OFF")
    centre = centre_from_document(document(residents))
    index = CentreIndex(centre)
    clock = ManualClock(NOW - timedelta(days=DAYS))
    with db:
        db.execute("BEGIN")
        centres.apply(Tx(db, clock.now()), centre, who="cli:bench")
    rows = enumerate(_readings(residents, readings), start=1)
    while piece := list(islice(rows, 20_000)):
        with db:
            db.execute("BEGIN")
            db.executemany(
                "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', ?, ?, ?)",
                [
                    (frame, f"telecare/bench/{reading.device}/{kind_of(reading)}", b'{"v":1}', to_ms(at))
                    for frame, (at, _, reading) in piece
                ],
            )
            db.executemany(
                "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        frame * READINGS_PER_FRAME, frame, reading.device, resident, kind_of(reading), to_ms(at),
                        to_ms(at) + 400, msgspec.json.encode(reading).decode(),
                    )
                    for frame, (at, resident, reading) in piece
                ],
            )  # fmt: skip
    _alerts(db, index, residents, alerts)
    more = True
    while more:
        with db:
            db.execute("BEGIN")
            more = note_places(Tx(db, NOW), 20_000) > 0
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return index


def _readings(residents: int, count: int) -> Iterator[tuple[datetime, str, Reading]]:
    """Readings in the order of time: of everybody by turns, and each minute of a night of BUSY."""
    chance = random.Random(1)
    start = NOW - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / count
    in_bed: dict[str, bool] = {}
    last_minute = -1
    for number in range(count):
        at = start + number * step
        local_hour = (at.hour + 1) % 24
        minute = number * DAYS * 1440 // count
        if minute != last_minute and (local_hour >= 21 or local_hour < 7):
            last_minute = minute
            yield at, BUSY, _of(BUSY, "vitals", chance, in_bed, at)
        else:
            name = BUSY if number % 97 == 0 else f"r{chance.randrange(residents):05}"
            kind = chance.choices(
                ("position", "bed", "sleep", "vitals", "continence", "room", "motion", "status", "help"),
                (30, 12, 6, 12, 10, 10, 10, 9.9, 0.1),
            )[0]
            yield at, name, _of(name, kind, chance, in_bed, at)


def _of(name: str, kind: str, chance: random.Random, in_bed: dict[str, bool], at: datetime) -> Reading:
    sensor = {"bed": "bed", "sleep": "bed", "vitals": "bed", "continence": "dry"}.get(kind, "gps")
    fields: dict[str, Any] = {"kind": kind, "device": f"{sensor}-{name}", "observed_at": at}
    match kind:
        case "position":
            lon, lat = 14.5 + chance.random() / 50, 35.9 + chance.random() / 50
            fields |= {"lon": round(lon, 6), "lat": round(lat, 6), "accuracy_m": 12.0, "source": "gnss"}
        case "bed":
            night = at.hour >= 20 or at.hour < 6
            in_bed[name] = night if not in_bed.get(name) else chance.random() < 0.1
            fields |= {"in_bed": in_bed[name]}
        case "sleep":
            fields |= {"asleep": chance.random() < 0.7, "movement_percent": round(chance.random() * 30, 1)}
        case "vitals":
            heart, breath = round(chance.gauss(62, 4)), round(chance.gauss(15, 1.2), 1)
            fields |= {"heart_rate_bpm": heart, "respiratory_rate_bpm": breath, "quality_percent": 90}
        case "continence":
            state = chance.choices(("dry", "some", "change_due"), (6, 3, 1))[0]
            fields |= {"state": state, "saturation_percent": chance.randrange(90)}
        case "room":
            fields |= {"room": chance.choice(("Bedroom", "Bathroom", "Kitchen", "Hall")), "present": True}
        case "motion":
            fields |= {"moving": chance.random() < 0.6, "steps": chance.randrange(80)}
        case "help":
            fields |= {"phase": "pressed"}
        case "status":
            fields |= {"battery_percent": chance.randrange(15, 100)}
    reading: Reading = msgspec.convert(fields, Reading)
    return reading


def _alerts(db: Any, index: CentreIndex, residents: int, count: int) -> None:
    chance = random.Random(2)
    with db:
        db.execute("BEGIN")
        for number in range(count):
            at = NOW - timedelta(days=DAYS) * (1 - number / count)
            tx = Tx(db, at)
            incident = Incident(
                rule="help", rule_key="help", priority=chance.choice(list(Priority)),
                reason=Reason("The help button was pressed."), happened_at=at, subject=str(number),
                resident=BUSY if number % 50 == 0 else f"r{chance.randrange(residents):05}",
            )  # fmt: skip
            told = desk.raise_incident(tx, index, incident)
            if number % 10:
                db.execute(
                    "UPDATE alerts SET state = 'closed', outcome = 'real', closed_by = 'nora', closed_at = ?,"
                    " escalate_at = NULL WHERE id = ?",
                    (to_ms(at + timedelta(minutes=9)), told.alert),
                )


def main() -> None:
    """Make one and say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.house", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--residents", type=int, default=10_000)
    parser.add_argument("--readings", type=int, default=1_000_000)
    args = parser.parse_args()
    begun = time.monotonic()
    make(args.folder, residents=args.residents, readings=args.readings)
    print(f"{args.folder / FILE}: {time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
