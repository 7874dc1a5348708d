"""The own message contract as types: what stands in the JSON of each kind, with units and ranges.

The JSON Schemas in docs/schema are generated from these (devices.schema), and the decoder (devices.native) reads
with them, so the two can't disagree. Names are those of the readings in devices.model. A field that is not known
here is passed over: a device may send more than we read.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from devices.model import Posture
from devices.refusals import MAX_INTEGER
from devices.values import MAX_EPOCH_MS

Rfc3339: TypeAlias = Annotated[datetime, Meta(tz=True)]
EpochMs: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_EPOCH_MS)]
Time: TypeAlias = Rfc3339 | EpochMs

Id: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1, max_length=128, description="Unique per event of this device; a repeat of an event keeps its id."
    ),
]
Percent: TypeAlias = Annotated[float, Meta(ge=0, le=100)]
Lon: TypeAlias = Annotated[float, Meta(ge=-180, le=180, description="Degrees east, WGS 84.")]
Lat: TypeAlias = Annotated[float, Meta(ge=-90, le=90, description="Degrees north, WGS 84.")]
# Half of Earth's circumference: no radius can say more.
Accuracy: TypeAlias = Annotated[float, Meta(ge=0, le=20_040_000, description="Radius in metres; 0 means not known.")]
# From the Dead Sea's and mines' depths to the edge of space.
Altitude: TypeAlias = Annotated[float, Meta(ge=-12_000, le=100_000, description="Metres above sea level.")]
# Twice the 515 m/s at which civil receivers must stop working.
Speed: TypeAlias = Annotated[float, Meta(ge=0, le=1_000, description="Metres a second.")]
Course: TypeAlias = Annotated[float, Meta(ge=0, le=360, description="Degrees clockwise from north.")]
# Wide enough for every living body and for a room on fire; a broken sensor lies outside.
Temperature: TypeAlias = Annotated[float, Meta(ge=-60, le=120, description="Degrees Celsius.")]
Source: TypeAlias = Literal["gnss", "wifi", "cell", "beacon", "gateway"]


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What every message has: the contract's version, the event's id and, if the device knows it, the time."""

    v: Literal[1]
    id: Id
    t: Time | None = None


class PositionMessage(Message, frozen=True, gc=False, kw_only=True):
    """A fix."""

    lon: Lon
    lat: Lat
    accuracy_m: Accuracy | None = None
    altitude_m: Altitude | None = None
    speed_mps: Speed | None = None
    course_deg: Course | None = None
    fixed_at: Time | None = None
    source: Source | None = None


class AlarmMessage(Message, frozen=True, gc=False, kw_only=True):
    """What an alarm may carry besides: where it happened."""

    lon: Lon | None = None
    lat: Lat | None = None
    accuracy_m: Accuracy | None = None
    altitude_m: Altitude | None = None
    speed_mps: Speed | None = None
    course_deg: Course | None = None
    fixed_at: Time | None = None
    source: Source | None = None


class HelpMessage(AlarmMessage, frozen=True, gc=False, kw_only=True):
    """The wearer asks for help, or takes it back."""

    phase: Literal["pressed", "cancelled"]


class FallMessage(AlarmMessage, frozen=True, gc=False, kw_only=True):
    """A step in the life cycle of a fall."""

    phase: Literal["suspected", "detected", "confirmed", "cancelled", "ended"]
    # Accelerometers that people wear end at 16 to 400 g.
    impact_g: Annotated[float, Meta(ge=0, le=1_000, description="Greatest acceleration, in g.")] | None = None


class BedMessage(Message, frozen=True, gc=False, kw_only=True):
    """In or out of bed."""

    in_bed: bool


class SleepMessage(Message, frozen=True, gc=False, kw_only=True):
    """Sleep now, or (with start and end) a night's summary."""

    asleep: bool | None = None
    stage: Literal["awake", "light", "deep", "rem"] | None = None
    movement_percent: Percent | None = None
    score: Percent | None = None
    start: Time | None = None
    end: Time | None = None


class VitalsMessage(Message, frozen=True, gc=False, kw_only=True):
    """Heart, breathing, oxygen, temperature; quality is the sensor's trust in them."""

    # Twice what a heart or chest can do; a number beyond is a broken sensor.
    heart_rate_bpm: Annotated[float, Meta(ge=0, le=500)] | None = None
    respiratory_rate_bpm: Annotated[float, Meta(ge=0, le=200)] | None = None
    spo2_percent: Percent | None = None
    temperature_c: Temperature | None = None
    quality_percent: Percent | None = None


class ContinenceMessage(Message, frozen=True, gc=False, kw_only=True):
    """State of a continence product; zones from front to back."""

    state: Literal["dry", "some", "change_due", "leak", "error", "off"] | None = None
    saturation_percent: Percent | None = None
    # The finest product known has 10 zones.
    zones_percent: Annotated[tuple[Percent, ...], Meta(max_length=64)] | None = None
    temperature_c: Temperature | None = None


class RoomMessage(Message, frozen=True, gc=False, kw_only=True):
    """Presence in a room or a named region."""

    room: Annotated[str, Meta(max_length=128)] | None = None
    present: bool | None = None


class MotionMessage(Message, frozen=True, gc=False, kw_only=True):
    """Movement of the wearer, or in a room."""

    moving: bool | None = None
    steps: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None = None
    posture: Posture | None = None


class StatusMessage(Message, frozen=True, gc=False, kw_only=True):
    """What the device says of itself."""

    battery_percent: Percent | None = None
    low_battery: bool | None = None
    online: bool | None = None
    tamper: bool | None = None
    removed: bool | None = None
    charging: bool | None = None
    firmware: Annotated[str, Meta(max_length=128)] | None = None


MESSAGE_TYPES: dict[str, type[Message]] = {
    "position": PositionMessage,
    "help": HelpMessage,
    "fall": FallMessage,
    "bed": BedMessage,
    "sleep": SleepMessage,
    "vitals": VitalsMessage,
    "continence": ContinenceMessage,
    "room": RoomMessage,
    "motion": MotionMessage,
    "status": StatusMessage,
}
"""Kind, as in the topic, to the type of its JSON."""
