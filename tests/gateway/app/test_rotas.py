"""Calendars of shifts are fetched from a real HTTP server, kept, and their silence is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from gateway.alerts import queries
from gateway.app.rotas import CalendarHttp, FetchError, RotaFetcher
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.settings.duty import Shifts
from gateway.store import rotas
from gateway.store.database import prepare, reader
from gateway.store.writer import Writer
from tests.gateway.alerts.ward import START
from tests.gateway.centre.roster import WEEK, house, ics

ROTA = ics(":20260301T200000Z|:20260302T060000Z|ida")


class Desk:
    """A writer, a fetcher and a server that the test tells what to answer."""

    def __init__(self, path: Path, server: HTTPServer) -> None:
        prepare(path)
        self.clock = ManualClock(START)
        self.server = server
        self.url = server.url_for("/rota.ics")
        self.index = CentreIndex(house(shifts=[WEEK, {"id": "extra", "role": "nurse", "url": self.url}]))
        self.writer = Writer(path, clock=self.clock, synchronous="OFF")
        self.db = reader(path)
        self.fetcher = self.anew()

    def anew(self, **settings: Any) -> RotaFetcher:
        settings.setdefault("allow_private", ("localhost", "127.0.0.1"))
        settings.setdefault("timeout_s", 5)
        return RotaFetcher(writer=self.writer, index=lambda: self.index, clock=self.clock, settings=Shifts(**settings))

    def says(self, body: str | bytes, status: int = 200) -> None:
        self.server.clear()
        self.server.expect_request("/rota.ics").respond_with_data(body, status)

    async def after(self, hours: float = 0.5) -> int:
        self.clock.move(hours * 3600)
        return await self.fetcher.fetch_due()

    def copy(self) -> rotas.Copy:
        return rotas.copies(self.db, self.index)["extra"]

    def alerts(self) -> list[tuple[str, str, str]]:
        return [(one.rule, one.subject, one.state.value) for one in queries.open_alerts(self.db)]


@pytest.fixture
async def desk(tmp_path: Path, httpserver: HTTPServer) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "gateway.db", httpserver)
    writing = asyncio.create_task(made.writer.run())
    yield made
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    made.db.close()


async def test_a_calendar_is_fetched_and_counts(desk: Desk) -> None:
    desk.says("\ufeff" + ROTA)
    assert await desk.after(0) == 1
    assert (desk.copy().fetched_at, desk.copy().failed_since) == (START, None)
    assert rotas.on_shift(desk.db, desk.index, "nurse", START) == ("ben", "ida")


async def test_not_before_its_time_and_a_new_address_at_once(desk: Desk) -> None:
    desk.says(ROTA)
    assert await desk.after(0) == 1
    assert await desk.after(0.24) == 0
    assert await desk.after(0.01) == 1
    desk.index = CentreIndex(house(shifts=[{"id": "nurse", "url": desk.url + "?other"}]))
    assert await desk.after(0) == 1


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (ROTA, 500, "status 500"),
        (ROTA, 302, "status 302"),
        ("<html>Please sign in</html>", 200, "no iCalendar text"),
        (b"\xff\xfe\x00", 200, "no UTF-8"),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", 200, "no events"),
        ("x" * 4_100_000, 200, "more than 1000000 characters"),
    ],
)
async def test_what_can_not_be_used_leaves_the_last_good_copy(
    desk: Desk, body: str | bytes, status: int, problem: str
) -> None:
    desk.says(ROTA)
    await desk.after(0)
    desk.says(body, status)
    await desk.after()
    assert problem in (desk.copy().problem or "")
    assert (desk.copy().text, desk.copy().fetched_at) == (ROTA, START)
    assert rotas.on_shift(desk.db, desk.index, "nurse", START) == ("ben", "ida")
    desk.says(ROTA)
    await desk.after()
    assert (desk.copy().problem, desk.copy().failed_since) == (None, None)


async def test_a_long_silence_is_told_to_the_manager_once(desk: Desk) -> None:
    desk.says(ROTA)
    await desk.after(0)
    desk.says("", 503)
    for _ in range(11):
        await desk.after()
    assert desk.alerts() == []
    await desk.after()
    assert desk.alerts() == [("rota_unreachable", "extra", "open")]
    for _ in range(5):
        await desk.after()
    told = desk.db.execute("SELECT carer, purpose FROM notifications").fetchall()
    assert [tuple(row) for row in told] == [("sam", "alert")]
    desk.says(ROTA)
    await desk.after()
    assert desk.alerts() == [("rota_unreachable", "extra", "cleared")]


async def test_one_that_never_came_is_told_as_such(desk: Desk) -> None:
    desk.says("", 404)
    await desk.after(0)
    await desk.after(6)
    [alert] = queries.open_alerts(desk.db)
    assert alert.reason.text.startswith("The calendar of shift {shift} could not be fetched yet")
    assert alert.happened_at == START


async def test_a_restart_forgets_nothing_of_the_silence(desk: Desk) -> None:
    desk.says("", 404)
    await desk.after(0)
    desk.fetcher = desk.anew()
    await desk.after(6)
    assert len(desk.alerts()) == 1


async def test_private_hosts_are_refused_unless_allowed(desk: Desk) -> None:
    desk.says(ROTA)
    desk.fetcher = desk.anew(allow_private=())
    await desk.after(0)
    assert "allow_private in [shifts]" in (desk.copy().problem or "")
    assert desk.server.log == []


async def test_redirects_are_not_followed(desk: Desk) -> None:
    desk.server.expect_request("/rota.ics").respond_with_data("", 302, {"Location": desk.server.url_for("/inside")})
    await desk.after(0)
    assert [request.path for request, _ in desk.server.log] == ["/rota.ics"]


async def test_a_host_that_hangs_is_given_up(httpserver: HTTPServer) -> None:
    gate = asyncio.Event()

    def slow(_: Request) -> Response:
        for _ in range(100):
            if gate.is_set():
                break
            time.sleep(0.02)
        return Response("late")

    httpserver.expect_request("/slow").respond_with_handler(slow)
    http = CalendarHttp(allow_private=("localhost", "127.0.0.1"), timeout_s=0.3)
    with pytest.raises(FetchError, match=r"no answer in time|request failed"):
        await http.fetch(httpserver.url_for("/slow"))
    gate.set()
    await http.close()


async def test_one_that_answers_late_does_not_keep_the_others(desk: Desk) -> None:
    desk.says(ROTA)
    dead = {"id": "dead", "role": "nurse", "url": "http://127.0.0.1:9/x"}
    desk.index = CentreIndex(house(shifts=[WEEK, dead, {"id": "extra", "role": "nurse", "url": desk.url}]))
    assert await desk.after(0) == 2
    kept = rotas.copies(desk.db, desk.index)
    assert kept["dead"].problem
    assert kept["extra"].text == ROTA
    assert kept["dead"].failed_since == START
    assert timedelta(0) == desk.clock.now() - START
