"""The own contract: round trips, and alarms that survive whatever else is bad in their message."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import native
from devices.errors import UnreadableError, Why
from devices.model import ALARM_KINDS, KINDS, READING_TYPES, Fall, Help, Motion, Position, Reading, kind_of
from devices.native_messages import MESSAGE_TYPES, Message
from tests.devices.cases import frame, plain

TIMES = st.integers(0, 253402300799999).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
PERCENT = st.floats(0, 100)
TEXT = st.text(min_size=1, max_size=40)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "lon": st.floats(-180, 180).filter(bool),
    "lat": st.floats(-90, 90),
    "accuracy_m": st.floats(0.001, 20_000_000),
    "altitude_m": st.floats(-12_000, 100_000),
    "speed_mps": st.floats(0, 1000),
    "course_deg": st.floats(0, 360),
    "steps": st.integers(0, 2**63 - 1),
    "temperature_c": st.floats(-60, 120),
    "respiratory_rate_bpm": st.floats(0, 200),
    "zones_percent": st.lists(PERCENT, max_size=8).map(tuple),
    "room": TEXT,
    "firmware": TEXT,
}


def values_for(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[Any]:
    if field.name in SPECIAL:
        strategy = SPECIAL[field.name]
    elif field.name in ("fixed_at", "start", "end"):
        strategy = TIMES
    elif field.name in ("phase", "stage", "state", "source", "posture"):
        words = [word for option in (field.type, *get_args(field.type)) for word in get_args(option)]
        strategy = st.sampled_from([word for word in words if isinstance(word, str)])
    elif bool in (field.type, *get_args(field.type)):
        strategy = st.booleans()
    else:
        strategy = PERCENT
    if field.default is msgspec.UNSET:
        return st.just(msgspec.UNSET) | strategy
    return strategy if field.required else st.none() | strategy


def readings_of(reading_type: type[Reading]) -> st.SearchStrategy[Reading]:
    fields = {
        field.name: values_for(field)
        for field in msgspec.structs.fields(reading_type)
        if field.name not in ("device", "observed_at", "event_id")
    }
    return st.builds(reading_type, device=st.just("d-1"), observed_at=st.none() | TIMES, event_id=TEXT, **fields)


def as_message(reading: Reading) -> dict[str, Any]:
    data = msgspec.to_builtins(reading)
    renamed = {"v": 1, "id": data.pop("event_id"), "t": data.pop("observed_at")}
    return {**renamed, **{key: value for key, value in data.items() if key not in ("kind", "device")}}


@given(st.one_of([readings_of(reading_type) for reading_type in READING_TYPES]))
def test_what_goes_out_as_a_message_comes_back_as_the_same_reading(reading: Reading) -> None:
    topic = f"telecare/haven/d-1/{kind_of(reading)}"
    assert native.decode(frame(topic, as_message(reading))) == (reading,)


def test_every_kind_has_a_message_with_the_readings_fields() -> None:
    assert tuple(MESSAGE_TYPES) == KINDS
    for reading_type in READING_TYPES:
        kind = str(reading_type.__struct_config__.tag)
        common = {"device", "observed_at", "event_id"}
        of_reading = set(reading_type.__struct_fields__) - common
        of_message = set(MESSAGE_TYPES[kind].__struct_fields__) - set(Message.__struct_fields__)
        of_place = set(Position.__struct_fields__) - common if kind in ALARM_KINDS else set()
        assert of_message == of_reading | of_place


@pytest.mark.parametrize(
    ("reading", "hidden"),
    [(Fall(device="d", phase="detected"), "impact_g"), (Motion(device="d", moving=True), "posture")],
)
def test_what_few_devices_say_is_not_shown_where_it_is_not_said(reading: Reading, hidden: str) -> None:
    assert hidden not in msgspec.to_builtins(reading)
    (again,) = native.decode(
        frame(f"telecare/haven/d/{kind_of(reading)}", {**as_message(reading), "id": "1", hidden: None})
    )
    assert hidden not in msgspec.to_builtins(again)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PLACE_FIELDS = ["lon", "lat", "accuracy_m", "altitude_m", "speed_mps", "course_deg", "fixed_at", "source", "t", "other"]


@given(
    st.sampled_from([("help", Help, "pressed"), ("help", Help, "cancelled"), ("fall", Fall, "detected")]),
    st.dictionaries(st.sampled_from(PLACE_FIELDS), JUNK),
)
def test_no_other_field_can_silence_an_alarm(alarm: tuple[str, type[Reading], str], junk: dict[str, Any]) -> None:
    kind, reading_type, phase = alarm
    payload = json.dumps({**junk, "v": 1, "id": "a-1", "phase": phase})  # writes NaN and half letters too
    first = native.decode(frame(f"telecare/haven/d-1/{kind}", payload.encode()))[0]
    assert type(first) is reading_type
    assert (plain(first)["phase"], first.event_id, first.device) == (phase, "a-1", "d-1")


@pytest.mark.parametrize(
    ("message", "why", "field"),
    [
        ({"v": 1, "phase": "pressed"}, Why.MISSING_FIELD, "id"),
        ({"v": 1, "id": "a", "lon": "x"}, Why.WRONG_TYPE, "lon"),
        ({"v": 1, "id": "a"}, Why.MISSING_FIELD, "phase"),
        ({"id": "a", "phase": "pressed"}, Why.MISSING_FIELD, "v"),
        ({"v": 1, "id": "\ud800", "phase": "pressed"}, Why.LONE_SURROGATE, "id"),
        ({"v": 1, "id": "a", "phase": "detected"}, Why.OUT_OF_RANGE, "phase"),
    ],
)
def test_an_alarm_that_cannot_be_read_says_why(message: dict[str, Any], why: Why, field: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        native.decode(frame("telecare/haven/d-1/help", message))
    assert (caught.value.why, caught.value.field) == (why, field)


def test_an_alarm_with_bytes_that_are_no_text_elsewhere_is_told() -> None:
    payload = b'{"v":1,"id":"a","phase":"pressed","note":"caf\xe9"}'
    assert [kind_of(reading) for reading in native.decode(frame("telecare/haven/d-1/help", payload))] == ["help"]
    with pytest.raises(UnreadableError):
        native.decode(frame("telecare/haven/d-1/help", payload.replace(b'"a"', b'"\xe9"')))


@pytest.mark.parametrize(
    "place", [{"lon": 14.5}, {"lat": 35.9}, {"lon": 14.5, "lat": 35.9, "fixed_at": "1950-01-01T00:00:00Z"}]
)
def test_half_a_place_is_none(place: dict[str, Any]) -> None:
    message = {"v": 1, "id": "a", "phase": "pressed", **place}
    assert [kind_of(reading) for reading in native.decode(frame("telecare/haven/d-1/help", message))] == ["help"]


@pytest.mark.parametrize(
    "topic",
    ["telecare/haven/d-1", "telecare/haven/d-1/position/x", "telecare//d-1/position", "telecare/haven//position",
     "tele/haven/d-1/position", "", "telecare/haven/d-1/position/"],
)  # fmt: skip
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        native.decode(frame(topic, {"v": 1, "id": "a", "lon": 14.5, "lat": 35.9}))
    assert caught.value.why is Why.WRONG_TOPIC


@pytest.mark.parametrize("kind", ["ack", "command", "Position", ""])
def test_what_the_gateway_itself_publishes_is_no_kind(kind: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        native.decode(frame(f"telecare/haven/d-1/{kind}", {"v": 1, "id": "a"}))
    assert caught.value.why is Why.UNKNOWN_KIND


def test_the_address_is_in_the_topic() -> None:
    assert native.address_of("telecare/haven/d-1/help") == "d-1"
    assert native.address_of("telecare/haven/d-1") is None
    assert native.address_of("owntracks/haven/d-1/help") is None
