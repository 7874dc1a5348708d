"""What was found good in a centre, so that the next version is checked by what differs, with the same outcome.

An entry is known by its whole text; so what is taken from here is what validating it again would give.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel

from gateway.centre.model import Calendar, CarePlan, Zone
from gateway.centre.sheets import text_of
from rules.model import DeviceInfo


class PlanChecked(NamedTuple):
    """All that the check of a care plan looks at: when it is the same, so is what the check says.

    ``names``: the zones and the calendars that its rules name; ``devices``: ids and descriptions of what the resident
    has at any time; ``surrounded``: what all plans have around them.
    """

    plan: CarePlan
    names: tuple[tuple[str, ...], tuple[str, ...]]
    zones: tuple[Zone | None, ...]
    calendars: tuple[Calendar | None, ...]
    devices: tuple[str | DeviceInfo, ...]
    surrounded: tuple[Any, ...]


class Known(msgspec.Struct, frozen=True):
    """The entries of a centre that holds, by table and text; and with what each care plan holds, by resident."""

    entries: dict[str, dict[bytes, BaseModel]] = {}
    plans: dict[str, PlanChecked] = {}


NOTHING = Known()


def stored_text(entry: BaseModel) -> bytes:
    """An entry as it is stored: every default written out."""
    return text_of(entry.model_dump(mode="json", by_alias=True, exclude_none=True))


def text_or_none(entry: Mapping[str, Any]) -> bytes | None:
    """The text by which a raw entry may be known; None: it holds what JSON can't."""
    try:
        return text_of(entry)
    except (TypeError, ValueError, RecursionError):  # a lone surrogate, a number beyond 64 bits
        return None
