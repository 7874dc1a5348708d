"""OwnTracks: topics ``owntracks/USER/DEVICE`` and below, as its apps for phones publish them.

The device's address is ``USER/DEVICE``. After the OwnTracks booklet, "JSON": ``vel`` is km/h, ``tst`` epoch seconds
(of the fix, for a location), ``acc`` a radius in metres. A location on this way is the busiest message of many
sites, so it is read straight into a typed message. Payloads that OwnTracks encrypted are refused: the gateway has
no key for them.
"""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from devices import door, values
from devices.errors import UnreadableError, Why
from devices.model import Frame, Position, Reading, Room, Status
from devices.refusals import shown

TELEMETRY_TOPICS = ("owntracks/+/+", "owntracks/+/+/+")
ALARM_TOPICS: tuple[str, ...] = ()

SILENT_TYPES = frozenset({
    "card", "cmd", "configuration", "dump", "msg", "request", "status", "step", "steps", "waypoint", "waypoints",
})  # fmt: skip
"""Types that say nothing of where a person is or how the device does: read, and no reading taken from them."""

KMH = 1 / 3.6
"""Metres a second in a kilometre an hour."""

Seconds: TypeAlias = int | float | str
Lon: TypeAlias = Annotated[float, Meta(ge=-180, le=180)]
Lat: TypeAlias = Annotated[float, Meta(ge=-90, le=90)]


class _Typed(msgspec.Struct, gc=False, tag_field="_type"):
    pass


class Location(_Typed, gc=False, tag="location"):
    """Where the phone is. Negative battery, speed, course or accuracy is how its apps say "not known"."""

    lon: Lon
    lat: Lat
    tst: Seconds | None = None
    acc: float | None = None
    alt: Annotated[float, Meta(ge=-12_000, le=100_000)] | None = None
    vel: Annotated[float, Meta(le=3_600)] | None = None
    cog: Annotated[float, Meta(le=360)] | None = None
    batt: Annotated[float, Meta(le=100)] | None = None
    bs: int | None = None
    id: str | None = msgspec.field(default=None, name="_id")


class Transition(_Typed, gc=False, tag="transition"):
    """The phone entered or left a region that its owner named."""

    event: str
    desc: str | None = None
    tst: Seconds | None = None
    id: str | None = msgspec.field(default=None, name="_id")


class LastWill(_Typed, gc=False, tag="lwt"):
    """The broker lost the phone. Its ``tst`` is when the phone had connected, so it is no time of this event."""


class Beacon(_Typed, gc=False, tag="beacon"):
    """A Bluetooth beacon (iBeacon) that the phone hears; ``prox`` is 1 immediate, 2 near, 3 far, 0 not known."""

    uuid: str | None = None
    major: int | None = None
    minor: int | None = None
    prox: int | None = None
    desc: str | None = None
    tst: Seconds | None = None
    id: str | None = msgspec.field(default=None, name="_id")


class Encrypted(_Typed, gc=False, tag="encrypted"):
    """A payload that only the phone's owner can read."""


_DECODER: msgspec.json.Decoder[Location | Transition | LastWill | Beacon | Encrypted | list[Any]] = (
    msgspec.json.Decoder(Location | Transition | LastWill | Beacon | Encrypted | list[Any])
)
_TRANSITIONS = msgspec.json.Decoder(list[Transition])
_CHARGING = {1: False, 2: True, 3: True}
"""``bs``: 1 unplugged, 2 charging, 3 full; 0 is unknown."""


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of an OwnTracks message; ``model`` plays no part.

    Raises UnreadableError: WRONG_TOPIC, ENCRYPTED, UNKNOWN_KIND for a ``_type`` that OwnTracks does not have, or
    whatever is wrong with the JSON.
    """
    device = address_of(frame.topic)
    if device is None:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(frame.topic)}; expected owntracks/USER/DEVICE")
    try:
        message = door.read(_DECODER, frame.payload)
    except UnreadableError as error:
        if error.field == "_type" and error.why not in (Why.MISSING_FIELD, Why.WRONG_TYPE):
            return _untaken(frame.payload)
        raise
    if type(message) is Location:
        return _location(device, message)
    match message:
        case Transition():
            return (_transition(device, message, "tst"),)
        case LastWill():
            return (Status(device=device, online=False),)
        case Beacon():
            return _beacon(device, message)
        case list():
            return _transitions(device, frame)
        case _:
            raise UnreadableError(Why.ENCRYPTED, '"encrypted"; expected a payload in the clear', "_type")


def address_of(topic: str) -> str | None:
    """``USER/DEVICE`` of an OwnTracks topic; None for any other topic."""
    parts = topic.split("/", 3)
    if len(parts) < 3 or parts[0] != "owntracks" or not parts[1] or not parts[2]:
        return None
    return f"{parts[1]}/{parts[2]}"


def _location(device: str, message: Location) -> tuple[Reading, ...]:
    at = values.epoch_seconds(message.tst, "tst")
    status = _status(device, message, at)
    lon, lat = message.lon, message.lat
    if lon == 0 and lat == 0:  # a beacon's position that nobody filled in
        return status
    vel, cog, acc = message.vel, message.cog, message.acc
    position = Position(
        device=device,
        observed_at=at,
        event_id=message.id,
        lon=lon,
        lat=lat,
        accuracy_m=acc if acc is not None and acc > 0 else None,
        altitude_m=message.alt,
        speed_mps=vel * KMH if vel is not None and vel >= 0 else None,
        course_deg=cog if cog is not None and cog >= 0 else None,
        fixed_at=at,
    )
    return (position, *status)


def _status(device: str, message: Location, at: datetime | None) -> tuple[Status, ...]:
    batt = message.batt if message.batt is not None and message.batt >= 0 else None
    charging = None if message.bs is None else _CHARGING.get(message.bs)
    if batt is None and charging is None:
        return ()
    return (Status(device=device, observed_at=at, event_id=message.id, battery_percent=batt, charging=charging),)


def _transition(device: str, message: Transition, field: str) -> Room:
    if message.event not in ("enter", "leave"):
        raise UnreadableError(Why.OUT_OF_RANGE, f'{shown(message.event)}; expected "enter" or "leave"', "event")
    return Room(
        device=device,
        observed_at=values.epoch_seconds(message.tst, field),
        event_id=message.id,
        room=message.desc,
        present=message.event == "enter",
    )


def _beacon(device: str, message: Beacon) -> tuple[Reading, ...]:
    """The room of a beacon that is heard: its name, or else the three numbers by which beacons are told apart."""
    if message.prox not in (1, 2, 3):
        return ()
    numbers = (message.uuid and message.uuid.lower(), message.major, message.minor)
    name = message.desc or ":".join(str(part) for part in numbers if part is not None)
    if not name:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the beacon's uuid", "uuid")
    at = values.epoch_seconds(message.tst, "tst")
    return (Room(device=device, observed_at=at, event_id=message.id, room=name, present=True),)


def _transitions(device: str, frame: Frame) -> tuple[Reading, ...]:
    if not frame.topic.endswith("/event"):
        raise UnreadableError(Why.NOT_AN_OBJECT, "a list; expected an object (a list only under /event)")
    messages = door.read(_TRANSITIONS, frame.payload)
    return tuple(_transition(device, message, f"[{index}].tst") for index, message in enumerate(messages))


def _untaken(payload: bytes) -> tuple[Reading, ...]:
    """A type that is none of ours: known and silent, or unknown."""
    kind = door.untyped(payload)["_type"]
    if not isinstance(kind, str):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(kind)}; expected text", "_type")
    if kind in SILENT_TYPES:
        return ()
    raise UnreadableError(Why.UNKNOWN_KIND, f"{shown(kind)}; expected a type that OwnTracks publishes", "_type")
