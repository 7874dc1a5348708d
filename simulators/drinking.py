"""When a continence product gets wet, by what a person drank and how long they slept, and when a carer changes it."""

from datetime import datetime, timedelta
from random import Random

from simulators.outline import Outline, Wetting, whole_ms

DRINKS_AFTER_H = (0.5, 3.0, 5.5, 8.5, 11.0)
"""Hours after waking: breakfast, morning tea, lunch, afternoon, supper."""

PASSES_MIN = (60.0, 150.0)
"""Minutes from a drink until the bladder asks: one to two and a half hours."""

ASLEEP_EVERY_MIN = (180.0, 300.0)
"""The kidneys make half as much at night."""

LATE_ROUND = 0.12
"""Share of the rounds that pass a room over: somebody else was in need."""

CHANGE_FROM_PERCENT = 30.0
"""A carer on a round changes from here on; below, the product stays."""


def wettings(rng: Random, course: Outline, rounds: tuple[float, ...], *, often: bool) -> tuple[Wetting, ...]:
    """The wettings and changes of a day, in order.

    Args:
        rng: draws amounts and minutes.
        course: the day: waking, bedtime, spans out of bed.
        rounds: the carers' rounds, hours after local midnight in real hours.
        often: a bladder that asks twice as often.
    """
    wet = _asleep(rng, course.midnight, course.wake, often=often)
    drinks = [course.wake + timedelta(hours=hours + rng.uniform(-0.3, 0.3)) for hours in DRINKS_AFTER_H]
    for drink in drinks * (2 if often else 1):
        wet.append(drink + timedelta(minutes=rng.uniform(*PASSES_MIN)))
    wet += _asleep(rng, course.bedtime, course.end, often=often)
    changes = [course.midnight + timedelta(hours=hour, minutes=rng.uniform(-10, 25)) for hour in rounds]
    changes = [at for at in changes if rng.random() >= LATE_ROUND]
    percent, said = 0.0, []
    for at, is_wet in sorted([*((at, True) for at in wet), *((at, False) for at in changes)]):
        if not course.midnight <= at < course.end:
            continue
        if is_wet:
            percent = min(100.0, percent + rng.uniform(14, 36))
        elif percent < CHANGE_FROM_PERCENT:
            continue
        else:
            percent = 0.0
        said.append(Wetting(whole_ms(at), round(percent, 1)))
    return tuple(said)


def _asleep(rng: Random, start: datetime, end: datetime, *, often: bool) -> list[datetime]:
    times, at = [], start
    while (at := at + timedelta(minutes=rng.uniform(*ASLEEP_EVERY_MIN) / (2 if often else 1))) < end:
        times.append(at)
    return times
