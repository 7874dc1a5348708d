"""The fields of a form, ready for the template: label, help, what stands there, what is wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.console.form_read import wall
from gateway.console.form_schema import Setting
from gateway.console.pages import Tongue
from gateway.words import N_

MOST_PICKS: Final = 40
"""So many check boxes at the most; more are typed, with commas between."""

MOST_CHOICES: Final = 400
"""So many lines in a list to choose from; more are typed."""

WORDS: Final[dict[str, str]] = {
    "tracker": N_("Tracker"), "fall_detector": N_("Fall detector"), "bed_sensor": N_("Bed sensor"),
    "continence_sensor": N_("Continence sensor"), "sos_button": N_("Help button"), "hub": N_("Hub"),
    "door_sensor": N_("Door sensor"), "motion_sensor": N_("Motion sensor"), "room_sensor": N_("Room sensor"),
    "lamp": N_("Lamp"), "probe": N_("Probe"), "other": N_("Other"), "relative": N_("Relative"), "carer": N_("Carer"),
    "manager": N_("Manager"), "admin": N_("Administrator"), "person": N_("Person"),
    "alarm_centre": N_("Alarm centre"), "high": N_("Act now"), "medium": N_("Act soon"), "low": N_("Be aware"),
    "smtp": N_("E-mail"), "sms": N_("Text message"), "voice": N_("Voice call"), "webpush": N_("Message in the browser"),
    "lock_screen": N_("room and kind only"), "details": N_("details too"),
    "log": N_("Log of the gateway"), "alarm": N_("only in an alarm"), "always": N_("always"), "never": N_("never"),
}  # fmt: skip
"""What people call the words of the centre file; others are shown as they are."""


@dataclass
class Field:
    """One field, or a group or list of them."""

    path: str
    setting: Setting
    label: str
    help: str
    value: Any
    normal: str
    """What counts when nothing is written; "" when that says nothing."""
    errors: list[str]
    choices: list[tuple[str, str]] = field(default_factory=list)
    suggested: list[str] = field(default_factory=list)
    """What others wrote here; something else may be written."""
    inner: list["Field"] = field(default_factory=list)
    rows: list[list["Field"]] = field(default_factory=list)
    fixed: bool = False
    exact: str = ""
    """Of a moment: what it says to the second, and in which of two hours; gateway.console.form_read.moment_in."""

    @property
    def kind(self) -> str:
        """Which input it is."""
        return self.setting.kind

    @property
    def filled(self) -> bool:
        """Whether something is written in it, or wrong: then it is shown at once."""
        inner = any(one.filled for one in self.inner) or any(one.filled for row in self.rows for one in row)
        return inner or bool(self.errors) or self.value not in ("", [], False, None)


@dataclass
class Around:
    """What the fields are made for."""

    tongue: Tongue
    timezone: ZoneInfo
    offered: Mapping[str, Sequence[tuple[str, str]]]
    """Ids and names by what they are the ids of: ``carers``, ``zones``, ..."""
    errors: dict[str, list[str]]
    """By the field's path."""
    fixed: frozenset[str] = frozenset()
    """Paths that can't be changed."""
    more_rows: str | None = None
    """The list that gets one more empty row."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """What counts when nothing is written, by path, where it depends on the house."""


def fields(settings: Sequence[Setting], entry: Mapping[str, Any], around: Around, prefix: str = "") -> list[Field]:
    """The fields of a form for an entry; what is typed wrongly is shown as it was typed."""
    return [_field(one, entry.get(one.key), around, f"{prefix}{one.key}") for one in settings]


def _field(one: Setting, value: Any, around: Around, path: str) -> Field:
    tongue = around.tongue
    made = Field(
        path=path,
        setting=one,
        label=tongue(one.label),
        help="" if path in around.fixed or not one.about else tongue(one.about),
        value=_shown(one, value, around.timezone),
        normal=_normal(one, tongue),
        errors=[*around.errors.get(path, ())],
        fixed=path in around.fixed,
        exact=str(value) if one.kind == "moment" and value else "",
    )
    refers = one.refers or ""
    match one.kind:
        case "group":
            table = value if isinstance(value, Mapping) else {}
            made.inner, made.value = fields(one.inner, table, around, f"{path}."), None
        case "rows":
            rows = [row for row in value or () if isinstance(row, Mapping)]
            needed = not rows and (one.required or one.key == "contacts")
            empty = 1 if needed or around.more_rows == path else 0
            made.rows = [
                fields(one.inner, row, around, f"{path}.{number}.")
                for number, row in enumerate([*rows, *({} for _ in range(empty))])
            ]
            made.value = None
        case "choice" | "picks":
            made.choices = [(word, said(word, tongue)) for word in one.choices]
        case "text" if one.key == "ward":  # a new one may be written
            made.suggested = [ward for ward, _ in around.offered.get("wards", ())]
        case "text" if refers in around.offered:
            made.choices = _with(list(around.offered[refers]), made.value)
            made.normal = dict(made.choices).get(around.usual.get(path) or one.default or "", "")
            if len(made.choices) > MOST_CHOICES:
                made.choices = []
        case "words" if refers in around.offered:
            offered = list(around.offered[refers])
            for word in made.value:
                offered = _with(offered, word)
            made.choices = offered if len(offered) <= MOST_PICKS else []
    return made


def _with(offered: list[tuple[str, str]], value: str) -> list[tuple[str, str]]:
    """What stands there is offered too, even if it is unknown by now: it must not vanish by saving."""
    return offered if not value or any(word == value for word, _ in offered) else [*offered, (value, value)]


def said(word: str, tongue: Tongue) -> str:
    """What people call a word of the centre file."""
    return tongue(WORDS[word]) if word in WORDS else word


def _shown(one: Setting, value: Any, timezone: ZoneInfo) -> Any:  # noqa: PLR0911 - one for each kind
    match one.kind:
        case "bool":
            return bool(one.default if value is None else value)
        case "words" | "picks":
            return list(value) if isinstance(value, list | tuple) else []
        case "times":
            return ", ".join(_clock(part) for part in value or ())
        case "time":
            return _clock(one.default if value is None else value)
        case "moment":
            return wall(value, timezone)
        case "json":
            empty = value is None or value in ({}, [])
            return "" if empty else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
        case "number":
            return "" if value is None or value == one.default else _number(value)
    return "" if value is None else str(value)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _clock(value: Any) -> str:
    return str(value or "").removesuffix(":00") if str(value or "").count(":") == 2 else str(value or "")


def _normal(one: Setting, tongue: Tongue) -> str:
    if one.default is None or one.default in ("", [], {}) or one.kind in {"bool", "time", "group", "rows"}:
        return ""
    if one.kind == "number":
        unit = f" {tongue(one.unit)}" if one.unit else ""
        return _number(one.default) + unit
    return said(str(one.default), tongue) if one.kind == "choice" else ""
