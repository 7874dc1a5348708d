"""What a bed sensor hears of a sleeper: stages, movement, heart and breathing, and the night's summary."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Literal

from devices.model import Reading, Sleep, Vitals
from simulators.habits import stream
from simulators.outline import Outline, Span

VITALS_EVERY_S = 300
SLEEP_EVERY_S = 600

FALLS_ASLEEP_S = 900
"""About a quarter of an hour from going to bed to sleep."""

CYCLE_S = 5400
"""A sleep cycle lasts about 90 minutes: light, deep, light, dream."""

Stage = Literal["awake", "light", "deep", "rem"]


def sleep_readings(seed: int, resident: str, day: date, course: Outline, device: str) -> list[tuple[datetime, Reading]]:
    """Sleep and vitals of all spans in bed of a local day; the summary comes ten minutes after waking."""
    rng = stream(seed, resident, day, "sleep")
    said: list[tuple[datetime, Reading]] = []
    for span in _in_bed(course):
        slept_in = span.start > course.midnight
        said += _sleep(rng, span, device, awake_s=FALLS_ASLEEP_S if slept_in else 0)
        said += _vitals(rng, span, device, course)
    trips = sum(1 for span in course.out_of_bed if span.end <= course.wake)
    summary = Sleep(
        device=device,
        start=course.midnight,
        end=course.wake,
        score=round(max(20.0, min(98.0, rng.gauss(84, 5) - 7 * trips)), 1),
    )
    return [*said, (course.wake + timedelta(minutes=10), summary)]


def _in_bed(course: Outline) -> list[Span]:
    edges = [course.midnight, *(edge for out in course.out_of_bed for edge in (out.start, out.end)), course.end]
    return [Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _sleep(rng: Random, span: Span, device: str, *, awake_s: int) -> list[tuple[datetime, Reading]]:
    said: list[tuple[datetime, Reading]] = []
    for second in range(SLEEP_EVERY_S // 2, int((span.end - span.start).total_seconds()), SLEEP_EVERY_S):
        stage = _stage(second - awake_s)
        asleep = stage != "awake"
        moved = round(rng.uniform(0, 8) if asleep else rng.uniform(15, 60), 1)
        reading = Sleep(device=device, asleep=asleep, stage=stage, movement_percent=moved)
        said.append((span.start + timedelta(seconds=second), reading))
    return said


def _vitals(rng: Random, span: Span, device: str, course: Outline) -> list[tuple[datetime, Reading]]:
    habits = course.habits
    return [
        (
            span.start + timedelta(seconds=second),
            Vitals(
                device=device,
                heart_rate_bpm=round(habits.heart_rate_bpm + rng.gauss(0, 3), 1),
                respiratory_rate_bpm=round(max(8.0, habits.respiratory_rate_bpm + rng.gauss(0, 0.8)), 1),
                quality_percent=round(rng.uniform(70, 99)),
            ),
        )
        for second in range(VITALS_EVERY_S // 2, int((span.end - span.start).total_seconds()), VITALS_EVERY_S)
    ]


def _stage(asleep_s: float) -> Stage:
    if asleep_s < 0:
        return "awake"
    share = asleep_s % CYCLE_S / CYCLE_S
    if share < 0.3:
        return "light"
    if share < 0.6:
        return "deep"
    return "light" if share < 0.8 else "rem"
