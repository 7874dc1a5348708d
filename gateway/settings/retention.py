"""[retention]: how many days each kind of data is kept; docs/privacy.md tells why these are the defaults."""

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.table import Table

Days = Annotated[int, Field(ge=1, le=36500)]


def _wall_clock(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("expected a time of the day without an offset: the centre's time zone counts")
    return value


class Retention(Table):
    """[retention]: days that each kind of data is kept. What is under an open alert is kept until that is closed."""

    at: Annotated[time, AfterValidator(_wall_clock)] = Field(
        time(4, 0), description="Time of the day at which what is too old goes, in the centre's time zone."
    )
    positions_days: Days = Field(
        30,
        description="Where people were, and what rules knew around closed alerts. A zone can be tried on the last"
        " month. Raw and unreadable messages, which say it too, are never kept for longer.",
    )
    readings_days: Days = Field(
        365, description="All other readings. A person's usual night is compared over a year at the most."
    )
    journal_days: Days = Field(30, description="Raw messages, for explaining an alert down to the byte, and replays.")
    quarantine_days: Days = Field(30, description="Messages that could not be read.")
    alerts_days: Days = Field(1095, description="Closed alerts with their history; key figures go back as far.")
    notifications_days: Days = Field(365, description="Who was told what on which way, of closed alerts.")
    notes_days: Days = Field(1095, description="Carers' notes.")
    rounds_days: Days = Field(365, description="What was done on rounds.")
    searches_days: Days = Field(90, description="Links with which people were searched for, and who opened them.")
    commands_days: Days = Field(365, description="Commands to devices.")
    shelves_days: Days = Field(365, description="Rules that were shelved, and why.")
    contact_tests_days: Days = Field(365, description="Tests of the ways to reach carers.")
    centre_versions_days: Days = Field(
        1095, description="Earlier versions of the centre; the newest 20 are always kept."
    )
    audit_days: Days = Field(
        1825,
        description=(
            "Who did and looked at what; reasons of break-glass, copies and shifts; what who left had agreed to."
        ),
    )
