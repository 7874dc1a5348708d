"""Traccar, on recorded payloads and on what the same alarm looks like by its two ways."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import traccar, traccar_words
from devices.errors import UnreadableError, Why
from devices.model import Fall, Help, Position, Reading, Room, Status, kind_of
from tests.devices.cases import frame, frame_of, shared

POSITION: dict[str, Any] = {
    "id": 0,
    "serverTime": "2026-03-01T08:00:02.000+00:00",
    "deviceTime": "2026-03-01T08:00:01.000+00:00",
    "fixTime": "2026-03-01T08:00:00.000+00:00",
    "valid": True,
    "latitude": 35.9,
    "longitude": 14.48,
    "attributes": {},
}
DEVICE = {"id": 1, "uniqueId": "864"}


def decode(**message: Any) -> tuple[Reading, ...]:
    return traccar.decode(frame("traccar/events", {"device": DEVICE, **message}))


def position(**fields: Any) -> dict[str, Any]:
    return {**POSITION, **fields}


@pytest.mark.parametrize("name", ["traccar-position", "traccar-event"])
def test_recorded_payloads(name: str) -> None:
    cases = shared(name)
    assert len(cases) > 100
    for case in cases:
        readings = traccar.decode(frame_of(case))
        expected = case["expected"]
        assert {reading.device for reading in readings} == {expected["device"]}
        # An event names one alarm; the position inside may carry more, and these count too.
        words = {*expected["alarms"], *case["payload"]["position"]["attributes"].get("alarm", "").split(",")}
        assert any(isinstance(reading, Help) for reading in readings) == ("sos" in words)
        assert any(isinstance(reading, Fall) for reading in readings) == ("fallDown" in words)
        status = readings[-1]
        assert isinstance(status, Status)
        battery = expected["battery_percent"]
        assert status.battery_percent == (battery if battery is not None and battery <= 100 else None)
        positions = [reading for reading in readings if isinstance(reading, Position)]
        is_place = expected["valid"] and (expected["longitude"], expected["latitude"]) != (0, 0)
        assert len(positions) == is_place
        for fix in positions:
            assert (fix.lon, fix.lat) == (expected["longitude"], expected["latitude"])
            assert fix.speed_mps == pytest.approx(expected["speed_mps"], abs=0.001)
            assert (fix.fixed_at is None) == (expected["fix_time"] is None)


@pytest.mark.parametrize("word", ["sos", "fallDown"])
def test_the_same_alarm_by_both_ways_is_one_event_and_a_second_press_another(word: str) -> None:
    event = {"id": 5, "type": "alarm", "attributes": {"alarm": word}}
    attributes = {"alarm": word}
    by_event = decode(event=event, position=position(id=77, attributes=attributes))[0]
    by_position = decode(position=position(id=0, attributes=attributes))[0]
    assert by_event == by_position
    assert by_event.event_id is not None
    again = decode(position=position(id=0, attributes=attributes, serverTime="2026-03-01T08:00:05.000+00:00"))[0]
    assert again.event_id != by_event.event_id
    other = traccar.decode(
        frame("traccar/positions", {"device": {"uniqueId": "999"}, "position": position(attributes=attributes)})
    )[0]
    assert other.event_id != by_event.event_id


def test_an_alarm_saved_from_a_bad_message_keeps_its_event_id() -> None:
    good = decode(position=position(attributes={"alarm": "sos"}))[0]
    saved = decode(position=position(latitude="?", attributes={"alarm": "sos"}))
    assert saved == (good,)


def test_event_ids_without_times_come_from_the_numbers_and_0_is_no_number() -> None:
    timeless = position(deviceTime=None, fixTime=None, attributes={"alarm": "sos"})
    assert decode(position={**timeless, "id": 9})[0].event_id == "864:position-9:sos"
    assert decode(position=timeless, event={"id": 4, "type": "alarm"})[0].event_id == "864:event-4:sos"
    assert decode(position=timeless)[0].event_id is None
    assert decode(event={"id": 0, "type": "alarm", "attributes": {"alarm": "sos"}})[0].event_id is None


def test_alarms_of_the_event_and_of_the_position_are_put_together() -> None:
    event = {"id": 5, "type": "alarm", "attributes": {"alarm": "sos"}}
    readings = decode(event=event, position=position(attributes={"alarm": " fallDown , lowBattery,sos"}))
    assert [kind_of(reading) for reading in readings] == ["help", "fall", "position", "status"]
    assert readings[-1] == Status(
        device="864", observed_at=readings[0].observed_at, event_id=readings[-1].event_id, low_battery=True
    )


@pytest.mark.parametrize("word", sorted(traccar_words.STATUS_OF_ALARM))
def test_words_of_the_device_are_in_its_status(word: str) -> None:
    status = decode(event={"id": 5, "type": "alarm", "attributes": {"alarm": word}})[-1]
    for field, value in traccar_words.STATUS_OF_ALARM[word].items():
        assert getattr(status, field) is value


@pytest.mark.parametrize("word", [*sorted(traccar_words.PASSED_OVER_ALARMS), "never heard of"])
def test_other_words_give_the_status_only(word: str) -> None:
    readings = decode(event={"id": 5, "type": "alarm", "attributes": {"alarm": word}})
    assert readings == (Status(device="864", event_id="864:event-5"),)


@pytest.mark.parametrize("attributes", [None, {}, {"alarm": None}, {"alarm": ""}, {"alarm": ",,"}, {"alarm": []}])
def test_an_alarm_without_a_word_is_refused(attributes: dict[str, Any] | None) -> None:
    for kind in ("alarm", "ALARM"):
        with pytest.raises(UnreadableError) as caught:
            decode(event={"id": 5, "type": kind, "attributes": attributes})
        assert (caught.value.why, caught.value.field) == (Why.MISSING_FIELD, "event.attributes.alarm")
    sos = position(attributes={"alarm": "sos"})
    assert isinstance(decode(event={"type": "alarm", "attributes": attributes}, position=sos)[0], Help)


@pytest.mark.parametrize("alarm", ["SOS,falldown", "fall_down;panic", ["sos", "fallDown"], "man-down, emergency"])
def test_alarms_in_the_spelling_of_servers_between(alarm: Any) -> None:
    for sender in (
        {"event": {"type": "alarm", "attributes": {"alarm": alarm}}},
        {"position": position(attributes={"alarm": alarm})},
    ):
        for broken in ({}, {"geofence": 7}):  # the latter is told by what can be saved
            assert {type(reading) for reading in decode(**sender, **broken)} >= {Help, Fall}


def test_a_word_has_one_meaning() -> None:
    taken, passed = set(traccar_words.STATUS_OF_ALARM), traccar_words.PASSED_OVER_ALARMS
    assert not taken & passed
    assert not traccar_words.LIFE_SAFETY_WORDS & (taken | passed)


@pytest.mark.parametrize(
    ("event_type", "online"),
    [
        ("deviceOnline", True),
        ("deviceOffline", False),
        ("deviceUnknown", False),
        ("deviceInactive", False),
        ("deviceMoving", None),
    ],
)
def test_events_that_say_whether_the_device_is_there(event_type: str, online: bool | None) -> None:
    (status,) = decode(event={"id": 5, "type": event_type, "eventTime": "2026-03-01T08:00:00Z"})
    assert isinstance(status, Status)
    assert status.online is online
    assert status.observed_at is not None


def test_a_status_that_an_event_adds_to_is_another_event_than_the_positions() -> None:
    lost = decode(event={"id": 5, "type": "deviceOffline"}, position=position())[-1]
    plain = decode(position=position())[-1]
    assert (lost.event_id, plain.event_id) == ("864:event-5", "864:1772352002000:1772352001000")


def test_two_regions_entered_at_one_position_are_two_events() -> None:
    rooms = [
        decode(
            event={"id": number, "type": "geofenceEnter", "geofenceId": number},
            position=position(),
            geofence={"name": name},
        )[1]
        for number, name in ((5, "Garden"), (6, None))
    ]
    assert [(type(room), room.room) for room in rooms if isinstance(room, Room)] == [(Room, "Garden"), (Room, "6")]
    assert rooms[0].event_id != rooms[1].event_id


@pytest.mark.parametrize("fields", [{"valid": False}, {"latitude": 0.0, "longitude": 0.0}])
def test_without_a_fix_the_rest_still_comes(fields: dict[str, Any]) -> None:
    attributes = {"alarm": "sos", "batteryLevel": 30, "steps": 4}
    readings = decode(position=position(attributes=attributes, **fields))
    assert [kind_of(reading) for reading in readings] == ["help", "motion", "status"]


def test_an_outdated_fix_keeps_its_own_old_time() -> None:
    old = position(fixTime="2026-02-28T20:00:00.000+00:00", outdated=True)
    fix = decode(position=old)[0]
    assert isinstance(fix, Position)
    assert str(fix.fixed_at) == "2026-02-28 20:00:00+00:00"
    assert str(fix.observed_at) == "2026-03-01 08:00:01+00:00"


@pytest.mark.parametrize("value", [-1, 101, 255, True, "80", None, [], {}])
def test_an_attribute_that_makes_no_sense_says_nothing(value: Any) -> None:
    status = decode(position=position(attributes={"batteryLevel": value}))[-1]
    assert isinstance(status, Status)
    assert status.battery_percent is None


def test_speed_is_in_knots_and_a_course_at_rest_is_none() -> None:
    moving = decode(position=position(speed=10, course=0))[0]
    resting = decode(position=position(speed=0, course=0))[0]
    assert isinstance(moving, Position)
    assert isinstance(resting, Position)
    assert moving.speed_mps == pytest.approx(5.14444, abs=1e-5)
    assert (moving.course_deg, resting.course_deg) == (0, None)


@pytest.mark.parametrize(
    ("fields", "why", "field"),
    [
        ({"latitude": 91}, Why.BAD_POSITION, "position"),
        ({"latitude": None}, Why.WRONG_TYPE, "position.latitude"),
        ({"latitude": True}, Why.WRONG_TYPE, "position.latitude"),
        ({"latitude": "NaN"}, Why.WRONG_TYPE, "position.latitude"),
        ({"speed": True}, Why.WRONG_TYPE, "position.speed"),
        ({"speed": "fast"}, Why.WRONG_TYPE, "position.speed"),
        ({"course": 400}, Why.OUT_OF_RANGE, "position.course"),
        ({"deviceTime": "2026-03-01T08:00:00"}, Why.BAD_TIME, "position.deviceTime"),
        ({"deviceTime": -1}, Why.BAD_TIME, "position.deviceTime"),
        ({"fixTime": 10**30}, Why.BAD_TIME, "position.fixTime"),
        ({"attributes": {"alarm": [["sos"]]}}, Why.WRONG_TYPE, "position.attributes.alarm"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], why: Why, field: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        decode(position=position(**fields))
    assert (caught.value.why, caught.value.field) == (why, field)


@pytest.mark.parametrize("unique_id", ["", "\ud800", None, 864])
def test_an_alarm_of_no_known_device_is_refused(unique_id: Any) -> None:
    message = {"device": {"uniqueId": unique_id}, "position": position(attributes={"alarm": "sos"})}
    with pytest.raises(UnreadableError):
        traccar.decode(frame("traccar/events", message))


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
FIELDS = ["latitude", "longitude", "valid", "id", "serverTime", "deviceTime", "fixTime", "altitude", "speed", "course"]


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK), st.dictionaries(st.sampled_from(["name", "status", "id"]), JUNK))
def test_no_other_field_can_silence_an_sos(junk: dict[str, Any], of_device: dict[str, Any]) -> None:
    message = {"device": {**of_device, **DEVICE}, "position": {**POSITION, **junk, "attributes": {"alarm": "a,sos"}}}
    readings = traccar.decode(frame("traccar/positions", json.dumps(message).encode()))
    assert isinstance(readings[0], Help)
    assert readings[0].device == "864"
