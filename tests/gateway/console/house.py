"""A small house with a real console: real SQLite, real writer, real server on a free port, time by hand."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from litestar import Litestar

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import ManualClock
from gateway.console.accounts import store_hash
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.console.server import serve
from gateway.errors import StoreFailedError
from gateway.links import Links
from gateway.store.database import prepare, reader
from gateway.store.writer import Writer
from rules.model import Priority, Reason
from tests.brokers import PATIENCE_S
from tests.gateway.console.handlers import look_once

look_once()

NOW = datetime(2026, 3, 1, 2, 12, tzinfo=UTC)
SECRET = "a secret of tests that is long enough"
PASSWORD = "correct horse battery"
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Cheap: a real one takes its time on purpose."""

DOCUMENT: dict[str, Any] = {
    "centre": {"id": "haven", "name": "Haven House", "timezone": "Europe/Malta", "language": "en"},
    "residents": [
        {"id": "r01", "name": "Carmen Vella", "room": "101", "note": "Uses a walker."},
        {"id": "r02", "name": "Joseph <b>Borg</b>", "room": "102"},
        {"id": "r03", "name": "Wilhelmina Featherstonehaugh-Montgomery-Camilleri", "room": "Garden Wing 2, 14B"},
    ],
    "carers": [
        {"id": "nora", "name": "Nora Borg", "role": "carer", "contacts": [{"channel": "log"}]},
        {"id": "sam", "name": "Sam Pace", "role": "manager", "contacts": [{"channel": "log"}]},
        {"id": "bo", "name": "Bo Jensen", "language": "da", "role": "carer", "contacts": [{"channel": "log"}]},
        {"id": "rita", "name": "Rita Vella", "role": "relative", "contacts": [{"channel": "log"}]},
    ],
    "policies": [
        {"id": "standard", "steps": [{"to": ["nora"], "wait_s": 120}], "failsafe": ["sam"]},
        {"id": "family", "steps": [{"to": ["rita", "nora"], "wait_s": 120}], "failsafe": ["sam"]},
    ],
    "care_plans": [
        {"resident": "r01", "policy": "standard", "rules": [{"rule": "help"}]},
        {"resident": "r02", "policy": "family", "rules": [{"rule": "help"}]},
        {"resident": "r03", "policy": "standard", "rules": [{"rule": "help"}]},
    ],
}


class House:
    """What a test holds on to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.db"
        self.clock = ManualClock(NOW)
        self.index = CentreIndex(centre_from_document(DOCUMENT))
        self.report: dict[str, object] = {"ok": True, "queue": {"waiting": 3}}
        self.links = Links("http://house.test", SECRET, self.clock)
        self.settings: dict[str, Any] = {}
        self.writer: Writer
        self.app: Litestar
        self.url = ""
        self.port = 0
        self._writing: asyncio.Task[None]
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the store and serve."""
        prepare(self.path)
        self.writer = Writer(self.path, clock=self.clock)
        self._writing = asyncio.create_task(self.writer.run())
        await self.serve()

    async def serve(self) -> None:
        """Serve, at the same port as before."""
        ready = asyncio.Event()

        def on_ready(host: str, port: int) -> None:
            self.port, self.url = port, f"http://{host}:{port}"
            ready.set()

        deps = ConsoleDeps(
            database=self.path,
            writer=self.writer,
            index=lambda: self.index,
            links=self.links,
            clock=self.clock,
            health=lambda: self.report,
            secret=SECRET,
            **self.settings,
        )
        self.app = create_app(deps)
        self._serving = asyncio.create_task(serve(self.app, port=self.port, on_ready=on_ready))
        waiting = asyncio.create_task(ready.wait())
        done, _ = await asyncio.wait({self._serving, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        assert waiting in done, self._serving

    async def stop_serving(self) -> None:
        """The server goes away; the store stays."""
        if self._serving:
            self._serving.cancel()
            with suppress(asyncio.CancelledError):
                await self._serving
            self._serving = None

    @property
    def serving(self) -> bool:
        """The server is there."""
        return self._serving is not None

    async def stop(self) -> None:
        """Everything ends."""
        await self.stop_serving()
        self._writing.cancel()
        with suppress(asyncio.CancelledError, StoreFailedError):
            await self._writing

    async def raise_alert(
        self, resident: str = "r01", priority: Priority = Priority.HIGH, rule: str = "help", subject: str = ""
    ) -> int:
        """An incident, as the pipeline hands it in; returns the alert's number."""
        incident = Incident(
            rule=rule,
            rule_key=rule,
            priority=priority,
            reason=Reason("The help button was pressed."),
            happened_at=self.clock.now(),
            resident=resident,
            subject=subject,
        )
        told = await self.writer.write(lambda tx: desk.raise_incident(tx, self.index, incident))
        return told.alert

    async def give_passwords(self, *carers: str) -> None:
        """Accounts with PASSWORD."""
        for carer in carers or tuple(self.index.carers):
            await self.writer.write(partial(store_hash, carer=carer, password_hash=_HASH, by=None))

    def dismiss(self, carer: str) -> None:
        """A carer leaves: the next version of the centre does not have them."""
        document = deepcopy(DOCUMENT)
        document["carers"] = [one for one in document["carers"] if one["id"] != carer]
        for step in (step for policy in document["policies"] for step in policy["steps"]):
            step["to"] = [other if other != carer else "sam" for other in step["to"]]
        self.index = CentreIndex(centre_from_document(document))

    def ask(self, sql: str, *values: object) -> list[Any]:
        """Rows of the database as it is on disk."""
        db = reader(self.path)
        try:
            return [tuple(row) for row in db.execute(sql, values)]
        finally:
            db.close()

    def client(self, **more: Any) -> httpx.AsyncClient:
        """A browser without scripts: keeps cookies, follows no redirect by itself, says where it comes from."""
        more.setdefault("headers", {"Origin": self.url})
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_S, **more)

    @asynccontextmanager
    async def signed_in(self, carer: str = "nora") -> AsyncIterator[httpx.AsyncClient]:
        """A browser in which that carer is signed in."""
        async with self.client() as client:
            answer = await sign_in(client, carer)
            assert answer.status_code == 303, answer.text
            yield client


def field(html: str, name: str) -> str:
    """The value of a form's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no field {name} in {html}"
    return found[1]


async def sign_in(client: httpx.AsyncClient, carer: str, password: str = PASSWORD, to: str = "/") -> httpx.Response:
    """Fill in the sign-in form, as a browser would."""
    form = await client.get("/sign-in", params={"next": to})
    return await client.post(
        "/sign-in",
        data={
            "carer": carer,
            "password": password,
            "next": field(form.text, "next"),
            "_csrf_token": field(form.text, "_csrf_token"),
        },
    )
