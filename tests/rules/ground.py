"""Stories on real ground: positions are metres east and north of the garden's centre, distances are measured."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from devices.model import Position, Room, Status
from rules.geometry import ZoneShape
from rules.model import Context, Event, Heard, Verdict
from tests.rules.story import CONTEXT, GARDEN, T0, Story

LON, LAT = 14.5, 35.9
A_DEGREE_M = 111_194.9
"""Of a great circle on the mean Earth; the garden is small."""

KITCHEN = ZoneShape.from_geojson("kitchen", "Kitchen", None, rooms=("kitchen", "pantry"))


def lon_lat(east: float, north: float) -> tuple[float, float]:
    """A place so many metres from the garden's centre."""
    return LON + east / (A_DEGREE_M * math.cos(math.radians(LAT))), LAT + north / A_DEGREE_M


def square(zone: str, west: float, south: float, east: float, north: float) -> ZoneShape:
    """A zone between these metres from the garden's centre."""
    corners = [lon_lat(x, y) for x, y in ((west, south), (east, south), (east, north), (west, north), (west, south))]
    return ZoneShape.from_geojson(zone, zone.title(), {"type": "Polygon", "coordinates": [corners]})


POND = square("pond", -10, -10, 10, 10)
ROAD = square("road", 200, -2000, 206, 2000)
ZONES = {"garden": GARDEN, "kitchen": KITCHEN, "pond": POND, "road": ROAD}
AROUND = Context(CONTEXT.timezone, ZONES, CONTEXT.devices, carried={"nora": ("phone-nora",), "sam": ("phone-sam",)})


class Ground(Story):
    """A story whose positions are places; ``garden`` is a circle of 100 m around the centre."""

    def __init__(self, *settings: Mapping[str, Any], begins: datetime = T0, context: Context = AROUND) -> None:
        super().__init__(*map(dict, settings), context=context, begins=begins)

    def at(
        self,
        received: float,
        east: float,
        north: float = 0.0,
        *,
        accuracy: float | None = 5.0,
        age: float = 0.0,
        device: str = "gps",
        frame: int | None = None,
        **fields: Any,
    ) -> str:
        """Fast-forward, and hear that somebody was there ``age`` seconds before."""
        lon, lat = lon_lat(east, north)
        position = Position(device=device, lon=lon, lat=lat, accuracy_m=accuracy, **fields)
        said = self.wait(received)
        return ", ".join(
            filter(None, [said, self._judge(self.event(received, position, "position", age, device, frame))])
        )

    def room(self, received: float, room: str | None, present: bool | None = True) -> str:
        """Hear of a room."""
        said = self.wait(received)
        reading = Room(device="gps", room=room, present=present)
        return ", ".join(filter(None, [said, self._judge(self.event(received, reading, "room", 0, "gps", None))]))

    def status(self, received: float, **fields: Any) -> str:
        """Hear what the tracker says of itself."""
        said = self.wait(received)
        reading = Status(device="gps", **fields)
        return ", ".join(filter(None, [said, self._judge(self.event(received, reading, "status", 0, "gps", None))]))

    def event(self, received: float, reading: Any, kind: str, age: float, device: str, frame: int | None) -> Heard:
        at = self.time(received)
        distances = (
            {zone: self.shape(zone).signed_distance(reading.lon, reading.lat) for zone in self.rules.zone_ids}
            if isinstance(reading, Position)
            else {}
        )
        own = device not in self.rules.others
        return Heard(reading, kind, device, at - timedelta(seconds=age), at, frame, distances, own)

    def shape(self, zone: str) -> ZoneShape:
        """The zone of that id."""
        return ZONES[zone]

    def verdicts(self, kind: type[Any]) -> list[Any]:
        """All verdicts of that kind, in order."""
        return [change.verdict for change in self.changes if isinstance(change.verdict, kind)]


def step(story: Story, event: Event) -> list[Verdict]:
    """Judge one event outside of time; what was said."""
    changes = story.rules.judge(story.states, event)
    for change in changes:
        story.states[change.rule_key] = change.after
    return [change.verdict for change in changes if not hasattr(change.verdict, "where")]
