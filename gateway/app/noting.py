"""Keeps the places of residents' readings noted (gateway.store.places), in small pieces and well behind the alarms."""

import asyncio
import sqlite3
from typing import Final

from gateway.store import places
from gateway.store.writer import Writer

LOOK_EVERY_S: Final = 10.0

REST_S: Final = 0.1
"""Between two pieces: the writer is ours for 5 % of the time at most, some minutes long after an upgrade."""


async def keep_noted(writer: Writer, db: sqlite3.Connection) -> None:
    """Until cancelled: when more than places.SLACK messages are not noted yet, note them.

    Until then looking through them costs a page a few milliseconds, and noting each at once would cost more.

    Args:
        writer: the daemon's.
        db: reads the same database, in the event loop.
    """
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if places.waiting(db) > places.SLACK:
            await catch_up(writer, REST_S)


async def catch_up(writer: Writer, rest_s: float) -> None:
    """Note everything there is, with a rest (s) after each piece."""
    while await writer.write(places.note_places) == places.PIECE:  # noqa: ASYNC110 - a rest, not a wait
        await asyncio.sleep(rest_s)
