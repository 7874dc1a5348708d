"""Several nights of a resident, read at once; and what is usual for the person."""

import sqlite3
from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from typing import Final

from gateway.centre.index import CentreIndex
from gateway.store import care, places
from rules.sleep_summary import BEFORE, NightSummary, Seen, night_of, summarise

KINDS: Final = ("bed", "sleep", "vitals")

MOST_A_NIGHT: Final = 500
"""Words on the bed of a night that are looked at, the newest: more is a sensor that wavers."""

FLOWING: Final = 250
"""Words on sleep and vital signs of a night that are looked at, evenly picked: one each four minutes between EVENING
and NOON, well below what counts as a gap."""


def nights(
    db: sqlite3.Connection, index: CentreIndex, resident: str, last: date, count: int, *, now: datetime
) -> list[NightSummary]:
    """The ``count`` nights up to the one that began on the local day ``last``, the newest first.

    Whoever asks has made sure that they may be shown (consents.sleep). Of a sensor that talks more than FLOWING says,
    values between are left out.

    Args:
        db: reads the database.
        index: the centre; has the resident.
        resident: whose nights.
        last: local day on which the newest of the nights began.
        count: how many nights.
        now: UTC; of a night that is not over, what is known so far.
    """
    heart, breathing = care.usual_of(db, index, resident, now=now)
    start, _ = night_of(last - timedelta(days=count - 1), index.timezone)
    _, end = night_of(last, index.timezone)
    seen: list[Seen] = []
    for kind in KINDS:
        found = places.readings(
            db,
            resident,
            (kind,),
            start - BEFORE,
            end + care.LATE,
            most=MOST_A_NIGHT * count if kind == "bed" else FLOWING * count,
            every=kind == "bed",
        )
        seen += [Seen(one.at, one.reading) for one in found]
    seen.sort(key=lambda one: one.at)
    times = [one.at for one in seen]
    result = []
    for back in range(count):
        day = last - timedelta(days=back)
        begins, ends = night_of(day, index.timezone)
        tonight = seen[bisect_left(times, begins - BEFORE) : bisect_right(times, ends)]
        result.append(summarise(day, index.timezone, tonight, now=now, heart=heart, breathing=breathing))
    return result
