"""When a rule counts: by the week, by a calendar of the house, or always.

Times of the day are wall-clock times in the centre's time zone, right on both nights when the clocks change (see
rules.night). What is asked and answered is UTC. A schedule that names both a weekly plan and a calendar is active when
either of them says so.

A schedule is laid out in blocks of 32 days, each when it is first needed, and the answer to the last question is kept
with the time that it holds for: so the usual question compares two times. Schedules that say the same are one object.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, Self, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from rules.errors import BadCalendarError, BadRuleError
from rules.ical import read_calendar
from rules.model import Context
from rules.night import Daily, WallClock

Span: TypeAlias = tuple[datetime, datetime]
"""From an instant (UTC) until just before another."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BLOCK: Final = timedelta(days=32)
_BLOCKS_AHEAD: Final = 24
"""How far ``next_change`` looks: 768 days, more than two years, so that what comes once a year is found."""

_BLOCKS_KEPT: Final = 32
_DAY: Final = timedelta(days=1)


def _days(value: str) -> str:
    weekdays(value)
    return value


def weekdays(text: str) -> frozenset[int]:
    """The days of ``"daily"``, ``"mon-fri"`` or ``"sat,sun"``, Monday being 0; ``fri-mon`` goes over the weekend.

    Raises:
        ValueError: something else stands there.
    """
    if text == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip().lower() for word in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError('expected "daily", or days such as "mon-fri" or "sat,sun"')
        begin = _DAYS.index(first)
        length = (_DAYS.index(last) - begin) % 7 if dash else 0
        found.update((begin + step) % 7 for step in range(length + 1))
    return frozenset(found)


_PART = r"(mon|tue|wed|thu|fri|sat|sun)( *- *(mon|tue|wed|thu|fri|sat|sun))?"
Days = Annotated[
    str, AfterValidator(_days), WithJsonSchema({"type": "string", "pattern": f"^(daily|{_PART}( *, *{_PART})*)$"})
]


class Weekly(BaseModel):
    """A window on some days of the week."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    days: Days = Field("daily", description='The days on which it begins: "daily", "mon-fri" or "sat,sun".')
    since: WallClock = Field(alias="from", description="When it begins, wall-clock time in the centre's time zone.")
    until: WallClock = Field(
        alias="to",
        description="When it ends, wall-clock time; not later than `from` means the next day, the same time a whole "
        "day.",
    )


class ScheduleSettings(BaseModel):
    """When a rule counts: ``weekly`` windows, a ``calendar`` of the centre, or both together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weekly: tuple[Weekly, ...] = Field((), description="Windows that come every week.")
    calendar: str | None = Field(
        None, min_length=1, description="Id of a calendar of the centre file: it counts while an event goes on."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.weekly and self.calendar is None:
            raise ValueError("expected weekly windows, a calendar, or both; leave the schedule out to mean always")
        return self


class _Answer:
    """What was found out last: ``on`` holds from ``since`` until just before ``until``."""

    __slots__ = ("next", "on", "since", "until")

    def __init__(self, since: datetime, until: datetime, *, on: bool, next_: datetime | None) -> None:
        self.since = since
        self.until = until
        self.on = on
        self.next = next_


_FOREVER: Final = _Answer(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), on=True, next_=None)


class Schedule:
    """When a rule counts; make it with :func:`build_schedule`. Times are UTC-aware."""

    __slots__ = ("_answer", "_blocks", "_sources")

    def __init__(self, *sources: Callable[[datetime, datetime], Iterable[Span]]) -> None:
        """``sources`` give the spans that touch the time from one instant to another; without any it is always on."""
        self._sources = sources
        self._blocks: dict[int, tuple[Span, ...]] = {}
        self._answer = _FOREVER if not sources else _Answer(_EPOCH, _EPOCH, on=False, next_=None)

    @property
    def always(self) -> bool:
        """Whether there is no schedule: it always counts."""
        return not self._sources

    def active(self, at: datetime) -> bool:
        """Whether the rule counts at that time."""
        answer = self._answer
        if not answer.since <= at < answer.until:
            answer = self._find(at)
        return answer.on

    def next_change(self, at: datetime) -> datetime | None:
        """The first time later than ``at`` at which :meth:`active` says something else; None: not within two years."""
        answer = self._answer
        if not answer.since <= at < answer.until:
            answer = self._find(at)
        return answer.next

    def began(self, at: datetime) -> datetime | None:
        """When the span began in which ``at`` lies; None where it lies in none, or the schedule is always on.

        A span that lasts longer than two months counts from the block of days in which it was looked up.
        """
        if not self.active(at) or not self._sources:
            return None
        return self._answer.since

    def _find(self, at: datetime) -> _Answer:
        number = (at - _EPOCH) // _BLOCK
        on, since = self._before(number, at)
        edges = self._edges(number, at)
        change = next(edges, None)
        # Without a change ahead the answer is asked for again in the next block: what is far away comes nearer.
        until = _EPOCH + (number + 1) * _BLOCK if change is None else change
        self._answer = _Answer(since, until, on=on, next_=change)
        return self._answer

    def _before(self, number: int, at: datetime) -> tuple[bool, datetime]:
        """Whether it is on at a time, and since when (at most since the block before)."""
        since = _EPOCH + (number - 1) * _BLOCK
        spans = _merged([*self._block(number - 1), *self._block(number)])
        place = bisect_right(spans, at, key=lambda span: span[0]) - 1
        if place < 0:
            return False, since
        start, end = spans[place]
        return (True, start) if at < end else (False, end)

    def _edges(self, number: int, at: datetime) -> Iterator[datetime]:
        """The times after ``at`` at which a span begins or ends, and none begins where another ends."""
        ahead = 1
        while ahead <= _BLOCKS_AHEAD:
            horizon = _EPOCH + (number + ahead) * _BLOCK
            spans = _merged(span for block in range(number, number + ahead) for span in self._block(block))
            for span in spans:
                for edge in span:
                    if at < edge < horizon:
                        yield edge
                        return
            ahead += 1 if ahead < 3 else 7

    def _block(self, number: int) -> tuple[Span, ...]:
        """The spans of 32 days, whole ones: they may begin before and end after."""
        found = self._blocks.get(number)
        if found is None:
            begin = _EPOCH + number * _BLOCK
            found = _merged(span for source in self._sources for span in source(begin, begin + _BLOCK))
            if len(self._blocks) >= _BLOCKS_KEPT:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[number] = found
        return found


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch each other as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def _weekly(window: Weekly, zone: ZoneInfo) -> Callable[[datetime, datetime], Iterator[Span]]:
    days, daily = weekdays(window.days), Daily(window.since, window.until, zone)

    def spans(begin: datetime, end: datetime) -> Iterator[Span]:
        day, last = begin.astimezone(zone).date() - _DAY, end.astimezone(zone).date()
        while day <= last:
            if day.weekday() in days:
                span = daily.window(day)
                if span[1] > begin and span[0] < end:
                    yield span
            day += _DAY

    return spans


ALWAYS: Final = Schedule()
"""The schedule of a rule that has none."""


@lru_cache(maxsize=1024)
def _built(settings: ScheduleSettings, zone: ZoneInfo, text: str | None) -> Schedule:
    sources: list[Callable[[datetime, datetime], Iterable[Span]]] = [_weekly(one, zone) for one in settings.weekly]
    if text is not None:
        sources.append(read_calendar(text, zone).spans)
    return Schedule(*sources)


def build_schedule(settings: ScheduleSettings | None, context: Context) -> Schedule:
    """The schedule of these settings; None: always active.

    Raises:
        BadRuleError: the centre has no such calendar, or its calendar can't be used.
    """
    if settings is None:
        return ALWAYS
    text = None
    if settings.calendar is not None:
        text = context.calendars.get(settings.calendar)
        if text is None:
            known = ", ".join(sorted(context.calendars)) or "none"
            raise BadRuleError(f"schedule: calendar is {settings.calendar!r}; the calendars are: {known}")
    try:
        return _built(settings, context.timezone, text)
    except BadCalendarError as error:
        raise BadRuleError(f"schedule: calendar {settings.calendar}: {error}") from error
