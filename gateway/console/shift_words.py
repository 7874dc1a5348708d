"""Shifts in words: who is on duty on a day, and what people changed."""

from datetime import UTC, datetime, time, timedelta

import msgspec

from gateway.centre.index import CentreIndex
from gateway.centre.rota import Change, Turn, in_order
from gateway.console.pages import Tongue
from gateway.console.view import name_of
from gateway.words import short_day


class Duty(msgspec.Struct, frozen=True):
    """A carer's turn as the page shows it: house's time, with the day where it is another."""

    who: str
    hours: str
    now: bool
    changed: bool


class RoleOfDay(msgspec.Struct, frozen=True):
    """The turns of one role that touch a day."""

    role: str
    duties: list[Duty]


class Day(msgspec.Struct, frozen=True):
    """A day on the wall."""

    title: str
    iso: str
    roles: list[RoleOfDay]


class ChangeLine(msgspec.Struct, frozen=True):
    """A change that somebody made to the shifts."""

    number: int
    text: str
    why: str


def day_of(
    begin: datetime, number: int, turns: dict[str, list[Turn]], index: CentreIndex, tongue: Tongue, now: datetime
) -> Day:
    """Who is on duty on a day, so many days after ``begin``: all whose turn touches it."""
    date = (begin.astimezone(index.timezone) + timedelta(days=number)).date()
    start, stop = (
        datetime.combine(day, time(), index.timezone).astimezone(UTC) for day in (date, date + timedelta(days=1))
    )
    roles = []
    for role, found in turns.items():
        mine = in_order(turn for turn in found if turn.start < stop and turn.end > start)
        roles.append(RoleOfDay(role, [_duty(turn, start, stop, index, tongue, now) for turn in mine]))
    return Day(tongue.day(date), date.isoformat(), roles)


def _duty(turn: Turn, start: datetime, stop: datetime, index: CentreIndex, tongue: Tongue, now: datetime) -> Duty:
    # 22:00–24:00 today and 00:00–07:00 tomorrow would read as two turns, and 07:00–07:00 as one day whatever it is
    since = _clock(turn.start, index, tongue, dated=turn.start < start)
    until = "24:00" if turn.end == stop else _clock(turn.end, index, tongue, dated=turn.end > stop)
    on = start <= now < stop and turn.start <= now < turn.end
    return Duty(name_of(turn.carer, index, tongue), f"{since}–{until}", on, turn.shift is None)


def _clock(at: datetime, index: CentreIndex, tongue: Tongue, *, dated: bool) -> str:
    """A time of day; ``dated``: with its day, as it is another than the one under which it stands."""
    local = at.astimezone(index.timezone)
    clock = local.strftime("%H:%M")
    return f"{short_day(local.date(), tongue.language)} {clock}" if dated else clock


def line_of(change: Change, index: CentreIndex, tongue: Tongue) -> ChangeLine:
    """A change in a sentence, with its reason."""
    values: dict[str, object] = {
        "role": change.role,
        "since": tongue.at(change.since),
        "until": tongue.at(change.until),
        "leaves": name_of(change.leaves, index, tongue) if change.leaves else "",
        "comes": name_of(change.comes, index, tongue) if change.comes else "",
    }
    if change.leaves and change.comes:
        text = tongue("{role}, {since} to {until}: {comes} instead of {leaves}", **values)
    elif change.comes:
        text = tongue("{role}, {since} to {until}: {comes} comes too", **values)
    else:
        text = tongue("{role}, {since} to {until}: {leaves} is not there", **values)
    return ChangeLine(change.id, text, change.why)
