"""How much work a query is, whatever the machine does beside it."""

import sqlite3
from collections.abc import Callable

EVERY = 100


def steps(db: sqlite3.Connection, work: Callable[[], object]) -> int:
    """Steps of SQLite's virtual machine that ``work`` takes on that connection, to the next hundred: a row that is
    looked at is some five of them."""
    count = 0

    def more() -> int:
        nonlocal count
        count += EVERY
        return 0

    db.set_progress_handler(more, EVERY)
    try:
        work()
    finally:
        db.set_progress_handler(None, 0)
    return count
