"""The server inside the gateway's loop, and its documentation."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from gateway.console.app import create_app
from gateway.console.deps import STOPPING, ConsoleDeps
from gateway.console.server import serve
from gateway.errors import ConsoleError
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import SECRET, House

GUIDE = Path(__file__).parents[3] / "docs" / "console.md"


def _deps(house: House) -> ConsoleDeps:
    return ConsoleDeps(
        database=house.path,
        writer=house.writer,
        index=lambda: house.index,
        links=house.links,
        clock=house.clock,
        health=lambda: house.report,
        secret=SECRET,
    )


async def test_signals_stay_with_the_gateway(house: House) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with house.client() as client:
        assert (await client.get("/healthz")).status_code == 200
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_a_taken_address_is_named(house: House) -> None:
    with pytest.raises(ConsoleError, match=f"127.0.0.1:{house.port}"):
        await serve(create_app(_deps(house)), port=house.port)
    with pytest.raises(ConsoleError, match=r"192\.0\.2\.1"):
        await serve(create_app(_deps(house)), host="192.0.2.1")


async def test_an_app_that_can_not_start_is_told(house: House) -> None:
    app = create_app(_deps(house))

    def broken() -> None:
        raise RuntimeError

    app.on_startup.append(broken)
    with pytest.raises(ConsoleError, match="could not start"):
        await asyncio.wait_for(serve(app), PATIENCE_S)


async def test_the_port_is_free_again_afterwards(house: House) -> None:
    port = house.port
    await house.stop_serving()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    assert create_app(_deps(house)).state[STOPPING].is_set() is False
