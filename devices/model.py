"""Frame and Reading: what comes in, and what a decoder makes of it.

Units are SI, positions are degrees WGS 84 (lon, lat), percent is 0-100, times are UTC-aware datetimes.
What a device did not say is None, never 0.
"""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

Posture: TypeAlias = Literal["lying", "sitting", "standing", "walking", "upright"]
"""``upright`` where a sensor on the trunk can't tell sitting from standing."""


class Frame(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One raw message as it came: nothing is interpreted yet.

    ``received_at`` is when the gateway had it (UTC-aware). ``dup`` is the broker's mark of a redelivery,
    ``retained`` its mark of an old kept message, ``resumed`` says that the frame came among the first after a
    reconnect, when a broker may redeliver without marking.
    """

    topic: str
    payload: bytes
    received_at: datetime
    dup: bool = False
    retained: bool = False
    resumed: bool = False


class _Reading(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind"):
    device: str
    """The device's address as its format names it, e.g. Traccar's uniqueId or the native topic's {device}."""
    observed_at: datetime | None = None
    """When the device says that it happened; None when it gives no time."""
    event_id: str | None = None
    """The sender's id of this event, by which duplicates are known; None where the format has none."""


class Position(_Reading, frozen=True, gc=False, kw_only=True, tag="position"):
    """A fix. ``accuracy_m`` is a radius; ``fixed_at`` is when it was taken (may be older than observed_at)."""

    lon: float
    lat: float
    accuracy_m: float | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    fixed_at: datetime | None = None
    source: Literal["gnss", "wifi", "cell", "beacon", "gateway"] | None = None


class Help(_Reading, frozen=True, gc=False, kw_only=True, tag="help"):
    """The wearer asks for help (SOS), or takes it back."""

    phase: Literal["pressed", "cancelled"]


class Fall(_Reading, frozen=True, gc=False, kw_only=True, tag="fall"):
    """A step in the life cycle of a fall."""

    phase: Literal["suspected", "detected", "confirmed", "cancelled", "ended"]
    impact_g: float | UnsetType = UNSET
    """Greatest acceleration of the impact, in g. Few sensors give it: where it is not said it is not shown at all."""


class Bed(_Reading, frozen=True, gc=False, kw_only=True, tag="bed"):
    """In or out of bed."""

    in_bed: bool


class Sleep(_Reading, frozen=True, gc=False, kw_only=True, tag="sleep"):
    """Sleep now, or (with start and end) a night's summary."""

    asleep: bool | None = None
    stage: Literal["awake", "light", "deep", "rem"] | None = None
    movement_percent: float | None = None
    score: float | None = None
    start: datetime | None = None
    end: datetime | None = None


class Vitals(_Reading, frozen=True, gc=False, kw_only=True, tag="vitals"):
    """Heart, breathing, oxygen, temperature; ``quality_percent`` is the sensor's trust in them."""

    heart_rate_bpm: float | None = None
    respiratory_rate_bpm: float | None = None
    spo2_percent: float | None = None
    temperature_c: float | None = None
    quality_percent: float | None = None


class Continence(_Reading, frozen=True, gc=False, kw_only=True, tag="continence"):
    """State of a continence product."""

    state: Literal["dry", "some", "change_due", "leak", "error", "off"] | None = None
    saturation_percent: float | None = None
    zones_percent: tuple[float, ...] | None = None
    temperature_c: float | None = None


class Room(_Reading, frozen=True, gc=False, kw_only=True, tag="room"):
    """Presence in a room or a named region."""

    room: str | None = None
    present: bool | None = None


class Motion(_Reading, frozen=True, gc=False, kw_only=True, tag="motion"):
    """Movement of the wearer, or in a room."""

    moving: bool | None = None
    steps: int | None = None
    posture: Posture | UnsetType = UNSET
    """How the wearer holds the body. Few sensors give it: where it is not said it is not shown at all."""


class Status(_Reading, frozen=True, gc=False, kw_only=True, tag="status"):
    """What the device says of itself."""

    battery_percent: float | None = None
    low_battery: bool | None = None
    online: bool | None = None
    tamper: bool | None = None
    removed: bool | None = None
    charging: bool | None = None
    firmware: str | None = None


Reading: TypeAlias = Position | Help | Fall | Bed | Sleep | Vitals | Continence | Room | Motion | Status

READING_TYPES: tuple[type[Reading], ...] = (
    Position, Help, Fall, Bed, Sleep, Vitals, Continence, Room, Motion, Status,
)  # fmt: skip

KINDS: tuple[str, ...] = tuple(str(t.__struct_config__.tag) for t in READING_TYPES)
"""The words for a reading's kind, as in topics, database and docs."""

ALARM_KINDS: frozenset[str] = frozenset({"help", "fall"})
"""Life-safety kinds: they pass no filter, order check or throttle."""


_KIND_OF: dict[type, str] = dict(zip(READING_TYPES, KINDS, strict=True))


def kind_of(reading: Reading) -> str:
    """The kind's word of a reading, e.g. ``position``."""
    return _KIND_OF[reading.__class__]
