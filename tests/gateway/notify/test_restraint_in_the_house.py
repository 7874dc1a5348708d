"""Quiet hours, storms, rounds: what is held back, what never is, seen from the messages that go out."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.alerts.desk import raise_incident
from gateway.alerts.model import Incident
from gateway.centre.model import QuietHours
from gateway.notify.restraint import quiet_end
from gateway.notify.states import Event
from rules.model import Priority, Reason
from tests.gateway.notify.conftest import FakeChannel, House


async def tell(house: House, priority: Priority, subject: str = "") -> int:
    def work(tx: Any) -> int:
        incident = Incident(
            rule="low_battery", rule_key="low_battery", subject=subject, priority=priority, reason=Reason("x"),
            happened_at=tx.now, resident="r01", device="gps-r01",
        )  # fmt: skip
        return raise_incident(tx, house.index, incident).alert

    return await house.writer.write(work)


def quiet(house: House, start: str, end: str) -> None:
    """Nora is quiet from and until (Malta's time: UTC and an hour)."""
    hours = QuietHours.model_validate({"from": start, "until": end})
    people = tuple(
        one.model_copy(update={"quiet": hours}) if one.id == "nora" else one for one in house.index.centre.carers
    )
    house.index = type(house.index)(house.index.centre.model_copy(update={"carers": people}))


async def test_quiet_hours_hold_medium_until_they_end_and_never_high(house: House) -> None:
    channel = house.fake("a")
    house.fake("b")
    quiet(house, "22:00", "11:00")
    async with house.running():
        await tell(house, Priority.MEDIUM)
        await house.expect(lambda: house.rows()[0]["detail"] == "quiet hours")
        assert house.rows()[0]["state"] == "pending"
        await house.fall(5)
        await house.expect(lambda: len(channel.heard) == 1)
        assert channel.heard[0].priority == "high"
        await house.forward(12)
        assert len(house.rows()) == 2, "held is not late: no other contact is woken"
        house.clock.move(29 * 60)
        await house.settled()
        assert len(channel.heard) == 1
        house.clock.move(60)
        await house.expect(lambda: any(heard.priority == "medium" for heard in channel.heard))


@pytest.mark.parametrize(
    ("start", "end", "at", "expected"),
    [
        ("22:00", "07:00", "21:59", None), ("22:00", "07:00", "22:00", 9 * 60), ("22:00", "07:00", "06:59", 1),
        ("22:00", "07:00", "07:00", None), ("13:00", "15:00", "14:00", 60), ("13:00", "15:00", "15:00", None),
    ],
)  # fmt: skip
def test_when_it_is_quiet(house: House, start: str, end: str, at: str, expected: int | None) -> None:
    quiet(house, start, end)
    hour, minute = map(int, at.split(":"))
    local = house.clock.now().astimezone(house.index.timezone).replace(hour=hour, minute=minute)
    found = quiet_end(house.index.carers["nora"], local)
    assert (None if found is None else (found - local) / timedelta(minutes=1)) == expected


async def test_a_storm_of_low_ones_is_told_in_one_message_and_high_never_waits(house: House) -> None:
    channel: FakeChannel = house.fake("a")
    house.fake("b")
    async with house.running():
        for number in range(8):
            await tell(house, Priority.LOW, str(number))
            await house.settled()
        await house.expect(lambda: sum(row["detail"] is not None for row in house.rows("state = 'pending'")) == 5)
        assert len(channel.heard) == 3
        await house.fall(99)
        await house.expect(lambda: len(channel.heard) == 4)
        house.clock.move(601)
        await house.expect(lambda: not house.rows("state = 'pending'"))
        assert len(channel.heard) == 5
        assert channel.heard[-1].body.endswith("And 4 more notices.")
        together = [row["detail"] for row in house.rows("state = 'sent'") if row["detail"]]
        assert together == [f"told together with {channel.heard[-1].notification}"] * 4


@pytest.mark.parametrize("quick", [False, True])
async def test_what_was_told_together_fails_together(house: House, quick: bool) -> None:
    channel, spare = house.fake("a"), house.fake("b")

    async def refused_at_once(message: Any) -> None:
        await house.dispatcher.receipt(message.notification, Event.GAVE_UP, "undelivered")

    async with house.running():
        for number in range(6):
            await tell(house, Priority.LOW, str(number))
            await house.settled()
        assert len(channel.heard) == 3
        channel.script = refused_at_once if quick else None
        house.clock.move(601)
        await house.expect(lambda: len(channel.heard) == 4)
        lead = channel.heard[-1].notification
        if not quick:
            await house.expect(lambda: len(house.rows("contact = 0 AND state = 'sent'")) == 6)
            await house.dispatcher.receipt(lead, Event.GAVE_UP, "undelivered")
        await house.expect(lambda: len(house.rows("contact = 1")) == 3)
        assert len(house.rows("contact = 0 AND state = 'failed_for_good'")) == 3
        await house.expect(lambda: spare.heard)


async def test_what_was_told_together_arrives_together(house: House) -> None:
    channel = house.fake("a")
    async with house.running():
        for number in range(6):
            await tell(house, Priority.LOW, str(number))
            await house.settled()
        house.clock.move(601)
        await house.expect(lambda: len(house.rows("state = 'sent'")) == 6)
        lead = channel.heard[-1].notification
        await house.dispatcher.receipt(lead, Event.OPENED)
        states = [one["state"] for one in house.rows(f"id >= {lead}")]
        assert states == ["read", "delivered", "delivered"]


async def test_rounds_without_an_answer_get_more_urgent(house: House) -> None:
    channel = house.fake("a")
    async with house.running():
        await tell(house, Priority.MEDIUM)
        await house.expect(lambda: len(channel.heard) == 1)
        await house.writer.write(
            lambda tx: tx.db.execute(
                "UPDATE notifications SET key = replace(key, '/0.0.', '/0.1.'), state = 'pending', due_at = 0"
            )
        )
        house.clock.move(1)
        await house.expect(lambda: len(channel.heard) == 2)
        assert [heard.urgency for heard in channel.heard] == [4, 5]
        assert all(heard.asks for heard in channel.heard)
