"""A store that fails is told to a person, without the store, and not again and again."""

import sqlite3
from pathlib import Path

import pytest

from gateway.app import backlog, shout
from gateway.app.gateway import Gateway
from gateway.clock import ManualClock
from gateway.errors import StoreFailedError
from gateway.notify.channel import Outgoing, Sent, TemporaryFailure
from gateway.notify.channels.log import LogChannel
from gateway.settings import model
from gateway.store.database import FILE, prepare
from gateway.store.writer import Writer
from tests.gateway.pipeline.chain import DEMO, START, applied


class Heard(LogChannel):
    """The terminal, listened to."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.messages: list[Outgoing] = []
        self._broken = broken

    async def send(self, message: Outgoing) -> Sent:
        self.messages.append(message)
        if self._broken:
            raise TemporaryFailure("nobody there")
        return Sent()


async def test_the_daemon_that_can_not_store_tells_the_failsafe_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path / FILE)
    applied(tmp_path / FILE, DEMO, ManualClock(START))
    monkeypatch.setattr(backlog, "PATIENCE_S", 0.0)

    async def broken(self: Writer) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Writer, "_commit", broken)
    settings = model.Settings(
        gateway=model.Gateway(data=tmp_path),
        broker=model.Broker(host="127.0.0.1", port=1),
        console=model.Console(port=0),
    )
    heard = Heard()
    with pytest.raises(ExceptionGroup) as failed:
        await Gateway(settings, log=heard).run()
    assert failed.group_contains(StoreFailedError)
    assert [message.carer for message in heard.messages] == list(DEMO.policies[0].failsafe)
    assert heard.messages[0].title.startswith("!!!")


async def test_it_is_told_again_only_after_a_while(tmp_path: Path) -> None:
    clock = ManualClock(START)
    prepare(tmp_path / FILE)
    index = applied(tmp_path / FILE, DEMO, clock)
    heard = Heard()

    async def tell() -> int:
        return await shout.shout({"log": heard}, index, clock, "http://page", folder=tmp_path)

    assert (await tell(), await tell()) == (1, 0)
    clock.move(shout.AGAIN_AFTER.total_seconds())
    assert await tell() == 1


async def test_a_way_that_fails_is_no_obstacle(tmp_path: Path) -> None:
    clock = ManualClock(START)
    prepare(tmp_path / FILE)
    index = applied(tmp_path / FILE, DEMO, clock)
    heard = Heard(broken=True)
    assert await shout.shout({"log": heard}, index, clock, "http://page", folder=tmp_path / "gone") == 0
    assert len(heard.messages) == 1
