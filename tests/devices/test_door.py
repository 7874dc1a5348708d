"""What is refused at the door, by its named reason, with field, value and expectation."""

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from devices import door
from devices.errors import UnreadableError, Why
from devices.registry import FORMATS, Format, decode
from tests.devices.cases import frame

POSITION = "telecare/haven/gps-r01/position"
GOOD = {"v": 1, "id": "p", "lon": 14.5, "lat": 35.9}


def refusal(payload: bytes, topic: str = POSITION, name: str = "native") -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        decode(name, frame(topic, payload))
    return caught.value


def with_raw(field: str, raw: str) -> bytes:
    rest = json.dumps({key: value for key, value in GOOD.items() if key != field})
    return f'{rest[:-1]}, "{field}": {raw}}}'.encode()


@pytest.mark.parametrize(
    ("field", "raw", "why"),
    [
        ("lon", "NaN", Why.NOT_FINITE),
        ("lon", "Infinity", Why.NOT_FINITE),
        ("lon", "-Infinity", Why.NOT_FINITE),
        ("lon", "1e400", Why.NOT_FINITE),
        ("lon", "-1e400", Why.NOT_FINITE),
        ("lon", "true", Why.WRONG_TYPE),
        ("lon", '"14.5"', Why.WRONG_TYPE),
        ("lon", "null", Why.WRONG_TYPE),
        ("lon", "[14.5]", Why.WRONG_TYPE),
        ("lon", "180.0001", Why.BAD_POSITION),
        ("lat", "-90.0001", Why.BAD_POSITION),
        ("lon", "9223372036854775808", Why.BIG_INTEGER),
        ("lon", "-9223372036854775809", Why.BIG_INTEGER),
        ("lon", "9" * 5000, Why.BIG_INTEGER),
        ("id", r'"\ud800"', Why.LONE_SURROGATE),
        ("id", r'"\uDfff!"', Why.LONE_SURROGATE),
        ("id", "7", Why.WRONG_TYPE),
        ("id", '"' + "x" * 129 + '"', Why.OUT_OF_RANGE),
        ("accuracy_m", "-1", Why.OUT_OF_RANGE),
        ("course_deg", "361", Why.OUT_OF_RANGE),
        ("source", '"stars"', Why.OUT_OF_RANGE),
        ("t", '"2026-03-01T08:00:00"', Why.BAD_TIME),
        ("t", '"2026-03-01"', Why.BAD_TIME),
        ("t", '"noon"', Why.BAD_TIME),
        ("t", '"10000-01-01T00:00:00Z"', Why.BAD_TIME),
        ("t", '"1969-12-31T23:59:59Z"', Why.BAD_TIME),
        ("t", '"0001-01-01T00:00:00+14:00"', Why.BAD_TIME),
        ("t", '"9999-12-31T23:59:59-14:00"', Why.BAD_TIME),
        ("t", "-1", Why.BAD_TIME),
        ("t", "253402300800000", Why.BAD_TIME),
        ("t", "1.5", Why.BAD_TIME),
        ("t", "true", Why.WRONG_TYPE),
        ("t", "9223372036854775808", Why.BIG_INTEGER),
        ("fixed_at", '"1969-12-31T23:59:59Z"', Why.BAD_TIME),
    ],
)
def test_a_bad_field_is_named_with_its_reason(field: str, raw: str, why: Why) -> None:
    error = refusal(with_raw(field, raw))
    assert (error.why, error.field) == (why, field)
    assert "expected" in error.detail
    assert len(error.detail) < 200
    assert field in str(error)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", Why.NOT_JSON),
        (b"hello", Why.NOT_JSON),
        (b'{"v":1', Why.NOT_JSON),
        (b'{"v":1} x', Why.NOT_JSON),
        (b"\xef\xbb\xbf{}", Why.NOT_JSON),
        (json.dumps(GOOD).encode("utf-16"), Why.NOT_UTF8),
        (b'{"v":1,"id":"caf\xe9","lon":1,"lat":1}', Why.NOT_UTF8),
        (b"[]", Why.NOT_AN_OBJECT),
        (b"null", Why.NOT_AN_OBJECT),
        (b"7", Why.NOT_AN_OBJECT),
        (b'"text"', Why.NOT_AN_OBJECT),
        (b" " * (door.MAX_BYTES + 1), Why.TOO_LARGE),
        (b"[" * 60_000, Why.TOO_DEEP),
    ],
)
def test_a_bad_payload_is_named_with_its_reason(payload: bytes, why: Why) -> None:
    error = refusal(payload)
    assert (error.why, error.field) == (why, None)
    assert "expected" in error.detail


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("[" * 32 + "]" * 32, Why.TOO_DEEP),  # 33 levels with the message's own
        ('{"a":' * 40 + "1" + "}" * 40, Why.TOO_DEEP),
        (r'"\ud800"', Why.LONE_SURROGATE),
        (r'"\udc00 "', Why.LONE_SURROGATE),
        (r'"\ud800\u0041"', Why.LONE_SURROGATE),
        (r'["\ud800abcdef"]', Why.LONE_SURROGATE),
        (r'{"\udead": 1}', Why.LONE_SURROGATE),
        ("NaN", Why.NOT_FINITE),
    ],
)
def test_a_field_that_nobody_asked_for_is_checked_too(raw: str, why: Why) -> None:
    assert refusal(with_raw("skipped", raw)).why is why


def test_bytes_that_are_no_text_in_a_field_that_nobody_asked_for() -> None:
    assert refusal(with_raw("skipped", '"?"').replace(b"?", b"\xff")).why is Why.NOT_UTF8


@pytest.mark.parametrize(
    "raw",
    [
        "[" * 31 + "]" * 31,  # 32 levels with the message's own
        json.dumps("[{" * 100),
        json.dumps('"[' * 100 + "\\"),
        ", ".join(["[]"] * 100).join("[]"),
        r'"\ud83d\ude00"',
        r'"\\ud800"',
    ],
)
def test_what_only_looks_dangerous_is_read(raw: str) -> None:
    assert len(decode("native", frame(POSITION, with_raw("skipped", raw)))) == 1


def test_the_largest_payload_is_read_and_one_byte_more_is_not() -> None:
    payload = json.dumps(GOOD).encode()
    assert decode("native", frame(POSITION, payload.ljust(door.MAX_BYTES)))
    assert refusal(payload.ljust(door.MAX_BYTES + 1)).why is Why.TOO_LARGE


def test_a_long_value_is_shortened() -> None:
    detail = refusal(with_raw("lon", json.dumps("x" * 5000))).detail
    assert '"xxx' in detail
    assert "..." in detail
    assert len(detail) < 120


def test_refusing_the_largest_bomb_takes_little_memory() -> None:
    bomb = (b'{"a":[' * 20_000)[: door.MAX_BYTES]
    tracemalloc.start()
    try:
        assert refusal(bomb).why is Why.TOO_DEEP
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_untyped_reading_for_formats_without_fixed_fields() -> None:
    assert door.untyped(b'{"a":{"b":[1,2.5,"x",null,true]}}') == {"a": {"b": [1, 2.5, "x", None, True]}}
    for payload, why, field in (
        (b'{"a":{"b":[1,9223372036854775808]}}', Why.BIG_INTEGER, "a.b[1]"),
        (b'{"a":{"b":1e400}}', Why.NOT_FINITE, "a.b"),
        (b"[]", Why.NOT_AN_OBJECT, None),
    ):
        with pytest.raises(UnreadableError) as caught:
            door.untyped(payload)
        assert (caught.value.why, caught.value.field) == (why, field)


def test_a_path_inside_a_list_of_objects() -> None:
    class Inner(msgspec.Struct):
        x: int

    class Outer(msgspec.Struct):
        items: list[Inner]

    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Outer)
    for payload, why, field in (
        (b'{"items":[{"x":1},{"x":"a"}]}', Why.WRONG_TYPE, "items[1].x"),
        (b'{"items":[{"x":1},{}]}', Why.MISSING_FIELD, "items[1].x"),
        (b'{"items":[7]}', Why.WRONG_TYPE, "items[0]"),
    ):
        with pytest.raises(UnreadableError) as caught:
            door.read(decoder, payload)
        assert (caught.value.why, caught.value.field) == (why, field)


def test_a_long_path_is_shortened() -> None:
    error = refusal(b'{"' + b"k" * 5000 + b'": NaN}')
    assert error.why is Why.NOT_FINITE
    assert error.field is not None
    assert len(error.field) == 100
    assert len(str(error)) < 200


@pytest.mark.parametrize(
    "payload",
    [
        b'{"device":{"uniqueId":"d"},"position":{"latitude":"x","longitude":1},"position":{}}',
        b'{"device":{"uniqueId":"d"},"position":{"latitude":"x","longitude":1},"position":[]}',
        b'{"device":{"uniqueId":7},"device":"d"}',
    ],
)
def test_a_key_that_stands_twice(payload: bytes) -> None:
    assert refusal(payload, "traccar/positions", "traccar").why is Why.WRONG_TYPE


@pytest.mark.parametrize("payload", [b"]" * 500 + b"[" * 500, b'"' + b"[" * 50, b'"\\', b"{" * 33, b"[}]" * 40])
def test_brackets_that_do_not_pair(payload: bytes) -> None:
    assert refusal(payload).why in (Why.NOT_JSON, Why.TOO_DEEP)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_no_nested_payload_gets_past_the_refusal(form: Format) -> None:
    deep = 100_000
    topics = [name.replace("+", "a").replace("#", "b") for name in (*form.alarm_topics, *form.telemetry_topics)]
    for payload in (b"[" * deep, b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep):
        for topic in topics or ["any/topic"]:
            with pytest.raises(UnreadableError) as refused:
                decode(form.name, frame(topic, payload))
            assert refused.value.why is not Why.DECODER_FAILED
