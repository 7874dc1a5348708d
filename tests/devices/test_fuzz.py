"""What holds of every format whatever comes in: damaged messages, and alarms in any company."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import topics
from devices.errors import UnreadableError, Why
from devices.model import READING_TYPES, Fall, Frame, Help, Position, Reading
from devices.registry import AHEAD, FORMATS, Format, decode
from tests.devices.cases import RECEIVED_AT, frame
from tests.devices.damage import ALARMS, cases_of, damaged, encoded, in_company, texts_of

EVERY_FORMAT = pytest.mark.parametrize("form", [pytest.param(form, id=form.name) for form in FORMATS])
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def outcome(form: Format, message: Frame, model: str | None) -> tuple[Reading, ...] | UnreadableError:
    """The readings or the reason, both of the sort that all formats promise, and the same every time."""
    first, again = (_outcome(form, message, model) for _ in range(2))
    if isinstance(first, UnreadableError):
        assert first.why is not Why.DECODER_FAILED, first.__cause__
        assert "expected" in first.detail
        assert len(str(first)) < 700
        assert str(first).encode()
        assert str(first) == str(again)
        return first
    assert first == again
    for reading in first:
        check(form, reading)
    return first


def _outcome(form: Format, message: Frame, model: str | None) -> tuple[Reading, ...] | UnreadableError:
    try:
        return decode(form.name, message, model)
    except UnreadableError as error:
        return error


def check(form: Format, reading: Reading) -> None:
    assert isinstance(reading, READING_TYPES)
    assert reading.device
    assert msgspec.json.encode(reading)  # whole text
    for value in msgspec.structs.astuple(reading):
        for one in value if isinstance(value, tuple) else (value,):
            assert not isinstance(one, float) or math.isfinite(one)
            assert not isinstance(one, datetime) or (one.tzinfo is UTC and one >= FIRST)
    if form.name != "senml":  # only its times may be relative to now
        assert reading.observed_at != RECEIVED_AT, "no time is made up"
        assert reading.observed_at is None or reading.observed_at <= RECEIVED_AT + AHEAD, "the far future is no time"
    if isinstance(reading, Position):
        assert -180 <= reading.lon <= 180
        assert -90 <= reading.lat <= 90
        assert (reading.lon, reading.lat) != (0, 0)


@EVERY_FORMAT
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_message_gives_whole_readings_or_a_reason(form: Format, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases_of(form.name)))
    payload = data.draw(damaged(case))
    model = case.get("model")
    outcome(
        form, frame(case["topic"], payload), data.draw(st.sampled_from([model, model, None, "x/y", "x/call-button-2"]))
    )


@pytest.mark.parametrize("form", [pytest.param(form, id=form.name) for form in FORMATS if texts_of(form.name)])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damaged_text_gives_whole_readings_or_a_reason(form: Format, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(texts_of(form.name)))
    text = data.draw(st.sampled_from([case["raw"], case["raw"].upper(), case["raw"].lower(), case["raw"] * 2]))
    payload = bytearray(text.encode("utf-8", "surrogatepass") or b" ")
    for _ in range(data.draw(st.integers(0, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    outcome(form, frame(case["topic"], bytes(payload)), case.get("model"))


def raised(readings: tuple[Reading, ...]) -> set[tuple[type, str, str]]:
    """The alarms among the readings: kind, device, phase."""
    return {
        (type(reading), reading.device, reading.phase)
        for reading in readings
        if isinstance(reading, Help | Fall) and reading.phase not in ("ended", "cancelled")
    }


@pytest.mark.parametrize(
    ("form", "case"), [pytest.param(*one, id=f"{one[0].name}: {one[1]['name']}") for one in ALARMS]
)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_alarm_vanishes_in_any_company(form: Format, case: dict[str, Any], data: st.DataObject) -> None:
    """It is told as it was, or refused where that is told as an unreadable alarm."""
    model = case.get("model")
    alone = outcome(form, frame(case["topic"], encoded(case["payload"])), model)
    assert not isinstance(alone, UnreadableError)
    found = outcome(form, frame(case["topic"], data.draw(in_company(case))), model)
    if isinstance(found, UnreadableError):
        is_telemetry = any(topics.matches(one, case["topic"]) for one in form.telemetry_topics)
        assert not is_telemetry or found.why is Why.TOO_DEEP
    else:
        assert raised(found) == raised(alone)


@pytest.mark.parametrize("name", ["native", "owntracks", "traccar"])
def test_the_busiest_formats_are_among_those_damaged(name: str) -> None:
    assert len(cases_of(name)) >= 10
    assert len(ALARMS) >= 80
