"""The connection of a lane to its broker: made, kept, and made again, as often as it takes."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from gateway.clock import Clock, monotonic
from gateway.ingest.link import Handshake, Lane, Link
from gateway.ingest.mqtt5_link import Mqtt5Link
from gateway.ingest.paho_link import PahoLink
from gateway.ingest.tls import ssl_context
from gateway.ingest.trouble import LinkError, Trouble, trouble_of

_log = structlog.get_logger(__name__)


class Connection:
    """One lane's connection; belongs to the thread of the event loop.

    Args:
        lane: what every link of it shares.
        name: the lane's name, for the log.
        on_attempt: called before each attempt to connect, when ``session`` has its new number.
        on_change: called when it is up, when it is lost and when an attempt has failed.
    """

    def __init__(self, lane: Lane, *, name: str, on_attempt: Callable[[], None], on_change: Callable[[], None]) -> None:
        self.link: Link | None = None
        self.session = 0
        """Number of the newest attempt; that of its link's receipts."""
        self.protocol: str = lane.options.protocol
        self.connected = False
        """The broker has us now, subscriptions granted."""
        self.since: datetime = lane.clock.now()
        """Since when it is up or down."""
        self.reconnects = 0
        self.error: LinkError | None = None
        """Why it is down; None while it is up, and before the first attempt."""
        self.handshakes: tuple[Handshake, ...] = ()
        """What the broker promised at the first and at the latest connection."""
        self._lane = lane
        self._name = name
        self._clock: Clock = lane.clock
        self._on_attempt = on_attempt
        self._on_change = on_change

    async def run(self) -> None:
        """Connect, stay, and connect again, until cancelled."""
        failures = 0
        cap = self._lane.options.backoff_cap_s
        while True:
            try:
                link = await self._connect()
                since = monotonic()
                await asyncio.wait({link.lost})
                self.down(link.lost.result())
                # A connection that did not last counts as a failure too: two gateways of one name would throw each
                # other out as fast as they can.
                failures = 0 if monotonic() - since > cap else failures + 1
            except LinkError as error:
                if error.trouble is Trouble.WRONG_VERSION and self.protocol == "auto":
                    self.protocol = "3.1.1"
                    continue
                self.down(error)
                failures += 1
            bound = min(cap, self._lane.options.backoff_first_s * 2.0 ** min(failures, 16))
            await asyncio.sleep(random.uniform(0, bound))  # noqa: S311 - spreads load, guards nothing

    async def _connect(self) -> Link:
        """One attempt.

        Raises:
            LinkError: it failed, says why.
        """
        options = self._lane.options
        kind: type[Link] = PahoLink if self.protocol == "3.1.1" else Mqtt5Link
        self.session += 1
        self._on_attempt()
        link = kind(self._lane, self.session)
        self.link = link
        try:
            tls = ssl_context(options.tls) if options.tls is not None else None
            async with asyncio.timeout(options.connect_timeout_s):
                await asyncio.get_running_loop().create_connection(lambda: link, options.host, options.port, ssl=tls)
                ends: set[asyncio.Future[Any]] = {link.opened, link.lost}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            link.lose(Trouble.TIMEOUT, f"it did not take us within {options.connect_timeout_s:g} s; is it hung?")
        except OSError as error:
            named = trouble_of(error)
            link.lose(named.trouble, str(named))
        except asyncio.CancelledError:
            link.lose(Trouble.STOPPED, "the gateway closed the connection")
            raise
        if link.lost.done():
            raise link.lost.result()
        self._up(link.opened.result())
        return link

    def _up(self, handshake: Handshake) -> None:
        self.protocol = "5" if handshake.protocol == "5" else "3.1.1"
        self.handshakes = (*self.handshakes[:1], handshake)
        self.connected = True
        self.error = None
        self.since = self._clock.now()
        if len(self.handshakes) > 1:
            self.reconnects += 1
        _log.info(
            "broker connected",
            lane=self._name,
            protocol=self.protocol,
            session_kept=handshake.session_present,
            session=self.session,
        )
        self._on_change()

    def down(self, error: LinkError) -> None:
        """It is lost, or could not be made; says why."""
        # The same trouble again is no news; the health page shows it.
        news = self.error is None or self.error.trouble is not error.trouble
        if self.connected:
            self.since = self._clock.now()
        self.connected = False
        self.error = error
        if news and error.trouble is not Trouble.STOPPED:
            _log.warning("no broker", lane=self._name, trouble=error.trouble.value, detail=str(error))
        self._on_change()
