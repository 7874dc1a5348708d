"""Shelly buttons and sensors: first generation below ``shellies/ID``, later ones by their JSON-RPC notifications.

A press is a call for help where the device is a call button: a Shelly Button1, or whatever the centre's ``model`` or
the device's own name says is one (devices.roles). A wall switch is never taken for one.

First generation after Shelly's "Gen1 Device API", MQTT; later ones after the "Gen2 Device API", Notifications, and
the events of the Bluetooth (BLU) devices that they pass on. ``event_cnt`` is a counter that starts anew with the
device, so it is no id; an RPC notification's ``ts`` is one, because no button is pressed twice in 10 ms.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from devices import door, plain, rescue, shelly_buttons, values
from devices.errors import UnreadableError, Why
from devices.model import Frame, Help, Motion, Reading, Status
from devices.refusals import shown

ALARM_TOPICS = ("shellies/+/input_event/+", "shellies/+/longpush/+", "shellies/+/events/rpc")
TELEMETRY_TOPICS = ("shellies/+/online", "shellies/+/sensor/+", "shellies/+/status")
TEXT_TOPICS = ("shellies/+/longpush/+", "shellies/+/online", "shellies/+/sensor/+")
"""Topics whose payload is plain text. Where later devices keep a prefix of their own (``PREFIX/events/rpc``), the
topic is named in the gateway's settings; ``shellies/ID`` as their prefix needs no setting."""

FIRST_PRESSES = frozenset({"S", "SS", "SSS", "L", "SL", "LS"})
"""Presses in ``input_event`` of the first generation: short, long and their sequences."""

PRESSES = frozenset({"single_push", "double_push", "triple_push", "long_push"})
"""Presses in a notification, and whatever else ends in ``_push`` or ``_press``. ``btn_down`` and ``btn_up`` come with
each of them and would count every press thrice."""

CLOCK_SET_S = 1_577_836_800
"""2020-01-01: a device that has not asked for the time yet counts from 1970 or from its start."""


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a message; ``model`` says what the button is for.

    Raises UnreadableError: WRONG_TOPIC, or what is wrong with the payload.
    """
    device = address_of(frame.topic)
    if device is None:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(frame.topic)}; expected a topic of a Shelly device")
    levels = frame.topic.split("/")
    if frame.topic.endswith("/events/rpc"):
        return _rescued(frame.payload, lambda message: _notification(device, message, model))
    if levels[-1] == "online":
        return (Status(device=device, online=plain.online(plain.read(frame.payload), "online")),)
    if levels[-1] == "status":
        return _motion_sensor(device, door.untyped(frame.payload))
    match levels[-2]:
        case "input_event":
            return _rescued(frame.payload, lambda message: _input_event(device, levels[-1], message, model))
        case "longpush":
            return _longpush(device, levels[-1], plain.read(frame.payload), model)
        case _:
            return _sensor(device, levels[-1], plain.read(frame.payload))


def _rescued(payload: bytes, read_object: Callable[[dict[str, Any]], tuple[Reading, ...]]) -> tuple[Reading, ...]:
    try:
        return read_object(door.untyped(payload))
    except UnreadableError as error:
        saved = rescue.save_alarms(payload, read_object)
        if not saved:
            raise error from None
        return saved


def address_of(topic: str) -> str | None:
    """The device: its id below ``shellies``, else the whole prefix before ``/events/rpc`` or ``/online``."""
    levels = topic.split("/")
    if levels[-2:] == ["events", "rpc"]:
        prefix = levels[:-2]
    elif levels[-1] in ("online", "status"):
        prefix = levels[:-1]
    elif len(levels) == 4 and levels[0] == "shellies" and levels[2] in ("input_event", "longpush", "sensor"):
        prefix = levels[:2]
    else:
        return None
    if len(prefix) > 1 and prefix[0] == "shellies":
        prefix = prefix[1:]
    return "/".join(prefix) if prefix and all(prefix) else None


def _input_event(device: str, number: str, message: dict[str, Any], model: str | None) -> tuple[Reading, ...]:
    event = values.text(message.get("event"), "event")
    if event is None:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected it to be there", "event")
    event = event.strip().upper()
    if event and event not in FIRST_PRESSES:
        raise UnreadableError(
            Why.OUT_OF_RANGE, f"{shown(event)}; expected one of {', '.join(sorted(FIRST_PRESSES))}", "event"
        )
    return _press(device, number, model, is_press=bool(event))  # empty: the device has just started


def _longpush(device: str, number: str, text: str, model: str | None) -> tuple[Reading, ...]:
    plain.on_off(text, "longpush")  # 0 is a short push, 1 a long one: both are a press
    return _press(device, number, model, is_press=True)


def _press(device: str, number: str, model: str | None, *, is_press: bool) -> tuple[Reading, ...]:
    index = int(number[:6]) if number.isascii() and number.isdigit() else None
    if is_press and shelly_buttons.is_call_button(device, index, model):
        return (Help(device=device, phase="pressed"),)
    return (Status(device=device),)


def _sensor(device: str, name: str, text: str) -> tuple[Reading, ...]:
    """``sensor/…`` of battery devices; what is not known here is a sign of life."""
    match name:
        case "battery":
            percent = plain.plausible(plain.number(text, "battery"), 0, 100)
            return (Status(device=device, battery_percent=percent),)
        case "charger":
            return (Status(device=device, charging=plain.on_off(text, "charger")),)
        case "motion":
            return (Motion(device=device, moving=plain.on_off(text, "motion")),)
        case "tamper":
            return (Status(device=device, tamper=plain.on_off(text, "tamper")),)
        case _:
            return (Status(device=device),)


def _motion_sensor(device: str, message: dict[str, Any]) -> tuple[Reading, ...]:
    """``status`` of Shelly Motion; it also belongs to others, for which it is a sign of life."""
    at = _time(message.get("timestamp"), "timestamp")
    battery = plain.plausible(message.get("bat"), 0, 100)
    moving = message.get("motion")
    status = Status(device=device, observed_at=at, battery_percent=battery)
    if not isinstance(moving, bool):
        return (status,)
    return (Motion(device=device, observed_at=at, moving=moving), *((status,) if battery is not None else ()))


def _notification(device: str, message: dict[str, Any], model: str | None) -> tuple[Reading, ...]:
    params = message.get("params")
    if not isinstance(params, dict):
        why = Why.MISSING_FIELD if params is None else Why.WRONG_TYPE
        raise UnreadableError(why, f"{shown(params)}; expected an object", "params")
    if "events" in params or message.get("method") == "NotifyEvent":
        events = params.get("events")
        if not isinstance(events, list):
            raise UnreadableError(Why.WRONG_TYPE, f"{shown(events)}; expected a list", "params.events")
        return _events(device, events, model)
    if message.get("method") == "NotifyStatus":
        return (*_cords(device, params, model), _power(device, params))
    return (_power(device, params),)


def _events(device: str, events: list[Any], model: str | None) -> tuple[Reading, ...]:
    """Alarms first. A bad event beside a call for help does not hide it."""
    found: list[Reading] = []
    refused: UnreadableError | None = None
    for event in events:
        try:
            found += _event(device, event, model)
        except UnreadableError as error:
            refused = error
    alarms = [reading for reading in found if isinstance(reading, Help)]
    if refused is not None and not alarms:
        raise refused
    rest = [reading for reading in found if not isinstance(reading, Help)]
    return (*alarms, *rest) or (Status(device=device),)


def _event(device: str, event: Any, model: str | None) -> Iterator[Reading]:
    if not isinstance(event, dict):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(event)}; expected an object", "params.events")
    component = event.get("component")
    component = component[:64] if isinstance(component, str) and component.isascii() else ""
    name = event.get("event")
    data = event.get("data")
    try:
        at = _time(event.get("ts"), "params.events.ts")
    except UnreadableError:
        at = None  # a press with a bad time is a press
    if not isinstance(name, str):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(name)}; expected a word", "params.events.event")
    name = name.lower()
    if name == "shelly-blu":
        if not isinstance(data, dict):
            raise UnreadableError(Why.WRONG_TYPE, f"{shown(data)}; expected an object", "params.events.data")
        yield from _blu(data, at, model)
    elif name in PRESSES or name.endswith(("_push", "_press")):
        yield from _push(device, component, name[:32], event.get("idx"), at, model)


def _push(
    device: str, component: str, name: str, index: Any, at: datetime | None, model: str | None
) -> Iterator[Reading]:
    """A press of an input, or of a Bluetooth button that the device passes on (``bthomedevice:200``)."""
    kind, _, number = component.partition(":")
    sender, place = device, number
    if kind.startswith("bthome"):
        sender, place = f"{device}/{component}", str(index)
    position = int(place[:6]) if place.isascii() and place.isdigit() else None
    if not shelly_buttons.is_call_button(sender, position, model):
        return
    event_id = None if at is None else f"{component}:{name}:{values.to_ms(at)}"
    yield Help(device=sender, observed_at=at, event_id=event_id, phase="pressed")


def _blu(data: dict[str, Any], at: datetime | None, model: str | None) -> Iterator[Reading]:
    """What Shelly's script for BLU devices passes on; the device is the Bluetooth address, not the one that heard it.

    One ``button`` is a BLU Button1; several of them are a remote control or a wall switch.
    """
    address = data.get("address")
    if not isinstance(address, str) or not address:
        raise UnreadableError(
            Why.MISSING_FIELD, "is missing; expected a Bluetooth address", "params.events.data.address"
        )
    device = address.upper()[:64]
    if not device.isprintable() or not device.isascii():
        raise UnreadableError(
            Why.OUT_OF_RANGE, f"{shown(device)}; expected a Bluetooth address", "params.events.data.address"
        )
    event_id = None if at is None else f"blu:{values.to_ms(at)}"
    if shelly_buttons.is_blu_call(device, data, model):
        yield Help(device=device, observed_at=at, event_id=event_id, phase="pressed")
    motion = data.get("motion")
    if isinstance(motion, int):  # true and false, or 1 and 0
        yield Motion(device=device, observed_at=at, event_id=event_id, moving=bool(motion))
    battery = plain.plausible(data.get("battery"), 0, 100)
    yield Status(device=device, observed_at=at, event_id=event_id, battery_percent=battery)


def _cords(device: str, params: dict[str, Any], model: str | None) -> Iterator[Reading]:
    """A call by an input that keeps its state, such as a pull cord's; the state of a button is null."""
    at: datetime | None
    try:
        at = _time(params.get("ts"), "params.ts")
    except UnreadableError:
        at = None
    for component, status in params.items():
        kind, _, number = component.partition(":")
        if kind != "input" or not isinstance(status, dict) or status.get("state") is not True:
            continue
        if shelly_buttons.is_call_button(device, int(number) if number in ("0", "1", "2", "3") else None, model):
            event_id = None if at is None else f"{component[:64]}:on:{values.to_ms(at)}"
            yield Help(device=device, observed_at=at, event_id=event_id, phase="pressed")
            return


def _power(device: str, params: dict[str, Any]) -> Status:
    """A status notification: the battery if it is in it, else a sign of life."""
    at = _time(params.get("ts"), "params.ts")
    power = params.get("devicepower:0")
    battery = power.get("battery") if isinstance(power, dict) else None
    percent = plain.plausible(battery.get("percent"), 0, 100) if isinstance(battery, dict) else None
    external = power.get("external") if isinstance(power, dict) else None
    charging = external.get("present") if isinstance(external, dict) else None
    return Status(
        device=device,
        observed_at=at,
        battery_percent=percent,
        charging=charging if isinstance(charging, bool) else None,
    )


def _time(value: Any, field: str) -> datetime | None:
    """Seconds since 1970; None from a device that does not know the time yet."""
    seconds = values.number(value, field)
    return None if seconds is None or seconds < CLOCK_SET_S else values.epoch_seconds(seconds, field)
