"""How quickly people were told, answered and came, by day, week or shift: one pass of SQL over what is stored.

What is counted: alerts that stand by themselves (not those under another one) and did not turn out to be a test. All
times run from the moment the alert was raised:

- notified: the first message that asks for an answer was taken over by its provider; one that says that others could
  not be reached asks too;
- acknowledged: the first person answered (going, there, or closed at once). Whenever nobody has the alert any more, it
  waits for an answer again, and the longest of these waits counts: see gateway.alerts.kpi_lines. While the last of
  them has no answer, neither has the alert;
- attended: the first person said that they are there.

The limits of the shares are those that alarm receiving centres in the United Kingdom are measured by (TSA, Quality
Standards Framework: calls answered within 60 s and 180 s, responders there within 45 minutes).
"""

import math
import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

import msgspec

from gateway.alerts.delivery import TOLD, State
from gateway.alerts.kpi_lines import Line, alert_lines, words
from gateway.alerts.model import Outcome
from gateway.alerts.outcomes import OutcomeCount, outcomes
from gateway.centre.model import Centre
from gateway.clock import from_ms, to_ms

SHIFTS: Final = (time(7), time(15), time(23))
"""When shifts change where the centre file has no shifts: early, late, night."""

LIMITS: Final[dict[str, tuple[str, int]]] = {
    "notified_within_60_s": ("notified", 60),
    "acknowledged_within_60_s": ("acknowledged", 60),
    "acknowledged_within_180_s": ("acknowledged", 180),
    "attended_within_45_min": ("attended", 45 * 60),
}
"""Shares that are reported: of which time, within how many seconds."""

UNANSWERED_AFTER: Final = timedelta(seconds=180)
"""A person has had that long before an alert counts as unanswered; the second limit of acknowledging."""


class Per(StrEnum):
    """How the time is cut up; all of it in the centre's time zone."""

    DAY = "day"
    WEEK = "week"
    SHIFT = "shift"


class Spread(msgspec.Struct, frozen=True):
    """Seconds: half of the alerts were quicker than the median, nine of ten quicker than the 90th percentile.

    Percentiles are of those where it happened, by nearest rank; None: it never happened.
    """

    alerts: int
    median_s: float | None
    p90_s: float | None


class Share(msgspec.Struct, frozen=True):
    """How many of those that could be judged were in time; one whose limit is not over yet can't be judged.

    An alert that ended without it counts as not in time. ``share`` is from 0 to 1; None: there was nothing to judge.
    """

    within: int
    of: int
    share: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a stretch of time, from ``since`` until just before ``until`` (UTC)."""

    since: datetime
    until: datetime
    label: str
    """The stretch for people: 2026-03-01, 2026-W09, 2026-03-01 07:00; "all" for the whole."""
    alerts: int
    tests: int
    """Alerts that turned out to be tests; they are not in any other figure."""
    closed: int
    unanswered: int
    """Nobody has answered them since they last began to wait for it, and 180 s have passed since."""
    promises_not_kept: int
    """Somebody said that they are going, and neither came nor said anything in the time that they had named."""
    notified: Spread
    acknowledged: Spread
    attended: Spread
    shares: dict[str, Share]


class FalseAlarms(msgspec.Struct, frozen=True):
    """How the closed alerts of one rule, device or resident turned out. ``by`` says which of the three."""

    by: str
    name: str
    closed: int
    false: int
    wearer_cancelled: int
    share: float | None
    """False ones of the closed ones, from 0 to 1."""


class Delivery(msgspec.Struct, frozen=True):
    """What became of the messages of one channel. ``share_failed`` is of those that were settled one way or other."""

    channel: str
    messages: int
    told: int
    failed: int
    waiting: int
    withdrawn: int
    attempts: int
    share_failed: float | None


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything: the whole time, the stretches in it, false alarms (most first), deliveries by channel."""

    timezone: str
    per: Per
    total: Figures
    periods: list[Figures]
    false_alarms: list[FalseAlarms]
    deliveries: list[Delivery]


_DELIVERIES = f"""
SELECT n.channel AS channel, count(*) AS messages,
    count(*) FILTER (WHERE n.state IN ({words(TOLD)})) AS told,
    count(*) FILTER (WHERE n.state = '{State.FAILED_FOR_GOOD}') AS failed,
    count(*) FILTER (WHERE n.state = '{State.WITHDRAWN}') AS withdrawn,
    sum(n.attempts) AS attempts
FROM notifications n
WHERE n.created_at >= :since AND n.created_at < :until GROUP BY n.channel ORDER BY n.channel
"""  # noqa: S608 - our own words


def shift_changes(centre: Centre) -> tuple[time, ...]:
    """When shifts change: as the weekly shifts of the centre file begin, else :data:`SHIFTS`."""
    return tuple(sorted({window.since for shift in centre.shifts for window in shift.weekly})) or SHIFTS


def kpis(
    db: sqlite3.Connection,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    timezone: tzinfo,
    per: Per = Per.DAY,
    shifts: Sequence[time] = SHIFTS,
) -> Kpis:
    """The figures of the alerts that were raised from ``since`` until just before ``until``.

    Args:
        db: a connection; nothing is written.
        since: UTC-aware.
        until: UTC-aware.
        now: UTC-aware; what is not over by now can't be judged.
        timezone: the centre's.
        per: how the time is cut up; stretches without an alert are left out.
        shifts: wall-clock times at which shifts change, for ``per`` shift.
    """
    values = {"since": to_ms(since), "until": to_ms(until)}
    lines = alert_lines(db, since=since, until=until)
    stretches: dict[tuple[datetime, datetime, str], list[Line]] = {}
    for line in lines:
        stretches.setdefault(_stretch(from_ms(line.raised), timezone, per, sorted(shifts)), []).append(line)
    return Kpis(
        timezone=str(timezone),
        per=per,
        total=_figures(lines, since, until, "all", now),
        periods=[
            _figures(found, max(start, since), min(end, until), label, now)
            for (start, end, label), found in stretches.items()
        ],
        false_alarms=_false_alarms(outcomes(db, since=since, until=until)),
        deliveries=[_delivery(row) for row in db.execute(_DELIVERIES, values)],
    )


def _stretch(at: datetime, timezone: tzinfo, per: Per, shifts: Sequence[time]) -> tuple[datetime, datetime, str]:
    """The day, week or shift in which a time lies: start and end in UTC, and its name."""
    local = at.astimezone(timezone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    if per is Per.SHIFT and shifts:
        place = bisect_right(shifts, local.time()) - 1
        day = midnight if place >= 0 else midnight - timedelta(days=1)
        start = datetime.combine(day, shifts[place])
        following = (place + 1) if place >= 0 else len(shifts)
        end = datetime.combine(day + timedelta(days=following // len(shifts)), shifts[following % len(shifts)])
        label = f"{start:%Y-%m-%d %H:%M}"
    elif per is Per.WEEK:
        start = midnight - timedelta(days=local.weekday())
        end = start + timedelta(days=7)
        year, week, _ = start.isocalendar()
        label = f"{year}-W{week:02}"
    else:
        start, end, label = midnight, midnight + timedelta(days=1), f"{midnight:%Y-%m-%d}"
    return start.replace(tzinfo=timezone).astimezone(UTC), end.replace(tzinfo=timezone).astimezone(UTC), label


def _figures(lines: Sequence[Line], since: datetime, until: datetime, label: str, now: datetime) -> Figures:
    counted = [line for line in lines if line.outcome != Outcome.TEST]
    now_ms, patience = to_ms(now), UNANSWERED_AFTER // timedelta(milliseconds=1)
    return Figures(
        since=since,
        until=until,
        label=label,
        alerts=len(counted),
        tests=len(lines) - len(counted),
        closed=sum(line.closed is not None for line in counted),
        unanswered=sum(line.acknowledged is None and now_ms - line.waits_since > patience for line in counted),
        promises_not_kept=sum(line.broken > 0 for line in counted),
        notified=_spread([line.notified - line.raised for line in counted if line.notified is not None]),
        acknowledged=_spread([line.acknowledged - line.raised for line in counted if line.acknowledged is not None]),
        attended=_spread([line.attended - line.raised for line in counted if line.attended is not None]),
        shares={name: _share(counted, what, limit * 1000, now_ms) for name, (what, limit) in LIMITS.items()},
    )


def _spread(millis: list[int]) -> Spread:
    millis.sort()

    def rank(share: float) -> float | None:
        return max(0, millis[math.ceil(share * len(millis)) - 1]) / 1000 if millis else None

    return Spread(len(millis), rank(0.5), rank(0.9))


def _share(lines: Sequence[Line], what: str, limit_ms: int, now_ms: int) -> Share:
    within = of = 0
    for line in lines:
        happened: int | None = getattr(line, what)
        if happened is not None and happened - line.raised <= limit_ms:
            within += 1
        elif (
            happened is None
            and line.closed is None
            and now_ms - (line.waits_since if what == "acknowledged" else line.raised) <= limit_ms
        ):
            continue  # there is still time
        of += 1
    return Share(within, of, within / of if of else None)


def _false_alarms(counts: Sequence[OutcomeCount]) -> list[FalseAlarms]:
    """The same counts by each of the three names; the most false alarms first."""
    found: list[FalseAlarms] = []
    for by in ("rule", "device", "resident"):
        sums: dict[str, list[int]] = {}
        for count in counts:
            name = getattr(count, by)
            closed = count.real + count.false + count.cancelled + count.other
            if name is not None and closed:
                total = sums.setdefault(name, [0, 0, 0])
                for place, number in enumerate((closed, count.false, count.cancelled)):
                    total[place] += number
        lines = [
            FalseAlarms(by, name, total[0], total[1], total[2], total[1] / total[0]) for name, total in sums.items()
        ]
        found += sorted(lines, key=lambda line: (-line.false, -line.closed, line.name))
    return found


def _delivery(row: sqlite3.Row) -> Delivery:
    settled = row["told"] + row["failed"]
    return Delivery(
        channel=row["channel"],
        messages=row["messages"],
        told=row["told"],
        failed=row["failed"],
        waiting=row["messages"] - settled - row["withdrawn"],
        withdrawn=row["withdrawn"],
        attempts=row["attempts"],
        share_failed=row["failed"] / settled if settled else None,
    )
