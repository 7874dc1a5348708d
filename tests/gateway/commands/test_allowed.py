"""Consent and wearer are looked at again before every publishing; an alarm is one about the person."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.alerts.permits import BREAK_GLASS
from gateway.centre.index import CentreIndex
from gateway.centre.model import Assignment, Centre
from gateway.pipeline.incidents import FAILED_RULE
from gateway.store.alarms import ROUTINE
from rules.model import Priority, Reason
from rules.registry import RULES
from tests.gateway.commands.house import Desk, consenting, with_commands
from tests.gateway.commands.test_runner import Shop
from tests.gateway.pipeline.chain import START


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    async with made.open():
        yield made


def alarm(house: Desk, rule: str, resident: str | None = "r01") -> None:
    incident = Incident(
        rule=rule, rule_key=rule, priority=Priority.MEDIUM, resident=resident, device="gps-r01",
        reason=Reason("Help was called with {device}.", {"device": "gps-r01"}), happened_at=START,
    )  # fmt: skip
    house.write(lambda tx: desk.raise_incident(tx, house.index, incident))


def handed_over(centre: Centre, device: str, resident: str | None, at: datetime) -> Centre:
    """The centre in which that device goes to somebody else (or to nobody) at a time."""
    kept = [entry.model_copy(update={"end": at}) if entry.device == device else entry for entry in centre.assignments]
    if resident is not None:
        kept.append(Assignment.model_validate({"device": device, "resident": resident, "from": at}))
    return centre.model_copy(update={"assignments": tuple(kept)})


async def test_a_consent_that_is_withdrawn_while_it_waits_keeps_it_here(shop: Shop) -> None:
    asked = shop.ask("gps-r01", "locate")
    shop.index = CentreIndex(consenting(with_commands(), "r01", "never"))
    await shop.runner.look()
    assert shop.post.sent == []
    assert shop.state(asked.id) == ("refused", "no_consent")
    assert [row[1] for row in shop.audited()] == ["command.request", "command.refused"]


async def test_a_consent_that_is_withdrawn_ends_the_repeats(shop: Shop) -> None:
    asked = shop.ask("gps-r01", "locate")
    await shop.runner.look()
    assert len(shop.post.sent) == 1
    shop.index = CentreIndex(consenting(with_commands(), "r01", "never"))
    await shop.later(6)
    assert len(shop.post.sent) == 1
    assert shop.state(asked.id) == ("failed", "no_consent")


async def test_an_alarm_that_is_over_ends_what_it_allowed(shop: Shop) -> None:
    shop.index = CentreIndex(consenting(with_commands(), "r01", "alarm"))
    alarm(shop, "help")
    shop.post.fails = True
    asked = shop.ask("gps-r01", "locate")
    await shop.runner.look()
    assert shop.state(asked.id)[0] == "queued"
    shop.write(lambda tx: tx.db.execute("UPDATE alerts SET state = 'closed'"))
    shop.post.fails = False
    await shop.later(2)
    assert (shop.post.sent, shop.state(asked.id)) == ([], ("refused", "no_consent"))


@pytest.mark.parametrize("resident", ["r02", None])
@pytest.mark.parametrize("name", ["locate", "ring"])
async def test_a_device_that_changes_hands_is_not_told_for_the_one_before(
    shop: Shop, resident: str | None, name: str
) -> None:
    shop.post.fails = True
    asked = shop.ask("gps-r01", name)
    await shop.runner.look()
    shop.post.fails = False
    shop.index = CentreIndex(handed_over(consenting(with_commands(), "r01", "always"), "gps-r01", resident, START))
    await shop.later(2)
    assert (shop.post.sent, shop.state(asked.id)) == ([], ("refused", "other_wearer"))


async def test_what_expires_while_others_are_sent_is_not_sent(shop: Shop) -> None:
    asked = shop.ask("gps-r01", "ring", expires_s=1)
    way = shop.runner._way(asked)
    shop.clock.move(1)
    await shop.runner._send(asked, way)  # type: ignore[arg-type]
    assert shop.post.sent == []
    await shop.runner.look()
    assert shop.state(asked.id) == ("expired", "not sent")


@pytest.mark.parametrize(
    ("rule", "resident", "state"),
    [
        ("help", "r01", "queued"),
        ("fall", "r01", "queued"),
        ("zone_exit", "r01", "queued"),
        ("unreadable_alarm", "r01", "queued"),
        ("help", "r02", "refused"),
        ("low_battery", "r01", "refused"),
        ("silent", "r01", "refused"),
        ("failed_rule", "r01", "refused"),
    ],
)
def test_only_an_alert_about_the_person_is_an_alarm(tmp_path: Path, rule: str, resident: str, state: str) -> None:
    house = Desk(tmp_path, consenting(with_commands(), "r01", "alarm"))
    alarm(house, rule, resident)
    asked = house.ask("gps-r01", "locate")
    assert (asked.state, asked.detail) == (state, None if state == "queued" else "no_consent")


def test_the_rules_of_routine_are_rules_that_there_are() -> None:
    assert {rule.name for rule in RULES} | {FAILED_RULE, BREAK_GLASS} >= ROUTINE


@pytest.mark.parametrize(
    ("who", "state"),
    [("sam", "queued"), ("cli:root", "queued"), ("nora", "refused"), ("luca", "refused"), ("somebody", "refused")],
)
def test_a_device_that_nobody_wears_is_located_by_managers(tmp_path: Path, who: str, state: str) -> None:
    house = Desk(tmp_path)
    asked = house.ask("abeeway", "locate", who=who)
    assert (asked.state, asked.resident) == (state, None)
    assert asked.detail == (None if state == "queued" else "no_wearer")
    assert house.ask("lamp", "light-on", who=who).state == "queued"


async def test_a_state_that_came_before_it_was_sent_is_no_answer(shop: Shop) -> None:
    shop.post.fails = True
    asked = shop.ask("lamp", "light-on")
    await shop.runner.look()
    shop.clock.move(0.5)
    shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
    shop.clock.move(0.5)
    await shop.runner.look()
    assert shop.state(asked.id)[0] == "queued"
    shop.post.fails = False
    await shop.later(1)
    await shop.later(1)
    assert shop.state(asked.id) == ("sent", None)
    shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
    await shop.later(1)
    assert shop.state(asked.id) == ("confirmed", None)


async def test_a_lamp_that_answers_before_our_note_has_answered(shop: Shop) -> None:
    publish = shop.post.publish

    async def quick(topic: str, payload: bytes, **more: object) -> None:
        await publish(topic, payload, **more)  # type: ignore[arg-type]
        shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
        shop.clock.move(0.2)

    shop.post.publish = quick  # type: ignore[method-assign,assignment]
    asked = shop.ask("lamp", "light-on")
    await shop.runner.look()
    await shop.later(1)
    assert shop.state(asked.id) == ("confirmed", None)
    assert shop.command(asked.id).sent_at == START.astimezone(UTC)
