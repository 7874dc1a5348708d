"""What is owed goes out: at once, after a failure, after a crash, and past a provider that is stuck."""

import asyncio
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
import structlog

from gateway.alerts.desk import answer
from gateway.alerts.model import Acknowledge, Close, Outcome
from gateway.clock import ManualClock
from gateway.errors import StoreFailedError
from gateway.notify.channel import Outgoing, PermanentFailure, TemporaryFailure
from gateway.notify.next_one import NOBODY_TOLD
from gateway.store.writer import Tx, write_now
from tests.brokers import PATIENCE_S
from tests.gateway.notify.conftest import START, House, index_of

BEFORE = int(START.timestamp() * 1000)


async def busy(_: Outgoing) -> None:
    raise TemporaryFailure("status 503")


async def refused(_: Outgoing) -> None:
    raise PermanentFailure("no such address")


async def stuck(_: Outgoing) -> None:
    await asyncio.Event().wait()


async def test_a_new_alert_is_told_at_once_without_a_claim(house: House) -> None:
    a = house.fake("a")
    async with house.running():
        await house.settled()
        before = house.writer.commits
        await house.fall()
        await house.sees(
            lambda: house.states() == [("nora", 0, "alert", "sent")] and house.writer.commits >= before + 2
        )
        assert house.writer.commits == before + 2, "one for the alert, one for the result"
    [message] = a.heard
    assert message.title == "!!! Room 101: Fall"
    [row] = house.rows()
    assert row["provider_id"] == f"provider-{row['id']}"
    assert (row["attempts"], row["lease_owner"], row["settled_at"]) == (1, None, BEFORE)


async def test_a_failure_that_may_pass_is_tried_again_later_each_time(house: House) -> None:
    a = house.fake("a")
    a.script = busy
    async with house.running():
        await house.fall()
        waits = []
        for attempt in range(1, 6):
            await house.expect(lambda n=attempt: house.rows()[0]["attempts"] == n)  # type: ignore[misc]
            [row] = house.rows("carer = 'nora' AND contact = 0")
            assert (row["state"], row["detail"]) == ("failed_for_now", "status 503")
            waits.append(row["due_at"] / 1000 - house.clock.now().timestamp())
            if attempt == 5:
                a.script = None
            house.clock.move(waits[-1] + 1)
        await house.expect(lambda: house.rows()[0]["state"] == "sent")
    for wait, plain in zip(waits, (1, 2, 4, 8, 16), strict=True):
        assert 0.75 * plain - 0.01 <= wait <= 1.25 * plain
    assert len({message.idempotency for message in a.heard}) == 1, "every attempt has the same key"


async def test_a_provider_may_ask_for_a_longer_wait_but_not_for_hours(house: House) -> None:
    a = house.fake("a")

    async def later(message: Outgoing) -> None:
        raise TemporaryFailure("status 429", retry_after_s={1: 100.0, 2: 86400.0}[message.alert])

    a.script = later
    async with house.running():
        await house.fall(1)
        await house.fall(2)
        await house.expect(lambda: [row["attempts"] for row in house.rows("contact = 0 AND carer = 'nora'")] == [1, 1])
    due = [row["due_at"] for row in house.rows("contact = 0 AND carer = 'nora'")]
    assert [(at - BEFORE) / 1000 for at in due] == [100, 300]


async def test_a_refused_address_makes_the_next_contact_owed_at_once(house: House) -> None:
    house.fake("a").script = refused
    b = house.fake("b")
    async with house.running():
        await house.fall()
        await house.expect(
            lambda: house.states() == [("nora", 0, "alert", "failed_for_good"), ("nora", 1, "alert", "sent")]
        )
    first, second = house.rows()
    assert second["key"] == first["key"] + "/1"
    assert [message.address for message in b.heard] == ["nora-2"]


async def test_after_ten_seconds_without_success_the_next_contact_is_owed_while_the_first_goes_on(house: House) -> None:
    house.fake("a", timeout_s=60).script = stuck
    house.fake("b")
    async with house.running():
        await house.fall()
        await house.forward(9)
        assert house.states() == [("nora", 0, "alert", "pending")]
        await house.forward(2)
        await house.expect(lambda: house.states()[1:] == [("nora", 1, "alert", "sent")])
        assert house.rows()[0]["state"] == "pending"


async def test_when_no_contact_works_the_failsafe_learns_it_within_thirty_seconds(house: House) -> None:
    house.fake("a", timeout_s=60).script = stuck
    house.fake("b").script = busy
    boss = house.fake("boss")
    async with house.running():
        await house.fall()
        await house.forward(22)
        await house.expect(lambda: len(boss.heard) == 1)
        assert (house.clock.now() - START).total_seconds() <= 30
        assert house.states()[2] == ("boss", 0, "undeliverable", "sent")
        assert boss.heard[0].title == "!!! Room 101: Fall. The others could not be told: please act"
        await house.forward(30)
    assert len(boss.heard) == 1


async def test_one_carer_who_was_told_is_enough_to_leave_the_failsafe_alone(house: House) -> None:
    house.index = index_of(nora=[("a", "1"), ("b", "2")])
    house.fake("a").script = refused
    house.fake("b")
    boss = house.fake("boss")
    async with house.running():
        await house.fall()
        await house.expect(lambda: len(house.rows("state = 'sent'")) == 1)
        await house.forward(40)
    assert boss.heard == []


async def test_when_not_even_the_failsafe_can_be_told_the_alert_and_the_log_cry_out_once(house: House) -> None:
    for name in ("a", "b", "boss"):
        house.fake(name).script = refused
    with structlog.testing.capture_logs() as logs:
        async with house.running():
            alert = await house.fall()
            await house.expect(lambda: len(house.rows("state = 'failed_for_good'")) == 3)
            await house.forward(30)
    cries = [line for line in logs if line["event"] == "notify.nobody_told"]
    assert [(line["log_level"], line["alert"]) for line in cries] == [("critical", alert)]
    events = house.db.execute("SELECT count(*) FROM alert_events WHERE event = ?", (NOBODY_TOLD,)).fetchone()
    assert events[0] == 1


async def test_a_stuck_provider_delays_no_other_and_gets_a_few_workers(house: House) -> None:
    house.index = index_of(nora=[("a", "nora@stuck")], sam=[("a", "sam@well")])
    a = house.fake("a", workers=3, timeout_s=10 * PATIENCE_S)

    async def one_stuck(message: Outgoing) -> None:
        if message.address.endswith("@stuck"):
            await stuck(message)

    a.script = one_stuck
    async with house.running(patience_s=0.02):
        for number in range(10):
            await house.fall(number)
        await house.expect(lambda: sum(m.address == "nora@stuck" for m in a.heard) == 3)

        def also_to_sam(tx: Tx) -> None:
            tx.db.execute(
                "INSERT INTO notifications (key, alert, purpose, step, carer, contact, channel, address, state, "
                "due_at, created_at, lease_owner) SELECT replace(key, 'nora', 'sam'), alert, purpose, step, 'sam', 0, "
                "channel, 'sam@well', 'pending', due_at, created_at, lease_owner FROM notifications "
                "WHERE carer = 'nora'"
            )
            tx.owed += [row[0] for row in tx.db.execute("SELECT id FROM notifications WHERE carer = 'sam'")]

        await house.writer.write(also_to_sam)
        await house.expect(lambda: len(house.rows("carer = 'sam' AND state = 'sent'")) == 10)
        assert sum(m.address == "nora@stuck" for m in a.heard) == 3, "not more than the channel's workers"


async def test_a_lane_sends_one_at_a_time_while_it_keeps_up(house: House) -> None:
    a = house.fake("a")
    at_work = most = 0

    async def watched(_: Outgoing) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        unsettled = [row for row in house.rows() if row["state"] == "pending"]
        assert min(row["id"] for row in unsettled) == _.notification, "the one before is on disk"
        at_work -= 1

    a.script = watched
    async with house.running(patience_s=60):
        await asyncio.gather(*(house.fall(number) for number in range(20)))
        await house.expect(lambda: len(house.rows("state = 'sent'")) == 20)
    assert most == 1


async def test_a_channel_that_gives_no_answer_is_a_failure_that_may_pass(house: House) -> None:
    house.fake("a", timeout_s=0.05).script = stuck
    async with house.running():
        await house.fall()
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_now")])
    assert house.rows()[0]["detail"] == "no answer within 0.05 s"


async def test_a_channel_with_a_mistake_stops_nothing_and_its_text_is_not_logged(house: House) -> None:
    a = house.fake("a")

    async def broken(_: Outgoing) -> None:
        raise RuntimeError("token=hunter2")

    a.script = broken
    with structlog.testing.capture_logs() as logs:
        async with house.running():
            await house.fall()
            await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_now")])
    assert "hunter2" not in str(logs) + str(house.rows())
    assert house.rows()[0]["detail"].startswith("the channel broke: RuntimeError at test_dispatcher.py:")


async def test_a_closed_alert_withdraws_what_was_not_sent(house: House) -> None:
    a = house.fake("a")
    a.script = busy
    async with house.running():
        alert = await house.fall()
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_now")])
        await house.writer.write(
            lambda tx: answer(tx, house.index, alert, Close(Outcome.FALSE), who="nora", via="test")
        )
        await house.forward(3)
        await house.expect(lambda: house.rows("purpose = 'alert'")[0]["state"] == "withdrawn")
        await house.forward(30)
    assert sum(m.purpose == "alert" for m in a.heard) == 1
    assert [state for *_, purpose, state in house.states() if purpose == "undeliverable"] == []


async def test_an_acknowledged_alert_is_still_told_but_needs_no_supervisor(house: House) -> None:
    a = house.fake("a")
    a.script = busy
    boss = house.fake("boss")
    house.fake("b").script = busy
    async with house.running():
        alert = await house.fall()
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_now")])
        await house.writer.write(
            lambda tx: answer(tx, house.index, alert, Acknowledge(eta_minutes=30), who="sam", via="test")
        )
        await house.forward(40)
        assert boss.heard == []
        a.script = None
        await house.forward(60)
        await house.expect(lambda: house.rows("purpose = 'alert' AND contact = 0")[0]["state"] == "sent")


async def test_what_a_crashed_process_left_goes_out_first_thing_after_the_restart(house: House) -> None:
    """Killed between sending and recording: that one comes twice, with the same key; the others once."""
    a = house.fake("a")
    a.script = stuck
    async with house.running("first", patience_s=60):
        for number in range(5):
            await house.fall(number)
        await house.expect(lambda: len(a.heard) == 1)
        # cancelled in the middle of a send, as by a kill: nothing is recorded
    assert {row["state"] for row in house.rows()} == {"pending"}
    assert {row["lease_owner"] for row in house.rows()} == {"first"}
    a.script = None
    async with house.running("second"):
        await house.expect(lambda: len(house.rows("state = 'sent'")) == 5)
    keys = [message.idempotency for message in a.heard]
    assert len(keys) == 6
    assert keys.count(keys[0]) == 2
    assert len(set(keys)) == 5
    assert [m.notification for m in a.heard[1:]] == sorted(m.notification for m in a.heard[1:]), "the oldest first"


async def test_rows_of_a_command_line_tool_are_found_within_a_second(house: House) -> None:
    a = house.fake("a")
    async with house.running():
        await asyncio.to_thread(write_now, house.path, house.raise_in, clock=house.clock)
        assert house.rows()[0]["lease_owner"] is None
        await house.forward(1)
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "sent")])
    assert len(a.heard) == 1


async def test_a_lease_of_another_process_is_respected_until_it_is_over(house: House) -> None:
    a = house.fake("a")
    async with house.running():
        await house.settled()

        def elsewhere(tx: Tx) -> None:
            house.raise_in(tx)
            until = BEFORE + 5000
            tx.db.execute("UPDATE notifications SET lease_owner = 'other', lease_until = ?", (until,))

        await asyncio.to_thread(write_now, house.path, elsewhere, clock=house.clock)
        await house.forward(4)
        assert a.heard == []
        await house.forward(2)
        await house.expect(lambda: len(a.heard) == 1)


async def test_a_row_for_later_is_not_sent_before_and_not_late_before(house: House) -> None:
    a = house.fake("a")
    async with house.running():

        def later(tx: Tx) -> None:
            house.raise_in(tx)
            tx.db.execute("UPDATE notifications SET due_at = due_at + 60000, lease_owner = NULL")
            tx.owed.clear()

        await house.writer.write(later)
        await house.forward(59)
        assert (len(house.rows()), a.heard) == (1, [])
        await house.forward(2)
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "sent")])


async def test_a_clock_that_was_set_back_delays_nothing(house: House) -> None:
    """A small machine starts again after a power cut, and does not know the time yet."""
    a = house.fake("a")
    a.script = busy
    async with house.running("first"):
        await house.fall(1)
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_now")])
        await house.writer.write(lambda tx: house.raise_in(tx, 2))
    house.clock = ManualClock(START - timedelta(days=3650))
    a.script = None
    async with house.running("second"):
        await house.expect(lambda: {row["state"] for row in house.rows("contact = 0 AND carer = 'nora'")} == {"sent"})


async def test_more_than_one_batch_is_left_by_a_crash(house: House) -> None:
    house.fake("a")
    write_now(house.path, lambda tx: [house.raise_in(tx, number) for number in range(250)], clock=house.clock)
    async with house.running():
        await house.expect(lambda: len(house.rows("state = 'sent'")) == 250)


async def test_a_row_for_later_is_still_for_later_after_a_restart(house: House) -> None:
    a = house.fake("a")

    def later(tx: Tx) -> None:
        house.raise_in(tx)
        tx.db.execute("UPDATE notifications SET due_at = due_at + 3600000")

    write_now(house.path, later, clock=house.clock)
    async with house.running():
        await house.forward(30)
        assert (len(house.rows()), a.heard) == (1, [])


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"channel": "smtp"}, "[channels.smtp] is not in gateway.toml"),
        ({"carer": "gone"}, "the carer is not in the centre file any more"),
    ],
)
async def test_what_can_not_be_sent_at_all_says_why_and_somebody_else_is_told(
    house: House, change: dict[str, Any], detail: str
) -> None:
    house.fake("a")
    house.fake("b").script = refused
    boss = house.fake("boss")
    async with house.running():

        def work(tx: Tx) -> None:
            house.raise_in(tx)
            for column, value in change.items():
                tx.db.execute(f"UPDATE notifications SET {column} = ?", (value,))

        await house.writer.write(work)
        await house.expect(lambda: len(boss.heard) == 1)
    assert house.rows()[0]["detail"] == detail


async def test_after_a_day_of_failures_it_gives_up(house: House) -> None:
    a = house.fake("a")
    a.script = busy
    house.index = index_of(nora=[("a", "nora-1")])
    house.fake("boss")
    async with house.running():
        await house.fall()
        await house.expect(lambda: house.rows()[0]["attempts"] == 1)
        house.clock.move(24 * 3600 - 2)
        await house.expect(lambda: house.rows()[0]["attempts"] == 2)
        assert house.rows()[0]["state"] == "failed_for_now"
        house.clock.move(100)
        await house.expect(lambda: house.rows()[0]["state"] == "failed_for_good")


async def test_a_mistake_in_deciding_who_is_next_is_told_and_neither_repeats_the_message_nor_stops_the_rest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = house.fake("a")
    a.script = refused

    def broken(*_: object) -> None:
        raise KeyError("nora")

    monkeypatch.setattr("gateway.notify.next_one.owe_next", broken)
    with structlog.testing.capture_logs() as logs:
        async with house.running():
            await house.fall()
            await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_good")])
            a.script = busy
            await house.fall(1)
            await house.forward(15)
            a.script = None
            await house.forward(30)
            await house.expect(lambda: house.rows()[1]["state"] == "sent")
    assert sum(m.notification == 1 for m in a.heard) == 1
    assert "notify.next_unknown" in {line["event"] for line in logs}


async def test_a_store_that_fails_ends_the_dispatcher(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fake("a")

    def failed(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("gateway.notify.outbox.record", failed)

    async def all_of_it() -> None:
        async with house.running():
            await house.fall()
            await house.expect(lambda: house.writer.failed)

    with pytest.raises(ExceptionGroup) as caught:
        await all_of_it()
    assert caught.value.subgroup(StoreFailedError) is not None


async def test_shutting_down_lets_a_send_finish_and_records_it(house: House) -> None:
    a = house.fake("a")
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(_: Outgoing) -> None:
        begun.set()
        await finish.wait()

    a.script = slow
    async with house.running(parting_s=3.0):
        await house.fall()
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, finish.set)
    assert house.states() == [("nora", 0, "alert", "sent")]
