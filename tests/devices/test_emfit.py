"""Emfit and plain under-mattress sensors beside their cases: recorded pages, and pages damaged anywhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import emfit
from devices.errors import UnreadableError, Why
from devices.model import Bed, Vitals
from tests.devices.cases import frame, shared
from tests.devices.outcomes import readings_or_reason

PAGE = b"SER=0A1B2C<br>\r\nPRES=1<br>\r\nTS=0<br>\r\nTS_R=00001234<br>\r\nHR=58<br>\r\nRR=13<br>\r\nACT=35<br>\r\n"


def test_recorded_pages() -> None:
    cases = shared("emfit")
    assert cases
    for case in cases:
        expected = case["expected"]
        bed, vitals = emfit.decode(frame(case["topic"], case["payload"].encode()))
        assert isinstance(bed, Bed)
        assert isinstance(vitals, Vitals)
        assert (bed.device, bed.in_bed) == (expected["device_id"], expected["in_bed"])
        assert vitals.heart_rate_bpm == expected["heart_rate"]
        assert vitals.respiratory_rate_bpm == expected["respiratory_rate"]


@given(st.data())
def test_a_damaged_page_gives_whole_readings_or_a_reason(data: st.DataObject) -> None:
    page = bytearray(PAGE)
    for _ in range(data.draw(st.integers(1, 5))):
        page[data.draw(st.integers(0, len(page) - 1))] = data.draw(st.integers(0, 255))
    readings = readings_or_reason(emfit.decode, frame("emfit/bed-1", bytes(page)))
    if isinstance(readings, UnreadableError):
        return
    for reading in readings:
        if isinstance(reading, Vitals):
            for value in (reading.heart_rate_bpm, reading.respiratory_rate_bpm):
                assert value is None or (math.isfinite(value) and 0 < value <= 500)


@pytest.mark.parametrize(
    ("topic", "address"),
    [("emfit/a", "a"), ("emfit/a/b", "a"), ("emfit/", None), ("emfit/a/b/c", None), ("bed/a", None), ("", None)],
)
def test_addresses(topic: str, address: str | None) -> None:
    assert emfit.address_of(topic) == address


@pytest.mark.parametrize("device", ["", "x" * 129, True, [], "\ufffd"])
def test_a_name_that_is_none(device: object) -> None:
    with pytest.raises(UnreadableError) as caught:
        emfit.decode(frame("elsewhere", {"device": device, "in_bed": True}))
    assert caught.value.why in (Why.MISSING_FIELD, Why.OUT_OF_RANGE, Why.WRONG_TYPE)
    assert caught.value.field == "device"
