"""A mail server that is gone: what is refused again and again is late, on the page and for whoever watches."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from copy import deepcopy
from datetime import datetime, timedelta

from gateway.alerts import undelivered
from gateway.alerts.escalation import set_back
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.notify.channels.smtp import SmtpChannel
from gateway.notify.dispatcher import Dispatcher
from gateway.store import standing
from gateway.store.database import reader
from rules.model import Priority
from tests.brokers import free_port, until
from tests.gateway.console.house import DOCUMENT, NOW, House
from tests.gateway.console.test_kpis import numbers, rules


@asynccontextmanager
async def mailing(house: House, port: int) -> AsyncIterator[None]:
    """Nora's and Sam's contacts are e-mail, by the server at that port; whoever listens there or not."""
    document = deepcopy(DOCUMENT)
    for carer in document["carers"]:
        carer["contacts"] = [{"channel": "smtp", "address": f"{carer['id']}@example.org"}]
    document["carers"][0]["quiet"] = {"from": "21:00", "until": "07:00"}
    house.index = CentreIndex(centre_from_document(document))
    mail = SmtpChannel(host="127.0.0.1", port=port, sender="telecare@example.org", security="none")
    dispatcher = Dispatcher(
        writer=house.writer,
        channels={"smtp": mail},
        index=lambda: house.index,
        links=house.links,
        clock=house.clock,
        path=house.path,
        owner="this process",
    )
    running = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def state(house: House) -> dict[str, float]:
    """As the health report has it."""
    with closing(reader(house.path)) as db:
        return undelivered.standing(db, house.clock.now())


async def test_what_a_mail_server_refuses_is_late_whatever_its_next_attempt(house: House) -> None:
    [stuck] = [rule for rule in rules() if rule["alert"] == "TelecareOutboxStuck"]
    found = re.fullmatch(r"(\w+) > (\d+)", stuck["expr"])
    assert found is not None
    metric, limit = found[1], float(found[2])

    def tries() -> int:
        return int(house.ask("SELECT coalesce(sum(attempts), 0) FROM notifications")[0][0])

    async with mailing(house, free_port()), house.signed_in("sam") as sam:
        await house.raise_alert()
        house.clock.move(1)  # the dispatcher looks each second
        await until(lambda: tries() == 1)
        house.clock.move(10)
        await until(lambda: house.ask("SELECT 1 FROM notifications WHERE late_at IS NOT NULL") != [])
        fires, looks = [], []
        for _ in range(9):
            before = tries()
            house.clock.move(20)
            if house.ask("SELECT 1 FROM notifications WHERE due_at <= ?", int(house.clock.now().timestamp() * 1000)):
                await until(lambda before=before: tries() > before)  # type: ignore[misc]
            now = await numbers(house)
            fires.append(now[metric] > limit)
            looks.append('<p class="notice bad"' in (await sam.get("/system")).text)
        assert 190 <= now[metric] <= 191  # it was found late to the second
        assert now["telecare_outbox_waiting"] >= 2  # Sam, who is the failsafe, can't be told either
        assert fires == [False] * 2 + [True] * 7  # from a minute on, and for longer than the rule waits
        assert looks == fires
        assert state(house)["untold"] == 1
        page = (await sam.get("/system")).text
        assert "The last attempt failed: the mail server can&#39;t be used: " in page
        view = (await sam.get("/api/system")).json()["channels"][0]
        assert (view["failed"], view["problem"]) == (0, "the mail server can't be used: SMTPConnectError")
        assert NOW <= datetime.fromisoformat(view["oldest_waiting"]) <= NOW + timedelta(seconds=1)
        # when the machine's clock is set back, since when they wait goes back with it
        await house.writer.write(lambda tx: set_back(tx, timedelta(seconds=150)))
        assert (await numbers(house))[metric] == now[metric] + 150


async def test_what_is_held_in_quiet_hours_is_not_late_until_they_end(house: House) -> None:
    async with mailing(house, free_port()):
        await house.raise_alert(priority=Priority.LOW)
        house.clock.move(1)
        await until(lambda: house.ask("SELECT 1 FROM notifications WHERE detail = 'quiet hours'") != [])
        house.clock.move(3600)
        assert state(house) == {"waiting": 1, "oldest_s": 0, "untold": 0}
        with closing(reader(house.path)) as db:
            [channel] = standing.channels(db, now=house.clock.now())
        assert (channel.oldest_waiting, channel.problem) == (None, None)
        held = timedelta(hours=7) - timedelta(hours=4, minutes=12)  # from 03:12 in Malta, an hour of which is over
        house.clock.move(held.total_seconds() + 5)
        await until(lambda: house.ask("SELECT 1 FROM notifications WHERE attempts > 0") != [])
        assert state(house)["oldest_s"] <= 15
        house.clock.move(1)
        await until(lambda: house.ask("SELECT 1 FROM notifications WHERE late_at IS NOT NULL") != [])
        assert 0 <= state(house)["oldest_s"] <= 15
        house.clock.move(90)
        assert 90 <= state(house)["oldest_s"] <= 105
