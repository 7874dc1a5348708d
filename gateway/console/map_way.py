"""The way of one person on the map: of which time, in which pieces, and how old its newest position is."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from gateway.console.deps import Console
from gateway.console.map_words import Point
from gateway.console.pages import Tongue
from gateway.console.privacy import Shown
from gateway.store.fixes import taken_at
from gateway.store.places import Found
from gateway.words import N_
from rules.night import instant

REFUSED: Final = {
    Shown.NOT_AGREED: N_("This person did not agree to be located, so the map does not show them."),
    Shown.NO_ALARM: N_("This person agreed to be located while an alert about them is open. None is open now."),
    Shown.NOT_YOURS: N_("There is nobody of that name whom you may see on the map."),
}


class Span(NamedTuple):
    """The time of a track (UTC, ``until`` exclusive); ``day``: the local day; None: the last 24 hours."""

    since: datetime
    until: datetime
    day: date | None
    free: bool
    """Whether a day can be chosen: only by who agreed to be shown at any time."""


def span_of(day: str | None, console: Console, why: Shown) -> Span:
    """The time that is asked for: a local day (YYYY-MM-DD), or the last 24 hours when it is none that can be shown."""
    now, zone = console.deps.clock.now(), console.deps.index().timezone
    free = why is Shown.AGREED
    try:
        chosen = date.fromisoformat(day) if day and free else None
    except ValueError:
        chosen = None
    if chosen is None or not date(2000, 1, 1) <= chosen <= now.astimezone(zone).date():
        return Span(now - timedelta(hours=24), now + timedelta(seconds=1), None, free)
    return Span(
        instant(datetime.combine(chosen, time.min), zone),
        instant(datetime.combine(chosen + timedelta(days=1), time.min), zone),
        chosen,
        free,
    )


def ways(track: list[Point]) -> list[list[tuple[float, float]]]:
    """The track in pieces between which nobody knows the way."""
    found: list[list[tuple[float, float]]] = []
    for point in track:
        if point.gap or not found:
            found.append([])
        found[-1].append((point.lon, point.lat))
    return found


class Newest(NamedTuple):
    """The newest position of a way that goes on until now, and its age in words; ``old``: not to be relied on."""

    point: Point
    age: str
    old: bool


def newest(
    found: Sequence[Found], said: Sequence[Point], chosen: Span, tongue: Tongue, old_after: timedelta
) -> Newest | None:
    """The newest position; None: there is none, or the way is that of a day that is over.

    Args:
        found: the positions of the way, the newest at the end.
        said: the same in words.
        chosen: the time that is shown.
        tongue: the reader's.
        old_after: how old a position is called old.
    """
    if not found or chosen.until <= tongue.now:
        return None
    at = taken_at(found[-1])
    old = tongue.now - at > old_after
    age = tongue("{age} ago", age=tongue.since(at))
    return Newest(said[-1], tongue("{age}, old", age=age) if old else age, old)
