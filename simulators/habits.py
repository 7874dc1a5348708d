"""What kind of person a resident is: drawn once per seed and resident, the same every day.

The figures are plausible for people over 75 in a care home, not taken from any real person. Sources are named
where a figure has one.
"""

from random import Random

import msgspec


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """A resident's habits. Minutes of the day count from local midnight."""

    wake_minute: float
    breakfast_minute: float
    bed_minute: float
    nap_chance: float
    walks: float
    """Walks a day, on average."""
    wander_chance: float
    """That a walk leaves the safe zone."""
    speed_mps: float
    """Walking speed; 0.4-1.0 m/s is usual over 75 with and without a walker (Bohannon & Williams Andrews 2011)."""
    toilet_trips: float
    """Times out of bed a night, on average; one to three is usual at that age (nocturia)."""
    long_trip_chance: float
    wet_every_min: float
    """Minutes between wettings by day; half as often by night."""
    heart_rate_bpm: float
    respiratory_rate_bpm: float
    forgets_charging: float
    """That the tracker was not put on its charger at night."""
    fall_chance: float
    """A day; about 1.5 falls a bed and year are usual in care homes (WHO, Step safely, 2021)."""
    false_fall_chance: float
    """A day; a detector's mistake, which the wearer takes back."""
    press_chance: float
    """A day."""


def stream(*names: object) -> Random:
    """A stream of random numbers of its own for each use, so that a new use never shifts the others.

    The same names give the same numbers in every process and on every machine: repeatable, not secret, on purpose.
    """
    return Random(":".join(map(str, names)))  # noqa: S311


def draw_habits(seed: int, resident: str) -> Habits:
    """The habits of a resident under a seed."""
    rng = stream(seed, resident, "habits")
    wake = rng.uniform(6.2 * 60, 8.0 * 60)
    return Habits(
        wake_minute=wake,
        breakfast_minute=wake + rng.uniform(30, 60),
        bed_minute=rng.uniform(20.3 * 60, 21.5 * 60),
        nap_chance=rng.uniform(0.3, 0.9),
        walks=rng.uniform(0.5, 2.5),
        wander_chance=rng.choice((0.02, 0.05, 0.15)),
        speed_mps=rng.uniform(0.4, 1.0),
        toilet_trips=rng.uniform(0.6, 2.4),
        long_trip_chance=rng.uniform(0.02, 0.12),
        wet_every_min=rng.uniform(150, 260),
        heart_rate_bpm=rng.uniform(58, 76),
        respiratory_rate_bpm=rng.uniform(12, 18),
        forgets_charging=rng.uniform(0.02, 0.1),
        fall_chance=1.5 / 365,
        false_fall_chance=rng.uniform(0.01, 0.05),
        press_chance=rng.uniform(0.01, 0.08),
    )
