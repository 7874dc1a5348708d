"""How long it takes to try a changed care plan over a month: ``python -m bench.trial [--residents 200] [--days 30]``.

Makes a store as the gateway would have written it (a tracker every five minutes, a bed sensor, a status every hour, a
press now and then), then tries a centre in which every resident's plan is changed, which is the slowest case, and one
in which a single resident's is.
"""

import argparse
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from devices.model import Bed, Help, Position, Reading, Status, kind_of
from gateway.app.trial import WARM_UP, Trial, trial
from gateway.centre.load import centre_from_document
from gateway.centre.model import Centre
from gateway.clock import monotonic, to_ms
from gateway.store.database import FILE, connect, prepare
from gateway.store.migrations import READINGS_PER_FRAME

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
_BATCH = 20_000
_SEED = 4


def centre(residents: int, *, minutes: float, changed: int) -> Centre:
    """A house of so many residents; the first ``changed`` of them are told of after so many minutes out of bed."""
    names = [f"r{number:03}" for number in range(residents)]
    ends = [("tracker", "gps"), ("bed_sensor", "bed")]
    document: dict[str, Any] = {
        "centre": {"id": "haven", "name": "Haven", "timezone": "Europe/Malta"},
        "residents": [{"id": name, "name": f"Resident {name}", "room": name[1:]} for name in names],
        "devices": [
            {"id": f"{word}-{name}", "type": kind, "format": "native"} for name in names for kind, word in ends
        ],
        "assignments": [
            {"device": f"{word}-{name}", "resident": name, "from": "2025-01-01T00:00:00Z"}
            for name in names
            for _, word in ends
        ],
        "carers": [{"id": "sam", "name": "Sam", "contacts": [{"channel": "log"}]}],
        "policies": [{"id": "standard", "steps": [{"to": ["sam"], "wait_s": 120}], "failsafe": ["sam"]}],
        "zones": [
            {"id": zone, "name": zone, "geometry": {"type": "Point", "coordinates": [14.5, 35.9]}, "radius_m": radius}
            for zone, radius in (("garden", 150), ("village", 900))
        ],
        "care_plans": [
            {
                "resident": name,
                "policy": "standard",
                "consents": {"location": "alarm", "sleep": True},
                "rules": [
                    {"rule": "help"},
                    {"rule": "fall"},
                    {"rule": "zone_exit", "zone": "garden"},
                    {"rule": "zone_exit", "zone": "village"},
                    {"rule": "bed_exit", "minutes": minutes if number < changed else 20},
                    {"rule": "not_up_by"},
                    {"rule": "silent"},
                    {"rule": "low_battery"},
                ],
            }
            for number, name in enumerate(names)
        ],
    }
    return centre_from_document(document, file="bench")


def day(resident: str, start: datetime, dice: random.Random) -> Iterator[tuple[datetime, str, Reading]]:
    """A resident's readings of one day: time, device and reading."""
    gps, bed = f"gps-{resident}", f"bed-{resident}"
    walk = dice.random() < 0.05
    for minute in range(dice.randrange(5), 1440, 5):
        at = start + timedelta(minutes=minute, seconds=dice.random() * 60)
        away = 0.004 if walk and 600 < minute < 660 else dice.gauss(0, 0.0003)
        lat = 35.9 + dice.gauss(0, 0.0003)
        position = Position(device=gps, observed_at=at, lon=14.5 + away, lat=lat, accuracy_m=12.0, source="gnss")
        yield at, gps, position
        if minute % 60 < 5:
            yield at, gps, Status(device=gps, observed_at=at, battery_percent=100 - minute / 30)
    outings = sorted(dice.uniform(0, 1440) for _ in range(dice.randrange(3, 9)))
    for minutes in outings:
        at = start + timedelta(minutes=minutes)
        yield at, bed, Bed(device=bed, observed_at=at, in_bed=False)
        # not into the next day, which is written after this one
        back = min(at + timedelta(minutes=dice.expovariate(1 / 12)), start + timedelta(minutes=1440, seconds=-1))
        yield back, bed, Bed(device=bed, observed_at=back, in_bed=True)
    if dice.random() < 0.05:
        at = start + timedelta(minutes=dice.uniform(0, 1440))
        yield at, gps, Help(device=gps, observed_at=at, phase="pressed")


def fill(db: sqlite3.Connection, residents: int, days: int, since: datetime = SINCE - WARM_UP) -> int:
    """Write the journal and the readings of some days; how many."""
    dice, encode, number = random.Random(_SEED), msgspec.json.Encoder().encode, 0
    for gone in range(days):
        start = since + timedelta(days=gone)
        told = [
            (at, f"r{person:03}", device, reading)
            for person in range(residents)
            for at, device, reading in day(f"r{person:03}", start, dice)
        ]
        told.sort(key=lambda one: one[0])
        db.execute("BEGIN")
        journal, readings = [], []
        for at, resident, device, reading in told:
            number += 1
            ms, fields = to_ms(at), encode(reading)
            topic = f"telecare/haven/{device}/{kind_of(reading)}"
            journal.append((number, "native", topic, fields, ms))
            readings.append(
                (number * READINGS_PER_FRAME, number, device, resident, kind_of(reading), ms, ms, fields.decode())
            )
        db.executemany("INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, ?, ?, ?, ?)", journal)
        db.executemany(
            "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            readings,
        )
        db.execute("COMMIT")
    return number


def show(word: str, found: Trial, seconds: float) -> None:
    """One line of what came out and how long it took."""
    total = found.comparison.total
    print(
        f"{word}: {seconds:.1f} s for {found.readings:,} readings ({seconds / found.readings * 1e6:.1f} µs each); "
        f"before {total.before}, after {total.after}, kept {total.kept}, gone {total.gone}, new {total.new}"
    )


def main() -> None:
    """Fill a scratch store, try, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=200)
    parser.add_argument("--days", type=int, default=30)
    wanted = parser.parse_args()
    until = SINCE + timedelta(days=wanted.days)
    present = centre(wanted.residents, minutes=20, changed=wanted.residents)
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as folder:
        path = Path(folder) / FILE
        prepare(path)
        with closing(connect(path, synchronous="OFF")) as db:
            print(f"{fill(db, wanted.residents, wanted.days + WARM_UP.days):,} readings stored")
        for changed in (wanted.residents, 1):
            begun = monotonic()
            after = centre(wanted.residents, minutes=30, changed=changed)
            found = trial(path, present, after, since=SINCE, until=until)
            show(f"{changed} of {wanted.residents} plans changed", found, monotonic() - begun)


if __name__ == "__main__":
    main()
