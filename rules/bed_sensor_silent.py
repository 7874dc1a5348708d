"""Bed sensor silent while in use: it said "in bed", and then nothing more.

Different from ``silent``, which allows a bed sensor a whole day: this one knows that somebody lies on it, so that it
should report all the time. For sensors that do (under-mattress sensors, radars with vital signs), not for a mat that
only reports a change. Readings count when they were *received*, and what a sensor says late of hours ago is no sign of
life of now only as far as its "in bed" and "out of bed" are taken in the order in which they happened.

To save writes, the time of the last reading is stored only when it moved by at least 5 % of the limit, and the
deadline lies that much later. All sensors of a resident are one incident (subject "").
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

import msgspec
from msgspec.structs import replace
from pydantic import Field

from devices.model import Bed, Status
from rules.bed import BedSettings
from rules.model import (
    Cleared,
    Context,
    Event,
    Evidence,
    Heard,
    Pending,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    State,
    Verdict,
)
from rules.timing import epoch_ms, seconds

_SLACK: Final = 0.05
"""The part of the limit by which the stored time may lag, as in the rule ``silent``."""

_HEARD = Quiet(Reason("The bed sensor was heard."))
_NOT_IN_USE = Quiet(Reason("Nobody lies on that sensor."))
_OLDER = Quiet(Reason("A newer bed reading was judged already; this one changes nothing."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_ANOTHER = Quiet(Reason("That sensor is heard again, but another one is still silent."))


class BedSensorSilentSettings(BedSettings):
    """When a sensor that somebody lies on is missed."""

    name: ClassVar[str] = "bed_sensor_silent"
    rule: Literal["bed_sensor_silent"] = "bed_sensor_silent"
    minutes: float = Field(
        30.0,
        gt=0,
        le=720,
        description="Silence that is told while somebody is in bed. Sensors that measure breathing report every minute "
        "or more often, so half an hour is no lost message. Not for sensors that only report a change.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: nobody is watched over in that bed, so somebody should look soon.",
    )


class Use(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sensor: ``at`` is its last word on the bed, ``heard_at`` when it was received last (up to 5 % early)."""

    at: datetime
    heard_at: datetime
    in_use: bool = True
    told: bool = False
    deaf_s: float = 0.0
    evidence: tuple[Evidence, ...] = ()


class BedSensorSilentState(State, frozen=True, tag="bed_sensor_silent", omit_defaults=True):
    """The bed sensors that ever said something about the bed, by device id."""

    sensors: dict[str, Use] = {}  # noqa: RUF012 - msgspec copies it


class BedSensorSilentRule:
    """See the module."""

    __slots__ = ("_deadline", "_limit", "_priority", "_slack", "devices")
    name = "bed_sensor_silent"
    key = "bed_sensor_silent"
    kinds = frozenset({"bed", "sleep", "vitals", "motion", "status"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: BedSensorSilentSettings) -> None:
        self.devices = settings.devices()
        self._limit = timedelta(minutes=settings.minutes)
        self._slack = self._limit * _SLACK
        self._deadline = self._limit + self._slack
        self._priority = settings.priority

    def start(self, at: datetime) -> BedSensorSilentState:
        """Nobody is in bed."""
        return BedSensorSilentState()

    def wake_at(self, state: State) -> datetime | None:
        """When a sensor in use has been silent for too long."""
        assert isinstance(state, BedSensorSilentState)
        earliest: datetime | None = None
        for use in state.sensors.values():
            if use.in_use and not use.told:
                due = self._due(use)
                if earliest is None or due < earliest:
                    earliest = due
        return earliest

    def _due(self, use: Use) -> datetime:
        due = use.heard_at + self._deadline
        return due + timedelta(seconds=use.deaf_s) if use.deaf_s else due

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: that time is added to the deadline."""
        assert isinstance(state, BedSensorSilentState)
        changed = {}
        for device, use in state.sensors.items():
            deaf_s = (at - max(stopped, use.heard_at)).total_seconds()
            if use.in_use and not use.told and deaf_s > 0:
                changed[device] = replace(use, deaf_s=use.deaf_s + deaf_s)
        return BedSensorSilentState(state.sensors | changed) if changed else state

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """A sign of life, in or out of bed, or silent for too long."""
        assert isinstance(state, BedSensorSilentState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        use = state.sensors.get(event.device)
        reading = event.reading
        if isinstance(reading, Bed):
            return self._bed(state, use, event, in_bed=reading.in_bed)
        if use is None or not use.in_use:
            return state, _NOT_IN_USE
        if isinstance(reading, Status) and reading.online is False:
            return state, _NOTHING  # the broker's word, not the sensor's
        if not use.told and event.received_at - use.heard_at < self._slack:
            return state, _HEARD
        return self._heard(state, event, replace(use, heard_at=event.received_at, told=False, deaf_s=0.0), use)

    def _bed(
        self, state: BedSensorSilentState, use: Use | None, event: Heard, *, in_bed: bool
    ) -> tuple[State, Verdict]:
        if use is not None and event.at < use.at:
            return state, _OLDER
        if use is None and not in_bed:
            return state, _NOT_IN_USE
        if (
            use is not None
            and use.in_use is in_bed
            and not use.told
            and (not in_bed or event.received_at - use.heard_at < self._slack)
        ):
            return state, _HEARD
        evidence = (event.evidence(),) if in_bed else ()
        return self._heard(state, event, Use(event.at, event.received_at, in_bed, evidence=evidence), use)

    def _heard(
        self, state: BedSensorSilentState, event: Heard, after: Use, before: Use | None
    ) -> tuple[State, Verdict]:
        changed = BedSensorSilentState(state.sensors | {event.device: after})
        if before is None or not before.told:
            if not after.in_use:
                return changed, _NOT_IN_USE
            due = self._due(after)
            return changed, Pending(
                due, Reason("In bed; the sensor is missed at {missed_at}.", {"missed_at": epoch_ms(due)})
            )
        if any(use.told for use in changed.sensors.values()):
            return changed, _ANOTHER
        silent = seconds(event.received_at - before.heard_at)
        why = Reason("{device} was heard again after {silent_s}.", {"device": event.device, "silent_s": silent})
        return changed, Cleared(why)

    def _tick(self, state: BedSensorSilentState, at: datetime) -> tuple[State, Verdict]:
        over = {
            device: use for device, use in state.sensors.items() if use.in_use and not use.told and self._due(use) <= at
        }
        if not over:
            return state, _NOTHING
        first = min(over.values(), key=lambda use: use.heard_at)
        why = Reason(
            "In bed, and nothing was heard of {device} for {silent_s}; it should report all the time.",
            {"device": ", ".join(sorted(over)), "silent_s": seconds(at - first.heard_at)},
        )
        told = {device: replace(use, told=True) for device, use in over.items()}
        evidence = tuple(seen for use in over.values() for seen in use.evidence)
        return BedSensorSilentState(state.sensors | told), Raised(why, self._priority, evidence=evidence)


def build(settings: BedSensorSilentSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for all of the resident's bed sensors."""
    return (BedSensorSilentRule(settings),)
