"""The embedded broker: start, crash, restart, leftovers."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gateway.errors import BrokerError
from gateway.ingest.embedded import EmbeddedBroker
from gateway.ingest.options import BrokerOptions
from tests.brokers import PATIENCE_S, send, until
from tests.gateway.ingest.conftest import lane, numbered


async def test_a_crash_is_told_and_the_data_outlive_it(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path) as broker:
        port = broker.port
        async with lane(BrokerOptions(port=port)):
            pass
        await send(port, numbered(20))
        gone = asyncio.create_task(broker.gone())
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        assert "ended by itself" in str(await asyncio.wait_for(gone, PATIENCE_S))
        assert broker.pid is None
        await broker.start()
        assert broker.port == port
        async with lane(BrokerOptions(port=port)) as it:
            assert [r.frame.payload for r in await it.receive(20)] == [p for _, p in numbered(20)]


async def test_an_asked_for_end_is_no_crash(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    gone = asyncio.create_task(broker.gone())
    await broker.stop()
    assert broker.pid is None
    done, _ = await asyncio.wait({gone}, timeout=0.2)
    assert not done
    gone.cancel()


async def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path) as broker:
        listening = Path("/proc/net/tcp").read_text().splitlines()
        mine = [line.split()[1] for line in listening if line.split()[1].endswith(f":{broker.port:04X}")]
        assert {address.split(":")[0] for address in mine} == {"0100007F"}


async def test_a_server_left_over_by_a_killed_gateway_is_ended(tmp_path: Path) -> None:
    """Two servers on one store would ruin it."""
    first = EmbeddedBroker(tmp_path)
    await first.start()
    left_over = first.pid
    async with EmbeddedBroker(tmp_path) as second:
        assert second.pid != left_over
        await until(lambda: first.pid is None)


async def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        broker = EmbeddedBroker(tmp_path, port=port)
        with pytest.raises(BrokerError, match="address already in use"):
            await broker.start()
        assert broker.pid is None
    finally:
        server.close()


async def test_bad_users_are_told_with_their_line(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("good:one\nbad\n")
    with pytest.raises(BrokerError, match="line 2"):
        await EmbeddedBroker(tmp_path / "b", users=users).start()
    with pytest.raises(BrokerError, match="nowhere"):
        await EmbeddedBroker(tmp_path / "b", users=tmp_path / "nowhere").start()
