"""Escalation policies as data: whom to tell, how long to wait, and when another order of people counts."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.centre.base import Id, Line, Part
from rules.model import Priority
from rules.schedule import ScheduleSettings

MOST_ROUNDS = 10
"""Of the steps before the failsafe hears of it: more would keep the last resort away for too long."""


def _word(value: str) -> str:
    if not value.isidentifier():
        raise ValueError("expected the word of a rule, such as fall")
    return value


class Step(Part):
    """[[policies.steps]]: whom to tell, and how long to wait for an answer."""

    to: tuple[Id, ...] = Field((), description="Ids of the carers who are told together.")
    roles: tuple[Id, ...] = Field(
        (), description="Roles of [[shifts]]: whoever is on shift when the step is taken is told too."
    )
    relatives: bool = Field(False, description="Whether the resident's relatives are told too.")
    alarm_centre: bool = Field(False, description="Whether every carer of kind alarm_centre is told too.")
    wait_s: float = Field(gt=0, le=86400, description="Seconds to wait for an answer before the next step.")

    @property
    def tells_somebody(self) -> bool:
        """Whether the step names anybody at all."""
        return bool(self.to or self.roles or self.relatives or self.alarm_centre)


class Variant(Part):
    """[[policies.when]]: other steps, for some priorities, rules or times. The first one that fits counts."""

    id: Id = Field(description="Short name of this variant.")
    name: Line | None = Field(None, description="Name for people.")
    priorities: tuple[Priority, ...] = Field((), description="Only for alerts of these priorities; default: all.")
    rules: tuple[Annotated[str, AfterValidator(_word)], ...] = Field(
        (), description="Only for alerts of these rules, such as fall; default: all."
    )
    schedule: ScheduleSettings | None = Field(
        None, description="Only at these times: weekly windows, a calendar, or both; default: always."
    )
    steps: tuple[Step, ...] = Field(min_length=1, description="Steps, one after the other.")

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if not self.priorities and not self.rules and self.schedule is None:
            raise ValueError("expected priorities, rules or a schedule: without any of them the others never count")
        return self


class Policy(Part):
    """[[policies]]: in which order people are told."""

    id: Id = Field(description="Short name, used in care plans.")
    steps: tuple[Step, ...] = Field(min_length=1, description="Steps, one after the other.")
    failsafe: tuple[Id, ...] = Field(
        min_length=1, description="Ids of the carers who are told when all steps are over without an answer."
    )
    rounds: int = Field(
        1, ge=1, le=MOST_ROUNDS, description="How often the steps are gone through before the failsafe is told."
    )
    when: tuple[Variant, ...] = Field((), description="Other steps for some priorities, rules or times.")
