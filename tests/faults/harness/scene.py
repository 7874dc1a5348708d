"""A running scene: broker, centre, daemon, and a web service for the carers; most single faults need just this."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.clock import monotonic
from tests.brokers import Broker, Proxy, proxied, run_nats, send, until
from tests.faults.harness.book import Book
from tests.faults.harness.process import Daemon, daemon_of
from tests.faults.harness.receivers import Web
from tests.faults.harness.ward import DAY_S, apply, now_s, press, write_centre, write_config
from tests.pace import Pace, pace


@dataclass
class Scene:
    """What a test of one fault holds in its hands."""

    folder: Path
    broker: Broker
    proxy: Proxy
    daemon: Daemon
    web: Web
    book: Book
    machine: Pace
    """What this machine may be allowed for a promise, see tests/pace.py."""
    pressed: int = 0

    async def press(self, resident: int) -> str:
        """A resident presses the button, once; gives the event's id."""
        self.pressed += 1
        event_id = f"press-{self.pressed}"
        await send(self.broker.port, [press(resident, event_id, now_s())])
        return event_id

    async def told(self, count: int, carer: str = "desk") -> float:
        """Wait until a carer was told so often; seconds that it took."""
        began = monotonic()
        await until(lambda: len(self.web.of(carer)) >= count, what=f"{carer} told {count} times")
        return monotonic() - began


@contextlib.asynccontextmanager
async def scene_in(
    folder: Path,
    *,
    residents: int = 20,
    steps: Sequence[tuple[Sequence[str], int]] = ((("desk",), DAY_S),),
    contacts: Sequence[tuple[str, str]] | None = None,
    before: Sequence[str] = (),
    data: Path | None = None,
    start: bool = True,
    broker: dict[str, Any] | None = None,
) -> AsyncIterator[Scene]:
    """NATS behind a proxy; carers ``desk``, ``next`` and the supervisor ``boss``, told by webhook.

    Args:
        folder: for everything.
        residents: how many.
        steps: of the policy; the failsafe is ``boss``.
        contacts: the desk's ways; default: its webhook only.
        before: what starts the daemon.
        data: another place for the daemon's data.
        start: whether the daemon runs at the beginning.
        broker: further settings of [broker].
    """
    web = Web()
    async with run_nats(folder / "broker") as nats, web.running(), proxied(nats.port) as proxy, pace() as machine:
        hook = [("webhook", web.url)]
        centre = write_centre(
            folder,
            residents=residents,
            carers={"desk": contacts or hook, "next": hook, "boss": hook},
            steps=steps,
            failsafe=["boss"],
        )
        more: dict[str, Any] = {"gateway": {"data": str(data)}} if data else {}
        config = write_config(folder, port=proxy.port, protocol="3.1.1", broker=broker or {}, **more)
        await apply(centre, config)
        async with daemon_of(config, before=before, start=start) as daemon:
            yield Scene(folder, nats, proxy, daemon, web, Book(data or folder / "data"), machine)
