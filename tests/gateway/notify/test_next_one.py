"""Who is told when somebody was not reached: after a carer took it, after a hand-over, when we ourselves are behind."""

import asyncio
from typing import Any

import pytest
import structlog

from gateway.alerts import queries
from gateway.alerts.desk import answer, escalate_due, raise_incident
from gateway.alerts.model import Acknowledge, Answer, Arrive, Close, HandOver, Incident, MoreHelp, Outcome, Reopen
from gateway.centre.index import CentreIndex
from gateway.centre.model import Policy, QuietHours, Step
from gateway.notify.lanes import Lane
from gateway.notify.states import Event
from rules.model import Priority, Reason
from tests.gateway.notify.conftest import House, index_of
from tests.gateway.notify.test_dispatcher import busy, refused, stuck


async def pressed(house: House, priority: Priority = Priority.HIGH) -> int:
    def work(tx: Any) -> int:
        incident = Incident(
            rule="help", rule_key="help", priority=priority, reason=Reason("x"), happened_at=tx.now, resident="r01",
            device="sos-r01",
        )  # fmt: skip
        return raise_incident(tx, house.index, incident).alert

    return await house.writer.write(work)


async def says(house: House, alert: int, who: str, said: Answer) -> None:
    await house.writer.write(lambda tx: answer(tx, house.index, alert, said, who, "page"))
    await house.settled()


def nights(index: CentreIndex, *steps: Step) -> CentreIndex:
    """Everybody is quiet now, the failsafe too."""
    hours = QuietHours.model_validate({"from": "09:00", "until": "17:00"})
    people = tuple(one.model_copy(update={"quiet": hours}) for one in index.centre.carers)
    policy = Policy(id="standard", steps=steps or (Step(to=("nora",), wait_s=120),), failsafe=("boss",))
    return CentreIndex(index.centre.model_copy(update={"carers": people, "policies": (policy,)}))


# -- after a carer took it


@pytest.mark.parametrize("priority", [Priority.LOW, Priority.HIGH], ids=["more urgent", "again"])
async def test_the_taker_is_told_by_the_next_contact_and_then_a_supervisor(house: House, priority: Priority) -> None:
    a, b, boss = house.fake("a"), house.fake("b"), house.fake("boss")
    async with house.running():
        alert = await pressed(house, priority)
        await house.settled()
        await says(house, alert, "nora", Acknowledge(240))
        house.clock.move(60)
        a.script = stuck
        await pressed(house)
        await house.forward(12)
        assert [heard.purpose for heard in b.heard] == ["repeat"]
        assert boss.heard == []
        house.clock.move(31)
        b.script = busy
        await pressed(house)
        await house.forward(24)
        assert [heard.purpose for heard in boss.heard] == ["undeliverable"]


async def test_people_who_are_needed_besides_are_not_given_up(house: House) -> None:
    house.index = nights(index_of(sam=[("b", "sam-1")]), Step(to=("nora",), wait_s=60), Step(to=("sam",), wait_s=60))
    house.fake("a")
    house.fake("b").script = refused
    boss = house.fake("boss")
    async with house.running():
        alert = await pressed(house)
        await house.settled()
        await says(house, alert, "nora", Arrive())
        house.clock.move(5)
        await says(house, alert, "nora", MoreHelp())
        await house.expect(lambda: [heard.purpose for heard in boss.heard] == ["undeliverable"])


# -- whom quiet hours hold


async def test_a_call_for_a_person_is_never_held(house: House) -> None:
    house.index = nights(index_of(), Step(to=("nora",), wait_s=60), Step(to=("sam",), wait_s=60))
    a = house.fake("a")
    house.fake("b")
    async with house.running():
        alert = await pressed(house, Priority.LOW)
        await house.expect(lambda: house.rows()[0]["detail"] == "quiet hours")
        await says(house, alert, "nora", Arrive())
        await says(house, alert, "nora", MoreHelp())
        await house.expect(lambda: [heard.carer for heard in a.heard] == ["sam"])


async def test_a_hand_over_is_never_held_by_any_contact(house: House) -> None:
    house.index = nights(index_of(sam=[("a", "sam-1"), ("b", "sam-2")]))
    house.fake("a").script = refused
    b = house.fake("b")
    async with house.running():
        alert = await pressed(house, Priority.MEDIUM)
        await says(house, alert, "nora", HandOver("sam"))
        await house.expect(lambda: [heard.carer for heard in b.heard] == ["sam"])


async def test_what_happens_again_is_told_to_the_taker_at_any_hour(house: House) -> None:
    house.index = nights(index_of())
    a = house.fake("a")
    house.fake("b")
    async with house.running():
        alert = await pressed(house, Priority.MEDIUM)
        await says(house, alert, "nora", Acknowledge(60))
        house.clock.move(60)
        await pressed(house, Priority.MEDIUM)
        await house.expect(lambda: [heard.purpose for heard in a.heard] == ["repeat"])


@pytest.mark.parametrize(("priority", "told"), [(Priority.MEDIUM, ["alert"]), (Priority.LOW, [])])
async def test_where_everybody_is_quiet_the_failsafe_hears_of_medium(
    house: House, priority: Priority, told: list[str]
) -> None:
    house.index = nights(index_of())
    house.fake("a")
    boss = house.fake("boss")
    async with house.running():
        await pressed(house, priority)
        house.clock.move(120)
        await house.writer.write(lambda tx: escalate_due(tx, house.index))
        await house.expect(lambda: len(house.rows("carer = 'boss'")) == 1)
        assert [heard.purpose for heard in boss.heard] == told


# -- a hand-over that reaches nobody


async def test_who_was_asked_by_name_and_can_not_be_told_is_not_waited_for(house: House) -> None:
    house.index = index_of(sam=[("telegram", "1")])
    a, boss = house.fake("a"), house.fake("boss")
    async with house.running():
        alert = await pressed(house)
        await house.settled()
        await says(house, alert, "nora", Acknowledge(10))
        house.clock.move(5)
        await says(house, alert, "nora", HandOver("sam"))
        await house.expect(lambda: boss.heard)
        assert [heard.purpose for heard in a.heard] == ["alert", "reminder"], "who handed it over hears of it"
        assert queries.history(house.db, alert)[-1].detail["not_reached"] == "sam"


# -- closed by another


async def test_the_taker_hears_that_it_is_closed_but_not_after_it_was_opened_again(house: House) -> None:
    a = house.fake("a")
    async with house.running():
        alert = await pressed(house)
        await house.settled()
        await says(house, alert, "nora", Acknowledge(10))
        await says(house, alert, "sam", Close(Outcome.FALSE))
        await house.expect(lambda: len(a.heard) == 2)
        assert a.heard[-1].title == "Room 101: Help pressed. Closed; nobody needs to go"
        await says(house, alert, "sam", Reopen())
        await says(house, alert, "nora", Acknowledge(10))
        a.script = busy
        await says(house, alert, "sam", Close(Outcome.FALSE))
        await says(house, alert, "sam", Reopen())
        await house.forward(3)
        assert house.rows("purpose = 'closed'")[-1]["state"] == "withdrawn"


# -- when we ourselves are behind


async def test_a_failsafe_whose_own_message_stands_in_the_queue_gets_no_second_one(house: House) -> None:
    house.index = index_of(nora=[("boss", "boss-1")], boss=[("boss", "boss-1")])
    policy = house.index.centre.policies[0].model_copy(update={"failsafe": ("nora",)})
    house.index = CentreIndex(house.index.centre.model_copy(update={"policies": (policy,)}))
    channel = house.fake("boss", workers=1, timeout_s=600)
    go = asyncio.Event()

    async def slow(_: Any) -> None:
        await go.wait()

    channel.script = slow
    with structlog.testing.capture_logs() as logs:
        async with house.running():
            for number in range(5):
                await house.fall(number)
            await house.forward(25)
            assert [row["purpose"] for row in house.rows()] == ["alert"] * 5
            assert [line for line in logs if line["event"] == "notify.nobody_told"] == []
            await house.forward(8)
            cries = [line["alert"] for line in logs if line["event"] == "notify.nobody_told"]
            assert sorted(cries) == [1, 2, 3, 4, 5], "nobody was told within the limit"
            await house.forward(30)
            go.set()
            await house.expect(lambda: len(house.rows("state = 'sent'")) == 5)
    assert len([line for line in logs if line["event"] == "notify.nobody_told"]) == 5
    assert len(channel.heard) == 5


async def test_what_was_late_in_the_queue_and_then_fails_still_tells_a_supervisor(house: House) -> None:
    house.index = index_of(nora=[("boss", "boss-1")], boss=[("boss", "boss-1")])
    policy = house.index.centre.policies[0].model_copy(update={"failsafe": ("nora",)})
    house.index = CentreIndex(house.index.centre.model_copy(update={"policies": (policy,)}))
    channel = house.fake("boss", workers=1, timeout_s=600)
    go = asyncio.Event()

    async def slow(message: Any) -> None:
        await go.wait()
        if message.purpose == "alert":
            await busy(message)

    channel.script = slow
    async with house.running():
        await house.fall()
        await house.forward(12)
        assert len(house.rows()) == 1
        go.set()
        await house.expect(lambda: [heard.purpose for heard in channel.heard] == ["alert", "undeliverable"])


async def test_a_word_to_a_supervisor_is_withdrawn_when_the_message_gets_through(house: House) -> None:
    house.index = index_of(nora=[("a", "nora-1")])
    go = asyncio.Event()

    async def slow(_: Any) -> None:
        await go.wait()

    house.fake("a", timeout_s=600).script = slow
    boss = house.fake("boss")
    boss.script = busy
    with structlog.testing.capture_logs() as logs:
        async with house.running():
            await house.fall()
            await house.forward(12)
            await house.expect(lambda: house.rows("carer = 'boss'")[0]["state"] == "failed_for_now")
            boss.heard.clear()
            go.set()
            await house.expect(lambda: house.rows("carer = 'nora'")[0]["state"] == "sent")
            await house.forward(15)
            assert house.rows("carer = 'boss'")[0]["state"] == "withdrawn"
            assert boss.heard == []
            # the provider could not deliver it after all: now the supervisor is needed
            boss.script = None
            await house.dispatcher.receipt(house.rows("carer = 'nora'")[0]["id"], Event.GAVE_UP, "unknown subscriber")
            await house.expect(lambda: [heard.purpose for heard in boss.heard] == ["undeliverable"])
    assert [line for line in logs if line["event"] == "notify.nobody_told"] == []


async def test_what_stands_in_for_others_lets_them_go_first_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    now = 0.0
    monkeypatch.setattr("gateway.notify.lanes.monotonic", lambda: now)
    free = asyncio.Event()

    async def send(item: str) -> None:
        await free.wait()
        sent.append(item)

    async with asyncio.TaskGroup() as tasks:
        lane: Lane[str] = Lane(send, start=tasks.create_task, most_workers=1)
        lane.put("first")
        await asyncio.sleep(0)
        for item, at, yields in (("word", 1, True), ("original", 2, False), ("later", 32, False)):
            now = at
            lane.put(item, yields=yields)
        assert lane.waiting == 3
        free.set()
    assert sent == ["first", "original", "word", "later"]


async def test_originals_that_were_not_tried_go_before_the_words_that_stand_in_for_them(house: House) -> None:
    house.index = index_of(nora=[("a", "nora-1")], boss=[("a", "boss-1")])
    a = house.fake("a", workers=1, timeout_s=600)
    go = asyncio.Event()

    async def slow(_: Any) -> None:
        await go.wait()

    a.script = slow
    async with house.running():
        for number in range(3):
            await house.fall(number)
        await house.forward(12)
        assert len(house.rows("purpose = 'undeliverable'")) == 3
        await house.fall(9)
        go.set()
        await house.expect(lambda: len(house.rows("state IN ('sent', 'withdrawn')")) == 7)
    assert [heard.purpose for heard in a.heard] == ["alert"] * 4
