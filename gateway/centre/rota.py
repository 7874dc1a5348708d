"""Who is on duty when: shifts laid out as turns, and the changes that people made to them. Times are UTC.

Wall-clock times are in the shift's time zone, right on both nights when the clocks change (see rules.night): where a
time exists twice, the earlier shift ends at the second one and the next begins at the first, so nobody is missing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from gateway.centre.model import Carer, Centre
from gateway.centre.shifts import Shift, WeeklyShift
from rules.errors import BadCalendarError
from rules.ical import Calendar, Event, read_calendar
from rules.night import Daily
from rules.schedule import weekdays

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BLOCK: Final = timedelta(days=8)
"""Calendars are laid out in blocks of that length, each once: a week ahead takes two of them."""

_BETWEEN_NAMES: Final = re.compile(r"[,;/&+]|\s-\s")


class Turn(NamedTuple):
    """A carer is on duty for a role from an instant until just before another (UTC). ``shift`` None: by a change."""

    start: datetime
    end: datetime
    role: str
    carer: str
    shift: str | None


class Unknown(NamedTuple):
    """A name in an event of a calendar that does not say who is meant.

    ``carers`` are ids of those who have that name, all of whom are on duty then; empty: it is no carer of the centre.
    """

    start: datetime
    end: datetime
    role: str
    shift: str
    name: str
    carers: tuple[str, ...] = ()


class Named(NamedTuple):
    """Whom an event names: ids of carers, words that are no carer's, and names that several carers have."""

    carers: tuple[str, ...]
    strange: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What people changed for a while (UTC): ``leaves`` is not on duty, ``comes`` is; one of them may be None.

    With both, ``comes`` is on duty where ``leaves`` would have been. ``swap`` is the number of a swap's first half.
    """

    id: int
    role: str
    since: datetime
    until: datetime
    leaves: str | None
    comes: str | None
    why: str
    who: str
    made_at: datetime
    swap: int | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None


class Rotas:
    """All shifts of a centre, ready to be laid out."""

    def __init__(self, centre: Centre) -> None:
        self._zone = ZoneInfo(centre.centre.timezone)
        self._texts = {calendar.id: calendar.text for calendar in centre.calendars}
        self._names = _names(centre.carers)
        self.shifts: Mapping[str, Shift] = {shift.id: shift for shift in centre.shifts}
        self.roles: tuple[str, ...] = tuple(dict.fromkeys(shift.role for shift in centre.shifts))
        self._of_role = {role: [s for s in centre.shifts if s.role == role] for role in self.roles}
        self.fetched: tuple[Shift, ...] = tuple(shift for shift in centre.shifts if shift.url is not None)
        """Shifts whose calendar comes from elsewhere."""

    def zone_of(self, shift: Shift) -> ZoneInfo:
        """The time zone of a shift's wall-clock times."""
        return self._zone if shift.timezone is None else ZoneInfo(shift.timezone)

    def planned(self, role: str, begin: datetime, end: datetime, copies: Mapping[str, str]) -> list[Turn]:
        """The turns of a role that touch the time from one instant to another, whole ones, without any changes.

        Args:
            role: a role that no shift has gives no turns.
            begin: UTC.
            end: UTC, exclusive.
            copies: texts of the fetched calendars by shift; one that is missing gives no turns.
        """
        found: list[Turn] = []
        for shift in self._of_role.get(role, ()):
            zone = self.zone_of(shift)
            for window in shift.weekly:
                found += _weekly(shift, window, zone, begin, end)
            for event in self._events(shift, begin, end, copies):
                found += [Turn(event.start, event.end, role, carer, shift.id) for carer in self._named(event).carers]
        return in_order(found)

    def unknown(self, role: str, begin: datetime, end: datetime, copies: Mapping[str, str]) -> list[Unknown]:
        """Names in the calendars of a role that are no carer's or several carers', with the events they stand in."""
        found: list[Unknown] = []
        for shift in self._of_role.get(role, ()):
            for event in self._events(shift, begin, end, copies):
                named = self._named(event)
                names = (*((name, ()) for name in named.strange), *named.doubtful)
                found += [Unknown(event.start, event.end, role, shift.id, name, carers) for name, carers in names]
        return sorted(found)

    def _events(self, shift: Shift, begin: datetime, end: datetime, copies: Mapping[str, str]) -> Iterator[Event]:
        text = copies.get(shift.id) if shift.url is not None else self._texts.get(shift.calendar or "")
        if text is None:
            return
        try:
            calendar = read_calendar(text, self.zone_of(shift))
        except BadCalendarError:
            return  # an old copy that this version does not read any more; the next one that is fetched is checked
        block = (begin - _EPOCH) // _BLOCK
        seen: set[Event] = set()
        while _EPOCH + block * _BLOCK < end:
            for event in _laid_out(calendar, block):
                if event.end > begin and event.start < end and event not in seen:
                    seen.add(event)
                    yield event
            block += 1

    def _named(self, event: Event) -> Named:
        """Whom an event means. Of several carers with one name all: better two are told than the wrong one."""
        doubtful: dict[str, tuple[str, ...]] = {}
        by_address = {one: self._names[one.casefold()] for one in event.attendees if one.casefold() in self._names}
        invited = {carer for carers in by_address.values() for carer in carers}

        def meant(name: str) -> tuple[str, ...]:
            carers = self._names[name.casefold()]
            # an invitation says which of them it is
            found = tuple(carer for carer in carers if carer in invited) if name not in by_address else ()
            found = found or carers
            if len(found) > 1:
                doubtful[name] = found
            return found

        addressed = [carer for one in by_address for carer in meant(one)]
        if event.summary.casefold() in self._names:
            return Named(_each(meant(event.summary), addressed), (), tuple(doubtful.items()))
        # "On call: Nora Borg": what stands before a colon is what it is about
        said = [one.strip() for one in _BETWEEN_NAMES.split(event.summary.rpartition(":")[2])]
        carers = _each((carer for one in said if one.casefold() in self._names for carer in meant(one)), addressed)
        strange = tuple(one for one in said if one and one.casefold() not in self._names)
        if addressed or not strange:
            strange = () if carers else ("(nobody)",)
        return Named(carers, strange, tuple(doubtful.items()))


def changed(turns: Iterable[Turn], changes: Iterable[Change]) -> list[Turn]:
    """The turns after the changes, the older change first; changes of other roles do nothing.

    Both halves of a swap count at once: what one of them has given to somebody is not given away by the other.
    """
    found = list(turns)
    together: dict[int, list[Change]] = {}
    for change in sorted(changes, key=lambda one: one.id):
        together.setdefault(change.id if change.swap is None else change.swap, []).append(change)
    for halves in together.values():
        found = list(_after(found, halves))
    return in_order(found)


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    """Each turn once, what begins first first. Two that differ in their shift only may be one that a change made."""
    return sorted(set(turns), key=lambda one: (one.start, one.end, one.role, one.carer, one.shift or ""))


def on_duty(turns: Iterable[Turn], at: datetime) -> tuple[str, ...]:
    """Ids of the carers who are on duty at that time, who began first first."""
    return tuple(dict.fromkeys(turn.carer for turn in turns if turn.start <= at < turn.end))


def _after(turns: Sequence[Turn], halves: Sequence[Change]) -> Iterator[Turn]:
    for change in halves:
        if change.leaves is None and change.comes is not None:
            yield Turn(change.since, change.until, change.role, change.comes, None)
    for turn in turns:
        # the two halves of a swap name two carers, so at most one of them is about a turn
        mine = next((one for one in halves if one.leaves == turn.carer and one.role == turn.role), None)
        yield from (turn,) if mine is None else _given(turn, mine)


def _given(turn: Turn, change: Change) -> Iterator[Turn]:
    start, end = max(turn.start, change.since), min(turn.end, change.until)
    if start >= end:
        yield turn
        return
    if turn.start < start:
        yield turn._replace(end=start)
    if change.comes is not None:
        yield turn._replace(start=start, end=end, carer=change.comes, shift=None)
    if end < turn.end:
        yield turn._replace(start=end)


def _weekly(shift: Shift, window: WeeklyShift, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Turn]:
    days, daily = weekdays(window.days), Daily(window.since, window.until, zone)
    # A shift of 24 hours that ends after the clocks were set back began up to 25 hours before.
    day, last = begin.astimezone(zone).date() - 2 * _DAY, end.astimezone(zone).date()
    while day <= last:
        if day.weekday() in days:
            start, over = daily.window(day)
            if over > begin and start < end and over > start:
                for carer in window.carers:
                    yield Turn(start, over, shift.role, carer, shift.id)
        day += _DAY


@lru_cache(maxsize=64)
def _laid_out(calendar: Calendar, block: int) -> tuple[Event, ...]:
    """The events of a block of days, whole ones."""
    begin = _EPOCH + block * _BLOCK
    return tuple(calendar.events(begin, begin + _BLOCK))


def _each(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for group in groups for one in group))


def _names(carers: Iterable[Carer]) -> dict[str, tuple[str, ...]]:
    """How a calendar may name carers: id, else name, else e-mail address; without regard to capitals.

    An id is one carer's; a name or an address may be several carers'.
    """
    names: dict[str, dict[str, None]] = {}
    addresses: dict[str, dict[str, None]] = {}
    ids: dict[str, tuple[str, ...]] = {}
    for carer in carers:
        ids[carer.id.casefold()] = (carer.id,)
        names.setdefault(carer.name.casefold(), {})[carer.id] = None
        for contact in carer.contacts:
            if contact.channel == "smtp":
                addresses.setdefault(contact.address.casefold(), {})[carer.id] = None
    return {word: tuple(found) for word, found in (addresses | names).items()} | ids
