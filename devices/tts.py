"""The Things Stack v3: topics ``v3/{application}@{tenant}/devices/{id}/up``, ``/join``, ``/down/…``, and its webhooks.

The device's address is its ``device_id``. The JSON says itself what it tells of, so a webhook's body needs no topic.
After "Data Formats" in The Things Stack's documentation, a field that is empty, 0 or false is left out. A model is
named by the ``model`` argument, else by ``version_ids``. Any uplink may carry an alarm: ``up`` is on the alarm lane.
"""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from devices import door, lorawan, values
from devices.errors import UnreadableError, Why
from devices.lorawan import Uplink
from devices.model import Frame, Position, Reading, Status

ALARM_TOPICS = ("v3/+/devices/+/up",)
TELEMETRY_TOPICS = ("v3/+/devices/+/join", "v3/+/devices/+/down/+", "v3/+/devices/+/location/solved")

SILENT = (
    "downlink_nack", "downlink_sent", "downlink_failed", "downlink_queued", "downlink_queue_invalidated",
    "service_data", "uplink_normalized",
)  # fmt: skip
"""Messages that say nothing of the person or the device: read, and no reading taken from them."""

_SOURCES = {
    "SOURCE_GPS": "gnss",
    "SOURCE_WIFI_RSSI_GEOLOCATION": "wifi",
    "SOURCE_BT_RSSI_GEOLOCATION": "beacon",
    "SOURCE_LORA_RSSI_GEOLOCATION": "gateway",
    "SOURCE_LORA_TDOA_GEOLOCATION": "gateway",
}
_UNIQUE = ("as:up:", "ns:uplink:", "gs:uplink:")
"""Correlation ids that stand for one uplink, the widest first."""

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]


class _Ids(msgspec.Struct, gc=False):
    device_id: str


class _VersionIds(msgspec.Struct, gc=False):
    brand_id: str = ""
    model_id: str = ""


class _Location(msgspec.Struct, gc=False):
    latitude: float = 0.0
    longitude: float = 0.0
    altitude: float | None = None
    accuracy: float | None = None
    source: str | None = None


class _Heard(msgspec.Struct, gc=False):
    rssi: float = 0.0
    location: Any = None


class _Battery(msgspec.Struct, gc=False):
    value: float = 0.0


class _Uplink(msgspec.Struct, gc=False):
    session_key_id: str | None = None
    f_port: int = 0
    f_cnt: int = 0
    frm_payload: str | None = None
    decoded_payload: Any = None
    rx_metadata: list[_Heard] = []
    received_at: Time | None = None
    version_ids: _VersionIds | None = None
    last_battery_percentage: _Battery | None = None
    locations: dict[str, _Location] | None = None


class _Solved(msgspec.Struct, gc=False):
    location: _Location


class Envelope(msgspec.Struct, gc=False):
    """What The Things Stack tells of a device, as far as it is used here."""

    end_device_ids: _Ids
    correlation_ids: list[str] = []
    received_at: Time | None = None
    uplink_message: _Uplink | None = None
    join_accept: Any = None
    downlink_ack: Any = None
    location_solved: _Solved | None = None
    downlink_nack: Any = None
    downlink_sent: Any = None
    downlink_failed: Any = None
    downlink_queued: Any = None
    downlink_queue_invalidated: Any = None
    service_data: Any = None
    uplink_normalized: Any = None


_DECODER = msgspec.json.Decoder(Envelope)


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a message of The Things Stack; ``model`` is ``vendor/model`` and beats what the message says.

    Raises UnreadableError: MISSING_DECODER for raw bytes that nobody decodes, UNKNOWN_MODEL for a model without a
    profile, UNKNOWN_KIND for a message of no known sort, or whatever is wrong with the JSON.
    """
    try:
        message = door.read(_DECODER, frame.payload)
        uplink = message.uplink_message
        return (
            _others(message) if uplink is None else lorawan.readings(_uplink(message, uplink, model, frame.received_at))
        )
    except UnreadableError as error:
        saved = _save_alarms(frame.payload, model)
        if not saved:
            raise error from None
        return saved


def address_of(topic: str) -> str | None:
    """The device's id of a topic of The Things Stack; None for any other topic."""
    parts = topic.split("/", 5)
    if len(parts) < 5 or parts[0] != "v3" or parts[2] != "devices" or not parts[3]:
        return None
    return parts[3]


def _uplink(message: Envelope, uplink: _Uplink, model: str | None, received_at: datetime) -> Uplink:
    device, at = _device(message), uplink.received_at or message.received_at
    at = values.utc(at, "received_at")
    event_id = _event_id(message.correlation_ids, uplink.session_key_id, uplink.f_cnt)
    ids = uplink.version_ids
    battery = uplink.last_battery_percentage
    solved = None if uplink.locations is None else uplink.locations.get("frm-payload")
    return Uplink(
        form="tts",
        device=device,
        names=(model, None if ids is None or not ids.model_id else f"{ids.brand_id}/{ids.model_id}"),
        at=at,
        received_at=received_at,
        event_id=event_id,
        port=uplink.f_port,
        object=uplink.decoded_payload,
        raw=uplink.frm_payload,
        battery_percent=None if battery is None else lorawan.percent(battery.value),
        solved=None if solved is None else _place(solved, device, at, event_id),
        gateways=[
            (heard.rssi, heard.location.get("longitude", 0), heard.location.get("latitude", 0))
            for heard in uplink.rx_metadata
            if type(heard.location) is dict
        ],
    )


def _device(message: Envelope) -> str:
    device = message.end_device_ids.device_id
    if not device:
        raise UnreadableError(Why.OUT_OF_RANGE, '""; expected the device\'s id', "end_device_ids.device_id")
    return device


def _event_id(correlation_ids: Any, session: Any, counter: Any) -> str | None:
    """What makes an uplink unique: its correlation id; without one the session's key and the frame counter, which
    begins anew with every session.
    """
    for prefix in _UNIQUE:
        for text in correlation_ids if isinstance(correlation_ids, list) else ():
            if isinstance(text, str) and text.startswith(prefix):
                return text
    return f"{session}:{counter}" if isinstance(session, str) and session and isinstance(counter, int) else None


def _others(message: Envelope) -> tuple[Reading, ...]:
    device, at = _device(message), values.utc(message.received_at, "received_at")
    event_id = _event_id(message.correlation_ids, None, None) or next(iter(message.correlation_ids), None)
    if message.join_accept is not None or message.downlink_ack is not None:
        return (Status(device=device, observed_at=at, event_id=event_id, online=True),)
    if message.location_solved is not None:
        place = _place(message.location_solved.location, device, at, event_id)
        return () if place is None else (place,)
    if any(getattr(message, name) is not None for name in SILENT):
        return ()
    detail = (
        f"no known part; expected uplink_message, join_accept, downlink_ack, location_solved or {', '.join(SILENT)}"
    )
    raise UnreadableError(Why.UNKNOWN_KIND, detail)


def _place(location: _Location, device: str, at: datetime | None, event_id: str | None) -> Position | None:
    values.place(location.longitude, location.latitude, "location")
    if values.is_no_place(location.longitude, location.latitude):
        return None
    return Position(
        device=device,
        observed_at=at,
        event_id=event_id,
        lon=location.longitude,
        lat=location.latitude,
        accuracy_m=values.number(location.accuracy, "location.accuracy", 0, 20_040_000) or None,
        altitude_m=values.number(location.altitude, "location.altitude", -12_000, 100_000),
        source=_SOURCES.get(location.source or ""),  # type: ignore[arg-type]
    )


def _save_alarms(payload: bytes, model: str | None) -> tuple[Reading, ...]:
    """The alarms of an uplink that is bad elsewhere; nothing when there are none."""
    try:
        loose = door.read_loosely(payload)
    except UnreadableError:
        return ()
    uplink = _at(loose, "uplink_message")
    brand, name = _at(uplink, "version_ids", "brand_id"), _at(uplink, "version_ids", "model_id")
    event_id = _event_id(_at(loose, "correlation_ids"), _at(uplink, "session_key_id"), _at(uplink, "f_cnt"))
    return lorawan.saved_alarms(
        "tts",
        (model,) if model else (f"{brand}/{name}",),
        _at(uplink, "decoded_payload"),
        _at(loose, "end_device_ids", "device_id"),
        _time(_at(uplink, "received_at")) or _time(_at(loose, "received_at")),
        event_id,
    )


def _time(value: Any) -> datetime | None:
    try:
        return values.moment(value, "") if isinstance(value, str) else None
    except UnreadableError:
        return None


def _at(value: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
