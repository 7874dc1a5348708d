"""Scripted events: what is sure to happen, besides the seeded day, at a given time of a simulation.

A script is data (TOML): a title, a local start time, and events with ``at_s`` (simulated seconds after the start),
``do`` (a word of Action) and optionally ``resident`` and ``for_s``. Without a resident, the first one is taken who
has the device and a care plan that listens to it, and to whom nothing else was scripted.
"""

import re
import tomllib
from datetime import UTC, date, datetime, time
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import msgspec

from simulators.errors import OptionsError, SceneError


class Action(StrEnum):
    """What can be scripted."""

    SOS = "sos"
    FALL = "fall"
    FALL_CANCELLED = "fall_cancelled"
    LEAVE_ZONE = "leave_zone"
    OUT_OF_BED = "out_of_bed"
    CONTINENCE_DUE = "continence_due"
    LOW_BATTERY = "low_battery"


USUAL_S = {
    Action.FALL: 600.0,
    Action.OUT_OF_BED: 2400.0,
    Action.CONTINENCE_DUE: 3600.0,
}
"""How long something lasts when the script does not say: lying after a fall, being up at night, waiting for a
change. A walk takes the time that it takes."""


class Scripted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scripted event; seconds are simulated. A negative ``at_s`` happened while the device was out of reach:
    it is sent at the start, stamped with its own time."""

    at_s: float
    do: Action
    resident: str | None = None
    for_s: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``20s sos r03`` or ``5m leave_zone`` (time, what, optionally whom).

        Raises:
            OptionsError: it reads otherwise.
        """
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h)\s+(\w+)(?:\s+(\S+))?\s*", text)
        if match is None or match[3] not in set(Action):
            words = ", ".join(Action)
            raise OptionsError(
                f'script event: "{text}": expected e.g. "20s sos r03"; the middle word is one of {words}'
            )
        seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
        return cls(at_s=seconds, do=Action(match[3]), resident=match[4])


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script: ``starts`` is the local wall clock at which it is meant to begin."""

    title: str
    starts: time
    minutes: float
    """Simulated minutes that it lasts."""
    events: tuple[Scripted, ...]

    def start(self, day: date, timezone: ZoneInfo) -> datetime:
        """The start on that local day, UTC."""
        return datetime.combine(day, self.starts, tzinfo=timezone).astimezone(UTC)


def read_script(path: Path | None = None) -> Script:
    """Read a script; without a path the bundled evening (simulators/evening.toml).

    Raises:
        SceneError: the file can't be read as a script.
    """
    where = str(path or "evening.toml")
    try:
        text = path.read_text("utf-8") if path else (resources.files("simulators") / "evening.toml").read_text("utf-8")
        data: dict[str, Any] = tomllib.loads(text)
        return msgspec.convert(data, Script)
    except OSError as error:
        raise SceneError([f"{where}: {error.strerror}: expected a script (TOML)"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SceneError([f"{where}: {error}: expected a script, see docs/simulators.md"]) from error
