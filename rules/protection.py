"""Protection status: what a resident's care plan counts on, and what of it is there now.

Each rule of the plan counts on something (``NEEDS``): that help can be called, that a fall is seen, that it is known
where the person is. Each device gives some of these, by its type (``TYPES``) and by what was ever heard of it. A device
gives nothing while it is silent, switched off, taken off, or behind a hub that is gone.

- **protected**: everything that the plan counts on is there.
- **degraded**: something is there, but not all of it or not for long: a second device is gone, a battery is low, no
  position came for ``NO_POSITION``, nobody would be told of a silent device.
- **unprotected**: no device is left for a call for help, for a fall, or for the zones; or there is no device at all, or
  no rule that watches over somebody.

Pure: it reads the states of the device rules and keeps nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from rules.clock_wrong import ClockStand, ClockWrongState
from rules.device_flag import FlagStand, FlagState
from rules.low_battery import Level as BatteryLevel
from rules.low_battery import LowBatteryState
from rules.model import DeviceInfo, Reason, Rule, State
from rules.silent_state import SilentState, Stand
from rules.timing import epoch_ms


class Need(StrEnum):
    """What a rule counts on."""

    HELP = "help"
    FALL = "fall"
    PLACE = "place"
    BED = "bed"
    CONTINENCE = "continence"


class Level(StrEnum):
    """How far somebody is protected."""

    PROTECTED = "protected"
    DEGRADED = "degraded"
    UNPROTECTED = "unprotected"


NEEDS: Final[dict[str, Need]] = {
    "help": Need.HELP,
    "fall": Need.FALL,
    "falls_often": Need.FALL,
    "bed_exit": Need.BED,
    "not_back": Need.BED,
    "not_in_bed_by": Need.BED,
    "not_up_by": Need.BED,
    "restless_night": Need.BED,
    "breathing": Need.BED,
    "heart_rate": Need.BED,
    "oxygen": Need.BED,
    "bed_sensor_silent": Need.BED,
    "continence": Need.CONTINENCE,
    "not_changed": Need.CONTINENCE,
    "continence_off": Need.CONTINENCE,
}
"""What the rules count on, by their word; a rule with zones counts on the place."""

TYPES: Final[dict[str, frozenset[Need]]] = {
    "tracker": frozenset({Need.HELP, Need.PLACE, Need.FALL}),
    "fall_detector": frozenset({Need.FALL}),
    "bed_sensor": frozenset({Need.BED}),
    "continence_sensor": frozenset({Need.CONTINENCE}),
    "sos_button": frozenset({Need.HELP}),
}
"""What a device is good for by its type. A tracker counts for falls too, because most pendants see them; whatever else
a device turns out to send is added when it is first heard."""

_HEARD: Final[dict[str, Need]] = {
    "help": Need.HELP,
    "fall": Need.FALL,
    "bed": Need.BED,
    "sleep": Need.BED,
    "continence": Need.CONTINENCE,
}

UPKEEP: Final = frozenset({
    "silent", "switched_off", "removed", "tamper", "clock_wrong", "low_battery", "charge_by", "bed_sensor_silent",
    "continence_off", "path_light", "day_light", "answer",
})  # fmt: skip
"""Rules that look after devices, or tell them something: nobody is watched over by these alone."""

LIFE_SAFETY: Final = (Need.HELP, Need.FALL, Need.PLACE)
"""Without one of these that the plan counts on, somebody is unprotected."""

NO_POSITION: Final = timedelta(hours=3)
"""A zone without a position for this long is watched badly: longer than most visits to a cellar or a cinema."""

NO_POSITION_AT_ALL: Final = timedelta(hours=12)
"""And for this long not at all. A tracker that sleeps at rest may be without one for a night."""

_NO_DEVICE: Final = {
    Need.HELP: Reason("No device can call for help."),
    Need.FALL: Reason("No device can see a fall."),
    Need.PLACE: Reason("No device says where the person is: the zones are not watched."),
    Need.BED: Reason("No device watches the bed."),
    Need.CONTINENCE: Reason("No continence sensor is there."),
}

_NOTHING: Final = Reason("Nothing watches over this resident.")


class Protection(msgspec.Struct, frozen=True):
    """How far somebody is protected, what is missing, and what of it nobody is told by a device's own alert."""

    level: Level
    missing: tuple[Reason, ...] = ()
    untold: tuple[Reason, ...] = ()


class _Gone(msgspec.Struct, frozen=True):
    """Why a device gives nothing now; every such reason has an alert of its own."""

    reason: Reason


class Protections:
    """The protection of one resident, for the rules and devices of a time; ask :meth:`of` as often as states change."""

    def __init__(self, rules: Sequence[Rule], devices: Sequence[DeviceInfo]) -> None:
        needs = [NEEDS[rule.name] for rule in rules if rule.name in NEEDS]
        needs += [Need.PLACE for rule in rules if rule.zones]
        self._needs = tuple(need for need in Need if need in needs)
        self._devices = tuple(device for device in devices if device.type != "lamp")
        self._watched = bool(self._devices) and any(rule.name not in UPKEEP for rule in rules)
        keys = {rule.key for rule in rules}
        self._keys = {
            device.id: {
                name: key
                for name in ("silent", "switched_off", "removed", "tamper", "clock_wrong", "low_battery")
                if (key := f"{name}:{device.id}") in keys
            }
            for device in self._devices
        }
        self.keys: tuple[str, ...] = tuple(key for found in self._keys.values() for key in found.values())
        """Keys of the rules whose states count."""

    def moved(self, before: Mapping[str, State], after: Mapping[str, State]) -> bool:
        """Whether a state that counts is another one."""
        for key in self.keys:  # noqa: SIM110 - any() of a generator costs twice as much, some thousand times a second
            if after.get(key) is not before.get(key):
                return True
        return False

    def of(self, states: Mapping[str, State], at: datetime) -> Protection:
        """How far the resident is protected at ``at``; ``states`` by rule key."""
        given: dict[Need, int] = dict.fromkeys(self._needs, 0)
        lost: dict[Need, list[Reason]] = {need: [] for need in self._needs}
        missing: list[Reason] = []
        placed_at: datetime | None = None
        for device in self._devices:
            silent = states.get(self._keys[device.id].get("silent", ""))
            heard = silent if isinstance(silent, SilentState) else None
            good_for = _good_for(device, heard)
            if not good_for.intersection(self._needs):
                continue
            gone = self._gone(device, states, heard)
            for need in self._needs:
                if need in good_for:
                    if gone is None:
                        given[need] += 1
                    else:
                        lost[need].append(gone.reason)
            if gone is not None:
                missing.append(gone.reason)
                continue
            missing += self._doubts(device, states, heard)
            if heard is not None and heard.placed_at is not None and Need.PLACE in good_for:
                placed_at = heard.placed_at if placed_at is None else max(placed_at, heard.placed_at)
        empty = [need for need in self._needs if not given[need]]
        untold = [_NO_DEVICE[need] for need in empty if need in LIFE_SAFETY and not lost[need]]
        unprotected = not self._watched or any(need in LIFE_SAFETY for need in empty)
        if given.get(Need.PLACE) and placed_at is not None and at - placed_at > NO_POSITION:
            unwatched = Reason(
                "No position since {placed_at}: the zones are not watched.", {"placed_at": epoch_ms(placed_at)}
            )
            missing.append(unwatched)
            if at - placed_at > NO_POSITION_AT_ALL:
                unprotected = True
                untold.append(unwatched)
        nothing = () if self._watched or empty else (_NOTHING,)
        missing = [*nothing, *(_NO_DEVICE[need] for need in empty), *missing]
        level = Level.UNPROTECTED if unprotected else Level.DEGRADED if missing else Level.PROTECTED
        return Protection(level, tuple(missing), tuple(untold))

    def _gone(self, device: DeviceInfo, states: Mapping[str, State], heard: SilentState | None) -> _Gone | None:
        """Why the device gives nothing now; None when it is there."""
        values: dict[str, float | int | str] = {"device": device.id}
        off = self._flag(device, "switched_off", states)
        if off is not None:
            return _Gone(Reason("{device} is switched off since {off_at}.", values | {"off_at": off}))
        if heard is not None and heard.stand is Stand.BEHIND:
            return _Gone(
                Reason("{device} can't be heard while {hub} is gone.", values | {"hub": device.hub or ""}),
            )
        if heard is not None and heard.stand is Stand.SILENT:
            if heard.never:
                return _Gone(Reason("{device} was never heard.", values))
            return _Gone(
                Reason("{device} is silent since {heard_at}.", values | {"heard_at": epoch_ms(heard.heard_at)})
            )
        worn = self._flag(device, "removed", states)
        if worn is not None:
            return _Gone(Reason("{device} is not worn since {off_at}.", values | {"off_at": worn}))
        return None

    def _doubts(self, device: DeviceInfo, states: Mapping[str, State], heard: SilentState | None) -> list[Reason]:
        """What makes it doubtful that a device that is there will be there for long."""
        values: dict[str, float | int | str] = {"device": device.id}
        found: list[Reason] = []
        keys = self._keys[device.id]
        if "silent" not in keys:
            found.append(Reason("Nobody would be told if {device} fell silent.", values))
        elif heard is not None and heard.never:
            found.append(Reason("{device} was not heard yet.", values))
        elif heard is not None and heard.drops is not None and heard.drops.steady_from is not None:
            found.append(Reason("The link of {device} is unsteady.", values))
        battery = states.get(keys.get("low_battery", ""))
        told = isinstance(battery, LowBatteryState) and battery.level is not BatteryLevel.FINE
        if told or (heard is not None and heard.low):
            percent = None if heard is None else heard.battery_percent
            if percent is None:
                found.append(Reason("The battery of {device} is low.", values))
            else:
                found.append(
                    Reason("The battery of {device} is at {battery_percent}.", values | {"battery_percent": percent})
                )
        if self._flag(device, "tamper", states) is not None:
            found.append(Reason("Somebody opened or moved {device}.", values))
        clock = states.get(keys.get("clock_wrong", ""))
        if isinstance(clock, ClockWrongState) and clock.stand is ClockStand.TOLD:
            found.append(Reason("The clock of {device} is wrong.", values))
        return found

    def _flag(self, device: DeviceInfo, name: str, states: Mapping[str, State]) -> int | None:
        """Since when (epoch ms) a flag is told; None when it is not."""
        state = states.get(self._keys[device.id].get(name, ""))
        if not isinstance(state, FlagState) or state.stand is not FlagStand.TOLD or state.good or state.at is None:
            return None
        return epoch_ms(state.at)


def _good_for(device: DeviceInfo, heard: SilentState | None) -> frozenset[Need]:
    found = TYPES.get(device.type or "other", frozenset())
    if heard is None:
        return found
    more = {_HEARD[kind] for kind in heard.gives if kind in _HEARD}
    if heard.placed_at is not None:
        more.add(Need.PLACE)
    return found if more <= found else found | more
