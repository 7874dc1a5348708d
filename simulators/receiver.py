"""A small HTTP receiver on a free port, for simulated carers and providers: uvicorn with one ASGI callable."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import msgspec
import uvicorn

from simulators.pace import real_sleep

LARGEST_BODY = 1_000_000
"""Bytes; nobody sends a carer more."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What came in; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = {}
    drip_s: float = 0.0
    """Real seconds before each byte of the body: a server whose answer has begun and does not end."""


Handler = Callable[[Request], Awaitable[Response]]


@contextlib.asynccontextmanager
async def receiving(handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Receive HTTP while the block runs; gives the base address, such as ``http://127.0.0.1:40321``.

    Args:
        handler: answers each request; may take its time, others are answered meanwhile.
        host: where to listen.
        port: 0: a free one.
    """
    sock = socket.create_server((host, port))
    config = uvicorn.Config(
        _app(handler), log_config=None, lifespan="off", timeout_graceful_shutdown=1, access_log=False
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield f"http://{host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        sock.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program: the receiver ends with its block."""
        yield


def _app(handler: Handler) -> Callable[..., Awaitable[None]]:
    async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[..., Any]) -> None:
        body = b""
        while len(body) <= LARGEST_BODY:
            part = await receive()
            if part["type"] == "http.disconnect":
                return
            body += part.get("body", b"")
            if not part.get("more_body", False):
                break
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if len(body) > LARGEST_BODY:
            response = Response(status=413)
        else:
            request = Request(method=scope["method"], path=scope["path"], headers=headers, body=body)
            response = await handler(request)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        raw.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        if response.drip_s:
            for place in range(len(response.body)):
                await real_sleep(response.drip_s)
                await send({"type": "http.response.body", "body": response.body[place : place + 1], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.body", "body": response.body})

    return app
