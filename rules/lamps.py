"""What the rules that switch lamps share: which lamps there are, and what they can be told."""

from typing import Final, Literal, TypeAlias

from rules.errors import BadRuleError
from rules.model import Context

LightCommand: TypeAlias = Literal["light-on", "light-off", "light-day", "light-evening", "light-night"]
Command: TypeAlias = Literal[
    "ring", "find", "locate", "light-on", "light-off", "light-day", "light-evening", "light-night"
]

EXPIRES_S: Final = 60.0
"""A light that comes on later than this helps nobody who is up, and may wake somebody who is back in bed."""


def check_device(rule: str, field: str, device: str, context: Context) -> str:
    """The device, when a rule of this resident (or of the house) may tell it something.

    Raises:
        BadRuleError: it is neither the resident's nor one of the house.
    """
    known = [one.id for one in (*context.devices, *context.surroundings)]
    if device not in known:
        names = ", ".join(sorted(set(known))) or "none"
        raise BadRuleError(f"{rule}: {field} is {device!r}; the devices of this resident and of the house are: {names}")
    return device
