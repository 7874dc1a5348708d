"""What a device that went away takes with it: what the rules concluded from it, and nobody could correct any more.

Who was in bed when the mat was given to somebody else would be "still in bed" for ever, and told so.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from rules.engine import ResidentRules
from rules.losing import LosesDevices, OwnsByDevice
from rules.model import State

_INDOORS: Final = frozenset({"motion", "room"})
_NOTHING: Final[frozenset[str]] = frozenset()

GIVES: Final[Mapping[str, frozenset[str]]] = {
    "tracker": frozenset({"position"}),
    "bed_sensor": frozenset({"bed", "sleep", "vitals"}),
    "continence_sensor": frozenset({"continence"}),
    "sos_button": _NOTHING,
    "hub": _NOTHING,
    "lamp": _NOTHING,
}
"""What a type of device says of a person, as rules understand it; the other types: motion and room."""

STAY: Final = frozenset({"help", "fall", "heart_rate", "breathing", "oxygen"})
"""Rules that a device leaves as they are: an open call for help or fall is somebody's life, and what is told of vitals
is forgotten by itself when no value comes (rules.vitals), while the learned nights are still the person's."""


def bereft(
    rules: ResidentRules, states: Mapping[str, State], worn: Mapping[str, str], gone: Iterable[str], at: datetime
) -> dict[str, State]:
    """The states that change because devices went away.

    Args:
        rules: the resident's, as they are now; states: theirs, by rule key.
        worn: types of the devices that the resident has now, by id.
        gone: types of the devices that went away.
        at: now, UTC-aware.
    """
    gave = frozenset[str]().union(*(GIVES.get(one, _INDOORS) for one in gone))
    found: dict[str, State] = {}
    for rule in rules.rules:
        state = states.get(rule.key)
        if state is None or rule.name in STAY or not rule.kinds & gave:
            continue
        left = frozenset[str]().union(
            *(GIVES.get(one, _INDOORS) for name, one in worn.items() if rule.devices is None or name in rule.devices)
        )
        if not rule.kinds & (gave - left):
            continue
        after = rule.devices_gone(state, left) if isinstance(rule, LosesDevices) else rule.start(at)
        if after != state:
            found[rule.key] = after
    return found


def only_own(rules: ResidentRules, states: Mapping[str, State]) -> dict[str, State]:
    """The states that change because rules keep parts for devices that do not count any more.

    What a tracker said goes with it, also where the care plan names another one from now on: should it come back after
    weeks, it begins anew.
    """
    found: dict[str, State] = {}
    for rule in rules.rules:
        state = states.get(rule.key)
        if state is None or not isinstance(rule, OwnsByDevice):
            continue
        after = rule.only_own(state)
        if after is not state:
            found[rule.key] = after
    return found
