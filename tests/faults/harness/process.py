"""The daemon as a process of its own, and every command that people run."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.brokers import PATIENCE_S, until

TELECARE = str(Path(sys.executable).with_name("telecare"))

_READY = re.compile(r"The page is at (\S+)")
_CONNECTED = re.compile(r'lane=(alarms|telemetry) .*event="broker connected"')


def clean_environment() -> dict[str, str]:
    """Ours, without settings of a gateway on this machine."""
    return {key: value for key, value in os.environ.items() if not key.startswith("TELECARE")}


class Done(NamedTuple):
    """A command that came to its end."""

    code: int
    out: str
    err: str

    def json(self) -> list[dict[str, Any]]:
        """One object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


async def telecare(*arguments: str | Path, limit_s: float = 2 * PATIENCE_S, stdin: bytes | None = None) -> Done:
    """Run a command to its end; killed at the limit."""
    process = await asyncio.create_subprocess_exec(
        TELECARE,
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(),
    )
    try:
        async with asyncio.timeout(limit_s):
            out, err = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode or 0, out.decode(), err.decode())


class Daemon:
    """``telecare run``, which can be killed, stopped for a while, and started again over the same data.

    Args:
        config: its gateway.toml.
        log: where its stderr goes, all lives of it.
        before: a command that starts it (``prlimit``, ``strace``); it must run the daemon in its own process.
    """

    def __init__(self, config: Path, log: Path, *, before: Sequence[str] = ()) -> None:
        self.config = config
        self.log = log
        self.before = tuple(before)
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def code(self) -> int | None:
        """How its last life ended: exit code, negative for a signal."""
        return self._process.returncode if self._process is not None else None

    def said(self) -> str:
        """What this life has logged so far."""
        return self.log.read_text(errors="replace")[self._log_start :]

    async def start(self, *, connected: bool = True, limit_s: float = PATIENCE_S) -> None:
        """Start it and wait until its page listens (and, unless told otherwise, the broker has both its lanes)."""
        assert self.pid is None, "it runs already"
        self._log_start = len(self.log.read_text(errors="replace")) if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.before, TELECARE, "run", "--config", str(self.config),
                stdout=log, stderr=log, env=clean_environment(),
            )  # fmt: skip
        self.starts += 1
        process = self._process

        def ready() -> bool:
            assert process.returncode is None, f"the daemon ended with {process.returncode}:\n{self.said()[-3000:]}"
            said = self.said()
            return _READY.search(said) is not None and (not connected or len(set(_CONNECTED.findall(said))) == 2)

        await until(ready, limit_s, "the daemon's start")

    @property
    def page(self) -> str:
        """Address of its page."""
        found = _READY.search(self.said())
        assert found is not None, "not ready yet"
        return found[1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, by its process id."""
        assert self.pid is not None, f"the daemon does not run:\n{self.said()[-3000:]}"
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> None:
        """SIGTERM, and wait for a clean end."""
        self.signal(signal.SIGTERM)
        assert await self.ended() == 0, self.said()[-3000:]

    async def ended(self, limit_s: float = PATIENCE_S) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None, "it was never started"
        async with asyncio.timeout(limit_s):
            return await self._process.wait()


@asynccontextmanager
async def daemon_of(config: Path, *, before: Sequence[str] = (), start: bool = True) -> AsyncIterator[Daemon]:
    """A daemon that ends with the block, whatever happens."""
    daemon = Daemon(config, config.parent / "daemon.log", before=before)
    try:
        if start:
            await daemon.start()
        yield daemon
    finally:
        if daemon.pid is not None:
            daemon.signal(signal.SIGCONT)  # in case a test had it stopped
            await daemon.kill()
