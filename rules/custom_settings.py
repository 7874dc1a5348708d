"""What an own rule is called and when it tells, as the care plan writes it."""

from itertools import combinations
from typing import Annotated, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from rules.custom_condition import Condition, Match, Value, contradict
from rules.model import Priority, RuleSettings
from rules.schedule import ScheduleSettings

MOST: Final = 5
"""Conditions of one rule: more than that nobody can say aloud, and then nobody knows what the alert means."""


_SHORTEST: Final = 3


def _one_line(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("expected one line of text, without spaces around it or control characters")
    return value


def _long_enough(value: str) -> str:
    if len(value) < _SHORTEST:
        raise ValueError(
            f'title is {value!r}; expected at least {_SHORTEST} letters that say what to do, such as "Please look in"'
        )
    return value


def _word(value: Value | None) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


Title: TypeAlias = Annotated[
    str,
    Field(max_length=80, json_schema_extra={"minLength": _SHORTEST}),
    AfterValidator(_one_line),
    AfterValidator(_long_enough),
]


class CustomSettings(RuleSettings):
    """A rule of one's own: what it is called, and when it tells."""

    name: ClassVar[str] = "custom"
    rule: Literal["custom"] = "custom"
    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="Its own short name: small letters, digits, hyphens. The rule is `custom:<id>` in shelves, the "
        "database and explanations.",
    )
    title: Title = Field(
        description="What people read, in the language of the house, one line of at most 80 characters. It stands in "
        "messages and on lock screens: name the thing to do, no person and no illness."
    )
    priority: Priority = Field(Priority.LOW, description="Low by default: to be known. Set it when you have tried it.")
    all: tuple[Condition, ...] = Field(
        (), max_length=MOST, description="Conditions that must hold together, at most five; or `any`."
    )
    any: tuple[Condition, ...] = Field((), max_length=MOST, description="Conditions of which one is enough; or `all`.")
    clear: Match | None = Field(
        None,
        description='The reading that ends it, such as `{ kind = "bed", field = "in_bed", value = true }`. Without '
        "one it ends when the conditions do not hold any more.",
    )
    clear_for_s: float = Field(
        60,
        ge=0,
        le=86_400,
        description="So long must the conditions not hold before it ends. A minute, so that one odd value does not "
        "make the alert come and go.",
    )
    schedule: ScheduleSettings | None = Field(
        None, description="When it is watched: `weekly` windows, a `calendar`, or both; by default always."
    )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Whichever of the two lists is set."""
        return self.all or self.any

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if bool(self.all) is bool(self.any):
            raise ValueError("expected conditions in `all` or in `any`, one of the two")
        for (first, one), (second, other) in combinations(enumerate(self.all), 2):
            if contradict(one, other):
                raise ValueError(
                    f"all[{first}] and all[{second}] never hold together: {one.field} {one.op} {_word(one.value)} and "
                    f"{other.op} {_word(other.value)}; expected `any`, or one of them"
                )
        if self.clear is not None and self.clear.field is not None and self.clear.value is None:
            raise ValueError(
                "clear.value is missing: expected what the field is compared with; or leave field out, too"
            )
        return self
