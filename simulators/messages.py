"""What a simulated device says: an event with its reading, and the native message made of it.

Topic ``telecare/{site}/{device}/{kind}``, JSON ``{"v":1,"id":...,"t":...,...}``; units SI, degrees WGS 84,
percent 0-100, times RFC 3339 in UTC. A field that the device does not say is left out.
"""

from datetime import datetime

import msgspec

from devices.model import ALARM_KINDS, Reading, kind_of

VERSION = 1

_NOT_SENT = frozenset({"kind", "device", "observed_at", "event_id"})
"""Fields of a reading that a native message says by its topic, its ``t`` and its ``id``."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that a device of a resident notices at a time (UTC); ``id`` is unique per event."""

    at: datetime
    id: str
    resident: str
    reading: Reading

    @property
    def device(self) -> str:
        """The native address of the device."""
        return self.reading.device

    @property
    def kind(self) -> str:
        """The reading's word, e.g. ``position``."""
        return kind_of(self.reading)

    @property
    def is_alarm(self) -> bool:
        """Whether the device repeats it until the gateway has acknowledged it."""
        return self.kind in ALARM_KINDS


def event_id(device: str, at: datetime, number: int) -> str:
    """An id that no other event of any device has: device, millisecond, and a number within that device's day."""
    return f"{device}-{round(at.timestamp() * 1000):x}-{number:x}"


def topic(site: str, event: Event) -> str:
    """The topic of an event's message."""
    return f"telecare/{site}/{event.device}/{event.kind}"


def ack_topic(site: str, device: str) -> str:
    """Where the gateway acknowledges a device's events; ``+`` as device stands for all of them."""
    return f"telecare/{site}/{device}/ack"


def command_topic(site: str, device: str) -> str:
    """Where the gateway tells a device what to do."""
    return f"telecare/{site}/{device}/command"


def payload(event: Event) -> bytes:
    """The message of an event: the same event gives the same bytes, so that a repeat is a repeat."""
    said = msgspec.to_builtins(event.reading, builtin_types=(datetime,))
    fields = {name: value for name, value in said.items() if value is not None and name not in _NOT_SENT}
    return msgspec.json.encode({"v": VERSION, "id": event.id, "t": event.at, **fields})


def acknowledged_id(message: bytes) -> str | None:
    """The id that an acknowledgement names; None when it can't be read: a device passes over such a message."""
    try:
        return msgspec.json.decode(message, type=_Ack).id
    except msgspec.DecodeError:
        return None


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is told: ``ring``, ``find``, ``locate`` or a ``light-…``, of no use after ``expires_at``."""

    v: int
    id: str
    command: str
    expires_at: datetime


def told(message: bytes) -> Command | None:
    """A command; None when it can't be read or is of another version: a device passes over such a message."""
    try:
        command = msgspec.json.decode(message, type=Command)
    except msgspec.DecodeError:
        return None
    return command if command.v == VERSION and command.expires_at.tzinfo is not None else None


class _Ack(msgspec.Struct):
    id: str
