"""What is queued goes out, is repeated where that helps, and ends; time is moved by hand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from gateway.centre.index import CentreIndex
from gateway.commands import answers
from gateway.commands.runner import Runner
from gateway.store.database import reader
from gateway.store.writer import Writer
from tests.gateway.commands.house import OPTIONS, Desk, Post, consenting, with_commands

TTS_DOWN = "v3/haven@ttn/devices/abeeway-1/down"
CHIRPSTACK_ACK = "application/2c6b0000-0000-4000-8000-00000000a901/device/24e124fffef00001/event/ack"


class Shop(Desk):
    """A desk, and the runner over the same store."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, consenting(with_commands(), "r01", "always"))
        self.post = Post()
        self.runner: Runner

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        writer = Writer(self.path, clock=self.clock)
        writing = asyncio.create_task(writer.run())
        self.runner = Runner(
            publisher=self.post,
            writer=writer,
            index=lambda: self.index,
            clock=self.clock,
            path=self.path,
            options=OPTIONS,
        )
        with closing(reader(self.path)) as self.runner._db:
            try:
                yield
            finally:
                writing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await writing

    async def later(self, seconds: float) -> None:
        self.clock.move(seconds)
        await self.runner.look()

    def state(self, number: str) -> tuple[str, str | None]:
        found = self.command(number)
        return found.state.value, found.detail


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    async with made.open():
        yield made


async def test_sent_and_confirmed_by_a_message_with_its_id(shop: Shop) -> None:
    asked = shop.ask("gps-r01", "locate")
    await shop.runner.look()
    ((topic, told),) = shop.post.sent
    assert (topic, told["id"], told["command"]) == ("telecare/haven/gps-r01/command", asked.id, "locate")
    assert shop.state(asked.id) == ("sent", None)
    shop.comes("telecare/haven/gps-r01/position", {"v": 1, "id": "another", "lon": 14.4, "lat": 35.89})
    await shop.later(1)
    assert shop.state(asked.id) == ("sent", None)
    shop.comes("telecare/haven/gps-r01/position", {"v": 1, "id": asked.id, "lon": 14.4, "lat": 35.89})
    await shop.later(1)
    found = shop.command(asked.id)
    assert (found.state, found.attempts, found.due_at) == ("confirmed", 1, None)
    assert found.settled_at == shop.clock.now()
    await shop.later(600)
    assert len(shop.post.sent) == 1
    assert [row[:2] for row in shop.audited()] == [
        ("nora", "command.request"), (None, "command.send"), (None, "command.confirmed")
    ]  # fmt: skip


async def test_the_answer_of_another_device_is_none(shop: Shop) -> None:
    asked = shop.ask("gps-r01", "ring")
    await shop.runner.look()
    shop.comes("telecare/haven/gps-r02/status", {"v": 1, "id": asked.id})
    await shop.later(1)
    assert shop.state(asked.id) == ("sent", None)


async def test_a_device_of_ours_is_told_again_until_it_answers_or_time_is_over(shop: Shop) -> None:
    asked = shop.ask("gps-r01", "ring")
    sent: list[int] = []
    for second in range(62):
        await shop.later(1 if second else 0)
        sent += [second] * (len(shop.post.sent) - len(sent))
    assert sent == [0, 5, 15, 35]
    assert len({told["id"] for _, told in shop.post.sent}) == 1
    assert shop.state(asked.id) == ("expired", "no answer")
    # an answer that comes now changes nothing
    shop.comes("telecare/haven/gps-r01/status", {"v": 1, "id": asked.id})
    await shop.later(1)
    assert shop.state(asked.id) == ("expired", "no answer")


async def test_without_a_broker_it_is_tried_again_and_never_sent_late(shop: Shop) -> None:
    shop.post.fails = True
    first, second = shop.ask("gps-r01", "ring"), shop.ask("gps-r02", "ring", expires_s=300)
    for _ in range(30):
        await shop.later(1)
    found = shop.command(first.id)
    assert (found.state, found.attempts, found.sent_at) == ("queued", 5, None)
    assert found.detail is not None
    assert "not there" in found.detail
    for _ in range(40):
        await shop.later(1)
    assert shop.state(first.id) == ("expired", "not sent")
    shop.post.fails = False
    for _ in range(31):
        await shop.later(1)
    assert [told["id"] for _, told in shop.post.sent][:1] == [second.id]
    assert first.id not in {told["id"] for _, told in shop.post.sent}
    assert shop.state(second.id) == ("sent", None)


ANSWERS: dict[str, tuple[str, str, str, Any, str]] = {
    "TTS confirms": (
        "abeeway", "locate", f"{TTS_DOWN}/ack", {"correlation_ids": ["as:1", "telecare:ID"], "downlink_ack": {}},
        "confirmed",
    ),
    "TTS confirms, the id inside": (
        "abeeway", "locate", f"{TTS_DOWN}/ack", {"downlink_ack": {"correlation_ids": ["telecare:ID"]}}, "confirmed",
    ),
    "TTS: not heard": (
        "abeeway", "locate", f"{TTS_DOWN}/nack", {"downlink_nack": {"correlation_ids": ["telecare:ID"]}}, "failed",
    ),
    "TTS: not possible": (
        "abeeway", "locate", f"{TTS_DOWN}/failed",
        {"downlink_failed": {"downlink": {"correlation_ids": ["telecare:ID"]}}}, "failed",
    ),
    "TTS: of another downlink": (
        "abeeway", "locate", f"{TTS_DOWN}/ack", {"correlation_ids": ["telecare:other"], "downlink_ack": {}}, "sent",
    ),
    "TTS: only queued": ("abeeway", "locate", f"{TTS_DOWN}/queued", {"correlation_ids": ["telecare:ID"]}, "sent"),
    "TTS: of another device": (
        "abeeway", "locate", "v3/haven@ttn/devices/other/down/ack", {"correlation_ids": ["telecare:ID"]}, "sent",
    ),
    "TTS: strange": ("abeeway", "locate", f"{TTS_DOWN}/ack", {"correlation_ids": [1, None], "downlink_ack": 7}, "sent"),
    "ChirpStack confirms": (
        "at101", "locate", CHIRPSTACK_ACK, {"queueItemId": "ID", "acknowledged": True, "fCntDown": 3}, "confirmed",
    ),
    "ChirpStack: false is left out": ("at101", "locate", CHIRPSTACK_ACK, {"queueItemId": "ID"}, "failed"),
    "ChirpStack: another's": ("at101", "locate", CHIRPSTACK_ACK, {"queueItemId": "x", "acknowledged": True}, "sent"),
    "a lamp rounds what it was told": (
        "dimmer", "light-night", "zigbee2mqtt/dimmer", {"state": "ON", "brightness": 11, "color_temp": 400}, "confirmed"
    ),
    "a lamp is far from what it was told": (
        "dimmer", "light-night", "zigbee2mqtt/dimmer", {"state": "ON", "brightness": 254, "color_temp": 400}, "sent"
    ),
    "a lamp is on": ("lamp", "light-on", "zigbee2mqtt/lamp-101", {"state": "ON", "brightness": 254}, "confirmed"),
    "a lamp is off": ("lamp", "light-on", "zigbee2mqtt/lamp-101", {"state": "OFF"}, "sent"),
    "a lamp says something else": ("lamp", "light-on", "zigbee2mqtt/lamp-101", {"linkquality": 80}, "sent"),
    "no JSON": ("lamp", "light-on", "zigbee2mqtt/lamp-101", b"\xff{", "sent"),
    "no object": ("lamp", "light-on", "zigbee2mqtt/lamp-101", b"[1]", "sent"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
async def test_answers_of_other_formats(shop: Shop, case: str) -> None:
    device, command, topic, said, state = ANSWERS[case]
    asked = shop.ask(device, command, who="sam")  # nobody wears these: a manager
    await shop.runner.look()
    assert len(shop.post.sent) == 1
    if isinstance(said, dict):
        said = json.dumps(said).replace("ID", asked.id).encode()
    shop.comes(topic, said)
    await shop.later(1)
    assert shop.state(asked.id)[0] == state
    await shop.later(30)
    assert len(shop.post.sent) == 1, "a network with a queue of its own is told once"
    if state == "sent":
        await shop.later(30)
        assert shop.state(asked.id) == ("expired", "no answer")


@pytest.mark.parametrize(("device", "command"), [("abeeway", "ring"), ("siren", "ring")])
async def test_where_no_answer_can_come_sent_is_the_end(shop: Shop, device: str, command: str) -> None:
    asked = shop.ask(device, command)
    await shop.runner.look()
    found = shop.command(asked.id)
    assert (found.state, found.settled) == ("sent", True)
    await shop.later(600)
    assert shop.command(asked.id) == found
    assert len(shop.post.sent) == 1


async def test_an_answer_before_the_note_of_sending_counts(shop: Shop) -> None:
    """The process died between the broker's word and our note; the next one finds the answer."""
    asked = shop.ask("gps-r01", "ring")
    shop.comes("telecare/haven/gps-r01/status", {"v": 1, "id": asked.id})
    await shop.runner.look()
    assert shop.state(asked.id) == ("confirmed", None)
    assert shop.post.sent == []


async def test_what_came_before_it_was_asked_for_is_no_answer(shop: Shop) -> None:
    shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
    asked = shop.ask("lamp", "light-on")
    await shop.runner.look()
    await shop.later(1)
    assert shop.state(asked.id) == ("sent", None)
    shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
    await shop.later(1)
    assert shop.state(asked.id) == ("confirmed", None)


async def test_a_long_journal_is_read_in_parts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "AT_ONCE", 3)
    asked = shop.ask("lamp", "light-on")
    await shop.runner.look()
    for number in range(7):
        shop.comes("zigbee2mqtt/other", {"state": "ON", "n": number})
    shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
    await shop.later(1)
    await shop.later(1)
    assert shop.state(asked.id) == ("sent", None)
    await shop.later(1)
    assert shop.state(asked.id) == ("confirmed", None)


async def test_a_device_that_was_taken_out_fails_in_words(shop: Shop) -> None:
    gone, unable = shop.ask("gps-r01", "ring"), shop.ask("gps-r02", "ring")
    centre = with_commands()
    devices = tuple(
        device.model_copy(update={"commands": ()}) if device.id == "gps-r02" else device
        for device in centre.devices
        if device.id != "gps-r01"
    )
    kept = tuple(entry for entry in centre.assignments if entry.device != "gps-r01")
    shop.index = CentreIndex(centre.model_copy(update={"devices": devices, "assignments": kept}))
    await shop.runner.look()
    assert (shop.state(gone.id), shop.state(unable.id)) == (("failed", "gone"), ("failed", "not_able"))
    assert shop.post.sent == []


async def test_a_restart_goes_on(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    async with shop.open():
        asked, lamp = shop.ask("gps-r01", "ring"), shop.ask("lamp", "light-on")
        await shop.runner.look()
    shop.comes("zigbee2mqtt/lamp-101", {"state": "ON"})
    async with shop.open():
        await shop.later(6)
        assert shop.state(lamp.id) == ("confirmed", None)
        assert [told.get("id") for _, told in shop.post.sent].count(asked.id) == 2
