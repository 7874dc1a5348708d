"""When people are told that the gateway does not answer its probe, and that it does again: a table."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec


class Stand(StrEnum):
    """How the gateway stands, as the prober sees it."""

    WELL = "well"
    DOUBTFUL = "doubtful"
    """Some test messages were not acknowledged; too few to wake anybody."""
    GONE = "gone"
    """So many that people must know, and nobody was reached yet: each further one is a reason to try again."""
    TOLD = "told"
    """People know."""
    BACK = "back"
    """It answers again, and nobody was told of that yet."""


class Event(StrEnum):
    """What happens to it."""

    ANSWERED = "answered"
    MISSED = "missed"
    MISSED_ENOUGH = "missed_enough"
    """The last of so many in a row that people are told."""
    REACHED = "reached"
    """Somebody was told what there is to say."""


TABLE: Final[dict[tuple[Stand, Event], Stand]] = {
    (Stand.WELL, Event.ANSWERED): Stand.WELL,
    (Stand.WELL, Event.MISSED): Stand.DOUBTFUL,
    (Stand.WELL, Event.MISSED_ENOUGH): Stand.GONE,
    (Stand.DOUBTFUL, Event.ANSWERED): Stand.WELL,
    (Stand.DOUBTFUL, Event.MISSED): Stand.DOUBTFUL,
    (Stand.DOUBTFUL, Event.MISSED_ENOUGH): Stand.GONE,
    (Stand.GONE, Event.ANSWERED): Stand.WELL,  # nobody heard of it, so nobody waits to hear that it is over
    (Stand.GONE, Event.MISSED): Stand.GONE,
    (Stand.GONE, Event.MISSED_ENOUGH): Stand.GONE,
    (Stand.GONE, Event.REACHED): Stand.TOLD,
    (Stand.TOLD, Event.ANSWERED): Stand.BACK,
    (Stand.TOLD, Event.MISSED): Stand.TOLD,
    (Stand.TOLD, Event.MISSED_ENOUGH): Stand.TOLD,
    (Stand.BACK, Event.ANSWERED): Stand.BACK,
    (Stand.BACK, Event.MISSED): Stand.TOLD,  # what people know last is true again
    (Stand.BACK, Event.MISSED_ENOUGH): Stand.TOLD,
    (Stand.BACK, Event.REACHED): Stand.WELL,
}
"""A pair that is not here can't happen: while there is nothing to say, nobody is told."""

TO_SAY: Final = frozenset({Stand.GONE, Stand.BACK})
"""Where there is something to say that nobody has heard yet."""


class Outage(msgspec.Struct, frozen=True):
    """Where it stands, since when nothing was acknowledged (UTC-aware), and how many in a row."""

    stand: Stand = Stand.WELL
    since: datetime | None = None
    missed: int = 0

    def answered(self) -> "Outage":
        """The gateway acknowledged a test message."""
        stand = TABLE[self.stand, Event.ANSWERED]
        return Outage(stand, self.since if stand is Stand.BACK else None)

    def not_answered(self, at: datetime, *, enough: int) -> "Outage":
        """It did not, for one sent ``at``; after ``enough`` in a row people are told."""
        missed = self.missed + 1
        event = Event.MISSED_ENOUGH if missed >= enough else Event.MISSED
        return Outage(TABLE[self.stand, event], self.since or at, missed)

    def reached(self) -> "Outage":
        """Somebody was told what there was to say."""
        stand = TABLE[self.stand, Event.REACHED]
        return Outage(stand, self.since, self.missed) if stand is Stand.TOLD else Outage(stand)
