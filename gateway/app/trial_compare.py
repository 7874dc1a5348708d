"""Two plans' alerts over the same time, beside each other: kept, gone, new; by resident, by rule, by night."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.app.trial_ledger import TrialAlert
from rules.night import Daily

NEAR: Final = timedelta(minutes=15)
"""Alerts of one rule this near each other, or whose times overlap, tell of the same event: a changed threshold tells
sooner or later."""


class Kept(msgspec.Struct, frozen=True):
    """An alert of both plans; ``later_s`` seconds later (negative: sooner) by the changed one."""

    before: TrialAlert
    after: TrialAlert
    later_s: float


class Counts(msgspec.Struct, kw_only=True):
    """How many alerts: by the present plan, by the changed one, in both, only in the present one, only in the new."""

    before: int = 0
    after: int = 0
    kept: int = 0
    gone: int = 0
    new: int = 0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a changed plan makes of it. ``nights`` by the local day on which each night began; all nights are there."""

    kept: list[Kept]
    gone: list[TrialAlert]
    new: list[TrialAlert]
    total: Counts
    residents: dict[str, Counts]
    rules: dict[str, Counts]
    nights: dict[date, Counts]


def pair(before: list[TrialAlert], after: list[TrialAlert]) -> tuple[list[Kept], list[TrialAlert], list[TrialAlert]]:
    """Match one resident's alerts of both plans: the same rule, and the same event. Kept, gone, new."""
    kept: list[Kept] = []
    left = list(after)
    gone: list[TrialAlert] = []
    for one in sorted(before, key=lambda alert: alert.raised_at):
        same = [other for other in left if _same(one, other)]
        if not same:
            gone.append(one)
            continue
        other = min(same, key=lambda alert: (alert.rule_key != one.rule_key, abs(alert.raised_at - one.raised_at)))
        left.remove(other)
        kept.append(Kept(one, other, (other.raised_at - one.raised_at).total_seconds()))
    return kept, gone, left


def _same(one: TrialAlert, other: TrialAlert) -> bool:
    if one.rule != other.rule or (one.rule_key != other.rule_key and one.subject != other.subject):
        return False
    return _begin(one) <= other.last_at + NEAR and _begin(other) <= one.last_at + NEAR


def _begin(alert: TrialAlert) -> datetime:
    return min(alert.happened_at, alert.raised_at)


def compare(
    before: dict[str, list[TrialAlert]],
    after: dict[str, list[TrialAlert]],
    *,
    since: datetime,
    until: datetime,
    timezone: ZoneInfo,
    night: tuple[time, time],
) -> Comparison:
    """Put two plans' alerts beside each other.

    Args:
        before: the present plan's alerts by resident.
        after: the changed plan's.
        since: UTC-aware.
        until: UTC-aware, exclusive.
        timezone: the centre's.
        night: wall-clock times between which it is night.
    """
    kept: list[Kept] = []
    gone: list[TrialAlert] = []
    new: list[TrialAlert] = []
    for resident in sorted({*before, *after}):
        found = pair(before.get(resident, []), after.get(resident, []))
        kept += found[0]
        gone += found[1]
        new += found[2]
    daily = Daily(*night, timezone)
    comparison = Comparison(
        kept=sorted(kept, key=lambda one: one.before.raised_at),
        gone=sorted(gone, key=lambda one: one.raised_at),
        new=sorted(new, key=lambda one: one.raised_at),
        total=Counts(),
        residents={},
        rules={},
        nights={day: Counts() for day in _nights(daily, since, until)},
    )
    _count(comparison, "kept", (one.before for one in kept), daily, both=True)
    _count(comparison, "gone", gone, daily)
    _count(comparison, "new", new, daily)
    return comparison


def _count(
    comparison: Comparison, what: str, alerts: Iterable[TrialAlert], daily: Daily, *, both: bool = False
) -> None:
    for alert in alerts:
        night = night_of(alert.raised_at, daily)
        places = [
            comparison.total,
            comparison.residents.setdefault(alert.resident or "", Counts()),
            comparison.rules.setdefault(alert.rule_key if alert.rule == "custom" else alert.rule, Counts()),
        ]
        if night is not None:
            places.append(comparison.nights.setdefault(night, Counts()))
        for counts in places:
            setattr(counts, what, getattr(counts, what) + 1)
            if both or what == "gone":
                counts.before += 1
            if both or what == "new":
                counts.after += 1


def night_of(at: datetime, daily: Daily) -> date | None:
    """The local day on which the night began in which ``at`` (UTC) lies; None: it is day."""
    today = at.astimezone(daily.zone).date()
    for day in (today - timedelta(days=1), today):
        start, end = daily.window(day)
        if start <= at < end:
            return day
    return None


def _nights(daily: Daily, since: datetime, until: datetime) -> Iterable[date]:
    """Nights of which a part lies in the time."""
    day = since.astimezone(daily.zone).date() - timedelta(days=1)
    while (window := daily.window(day))[0] < until:
        if window[1] > since:
            yield day
        day += timedelta(days=1)


def busiest(nights: dict[date, Counts], number: Callable[[Counts], int]) -> date | None:
    """The night with the most; None: no night had any."""
    day = max(nights, key=lambda one: (number(nights[one]), -one.toordinal()), default=None)
    return None if day is None or number(nights[day]) == 0 else day
