"""[shifts] and [coverage]: calendars of shifts that are fetched, and the look at the coming days; docs/shifts.md."""

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.table import Seconds, Table


def _wall_clock(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("expected a time of the day without an offset: the centre's time zone counts")
    return value


class Shifts(Table):
    """[shifts]: how calendars of shifts are fetched."""

    refresh_s: float = Field(900.0, ge=60, le=86400, description="Seconds between two looks at a calendar.")
    unreachable_after_s: float = Field(
        6 * 3600.0, ge=60, le=14 * 86400, description="Seconds without a good copy until a manager is told."
    )
    timeout_s: Seconds = Field(30.0, description="Seconds until an attempt counts as failed.")
    allow_private: tuple[str, ...] = Field((), description="Hosts in private networks that may be asked all the same.")


class Coverage(Table):
    """[coverage]: the daily look at who would be told in the coming days."""

    days: int = Field(7, ge=1, le=62, description="How many days ahead.")
    at: Annotated[time, AfterValidator(_wall_clock)] = Field(
        time(9, 0), description="Time of the day of the daily look, in the centre's time zone."
    )
    tested_days: int = Field(
        35, ge=1, le=366, description="A contact to which nothing went out for so many days counts as untested."
    )
