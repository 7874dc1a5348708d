"""What an own rule says: a sentence with what was heard of which device, and the figures of a condition.

What was heard is written as the care plan writes the condition, without underscores: ``mat: in bed = false``.

The author's title goes along as the value ``title``; whoever shows the alert takes it from there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias

from rules.custom_condition import Condition, Form
from rules.custom_watch import Part
from rules.model import Cleared, Reason
from rules.timing import epoch_ms, seconds

_UNIT_ENDS: Final = ("_bpm", "_percent", "_mps", "_deg", "_c", "_m", "_g")

Values: TypeAlias = dict[str, float | int | str]

TITLE: Final = "title"
"""The name of the value that is the author's title."""

_MEASURED: Final[dict[str, tuple[Callable[[Values], Reason], Callable[[Values], Reason]]]] = {
    ">": (
        lambda values: Reason("Measured {seen}{unit}, above {limit}{unit}.", values),
        lambda values: Reason("Measured {seen}{unit}, above {limit}{unit} for {held_s}.", values),
    ),
    ">=": (
        lambda values: Reason("Measured {seen}{unit}; {limit}{unit} or more is told.", values),
        lambda values: Reason("Measured {seen}{unit}; {limit}{unit} or more for {held_s}.", values),
    ),
    "<": (
        lambda values: Reason("Measured {seen}{unit}, below {limit}{unit}.", values),
        lambda values: Reason("Measured {seen}{unit}, below {limit}{unit} for {held_s}.", values),
    ),
    "<=": (
        lambda values: Reason("Measured {seen}{unit}; {limit}{unit} or less is told.", values),
        lambda values: Reason("Measured {seen}{unit}; {limit}{unit} or less for {held_s}.", values),
    ),
}
"""What is said of a number: at once, and after it was so for a while."""


def waiting() -> Reason:
    """It must be so a while longer."""
    return Reason("It is so, and not yet for long enough.")


def cleared(title: str, at: datetime) -> Cleared:
    """It is over."""
    return Cleared(Reason("It was over at {over_at}.", {TITLE: title, "over_at": epoch_ms(at)}))


def _named(settings: Condition, device: str | None) -> str:
    """Device and field, as far as they are known: ``v: heart rate``."""
    words = settings.kind if settings.field is None else settings.field
    for end in _UNIT_ENDS:
        words = words.removesuffix(end) or words
    known = settings.device or device
    return f"{known}: {words.replace('_', ' ')}" if known else words.replace("_", " ")


def _matched(settings: Condition, device: str | None, seen: bool | float | str | None = None) -> str:
    """Device, field and value: ``mat: in bed = false``. ``seen`` where it may be another one than the plan's."""
    value, op = (settings.value, settings.op) if seen is None else (seen, "=")
    if value is None:
        return _named(settings, device)
    return f"{_named(settings, device)} {op} {_said(value)}{settings.what.unit if settings.what else ''}"


def _said(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, int | float) else value


def reason_of(settings: Condition, part: Part, now: datetime, title: str, began: datetime | None) -> Reason:
    """Why a condition holds. ``began``: when the schedule began, None: long ago."""
    device = None if part.evidence is None else part.evidence.device
    match settings.form:
        case Form.COUNT:
            values: Values = {
                TITLE: title,
                "count": f"{_matched(settings, device)}, {len(part.times)}",
                "window_s": seconds(part.times[-1] - part.times[0]),
                "first_at": epoch_ms(part.times[0]),
            }
            return Reason("{count} times in {window_s}, first at {first_at}.", values)
        case Form.ABSENCE:
            assert part.since is not None
            since = part.since if began is None else max(began, part.since)
            values = {
                TITLE: title,
                "what": _matched(settings, None),
                "silent_s": seconds(now - since),
                "since_at": epoch_ms(since),
            }
            return Reason("{what}: not once for {silent_s}, since {since_at}.", values)
        case Form.CHANGE:
            return _changed(settings, part, title)
        case Form.COMPARE:
            return _compared(settings, part, now, title)


def _changed(settings: Condition, part: Part, title: str) -> Reason:
    field = settings.what
    before, seen = part.before, part.seen
    values: Values = {TITLE: title}
    assert seen is not None
    assert before is not None
    assert field is not None
    device = None if part.evidence is None else part.evidence.device
    was = f"{_named(settings, device)} = {_said(before)}"
    values |= {"before": was, "seen": _said(seen), "unit": field.unit}
    return Reason("It changed from {before}{unit} to {seen}{unit}.", values)


def _compared(settings: Condition, part: Part, now: datetime, title: str) -> Reason:
    assert part.since is not None
    field, seen, limit = settings.what, part.seen, settings.value
    held = seconds(now - part.since)
    device = None if part.evidence is None else part.evidence.device
    values: Values = {TITLE: title, "since_at": epoch_ms(part.since), "held_s": held}
    if settings.op in _MEASURED and field is not None and isinstance(seen, int | float) and isinstance(limit, float):
        values |= {"seen": f"{_named(settings, device)} = {_said(seen)}", "limit": limit, "unit": field.unit}
        return _MEASURED[settings.op][1 if settings.for_s else 0](values)
    values["what"] = _matched(settings, device, seen)
    if settings.for_s:
        return Reason("{what} since {since_at}, for {held_s}.", values)
    return Reason("{what} since {since_at}.", values)
