"""Real brokers and a bad network, for every test that needs them.

In a conftest.py: ``from tests.brokers import mosquitto_broker, nats_broker, proxied  # noqa: F401``; or use the context
managers directly. ``until(condition)`` waits for a condition with a limit, so that no test sleeps and hopes.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.clock import monotonic
from gateway.ingest.embedded import EmbeddedBroker

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_mosquitto = [
    pytest.mark.mosquitto,
    pytest.mark.skipif(MOSQUITTO is None, reason="the Mosquitto broker is not installed"),
]
"""Marks of a test or parameter: ``pytestmark = needs_mosquitto``."""

PROMPT_CONFIG = """\
allow_anonymous true
persistence true
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
max_inflight_messages 0
"""
"""Mosquitto that keeps what it accepted; see docs/broker.md."""


PATIENCE_S = 60.0
"""How long to wait for what must come. It costs time only when a test fails, and a busy machine may be slow; where the
limit itself is the promise, measure it, see tests/pace.py."""


async def until(condition: Callable[[], object], limit_s: float = PATIENCE_S, what: str = "") -> None:
    """Wait until the condition holds; fails after the limit."""
    end = monotonic() + limit_s
    while True:
        asked = monotonic()
        if condition():
            return
        if monotonic() > end:
            raise AssertionError(f"not within {limit_s} s: {what or condition}")
        # A question that takes long is asked less often: it must not keep those at work from it.
        await asyncio.sleep(max(0.005, monotonic() - asked))


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Broker:
    """A broker process that can be killed and started again on the same port and data."""

    name: str
    port: int
    protocols: tuple[str, ...]
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]
    pid: Callable[[], int | None]
    host: str = "127.0.0.1"

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        pid = self.pid()
        assert pid is not None, "the broker does not run"
        os.kill(pid, signal.SIGKILL)
        await until(lambda: self.pid() is None, what="the broker's end")


@contextlib.asynccontextmanager
async def run_nats(folder: Path, *, users: Path | None = None, sync_interval: str = "2s") -> AsyncIterator[Broker]:
    """A NATS server (MQTT 3.1.1)."""
    broker = EmbeddedBroker(folder, users=users, sync_interval=sync_interval)
    async with broker:
        yield Broker("nats", broker.port, ("3.1.1",), broker.start, broker.stop, lambda: broker.pid)


ASKED_AGAIN_S = 2.0
"""How long a broker gets to end before it is asked once more."""


@contextlib.asynccontextmanager
async def run_mosquitto(
    folder: Path, config: str = PROMPT_CONFIG, *, listener: str = "", port: int | None = None
) -> AsyncIterator[Broker]:
    """A Mosquitto (MQTT 5 and 3.1.1) on a free port.

    Args:
        folder: for its configuration and data.
        config: its lines; persistence_location is added.
        listener: lines that belong to the listener, e.g. certificates.
        port: when the configuration names its listener itself.
    """
    if MOSQUITTO is None:
        pytest.skip("the Mosquitto broker is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    own = port or free_port()
    path = folder / "mosquitto.conf"
    if port is None:
        me = pwd.getpwuid(os.getuid()).pw_name
        config = f"user {me}\npersistence_location {folder}/\n{config}\nlistener {own} 127.0.0.1\n{listener}\n"
    path.write_text(config)
    process: asyncio.subprocess.Process | None = None

    async def start() -> None:
        nonlocal process
        with (folder / "mosquitto.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", str(path), stdout=log, stderr=log)
        running = process

        def accepts() -> bool:
            assert running.returncode is None, (folder / "mosquitto.log").read_text()[-2000:]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", own), timeout=0.5):
                return True
            return False

        await until(accepts, what="Mosquitto's start")

    async def stop() -> None:
        # Mosquitto forgets a signal that comes between its opening the port and its main loop: it is told again.
        while process is not None and process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), ASKED_AGAIN_S)

    def pid() -> int | None:
        return process.pid if process is not None and process.returncode is None else None

    await start()
    try:
        yield Broker("mosquitto", own, ("5", "3.1.1"), start, stop, pid)
    finally:
        await stop()


async def send(
    port: int,
    messages: list[tuple[str, bytes]],
    *,
    qos: int = 1,
    retain: bool = False,
    username: str | None = None,
    password: str | None = None,
    limit_s: float = PATIENCE_S,
) -> None:
    """Publish as a device would (paho, an independent implementation) and wait until the broker has confirmed all.

    Raises:
        AssertionError: it refused, or did not confirm within the limit.
    """

    def run() -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        client.max_inflight_messages_set(500)
        refused: list[str] = []
        client.on_connect = lambda _c, _d, _f, reason, _p: refused.append(str(reason)) if reason.is_failure else None
        if username is not None:
            client.username_pw_set(username, password)
        client.connect("127.0.0.1", port)
        client.loop_start()
        try:
            end = monotonic() + limit_s
            for start in range(0, len(messages), 20_000):  # paho has 65,535 numbers for what is not confirmed yet
                part = messages[start : start + 20_000]
                for info in [client.publish(topic, payload, qos, retain) for topic, payload in part]:
                    try:
                        while not info.is_published():
                            assert not refused, refused
                            assert monotonic() < end, "the broker did not confirm"
                            info.wait_for_publish(0.2)
                    except RuntimeError as error:  # paho: not connected
                        assert not refused, refused
                        raise AssertionError("the broker ended the connection") from error
        finally:
            client.disconnect()
            client.loop_stop()

    await asyncio.to_thread(run)


@dataclass
class Proxy:
    """A TCP proxy in front of a broker: the network, good and bad."""

    port: int
    target: int
    connections: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    def hang(self) -> None:
        """From now on, forward nothing; connections stay open, new ones are accepted."""
        self._flows.clear()

    def heal(self) -> None:
        """Forward again."""
        self._flows.set()

    def cut(self) -> None:
        """End every connection at once, without a goodbye."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection both ways."""
        self.connections += 1
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ours = {writer, forth}
        self._writers |= ours
        try:
            await asyncio.gather(self._pump(reader, forth), self._pump(back, writer))
        finally:
            self._writers -= ours
            for each in ours:
                each.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()


@contextlib.asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy to a port of this machine that can ``cut()``, ``hang()`` and ``heal()``."""
    proxy = Proxy(0, target)
    proxy.heal()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.heal()
        proxy.cut()


@pytest.fixture
async def nats_broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """A NATS server with its data in tmp_path."""
    async with run_nats(tmp_path / "nats") as broker:
        yield broker


@pytest.fixture
async def mosquitto_broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """A durable Mosquitto with its data in tmp_path; skips when it is not installed."""
    async with run_mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@dataclass(frozen=True)
class Certificates:
    """PEM files of a made-up authority, a server (127.0.0.1, localhost) and a client signed by it."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    other_ca: Path
    """An authority that signed nothing here."""


def make_certificates(folder: Path) -> Certificates:
    """Make them with the openssl program; skips when it is missing."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl program is not installed")
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other"):
        openssl("req", "-x509", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj",
                f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name in ("server", "client"):
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip
    at: dict[str, Any] = {name: folder / name for name in ("ca.pem", "server.pem", "server.key")}
    return Certificates(
        at["ca.pem"], at["server.pem"], at["server.key"], folder / "client.pem", folder / "client.key",
        folder / "other.pem",
    )  # fmt: skip


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for TLS tests, made once."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
