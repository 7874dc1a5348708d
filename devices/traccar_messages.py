"""The JSON of Traccar's forwarding as types: only the fields that are read.

Shapes: ``{"position", "device"}`` (position forwarding) and ``{"event", "position", "device", "geofence"}`` (event
forwarding); see EventData, PositionData and Position in traccar/traccar. Attributes hold whatever a protocol's
decoder put there, so they are untyped here and checked where they are used.
"""

from typing import Any

import msgspec


class Attributes(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a position's or event's attributes."""

    alarm: Any = None
    battery_level: Any = None
    charge: Any = None
    steps: Any = None
    heart_rate: Any = None
    version_fw: Any = None


class TraccarPosition(msgspec.Struct, gc=False, rename="camel"):
    """A position as Traccar keeps it: speed in knots; 0 where the device said nothing.

    Side values may be the text "NaN", by which Traccar writes a number that it does not have.
    """

    latitude: float
    longitude: float
    valid: bool = False
    id: int = 0
    server_time: str | int | None = None
    device_time: str | int | None = None
    fix_time: str | int | None = None
    altitude: float | str | None = None
    speed: float | str | None = None
    course: float | str | None = None
    accuracy: float | str | None = None
    attributes: Attributes | None = None


class TraccarEvent(msgspec.Struct, gc=False, rename="camel"):
    """An event; for alarms ``attributes.alarm`` is one word."""

    type: str
    id: int = 0
    event_time: str | int | None = None
    geofence_id: int = 0
    attributes: Attributes | None = None


class TraccarDevice(msgspec.Struct, gc=False, rename="camel"):
    """The device; ``unique_id`` is what it calls itself, mostly its IMEI."""

    unique_id: str


class Geofence(msgspec.Struct, gc=False):
    """The geofence of a geofence event."""

    name: str | None = None


class Forwarded(msgspec.Struct, gc=False):
    """A forwarded message: an event, a position, or both, of one device."""

    device: TraccarDevice
    position: TraccarPosition | None = None
    event: TraccarEvent | None = None
    geofence: Geofence | None = None
