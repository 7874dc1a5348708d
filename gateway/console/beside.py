"""Reading beside the event loop: what takes its time must not hold up a board or an answer."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from sqlite3 import Connection
from typing import TypeVar

from gateway.console.deps import Console
from gateway.store.database import reader

T = TypeVar("T")


async def beside(console: Console, work: Callable[[Connection], T]) -> T:
    """Run ``work`` on a connection of its own, in a thread; it only reads."""

    def reading() -> T:
        with closing(reader(console.deps.database)) as db:
            return work(db)

    return await asyncio.to_thread(reading)
