"""The map in words: each position as a line that says who, where, since when, how exactly, and why it is shown."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from devices.model import Position
from gateway import words
from gateway.centre.index import CentreIndex
from gateway.console.map_data import Overview, Spot, is_coarse
from gateway.console.pages import Tongue
from gateway.console.privacy import Shown
from gateway.store.fixes import taken_at
from gateway.store.places import Found
from gateway.words import N_
from rules.geometry import signed_distances

SOURCES: Final = {
    "gnss": N_("by satellite"),
    "wifi": N_("by Wi-Fi networks near it"),
    "cell": N_("by the telephone mast"),
    "beacon": N_("near a beacon"),
    "gateway": N_("near a receiver, not where exactly"),
}
WHY: Final = {
    "agreed": N_("The person agreed that staff see this."),
    "alarm": N_("Shown because an alert about the person is open."),
    "break_glass": N_("Shown because you opened it for a reason; that is written down."),
}
HIDDEN: Final = {
    Shown.NOT_AGREED: (
        N_("{n} person is not shown: they did not agree to be located."),
        N_("{n} people are not shown: they did not agree to be located."),
    ),
    Shown.NO_ALARM: (
        N_("{n} person is shown only while an alert about them is open."),
        N_("{n} people are shown only while an alert about them is open."),
    ),
}
MARKS: Final = {"high": "!!!", "medium": "!!", "low": "!"}
_PAIRS: Final = 20_000
"""Positions times zones that are measured for one page, some 40 ms; beyond, the place is left to the drawing."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An open alert of somebody on the map."""

    id: int
    priority: str
    mark: str
    word: str
    title: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A position as the page shows it, in words and for the drawing. ``age_text`` says old when it is."""

    resident: str
    room: str
    name: str
    lon: float
    lat: float
    accuracy_m: float | None
    at: str
    age_text: str
    old: bool
    coarse: bool
    accuracy: str
    source: str
    place: str
    why: str
    alerts: tuple[Told, ...]

    @property
    def look(self) -> str:
        """Classes for how it is drawn."""
        urgent = [self.alerts[0].priority] if self.alerts else []
        return " ".join(["spot", *(["aged"] if self.old else []), *(["coarse"] if self.coarse else []), *urgent])


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a track. ``gap``: so long after the one before that nobody knows the way between."""

    lon: float
    lat: float
    accuracy_m: float | None
    at: str
    iso: str
    accuracy: str
    place: str
    coarse: bool
    gap: bool


GAP: Final = timedelta(minutes=30)


def lines(found: Overview, index: CentreIndex, tongue: Tongue, old_after: timedelta) -> list[Line]:
    """The positions in words: open alerts first, then by room."""
    placed = places_of([(one.lon, one.lat, one.accuracy_m) for one in found.spots], index, tongue)
    made = [_line(one, place, index, tongue, old_after) for one, place in zip(found.spots, placed, strict=True)]
    rank = list(MARKS)
    return sorted(made, key=lambda one: (rank.index(one.alerts[0].priority) if one.alerts else 9, one.room))


def hidden_lines(found: Overview, tongue: Tongue) -> list[str]:
    """How many are not shown, and why, a sentence each."""
    said = [tongue.many(*HIDDEN[why], n=number) for why, number in sorted(found.hidden.items()) if why in HIDDEN]
    if found.left_out:
        said.append(
            tongue.many(
                "{n} person more is not drawn: choose a ward.", "{n} people more are not drawn: choose a ward.",
                found.left_out,
            )
        )  # fmt: skip
    return said


def points(found: Sequence[Found], index: CentreIndex, tongue: Tongue) -> list[Point]:
    """A track in words, the oldest first."""
    fixes = [(one, one.reading) for one in found if isinstance(one.reading, Position)]
    placed = places_of([(fix.lon, fix.lat, fix.accuracy_m) for _, fix in fixes], index, tongue)
    made: list[Point] = []
    before: datetime | None = None
    for (one, fix), place in zip(fixes, placed, strict=True):
        at = taken_at(one)
        made.append(
            Point(
                lon=fix.lon,
                lat=fix.lat,
                accuracy_m=fix.accuracy_m,
                at=tongue.at(at),
                iso=at.isoformat(),
                accuracy=accuracy_words(fix.accuracy_m, tongue),
                place=place,
                coarse=is_coarse(fix),
                gap=before is not None and at - before > GAP,
            )
        )
        before = at
    return made


def accuracy_words(accuracy_m: float | None, tongue: Tongue) -> str:
    """How exact a position is."""
    if accuracy_m is None or accuracy_m <= 0:
        return tongue("accuracy not known")
    return tongue("good to {distance}", distance=words.distance(accuracy_m, tongue.language))


def places_of(fixes: Sequence[tuple[float, float, float | None]], index: CentreIndex, tongue: Tongue) -> list[str]:
    """Where positions (lon, lat, accuracy in metres) are, by the zones of the house: the smallest they are in."""
    zones = [zone for zone in index.centre.zones if zone.shape.has_ground]
    if not zones or len(zones) * len(fixes) > _PAIRS:
        return ["" for _ in fixes]
    shapes = [zone.shape for zone in zones]
    pairs = [(shape, lon, lat) for lon, lat, _ in fixes for shape in shapes]
    metres = signed_distances([one[0] for one in pairs], [one[1] for one in pairs], [one[2] for one in pairs])
    said = []
    for number, (_, _, accuracy) in enumerate(fixes):
        mine = metres[number * len(shapes) : (number + 1) * len(shapes)]
        inside = [(shapes[k].square_m, k) for k, far in enumerate(mine) if far < 0]
        if inside:
            k = min(inside)[1]
            sure = -mine[k] >= (accuracy or 0)
            near = tongue("in {zone} or just outside", zone=zones[k].name)
            said.append(tongue("in {zone}", zone=zones[k].name) if sure else near)
            continue
        k = min(range(len(mine)), key=mine.__getitem__)
        if mine[k] <= (accuracy or 0):
            said.append(tongue("in {zone} or just outside", zone=zones[k].name))
            continue
        far = words.distance(mine[k], tongue.language)
        said.append(tongue("{distance} from {zone}", distance=far, zone=zones[k].name))
    return said


def rooms(residents: Iterable[str], index: CentreIndex) -> list[tuple[str, str]]:
    """Room and name, by room."""
    found = [index.residents[one] for one in residents if one in index.residents]
    return sorted((one.room, one.name) for one in found)


def _line(spot: Spot, place: str, index: CentreIndex, tongue: Tongue, old_after: timedelta) -> Line:
    resident = index.residents[spot.resident]
    old = tongue.now - spot.at > old_after
    age = tongue("{age} ago", age=tongue.since(spot.at))
    return Line(
        resident=resident.id,
        room=resident.room,
        name=resident.name,
        lon=spot.lon,
        lat=spot.lat,
        accuracy_m=spot.accuracy_m,
        at=spot.at.isoformat(),
        age_text=tongue("{age}, old", age=age) if old else age,
        old=old,
        coarse=spot.coarse,
        accuracy=accuracy_words(spot.accuracy_m, tongue),
        source=tongue(SOURCES[spot.source]) if spot.source in SOURCES else "",
        place=place,
        why=tongue(WHY[spot.why]) if spot.why in WHY else "",
        alerts=tuple(
            Told(
                id=one.id,
                priority=one.priority,
                mark=MARKS.get(one.priority, "!"),
                word=words.priority_word(one.priority, tongue.language),
                title=index.own_title(spot.resident, one.rule) or words.rule_title(one.rule, tongue.language),
            )
            for one in spot.alerts
        ),
    )
