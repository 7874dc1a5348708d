"""State topics, and the roles that centre and names give to switches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import roles, state, state_words
from devices.errors import UnreadableError, Why
from devices.model import Fall, Help, Reading, Status, kind_of
from devices.state_words import BINARY, NUMBERS, Means
from tests.devices.cases import frame

KIND_OF = {
    Means.FALL: "fall",
    Means.SUSPECTED: "fall",
    Means.PRESENT: "room",
    Means.MOVING: "motion",
    Means.IN_BED: "bed",
}


def decode(topic: str, text: str, model: str | None = None) -> tuple[Reading, ...]:
    return state.decode(frame(topic, text.encode()), model)


def binary(name: str, text: str, model: str | None = None) -> tuple[Reading, ...]:
    return decode(f"esphome/x/binary_sensor/{name}/state", text, model)


@pytest.mark.parametrize("name", sorted(BINARY))
def test_every_binary_name_alone_and_as_the_end_of_a_longer_one(name: str) -> None:
    for written in (name, name.upper(), f"bath_{name}"):
        (on,), (off,) = binary(written, "ON"), binary(written, "OFF")
        assert kind_of(on) == kind_of(off) == KIND_OF.get(BINARY[name], "status")
        assert on != off
    assert binary(f"{name}_count", "ON") == ()
    assert binary(f"x{name.replace('_', '')}", "ON") == ()


def test_falls_end_and_never_help() -> None:
    assert binary("fall_detected", "off") == (Fall(device="x", phase="ended"),)
    assert binary("fall_warning", "on") == (Fall(device="x", phase="suspected"),)


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_number(name: str) -> None:
    field, low, high = NUMBERS[name]
    topic = f"esphome/x/sensor/radar_{name}/state"
    (reading,) = decode(topic, str((low + high) / 2))
    middle = (low + high) / 2
    assert getattr(reading, field) == (int(middle) if field == "steps" else middle)
    assert decode(topic, str(high + 1)) == (Status(device="x"),)
    for unknown in ("nan", "unknown", "None"):
        assert decode(topic, unknown) == ()
    with pytest.raises(UnreadableError):
        decode(topic, "many")


@pytest.mark.parametrize("word", sorted(state_words.FALL_TEXTS))
def test_every_word_about_falls(word: str) -> None:
    phase = state_words.FALL_TEXTS[word]
    for name in state_words.FALL_SENSORS:
        readings = decode(f"esphome/x/sensor/{name}/state", word.replace("_", " ").title())
        assert readings == (() if phase is None else (Fall(device="x", phase=phase),))


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("esphome/radar/binary_sensor/fall/state", "radar"),
        ("radar/binary_sensor/fall/state", "radar"),
        ("house/radar/sensor/battery/state", "house/radar"),
        ("homeassistant/binary_sensor/bath_radar_fall_detected/state", "bath_radar"),
        ("home/statestream/sensor/bed_heart_rate/state", "bed"),
        ("homeassistant/binary_sensor/fall_detected/state", "fall_detected"),
        ("homeassistant/binary_sensor/front_door/state", "front_door"),
        ("esphome/radar/status", "radar"),
        ("radar/status", "radar"),
        ("stat/room4/RESULT", "room4"),
        ("tele/room4/LWT", "room4"),
        ("homeassistant/binary_sensor/x/config", None),
        ("esphome/radar/light/x/state", None),
        ("binary_sensor/x/state", None),
        ("esphome//binary_sensor/x/state", None),
        ("status", None),
        ("cmnd/room4/POWER", None),
        ("", None),
    ],
)
def test_the_address_in_a_topic(topic: str, device: str | None) -> None:
    assert state.address_of(topic) == device


@pytest.mark.parametrize("action", sorted(state_words.PRESSED_ACTIONS))
def test_every_press_of_tasmota(action: str) -> None:
    for name in ("Switch1", "Button3"):
        message = f'{{"{name}":{{"Action":"{action}"}}}}'
        assert decode("stat/x/RESULT", message, "tasmota/call-button") == (Help(device="x", phase="pressed"),)
        assert decode("stat/x/RESULT", message) == (Status(device="x"),)


@pytest.mark.parametrize("action", sorted(state_words.RELEASED_ACTIONS))
def test_what_is_no_press(action: str) -> None:
    message = f'{{"Switch1":{{"Action":"{action}"}}}}'
    assert decode("stat/x/RESULT", message, "tasmota/call-button") == (Status(device="x"),)


@pytest.mark.parametrize(
    "message",
    [
        '{"SWITCH1":{"ACTION":"on"}}', '{"button1":{"action":"Single"}}', '{"Button1":"SINGLE"}',
        '{"Button2":{},"Button1":{"Action":"SINGLE"}}', '{"Switch1":{"Action":"ON"},"x":1e400}',
        '{"Switch1":{"Action":"ON"},"x":"\\ud800"}', '{"Switch1":{"Action":7},"Switch2":{"Action":"ON"},"x":NaN}',
    ],
)  # fmt: skip
def test_a_press_in_whatever_company_and_capitals(message: str) -> None:
    pressed = (Help(device="x", phase="pressed"),)
    assert decode("stat/x/RESULT", message, "tasmota/call-button") == pressed
    assert decode("stat/x/SWITCH1", message, "tasmota/call-button") == pressed
    for said in ('{"ACTION":"ON"}', '{"Action":"SINGLE","x":1e400}', "ON", "toggle"):
        assert decode("stat/x/Switch1", said, "tasmota/call-button-1") == pressed
        with_no_role = decode("stat/x/Switch1", said.replace("1e400", "1"))
        assert with_no_role == (Status(device="x"),)


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("stat/sos/RESULT", '{"Button1":{"Action":"?"}}'),
        ("stat/sos/RESULT", '{"Button1":{}}'),
        ("stat/sos/RESULT", '{"Button1":[]}'),
        ("stat/sos/SWITCH1", '{"Action":7}'),
        ("stat/sos/SWITCH1", "maybe"),
        ("stat/sos/SWITCH1", ""),
        ("homeassistant/sensor/hall_sos/state", "help me"),
        ("homeassistant/sensor/fall_detected_hall/state", "thud"),
        ("homeassistant/binary_sensor/fall_detected_hall/state", "thud"),
    ],
)
def test_an_alarm_that_can_not_be_read_is_refused(topic: str, said: str) -> None:
    with pytest.raises(UnreadableError):
        decode(topic, said)


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("fall_detected_bathroom", "bathroom"),
        ("bathroom_fall_detected", "bathroom"),
        ("hall_fall_alarm_2", "hall_2"),
        ("hall_fall_alert_north", "hall_north"),
        ("Hall-Fall-Detected", "Hall"),
        ("person_fallen", "person"),
        ("fall", "fall"),
    ],
)
def test_a_fall_wherever_it_stands_in_a_name(name: str, device: str) -> None:
    for domain, on, off in (("binary_sensor", "on", "OFF"), ("sensor", "Detected", "none"), ("sensor", "true", "0")):
        topic = f"homeassistant/{domain}/{name}/state"
        assert decode(topic, on) == (Fall(device=device, phase="detected"),)
        assert decode(topic, off) == (Fall(device=device, phase="ended"),)
    assert decode(f"homeassistant/binary_sensor/{name}/state", "unknown") == ()


@pytest.mark.parametrize(
    "name",
    ["fall_detection_enabled", "fall_lights", "free_fall_mode", "waterfall", "fall_count", "last_fall_time",
     "rain_fall_x", "fall_detection_sensitivity", "fallback", "nightfall"],
)  # fmt: skip
def test_a_name_that_is_no_fall(name: str) -> None:
    for domain in ("binary_sensor", "sensor"):
        assert decode(f"homeassistant/{domain}/{name}/state", "1") == ()


@pytest.mark.parametrize(("word", "is_press"), state_words.CALL_TEXTS.items())
def test_a_text_sensor_that_calls_for_help(word: str, is_press: bool) -> None:
    found = decode("esphome/x/sensor/sos/state", word.upper())
    assert found == ((Help(device="x", phase="pressed") if is_press else Status(device="x")),)
    assert decode("esphome/x/sensor/sos_battery/state", "80") == (Status(device="x", battery_percent=80.0),)
    assert decode("esphome/x/sensor/doorbell/state", word) == ()


@pytest.mark.parametrize(
    "name", ["sos", "SOS_button", "panic-room4", "call_button", "Call Button 2", "bath pull cord", "nurse_call"]
)
def test_names_that_say_that_they_call(name: str) -> None:
    assert roles.is_call_name(name)
    assert binary(name, "on") == (Help(device="x", phase="pressed"),)


@pytest.mark.parametrize(
    "name",
    ["button", "switch", "light_switch", "emergency_light", "sos_light", "sos_battery", "doorbell", "call", "panicle",
     "sossegado", "help", "call_light_button", "test_sos", ""],
)  # fmt: skip
def test_names_that_do_not(name: str) -> None:
    assert not roles.is_call_name(name)


@pytest.mark.parametrize(
    ("model", "calls"),
    [
        ("tasmota/call-button", {None, 1, 2}),
        ("call-button", {None, 1, 2}),
        ("tasmota/call-button-2", {None, 2}),
        ("x/SOS", {None, 1, 2}),
        ("sos/light", set()),
        ("tasmota/light-switch", set()),
        ("tuya/bed-mat", set()),
        ("", set()),
    ],
)
def test_the_role_in_a_model(model: str, calls: set[int | None]) -> None:
    told = roles.of_model(model)
    assert {number for number in (None, 1, 2) if told is not None and told.is_call(number)} == calls
    assert (told is not None and told.role is roles.Role.BED) == ("bed" in model)


def test_a_model_of_a_radar_leaves_the_name_to_decide() -> None:
    assert binary("sos_button", "ON", "seeed/mr60fda2") == (Help(device="x", phase="pressed"),)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", Why.NOT_JSON),
        (b"  ", Why.NOT_JSON),
        (b"O\x00N", Why.NOT_JSON),
        (b"\xffON", Why.NOT_UTF8),
        (b"x" * 256, Why.TOO_LARGE),
        (b"x" * 70_000, Why.TOO_LARGE),
        (b"[" * 100, Why.TOO_DEEP),
        (b"maybe", Why.OUT_OF_RANGE),
    ],
)
def test_a_state_that_is_none(payload: bytes, why: Why) -> None:
    with pytest.raises(UnreadableError) as caught:
        state.decode(frame("esphome/x/binary_sensor/fall/state", payload))
    assert caught.value.why is why


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_light_switch_ever_calls_for_help(device: str, name: str, text: str) -> None:
    for topic in (f"stat/light_{device}/RESULT", f"esphome/{device}/binary_sensor/light_{name}/state"):
        try:
            readings = decode(topic, text)
        except (UnreadableError, UnicodeEncodeError):
            continue
        assert not any(isinstance(reading, Help) for reading in readings)
