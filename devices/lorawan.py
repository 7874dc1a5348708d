"""LoRaWAN uplinks, whichever network server tells of them: decoded object → profile → readings.

devices.tts and devices.chirpstack turn their envelopes into an ``Uplink``; what happens then is the same for both.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from devices.errors import UnreadableError, Why
from devices.model import Position, Reading, Status
from devices.profiles import library
from devices.profiles.library import Codec
from devices.profiles.profile import Profile
from devices.refusals import is_broken_text, shown

GATEWAY_ACCURACY_M = 15_000.0
"""How far a device may be from the gateway that heard it: LoRa reaches 2 to 5 km in town and 15 km in open country
(The Things Network, "LoRaWAN: range and coverage"). The largest is taken, so that such a fix never decides a zone."""

_GNSS = "gnss"


class Uplink(msgspec.Struct, frozen=True, kw_only=True):
    """One uplink of a device. ``names`` are what its model is called, the most trusted first."""

    form: str
    device: str
    names: tuple[str | None, ...]
    at: datetime | None
    """When the network server had it, if it says so."""
    received_at: datetime
    """When it came to us."""
    event_id: str | None
    port: int
    object: Any
    raw: str | None
    """The payload in Base64."""
    payload: bytes | None = None
    """The payload itself, where the envelope has it otherwise."""
    battery_percent: float | None = None
    solved: Position | None = None
    gateways: Sequence[tuple[float, Any, Any]] = ()
    """Signal strength, longitude and latitude of each gateway that says where it is."""


def decoded_object(uplink: Uplink, codec: Codec | None) -> Any:
    """What the device said: the network server's decoded object, or else what ``codec`` makes of the raw payload.

    None if the uplink carries nothing (only a sign of life). Raises UnreadableError (MISSING_DECODER) if there are
    bytes and nobody to decode them.
    """
    if uplink.object is not None:
        return uplink.object
    data = uplink.raw or uplink.payload
    if not data or uplink.port == 0:  # port 0 is the network's own
        return None
    if codec is None:
        detail = f"{len(data)} characters of raw payload; expected a decoded object, or a decoder for this model"
        raise UnreadableError(Why.MISSING_DECODER, detail)
    if isinstance(data, bytes):
        return codec(data, uplink.port, uplink.at or uplink.received_at)
    try:
        payload = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        detail = f"{shown(data)}; expected a payload in Base64"
        raise UnreadableError(Why.WRONG_TYPE, detail) from None
    return codec(payload, uplink.port, uplink.at or uplink.received_at)


def readings(uplink: Uplink) -> tuple[Reading, ...]:
    """The readings of an uplink, alarms first; at least a Status, because the device was heard.

    Raises UnreadableError: MISSING_DECODER, UNKNOWN_MODEL, or whatever is wrong in the decoded object.
    """
    known = library.installed()
    names = uplink.names[:1] if uplink.names[0] else uplink.names
    profile = known.find(names, uplink.form)
    # A codec is kept under vendor/model, a message may name the model otherwise: its profile knows both.
    codec = known.codec((*names, None if profile is None else profile.name)) if known.codecs else None
    document = decoded_object(uplink, codec)
    device, at, event_id = uplink.device, uplink.at, uplink.event_id
    if document is None:
        battery = uplink.battery_percent
        return (Status(device=device, observed_at=at, event_id=event_id, battery_percent=battery),)
    if profile is None:
        raise library.unknown_model(names)
    if not isinstance(document, dict):
        raise UnreadableError(Why.NOT_AN_OBJECT, f"{shown(document)}; expected an object of decoded fields")
    found = profile.readings(document, device, at, event_id)
    return _completed(uplink, profile, found)


def _completed(uplink: Uplink, profile: Profile, found: list[Reading]) -> tuple[Reading, ...]:
    """With what the envelope knows and the device did not say: its battery, and a coarse place."""
    has_place = profile.fixed
    has_battery = uplink.battery_percent is None and bool(found)
    for reading in found:
        kind = type(reading)
        if kind is Position:
            has_place = True
        elif kind is Status and reading.battery_percent is not None:  # type: ignore[union-attr]
            has_battery = True
    if not has_place:
        place = uplink.solved or _nearest_gateway(uplink)
        if place is not None:
            found.append(place)
            has_battery = has_battery or uplink.battery_percent is None
    if not has_battery:
        found.append(
            Status(
                device=uplink.device,
                observed_at=uplink.at,
                event_id=None if uplink.event_id is None else f"{uplink.event_id}#network",
                battery_percent=uplink.battery_percent,
            )
        )
    return tuple(found)


def _nearest_gateway(uplink: Uplink) -> Position | None:
    """Where the gateway stands that heard the device best. A place that is none is passed over: it is not the
    device's word, and must not cost its message.
    """
    best: tuple[float, float, float] | None = None
    for strength, lon, lat in uplink.gateways:
        if is_place(lon, lat) and (best is None or strength > best[0]):
            best = (strength, float(lon), float(lat))
    if best is None:
        return None
    return Position(
        device=uplink.device,
        observed_at=uplink.at,
        event_id=uplink.event_id,
        lon=best[1],
        lat=best[2],
        accuracy_m=GATEWAY_ACCURACY_M,
        source="gateway",
    )


def is_place(lon: Any, lat: Any) -> bool:
    """Whether it is a place on Earth that somebody measured: numbers in range, and not 0/0."""
    if isinstance(lon, bool) or isinstance(lat, bool):
        return False
    if not isinstance(lon, int | float) or not isinstance(lat, int | float):
        return False
    return -180 <= lon <= 180 and -90 <= lat <= 90 and not (lon == 0 and lat == 0)


def percent(value: Any) -> float | None:
    """A percentage that the network server tells, if it can be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return float(value)


def saved_alarms(
    form: str,
    names: Iterable[str | None],
    document: Any,
    device: Any,
    at: datetime | None,
    event_id: str | None,
) -> tuple[Reading, ...]:
    """The alarms of an uplink whose envelope is bad elsewhere; none if model, device or alarm can't be read."""
    if not isinstance(device, str) or not device or is_broken_text(device):
        return ()
    if event_id is not None and is_broken_text(event_id):
        event_id = None
    texts = [name for name in names if isinstance(name, str) and name]
    profile = library.installed().find(texts, form)
    return () if profile is None else tuple(profile.saved_alarms(document, device, at, event_id))
