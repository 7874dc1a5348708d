"""A house with zones, trackers and positions, whose centre is stored."""

from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from devices.model import Position, Reading
from gateway.clock import to_ms
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.places import note_places
from gateway.store.writer import Tx
from tests.gateway.console.house import DOCUMENT, NOW
from tests.gateway.console.living import LivingHouse

LON, LAT = 14.4, 35.89
GARDEN = [[14.3988, 35.8891], [14.4014, 35.8891], [14.4016, 35.8899], [14.4012, 35.8910], [14.3990, 35.8909]]
ZONES: list[dict[str, Any]] = [
    {
        "id": "garden",
        "name": "House and garden",
        "geometry": {"type": "Polygon", "coordinates": [[*GARDEN, GARDEN[0]]]},
    },
    {
        "id": "pond",
        "name": "Pond",
        "geometry": {"type": "Point", "coordinates": [14.4012, 35.8902]},
        "radius_m": 12.0,
    },
    {
        "id": "path",
        "name": "Chapel path",
        "geometry": {"type": "LineString", "coordinates": [[14.4014, 35.8895], [14.4040, 35.8900], [14.4050, 35.8910]]},
        "width_m": 40.0,
    },
]
PLANS = {"r01": "always", "r02": "alarm", "r03": "never"}


def document() -> dict[str, Any]:
    """The house of the tests with zones; r01 is shown always, r02 in an alarm, r03 never."""
    found = deepcopy(DOCUMENT)
    found["zones"] = deepcopy(ZONES)
    found["devices"] = [{"id": f"gps-{one}", "type": "tracker", "format": "native"} for one in PLANS]
    found["assignments"] = [{"device": f"gps-{one}", "resident": one, "from": "2026-01-01T00:00:00Z"} for one in PLANS]
    found["residents"][0]["relatives"] = ["rita"]
    for plan in found["care_plans"]:
        plan["consents"] = {"location": PLANS[plan["resident"]]}
    found["care_plans"][0]["rules"].append({"rule": "zone_exit", "zone": "garden"})
    return found


class PlacesHouse(LivingHouse):
    """Positions can be put into it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._frame = 0

    async def start(self) -> None:
        await super().start()
        await self.apply(document())

    async def stand(
        self,
        resident: str,
        lon: float = LON,
        lat: float = LAT,
        *,
        at: datetime = NOW,
        accuracy_m: float | None = 12.0,
        source: Any = "gnss",
        noted: bool = True,
        came: datetime | None = None,
    ) -> None:
        """The resident's tracker tells a place of that time; ``came``: when it does so."""
        heard = at if came is None else came
        reading: Reading = Position(
            device=f"gps-{resident}", lon=lon, lat=lat, accuracy_m=accuracy_m, source=source, fixed_at=at
        )
        self._frame += 1
        frame = self._frame

        def put(tx: Tx) -> None:
            tx.db.execute(
                "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', ?, ?, ?)",
                (frame, f"telecare/haven/gps-{resident}/position", b"{}", to_ms(heard)),
            )
            tx.db.execute(
                "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
                " VALUES (?, ?, ?, ?, 'position', ?, ?, ?)",
                (
                    frame * READINGS_PER_FRAME, frame, f"gps-{resident}", resident, to_ms(at), to_ms(heard),
                    msgspec.json.encode(reading).decode(),
                ),
            )  # fmt: skip
            if noted:
                note_places(tx)

        await self.writer.write(put)


def before(minutes: float) -> datetime:
    """So many minutes before the house's now."""
    return NOW - timedelta(minutes=minutes)
