"""SCAIP-shaped messages: ``mrq`` to an alarm receiving centre, and its answer ``mrs``.

Names, lengths and codes are those that products for SS 91100:2014 (Social Care Alarm Internet Protocol) and its
successor CLC/TS 50134-9 exchange in public. The standard itself is sold and was not at hand: test with your centre
before you rely on it. Nothing here sends; gateway.notify.channels.scaip does.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element, SubElement

import msgspec

from gateway.notify import xml
from gateway.notify.xml import XmlError

CONTENT_TYPE: Final = "application/scaip+xml"
"""As registered with IANA."""

REFERENCE: Final = 16
"""Longest ``ref``: letters and digits."""


class Kind(StrEnum):
    """``mty``: what a message is."""

    ALARM = "ME"
    RESET = "RE"
    INFORMATION = "IN"
    HEARTBEAT = "PI"


class Status(StrEnum):
    """``snu``: what the centre says of a message."""

    OK = "0"
    TOO_LONG = "1"
    BAD_FORMAT = "2"
    BAD_CONTENT = "3"
    HOLD = "4"
    NOT_TREATED = "5"
    BUSY = "6"
    TAG_MISSING = "7"


MAY_PASS: Final = frozenset({Status.HOLD, Status.NOT_TREATED, Status.BUSY})
"""Answers after which the same message may be taken later; after the others it would get the same answer again."""

DEVICE_TYPES: Final[Mapping[str, str]] = {
    "help": "0003",  # personal trigger
    "fall": "0005",
    "bed_exit": "0012",  # bed monitor
    "not_back": "0012",
    "not_in_bed_by": "0012",
    "not_up_by": "0012",
    "restless_night": "0012",
    "bed_sensor_silent": "0012",
    "heart_rate": "0019",
    "breathing": "0019",
    "oxygen": "0019",
    "continence": "0016",  # enuresis detector
    "continence_off": "0016",
    "not_changed": "0016",
    "zone_exit": "0015",  # wandering sensor
    "zone_entry": "0015",
    "return_by": "0015",
    "not_where_expected": "0015",
    "out_of_sight": "0015",
    "night_wandering": "0015",
    "door_at_night": "0014",  # door sensor
    "no_movement": "0010",  # activity detector
    "unusual_inactivity": "0010",
}
"""``dty`` of a rule's alerts; all others come from the gateway itself: 0045, controller."""

CONTROLLER: Final = "0045"

_STATUS_CODES: Final[Mapping[str, str]] = {"help": "0010", "low_battery": "0016", "silent": "0073"}
"""``stc``: manual alarm, battery low, offline; all others are automatic alarms (0009)."""

AUTOMATIC_ALARM: Final = "0009"
NORMAL_STATE: Final = "0070"
AUTOMATIC_RESET: Final = "0092"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the centre. Positions are degrees, WGS 84."""

    reference: str
    controller: str
    kind: Kind
    device_type: str = CONTROLLER
    status: str | None = None
    device: str | None = None
    callback: str = "no-voice:"
    """``crd``: how the centre calls back: ``sip:``, ``gsm:+356…``, or ``no-voice:``."""
    place: str | None = None
    info: str | None = None
    lon: float | None = None
    lat: float | None = None
    located_at: str | None = None
    """RFC 3339 with the offset."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre said. ``heartbeat`` is its ``hbi`` as it came: the code of an interval that it would like."""

    reference: str
    status: Status
    text: str | None = None
    heartbeat: str | None = None


def alarm_status(rule: str) -> str:
    """``stc`` of a rule's alerts."""
    return _STATUS_CODES.get(rule, AUTOMATIC_ALARM)


def write(request: Request) -> bytes:
    """The XML of a message. Texts that are too long are cut: a cut room is better than an alarm that is refused.

    Raises:
        XmlError: a reference or a controller that the centre could not read.
    """
    if not (request.reference.isalnum() and request.reference.isascii() and len(request.reference) <= REFERENCE):
        raise XmlError("ref: expected 1 to 16 letters and digits")
    if not (request.controller.isdecimal() and request.controller.isascii() and len(request.controller) <= 16):
        raise XmlError("cid: expected 1 to 16 digits")
    root = Element("mrq")
    fields: tuple[tuple[str, str | None, int], ...] = (
        ("ref", request.reference, 16),
        ("ver", "01.00", 5),
        ("sco", "1", 1),  # grouped equipment: a house with many residents
        ("cha", "0", 1),
        ("mty", request.kind, 2),
        ("hbo", "0" if request.kind is Kind.HEARTBEAT else None, 1),  # the interval is set here, not by the centre
        ("cid", request.controller, 16),
        ("dty", request.device_type, 4),
        ("did", request.device, 8),
        ("crd", request.callback, 256),
        ("stc", request.status, 4),
        ("lco", None if request.lon is None else "034", 3),  # geographical position attached
        ("lte", request.place, 32),
    )
    for name, value, longest in fields:
        _add(root, name, value, longest)
    if request.lon is not None and request.lat is not None:
        place = SubElement(root, "lge")
        _add(place, "geo", f"{request.lat:.5f},{request.lon:.5f}", 23)
        _add(place, "tim", request.located_at, 32)
    _add(root, "ite", request.info, 128)
    return xml.write(root)


def read(data: bytes) -> Answer:
    """An answer of the centre.

    Raises:
        XmlError: it is none.
    """
    root = xml.read(data)
    if xml.local(root) != "mrs":
        raise XmlError("expected <mrs>")
    reference, status = xml.text_of(root, "ref"), xml.text_of(root, "snu")
    known = {value.value: value for value in Status}
    if reference is None or status is None or (status.lstrip("0") or "0") not in known:
        raise XmlError("expected ref, and snu from 0 to 7")
    return Answer(
        reference=reference,
        status=known[status.lstrip("0") or "0"],
        text=xml.text_of(root, "ste"),
        heartbeat=xml.text_of(root, "hbi"),
    )


def answers(reference: str, data: bytes) -> bool:
    """Whether a body is the centre's answer to the message of that reference."""
    try:
        return read(data).reference == reference
    except XmlError:
        return False


def _add(parent: Element, name: str, value: str | None, longest: int) -> None:
    text = xml.usable(value or "").strip()[:longest].strip()
    if text:
        SubElement(parent, name).text = text
