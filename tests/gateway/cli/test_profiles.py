"""``telecare profile list | test``, and a care centre's own profiles in gateway.toml."""

from pathlib import Path

import pytest

from devices.profiles import library
from gateway.errors import SettingsError
from gateway.settings import load_settings
from gateway.settings.profiles import library_of
from tests.gateway.cli.desk import telecare

GOOD = """vendor = "acme"
model = "button"
title = "A button"
source = "Acme's leaflet"
formats = ["profile"]
[[readings]]
kind = "help"
when = [{ at = "/press", equals = true }]
phase = "pressed"
[[cases]]
name = "pressed"
payload = { press = true }
readings = [{ kind = "help", phase = "pressed" }]
"""


def write(folder: Path, text: str, name: str = "button.toml") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_the_list_names_every_bundled_model() -> None:
    rows = telecare("profile", "list", "--json").json()
    assert [row["model"] for row in rows] == sorted(profile.name for profile in library.load_bundled())
    assert "milesight/vs373" in telecare("profile", "list").out


def test_a_profile_that_passes(tmp_path: Path) -> None:
    ran = telecare("profile", "test", str(write(tmp_path, GOOD)))
    assert ran.code == 0
    assert '{"kind":"help","phase":"pressed"}' in ran.out


def test_a_case_that_comes_out_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("press = true }", "press = false }"))
    ran = telecare("profile", "test", str(path))
    assert ran.code == 1
    assert "FAIL pressed" in ran.out
    assert "1 of 1 cases of acme/button came out otherwise" in ran.err
    (row,) = telecare("profile", "test", str(path), "--json").json()
    assert row == {"case": "pressed", "passed": False, "readings": [], "error": None, "detail": None}


def test_more_cases_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    cases = write(tmp_path, '{"name": "list", "payload": [1], "error": "not_an_object"}\n', "more.jsonl")
    assert telecare("profile", "test", str(path), "--cases", str(cases)).code == 0
    cases.write_text('{"name": "list", "payload": {}, "error": "not_an_object"}\n', "utf-8")
    assert telecare("profile", "test", str(path), "--cases", str(cases)).code == 1
    cases.write_text("no JSON\n", "utf-8")
    ran = telecare("profile", "test", str(path), "--cases", str(cases))
    assert (ran.code, "more.jsonl: line 1" in ran.err) == (2, True)


def test_a_profile_without_cases_is_not_tested(tmp_path: Path) -> None:
    ran = telecare("profile", "test", str(write(tmp_path, GOOD.partition("[[cases]]")[0])))
    ran.is_bad_input("button.toml: cases: (missing): expected at least one [[cases]]")


def test_a_broken_profile_of_one_s_own_is_told_whole(tmp_path: Path) -> None:
    text = """vendor = "acme"
model = "button"
title = "A button"
source = "Acme's leaflet"
formats = ["profile"]
colour = "red"
[[readings]]
kind = "vitals"
heart_rate_bpm = { at = "hr" }
temperature_c = { at = "/t", unit = "fahrenheit" }
"""
    ran = telecare("profile", "test", str(write(tmp_path, text)))
    ran.is_bad_input(
        'button.toml: colour: "red": expected no key of this name; known: vendor',
        'readings[0].heart_rate_bpm.at: "hr": expected a JSON Pointer that begins with "/"',
        'readings[0].temperature_c.unit: "fahrenheit": expected one of',
        "button.toml: cases: (missing)",
    )
    assert len(ran.err.strip().splitlines()) == 4


def test_a_name_of_a_bundled_profile_is_told(tmp_path: Path) -> None:
    named = GOOD.replace('formats = ["profile"]', 'formats = ["profile"]\nnames = ["VS373"]')
    telecare("profile", "test", str(write(tmp_path, named))).is_bad_input(
        "button.toml: names[0]", "milesight-vs373.toml has it"
    )


def test_what_is_no_toml_and_what_is_not_there(tmp_path: Path) -> None:
    telecare("profile", "test", str(write(tmp_path, "a = \n"))).is_bad_input("button.toml: (the whole file)")
    telecare("profile", "test", str(tmp_path / "none.toml")).is_bad_input("none.toml", "can be read")


def test_the_list_has_the_centre_s_own_profiles_and_where_each_is_from(tmp_path: Path) -> None:
    own = write(tmp_path / "my", GOOD)
    instead = write(tmp_path / "my", GOOD.replace("acme", "milesight").replace('"button"', '"ws101"'), "ws101.toml")
    config = settings_with(tmp_path, '["my/*.toml"]')
    rows = {row["model"]: row["from"] for row in telecare("profile", "list", "--json", "--config", config).json()}
    assert (rows["acme/button"], rows["milesight/ws101"]) == (str(own), str(instead))
    assert rows["milesight/vs373"] == "bundled"
    shown = telecare("profile", "list", "--config", config).out
    (line,) = [line for line in shown.splitlines() if "acme/button" in line]
    assert line.split()[-1] == "button.toml"


def test_a_list_of_settings_that_can_not_be_used(tmp_path: Path) -> None:
    write(tmp_path / "my", "colour = 1")
    config = settings_with(tmp_path, '["my/*.toml"]')
    telecare("profile", "list", "--config", config).is_bad_input("button.toml: colour")
    telecare("profile", "list", "--config", tmp_path / "none.toml").is_bad_input("none.toml")


def test_everything_wrong_in_a_profile_is_said(tmp_path: Path) -> None:
    ran = telecare(
        "profile", "test", str(write(tmp_path, GOOD.replace("pressed", "pushed").replace('"help"', '"hell"')))
    )
    assert ran.code == 2
    assert "button.toml: readings[0].kind" in ran.err


def settings_with(folder: Path, patterns: str) -> Path:
    return write(folder, f"[devices]\nprofiles = {patterns}\n", "gateway.toml")


def test_a_care_centre_adds_a_profile(tmp_path: Path) -> None:
    write(tmp_path / "my", GOOD)
    built = library_of(load_settings(settings_with(tmp_path, '["my/*.toml"]'), {}))
    found = built.find(("acme/button",), "profile")
    assert found is not None
    assert found.file == "button.toml"
    assert built.find(("milesight/vs373",), "tts") is not None


def test_a_profile_of_the_same_model_is_used_instead(tmp_path: Path) -> None:
    write(tmp_path / "my", GOOD.replace("acme", "milesight").replace('"button"', '"ws101"'))
    built = library_of(load_settings(settings_with(tmp_path, '["my/*.toml"]'), {}))
    found = built.find(("milesight/ws101",), "profile")
    assert found is not None
    assert found.file == "button.toml"


def test_bad_profiles_are_settings_that_can_not_be_used(tmp_path: Path) -> None:
    write(tmp_path / "my", GOOD.replace("pressed", "pushed"))
    write(tmp_path / "my", "colour = 1", "other.toml")
    config = settings_with(tmp_path, '["my/*.toml", "none/*.toml"]')
    with pytest.raises(SettingsError) as caught:
        library_of(load_settings(config, {}))
    said = str(caught.value)
    assert "button.toml: readings[0].phase" in said
    assert "other.toml: colour" in said
    assert "gateway.toml: devices.profiles[1]" in said
    ran = telecare("check", "--config", str(config))
    assert ran.code != 0
    assert "button.toml: readings[0].phase" in ran.out + ran.err


def test_two_own_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "my", GOOD)
    write(tmp_path / "my", GOOD, "again.toml")
    with pytest.raises(SettingsError, match="a name that no other profile has"):
        library_of(load_settings(settings_with(tmp_path, '["my/*.toml"]'), {}))
