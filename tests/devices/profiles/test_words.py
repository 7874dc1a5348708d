"""Words however a vendor writes them, ranges as text, and what stands aside."""

from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from devices.profiles.pointers import compile_pointer, folded
from tests.devices.profiles.test_profile import field, flaws, made

STATES = 'map = { OK = "dry", "change due" = "change_due", 0 = "off" }'


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Change due", "change_due"),
        ("CHANGE_DUE", "change_due"),
        (" change-due ", "change_due"),
        ("change  due", "change_due"),
        ("alarm ignored", "alarm_ignored"),
        ("changedue", "changedue"),
        (True, "true"),
        (1.0, "1"),
        ("1", "1"),
        (-1, folded("-1")),
        ("x" * 100 + " Y", "x" * 100 + "_y"),
    ],
)
def test_a_word_without_case_spaces_and_hyphens(value: Any, said: str) -> None:
    assert folded(value) == said


@pytest.mark.parametrize("value", ["Change due", "CHANGE DUE", "change_due", "change-due"])
def test_a_map_takes_a_word_however_it_is_written(value: str) -> None:
    assert field("continence", "state", STATES, {"x": value}) == "change_due"
    assert field("continence", "state", "", {"x": value}) == "change_due"  # the field's own words, without a map


def test_a_map_that_is_strict_refuses_what_it_does_not_know() -> None:
    assert field("continence", "state", STATES, {"x": "full"}) is None
    assert field("continence", "state", STATES + ", strict = true", {"x": "ok"}) == "dry"
    with pytest.raises(UnreadableError) as caught:
        field("continence", "state", STATES + ", strict = true", {"x": "full"})
    assert caught.value.why is Why.OUT_OF_RANGE
    assert '"full"' in caught.value.detail
    assert "change due" in caught.value.detail


def test_a_word_with_two_meanings_is_told_when_the_file_is_read() -> None:
    text = '[[readings]]\nkind = "bed"\nin_bed = { at = "/x", map = { "in bed" = true, In_Bed = false } }\n'
    ((key, expected),) = flaws_of(text)
    assert key == "readings[0].in_bed.map.In_Bed"
    assert "one meaning" in expected


def flaws_of(readings: str) -> list[tuple[str, str]]:
    return flaws('vendor = "my"\nmodel = "thing"\ntitle = "t"\nsource = "s"\nformats = ["profile"]\n' + readings)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('equals = "SOS start"', "sos_START"),
        ('one_of = ["out_of_bed"]', "Out of bed"),
        ('contains = "SOS event"', ["sos-event"]),
        ('contains = "sos on"', "it is SOS_ON"),
    ],
)
def test_conditions_take_a_word_however_it_is_written(condition: str, holds: Any) -> None:
    text = f'[[readings]]\nkind = "status"\nwhen = [{{ at = "/x", {condition} }}]\nonline = true\n'
    assert made(text, {"x": holds}) == [{"kind": "status", "online": True}]


@pytest.mark.parametrize(
    ("value", "metres"),
    [
        ("(250,500]", 500.0),
        ("[0, 7.5)", 7.5),
        ("(4000,)", None),
        ("(4000, ]", None),
        (12, 12.0),
        ("40 m", 40.0),
        ("poor", None),
        ([1], None),
        ("(1,-5]", None),
    ],
)
def test_a_range_as_text_is_its_upper_bound(value: Any, metres: float | None) -> None:
    assert field("position", "accuracy_m", 'text = "range", strict = false', {"x": value}) == metres


def test_a_range_that_is_none_is_refused_where_the_profile_is_strict() -> None:
    assert field("position", "accuracy_m", 'text = "range"', {"x": "(4000,)"}) is None
    with pytest.raises(UnreadableError):
        field("position", "accuracy_m", 'text = "range"', {"x": "poor"})


@pytest.mark.parametrize(
    ("value", "result"), [(0, False), (1, True), (4, True), ("Low battery", True), ("normal", False), ("?", None)]
)
def test_words_and_numbers_in_one_field(value: Any, result: bool | None) -> None:
    spec = 'map = { "Low battery" = true, Normal = false }, above = 0'
    assert field("status", "low_battery", spec, {"x": value}) is result


def test_a_selected_item_may_stand_alone() -> None:
    get = compile_pointer("/events/[id=7]/name")
    cases: list[tuple[Any, str | None]] = [
        ([{"id": 1}, {"id": 7, "name": "sos"}], "sos"),
        ({"id": "7", "name": "sos"}, "sos"),
        ([], None),
        ({}, None),
        ({"id": 8, "name": "sos"}, None),
        ("sos", None),
        ({"[id=7]": {"name": "own key"}}, "own key"),
    ]
    for events, name in cases:
        assert get({"events": events}, None) == name, events


HISTORY = (
    '[[readings]]\nkind = "bed"\nin_bed = { at = "/in_bed" }\n'
    '[[readings]]\nkind = "vitals"\neach = "/history/*"\naside = true\nheart_rate_bpm = { at = "/hr" }\n'
)


def test_what_stands_aside_costs_only_itself() -> None:
    good, bad = {"hr": 70}, {"hr": "fast"}
    bed, vitals = {"kind": "bed", "in_bed": True}, {"kind": "vitals", "heart_rate_bpm": 70.0}
    assert made(HISTORY, {"in_bed": True, "history": [bad, good]}) == [bed, vitals]
    assert made(HISTORY, {"history": [good, bad]}) == [vitals]
    with pytest.raises(UnreadableError) as caught:
        made(HISTORY, {"history": [bad]})
    assert caught.value.why is Why.WRONG_TYPE
    with pytest.raises(UnreadableError):  # the main thing is bad
        made(HISTORY, {"in_bed": "so so", "history": [good]})


def test_alarms_never_stand_aside() -> None:
    text = '[[readings]]\nkind = "help"\naside = true\nphase = "pressed"\n'
    assert [key for key, _ in flaws_of(text)] == ["readings[0].aside"]
    assert [key for key, _ in flaws_of(HISTORY.replace("true", "7"))] == ["readings[1].aside"]


def test_beside_an_alarm_a_bad_field_costs_only_itself() -> None:
    text = (
        '[[readings]]\nkind = "help"\nwhen = [{ at = "/sos", equals = 1 }]\nphase = "pressed"\n'
        '[[readings]]\nkind = "position"\nlon = { at = "/lon" }\nlat = { at = "/lat" }\naccuracy_m = { at = "/acc" }\n'
        'observed_at = { at = "/t" }\n'
    )
    document = {"lon": 14.5, "lat": 35.9, "acc": "?", "t": "soon"}
    help_, place = {"kind": "help", "phase": "pressed"}, {"kind": "position", "lon": 14.5, "lat": 35.9}
    assert made(text, document | {"sos": 1}) == [help_, place]
    assert made(text, document | {"sos": 1, "lat": 95}) == [help_]
    with pytest.raises(UnreadableError):
        made(text, document | {"sos": 0})


def test_an_alarm_that_can_not_be_read_does_not_cost_the_next_of_its_list() -> None:
    text = (
        '[[readings]]\nkind = "fall"\neach = "/events/*"\nwhen = [{ at = "/type", equals = "fall" }]\n'
        'phase = { at = "/state", map = { on = "detected" } }\n'
    )
    broken, good = {"type": "fall", "state": "?"}, {"type": "fall", "state": "on"}
    assert made(text, {"events": [broken, good]}) == [{"kind": "fall", "phase": "detected"}]
    with pytest.raises(UnreadableError):
        made(text, {"events": [broken]})


@pytest.mark.parametrize(
    ("lon", "lat", "is_place"),
    [(-0.000001, -0.000001, False), (0, 0.000001, False), (0.0, 0.0, False), (0.1, 0, True), (0, 51.48, True)],
)
def test_a_metre_around_zero_is_no_place(lon: float, lat: float, is_place: bool) -> None:
    text = '[[readings]]\nkind = "position"\nlon = { at = "/lon" }\nlat = { at = "/lat" }\n'
    assert bool(made(text, {"lon": lon, "lat": lat})) is is_place


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[raw]\nencoding = "hex"\n', "raw.data"),
        ('[raw]\ndata = "/d"\nencoding = "ascii"\n', "raw.encoding"),
        ('[raw]\ndata = "d"\n', "raw.data"),
        ('[raw]\ndata = "/d"\nbytes = 1\n', "raw.bytes"),
        ('[raw]\ndata = "/d"\n[[readings]]\nkind = "status"\n', "readings"),
    ],
)
def test_an_envelope_that_can_not_be_used(table: str, key: str) -> None:
    assert key in [found for found, _ in flaws_of(table)]
