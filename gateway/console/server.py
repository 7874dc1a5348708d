"""uvicorn inside the gateway's own event loop: no signal handlers taken, streams ended at shutdown."""

import asyncio
import socket
from collections.abc import Callable

import structlog
import uvicorn
from litestar import Litestar

from gateway.console.connections import Connections, patient
from gateway.console.deps import STOPPING
from gateway.errors import ConsoleError

_LOG = structlog.get_logger(__name__)

GRACE_S = 3
"""How long requests under way may take when the gateway stops; streams are ended at once."""


class _Server(uvicorn.Server):
    """uvicorn's server, told when it stands and when it stops; signals stay with the gateway."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._on_ready = on_ready

    async def run_here(self, listening: socket.socket) -> None:
        """Serve until ``should_exit``.

        Raises:
            ConsoleError: the app could not start.
        """
        try:
            # uvicorn's public serve() takes over SIGINT and SIGTERM, which are the gateway's
            await self._serve(sockets=[listening])
        except SystemExit as error:
            raise ConsoleError("console: the app could not start; the log says why.") from error

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Set here, before uvicorn waits for connections: an event stream would never end by itself.
        self._stopping.set()
        await super().shutdown(sockets)


async def serve(
    app: Litestar, host: str = "127.0.0.1", port: int = 0, *, on_ready: Callable[[str, int], None] | None = None
) -> None:
    """Serve until cancelled; then streams end, requests under way get ``GRACE_S`` seconds, and it returns.

    Args:
        app: from :func:`gateway.console.app.create_app`.
        host: address to listen at; 0.0.0.0 for all.
        port: 0 takes a free one.
        on_ready: called once with the host and the port that it really listens at.

    Raises:
        ConsoleError: the address can't be listened at, or the app could not start.
        asyncio.CancelledError: it was cancelled, after the clean end.
    """
    listening = _listen(host, port)
    actual = int(listening.getsockname()[1])

    def ready() -> None:
        _LOG.info("console.listening", host=host, port=actual)
        if on_ready:
            on_ready(host, actual)

    stopping: asyncio.Event = app.state[STOPPING]
    stopping.clear()
    config = uvicorn.Config(
        app,
        log_config=None,  # structlog is the logger; uvicorn's own lines are of no use to a care centre
        access_log=False,
        lifespan="on",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        http=patient(Connections()),  # with limits of its own
    )
    server = _Server(config, stopping, ready)
    running = asyncio.ensure_future(server.run_here(listening))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise
    finally:
        listening.close()
        _LOG.info("console.stopped", port=actual)


def free_port(host: str) -> int:
    """A port of this address that nobody listens on now.

    Raises:
        ConsoleError: the address is not ours.
    """
    with _listen(host, 0) as probe:
        return int(probe.getsockname()[1])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConsoleError(f"console: {host}:{port}: {error}. Name an address of this machine.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ConsoleError(f"console: {host}:{port}: {error}. Is it taken? Port 0 takes a free one.") from error
    return listening
