"""uvicorn's server as the listener needs it: one socket, no words of its own, and it says when it listens."""

import socket
import ssl
from collections.abc import Callable
from typing import Any

import uvicorn

from gateway.errors import ListenError
from gateway.ingest.http_protocol import BoundedProtocol

GRACE_S = 2
"""How long answers may take to leave when the gateway stops; nobody waits for the store any more then."""


class Server(uvicorn.Server):
    """uvicorn's server, asked to tell when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def config_of(app: Any, tls: ssl.SSLContext | None) -> uvicorn.Config:
    """uvicorn's settings; ``tls``: speak HTTPS with it, None: HTTP."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_config=None,
        log_level="error",  # whoever sends rubbish must not fill the disk with our words about it
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    config.ssl = tls
    return config


def listen_at(host: str, port: int) -> socket.socket:
    """A socket that is bound and not yet listened at.

    Raises:
        ListenError: the address is not this machine's, or it is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ListenError(f"http: {host}:{port}: {error}. Name an address of this machine.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ListenError(f"http: {host}:{port}: {error}. Is it taken? Port 0 takes a free one.") from error
    return listening
