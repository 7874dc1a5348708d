"""Who may ask what of which device; what is kept of it."""

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.load import centre_from_document, export_centre, load_centre, to_document
from gateway.centre.model import Device
from gateway.commands import api, queue
from gateway.commands.table import FINAL, TABLE, Event, State, after
from gateway.commands.ways import CAN, COMMANDS, Answers, CommandOptions, Way, able, message, way_of
from gateway.errors import CommandError, IllegalStepError
from gateway.store import audit
from rules.model import Priority, Reason
from tests.gateway.commands.house import OPTIONS, Desk, consenting, with_commands
from tests.gateway.pipeline.chain import DEMO, START


@pytest.fixture
def house(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_command_is_queued_and_audited(house: Desk) -> None:
    asked = house.ask("gps-r01", "ring", why="She can't find it.")
    assert (asked.state, asked.device, asked.resident, asked.command) == ("queued", "gps-r01", "r01", "ring")
    assert (asked.created_at, (asked.expires_at - START).total_seconds()) == (START, 60)
    assert (asked.due_at, asked.attempts, asked.sent_at, asked.settled) == (START, 0, None, False)
    (row,) = house.audited()
    assert row == (
        "nora", "command.request", f"command/{asked.id}",
        {"device": "gps-r01", "command": "ring"},
    )  # fmt: skip
    assert asked.why == "She can't find it."
    with house.db() as db:
        assert audit.broken_at(db) is None


REFUSED: dict[str, tuple[str, str, CommandOptions]] = {
    "not in the table": ("bed-r01", "ring", OPTIONS),
    "not this one": ("sos-r01", "locate", OPTIONS),
    "the centre file says nothing can be told": ("mute", "ring", OPTIONS),
    "no bytes for it": ("at101", "ring", OPTIONS),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_device_cannot_do_is_refused_and_kept(house: Desk, case: str) -> None:
    device, command, options = REFUSED[case]
    refused = house.ask(device, command, options)
    assert (refused.state, refused.detail, refused.settled, refused.due_at) == ("refused", "not_able", True, None)
    ((who, action, target, detail),) = house.audited()
    assert (who, action, target, detail["refused"]) == ("nora", "command.refuse", f"command/{refused.id}", "not_able")


def test_an_application_that_is_not_set_is_a_reason(house: Desk) -> None:
    for device in ("abeeway", "at101"):
        assert house.ask(device, "locate", CommandOptions()).detail == "no_application"


def test_bytes_that_are_not_given_are_a_reason(tmp_path: Path) -> None:
    for form in ("tts", "chirpstack", "zigbee2mqtt"):
        device = Device(id="x", type="tracker", format=form, commands=("locate",))
        found = way_of(device, "locate", site="haven", options=OPTIONS)
        assert not isinstance(found, Way)
        assert found.why == "no_downlink"


@pytest.mark.parametrize(("location", "alarm", "state"), [
    ("always", False, "queued"), ("alarm", False, "refused"), ("alarm", True, "queued"),
    ("never", False, "refused"), ("never", True, "refused"),
])  # fmt: skip
def test_locating_needs_consent_ringing_does_not(tmp_path: Path, location: str, alarm: bool, state: str) -> None:
    house = Desk(tmp_path, consenting(with_commands(), "r01", location))
    if alarm:
        incident = Incident(
            rule="help", rule_key="help", priority=Priority.HIGH, resident="r01", device="sos-r01",
            reason=Reason("Help was called with {device}.", {"device": "sos-r01"}), happened_at=START,
        )  # fmt: skip
        house.write(lambda tx: desk.raise_incident(tx, house.index, incident))
    located = house.ask("gps-r01", "locate")
    assert located.state == state
    assert located.detail == (None if state == "queued" else "no_consent")
    assert house.ask("gps-r01", "ring").state == "queued"


def test_so_many_a_minute_and_no_more(house: Desk) -> None:
    options = CommandOptions(per_minute=2)
    states = [house.ask("gps-r01", "ring", options).state for _ in range(3)]
    assert states == ["queued", "queued", "refused"]
    assert house.ask("gps-r01", "ring", options).detail == "too_many"
    assert house.ask("gps-r02", "ring", options).state == "queued"  # another device
    house.clock.move(61)
    assert house.ask("gps-r01", "ring", options).state == "queued"  # refused ones don't count


@pytest.mark.parametrize(("more", "words"), [
    ({"device": "nobody"}, "expected a device of the centre"), ({"command": "explode"}, "expected one of ring"),
    ({"why": "  "}, "a few words"), ({"why": "x" * 501}, "a few words"), ({"who": ""}, "a few words"),
    ({"expires_s": 0.5}, "1 to"), ({"expires_s": 1e9}, "1 to"), ({"expires_s": float("nan")}, "1 to"),
])  # fmt: skip
def test_what_makes_no_sense_is_not_kept(house: Desk, more: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"device": "gps-r01", "command": "ring", **more}
    with pytest.raises(CommandError, match=words):
        house.ask(given.pop("device"), given.pop("command"), **given)
    assert house.audited() == []
    with house.db() as db:
        assert queue.commands(db) == []


def test_lists(house: Desk) -> None:
    first, second = house.ask("gps-r01", "ring"), house.ask("lamp", "light-on")
    house.write(lambda tx: queue.settle(tx, first.id, Event.CONFIRMED))
    with house.db() as db:
        assert [c.id for c in queue.commands(db)] == [second.id, first.id]
        assert [c.id for c in queue.commands(db, waiting=True)] == [second.id]
        assert [c.id for c in queue.commands(db, device="gps-r01")] == [first.id]
        assert [c.id for c in queue.commands(db, limit=1)] == [second.id]
        assert [row["device"] for row in api.lately(db)] == ["lamp", "gps-r01"]
        with pytest.raises(CommandError, match="no command"):
            queue.command(db, "none")


# The table


def test_every_state_and_event_is_decided() -> None:
    for state, event in itertools.product(State, Event):
        if (state, event) in TABLE:
            assert state not in FINAL
            assert after(state, event) == TABLE[state, event]
        else:
            with pytest.raises(IllegalStepError, match=state.value):
                after(state, event)
    assert set(State) - FINAL == {state for state, _ in TABLE}


def test_what_is_settled_stays(house: Desk) -> None:
    asked = house.ask("gps-r01", "ring")
    house.write(lambda tx: queue.settle(tx, asked.id, Event.EXPIRED, detail="no answer"))
    house.write(lambda tx: queue.settle(tx, asked.id, Event.CONFIRMED))
    house.write(lambda tx: queue.note_sent(tx, asked.id, again_after_s=None, answers=Answers.NONE))
    house.write(lambda tx: queue.note_not_sent(tx, asked.id, again_after_s=1, detail="late"))
    found = house.command(asked.id)
    assert (found.state, found.detail, found.attempts) == ("expired", "no answer", 0)
    assert [row[1] for row in house.audited()] == ["command.request", "command.expired"]


def test_only_an_end_settles(house: Desk) -> None:
    asked = house.ask("gps-r01", "ring")
    with pytest.raises(CommandError, match="ends a command"):
        house.write(lambda tx: queue.settle(tx, asked.id, Event.SENT))


# How devices are told


def told(device: str, command: Any) -> tuple[str, Any]:
    found = {d.id: d for d in with_commands().devices}[device]
    way = way_of(found, command, site="haven", options=OPTIONS)
    assert isinstance(way, Way)
    return way.topic, msgspec.json.decode(message(way, id="c-1", expires_at=START))


def test_the_messages_of_each_format() -> None:
    assert told("gps-r01", "ring") == (
        "telecare/haven/gps-r01/command",
        {"v": 1, "id": "c-1", "command": "ring", "expires_at": "2026-03-01T21:00:00Z"},
    )
    assert told("abeeway", "locate") == (
        "v3/haven@ttn/devices/abeeway-1/down/push",
        {
            "downlinks": [
                {
                    "f_port": 2, "frm_payload": "AgE=", "confirmed": True, "priority": "HIGH",
                    "correlation_ids": ["telecare:c-1"],
                }
            ]
        },
    )  # fmt: skip
    assert told("at101", "locate") == (
        "application/2c6b0000-0000-4000-8000-00000000a901/device/24e124fffef00001/command/down",
        {"id": "c-1", "devEui": "24e124fffef00001", "confirmed": True, "fPort": 85, "data": "/wM="},
    )
    assert told("lamp", "light-on") == ("zigbee2mqtt/lamp-101/set", {"state": "ON"})
    assert told("lamp", "light-off") == ("zigbee2mqtt/lamp-101/set", {"state": "OFF"})
    assert told("siren", "ring") == ("zigbee2mqtt/siren/set", {"warning": {"mode": "emergency", "duration": 10}})


def test_whatever_the_table_offers_can_be_told() -> None:
    for (form, kind), names in CAN.items():
        for name in names:
            device = Device(id="x", type=kind, format=form)
            assert isinstance(way_of(device, name, site="haven", options=OPTIONS), Way), (form, kind, name)


def test_a_format_without_a_way_back_can_be_told_nothing() -> None:
    for name in COMMANDS:
        device = Device(id="x", type="tracker", format="owntracks", commands=COMMANDS)
        assert not isinstance(way_of(device, name, site="haven", options=OPTIONS), Way)


# The centre file


def test_the_centre_file_says_what_a_device_can(tmp_path: Path) -> None:
    centre = with_commands()
    assert centre_from_document(to_document(DEMO)) == DEMO
    native = [device for device in centre.devices if device.format == "native"]
    kept = centre.model_copy(update={"devices": tuple(native)})
    export_centre(kept, tmp_path / "out.toml")
    again = load_centre(tmp_path / "out.toml")
    (mute,) = [device for device in again.devices if device.id == "mute"]
    assert mute.commands == ()
    assert able(mute) == ()


@pytest.mark.parametrize("wrong", [
    {"commands": ["explode"]}, {"downlinks": {"explode": {"port": 1}}}, {"downlinks": {"ring": {"payload": "0"}}},
    {"downlinks": {"ring": {"payload": "xx"}}}, {"downlinks": {"ring": {"port": 0}}},
    {"downlinks": {"ring": {"port": 224}}}, {"downlinks": {"ring": {"name": "a/b"}}},
    {"downlinks": {"ring": {"set": {}}}}, {"downlinks": {"ring": {"colour": 1}}},
])  # fmt: skip
def test_what_a_downlink_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Device.model_validate({"id": "x", "type": "tracker", "format": "native", **wrong})


# For programs


def test_the_api(house: Desk) -> None:
    body = b'{"command":"ring","why":"She lost it.","expires_s":30}'
    asked = house.write(lambda tx: api.take(tx, house.index, OPTIONS, device="gps-r01", who="nora", body=body))
    shown = api.shown(asked)
    assert (shown["state"], shown["command"], shown["who"], shown["why"]) == ("queued", "ring", "nora", "She lost it.")
    assert msgspec.json.decode(msgspec.json.encode(shown))["expires_at"] == "2026-03-01T21:00:30Z"
    for bad in (b"", b"{", b"[]", b'{"command":"explode","why":"x"}', b'{"command":"ring"}',
                b'{"command":"ring","why":1}', b'{"command":"ring","why":"x","who":"sam"}', b"\xff"):  # fmt: skip
        with pytest.raises(CommandError, match="can't be read"):
            house.write(partial(api.take, index=house.index, options=OPTIONS, device="gps-r01", who="n", body=bad))
    assert api.offered(house.index, OPTIONS, "gps-r01") == ["ring", "find", "locate"]
    assert api.offered(house.index, OPTIONS, "bed-r01") == []
    assert api.offered(house.index, CommandOptions(), "at101") == []
    with pytest.raises(CommandError):
        api.offered(house.index, OPTIONS, "nobody")
