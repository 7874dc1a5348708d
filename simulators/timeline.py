"""The events of a whole centre in order of time: what devices say when switched on, the seeded days, the script."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge

import msgspec

from simulators.day import days, plan_day
from simulators.life import Life
from simulators.messages import Event, event_id
from simulators.scene import Scene
from simulators.staging import Staged

OPENING_NUMBER = 900_000
"""Opening events are numbered from here within their device: no id is used twice."""

REMEMBERED = ("bed", "continence", "position", "status")
"""What a device still knows when it is switched on in the middle of a day."""


def timeline(
    scene: Scene,
    *,
    seed: int,
    start: datetime,
    duration_s: float | None,
    staged: Staged | None = None,
    life: Life | None = None,
) -> Iterator[Event]:
    """All events from ``start`` (UTC-aware) on, for that many simulated seconds; None: without end.

    Staged events before the start come first, with their own times: they were kept while out of reach. ``life``: what
    comes over people in the course of weeks.
    """
    end = None if duration_s is None else start + timedelta(seconds=duration_s)
    staged = staged or Staged(events=(), mutes=(), cast=())
    own = (e for e in _own(scene, seed, start, end, life) if not any(mute.covers(e) for mute in staged.mutes))
    for event in merge(staged.events, own, key=lambda e: (e.at, e.device)):
        if end is not None and event.at >= end:
            return
        yield event


def _own(scene: Scene, seed: int, start: datetime, end: datetime | None, life: Life | None) -> Iterator[Event]:
    for number, day in enumerate(days(start, scene.timezone)):
        events = [event for resident in scene.residents for event in plan_day(seed, scene, resident, day, life)]
        events.sort(key=lambda e: (e.at, e.device))
        if number == 0:
            yield from _opening(events, start)
        yield from (event for event in events if event.at >= start)
        if end is not None and events and events[-1].at >= end:
            return


def _opening(events: list[Event], start: datetime) -> Iterator[Event]:
    """What each device knew last before the start, said at the start."""
    last = {(e.device, e.kind): e for e in events if e.at < start and e.kind in REMEMBERED}
    for (device, kind), event in sorted(last.items()):
        unique = event_id(device, start, OPENING_NUMBER + REMEMBERED.index(kind))
        yield msgspec.structs.replace(event, at=start, id=unique)
