"""What kind of input each setting of the centre needs, read off its model's JSON Schema."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel

from gateway.problems import schema_of
from gateway.words import N_

Kind: TypeAlias = Literal[
    "text", "long", "number", "bool", "choice", "time", "moment", "words", "times", "picks", "json", "group", "rows"
]

LONG_FROM: Final = 400
"""Characters from which on a text gets several lines."""

REFERENCES: Final[dict[str, str]] = {
    "relatives": "carers", "device": "devices", "devices": "devices", "event_only": "devices", "doors": "devices",
    "hub": "hubs", "carer": "carers", "resident": "residents", "policy": "policies", "to": "carers",
    "failsafe": "carers", "carers": "carers", "companions": "carers", "zone": "zones", "zones": "zones",
    "calendar": "calendars", "roles": "roles", "format": "formats", "language": "languages", "wards": "wards",
}  # fmt: skip
"""Keys that name another entry: key -> whose ids are offered."""

UNITS: Final[dict[str, str]] = {
    "_s": N_("seconds"), "_m": N_("metres"), "_percent": "%", "_g": "g", "_mps": "m/s", "_ml": "ml",
    "_minutes": N_("minutes"), "_hours": N_("hours"), "_days": N_("days"), "_kmh": "km/h",
}  # fmt: skip
WHOLE_UNITS: Final[dict[str, str]] = {"minutes": N_("minutes"), "hours": N_("hours"), "days": N_("days")}
"""Keys that are nothing but their unit."""

LABELS: Final[dict[str, str]] = {
    "serves_house": N_("Serves the house"),
    "id": N_("Short name"), "name": N_("Name"), "room": N_("Room"), "note": N_("What a carer should know"),
    "description": N_("What the person looks like"), "relatives": N_("Relatives"), "ward": N_("Ward"),
    "visit": N_("Link of the virtual visit"), "type": N_("What it is"), "format": N_("Format"),
    "address": N_("Address"), "model": N_("Maker and model"), "silent_after_s": N_("Silent after"),
    "hub": N_("Hub"), "mains": N_("On the mains"), "carer": N_("Carer"), "commands": N_("Commands"),
    "downlinks": N_("How it is told"), "device": N_("Device"), "resident": N_("Resident"), "from": N_("From"),
    "to": N_("To"), "until": N_("Until"), "language": N_("Language"), "role": N_("Role"), "kind": N_("Kind"),
    "wards": N_("Wards"), "quiet": N_("Quiet hours"), "contacts": N_("Ways to reach them"),
    "channel": N_("Channel"), "shows": N_("How much a message says"),
    "timezone": N_("Time zone"), "weekly": N_("Every week"), "days": N_("Days"),
    "calendar": N_("Calendar"), "url": N_("Web address"), "steps": N_("Steps"), "failsafe": N_("Last resort"),
    "rounds": N_("Rounds"), "when": N_("Other steps, sometimes"), "policy": N_("Policy"), "roles": N_("On shift"),
    "alarm_centre": N_("Alarm centre"), "wait_s": N_("Wait"), "text": N_("iCalendar text"),
    "priority": N_("How urgent"), "schedule": N_("When it counts"), "zone": N_("Zone"), "zones": N_("Zones"),
    "carers": N_("Carers"), "priorities": N_("For these priorities"), "rules": N_("For these rules"),
    "devices": N_("Devices"), "companions": N_("Companions"), "minutes": N_("How long"),
}  # fmt: skip
"""What the fields are called. Other settings of rules are called by their own key, which is a msgid too."""


TWO_MEANINGS: Final[dict[tuple[str, Kind], str]] = {
    ("to", "time"): N_("Until"), ("to", "moment"): N_("Until"), ("to", "text"): N_("Until"),
    ("by", "choice"): N_("Opened by"),
}  # fmt: skip
"""Keys that mean one thing here and another one there: a recipient or an end, a time or somebody."""


class Setting(NamedTuple):
    """One key of a table or of a rule: what stands there, and what may."""

    key: str
    kind: Kind
    label: str
    """Msgid."""
    about: str
    """Msgid: what it is, in a sentence or two."""
    unit: str | None
    """Msgid, or a sign that is the same everywhere."""
    required: bool
    default: Any
    choices: tuple[str, ...] = ()
    refers: str | None = None
    low: float | None = None
    high: float | None = None
    above: float | None = None
    longest: int | None = None
    optional: bool = False
    """A group that may be absent as a whole."""
    inner: tuple["Setting", ...] = ()


@cache
def settings_of(model: type[BaseModel]) -> tuple[Setting, ...]:
    """Every key of a table, in the order of its model; ``rule``, the word that says which rule it is, left out."""
    schema = schema_of(model)
    return _settings(schema, schema)


def texts_of(model: type[BaseModel]) -> Iterator[str]:
    """Every msgid of a table's or a rule's settings: what they are called, and what is said about them."""
    ahead = list(settings_of(model))
    while ahead:
        one = ahead.pop()
        yield one.label
        if one.about:
            yield one.about
        ahead += one.inner


def _settings(node: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Setting, ...]:
    required = node.get("required", ())
    return tuple(
        _setting(key, raw, schema, required=key in required)
        for key, raw in node.get("properties", {}).items()
        if "const" not in raw
    )


def _setting(key: str, raw: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool) -> Setting:
    node, optional = _resolved(raw, schema)
    about = re.sub(r"`|\[\[|\]\]", "", " ".join(str(raw.get("description") or node.get("description") or "").split()))
    kind, choices, inner = _kind(key, node, schema)
    unit = WHOLE_UNITS.get(key) or next((word for end, word in UNITS.items() if key.endswith(end)), None)
    refers = REFERENCES.get(key) if kind in {"text", "words"} and (key != "to" or kind == "words") else None
    item = _resolved(node.get("items", {}), schema)[0] if node.get("type") == "array" else {}
    if key in {"relatives", "rules"} and item.get("enum"):
        refers = None
    return Setting(
        key=key,
        kind=kind,
        label=TWO_MEANINGS.get((key, kind)) or LABELS.get(key) or spoken(key),
        about=about,
        unit=unit if kind == "number" else None,
        required=required,
        default=raw.get("default"),
        choices=choices,
        refers=refers,
        low=node.get("minimum"),
        high=node.get("maximum"),
        above=node.get("exclusiveMinimum"),
        longest=node.get("maxLength"),
        optional=optional,
        inner=inner,
    )


def _kind(
    key: str, node: Mapping[str, Any], schema: Mapping[str, Any]
) -> tuple[Kind, tuple[str, ...], tuple[Setting, ...]]:
    kind: Kind = "json"
    choices: tuple[str, ...] = ()
    inner: tuple[Setting, ...] = ()
    match node.get("type"):
        case _ if "enum" in node:
            kind, choices = "choice", tuple(map(str, node["enum"]))
        case "string":
            formats: dict[Any, Kind] = {"time": "time", "date-time": "moment"}
            kind = formats.get(node.get("format"), "long" if (node.get("maxLength") or 0) >= LONG_FROM else "text")
            if key == "address":
                kind = "text"
        case "number" | "integer":
            kind = "number"
        case "boolean":
            kind = "bool"
        case "object" if "properties" in node:
            kind, inner = "group", _settings(node, schema)
        case "array":
            item = _resolved(node.get("items", {}), schema)[0]
            if "enum" in item:
                kind, choices = "picks", tuple(map(str, item["enum"]))
            elif item.get("type") == "string":
                kind = "times" if item.get("format") == "time" else "words"
            elif "properties" in item and key not in {"all", "any"}:
                kind, inner = "rows", _settings(item, schema)
    return kind, choices, inner


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The node that says what stands there, and whether nothing may stand there."""
    optional = False
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        elif "allOf" in node:
            node = node["allOf"][0]
        elif any(option == {"type": "null"} for option in node.get("anyOf", ())):
            node, optional = next(option for option in node["anyOf"] if option != {"type": "null"}), True
        else:
            return node, optional


def spoken(key: str) -> str:
    """What a key is called that has no label: its own words, without the unit; a msgid."""
    for end in UNITS:
        if key.endswith(end) and len(key) > len(end):
            key = key.removesuffix(end)
            break
    return key.replace("_", " ").capitalize()
