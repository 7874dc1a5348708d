"""Alerts as CAP 1.2 (OASIS Common Alerting Protocol), and the acknowledgements that come back. Nothing here sends.

How our words become CAP's is in the tables below, and told in docs/alarm-centre.md.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from xml.etree.ElementTree import Element, SubElement

import msgspec

from gateway.alerts.model import Purpose
from gateway.notify import xml
from gateway.notify.xml import XmlError

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
CONTENT_TYPE: Final = "application/cap+xml"

URGENCY: Final[Mapping[str, str]] = {"high": "Immediate", "medium": "Expected", "low": "Future"}
"""Responsive action should be taken at once; soon (within the hour); in the near future."""

SEVERITY: Final[Mapping[str, str]] = {"high": "Severe", "medium": "Moderate", "low": "Minor"}
"""Significant, possible, minimal threat to life. Never Extreme: that is for many people at once."""

CERTAINTY: Final[Mapping[str, str]] = {"help": "Observed"}
"""Somebody pressed the button. What a sensor or a rule says is Likely: more than half of it is so."""

CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "zone_exit": ("Safety", "Rescue"),
    "return_by": ("Safety", "Rescue"),
    "out_of_sight": ("Safety", "Rescue"),
    "not_where_expected": ("Safety", "Rescue"),
}
"""A person who may have to be looked for is Rescue too; alerts about a resident are Health, about the house Infra."""

MESSAGE_TYPES: Final[Mapping[str, str]] = {Purpose.ALERT: "Alert", Purpose.TAKEN: "Cancel", Purpose.CLOSED: "Cancel"}
"""Somebody else is going: the centre need not act any more. Everything else is an Update of what it knows."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the person was last: degrees (WGS 84), radius of the accuracy in metres, time (UTC)."""

    lon: float
    lat: float
    radius_m: float | None
    at: datetime


class Earlier(msgspec.Struct, frozen=True):
    """An earlier message about the same alert to the same centre, to refer to."""

    identifier: str
    sent: datetime


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """One message. Times are UTC-aware; texts are fit for a lock screen."""

    identifier: str
    sender: str
    sent: datetime
    test: bool
    purpose: str
    incident: str
    language: str
    rule: str
    about_resident: bool
    priority: str
    headline: str
    description: str
    web: str
    answer_url: str
    """Where the centre POSTs its acknowledgement."""
    onset: datetime
    room: str | None
    device: str | None
    to: str
    place: Place | None = None
    earlier: Sequence[Earlier] = ()


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """What a centre answers. ``Ack``: it takes care of it; ``Error``: it can't, and why."""

    kind: Literal["Ack", "Error"]
    note: str | None
    identifiers: tuple[str, ...]
    """Of the messages that it refers to."""


def write(cap: Cap) -> bytes:
    """The XML of a message, in the order that the schema wants."""
    kind = MESSAGE_TYPES.get(cap.purpose, "Update")
    if kind != "Alert" and not cap.earlier:
        kind = "Alert"  # 3.2.1: Update and Cancel need a reference; the centre has heard nothing yet
    root = Element("alert", {"xmlns": NAMESPACE})
    _add(root, "identifier", _word(cap.identifier))
    _add(root, "sender", _word(cap.sender))
    _add(root, "sent", moment(cap.sent))
    _add(root, "status", "Test" if cap.test else "Actual")
    _add(root, "msgType", kind)
    _add(root, "scope", "Private")
    _add(root, "addresses", _word(cap.to))
    if kind != "Alert":
        references = [f"{_word(cap.sender)},{_word(one.identifier)},{moment(one.sent)}" for one in cap.earlier]
        _add(root, "references", " ".join(references))
    _add(root, "incidents", _word(cap.incident))
    info = SubElement(root, "info")
    _add(info, "language", cap.language)
    for category in CATEGORIES.get(cap.rule, ("Health",) if cap.about_resident else ("Infra",)):
        _add(info, "category", category)
    _add(info, "event", cap.rule)
    _add(
        info, "responseType", "Assess" if cap.purpose in {Purpose.TAKEN, Purpose.CLEARED, Purpose.CLOSED} else "Execute"
    )
    _add(info, "urgency", URGENCY.get(cap.priority, "Unknown"))
    _add(info, "severity", SEVERITY.get(cap.priority, "Unknown"))
    _add(info, "certainty", CERTAINTY.get(cap.rule, "Likely"))
    _add(info, "onset", moment(cap.onset))
    _add(info, "senderName", cap.sender)
    _add(info, "headline", cap.headline[:160])
    _add(info, "description", cap.description)
    _add(info, "web", cap.web)
    for name, value in (
        ("purpose", cap.purpose),
        ("room", cap.room),
        ("device", cap.device),
        ("answer_url", cap.answer_url),
    ):
        if value:
            _parameter(info, name, value)
    if cap.place is not None:
        _parameter(info, "located_at", moment(cap.place.at))
        area = SubElement(info, "area")
        _add(area, "areaDesc", "Last known place of the person")
        radius_km = (cap.place.radius_m or 0.0) / 1000
        _add(area, "circle", f"{cap.place.lat:.6f},{cap.place.lon:.6f} {radius_km:.3f}")
    return xml.write(root)


def read(data: bytes) -> Ack:
    """An acknowledgement.

    Raises:
        XmlError: it is none.
    """
    root = xml.read(data)
    if xml.local(root) != "alert":
        raise XmlError("expected a CAP <alert>")
    kind = xml.text_of(root, "msgType")
    if kind not in {"Ack", "Error"}:
        raise XmlError("msgType: expected Ack or Error")
    references = (xml.text_of(root, "references") or "").split()
    parts = [one.split(",") for one in references]
    return Ack(
        kind="Ack" if kind == "Ack" else "Error",
        note=xml.text_of(root, "note"),
        identifiers=tuple(part[1] for part in parts if len(part) == 3),
    )


def moment(at: datetime) -> str:
    """A time as CAP writes it (3.3.2): whole seconds, and never a Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}-00:00"


def _word(text: str) -> str:
    """A name without what CAP forbids in it: spaces, commas, < and &."""
    return "".join("_" if c.isspace() or c in ",<&" else c for c in text)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = xml.usable(text)


def _parameter(info: Element, name: str, value: str) -> None:
    parameter = SubElement(info, "parameter")
    _add(parameter, "valueName", name)
    _add(parameter, "value", value)
