"""Lives for a resident's page: a document with devices, wards, relatives and consents, and readings in the store."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from devices.model import Bed, Continence, Motion, Position, Reading, Room, Status, Vitals, kind_of
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import to_ms
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.places import note_places
from gateway.store.writer import Tx
from tests.gateway.console.house import DOCUMENT, House

AFTERNOON = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
"""15:00 at the house: the night is over."""


def document() -> dict[str, Any]:
    """r01 agreed to everything, and to show sleep to rita; r02 to nothing; r03 lives in the other ward."""
    found = deepcopy(DOCUMENT)
    carmen, joseph, wilhelmina = found["residents"]
    carmen |= {"ward": "north", "relatives": ["rita"], "visit": "https://visit.example.org/carmen?a=1&b=2"}
    joseph["ward"] = "north"
    wilhelmina["ward"] = "south"
    found["carers"][2] |= {"wards": ["south"]}
    found["devices"] = [
        {"id": "gps-r01", "type": "tracker", "format": "native", "model": "acme/pendant"},
        {"id": "bed-r01", "type": "bed_sensor", "format": "native"},
        {"id": "old-r01", "type": "sos_button", "format": "native"},
        {"id": "bed-r02", "type": "bed_sensor", "format": "native"},
    ]
    found["assignments"] = [
        {"device": "gps-r01", "resident": "r01", "from": "2026-01-05T00:00:00Z"},
        {"device": "bed-r01", "resident": "r01", "from": "2026-01-05T00:00:00Z"},
        {"device": "old-r01", "resident": "r01", "from": "2025-10-01T00:00:00Z", "to": "2026-01-05T00:00:00Z"},
        {"device": "bed-r02", "resident": "r02", "from": "2026-01-05T00:00:00Z"},
    ]
    agreed = {"location": "always", "sleep": True, "continence": True, "activity": True, "relatives": ["sleep"]}
    found["care_plans"][0] |= {
        "consents": agreed,
        "rules": [{"rule": "help"}, {"rule": "bed_exit", "minutes": 25}, {"rule": "low_battery"}, {"rule": "silent"}],
    }
    return found


def index_of(found: dict[str, Any]) -> CentreIndex:
    """A document as the index of a centre."""
    return CentreIndex(centre_from_document(found))


def move_in(house: House) -> None:
    """That document is in force, and it is afternoon."""
    house.index = index_of(document())
    house.clock.move_to(AFTERNOON)


def at(text: str) -> datetime:
    """A time of the house's clock, as ``2026-02-28 22:30``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=1)


async def hear(house: House, resident: str, readings: Iterable[Reading], *, noted: bool = False) -> None:
    """Store readings as they came: each in a frame of its own, in the order of their times."""

    def work(tx: Tx) -> None:
        first = tx.db.execute("SELECT coalesce(max(seq), 0) + 1 FROM journal").fetchone()[0]
        for frame, reading in enumerate(readings, start=first):
            assert reading.observed_at is not None
            ms = to_ms(reading.observed_at)
            tx.db.execute(
                "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', 't', x'7b7d', ?)",
                (frame, ms),
            )
            tx.db.execute(
                "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    frame * READINGS_PER_FRAME, frame, reading.device, resident, kind_of(reading), ms, ms,
                    msgspec.json.encode(reading).decode(),
                ),
            )  # fmt: skip
        if noted:
            note_places(tx, 1_000_000)

    await house.writer.write(work)


def a_day() -> list[Reading]:
    """A night with one exit and an afternoon: bed, heart, a product that is changed, rooms, a tracker."""
    bed, gps = "bed-r01", "gps-r01"
    found: list[Reading] = [
        Bed(device=bed, observed_at=at("2026-02-28 22:30"), in_bed=True),
        Bed(device=bed, observed_at=at("2026-03-01 02:10"), in_bed=False),
        Bed(device=bed, observed_at=at("2026-03-01 02:22"), in_bed=True),
        Bed(device=bed, observed_at=at("2026-03-01 06:45"), in_bed=False),
        Continence(device="dry-r01", observed_at=at("2026-02-28 21:00"), state="dry"),
        Continence(device="dry-r01", observed_at=at("2026-03-01 04:00"), state="change_due"),
        Continence(device="dry-r01", observed_at=at("2026-03-01 07:00"), state="dry"),
        Room(device=gps, observed_at=at("2026-03-01 08:05"), room="Kitchen", present=True),
        Room(device=gps, observed_at=at("2026-03-01 09:05"), room="Garden room", present=True),
        Motion(device=gps, observed_at=at("2026-03-01 08:10"), moving=True, steps=40),
        Position(device=gps, observed_at=at("2026-03-01 14:40"), lon=14.51, lat=35.9, accuracy_m=12.0),
        Status(device=gps, observed_at=at("2026-03-01 14:41"), battery_percent=15.0),
    ]
    night = at("2026-02-28 22:40")
    for minute in range(0, 480, 5):
        if not 200 <= minute < 260:  # an hour in which nothing is heard
            when = night + timedelta(minutes=minute)
            heart = 58 + minute % 8
            found.append(Vitals(device=bed, observed_at=when, heart_rate_bpm=heart, respiratory_rate_bpm=14.5))
    return sorted(found, key=lambda one: one.observed_at or AFTERNOON)
