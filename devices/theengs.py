"""Bluetooth devices as Theengs Gateway and OpenMQTTGateway publish them: ``home/GATEWAY/BTtoMQTT/ADDRESS``.

The device's address is the Bluetooth address in capitals, twelve digits without colons, as the topic has it.
Properties are those of the Theengs decoder (theengs/decoder, docs), among them BTHome buttons, contacts and motion.
The gateway hears every Bluetooth device of the neighbourhood, so what it could not decode gives nothing at all.

A button repeats its advertisement for some seconds, and a gateway may publish each. Its ``packet`` is a counter from
0 to 255 and no id: repeats count on the open incident. ``rssi`` says nothing of a person and is passed over.
"""

from collections.abc import Iterator
from typing import Any

from devices import door, plain, rescue, roles
from devices.errors import UnreadableError, Why
from devices.model import Bed, Frame, Help, Motion, Reading, Room, Status
from devices.refusals import shown
from devices.shelly_buttons import is_button_model

ALARM_TOPICS = ("home/+/BTtoMQTT/+",)
"""One topic carries everything that a device says, so all of it goes through the alarm lane."""

TELEMETRY_TOPICS: tuple[str, ...] = ()

BUTTON_MODELS = frozenset({"SBBT-002C", "SBBT-002C-EU", "SBBT-002C-US"})
"""``model_id`` of buttons that have no other use than to be pressed: Shelly BLU Button1. Its relatives with four
buttons (SBBT-004…) are wall switches and remote controls: a call only where the centre says so."""

DECODED = ("model_id", "brand", "model")
"""One of these is in every message whose device the gateway knows."""


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of an advertisement; none from a device that the gateway does not know.

    Raises UnreadableError: WRONG_TOPIC, ENCRYPTED for a button whose presses can't be read, or what is wrong with
    the JSON.
    """
    device = address_of(frame.topic)
    if device is None:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(frame.topic)}; expected home/GATEWAY/BTtoMQTT/ADDRESS")
    try:
        message = door.untyped(frame.payload)
        readings = tuple(_readings(device, message, model))
    except UnreadableError as error:
        saved = rescue.save_alarms(frame.payload, lambda loose: _readings(device, loose, model))
        if not saved:
            raise error from None
        return saved
    if readings:
        return readings
    return (Status(device=device),) if any(name in message for name in DECODED) else ()


def address_of(topic: str) -> str | None:
    """The Bluetooth address in the topic, in capitals and without colons; None for any other topic."""
    levels = topic.split("/")
    if len(levels) != 4 or levels[2] != "BTtoMQTT" or not levels[3]:
        return None
    return levels[3].replace(":", "").upper() or None


def _readings(device: str, message: dict[str, Any], model: str | None) -> Iterator[Reading]:
    told = roles.of_model(model)
    if _presses(message, told, model):
        yield Help(device=device, phase="pressed")
    contact = message.get("open")
    if told is not None and told.role is roles.Role.BED and isinstance(contact, bool):
        yield Bed(device=device, in_bed=not contact)
    elif isinstance(contact, bool) and roles.is_door(model):
        yield Motion(device=device, moving=contact)
    present = next((message[name] for name in ("pres", "presence", "occupancy") if name in message), None)
    if isinstance(present, bool):
        yield Room(device=device, present=present)
    moving = next((message[name] for name in ("motion", "move", "moving") if name in message), None)
    steps = plain.plausible(message.get("steps", message.get("step")), 0, 1e9)
    if isinstance(moving, bool) or steps is not None:
        yield Motion(
            device=device,
            moving=moving if isinstance(moving, bool) else None,
            steps=None if steps is None else int(steps),
        )
    battery = plain.plausible(message.get("batt"), 0, 100)
    low = message.get("lowbatt")
    if battery is not None or isinstance(low, bool):
        yield Status(device=device, battery_percent=battery, low_battery=low if isinstance(low, bool) else None)


def _presses(message: dict[str, Any], told: roles.Told | None, model: str | None) -> bool:
    """Whether a button that calls for help is pressed.

    Raises ENCRYPTED for such a button without its key in the gateway, WRONG_TYPE for a press that is no press.
    """
    kind = message.get("model_id")
    is_button = told is None and (
        (isinstance(kind, str) and kind.upper().removesuffix("_ENCR") in BUTTON_MODELS)
        or (model is not None and is_button_model(model))
    )
    if not is_button and (told is None or told.role is not roles.Role.CALL):
        return False
    if "button" not in message and ("cipher" in message or "ciphertext" in message):
        raise UnreadableError(Why.ENCRYPTED, "an encrypted advertisement; expected the key in the gateway", "cipher")
    for name, value in message.items():
        if not name.lower().startswith("button"):
            continue
        number = name[len("button") :].strip("_")[:6]
        index = int(number) if number.isascii() and number.isdigit() else None
        if (told is None or told.is_call(index)) and roles.is_press(value, name[:64]):
            return True
    return False
