"""Two carers at the same moment, through the daemon's own writer."""

import asyncio
from pathlib import Path

from gateway.alerts import desk, queries
from gateway.alerts.model import Acknowledge, Alert, Raising
from gateway.clock import ManualClock
from gateway.errors import AlreadyTakenError
from gateway.store.database import prepare, reader
from gateway.store.writer import Tx, Writer
from tests.gateway.alerts.ward import START, centre, pressed


async def test_two_answers_in_one_commit_and_one_of_them_is_first(tmp_path: Path) -> None:
    path, index, owed = tmp_path / "g.db", centre(), list[int]()
    prepare(path)
    writer = Writer(path, clock=ManualClock(START), synchronous="OFF", owner="boot")
    writer.on_owed = owed.extend
    running = asyncio.create_task(writer.run())

    def goes(who: str, minutes: int) -> "asyncio.Future[Alert]":
        def work(tx: Tx) -> Alert:
            return desk.answer(tx, index, 1, Acknowledge(minutes), who, "link")

        return asyncio.ensure_future(writer.write(work, urgent=True))

    await writer.write(lambda tx: desk.raise_incident(tx, index, pressed(START)))
    commits = writer.commits
    first, second, again = await asyncio.gather(goes("ben", 5), goes("ida", 7), goes("ben", 5), return_exceptions=True)
    assert writer.commits == commits + 1
    assert isinstance(first, Alert)
    assert isinstance(second, AlreadyTakenError)
    assert (second.who, second.at) == ("ben", START)
    assert again == first
    with reader(path) as db:
        assert queries.alert(db, 1) == first
        assert [line.who for line in queries.history(db, 1)] == [None, "ben"]
        told = queries.notifications_of(db, 1)
    assert [(t.carer, t.purpose) for t in told] == [("nora", "alert"), ("nora", "taken")]
    assert owed == [t.id for t in told]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_same_incident_twice_in_one_commit_is_one_alert(tmp_path: Path) -> None:
    path, index = tmp_path / "g.db", centre()
    prepare(path)
    writer = Writer(path, clock=ManualClock(START), synchronous="OFF")
    running = asyncio.create_task(writer.run())
    told = await asyncio.gather(
        *(writer.write(lambda tx: desk.raise_incident(tx, index, pressed(START))) for _ in range(3))
    )
    assert [t.outcome for t in told] == [Raising.NEW, Raising.REPEAT, Raising.REPEAT]
    assert {t.alert for t in told} == {1}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
