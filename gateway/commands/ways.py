"""Which device can be told what, and how: the capability table, and a message for each format.

| format | topic | message | answer |
|---|---|---|---|
| native | telecare/{site}/{device}/command | {"v":1,"id","command","expires_at"} | any message of it with that id |
| tts | v3/{application}/devices/{device}/down/push | {"downlinks":[{f_port, frm_payload, …}]} | down/ack or nack |
| chirpstack | application/{application}/device/{eui}/command/down | {"id", devEui, fPort, data} | event/ack |
| zigbee2mqtt | {base}/{name}/set | what is to be set | the state, when it is as we set it |

Sources: docs/formats.md (our own contract); The Things Stack, "MQTT Server" and "Downlink queue operations"; ChirpStack
v4, integration.proto (DownlinkCommand, AckEvent); Zigbee2MQTT, "MQTT topics and messages".
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from gateway.centre.model import CommandName, Device, Downlink

LIGHT: tuple[CommandName, ...] = ("light-on", "light-off", "light-day", "light-evening", "light-night")
COMMANDS: tuple[CommandName, ...] = ("ring", "find", *LIGHT, "locate")

CAN: dict[tuple[str, str], tuple[CommandName, ...]] = {
    ("native", "tracker"): ("ring", "find", "locate"),
    ("native", "fall_detector"): ("ring",),
    ("native", "sos_button"): ("ring", "find"),
    ("native", "other"): ("light-on", "light-off"),
    ("native", "lamp"): LIGHT,
    ("zigbee2mqtt", "other"): ("light-on", "light-off"),
    ("zigbee2mqtt", "lamp"): LIGHT,
}
"""What a device of a format and type can do where the centre file does not say (``commands``). LoRaWAN devices are not
here: the bytes are each maker's own, so the centre file has to name them."""

SET: dict[CommandName, dict[str, Any]] = {
    "light-on": {"state": "ON"},
    "light-off": {"state": "OFF"},
    "light-day": {"state": "ON", "brightness": 254, "color_temp": 200},
    "light-evening": {"state": "ON", "brightness": 120, "color_temp": 400},
    "light-night": {"state": "ON", "brightness": 10, "color_temp": 454},
}
"""What Zigbee2MQTT is told where the centre file does not say: every light and plug of it has ``state``; a light that
can be dimmed or coloured has ``brightness`` (0-254) and ``color_temp`` (mired: 200 is 5,000 K, 400 is 2,500 K), and
one that can't ignores them."""

REPEATS_S = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds between repeats towards a device of our own contract, which may have been without network when the broker
passed it on; it knows a repeat by its id. Networks that keep a queue of their own are told once."""


class Answers(StrEnum):
    """How a command's answer is known."""

    EVENT_ID = "event_id"
    """A message of the device whose id is the command's."""
    TTS = "tts"
    CHIRPSTACK = "chirpstack"
    STATE = "state"
    """A state message that says what was set."""
    NONE = "none"
    """There is none: sent is all that can be known."""


class CommandOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about commands; see gateway.settings.commands."""

    expires_s: float = 60.0
    per_minute: int = 6
    tts_application: str | None = None
    chirpstack_application: str | None = None
    zigbee2mqtt: str = "zigbee2mqtt"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How one device is told one command."""

    topic: str
    answers: Answers
    answer_topics: tuple[str, ...] = ()
    repeats_s: tuple[float, ...] = ()
    set: dict[str, Any] | None = None
    downlink: Downlink | None = None
    command: CommandName
    address: str


class CannotWhy(StrEnum):
    """Why a device can't be told; stands in the command's detail, so a value never changes its meaning."""

    NOT_ABLE = "not_able"
    """Neither the table nor the centre file says that it can."""
    NO_DOWNLINK = "no_downlink"
    """The centre file does not say which bytes to send, or what to set."""
    GONE = "gone"
    """The device is not in the centre file any more."""
    NO_APPLICATION = "no_application"
    """The settings don't name the application: commands.tts_application or commands.chirpstack_application."""


class Cannot(msgspec.Struct, frozen=True):
    """A device can't be told that."""

    why: CannotWhy


Found: TypeAlias = Way | Cannot


def able(device: Device) -> tuple[CommandName, ...]:
    """What a device can be told to do, as the centre file or the table says."""
    if device.commands is not None:
        return device.commands
    return CAN.get((device.format, device.type), ())


def way_of(device: Device, command: CommandName, *, site: str, options: CommandOptions) -> Found:
    """How to tell a device a command, or why not."""
    if command not in able(device):
        return Cannot(CannotWhy.NOT_ABLE)
    downlink = device.downlinks.get(command)
    match device.format:
        case "native":
            return Way(
                topic=f"telecare/{site}/{device.address}/command",
                answers=Answers.EVENT_ID,
                repeats_s=REPEATS_S,
                command=command,
                address=device.address,
            )
        case "tts" | "chirpstack":
            return _lorawan(device, command, downlink, options)
        case "zigbee2mqtt":
            wanted = downlink.set if downlink is not None and downlink.set is not None else SET.get(command)
            if wanted is None:
                return Cannot(CannotWhy.NO_DOWNLINK)
            topic = f"{options.zigbee2mqtt}/{(downlink and downlink.name) or device.address}"
            told = all(isinstance(value, str | int | float | bool) for value in wanted.values())
            return Way(
                topic=f"{topic}/set",
                answers=Answers.STATE if told else Answers.NONE,
                answer_topics=(topic,) if told else (),
                set=wanted,
                command=command,
                address=device.address,
            )
    return Cannot(CannotWhy.NOT_ABLE)


def message(way: Way, *, id: str, expires_at: datetime) -> bytes:  # noqa: A002 - the contract's word
    """The payload of a command."""
    return msgspec.json.encode(_content(way, id, expires_at))


def _content(way: Way, number: str, expires_at: datetime) -> Mapping[str, Any]:
    if way.set is not None:
        return way.set
    if way.downlink is None:
        return {"v": 1, "id": number, "command": way.command, "expires_at": expires_at}
    data = base64.b64encode(bytes.fromhex(way.downlink.payload or "")).decode()
    if way.answers is Answers.CHIRPSTACK or way.topic.endswith("/command/down"):
        return {
            "id": number,
            "devEui": way.address,
            "confirmed": way.downlink.confirmed,
            "fPort": way.downlink.port,
            "data": data,
        }
    return {
        "downlinks": [
            {
                "f_port": way.downlink.port,
                "frm_payload": data,
                "confirmed": way.downlink.confirmed,
                "priority": "HIGH",
                "correlation_ids": [f"telecare:{number}"],
            }
        ]
    }


def _lorawan(device: Device, command: CommandName, downlink: Downlink | None, options: CommandOptions) -> Found:
    if downlink is None or downlink.payload is None or downlink.port is None:
        return Cannot(CannotWhy.NO_DOWNLINK)
    name = downlink.name or device.address
    if device.format == "tts":
        if options.tts_application is None:
            return Cannot(CannotWhy.NO_APPLICATION)
        base = f"v3/{options.tts_application}/devices/{name}/down"
        return Way(
            topic=f"{base}/push",
            answers=Answers.TTS if downlink.confirmed else Answers.NONE,
            answer_topics=(f"{base}/ack", f"{base}/nack", f"{base}/failed"),
            downlink=downlink,
            command=command,
            address=name,
        )
    if options.chirpstack_application is None:
        return Cannot(CannotWhy.NO_APPLICATION)
    base = f"application/{options.chirpstack_application}/device/{name.lower()}"
    return Way(
        topic=f"{base}/command/down",
        answers=Answers.CHIRPSTACK if downlink.confirmed else Answers.NONE,
        answer_topics=(f"{base}/event/ack",),
        downlink=downlink,
        command=command,
        address=name.lower(),
    )
