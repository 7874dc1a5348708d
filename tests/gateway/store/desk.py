"""A writer that runs, and the few things that the store's tests say to it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.clock import ManualClock
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Tx, Writer

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


def made(folder: Path) -> Path:
    path = folder / FILE
    prepare(path)
    return path


@asynccontextmanager
async def running(path: Path, *, owner: str | None = None) -> AsyncIterator[Writer]:
    writer = Writer(path, clock=ManualClock(START), owner=owner)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        await ended(task)


async def ended(task: "asyncio.Task[None]") -> BaseException | None:
    """Cancel the writer's task; what it ended with."""
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    return outcome if isinstance(outcome, BaseException) else None


def session(name: str) -> Callable[[Tx], None]:
    """A small piece of work that can be seen afterwards: a row under that name."""

    def work(tx: Tx) -> None:
        tx.db.execute("INSERT INTO sessions (id, carer, data, expires_at) VALUES (?, 'nora', '{}', 0)", (name,))

    return work


def names(path: Path) -> list[str]:
    with closing(reader(path)) as db:
        return [row["id"] for row in db.execute("SELECT id FROM sessions ORDER BY id")]


def filled(name: str, size: int) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        row = (name, "x" * size)
        tx.db.execute("INSERT INTO sessions (id, carer, data, expires_at) VALUES (?, 'nora', ?, 0)", row)

    return work


def broken(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("PRAGMA integrity_check")]
