"""OwnTracks, on recorded payloads and on its odd corners; the ordinary cases are in tests/vectors."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import owntracks
from devices.errors import UnreadableError, Why
from devices.model import Position, Room, Status
from tests.devices.cases import frame, frame_of, shared

TOPIC = "owntracks/rita/pixel"


def test_recorded_payloads() -> None:
    cases = shared("owntracks")
    assert cases
    for case in cases:
        readings = owntracks.decode(frame_of(case))
        expected = case["expected"]
        match expected["kind"]:
            case "location":
                position = readings[0]
                assert isinstance(position, Position)
                payload = case["payload"]
                assert (position.lon, position.lat) == (payload["lon"], payload["lat"])
                assert position.fixed_at is not None
                assert position.fixed_at.timestamp() == payload["tst"]
                if "accuracy_m" in expected:
                    assert position.accuracy_m == expected["accuracy_m"]
                    batteries = [reading.battery_percent for reading in readings if isinstance(reading, Status)]
                    assert batteries == ([] if expected["battery_pct"] is None else [expected["battery_pct"]])
            case "geofence":
                assert [(type(room), room.room, room.present) for room in readings if isinstance(room, Room)] == [
                    (Room, expected["zone"], expected["event"] == "enter")
                ]
            case "connection_lost":
                assert readings == (Status(device="greg/phone", online=False),)
            case other:
                pytest.fail(f"a recorded payload of a kind that this test does not know: {other}")


@pytest.mark.parametrize("kind", sorted(owntracks.SILENT_TYPES))
def test_types_that_say_nothing_of_a_person(kind: str) -> None:
    assert owntracks.decode(frame(TOPIC, {"_type": kind, "lon": 1, "lat": 2})) == ()


@pytest.mark.parametrize("extra", [{}, {"tst": None}, {"tst": 1}, {"tst": "2"}, {"tst": "never"}, {"tst": [1]}])
def test_a_last_will_is_read_whatever_its_time(extra: dict[str, object]) -> None:
    assert owntracks.decode(frame(TOPIC, {"_type": "lwt", **extra})) == (Status(device="rita/pixel", online=False),)


@pytest.mark.parametrize(("state", "charging"), [(0, None), (1, False), (2, True), (3, True), (9, None)])
def test_battery_states(state: int, charging: bool | None) -> None:
    payload = {"_type": "location", "lon": 14.5, "lat": 35.9, "batt": 50, "bs": state, "tst": 1}
    status = owntracks.decode(frame(TOPIC, payload))[1]
    assert isinstance(status, Status)
    assert status.charging is charging


def test_charging_is_told_without_a_battery_level() -> None:
    payload = {"_type": "location", "lon": 0, "lat": 0, "bs": 2}
    assert owntracks.decode(frame(TOPIC, payload)) == (Status(device="rita/pixel", charging=True),)


def test_the_type_may_stand_last() -> None:
    payload = b'{"lon":14.5,"lat":35.9,"tst":1,"_type":"location"}'
    assert isinstance(owntracks.decode(frame(TOPIC, payload))[0], Position)


def test_a_list_only_under_event_and_only_of_transitions() -> None:
    assert owntracks.decode(frame(f"{TOPIC}/event", [])) == ()
    for payload, why, field in (
        ([{"_type": "location", "lon": 14.5, "lat": 35.9}], Why.OUT_OF_RANGE, "[0]._type"),
        ([7], Why.WRONG_TYPE, "[0]"),
        ([{"_type": "transition", "event": "enter", "tst": "never"}], Why.BAD_TIME, "[0].tst"),
    ):
        with pytest.raises(UnreadableError) as caught:
            owntracks.decode(frame(f"{TOPIC}/event", payload))
        assert (caught.value.why, caught.value.field) == (why, field)


@pytest.mark.parametrize("topic", ["owntracks/rita", "owntracks//pixel", "owntracks/rita/", "own/rita/pixel", ""])
def test_other_topics_are_refused(topic: str) -> None:
    assert owntracks.address_of(topic) is None
    with pytest.raises(UnreadableError) as caught:
        owntracks.decode(frame(topic, {"_type": "lwt"}))
    assert caught.value.why is Why.WRONG_TOPIC


@given(
    st.floats(-180, 180).filter(bool), st.floats(-90, 90), st.none() | st.floats(-1, 1000), st.integers(0, 253402300799)
)
def test_any_place_on_earth_at_any_time(lon: float, lat: float, vel: float | None, tst: int) -> None:
    payload = {"_type": "location", "lon": lon, "lat": lat, "vel": vel, "tst": tst}
    (position,) = owntracks.decode(frame(TOPIC, json.loads(json.dumps(payload))))
    assert isinstance(position, Position)
    assert (position.lon, position.lat) == (lon, lat)
    assert position.observed_at is not None
    assert position.observed_at.timestamp() == tst
    if vel is None or vel < 0:
        assert position.speed_mps is None
    else:
        assert position.speed_mps == pytest.approx(vel / 3.6)
