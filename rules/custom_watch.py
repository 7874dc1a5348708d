"""Conditions of own rules at work: what each remembers, and whether it holds at a time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from devices.model import ALARM_KINDS
from rules.custom_condition import COMPARE, ORDERED, Condition, Form, Match
from rules.model import Evidence, Heard

_SELDOM: Final = timedelta(hours=26)
"""Devices report at least once a day, with two hours for a late one. After a longer silence, a number that must have
been so for a while begins anew."""

_VALUES: Final = (bool, int, float, str)


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one condition remembers.

    ``at`` is the time of the newest reading that was judged, ``since`` when it began to match (compare), when the last
    match was (absence) or when it changed (change); ``times`` of the newest matches (count), in order; ``seen`` and
    ``before`` are values.
    """

    at: datetime | None = None
    since: datetime | None = None
    times: tuple[datetime, ...] = ()
    seen: bool | float | str | None = None
    before: bool | float | str | None = None
    evidence: Evidence | None = None


class Matcher:
    """Which readings match."""

    __slots__ = ("_compare", "_name", "_value", "device", "kind")

    def __init__(self, settings: Match) -> None:
        self.kind: str = settings.kind
        self.device = settings.device
        self._name = settings.field
        self._compare = COMPARE[settings.op]
        self._value = settings.value

    def concerns(self, heard: Heard) -> bool:
        """Whether a reading is of its kind and device."""
        return self.kind == heard.kind and (self.device is None or self.device == heard.device)

    def matches(self, heard: Heard) -> bool:
        """Whether a reading of the right kind and device compares so; True where no field is named."""
        if self._name is None:
            return True
        value = self._value_of(heard)
        return isinstance(value, _VALUES) and bool(self._compare(value, self._value))

    def _value_of(self, heard: Heard) -> Any:
        return None if self._name is None else getattr(heard.reading, self._name)


class Watch(Matcher):
    """A condition at work: pure functions over its Part."""

    __slots__ = (
        "_after",
        "_alarm",
        "_by",
        "_clear_value",
        "_count",
        "_form",
        "_measured",
        "_stays",
        "hear",
        "settings",
    )

    def __init__(self, settings: Condition) -> None:
        super().__init__(settings)
        self.settings = settings
        self._form = settings.form
        self._stays = COMPARE[settings.op[0] if settings.op in ORDERED else settings.op]
        self._clear_value = settings.clear_value
        self._alarm = settings.kind in ALARM_KINDS
        self._count = settings.count or 0
        self._by = settings.changes_by
        after = {
            Form.COMPARE: settings.for_s,
            Form.COUNT: settings.within_s or 0,
            Form.ABSENCE: settings.absent_s or 0,
            Form.CHANGE: settings.holds_s,
        }[self._form]
        self._after = timedelta(seconds=after)
        self._measured = self._form is Form.COMPARE and settings.what is not None and settings.what.is_number
        """A number is known when it is measured; a state ("in bed") holds until another one is heard."""
        self.hear: Callable[[Part, Heard], Part] = {
            Form.COMPARE: self._heard_compare,
            Form.CHANGE: self._heard_change,
        }.get(self._form, self._heard_match)
        """What a reading of the right kind and device changes; the same object: nothing."""

    def start(self, at: datetime) -> Part:
        """Nothing was heard; an absence counts from now on."""
        return Part(since=at) if self._form is Form.ABSENCE else Part()

    def holds(self, part: Part, now: datetime, began: datetime | None) -> bool:
        """Whether it holds. ``began``: when the schedule began in which an absence counts; None: long ago."""
        if self._form is Form.COUNT:
            times = part.times
            return len(times) >= self._count and max(now, times[-1]) < times[0] + self._after
        since = part.since
        if since is None:
            return False
        if self._form is Form.CHANGE:
            return now < since + self._after
        if self._measured:
            return part.at is not None and part.at >= since + self._after
        if began is not None and self._form is Form.ABSENCE and began > since:
            since = began
        return now >= since + self._after

    def edge(self, part: Part, now: datetime, began: datetime | None) -> datetime | None:
        """The first time after ``now`` at which :meth:`holds` may say something else without a reading; None: never."""
        if self._form is Form.COUNT:
            if len(part.times) < self._count:
                return None
            edge = part.times[0] + self._after
        elif part.since is None or self._measured:
            return None
        else:
            since = part.since
            if began is not None and self._form is Form.ABSENCE and began > since:
                since = began
            edge = since + self._after
        return edge if edge > now else None

    def _heard_compare(self, part: Part, heard: Heard) -> Part:
        value = self._value_of(heard)
        if not isinstance(value, _VALUES):  # not said
            return part
        at = heard.at
        older = part.at is not None and at < part.at
        matches = self._compare(value, self._value)
        if older and not (self._alarm and matches):
            return part
        if self._measured and self._after and part.at is not None and at > part.at + max(_SELDOM, self._after):
            part = Part(part.at)
        if not matches and self._clear_value is not None and self.holds(part, at, None):
            matches = self._stays(value, self._clear_value)
        newest = part.at if older and not (self._measured and self._after) else at
        if not matches:
            return Part(newest)
        if part.since is not None and not older:
            return Part(newest, part.since, (), value, None, heard.evidence())
        return Part(newest, at, (), value, None, heard.evidence())

    def _heard_change(self, part: Part, heard: Heard) -> Part:
        value = self._value_of(heard)
        if not isinstance(value, _VALUES):
            return part
        if part.at is not None and heard.at < part.at:
            return part
        seen = part.seen
        changed = seen is not None and seen != value
        if changed and self._by is not None:
            assert isinstance(seen, int | float)
            assert isinstance(value, int | float)
            changed = abs(value - seen) >= self._by
        if changed:
            return Part(heard.at, heard.at, (), value, seen, heard.evidence())
        return Part(heard.at, part.since, (), value, part.before, part.evidence)

    def _heard_match(self, part: Part, heard: Heard) -> Part:
        if not self.matches(heard):
            return part
        at = heard.at
        if self._form is Form.ABSENCE:
            if part.since is not None and at <= part.since:
                return part
            return Part(at, at, (), None, None, None)
        times = part.times
        if at in times or (len(times) == self._count and at < times[0]):
            return part
        times = tuple(sorted((*times, at)))[-self._count :]
        return Part(times[-1], None, times, None, None, heard.evidence() if times[-1] == at else part.evidence)
