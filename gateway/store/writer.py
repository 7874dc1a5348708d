"""The one writer of the database: whoever wants to write hands it a piece of work.

Group commit without a timer: when the disk is free, everything that waits becomes one transaction. The work itself
(pure Python and inserts into SQLite's page cache) runs in the event loop; BEGIN never blocks it, and only COMMIT,
which waits for the disk, runs in a thread. So the rules' states are touched by one thread only, and the loop reads
from the brokers while the disk works (docs/adr/0003-store.md has the measurements).

A piece of work that raises is undone by itself; the others in its transaction go on. A database error is different:
it fails the writer for good (StoreFailedError); the daemon stops acknowledging and starts anew.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog

from gateway.clock import Clock
from gateway.errors import StoreError, StoreFailedError
from gateway.store.changes import Changes
from gateway.store.database import connect

T = TypeVar("T")
_LOG = structlog.get_logger(__name__)

BUSY_PATIENCE_S = 10.0
"""How long another process (a command line tool) may hold the database before we call it failed."""


class Tx:
    """A transaction that is open: what a piece of work writes through.

    ``now`` is one time for the whole piece of work (UTC-aware). ``owner`` names the running daemon's dispatcher,
    which takes new notifications in hand at once; None where there is none (a command line tool).
    """

    __slots__ = ("_after", "alerts", "db", "now", "owed", "owner")

    def __init__(self, db: sqlite3.Connection, now: datetime, owner: str | None = None) -> None:
        self.db = db
        self.now = now
        self.owner = owner
        self.alerts: list[int] = []
        """Ids of the alerts that were raised or changed."""
        self.owed: list[int] = []
        """Ids of the notifications that were added to the outbox, leased to ``owner``."""
        self._after: list[Callable[[], None]] = []

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this when, and only when, the transaction is on disk."""
        self._after.append(call)

    def run_after_commit(self) -> None:
        """For whoever commits: run what was registered, in order."""
        for call in self._after:
            call()


class _Job(Generic[T]):
    __slots__ = ("done", "urgent", "work")

    def __init__(self, work: Callable[[Tx], T], done: "asyncio.Future[T]", *, urgent: bool) -> None:
        self.work = work
        self.done = done
        self.urgent = urgent


class Writer:
    """Owns the writing connection. ``run()`` must be running for ``write()`` to come back."""

    def __init__(self, path: Path, *, clock: Clock, synchronous: str = "FULL", owner: str | None = None) -> None:
        self._db = connect(path, synchronous=synchronous)
        self._owner = owner
        self.changes = Changes()
        """Is bumped after each commit that changed an alert."""
        self.on_owed: Callable[[list[int]], None] | None = None
        """Called after a commit with the ids of the notifications that it added; the dispatcher's."""
        self._clock = clock
        self._urgent: deque[_Job[Any]] = deque()
        self._waiting: deque[_Job[Any]] = deque()
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._failed: StoreFailedError | None = None
        self.commits = 0
        """Transactions committed since start, for metrics."""

    @property
    def failed(self) -> StoreFailedError | None:
        """What broke the writer, if anything did."""
        return self._failed

    async def write(self, work: Callable[[Tx], T], *, urgent: bool = False) -> T:
        """Run ``work`` in the next transaction; returns its result once that is on disk.

        Args:
            work: called with a Tx, in the event loop; must not await, and must change nothing outside of the
                transaction before its last statement that can fail.
            urgent: goes before what is waiting (the alarm lane, a carer's answer).

        Raises:
            StoreFailedError: the database failed; nothing of this transaction is stored.
            Exception: whatever ``work`` raised; its writes were undone.
        """
        if self._failed:
            raise self._failed
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(work, done, urgent=urgent)
        (self._urgent if urgent else self._waiting).append(job)
        self._wake.set()
        return await done

    async def run(self) -> None:
        """Write until cancelled; then what is waiting is written, and the database is closed."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._urgent or self._waiting:
                    await self._transaction()
        finally:
            await self._close()

    async def _close(self) -> None:
        try:
            while (self._urgent or self._waiting) and not self._failed:
                await self._transaction()
        finally:
            self._failed = self._failed or StoreFailedError("The store was closed.")
            self._fail_waiting(self._failed)
            self._thread.shutdown(wait=True)
            self._db.close()

    async def _transaction(self) -> None:
        jobs = [*self._urgent, *self._waiting]
        self._urgent.clear()
        self._waiting.clear()
        # A piece of work whose caller gave up before it began is not done at all.
        jobs = [job for job in jobs if not job.done.cancelled()]
        try:
            await self._begin()
        except asyncio.CancelledError:
            # Told to end while another process held the database: this work still waits, and _close writes it.
            self._urgent.extendleft(reversed(jobs))
            raise
        except (sqlite3.Error, StoreFailedError) as error:
            self._fail(error, jobs)
            raise self._failed or error from error
        try:
            tx = Tx(self._db, self._clock.now(), self._owner)
            results = [(job, self._attempt(job, tx)) for job in jobs]
            stopped = await self._commit()
        except (sqlite3.Error, StoreFailedError) as error:
            self._fail(error, jobs)
            raise self._failed or error from error
        self.commits += 1
        tx.run_after_commit()
        if tx.owed and self.on_owed:
            self.on_owed(tx.owed)
        if tx.alerts:
            self.changes.bump()
        for job, outcome in results:
            if job.done.cancelled():
                continue
            if isinstance(outcome, _Undone):
                job.done.set_exception(outcome.error)
            else:
                job.done.set_result(outcome)
        if stopped:
            raise stopped

    async def _commit(self) -> asyncio.CancelledError | None:
        """Commit; a cancel that comes meanwhile is given back, to be raised when everybody knows the outcome."""
        committing = asyncio.get_running_loop().run_in_executor(self._thread, self._db.execute, "COMMIT")
        stopped = None
        while not committing.done():
            try:
                await asyncio.wait({committing})  # leaves the commit alone when we are cancelled
            except asyncio.CancelledError as error:
                stopped = error
        committing.result()
        return stopped

    async def _begin(self) -> None:
        waited = 0.0
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                    raise
                if waited >= BUSY_PATIENCE_S:
                    raise StoreFailedError(
                        f"Another process has held the database for {BUSY_PATIENCE_S:.0f} s."
                    ) from error
                # real time, not the clock's: it is the other process that we wait for
                await asyncio.sleep(0.005)
                waited += 0.005
            else:
                return

    def _attempt(self, job: _Job[Any], tx: Tx) -> object:
        mark = (len(tx._after), len(tx.alerts), len(tx.owed))  # noqa: SLF001 - the writer makes the Tx
        self._db.execute("SAVEPOINT work")
        try:
            result = job.work(tx)
        except sqlite3.IntegrityError as error:
            outcome: object = _Undone(StoreError(f"The store refused that: {error}"))
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for the work
            outcome = _Undone(error)
        else:
            self._db.execute("RELEASE work")
            return result
        self._db.execute("ROLLBACK TO work")
        self._db.execute("RELEASE work")
        del tx._after[mark[0] :], tx.alerts[mark[1] :], tx.owed[mark[2] :]  # noqa: SLF001
        return outcome

    def _fail(self, error: Exception, jobs: list[_Job[Any]]) -> None:
        self._failed = StoreFailedError(f"The database failed: {error}")
        _LOG.critical("store.failed", error=str(error))
        try:
            self._db.execute("ROLLBACK")
        except sqlite3.Error:
            _LOG.warning("store.rollback_failed")
        for job in jobs:
            if not job.done.done():
                job.done.set_exception(self._failed)
        self._fail_waiting(self._failed)

    def _fail_waiting(self, error: StoreFailedError) -> None:
        for job in [*self._urgent, *self._waiting]:
            if not job.done.done():
                job.done.set_exception(error)
        self._urgent.clear()
        self._waiting.clear()


class _Undone:
    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def write_now(path: Path, work: Callable[[Tx], T], *, clock: Clock) -> T:
    """One transaction from outside of the daemon (a command line tool), whether a daemon runs or not.

    Waits up to BUSY_PATIENCE_S for a daemon's transaction to end.

    Raises:
        StoreError: the database can't be opened or written.
        Exception: whatever ``work`` raised; its writes were undone.
    """
    db = connect(path)
    try:
        db.execute(f"PRAGMA busy_timeout={BUSY_PATIENCE_S * 1000:.0f}")
        db.execute("BEGIN IMMEDIATE")
        try:
            tx = Tx(db, clock.now())
            result = work(tx)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        tx.run_after_commit()
        return result
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    finally:
        db.close()
