"""Who a resident's page is about, who may open it, and what on it is hidden and why: shared by its tabs and its API."""

import sqlite3
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from litestar import Request

from gateway.centre.index import CentreIndex
from gateway.centre.model import Resident
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, required_visitor, resident_for
from gateway.console.looks import looked
from gateway.console.pages import Tongue, asks_for_part, tongue_for
from gateway.console.privacy import PURPOSE_OF, Purpose, Shown, shown
from gateway.console.resident_timeline import Allowed
from gateway.errors import BadAnswerError
from gateway.words import N_
from rules.protection import Level

_NOT_AGREED: Final[dict[Purpose, str]] = {
    Purpose.LOCATION: N_("{name} did not agree to show the place."),
    Purpose.SLEEP: N_("{name} did not agree to show bed, sleep, heart and breathing."),
    Purpose.CONTINENCE: N_("{name} did not agree to show continence."),
    Purpose.ACTIVITY: N_("{name} did not agree to show when and where they move about."),
}
_NOT_FOR_RELATIVES: Final[dict[Purpose, str]] = {
    Purpose.LOCATION: N_("{name} did not agree that relatives see the place."),
    Purpose.SLEEP: N_("{name} did not agree that relatives see bed, sleep, heart and breathing."),
    Purpose.CONTINENCE: N_("{name} did not agree that relatives see continence."),
    Purpose.ACTIVITY: N_("{name} did not agree that relatives see when and where they move about."),
}
_NO_ALARM: Final = N_("{name} agreed to show the place only while an alert is open. None is open now.")

LEVELS: Final[dict[Level, str]] = {
    Level.PROTECTED: N_("Protected"),
    Level.DEGRADED: N_("Partly protected"),
    Level.UNPROTECTED: N_("Not protected"),
}
NOT_KNOWN: Final = N_("Protection not known yet")


@dataclass(frozen=True)
class Looked:
    """One look at one resident: who looks, at whom, and what may be shown of what."""

    console: Console
    visitor: Visitor
    index: CentreIndex
    resident: Resident
    tongue: Tongue
    purposes: dict[Purpose, Shown]

    @property
    def allowed(self) -> Allowed:
        """What the timeline may have. Help, falls and device states are for staff only."""
        staff = self.visitor.sees_everyone
        kinds = {kind for kind, purpose in PURPOSE_OF.items() if self.purposes[purpose].allowed}
        return Allowed(frozenset(kinds | ({"help", "fall", "status"} if staff else set())), staff, self.visitor.id)

    def hidden(self, *purposes: Purpose) -> list[str]:
        """What is not shown, and why, a sentence each."""
        return [
            self._why(purpose, self.purposes[purpose])
            for purpose in purposes or tuple(Purpose)
            if not self.purposes[purpose].allowed
        ]

    def _why(self, purpose: Purpose, found: Shown) -> str:
        tongue = self.tongue
        if found is Shown.NO_ALARM:
            return tongue(_NO_ALARM, name=self.resident.name)
        words = _NOT_AGREED if self.visitor.sees_everyone else _NOT_FOR_RELATIVES
        return tongue(words[purpose], name=self.resident.name)


async def look(request: Request[Any, Any, Any], resident: str, *, via: str, part: str = "") -> Looked:
    """Somebody opens a resident's page: allowed or not, and written into the audit.

    Args:
        request: who asks.
        resident: the id.
        via: ``page`` or ``api``.
        part: which tab; for the audit.

    Raises:
        NotFoundException: there is no such resident, or they are none of the visitor's business.
    """
    visitor, console = required_visitor(request), console_of(request)
    index, person = console.deps.index(), resident_for(request, resident, by_glass=True)
    target = f"resident/{resident}" + (f"/{part}" if part else "")
    await looked(console, visitor.id, target, via=via, again=via == "page" and asks_for_part(request))
    purposes = {purpose: shown(console, visitor, resident, purpose) for purpose in Purpose}
    return Looked(console, visitor, index, person, tongue_for(request, visitor), purposes)


def day_of(text: str | None, today: date) -> date:
    """A day of an address; nothing, or what lies ahead: today.

    Raises:
        BadAnswerError: it is no day, or too long ago for anything to be kept.
    """
    if not text:
        return today
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadAnswerError(f"day: {text[:40]!r}: expected a day such as 2026-01-31") from error
    if found.year < 2000:
        raise BadAnswerError(f"day: {text!r}: expected a day from 2000 on")
    return min(found, today)


def today(console: Console, index: CentreIndex) -> date:
    """The local day of the house."""
    return console.deps.clock.now().astimezone(index.timezone).date()


def protection_of(db: sqlite3.Connection, residents: list[str]) -> dict[str, tuple[Level, str, int]]:
    """Level, what is missing (JSON of reasons) and since when (epoch ms) of some residents; others are left out."""
    marks = ", ".join("?" * len(residents))
    rows = db.execute(
        f"SELECT resident, level, missing, since FROM protection WHERE resident IN ({marks})",  # noqa: S608 - marks
        residents,
    )
    return {row["resident"]: (Level(row["level"]), row["missing"], row["since"]) for row in rows}
