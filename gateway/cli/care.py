"""``telecare sleep | rounds``: a night in words and numbers, and the list for the next round."""

import sqlite3
from contextlib import closing
from datetime import date, datetime, time
from typing import Annotated

import typer
from rich.table import Table

from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    print_json,
    printable,
    settings_and_database,
)
from gateway.cli.looks import looked
from gateway.errors import BadAnswerError, StoreError
from gateway.store import care, centres
from gateway.store.database import reader
from gateway.store.rounds import WHAT
from gateway.words import N_, duration, gettext, percent, time_of
from rules.nights import next_wall_clock
from rules.sleep_summary import Measured, NightSummary, Span, last_night

_STANDS: dict[str, str] = {
    "as usual": N_("as usual ({low} to {high})"),
    "higher": N_("higher than usual ({low} to {high})"),
    "lower": N_("lower than usual ({low} to {high})"),
    "not known": N_("the usual is not known yet"),
}


def sleep(
    resident: Annotated[str, typer.Argument(help="Id of the resident.")],
    *,
    day: Annotated[
        str | None,
        typer.Option("--date", help="Local day on which the night began (2026-01-31).", show_default="the last night"),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one night of a resident: in bed, exits, sleep, movement, heart and breathing. The look is audited."""
    _, path = settings_and_database(config)
    wanted = None if day is None else _day(day)

    now = CLOCK.now()
    with closing(reader(path)) as db:
        index = _index(db)
        night = wanted or last_night(now, index.timezone)
        summary = care.night(db, index, resident, night, now=now)
    looked(path, care.night_target(resident, night))
    if json:
        print_json(summary)
        return
    OUT.print(f"{index.public_name(resident)}, {summary.day:%Y-%m-%d}", markup=False)
    for line in in_words(summary, index, "en"):
        OUT.print(f"  {line}", markup=False)


def rounds(
    *,
    at: Annotated[
        str | None, typer.Option("--at", help="Only what is due by this time of the day (21:00).", show_default="all")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List the changes for the next round, by time and room. The look is audited."""
    _, path = settings_and_database(config)
    wanted = None if at is None else _time(at)

    now = CLOCK.now()
    with closing(reader(path)) as db:
        index = _index(db)
        until = None if wanted is None else next_wall_clock([wanted], index.timezone, now)
        found = care.round_list(db, index, now=now, until=until)
    looked(path, care.ROUNDS_TARGET)
    if json:
        for one in found:
            print_json(one)
        return
    if not found:
        OUT.print("Nothing is due.")
        return
    table = Table("due", "room", "what", "since", box=None)
    for one in found:
        table.add_row(
            time_of(one.due_at, "en", index.timezone, now),
            printable(one.room),
            gettext(WHAT[one.what], "en"),
            time_of(one.since, "en", index.timezone, now),
        )
    OUT.print(table)


def in_words(summary: NightSummary, index: CentreIndex, language: str) -> list[str]:
    """A night as sentences in a language; what is not known is not said."""

    def clock(at: datetime) -> str:
        return time_of(at, language, index.timezone, at)

    def span(one: Span) -> str:
        if one.end is None:
            return gettext(N_("{since} until now"), language, since=clock(one.start))
        return gettext(N_("{since} to {until}"), language, since=clock(one.start), until=clock(one.end))

    if summary.in_bed is None:
        return [gettext(N_("Nobody is known to have been in bed."), language)]
    lines = [gettext(N_("In bed: {when}"), language, when=span(summary.in_bed))]
    if summary.in_bed_s is not None:
        lines.append(gettext(N_("Time in bed: {how_long}"), language, how_long=duration(summary.in_bed_s, language)))
    if summary.asleep is not None:
        lines.append(gettext(N_("Asleep by the sensor: {when}"), language, when=span(summary.asleep)))
    if summary.asleep_s is not None:
        lines.append(gettext(N_("Asleep for: {how_long}"), language, how_long=duration(summary.asleep_s, language)))
    visits = ", ".join(f"{clock(one.start)} ({duration(one.seconds or 0, language)})" for one in summary.exits)
    lines.append(gettext(N_("Out of bed: {visits}"), language, visits=visits or gettext(N_("not once"), language)))
    if summary.movement_percent is not None:
        moved = percent(summary.movement_percent, language)
        lines.append(gettext(N_("Movement: {percent}"), language, percent=moved))
    for text, measured in (
        (N_("Heart rate: {rate} a minute, {stand}"), summary.heart_rate),
        (N_("Breathing: {rate} a minute, {stand}"), summary.breathing),
    ):
        if measured is not None:
            stand = _stand(measured, language)
            lines.append(gettext(text, language, rate=round(measured.median), stand=stand))
    if summary.gaps:
        when = ", ".join(span(one) for one in summary.gaps)
        lines.append(gettext(N_("Nothing was heard: {when}"), language, when=when))
    return lines


def _stand(measured: Measured, language: str) -> str:
    low, high = round(measured.usual_low or 0), round(measured.usual_high or 0)
    return gettext(_STANDS[measured.word], language, low=low, high=high)


def _index(db: sqlite3.Connection) -> CentreIndex:
    found = centres.latest(db)
    if found is None:
        raise StoreError("No care centre was applied yet: run `telecare centre apply FILE`.")
    return CentreIndex(found.centre)


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadAnswerError(f"--date: {text!r}: expected a day such as 2026-01-31") from error
    if not 2000 <= found.year < 2200:
        raise BadAnswerError(f"--date: {text!r}: expected a day from 2000 to 2199")
    return found


def _time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise BadAnswerError(f"--at: {text!r}: expected a time of the day such as 21:00") from error
    if found.tzinfo is not None:
        raise BadAnswerError(f"--at: {text!r}: expected no offset: the centre's time zone counts")
    return found
