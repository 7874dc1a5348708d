"""Radars beside their cases: whole life cycles, recorded reports, and falls that survive whatever else is bad."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import milesight_json, radar
from devices.errors import UnreadableError
from devices.model import Bed, Fall, Frame, Reading, Room, Status
from tests.devices.cases import frame, frame_of, shared
from tests.devices.outcomes import readings_or_reason

TOPIC = "/devices/id_X/events"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def read(payload: dict[str, Any], topic: str = TOPIC, model: str | None = None) -> tuple[Reading, ...]:
    return radar.decode(frame(topic, payload), model)


def test_recorded_reports() -> None:
    cases = shared("milesight")
    assert cases
    for case in cases:
        found = radar.decode(frame_of(case))
        event, status = case["expected"]["event"], case["expected"]["status"]
        assert isinstance(found[-1], Status)
        match event:
            case "fall":
                assert isinstance(found[0], Fall)
                assert found[0].phase == {"alarm": "detected", "ignored": "cancelled"}[status]
            case "out_of_bed":
                assert isinstance(found[0], Bed)
                assert found[0].in_bed is False
            case "occupied" | "vacant":
                assert isinstance(found[0], Room)
                assert found[0].present is (event == "occupied")
            case "tachypnea":
                assert len(found) == 1
            case other:
                pytest.fail(f"a recorded report of an event that this test does not know: {other}")


@pytest.mark.parametrize(
    "payload",
    [
        {"presence": True, "Fall_Status": 1},
        {"presence": True, "FALLSTATUS": True},
        {"Status": "Fall Detected "},
        {"presence": True, "status": "fall-detected"},
        {"payload": {"presenceDetected": True}, "fall_status": 1},
        {"presence": 1, "isFall": 0, "fallDetected": 1},
    ],
)
def test_a_fall_in_other_spellings_and_beside_the_payload(payload: dict[str, Any]) -> None:
    found = read(payload)
    assert isinstance(found[0], Fall)
    assert found[0].phase == "detected"


@pytest.mark.parametrize("status", ["fall_certain", "callback", ["fall_detected"], {"fall": 1}])
def test_a_status_about_a_fall_is_never_passed_over_beside_presence(status: Any) -> None:
    with pytest.raises(UnreadableError):
        read({"presence": True, "status": status})
    assert isinstance(read({"presence": True, "status": status, "fall_status": 1})[0], Fall)


def test_a_whole_life_cycle_is_one_event_with_its_phases() -> None:
    words = ("fall_detected", "fall_confirmed", "calling", "on_call", "finished", "fall_exit")
    falls = [
        read(
            {
                "type": 5,
                "payload": {"status": word, "timestamp": 1772330400000, "statusUpdateTimestamp": 1772330400000 + n},
            }
        )[0]
        for n, word in enumerate(words)
    ]
    assert all(isinstance(fall, Fall) for fall in falls)
    assert [fall.phase for fall in falls if isinstance(fall, Fall)] == [
        "detected", "confirmed", "confirmed", "confirmed", "ended", "ended",
    ]  # fmt: skip
    assert {fall.event_id for fall in falls} == {"1772330400000"}
    times = [fall.observed_at for fall in falls if fall.observed_at is not None]
    assert times == sorted(times)


@pytest.mark.parametrize(("word", "phase"), radar.PHASES.items())
def test_every_word_also_with_spaces_and_capitals(word: str, phase: str) -> None:
    for written in (word, word.upper(), word.replace("_", " ")):
        (fall,) = read({"payload": {"status": written}})
        assert isinstance(fall, Fall)
        assert fall.phase == phase


@given(
    st.sampled_from(sorted(radar.PHASES)),
    st.dictionaries(
        st.sampled_from(
            ["timestamp", "endTimestamp", "statusUpdateTimestamp", "heart_rate", "motion", "isSimulated", "x"]
        ),
        JSON,
        max_size=4,
    ),
)
def test_a_fall_is_told_whatever_else_its_message_holds(word: str, others: dict[str, Any]) -> None:
    found = read({"type": 5, "payload": {**others, "status": word}})
    assert isinstance(found[0], Fall)
    assert found[0].phase == radar.PHASES[word]


@given(
    st.sampled_from([1, 2, 3, 4]), st.dictionaries(st.sampled_from(["type", "trigger_id", "location", "sub_no"]), JSON)
)
def test_a_vs373_fall_is_told_whatever_else_its_message_holds(status: int, others: dict[str, Any]) -> None:
    message = {"device_info": {"device_sn": "S1"}, "trigger_data": {**others, "event": 0, "status": status}}
    found = read(message, "vs373/report")
    assert isinstance(found[0], Fall)
    assert found[0].phase == milesight_json.FALL_PHASES[milesight_json.STATUSES[status]]


def test_the_same_trigger_begins_and_ends_as_two_events() -> None:
    def key(status: int) -> str | None:
        info = {"device_sn": "S1", "time": "2026-03-01 03:00:00"}
        message = {"device_info": info, "trigger_data": {"event": 3, "trigger_id": 7, "status": status}}
        return read(message, "vs373/report")[0].event_id

    assert key(1) == key(1)
    assert key(1) != key(2)


SEEDS = [
    {"type": 5, "payload": {"status": "fall_detected", "timestamp": 1772330400000, "deviceId": "d"}},
    {"type": 4, "payload": {"presenceDetected": True, "timestamp": 1772330400000}},
    {"fall_status": 1, "presence": 1, "heart_rate": 60},
    {"device_info": {"device_sn": "S"}, "trigger_data": {"event": 0, "status": 1, "trigger_id": 4}},
]


@given(st.data())
def test_damaged_messages_give_readings_or_a_reason(data: st.DataObject) -> None:
    message = json.loads(json.dumps(data.draw(st.sampled_from(SEEDS))))
    target = message
    key = data.draw(st.sampled_from(sorted(target)))
    if isinstance(target[key], dict) and data.draw(st.booleans()):
        target = target[key]
        key = data.draw(st.sampled_from(sorted(target)))
    target[key] = data.draw(JSON)
    payload = bytearray(json.dumps(message).encode())
    if data.draw(st.booleans()):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    topic = data.draw(st.sampled_from([TOPIC, "radar/x/events", "elsewhere"]))
    model = data.draw(st.sampled_from([None, "seeed/mr24fdb1"]))
    found = readings_or_reason(radar.decode, frame(topic, bytes(payload)), model)
    assert isinstance(found, UnreadableError) or found


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        (TOPIC, "id_X"),
        ("radar/x/state", "x"),
        ("/radar/x/state", None),
        ("devices/x/events", None),
        ("/devices//events", None),
        ("radar/x", None),
        ("", None),
    ],
)
def test_addresses(topic: str, address: str | None) -> None:
    assert radar.address_of(topic) == address


def test_the_topic_names_the_sensor_before_its_message_does() -> None:
    message = Frame(
        topic=TOPIC,
        payload=b'{"type":5,"payload":{"status":"fall_detected","deviceId":"other"}}',
        received_at=frame("", b"").received_at,
    )
    assert [reading.device for reading in radar.decode(message)] == ["id_X"]
