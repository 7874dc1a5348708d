"""Every bundled profile: its cases come out, and it keeps the promises of all profiles."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import UnreadableError
from devices.model import ALARM_KINDS, READING_TYPES, Position, Reading, kind_of
from devices.profiles import library
from devices.profiles.check import outcomes
from devices.profiles.profile import Profile

PROFILES = library.load_bundled()
EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES, ids=[profile.name for profile in PROFILES])
EVERY_CASE = [
    pytest.param(outcome, id=f"{profile.name}: {outcome.case.name}")
    for profile in PROFILES
    for outcome in outcomes(profile)
]


@pytest.mark.parametrize("outcome", EVERY_CASE)
def test_case(outcome: Any) -> None:
    assert outcome.error == outcome.case.error, outcome.detail
    assert outcome.passed, outcome.readings


@EVERY_PROFILE
def test_cases_of_both_sorts_and_an_honest_head(profile: Profile) -> None:
    assert any(case.readings for case in profile.cases)
    assert any(case.error for case in profile.cases)
    assert len({case.name for case in profile.cases}) == len(profile.cases)
    assert profile.title
    assert profile.source
    assert profile.file == f"{profile.vendor}-{profile.model}.toml"


def test_all_bundled_profiles_live_in_one_library() -> None:
    built = library.build(PROFILES)
    for profile in PROFILES:
        for name in (profile.name, *profile.names, profile.name.upper().replace("/", " ")):
            assert built.find((name,), profile.formats[0]) is profile


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("fall")


@EVERY_PROFILE
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_a_field_holds_gives_readings_or_an_unreadable_error(profile: Profile, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(profile.cases))
    document = _damaged(case.payload, data.draw)
    refusal: UnreadableError | None = None
    found: list[Reading] = []
    try:
        found = profile.readings(document, "d", None, "e")
    except UnreadableError as error:
        refusal = error
    if refusal is not None:
        assert "expected" in refusal.detail
        assert not profile.saved_alarms(document, "d", None, "e")
    alarms = [kind_of(reading) in ALARM_KINDS for reading in found]
    assert alarms == sorted(alarms, reverse=True)
    for reading in found:
        assert isinstance(reading, READING_TYPES)
        assert reading.device == "d"
        if isinstance(reading, Position):
            assert -180 <= reading.lon <= 180
            assert -90 <= reading.lat <= 90
    ids = [(kind_of(reading), getattr(reading, "phase", None), reading.event_id) for reading in found]
    assert len(set(ids)) == len(ids)


def _damaged(value: Any, draw: Any) -> Any:
    """The same document with some values replaced or left out."""
    if isinstance(value, dict):
        return {key: _damaged(inner, draw) for key, inner in value.items() if draw(st.integers(0, 9))}
    if isinstance(value, list):
        return [_damaged(inner, draw) for inner in value]
    return draw(VALUES) if draw(st.integers(0, 5)) == 0 else value
