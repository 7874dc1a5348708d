"""Zigbee2MQTT: payloads built from its device pages, and what must never silence or fake an alarm."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import topics, zigbee2mqtt
from devices import zigbee2mqtt_words as words
from devices.errors import UnreadableError, Why
from devices.model import Bed, Fall, Help, Motion, Reading, Room, Status, Vitals
from tests.devices.cases import frame, frame_of, shared

NOBODY = Room(device="x", present=False)
PERSONS = {
    **dict.fromkeys(words.PERSON_PROPERTIES, 60), "sos": False, "presence": True, "occupancy": False,
    "fall_status": "unknown", "fall_down_status": "none", "posture": "lying",
}  # fmt: skip
EVENTS = {"pressed": "sos", "detected": "fall", "suspected": "fall_suspected"}


def decode(message: Any, model: str | None = None, topic: str = "zigbee2mqtt/x") -> tuple[Reading, ...]:
    return zigbee2mqtt.decode(frame(topic, message), model)


def alarms(readings: tuple[Reading, ...]) -> list[str]:
    return [reading.phase for reading in readings if isinstance(reading, Help | Fall)]


def test_recorded_payloads() -> None:
    cases = shared("zigbee2mqtt")
    assert len(cases) >= 12
    for case in cases:
        for model in (case["model"], None):
            readings = zigbee2mqtt.decode(frame_of(case), model)
            expected = case["expected"]
            assert {reading.device for reading in readings} == {case["topic"].split("/")[1]}
            assert [EVENTS[phase] for phase in alarms(readings)] == (
                [expected["event"]] if expected.get("event") else []
            )
            if "occupancy" in expected:
                assert [r.present for r in readings if isinstance(r, Room)] == [expected["occupancy"]]
            if "respiratory_rate" in expected:
                rates = [r.respiratory_rate_bpm for r in readings if isinstance(r, Vitals)]
                assert rates == [expected["respiratory_rate"]]
            if "connectivity" in expected:
                (status,) = readings
                assert isinstance(status, Status)
                assert status.online is (expected["connectivity"] == "online")
            if "battery" in case["payload"]:
                assert isinstance(readings[-1], Status)
                assert readings[-1].battery_percent == case["payload"]["battery"]


@pytest.mark.parametrize("action", sorted(words.HELP_ACTIONS))
def test_every_help_action_is_help_with_any_endpoint(action: str) -> None:
    for written in (action, action.upper(), f"{action}_1", f"{action}_l2", f" {action} "):
        assert alarms(decode({"action": written})) == ["pressed"]


@pytest.mark.parametrize("action", [*sorted(words.PRESS_ACTIONS), "brightness_step_up", "arm_all_zones", "1_single"])
def test_other_actions_are_no_help(action: str) -> None:
    assert alarms(decode({"action": action})) == []


@pytest.mark.parametrize("action", sorted(words.PRESS_ACTIONS))
def test_a_call_button_of_the_centre(action: str) -> None:
    for model in ("ikea/call-button", "tuya/sos", "x/Nurse-Call"):
        assert alarms(decode({"action": action}, model)) == ["pressed"]
    for model in ("ikea/E1743", "ikea/sos-light", "tuya/emergency-light", ""):
        assert alarms(decode({"action": action}, model)) == []


@pytest.mark.parametrize("field", words.HELP_PROPERTIES)
def test_help_properties(field: str) -> None:
    for asking in (True, "ON", "true", 1, 2, 1.0, "yes", "Pressed", *words.YES_WORDS):
        assert alarms(decode({field: asking})) == ["pressed"]
    for resting in (False, "OFF", None, 0, "", 0.0, "Normal", *words.NO_WORDS):
        assert alarms(decode({field: resting})) == []
    for unreadable in ("perhaps", [], {}, -1):
        assert refused({field: unreadable}) == field


def refused(message: Any, model: str | None = None) -> str | None:
    with pytest.raises(UnreadableError) as caught:
        decode(message, model)
    return caught.value.field


@pytest.mark.parametrize("field", words.FALL_FLAGS)
def test_fall_flags(field: str) -> None:
    for lying in (True, 1, "true", "YES", "Falling", "detected"):
        assert alarms(decode({field: lying})) == ["detected"]
    assert alarms(decode({field: "fall_warning"})) == ["suspected"]
    for standing in (False, 0, "none", "normal", "No_Fall"):
        assert alarms(decode({field: standing})) == ["ended"]
    for nothing in (None, ""):
        assert alarms(decode({field: nothing})) == []
    for unreadable in ("thud", [], {}, -1):
        assert refused({field: unreadable}) == field
    is_setting = field == words.FALL_SETTING
    assert alarms(decode({field: "ON"})) == ([] if is_setting else ["detected"])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"status": "Falling"}, ["detected"]),
        ({"status": "FALL_DETECTED"}, ["detected"]),
        ({"status": "sos"}, ["pressed"]),
        ({"status": "emergency"}, []),
        ({"status": 7}, []),
        ({"status": "fall_cleared"}, []),
        ({"action": "1_emergency"}, ["pressed"]),
        ({"action": "emergency_button"}, ["pressed"]),
        ({"action": "button_2_sos_l1"}, ["pressed"]),
        ({"action": "sos_released"}, []),
        ({"action": "emergency_light_on"}, []),
        ({"action": "fall_detected_1"}, ["detected"]),
        ({"action": "Fall_Down"}, ["detected"]),
        ({"action": "fall_end"}, []),
        ({"action": "waterfall_scene"}, []),
        ({"action": "eavesdrop"}, []),
        ({"emergency_button": True, "fall": True}, ["pressed", "detected"]),
        ({"SOS": True}, ["pressed"]),
        ({"Fall_Status": "FALL_ALARM"}, ["detected"]),
        ({"sos": True, "fall_status": "thud", "action": 7}, ["pressed"]),
        ({"fall_status": "normal", "action": "sos"}, ["pressed", "ended"]),
        ({"action": "fall", "sos": True}, ["pressed", "detected"]),
    ],
)
def test_alarms_in_many_words(message: dict[str, Any], expected: list[str]) -> None:
    assert alarms(decode(message)) == expected


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"action": "fall_three"}, "action"),
        ({"action": ["sos"]}, "action"),
        ({"action": {"type": "sos"}}, "action"),
        ({"status": "fall_three"}, "status"),
        ({"fall_status": "normal", "sos": "perhaps"}, "sos"),
        ({"fall_status": ["fall_alarm"]}, "fall_status"),
        ({"fall": "thud", "occupancy": True}, "fall"),
    ],
)
def test_an_alarm_that_can_not_be_read_is_refused(message: dict[str, Any], field: str) -> None:
    assert refused(message) == field


@pytest.mark.parametrize("action", ["1_single", "single_l1", "button_1_double", "left_click", "brightness_move_up"])
def test_every_press_of_a_call_button_whatever_it_is_called(action: str) -> None:
    assert alarms(decode({"action": action}, "ikea/call-button")) == ["pressed"]
    assert alarms(decode({"action": action}, "ikea/call-button-1")) == ["pressed"]
    calls = [] if "1" in action else ["pressed"]
    assert alarms(decode({"action": action}, "ikea/call-button-2")) == calls


def test_other_properties_of_a_call_button() -> None:
    for message in ({"click": "single"}, {"alarm": True}, {"alarm": "ON"}):
        assert alarms(decode(message, "tuya/pull-cord")) == ["pressed"]
        assert alarms(decode(message)) == []
    assert alarms(decode({"click": "sos"})) == ["pressed"]
    assert refused({"alarm": []}, "tuya/pull-cord") == "alarm"


@pytest.mark.parametrize("action", ["release", "hold_release", "brightness_stop", "", "fall", "vibration"])
def test_letting_go_of_a_call_button_is_no_press(action: str) -> None:
    assert alarms(decode({"action": action}, "ikea/call-button")) == []


@pytest.mark.parametrize("field", sorted(words.FALL_WORDS))
def test_every_word_of_a_fall_property_and_no_other(field: str) -> None:
    for word, phase in words.FALL_WORDS[field].items():
        assert alarms(decode({field: word})) == ([phase] if phase else [])
    for nothing in (None, ""):
        assert alarms(decode({field: nothing})) == []
    with pytest.raises(UnreadableError) as caught:
        decode({field: "thud"})
    assert (caught.value.why, caught.value.field) == (Why.OUT_OF_RANGE, field)


def test_the_worst_of_several_falls_counts_once() -> None:
    message = {"fall_status": "fall_warning", "fall_down_status": "fall", "status": "falling"}
    assert alarms(decode(message)) == ["detected"]
    assert alarms(decode({"fall_status": "normal", "fall_down_status": "maybe_fall"})) == ["suspected"]


@pytest.mark.parametrize("action", sorted(words.DROPPED_ACTIONS))
def test_a_dropped_sensor_wakes_nobody_and_a_person_is_not_missed(action: str) -> None:
    for company in ({}, {"contact": True}, {"side": 2}, {"battery": 80, "orientation": "tilt"}):
        assert alarms(decode({"action": action, **company})) == []
    for field in words.PERSON_PROPERTIES:
        assert alarms(decode({"action": action, field: None})) == [], "null is no company"
        value = PERSONS[field]
        assert alarms(decode({"action": action, field: value})) == (["detected"] if action == "fall" else [])
        for thing in words.THING_PROPERTIES:
            assert alarms(decode({"action": action, field: value, thing: 1})) == []


def test_repeated_reports_are_all_given_and_carry_no_id() -> None:
    first, again = (decode({"fall_status": "fall_alarm"}) for _ in range(2))
    assert first == again
    assert first[0].event_id is None


@pytest.mark.parametrize("status", sorted(words.STATUS_POSTURES))
def test_postures(status: str) -> None:
    present, in_bed = words.STATUS_POSTURES[status]
    readings = decode({"status": status})
    assert [r.present for r in readings if isinstance(r, Room)] == [present]
    assert [r.in_bed for r in readings if isinstance(r, Bed)] == ([True] if in_bed else [])


@pytest.mark.parametrize("status", sorted(words.STATUS_POSTURES))
def test_a_radar_that_was_shown_the_bed_also_says_out_of_bed(status: str) -> None:
    def in_bed(message: dict[str, Any], model: str | None = None) -> list[bool]:
        return [r.in_bed for r in decode({"status": status, **message}, model) if isinstance(r, Bed)]

    known = [words.STATUS_POSTURES[status][1]]
    assert in_bed({words.POSTURE_SETTINGS: "-90,100,90,-100,-21931,-21931,200,200,200"}) == known
    assert in_bed({}, "owon/FDS315-bed") == known
    for unknown in (f"{words.NO_BED},100", "", None, 7):
        assert in_bed({words.POSTURE_SETTINGS: unknown}) == ([True] if known == [True] else [])


@pytest.mark.parametrize(
    ("message", "model", "expected"),
    [
        ({"occupancy": True}, None, (Room(device="x", present=True),)),
        ({"presence": False, "occupancy": True}, None, (NOBODY, Motion(device="x", moving=True))),
        ({"presence": True, "moving": False}, None, (Room(device="x", present=True), Motion(device="x", moving=False))),
        ({"motion": "true"}, None, (Motion(device="x", moving=True),)),
        ({"occupancy": True}, "tuya/bed-mat", (Bed(device="x", in_bed=True),)),
        ({"presence": False}, "tuya/bed-mat", (Bed(device="x", in_bed=False),)),
        ({"contact": True}, "tuya/bed-mat", (Bed(device="x", in_bed=True),)),
        ({"contact": True}, None, (Status(device="x"),)),
        ({"bed_presence": True, "occupancy": False}, None, (Bed(device="x", in_bed=True), NOBODY)),
        ({"occupancy": "soon"}, None, (Status(device="x"),)),
        ({"presence_event": "left_leave"}, None, (Room(device="x", present=False),)),
        ({"presence_event": "sideways"}, None, (Status(device="x"),)),
        ({"action": "region_1_unoccupied"}, None, (Room(device="x", room="region_1", present=False),)),
        ({"presence_state": "peaceful"}, None, (Motion(device="x", moving=False),)),
    ],
)  # fmt: skip
def test_where_somebody_is(message: dict[str, Any], model: str | None, expected: tuple[Reading, ...]) -> None:
    assert decode(message, model) == expected


@pytest.mark.parametrize("value", [-1, 101, 255, True, "80", None, [], {}])
def test_a_battery_that_makes_no_sense_says_nothing(value: Any) -> None:
    assert decode({"battery": value}) == (Status(device="x"),)


@pytest.mark.parametrize("value", [0, -3, 900, True, "60", None])
def test_a_pulse_that_makes_no_sense_says_nothing(value: Any) -> None:
    assert decode({"heart_rate": value, "breathing_rate": value}) == (Status(device="x"),)


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("zigbee2mqtt/a", "a"),
        ("zigbee2mqtt/a/b c/d", "a/b c/d"),
        ("zigbee2mqtt/0x00158d00018255df", "0x00158d00018255df"),
        ("zigbee2mqtt/a/availability", "a"),
        ("zigbee2mqtt/a/b/availability", "a/b"),
        ("zigbee2mqtt-2/a", "zigbee2mqtt-2/a"),
        ("zigbee2mqtt/set", "set"),
        ("zigbee2mqtt/bridged", "bridged"),
        ("zigbee2mqtt/bridge/state", None),
        ("zigbee2mqtt/bridge/availability", None),
        ("zigbee2mqtt/bridge", None),
        ("zigbee2mqtt/a/set", None),
        ("zigbee2mqtt/a/b/get", None),
        ("zigbee2mqtt/a/set/state", None),
        ("zigbee2mqtt/", None),
        ("zigbee2mqtt//a", None),
        ("zigbee2mqtt", None),
        ("zigbee/a", None),
        ("", None),
    ],
)
def test_the_address_in_a_topic(topic: str, device: str | None) -> None:
    assert zigbee2mqtt.address_of(topic) == device
    if device is not None:
        assert {reading.device for reading in decode({"state": "online"}, topic=topic)} == {device}
    if topic.startswith("zigbee2mqtt/"):
        assert any(topics.matches(known, topic) for known in zigbee2mqtt.ALARM_TOPICS)


@pytest.mark.parametrize("payload", [b"\xff" * 10, b"{" * 1000, b"x" * 200_000, b""])
def test_the_bridges_own_messages_are_never_read(payload: bytes) -> None:
    for topic in ("zigbee2mqtt/bridge/devices", "zigbee2mqtt/bridge/logging", "zigbee2mqtt/lamp/set"):
        assert decode(payload, topic=topic) == ()


@pytest.mark.parametrize(
    ("attribute", "text", "expected"),
    [
        ("action", "sos", Help(device="r/x", phase="pressed")),
        ("sos", "true", Help(device="r/x", phase="pressed")),
        ("fall_status", "fall_alarm", Fall(device="r/x", phase="detected")),
        ("occupancy", "false", Room(device="r/x", present=False)),
        ("battery", "55", Status(device="r/x", battery_percent=55.0)),
        ("battery", "nan", Status(device="r/x")),
        ("linkquality", "120", Status(device="r/x")),
        ("action", "", None),
    ],
)
def test_one_property_on_a_topic_of_its_own(attribute: str, text: str, expected: Reading | None) -> None:
    topic = f"zigbee2mqtt/r/x/{attribute}"
    if expected is None:
        with pytest.raises(UnreadableError):
            decode(text.encode(), topic=topic)
    else:
        assert decode(text.encode(), topic=topic) == (expected,)


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
OTHERS = [
    "battery",
    "last_seen",
    "linkquality",
    "status",
    "presence_event",
    "tamper",
    "fall_status",
    "heart_rate",
    "panic",
]


@given(
    st.sampled_from([{"action": "sos"}, {"sos": True}, {"fall_down_status": "fall"}]),
    st.dictionaries(st.sampled_from(OTHERS), JUNK),
)
def test_no_other_field_can_silence_an_alarm(alarm: dict[str, Any], junk: dict[str, Any]) -> None:
    payload = json.dumps({**junk, **alarm}).encode()  # writes NaN and half letters too
    first = decode(payload)[0]
    assert isinstance(first, Help | Fall)
    assert first.phase in ("pressed", "detected")


@given(
    st.dictionaries(st.sampled_from([*OTHERS, "contact", "occupancy"]), JUNK), st.sampled_from(["single", "fall", ""])
)
def test_what_is_no_alarm_never_becomes_help(message: dict[str, Any], action: str) -> None:
    message.pop("panic", None)
    try:
        readings = decode(json.dumps({**message, "action": action}).encode())
    except UnreadableError:
        return
    assert not any(isinstance(reading, Help) for reading in readings)
