"""What the rules of continence products have in common: the word of a reading, and priorities that are never loud."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from devices.model import Continence
from rules.model import Priority, RuleSettings

LATE_S: Final = 300.0
"""A reading older than this when heard is marked with its age: a change is a matter of minutes, not seconds."""

Calm = Literal[Priority.MEDIUM, Priority.LOW]
"""A change is never a matter of life: nobody is to run, and no telephone rings as for a fall."""


class ScaleSettings(RuleSettings):
    """Settings for sensors that give a saturation instead of a state."""

    due_percent: float | None = Field(
        None,
        ge=1,
        le=100,
        description="For sensors that give a saturation only: a change is due from here on. The makers' scales "
        "differ, so there is no default; take the maker's own.",
    )
    dry_percent: float = Field(
        10.0,
        ge=0,
        le=99,
        description="For the same sensors: dry, so changed, at or below this. Above 0, because a "
        "fresh product may show a little.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.due_percent is not None and self.dry_percent >= self.due_percent:
            raise ValueError("dry_percent must be below due_percent")
        return self

    def word(self, reading: Continence) -> str:
        """The sensor's state, or the one that its saturation stands for; "" where neither says anything."""
        if reading.state is not None:
            return reading.state
        due, saturation = self.due_percent, reading.saturation_percent
        if due is None or saturation is None:
            return ""
        if saturation >= due:
            return "change_due"
        return "dry" if saturation <= self.dry_percent else "some"
