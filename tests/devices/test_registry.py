"""The registry refuses ambiguity, and every format keeps the promises that all of them make."""

import json
import re
from datetime import UTC, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices import registry, topics
from devices.errors import AmbiguousFormatError, UnreadableError, Why
from devices.model import READING_TYPES, Frame, Reading
from devices.registry import FORMATS, Format, decode
from tests.devices.cases import RECEIVED_AT, frame

EVERY_FORMAT = pytest.mark.parametrize("form", [pytest.param(form, id=form.name) for form in FORMATS])


def topic_of(topic_filter: str) -> str:
    return topic_filter.replace("+", "x").replace("#", "y")


def example_topics(form: Format) -> list[str]:
    return [topic_of(topic_filter) for topic_filter in (*form.telemetry_topics, *form.alarm_topics)]


def nothing(_frame: Frame, _model: str | None) -> tuple[Reading, ...]:
    return ()


def form(name: str, *telemetry: str, alarms: tuple[str, ...] = ()) -> Format:
    return Format(
        name=name,
        title=name,
        decode=nothing,
        address_of=lambda _: None,
        telemetry_topics=telemetry,
        alarm_topics=alarms,
    )


@pytest.mark.parametrize(
    "formats",
    [
        (form("a", "x"), form("a", "y")),
        (form("a", "x/+"), form("b", "+/y")),
        (form("a", "x/#"), form("b", "x")),
        (form("a", "x/+"), form("b", "y", alarms=("x/z",))),
        (form("a", "x/y", alarms=("x/+",)),),
        (form("a", "x/#/y"),),
        (form("a", "x+"),),
        (form("a", ""),),
    ],
)
def test_ambiguity_is_refused(formats: tuple[Format, ...]) -> None:
    with pytest.raises(AmbiguousFormatError):
        registry.refuse_ambiguity(formats)


def test_formats_side_by_side_are_fine() -> None:
    registry.refuse_ambiguity(FORMATS)
    registry.refuse_ambiguity((form("a", "x/+", alarms=("y/+",)), form("b", "x/+/z"), form("c")))


@pytest.mark.parametrize(
    ("topic_filter", "topic", "result"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("+/+", "/b", True),
        ("+", "/b", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("$SYS/+", "$SYS/x", True),
        ("a/b/c", "a/b", False),
    ],
)
def test_what_a_filter_matches(topic_filter: str, topic: str, result: bool) -> None:
    assert topics.matches(topic_filter, topic) is result


LEVEL = st.sampled_from(["a", "b", "", "+"])
TOPIC_FILTERS = st.builds(
    lambda levels, tail: "/".join([*levels, *tail]),
    st.lists(LEVEL, min_size=1, max_size=3),
    st.sampled_from([[], ["#"]]),
)
TOPICS = st.lists(st.sampled_from(["a", "b", "", "$x"]), min_size=1, max_size=4).map("/".join)


@given(TOPIC_FILTERS, TOPIC_FILTERS, TOPICS)
@example("$x/a", "+/a", "$x/a")
@example("#", "$x/#", "$x")
def test_two_filters_that_match_one_topic_overlap(one: str, other: str, topic: str) -> None:
    if topics.matches(one, topic) and topics.matches(other, topic):
        assert topics.overlap(one, other)
        assert topics.overlap(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a/+", "b/+"), ("a/b", "a/b/c"), ("a/+", "a/+/c"), ("$x/a", "+/a"), ("#", "$x/#"), ("a/#", "b/#")],
)
def test_filters_that_never_meet(one: str, other: str) -> None:
    assert not topics.overlap(one, other)
    assert not topics.overlap(other, one)


def test_finding_a_format() -> None:
    for form_ in FORMATS:
        assert registry.find(form_.name) is form_
    for call in (lambda: registry.find("fax"), lambda: registry.decode("fax", frame("x", b""))):
        with pytest.raises(UnreadableError, match="native, owntracks, traccar") as caught:
            call()
        assert caught.value.why is Why.UNKNOWN_FORMAT


def test_the_format_of_a_topic() -> None:
    for form_ in FORMATS:
        for topic in example_topics(form_):
            assert registry.of_topic(topic) is form_
    for topic in ("telecare/haven/d-1/ack", "telecare/haven/d-1/command", "owntracks/rita", "x", "", "$SYS/broker"):
        assert registry.of_topic(topic) is None


def test_a_decoder_that_fails_is_a_named_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_frame: Frame, _model: str | None) -> tuple[Reading, ...]:
        raise ZeroDivisionError

    broken = Format(name="broken", title="", decode=fail, address_of=lambda _: None)
    monkeypatch.setitem(registry._BY_NAME, "broken", broken)
    with pytest.raises(UnreadableError, match="ZeroDivisionError") as caught:
        registry.decode("broken", frame("x", b""))
    assert caught.value.why is Why.DECODER_FAILED


@EVERY_FORMAT
def test_a_name_a_title_and_topics(form: Format) -> None:
    assert re.fullmatch(r"[a-z0-9]+", form.name)
    assert form.title
    assert form.telemetry_topics or form.alarm_topics
    for topic in example_topics(form):
        assert form.is_alarm(topic) == any(topics.matches(alarm, topic) for alarm in form.alarm_topics)
    assert not form.is_alarm("nowhere/at/all")
    assert form.address_of("nowhere/at/all") is None


def refused(form: Format, topic: str, payload: bytes) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        form.decode(frame(topic, payload), None)
    return caught.value


@EVERY_FORMAT
@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", Why.NOT_JSON),
        (b"\x00\x01\x02", Why.NOT_JSON),
        (b"\xff\xfe{}", Why.NOT_UTF8),
        (b'{"a":1}' * 150_000, Why.TOO_LARGE),
        (b"[" * 50_000, Why.TOO_DEEP),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Why.TOO_DEEP),
        (b"7", Why.NOT_AN_OBJECT),
    ],
    ids=["empty", "garbage", "not UTF-8", "1 MB", "deep lists", "deep objects", "a number"],
)
def test_bad_payloads_are_refused_by_every_format(form: Format, payload: bytes, why: Why) -> None:
    for topic in example_topics(form):
        is_text = any(topics.matches(text, topic) for text in form.text_topics)
        if is_text and why is Why.NOT_AN_OBJECT:
            continue  # a number is a state
        assert refused(form, topic, payload).why is why


def outcome_of(form: Format, frame_: Frame, model: str | None) -> tuple[Reading, ...] | UnreadableError:
    try:
        return form.decode(frame_, model)
    except UnreadableError as error:
        return error


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SEEDS = [
    b'{"v":1,"id":"a","t":1,"phase":"pressed","lon":1,"lat":2}',
    b'{"_type":"location","lon":1,"lat":2,"tst":"3","batt":4}',
    b'{"_type":"transition","event":"enter","desc":"x","tst":3}',
    json.dumps(
        {
            "event": {
                "id": 1,
                "type": "alarm",
                "eventTime": "2026-03-01T08:00:00Z",
                "attributes": {"alarm": "sos,fallDown"},
            },
            "position": {"id": 2, "latitude": 1, "longitude": 2, "valid": True, "fixTime": 1, "attributes": {}},
            "device": {"uniqueId": "d"},
        }
    ).encode(),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message with some bytes changed, or one of its values replaced by any JSON."""
    seed = draw(st.sampled_from(SEEDS))
    if draw(st.booleans()):
        data = bytearray(seed)
        for _ in range(draw(st.integers(1, 4))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        return bytes(data)
    message: dict[str, Any] = json.loads(seed)
    target = message
    for _ in range(2):
        key = draw(st.sampled_from(sorted(target)))
        if isinstance(target[key], dict) and target[key] and draw(st.booleans()):
            target = target[key]
    target[draw(st.sampled_from(sorted(target)))] = draw(JSON)
    return json.dumps(message).encode()


@EVERY_FORMAT
@given(payload=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | damaged(), data=st.data())
def test_whatever_comes_in_gives_readings_or_an_unreadable_error(
    form: Format, payload: bytes, data: st.DataObject
) -> None:
    topic = data.draw(st.sampled_from(example_topics(form)) | st.text(max_size=30))
    outcome = outcome_of(form, frame(topic, payload), data.draw(st.none() | st.text(max_size=10)))
    if isinstance(outcome, UnreadableError):
        assert outcome.why in Why
        assert outcome.why is not Why.DECODER_FAILED
        assert "expected" in outcome.detail
        assert len(str(outcome)) < 500
        assert str(outcome).encode()  # can be stored
        return
    for reading in outcome:
        assert isinstance(reading, READING_TYPES)
        assert reading.device
        assert reading.observed_at is None or reading.observed_at.tzinfo is UTC
        assert msgspec.json.encode(reading)


# --- times ahead, and nothing at all -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "topic", "payload"),
    [
        ("native", "telecare/haven/sos/help", {"v": 1, "id": "a", "phase": "pressed", "t": "2199-01-01T00:00:00Z"}),
        (
            "native",
            "telecare/haven/gps/position",
            {"v": 1, "id": "a", "lon": 14.5, "lat": 35.9, "t": 4_102_444_800_000},
        ),
        ("owntracks", "owntracks/rita/pixel", {"_type": "location", "lon": 14.5, "lat": 35.9, "tst": 4_102_444_800}),
    ],
)
def test_a_time_in_the_far_future_is_none(form: str, topic: str, payload: dict[str, object]) -> None:
    for reading in decode(form, frame(topic, payload)):
        assert reading.observed_at is None
        assert getattr(reading, "fixed_at", None) is None


def test_a_clock_that_is_an_hour_ahead_keeps_its_time() -> None:
    at = RECEIVED_AT + timedelta(hours=1)
    payload = {"v": 1, "id": "a", "phase": "pressed", "t": at.isoformat()}
    [reading] = decode("native", frame("telecare/haven/sos/help", payload))
    assert reading.observed_at == at


@EVERY_FORMAT
def test_an_empty_payload_is_nothing_or_refused(form: Format) -> None:
    """Nothing where it takes a kept state back; elsewhere nobody knows what it was meant to be."""
    message = frame(next(iter(example_topics(form)), "a/b"), b"")
    if form.empty_says_nothing:
        assert decode(form.name, message) == ()
    else:
        with pytest.raises(UnreadableError):
            decode(form.name, message)
