"""Shifts as data: who is on duty for a role, by the week, by a calendar of the house, or by one that is fetched."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, ValidationError, model_validator

from gateway.centre.base import Id, Line, Part, Timezone
from rules.schedule import Weekly

_URL: Final = TypeAdapter(HttpUrl)


def _url(value: str) -> str:
    try:
        found = _URL.validate_python(value)
    except ValidationError:
        raise ValueError("expected a web address such as https://calendar.example.org/rota.ics") from None
    if found.username or found.password:
        raise ValueError("expected an address without a user name or password in it")
    return value


class WeeklyShift(Weekly):
    """[[shifts.weekly]]: carers who are on duty on some days of the week."""

    carers: tuple[Id, ...] = Field(min_length=1, description="Ids of the carers who are on duty together.")


class Shift(Part):
    """[[shifts]]: who is on duty for a role. Several shifts of one role add up."""

    id: Id = Field(description="Short name of the shift.")
    name: Line | None = Field(None, description="Name for people.")
    role: Id = Field(
        default_factory=lambda data: str(data.get("id", "")),
        description="Role that steps of policies name, such as nurse; default: its id.",
    )
    timezone: Timezone | None = Field(None, description="Time zone of its wall-clock times; default: the centre's.")
    weekly: tuple[WeeklyShift, ...] = Field((), description="Windows that come every week.")
    calendar: Id | None = Field(
        None, description="Id of a calendar of this file whose events name carers, by id, name or e-mail address."
    )
    url: Annotated[str, AfterValidator(_url)] | None = Field(
        None, max_length=2000, description="Web address of such a calendar; it is fetched at intervals."
    )

    @model_validator(mode="after")
    def _says_who(self) -> Self:
        if not self.weekly and self.calendar is None and self.url is None:
            raise ValueError("expected weekly windows, a calendar or a url: somebody has to be on duty")
        if self.calendar is not None and self.url is not None:
            raise ValueError("expected a calendar or a url, not both; write a second shift with the same role")
        return self
