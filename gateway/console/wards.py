"""Which alerts a board shows: the wards of the one who looks, and of these the ones that were chosen in the address.

What is nobody's ward's is everybody's: a resident without a ward, a technical matter of the centre. What somebody was
told about they always see. What is not shown is counted, never left out in silence.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from gateway.centre.index import CentreIndex
from gateway.console.deps import Console
from gateway.console.guards import Visitor, asked_of

MOST_CHOSEN = 50
"""Wards in one address; more than any house has."""


class Mark(NamedTuple):
    """What a row of the board depends on: it is drawn anew when one of these changes."""

    id: int
    version: int
    taken_by: str | None
    ward: str | None


class Marks(NamedTuple):
    """The open alerts as one visitor sees them, by what they depend on; no row is decoded for it."""

    shown: tuple[Mark, ...]
    hidden: int
    """Alerts of wards that were not chosen; choosing all wards shows them."""
    elsewhere: int
    """Alerts of wards that are not the visitor's. A relative learns nothing of them: 0."""
    by_ward: tuple[tuple[str, int], ...]
    """Open alerts of each ward that the visitor can choose, chosen or not."""
    told: bool
    """Something is shown for no other reason than that the visitor was told about it: the picture is their own."""


def ward_name(ward: str) -> str:
    """A ward as people read it: its id, which is short and has no spaces, with a capital."""
    return ward.replace("_", " ").replace("-", " ").capitalize()


def wards_of(index: CentreIndex, visitor: Visitor) -> tuple[str, ...]:
    """The wards that the visitor can choose from: their own; those of the house for staff who work everywhere."""
    if not visitor.sees_everyone:
        return ()
    house = sorted({resident.ward for resident in index.residents.values() if resident.ward is not None})
    own = visitor.carer.wards
    return tuple(ward for ward in own if ward in house) if own else tuple(house)


def unlived_of(index: CentreIndex, visitor: Visitor) -> tuple[str, ...]:
    """Wards of the visitor in which nobody lives: a mistyped one would leave their board empty without a word."""
    if not visitor.sees_everyone or not visitor.carer.wards:
        return ()
    house = {resident.ward for resident in index.residents.values()}
    return tuple(ward for ward in visitor.carer.wards if ward not in house)


def chosen_of(asked: Iterable[str], wards: Collection[str]) -> tuple[str, ...]:
    """The chosen wards of an address (``?ward=north&ward=south``), as far as there are such; none: all."""
    found = sorted({ward for ward in list(asked)[:MOST_CHOSEN] if ward in wards})
    return () if len(found) == len(wards) else tuple(found)


def marks_of(console: Console, visitor: Visitor, chosen: Collection[str] = ()) -> Marks:
    """The open alerts as the visitor sees them; asked at every poll of every open page.

    Args:
        console: the running console.
        visitor: who looks.
        chosen: wards from :func:`chosen_of`; empty: all that are the visitor's.
    """
    db, index = console.db(), console.deps.index()
    found = db.execute(
        "SELECT id, version, taken_by, resident FROM alerts WHERE state != 'closed' ORDER BY id"
    ).fetchall()
    own, staff = visitor.carer.wards, visitor.sees_everyone
    told: frozenset[int] | None = None
    shown, hidden, elsewhere, only_told = [], 0, 0, False
    counts: dict[str, int] = {}
    for number, version, taken_by, who in found:
        resident = index.person(who)
        ward = None if resident is None else resident.ward
        mine = staff and (ward is None or not own or ward in own)
        if mine and ward is not None:
            counts[ward] = counts.get(ward, 0) + 1
        if not mine or (chosen and ward is not None and ward not in chosen):
            if told is None:
                told = _told(console, visitor.id)
            theirs = number in told and asked_of(index, visitor, who, still_open=True)
            if not theirs and taken_by != visitor.id:
                hidden += mine
                elsewhere += staff and not mine
                continue
            only_told = True
        shown.append(Mark(number, version, taken_by, ward))
    return Marks(tuple(shown), hidden, elsewhere, tuple(sorted(counts.items())), only_told)


def _told(console: Console, carer: str) -> frozenset[int]:
    """Numbers of the open alerts about which somebody was told, or is about to be."""
    found = console.db().execute(
        "SELECT DISTINCT alert FROM notifications WHERE carer = ?"
        " AND alert IN (SELECT id FROM alerts WHERE state != 'closed')",
        (carer,),
    )
    return frozenset(row[0] for row in found)
