"""Shelly: one press is one call, and only of what is a call button."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import shelly
from devices.errors import UnreadableError
from devices.model import Help, Reading
from tests.devices.cases import frame

CALL = "shelly/call-button"
TS = 1772352000.45


def rpc(*events: Any, model: str | None = CALL, prefix: str = "shellies/plus") -> tuple[Reading, ...]:
    message = {"method": "NotifyEvent", "params": {"ts": TS, "events": list(events)}}
    return shelly.decode(frame(f"{prefix}/events/rpc", json.dumps(message).encode()), model)


def push(event: str, component: str = "input:0", **fields: Any) -> dict[str, Any]:
    return {"component": component, "event": event, "ts": TS, **fields}


def helps(readings: tuple[Reading, ...]) -> list[Help]:
    return [reading for reading in readings if isinstance(reading, Help)]


@pytest.mark.parametrize("event", sorted(shelly.PRESSES))
def test_each_press_is_one_call(event: str) -> None:
    assert len(helps(rpc(push("btn_down"), push("btn_up"), push(event)))) == 1
    assert helps(rpc(push(event), model=None)) == []
    assert helps(rpc(push(event), model="shelly/SHIX3-1")) == []
    assert len(helps(rpc(push(event), model=None, prefix="call-button-room4"))) == 1


def test_a_redelivery_is_the_same_event_and_a_second_press_another() -> None:
    first, again = (helps(rpc(push("single_push")))[0] for _ in range(2))
    later = helps(rpc(push("single_push", ts=TS + 0.3)))[0]
    other = helps(rpc(push("single_push", component="input:1")))[0]
    assert first == again
    assert first.event_id is not None
    assert len({first.event_id, later.event_id, other.event_id}) == 3


@pytest.mark.parametrize("ts", [None, 0, 12.5, 1e9, "noon", True, -1, 1e300])
def test_a_device_without_the_time_gives_no_id(ts: Any) -> None:
    (call,) = helps(rpc(push("single_push", ts=ts)))
    assert (call.event_id, call.observed_at) == (None, None)


def test_a_bad_event_beside_a_press_hides_nothing() -> None:
    assert len(helps(rpc(7, push("single_push"), {"event": None}))) == 1
    with pytest.raises(UnreadableError):
        rpc(7, push("btn_down"))


def test_numbered_inputs() -> None:
    for number, calls in ((0, 0), (1, 1)):
        event = push("single_push", component=f"input:{number}")
        assert len(helps(rpc(event, model="shelly/call-button-1"))) == calls


@pytest.mark.parametrize(
    "model",
    ["shelly/button1", "Shelly/SHBTN-2", "shelly/blu-button1", "shelly/shellybutton1", "shelly/sbbt-002c-eu",
     "Shelly/SBBT-002C-US", "shelly/ShellyBluButtonTough1", "shelly/something-new", "", None, CALL],
)  # fmt: skip
def test_a_button1_calls_unless_the_centre_says_otherwise(model: str | None) -> None:
    topic = "shellies/shellybutton1-AABBCC/input_event/0"
    for event in (*shelly.FIRST_PRESSES, "s", " L "):
        readings = shelly.decode(frame(topic, {"event": event, "event_cnt": 3}), model)
        assert readings == (Help(device="shellybutton1-AABBCC", phase="pressed"),)
    for other in ("shelly/doorbell", "shelly/light-switch", "shelly/Garage"):
        assert helps(shelly.decode(frame(topic, {"event": "S"}), other)) == []


def blu(button: Any, model: str | None, **others: Any) -> tuple[Reading, ...]:
    data = {"button": button, "address": "aa:bb:cc:dd:ee:ff", **others}
    return rpc({"event": "shelly-blu", "data": data}, model=model)


@pytest.mark.parametrize("press", [1, 2, 254, [1], [4], "1", "press", True, 1.0])
def test_a_bluetooth_button1_calls_whatever_heard_it(press: Any) -> None:
    for model in (None, "shelly/sbbt-002c-eu", "shelly/shellybutton1", "shelly/plus1", "shelly/light-switch", CALL):
        (call,) = helps(blu(press, model))
        assert call.device == "AA:BB:CC:DD:EE:FF"
    assert helps(blu(press, "shelly/doorbell")) == []


@pytest.mark.parametrize("rest", [0, [0], [], None, False, "", "none"])
def test_a_bluetooth_button_at_rest(rest: Any) -> None:
    assert helps(blu(rest, None)) == helps(blu(rest, CALL)) == []


def test_other_bluetooth_devices_are_no_button1() -> None:
    assert helps(blu([0, 1], None)) == helps(blu(1, None, temperature=21.5)) == []
    assert len(helps(blu(1, CALL, temperature=21.5))) == len(helps(blu([0, 1], CALL))) == 1


@pytest.mark.parametrize("button", [{}, [{}], [0, {}]])
def test_a_button_that_can_not_be_read_is_refused(button: Any) -> None:
    with pytest.raises(UnreadableError):
        blu(button, CALL)
    with pytest.raises(UnreadableError):
        rpc({"event": "shelly-blu", "data": button}, model=CALL)


def test_a_cord_on_an_input_that_keeps_its_state() -> None:
    def status(state: Any, model: str | None, method: str = "NotifyStatus") -> tuple[Reading, ...]:
        message = {"method": method, "params": {"ts": TS, "input:1": {"id": 1, "state": state}}}
        return shelly.decode(frame("shellies/plus/events/rpc", message), model)

    (call,) = helps(status(True, "shelly/pull-cord"))
    assert call.event_id == "input:1:on:1772352000450"
    assert len(helps(status(True, "shelly/call-button-1"))) == 1
    for resting in (False, None, 1, "on"):
        assert helps(status(resting, "shelly/pull-cord")) == []
    for model in (None, "shelly/call-button-0", "shelly/plus1"):
        assert helps(status(True, model)) == []
    assert helps(status(True, "shelly/pull-cord", "NotifyFullStatus")) == [], "told again at every start"


def test_a_name_calls_beside_a_model_that_says_nothing_of_it() -> None:
    assert len(helps(rpc(push("single_push"), model="shelly/shix3-1", prefix="call-button-room4"))) == 1


def test_words_of_a_notification_in_other_capitals_and_new_ones() -> None:
    for event in ("SINGLE_PUSH", "hold_press", "quadruple_push"):
        assert len(helps(rpc(push(event)))) == 1
    message = {"params": {"events": [push("single_push")]}}
    assert len(helps(shelly.decode(frame("shellies/x/events/rpc", message), CALL))) == 1
    for event in ([], {}, 7, None):
        with pytest.raises(UnreadableError):
            rpc({"component": "input:0", "event": event})


def test_a_damaged_message_of_a_button_still_calls() -> None:
    topic = "shellies/shellybutton1-AABBCC/input_event/0"
    assert len(helps(shelly.decode(frame(topic, b'{"event":"S","event_cnt":NaN}')))) == 1
    assert len(helps(shelly.decode(frame(topic, b'{"event":"S","x":"caf\xe9"}')))) == 1


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("shellies/shelly1-AA/input_event/0", "shelly1-AA"),
        ("shellies/shelly1-AA/longpush/1", "shelly1-AA"),
        ("shellies/shelly1-AA/sensor/battery", "shelly1-AA"),
        ("shellies/shelly1-AA/online", "shelly1-AA"),
        ("shellies/plus/events/rpc", "plus"),
        ("plus/events/rpc", "plus"),
        ("house/plus/events/rpc", "house/plus"),
        ("plus/online", "plus"),
        ("shellies/announce", None),
        ("shellies/shelly1-AA/relay/0", None),
        ("events/rpc", None),
        ("/events/rpc", None),
        ("online", None),
        ("", None),
    ],
)
def test_the_address_in_a_topic(topic: str, device: str | None) -> None:
    assert shelly.address_of(topic) == device


@pytest.mark.parametrize("address", ["", None, 7, "\ud800", "caf\u00e9", "a\nb"])
def test_a_bluetooth_device_without_an_address_is_refused(address: Any) -> None:
    with pytest.raises(UnreadableError):
        rpc({"event": "shelly-blu", "data": {"button": 1, "address": address}}, model=None)


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["ts", "id", "component", "idx", "data", "x"]), JUNK), JUNK)
def test_no_other_field_can_silence_a_press(junk: dict[str, Any], beside: Any) -> None:
    message = {
        "src": beside,
        "method": "NotifyEvent",
        "params": {"ts": beside, "events": [{**junk, "event": "long_push"}]},
    }
    readings = shelly.decode(frame("shellies/x/events/rpc", json.dumps(message).encode()), CALL)
    (call,) = helps(readings)
    assert call.device.startswith("x")
