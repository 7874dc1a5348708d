"""Small duties of the daemon that need nothing of its other parts."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from litestar import Litestar

from gateway.app import alive
from gateway.clock import Clock
from gateway.console.server import serve
from gateway.errors import BrokerError, ConsoleError
from gateway.ingest.durability import check_durability
from gateway.ingest.options import BrokerOptions

_LOG = structlog.get_logger(__name__)

SERVE_AGAIN_S: Final = 5.0
"""Real seconds until the page is tried again after it could not be served."""


async def stay_alive(folder: Path, clock: Clock) -> None:
    """Note again and again that the gateway runs; see gateway.app.alive."""
    while True:
        alive.note(folder, clock.now())
        await asyncio.sleep(alive.EVERY_S)


async def check_broker(options: BrokerOptions, clock: Clock) -> None:
    """Warn of a broker that would lose what it accepted, as far as a client can see; never ends the daemon."""
    try:
        findings = await check_durability(options, clock)
    except BrokerError as error:
        _LOG.warning("broker.not_checked", error=str(error))
        return
    for finding in findings:
        _LOG.warning("broker.would_lose", risk=finding.risk.value, words=finding.words, advice=finding.advice)
    if not findings:
        _LOG.info("broker.checked")


async def serve_again(
    console: Litestar, host: str, port: int, *, on_ready: Callable[[str, int], None] | None = None
) -> None:
    """Serve the page; when its address is taken, try again: alarms must be heard with or without a page.

    Args:
        console: the page.
        host: where it listens.
        port: where it listens.
        on_ready: called with both whenever it listens.
    """
    while True:
        try:
            await serve(console, host, port, on_ready=on_ready)
        except ConsoleError as error:
            _LOG.error("console.not_served", error=str(error))
        await asyncio.sleep(SERVE_AGAIN_S)
