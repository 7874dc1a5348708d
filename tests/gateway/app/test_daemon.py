"""The daemon as a process of its own, on the embedded broker."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.alerts import queries
from gateway.clock import SystemClock
from gateway.store import centres
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import write_now
from tests.brokers import Broker, free_port, nats_broker, send, until  # noqa: F401 - one is a fixture
from tests.gateway.pipeline.chain import DEMO

SCRIPT = Path(sys.executable).with_name("telecare")
START_S = 30.0


@dataclass
class Daemon:
    """One run of ``telecare run``."""

    process: asyncio.subprocess.Process
    config: Path
    path: Path
    port: int
    log: Path

    async def healthy(self) -> None:
        """Wait until it listens to the broker."""
        end = asyncio.get_running_loop().time() + START_S
        async with httpx.AsyncClient() as client:
            while True:
                assert self.process.returncode is None, self.log.read_text()
                assert asyncio.get_running_loop().time() < end, self.log.read_text()
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.port}/healthz")
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code == 200:
                    return
                await asyncio.sleep(0.1)

    def alerts(self, rule: str) -> list[Any]:
        with closing(reader(self.path)) as db:
            return queries.alerts(db, queries.Filter(rule=rule))

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(START_S):
            return await self.process.wait()


@asynccontextmanager
async def running(config: Path, port: int, *, run: int = 0) -> AsyncIterator[Daemon]:
    log = config.with_name(f"daemon-{run}.log")
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(SCRIPT, "run", "--config", str(config), stdout=out, stderr=out)
    daemon = Daemon(process, config, config.parent / "data" / FILE, port, log)
    try:
        yield daemon
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def house(tmp_path: Path, nats_broker: Broker) -> tuple[Path, int]:  # noqa: F811
    port = free_port()
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\ndata = "data"\n[broker]\nhost = "127.0.0.1"\nport = {nats_broker.port}\nprotocol = "3.1.1"\n'
        f'[console]\nport = {port}\nbase_url = "http://127.0.0.1:{port}"\n'
    )
    path = tmp_path / "data" / FILE
    prepare(path)
    write_now(path, lambda tx: centres.apply(tx, DEMO, who="cli:test"), clock=SystemClock())
    return config, port


class Button:
    """A device that repeats until it hears."""

    def __init__(self, port: int) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[str] = []
        self._ready = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_message = lambda _c, _u, message: self.heard.append(json.loads(message.payload)["id"])
        self._client.on_connect = lambda client, *_: client.subscribe("telecare/haven/sos-r01/ack", 1)
        self._client.on_subscribe = lambda *_: setattr(self, "_ready", True)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    async def ready(self) -> None:
        await until(lambda: self._ready, what="the button's subscription")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def press(number: int) -> tuple[str, bytes]:
    return "telecare/haven/sos-r01/help", json.dumps({"v": 1, "id": f"h-{number}", "phase": "pressed"}).encode()


async def test_a_day_of_the_daemon(house: tuple[Path, int], nats_broker: Broker) -> None:  # noqa: F811
    """It starts, takes a call, answers the button, refuses a second daemon, and ends cleanly; then goes on."""
    config, port = house
    button = Button(nats_broker.port)
    try:
        await button.ready()
        async with running(config, port) as daemon:
            await daemon.healthy()
            await send(nats_broker.port, [press(1)])
            await until(lambda: button.heard == ["h-1"], what="the application's acknowledgement")
            (alert,) = daemon.alerts("help")  # on disk before the button heard of it
            assert (alert.resident, alert.state) == ("r01", "open")
            with closing(reader(daemon.path)) as db:
                await until(lambda: queries.notifications_of(db, alert.id)[0].state != "pending", what="a told carer")

            async with running(config, port, run=2) as second:
                async with asyncio.timeout(START_S):
                    assert await second.process.wait() == 2
                words = second.log.read_text()
                assert f"Another gateway (process {daemon.process.pid})" in words
                assert "Traceback" not in words

            # a tool in another process, while the daemon runs
            tool = await asyncio.create_subprocess_exec(
                SCRIPT, "ack", str(alert.id), "--as", "nora", "--config", str(config), stdout=asyncio.subprocess.PIPE
            )
            out, _ = await tool.communicate()
            assert out == f"Alert {alert.id} is acknowledged.\n".encode()

            assert await daemon.end() == 0
            assert "Traceback" not in daemon.log.read_text()

        # what comes while nobody is there waits in the broker
        await send(nats_broker.port, [press(1), press(2)])
        async with running(config, port, run=3) as again:
            await again.healthy()
            await until(lambda: {"h-1", "h-2"} <= set(button.heard[1:]), START_S, what="acknowledgements")
            (alert,) = again.alerts("help")
            assert (alert.repeats, alert.state, alert.taken_by) == (1, "acknowledged", "nora")
            assert again.alerts("silent") == []
            assert await again.end(signal.SIGINT) == 0
    finally:
        button.close()


async def test_without_a_centre_it_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[gateway]\ndata = "data"\n')
    async with running(config, 0) as daemon:
        async with asyncio.timeout(START_S):
            assert await daemon.process.wait() == 2
        words = daemon.log.read_text()
    assert "telecare centre apply" in words
    assert "Traceback" not in words


async def test_simulated_residents_as_json(nats_broker: Broker) -> None:  # noqa: F811
    process = await asyncio.create_subprocess_exec(
        SCRIPT, "simulate", "--fleet", "3", "--count", "30", "--port", str(nats_broker.port), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err
    (summary,) = [json.loads(line) for line in out.splitlines()]
    assert (summary["sent"], summary["acked"]) == (30, 30)
