"""Withings beside its cases: recorded notifications, deliveries that are repeated, and forms damaged anywhere."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import withings
from devices.errors import UnreadableError, Why
from devices.model import Sleep, Status
from tests.devices.cases import frame, shared
from tests.devices.outcomes import readings_or_reason


def test_recorded_notifications() -> None:
    cases = shared("withings")
    assert cases
    for case in cases:
        (reading,) = withings.decode(frame(case["topic"], case["payload"].encode()))
        assert case["expected"] == {"event": "sleep_data_available"}
        assert isinstance(reading, Status | Sleep)
        assert reading.device == "12345"


def test_a_repeated_delivery_is_one_event_and_the_next_one_another() -> None:
    def event_id(text: str) -> str | None:
        return withings.decode(frame("withings/a", text.encode()))[0].event_id

    assert event_id("userid=1&appli=51&startdate=1772330400") == event_id("appli=51&startdate=1772330400&userid=1")
    different = {
        event_id(f"userid=1&appli={appli}&startdate={start}")
        for appli in (50, 51)
        for start in (1772330400, 1772330460)
    }
    assert len(different) == 4
    assert None not in different


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_user_comes_back_as_it_was_or_is_refused(user: str) -> None:
    form = urlencode({"userid": user, "appli": 50}).encode()
    readings = readings_or_reason(withings.decode, frame("elsewhere", form))
    if isinstance(readings, UnreadableError):
        assert readings.field == "userid"
        assert not user or "\ufffd" in user
    else:
        assert [reading.device for reading in readings] == [user]


@given(st.data())
def test_a_damaged_form_gives_readings_or_a_reason(data: st.DataObject) -> None:
    form = bytearray(b"userid=12345&appli=44&startdate=1772308800&enddate=1772337600&date=2026-03-01")
    for _ in range(data.draw(st.integers(1, 5))):
        form[data.draw(st.integers(0, len(form) - 1))] = data.draw(st.integers(0, 255))
    readings = readings_or_reason(withings.decode, frame("withings/a", bytes(form)))
    assert isinstance(readings, UnreadableError) or readings


def test_more_fields_than_any_notification_has() -> None:
    with pytest.raises(UnreadableError) as caught:
        withings.decode(frame("withings/a", "&".join(f"a{n}=1" for n in range(65)).encode()))
    assert caught.value.why is Why.NOT_JSON
