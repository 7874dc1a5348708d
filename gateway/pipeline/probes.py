"""The probes of the centre: when each was last heard, kept in memory for those who ask often (health, metrics)."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from gateway.centre.index import CentreIndex
from gateway.centre.probes import patience
from gateway.pipeline.intake import RETAINED, Entry
from gateway.pipeline.judge import Case
from gateway.store.probes import Heard, last, round_trip_of


class Probes:
    """Follows the messages of devices of type ``probe``; no rule ever sees these.

    Args:
        db: reads what was heard before this process began.
        index: gives the centre as it is now.
    """

    def __init__(self, db: sqlite3.Connection, index: Callable[[], CentreIndex]) -> None:
        self._db = db
        self._index = index
        self._heard: dict[str, Heard | None] = {}

    def keep(self, entries: Iterable[Entry], cases: Iterable[Case]) -> None:
        """Remember what a batch that is in the transaction says of probes."""
        wanted = {probe.id for probe in self._index().probes}
        if not wanted:
            return
        frames: Mapping[int, Entry] | None = None
        for case in cases:
            if case.device in wanted and case.heard.frame is not None:
                frames = frames or {entry.seq: entry for entry in entries}
                entry = frames[case.heard.frame]
                if not entry.flags & RETAINED:
                    frame = entry.frame
                    self._heard[case.device] = Heard(frame.received_at, round_trip_of(frame.payload))

    def standing(self, now: datetime) -> dict[str, dict[str, object]]:
        """Each probe of the centre by its id: ``heard_at`` (RFC 3339, UTC; None: never), ``age_s``, ``round_trip_ms``,
        ``silent_after_s`` and ``late``."""
        found: dict[str, dict[str, object]] = {}
        for probe in self._index().probes:
            if probe.id not in self._heard:
                self._heard[probe.id] = last(self._db, probe.address)
            heard, limit = self._heard[probe.id], patience(probe).total_seconds()
            age = None if heard is None else max(0.0, (now - heard.at).total_seconds())
            found[probe.id] = {
                "heard_at": None if heard is None else heard.at.isoformat().replace("+00:00", "Z"),
                "age_s": None if age is None else round(age, 1),
                "round_trip_ms": None if heard is None else heard.round_trip_ms,
                "silent_after_s": limit,
                "late": age is None or age > limit,
            }
        return found
