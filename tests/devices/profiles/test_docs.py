"""docs/profiles.md: its profile is one, its tables name what the engine knows."""

import re

from devices.profiles import conditions, mapping, profile, raw, reader
from devices.profiles.check import outcomes
from devices.profiles.units import CONVERSIONS, TIME_UNITS
from tests.devices.cases import ROOT

TEXT = (ROOT / "docs" / "profiles.md").read_text("utf-8")


def test_the_profile_on_the_page_passes_its_own_cases() -> None:
    (text,) = [block for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL) if "vendor" in block]
    found = profile.parse(text, "my/bed.toml")
    results = outcomes(found)
    assert len(results) == 2
    assert all(result.passed for result in results), results
    assert found.message.address("sensors/bed-r04/state") == "bed-r04"


def test_every_key_and_unit_is_on_the_page() -> None:
    plain = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    words = set(re.findall(r"`([^`\n]+)`", plain))
    assert set(reader.KEYS) <= words
    assert set(conditions.TESTS) <= words
    assert {unit for units in CONVERSIONS.values() for unit in units} | set(TIME_UNITS) <= words
    assert {key for key in profile.KEYS if key not in ("message", "raw", "readings", "cases")} <= words
    assert {
        "[message]",
        "[raw]",
        *raw.KEYS,
        *(key for key in mapping.OWN_KEYS if key != "note"),
        "[[readings]]",
        "[[cases]]",
        *profile.MESSAGE_KEYS,
    } <= words
    assert set(profile.FORMATS) <= words
