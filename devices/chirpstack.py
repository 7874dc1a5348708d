"""ChirpStack v4, JSON: topics ``application/{id}/device/{devEUI}/event/{event}``, and its HTTP integration.

The device's address is its DevEUI in small letters. After ChirpStack's "integration.proto": a field that is empty, 0
or false is left out, so a status without ``batteryLevel`` that does not say "unavailable" is one of 0 %. A model is
named by the ``model`` argument, else by ``deviceProfileName``. Any uplink may carry an alarm: ``up`` is on the alarm
lane. Without a topic (HTTP) the sort of a message is seen by its fields.
"""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from devices import door, lorawan, values
from devices.errors import UnreadableError, Why
from devices.lorawan import Uplink
from devices.model import Frame, Position, Reading, Status
from devices.refusals import shown

ALARM_TOPICS = ("application/+/device/+/event/up",)
SILENT = ("txack", "log", "integration")
"""Events that say nothing of the person or the device: read, and no reading taken from them."""
TELEMETRY_TOPICS = tuple(
    f"application/+/device/+/event/{event}" for event in ("join", "status", "ack", "location", *SILENT)
)

_SOURCES = {
    "GPS": "gnss",
    "GEO_RESOLVER_WIFI": "wifi",
    "GEO_RESOLVER_GNSS": "gnss",
    "GEO_RESOLVER_TDOA": "gateway",
    "GEO_RESOLVER_RSSI": "gateway",
}

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]


class _DeviceInfo(msgspec.Struct, gc=False, rename="camel"):
    dev_eui: str
    device_profile_name: str | None = None


class _Heard(msgspec.Struct, gc=False):
    rssi: float = 0.0
    location: Any = None


class _Location(msgspec.Struct, gc=False):
    latitude: float = 0.0
    longitude: float = 0.0
    altitude: float | None = None
    accuracy: float | None = None
    source: str | None = None


class Event(msgspec.Struct, gc=False, rename="camel"):
    """What ChirpStack tells of a device, all events in one, as far as they are used here."""

    device_info: _DeviceInfo
    deduplication_id: str | None = None
    time: Time | None = None
    f_cnt: int | None = None
    f_port: int = 0
    data: str | None = None
    object: Any = None
    rx_info: list[_Heard] | None = None
    dev_addr: str | None = None
    margin: int | None = None
    battery_level: float = 0.0
    battery_level_unavailable: bool = False
    external_power_source: bool = False
    acknowledged: bool = False
    queue_item_id: str | None = None
    location: _Location | None = None
    code: str | None = None


_DECODER = msgspec.json.Decoder(Event)


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a ChirpStack event; ``model`` is ``vendor/model`` and beats what the message says.

    Raises UnreadableError: MISSING_DECODER for raw bytes that nobody decodes, UNKNOWN_MODEL for a model without a
    profile, UNKNOWN_KIND for an event of no known sort, or whatever is wrong with the JSON.
    """
    sort = _sort_of(frame.topic)
    try:
        event = door.read(_DECODER, frame.payload)
        return _readings(event, sort or _seen_sort(event), model, frame.received_at)
    except UnreadableError as error:
        saved = _save_alarms(frame.payload, model) if sort in ("up", None) else ()
        if not saved:
            raise error from None
        return saved


def address_of(topic: str) -> str | None:
    """The DevEUI, in small letters, of a ChirpStack topic; None for any other topic."""
    parts = topic.split("/")
    if len(parts) != 6 or (parts[0], parts[2], parts[4]) != ("application", "device", "event"):
        return None
    return parts[3].lower() or None


def _sort_of(topic: str) -> str | None:
    parts = topic.rsplit("/", 2)
    return parts[2] if len(parts) == 3 and parts[1] == "event" else None


def _seen_sort(event: Event) -> str:
    """The sort of an event without a topic."""
    if event.code is not None:
        return "log"
    if event.location is not None:
        return "location"
    if event.queue_item_id is not None:
        return "ack" if event.acknowledged else "txack"
    if event.margin is not None or event.battery_level_unavailable or event.external_power_source:
        return "status"
    if event.rx_info is not None or event.data is not None or event.object is not None:
        return "up"
    return "join" if event.dev_addr is not None else "unknown"


def _readings(event: Event, sort: str, model: str | None, received_at: datetime) -> tuple[Reading, ...]:
    device = event.device_info.dev_eui.lower()
    if not device:
        raise UnreadableError(Why.OUT_OF_RANGE, '""; expected the DevEUI', "deviceInfo.devEui")
    at, event_id = values.utc(event.time, "time"), event.deduplication_id or None
    match sort:
        case "up":
            return lorawan.readings(_uplink(event, device, at, event_id, model, received_at))
        case "join":
            return (Status(device=device, observed_at=at, event_id=event_id, online=True),)
        case "ack":
            online = True if event.acknowledged else None
            return (Status(device=device, observed_at=at, event_id=event_id, online=online),) if online else ()
        case "status":
            return (_status(event, device, at, event_id),)
        case "location":
            return _located(event, device, at, event_id)
        case _ if sort in SILENT:
            return ()
    expected = "expected up, join, status, ack, txack, log, location or integration"
    raise UnreadableError(Why.UNKNOWN_KIND, f"{shown(sort)}; {expected}")


def _uplink(
    event: Event, device: str, at: datetime | None, event_id: str | None, model: str | None, received_at: datetime
) -> Uplink:
    return Uplink(
        form="chirpstack",
        device=device,
        names=(model, event.device_info.device_profile_name),
        at=at,
        received_at=received_at,
        event_id=event_id,
        port=event.f_port,
        object=event.object,
        raw=event.data,
        gateways=[
            (heard.rssi, heard.location.get("longitude", 0), heard.location.get("latitude", 0))
            for heard in event.rx_info or ()
            if type(heard.location) is dict
        ],
    )


def _status(event: Event, device: str, at: datetime | None, event_id: str | None) -> Status:
    unknown = event.battery_level_unavailable or event.external_power_source
    return Status(
        device=device,
        observed_at=at,
        event_id=event_id,
        battery_percent=None if unknown else values.percent(event.battery_level, "batteryLevel"),
        charging=True if event.external_power_source else None,
        online=True,
    )


def _located(event: Event, device: str, at: datetime | None, event_id: str | None) -> tuple[Position, ...]:
    location = event.location
    if location is None:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected it to be there", "location")
    values.place(location.longitude, location.latitude, "location")
    if values.is_no_place(location.longitude, location.latitude):
        return ()
    return (
        Position(
            device=device,
            observed_at=at,
            event_id=event_id,
            lon=location.longitude,
            lat=location.latitude,
            accuracy_m=values.number(location.accuracy, "location.accuracy", 0, 20_040_000) or None,
            altitude_m=values.number(location.altitude, "location.altitude", -12_000, 100_000),
            source=_SOURCES.get(location.source or ""),  # type: ignore[arg-type]
        ),
    )


def _save_alarms(payload: bytes, model: str | None) -> tuple[Reading, ...]:
    """The alarms of an uplink that is bad elsewhere; nothing when there are none."""
    try:
        loose = door.read_loosely(payload)
    except UnreadableError:
        return ()
    info = loose.get("deviceInfo") if isinstance(loose, dict) else None
    if not isinstance(info, dict):
        return ()
    device, event_id, time = info.get("devEui"), loose.get("deduplicationId"), loose.get("time")
    try:
        at = values.moment(time, "") if isinstance(time, str) else None
    except UnreadableError:
        at = None
    return lorawan.saved_alarms(
        "chirpstack",
        (model,) if model else (info.get("deviceProfileName"),),
        loose.get("object"),
        device.lower() if isinstance(device, str) else None,
        at,
        event_id if isinstance(event_id, str) and event_id else None,
    )
