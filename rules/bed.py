"""What the bed's rules have in common: which sensor counts, and what a bed reading says after the last one."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import ConfigDict, Field

from devices.model import Bed
from rules.model import Cleared, Event, Heard, Raised, RuleSettings
from rules.model import Said as Told

LATE_S: Final = 60.0
"""An exit heard later than this is marked with its age; the same minute as for a help call."""

NEWS: Final = timedelta(seconds=15)
"""What is heard late comes in a row: the exit, and the return that was held up behind it. So much time has the second
to be heard before the first is told; nobody notices a quarter of a minute on what is many minutes old."""

SILENT: Final = frozenset({"silent", "bed_sensor_silent"})
"""The rules that tell of a bed sensor which is not heard any more: then nobody knows whether its last word holds."""

_REPEATS: Final = timedelta(minutes=1)
"""A sensor that repeats itself is stored once a minute: its time only serves to know an older reading."""


class BedSettings(RuleSettings):
    """Settings of a rule about the bed."""

    model_config = ConfigDict(populate_by_name=True)

    device: str | None = Field(
        None,
        description="Only this bed sensor counts. By default all of the resident's do; name one where an armchair has "
        "a sensor too, or where a radar and a mat do not agree.",
    )

    def devices(self) -> frozenset[str] | None:
        """For ``Rule.devices``."""
        return None if self.device is None else frozenset({self.device})


class Said(StrEnum):
    """What a reading says, given the last one."""

    OTHER = "other"  # not about the bed
    OLDER = "older"  # a newer one was judged already
    SAME = "same"  # says again what is known, and needs no storing
    IN = "in"
    OUT = "out"


def said(event: Event, at: datetime | None, in_bed: bool | None) -> Said:
    """What an event says when the last judged reading was of ``at``, and said ``in_bed`` (None: none was)."""
    if not isinstance(event, Heard) or not isinstance(event.reading, Bed):
        return Said.OTHER
    now = event.reading.in_bed
    if at is not None:
        if event.at < at:
            return Said.OLDER
        if now is in_bed and event.at - at < _REPEATS:
            return Said.SAME
    return Said.IN if now else Said.OUT


def fell_silent(told: Told) -> frozenset[str]:
    """Ids of the devices that one of the rules :data:`SILENT` has told as silent; empty: it told something else."""
    if told.rule_name not in SILENT or not isinstance(told.verdict, Raised):
        return frozenset()
    if told.verdict.subject:
        return frozenset({told.verdict.subject})
    return frozenset(proof.device for proof in told.verdict.evidence)


def silences(before: tuple[str, ...], told: Told, device: str) -> tuple[str, ...]:
    """Which rules of :data:`SILENT` say that a device is silent, after one of them spoke; same object: as before."""
    name = told.rule_name
    if name not in before:
        return (*before, name) if device in fell_silent(told) else before
    if isinstance(told.verdict, Cleared) and told.verdict.subject in {"", device}:
        return tuple(one for one in before if one != name)
    return before


def decided_at(until: datetime, event: Heard) -> datetime:
    """When an exit is told that is due at ``until``: then; one heard late leaves its return the time to be heard."""
    if (event.received_at - event.at).total_seconds() <= LATE_S:
        return until
    return max(until, event.received_at + NEWS)
