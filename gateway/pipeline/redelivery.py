"""Knowing a redelivery from a new event, for messages that carry no id.

A broker that was not acknowledged delivers again, marked DUP or first after a reconnect. Such a frame is a
redelivery when it equals a journaled frame of the same topic *that may have been unacknowledged*: one received in
the last minute before the connection ended, for the first time or again. An equal frame of last week is no original:
it was acknowledged long ago, so this one is a new event whose first delivery died with us. And the same payload
without a mark is always a new event: a second press is a second press.
"""

import sqlite3
from collections import OrderedDict
from datetime import datetime, timedelta

from devices.model import Frame
from gateway.clock import from_ms
from gateway.ingest.source import Receipt

REMEMBERED = 20_000
"""Frames remembered. A broker redelivers what was in flight: at most the receive maximum of two lanes, or what
Mosquitto sends beyond it (2,848 measured); seven times that is safe and costs about 3 MB."""

UNACKNOWLEDGED = timedelta(seconds=60)
"""A frame that was stored is acknowledged within milliseconds; a minute allows for a stalled connection."""


_HTTP = "http-"
"""Begin of the names of lanes that are POSTed to."""


class Redeliveries:
    """The last REMEMBERED frames by topic and payload; filled from the journal at start."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._seen: OrderedDict[int, tuple[int, datetime]] = OrderedDict()
        self._sessions: dict[str, tuple[int, datetime]] = {}
        self._ended: dict[str, datetime] = {}
        rows = db.execute(
            "SELECT seq, topic, payload, coalesce(redelivered_at, received_at) AS received_at"
            " FROM journal ORDER BY seq DESC LIMIT ?",
            (REMEMBERED,),
        ).fetchall()
        for row in reversed(rows):
            key = hash((row["topic"], bytes(row["payload"])))
            self._seen[key] = (row["seq"], from_ms(row["received_at"]))
        self._last_life = from_ms(rows[0]["received_at"]) if rows else None

    def connected(self, lane: str, receipts: list[Receipt]) -> None:
        """Note on which connection a batch came, and so when the one before it ended."""
        session, last = receipts[0].session, receipts[-1].frame.received_at
        known = self._sessions.get(lane)
        if known is None and self._last_life is not None:
            self._ended[lane] = self._last_life
        elif known is not None and known[0] != session:
            self._ended[lane] = known[1]
        self._sessions[lane] = (receipts[-1].session, last)

    def original(self, lane: str, frame: Frame) -> int | None:
        """Journal number of the frame that this one repeats; None: it is new."""
        if not (frame.dup or frame.resumed):
            return None
        found = self._seen.get(hash((frame.topic, frame.payload)))
        if found is None:
            return None
        seq, received_at = found
        if not frame.dup and lane.startswith(_HTTP) and frame.received_at - received_at > 2 * UNACKNOWLEDGED:
            # A broker keeps a message through our downtime, a sender that waits for an answer does not: this is new.
            return None
        ended = min(self._ended.get(lane, frame.received_at), frame.received_at)
        return seq if received_at >= ended - UNACKNOWLEDGED else None

    def remember(self, stored: list[tuple[int, Frame]]) -> None:
        """These frames are in the journal now, under these numbers; also those that had been before, and came again.

        A broker that dies or is slow may miss the acknowledgement of the redelivery too, again and again: so the last
        time counts.
        """
        seen = self._seen
        for seq, frame in stored:
            key = hash((frame.topic, frame.payload))
            seen[key] = (seq, frame.received_at)
            seen.move_to_end(key)
        while len(seen) > REMEMBERED:
            seen.popitem(last=False)
