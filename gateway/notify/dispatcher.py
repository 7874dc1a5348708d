"""The dispatcher: what is owed in the outbox goes out, and each result is on disk before the next one goes.

Rows that this process wrote come leased to it and are sent at once (``on_owed``). What others left, what is due for
another attempt and what command line tools added is found in the database: at start, and at least every second.
Nothing about a notification lives in memory only, so a crash loses none; see docs/adr/0006-delivery.md.
"""

import asyncio
import sqlite3
import traceback
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random, SystemRandom

import structlog

from gateway.alerts import delivery
from gateway.alerts.model import ASKING, Purpose
from gateway.alerts.policies import still_theirs
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import Clock, monotonic, to_ms
from gateway.errors import StoreFailedError
from gateway.links import Links
from gateway.notify import handover, message, next_one, outbox, restraint
from gateway.notify.channel import Channel, PermanentFailure, TemporaryFailure
from gateway.notify.lanes import PATIENCE_S, Lane
from gateway.notify.message import AlertRow
from gateway.notify.outbox import Result, Row
from gateway.notify.states import Event, State
from gateway.store import waiting
from gateway.store.database import reader
from gateway.store.writer import Tx, Writer

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
"""How often the outbox is searched for what did not come by ``on_owed``: one index look-up, some 50 µs."""

AT_ONCE = 50
"""How many are claimed, and how many are found late, in one transaction: at most 60 ms of the event loop, which the
alarms that come in meanwhile need too."""

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
"""Attempts are 1, 2, 4 … 60 s apart: quick enough for a provider that restarts, slow enough not to hammer it."""

JITTER = 0.25
"""Share by which a wait is longer or shorter, so that what failed together does not come back together."""

GIVE_UP_AFTER = timedelta(hours=24)
"""Then the link in the message would be of no use either (gateway.links.LIFETIME)."""

PARTING_S = 3.0
"""Real seconds that sends in progress get at shutdown, so that their results are recorded."""


class Dispatcher:
    """Sends what the outbox owes.

    Args:
        writer: the daemon's writer; its ``on_owed`` is set to this dispatcher's.
        channels: by their word in the centre file.
        index: gives the current version of the centre.
        links: makes the links in the messages.
        clock: the gateway's clock.
        path: the database file.
        owner: this process's name on leases; the same as the writer's ``owner``.
        patience_s: see gateway.notify.lanes.
        parting_s: see PARTING_S.
        random: spreads the retries; a seeded one in tests.
    """

    def __init__(
        self,
        *,
        writer: Writer,
        channels: Mapping[str, Channel],
        index: Callable[[], CentreIndex],
        links: Links,
        clock: Clock,
        path: Path,
        owner: str,
        patience_s: float = PATIENCE_S,
        parting_s: float = PARTING_S,
        random: Random | None = None,
    ) -> None:
        self._writer = writer
        self._channels = channels
        self._index = index
        self._links = links
        self._clock = clock
        self._db = reader(path)
        self._owner = owner
        self._patience_s = patience_s
        self._parting_s = parting_s
        self._random = random or SystemRandom()
        self._lanes: dict[tuple[str, str], Lane[Row]] = {}
        self._in_hand: set[int] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._sending: set[asyncio.Task[None]] = set()
        writer.on_owed = self.on_owed

    @property
    def in_hand(self) -> int:
        """How many notifications wait for a server or are being sent, for metrics."""
        return len(self._in_hand)

    def on_owed(self, ids: list[int]) -> None:
        """These were just committed, leased to this process: send them at once."""
        if self._tasks is not None:
            self._take(ids)

    async def receipt(self, number: int, event: Event, detail: str | None = None) -> State | None:
        """A provider reports what became of a message; comes back when it is on disk.

        When the provider could not deliver what it had taken over, the next contact is owed, as after any failure.
        What was told together with it shares its fate.

        Returns:
            The state afterwards; None: nothing was changed.

        Raises:
            StoreFailedError: the database failed.
        """

        def work(tx: Tx) -> State | None:
            state = delivery.receipt(tx, number, event, detail)
            if state is State.FAILED_FOR_GOOD:
                self._owe_next(tx, number)
            # whoever opened the message has seen of the others that there are some, no more
            fate = Event.REACHED if event is Event.OPENED else event
            for other in outbox.told_with(tx.db, number):
                if delivery.receipt(tx, other, fate) is State.FAILED_FOR_GOOD:
                    self._owe_next(tx, other)
            return state

        return await self._writer.write(work, urgent=True)

    async def run(self) -> None:
        """Send until cancelled; then what is being sent may finish.

        Raises:
            StoreFailedError: (in a group) a result could not be stored; the daemon must start anew.
        """
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while await self._look(first=True):
                    pass
                while True:
                    await self._clock.wait(asyncio.Event(), LOOK_EVERY_S)
                    while await self._look():
                        pass
            except asyncio.CancelledError:
                await self._part()
                raise
            finally:
                self._tasks = None
                self._db.close()

    async def _look(self, *, first: bool = False) -> bool:
        """Find what is due and what is late; True: there is more of it."""
        # First without a transaction: mostly there is nothing to do.
        if not self._due(self._db, first) and not outbox.late(self._db, to_ms(self._clock.now())):
            return False

        def work(tx: Tx) -> tuple[list[int], bool]:
            due, late = self._due(tx.db, first), outbox.late(tx.db, to_ms(tx.now))
            outbox.claim(tx, due[:AT_ONCE], self._owner)
            for number in late[:AT_ONCE]:
                self._owe_next(tx, number)
            return due[:AT_ONCE], max(len(due), len(late)) > AT_ONCE

        ids, more = await self._writer.write(work, urgent=True)
        self._take(ids)
        return more

    def _due(self, db: sqlite3.Connection, first: bool) -> list[int]:
        now = to_ms(self._clock.now())
        found = outbox.claimable(db, now, first=first)
        return [number for number in found if number not in self._in_hand]

    async def _part(self) -> None:
        for lane in self._lanes.values():
            lane.stop()
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._parting_s)

    def _take(self, ids: list[int]) -> None:
        for row in outbox.rows(self._db, (number for number in ids if number not in self._in_hand)):
            self._in_hand.add(row.id)
            behind = row.purpose is Purpose.UNDELIVERABLE and next_one.stands_in(self._db, row.id)
            self._lane(row).put(row, yields=behind)

    def _lane(self, row: Row) -> Lane[Row]:
        channel = self._channels.get(row.channel)
        key = (row.channel, channel.destination(row.address) if channel else "")
        lane = self._lanes.get(key)
        if lane is None:
            workers = channel.workers if channel else 1
            lane = Lane(
                self._deliver,
                start=self._start,
                most_workers=workers,
                patience_s=self._patience_s,
                on_more=lambda count: _LOG.info("notify.more_workers", channel=row.channel, workers=count),
            )
            self._lanes[key] = lane
        return lane

    def _start(self, work: Coroutine[object, object, None]) -> None:
        if self._tasks is None:
            work.close()
            return
        task = self._tasks.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _deliver(self, row: Row) -> None:
        """One attempt, from the alert as it stands now to the result on disk."""
        started = monotonic()
        try:
            result = await self._attempt(row)
            state = await self._writer.write(lambda tx: self._record(tx, row.id, result), urgent=True)
        finally:
            self._in_hand.discard(row.id)
        _LOG.info(
            "notify.result",
            notification=row.id,
            alert=row.alert,
            channel=row.channel,
            carer=row.carer,
            attempt=row.attempts + 1,
            state=state,
            detail=result.detail,
            took_ms=round((monotonic() - started) * 1000),
        )

    def _record(self, tx: Tx, number: int, result: Result) -> State | None:
        state = outbox.record(tx, number, result)
        # A receipt may have been quicker: then it tells what became of the others too.
        failed = state is None and bool(result.with_it) and outbox.has_failed(tx.db, number)
        for other in result.with_it:
            detail = outbox.TOLD_WITH.format(number=number)
            event = Event.GAVE_UP if failed else Event.ACCEPTED
            if outbox.record(tx, other, Result(event, detail=detail)) is State.FAILED_FOR_GOOD:
                self._owe_next(tx, other)
        not_in_time = state is State.FAILED_FOR_NOW and (not result.in_time or next_one.was_late(tx.db, number))
        if state is State.FAILED_FOR_GOOD or not_in_time:
            self._owe_next(tx, number)
        return state

    def _owe_next(self, tx: Tx, number: int) -> None:
        """Somebody else is owed; a mistake there is told, and must neither send again nor stop the rest."""
        try:
            next_one.owe_next(tx, self._index(), number)
        except (sqlite3.Error, StoreFailedError):
            raise
        except Exception as error:  # noqa: BLE001
            _LOG.critical("notify.next_unknown", notification=number, error=_place(error))

    async def _attempt(self, row: Row) -> Result:
        """Send it if it is still of use; what can't be sent is a result too."""
        alert = message.read_alert(self._db, row.alert)
        channel = self._channels.get(row.channel)
        index = self._index()
        over = self._overtaken(row, alert)
        if alert is None or over is not None:
            return Result(Event.OVERTAKEN, detail=over)
        carer = index.carers.get(row.carer)
        if carer is None:
            return Result(Event.GAVE_UP, detail="the carer is not in the centre file any more")
        still_open = alert.state != AlertState.CLOSED
        if row.carer != alert.taken_by and not still_theirs(index, carer, alert.resident, still_open=still_open):
            event = Event.GAVE_UP if row.purpose in ASKING else Event.OVERTAKEN
            return Result(event, detail="the resident does not name this relative any more")
        if channel is None:
            return Result(Event.GAVE_UP, detail=f"[channels.{row.channel}] is not in gateway.toml")
        wait = restraint.hold(self._db, row, alert, index, self._clock.now())
        if wait is not None:
            return wait
        with_it = restraint.bundle(self._db, row, alert, self._clock.now())
        return await self._send(row, channel, alert, index, with_it)

    def _overtaken(self, row: Row, alert: AlertRow | None) -> str | None:
        """Why a message is of no use any more; None: it is."""
        if alert is None or (alert.state == AlertState.CLOSED and row.purpose is not Purpose.CLOSED):
            return "the alert is closed"
        if alert.state != AlertState.CLOSED and row.purpose is Purpose.CLOSED:
            return "the alert was re-opened"
        if not outbox.is_waiting(self._db, row.id):
            return "it was settled while it waited"
        if row.purpose is Purpose.UNDELIVERABLE and next_one.is_needless(self._db, row.id):
            return next_one.TOLD_MEANWHILE
        return None

    async def _send(
        self, row: Row, channel: Channel, alert: AlertRow, index: CentreIndex, with_it: tuple[int, ...]
    ) -> Result:
        try:
            outgoing = message.compose(row, alert, index=index, links=self._links, clock=self._clock, db=self._db)
            if with_it:
                outgoing = message.bundled(outgoing, len(with_it))
            if row.channel in handover.CHANNELS:
                outgoing = handover.completed(self._db, index, row, outgoing)
            async with asyncio.timeout(channel.timeout_s):
                sent = await channel.send(outgoing)
        except PermanentFailure as failure:
            return Result(Event.GAVE_UP, detail=str(failure))
        except TemporaryFailure as failure:
            return self._retry(row, str(failure), failure.retry_after_s)
        except TimeoutError:
            return self._retry(row, f"no answer within {channel.timeout_s:g} s", None)
        except Exception as error:  # noqa: BLE001 - a mistake in a channel must not stop the others
            where = _place(error)
            _LOG.error("notify.channel_broke", channel=row.channel, notification=row.id, error=where)
            return self._retry(row, f"the channel broke: {where}", None)
        took = Event.REACHED if sent.delivered else Event.ACCEPTED
        return Result(took, provider_id=sent.provider_id, with_it=with_it)

    def _retry(self, row: Row, detail: str, asked_s: float | None) -> Result:
        now = self._clock.now()
        if to_ms(now) - row.created_at >= GIVE_UP_AFTER // timedelta(milliseconds=1):
            return Result(Event.GAVE_UP, detail=f"tried for {GIVE_UP_AFTER}: {detail}")
        wait_s = min(FIRST_RETRY_S * 2.0 ** min(row.attempts, 10), LONGEST_RETRY_S)
        wait_s = max(
            wait_s * self._random.uniform(1 - JITTER, 1 + JITTER),
            min(asked_s or 0.0, outbox.LONGEST_RETRY.total_seconds()),
        )
        retry_at = to_ms(now + timedelta(seconds=wait_s))
        # Who asks us to come back only after the carer's next contact is due anyway has said no for now.
        in_time = not asked_s or retry_at - row.created_at <= waiting.LATE // timedelta(milliseconds=1)
        return Result(Event.FAILED, detail=detail, retry_at=retry_at, in_time=in_time)


def _place(error: Exception) -> str:
    """An error's kind and place; not its text, which may carry an address or a token."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
