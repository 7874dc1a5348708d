"""Own rules: a table of conditions, what is refused when they are read, and what holds for any of them."""

import timeit
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from devices.model import Bed, Continence, Fall, Help, Motion, Position, Room, Status, Vitals
from rules.custom import CustomRule
from rules.custom_fields import FIELDS
from rules.custom_settings import CustomSettings
from rules.custom_watch import Part
from rules.errors import BadRuleError
from rules.model import Cleared, Pending, Quiet, Raised, Tick
from rules.registry import decode_states, encode_states
from tests.rules.story import T0, Story, fix, heard, rules_of
from tests.rules.test_properties import apply, events, told

EVENING = {"weekly": [{"from": "14:00", "to": "15:00"}]}  # 13:00 to 14:00 UTC; a story begins at 12:00 UTC


def own(*conditions: dict[str, Any], together: str = "all", **more: Any) -> dict[str, Any]:
    """An own rule that ends at once when its conditions do not hold any more."""
    return {"rule": "custom", "id": "x", "title": "Look in", together: list(conditions), "clear_for_s": 0} | more


def warm(value: float) -> Vitals:
    return Vitals(device="d", temperature_c=value)


def battery(value: float) -> Status:
    return Status(device="d", battery_percent=value)


OUT, IN = Bed(device="d", in_bed=False), Bed(device="d", in_bed=True)
PRESS, NO_PRESS = Help(device="d", phase="pressed"), Help(device="d", phase="cancelled")
BATH, HALL, NOWHERE = Room(device="d", room="bath"), Room(device="d", room="hall"), Room(device="d")
FEVER = {"kind": "vitals", "field": "temperature_c", "op": ">=", "value": 38}
UP = {"kind": "bed", "field": "in_bed", "value": False}
PRESSES = {"kind": "help", "field": "phase", "value": "pressed", "count": 3, "within_s": 600}
NO_BED = {"kind": "bed", "absent_s": 3600}
NOT_IN = {"kind": "bed", "field": "in_bed", "value": True, "absent_s": 3600}

# settings, then (received, reading or None to wait, age, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, Any, float, str]]]] = {
    "threshold": (own(FEVER), [(1, warm(37.9), 0, ""), (2, warm(38), 0, "raised low"), (3, warm(39), 0, ""),
                               (4, warm(37.9), 0, "cleared"), (5, warm(38), 0, "raised low")]),
    "below": (own({"kind": "status", "field": "battery_percent", "op": "<", "value": 30}, priority="high"),
              [(1, battery(30), 0, ""), (2, battery(29), 0, "raised high"), (3, battery(30), 0, "cleared")]),
    "at most": (own({"kind": "status", "field": "battery_percent", "op": "<=", "value": 30}),
                [(1, battery(31), 0, ""), (2, battery(30), 0, "raised low")]),
    "above": (own(FEVER | {"op": ">"}), [(1, warm(38), 0, ""), (2, warm(38.1), 0, "raised low")]),
    "true or false": (own(UP), [(1, IN, 0, ""), (2, OUT, 0, "raised low"), (3, IN, 0, "cleared")]),
    "text": (own({"kind": "room", "field": "room", "value": "bath"}),
             [(1, HALL, 0, ""), (2, BATH, 0, "raised low"), (3, NOWHERE, 0, ""), (4, HALL, 0, "cleared")]),
    "another text": (own({"kind": "room", "field": "room", "op": "!=", "value": "bath"}),
                     [(1, BATH, 0, ""), (2, HALL, 0, "raised low")]),
    "hysteresis": (own(FEVER | {"clear_value": 37.5}),
                   [(1, warm(37.8), 0, ""), (2, warm(38.1), 0, "raised low"), (3, warm(37.6), 0, ""),
                    (4, warm(37.5), 0, "cleared"), (5, warm(37.8), 0, "")]),
    "hysteresis from below": (own({"kind": "status", "field": "battery_percent", "op": "<", "value": 20,
                                   "clear_value": 25}),
                              [(1, battery(19), 0, "raised low"), (2, battery(24), 0, ""),
                               (3, battery(25), 0, "cleared")]),
    "duration": (own(FEVER | {"for_s": 600}), [(1, warm(38), 0, ""), (300, warm(39), 0, ""), (600, warm(39), 0, ""),
                                               (601, warm(39), 0, "raised low")]),
    "one number does not stand for the whole time": (own(FEVER | {"for_s": 600}), [(1, warm(38), 0, ""),
                                                     (9999, None, 0, ""), (10_000, warm(38), 0, "raised low")]),
    "a number of days ago says nothing of today": (own(FEVER | {"for_s": 600}), [(1, warm(38), 0, ""),
                                                   (99_999, warm(38), 0, ""), (100_600, warm(38), 0, "raised low")]),
    "a state holds until another one": (own(UP | {"for_s": 600}), [(1, OUT, 0, "pending 601"),
                                                                   (601, None, 0, "raised low")]),
    "not long enough": (own(FEVER | {"for_s": 600}), [(1, warm(38), 0, ""), (600, warm(37), 0, ""),
                                                      (999, warm(38), 0, "")]),
    "what does not hold yet has no hysteresis": (own(FEVER | {"for_s": 600, "clear_value": 37}),
                                                 [(1, warm(38), 0, ""), (300, warm(37.5), 0, ""),
                                                  (999, warm(38), 0, "")]),
    "older than known": (own(FEVER), [(100, warm(37), 0, ""), (200, warm(39), 150, ""), (300, warm(39), 0,
                                                                                         "raised low")]),
    "an old call for help still counts": (own({"kind": "help", "field": "phase", "value": "pressed"}),
                                          [(100, NO_PRESS, 0, ""), (200, PRESS, 150, "raised low")]),
    "count": (own(PRESSES), [(0, PRESS, 0, ""), (100, PRESS, 0, ""), (200, NO_PRESS, 0, ""),
                             (599, PRESS, 0, "raised low"), (600, None, 0, "cleared"), (601, PRESS, 0, "raised low")]),
    "count, too slowly": (own(PRESSES), [(0, PRESS, 0, ""), (300, PRESS, 0, ""), (600, PRESS, 0, "")]),
    "count, in any order": (own(PRESSES), [(0, PRESS, 0, ""), (200, PRESS, 0, ""), (300, PRESS, 200, "raised low")]),
    "count, heard together hours later": (own(PRESSES), [(9000, PRESS, 7000, ""), (9000, PRESS, 6900, ""),
                                                         (9000, PRESS, 6800, "raised low"), (9000, None, 0,
                                                                                             "cleared")]),
    "count of any reading": (own({"kind": "motion", "count": 2, "within_s": 60}),
                             [(0, Motion(device="d"), 0, ""), (59, Motion(device="d"), 0, "raised low")]),
    "absence": (own(NO_BED), [(1000, OUT, 0, ""), (4599, None, 0, ""), (4600, None, 0, "raised low"),
                              (5000, IN, 0, "cleared"), (8600, None, 0, "raised low")]),
    "absence of a match": (own(NOT_IN), [(1000, IN, 0, ""), (3000, OUT, 0, ""), (4600, None, 0, "raised low")]),
    "absence from the start on": (own(NO_BED), [(3599, None, 0, ""), (3600, None, 0, "raised low")]),
    "absence within a schedule": (own(NO_BED | {"absent_s": 1800}, schedule=EVENING),
                                  [(5399, None, 0, ""), (5400, None, 0, "raised low"), (99_000, None, 0, "")]),
    "absence that is not reached within it": (own(NO_BED | {"absent_s": 1800}, schedule=EVENING),
                                              [(5300, IN, 0, ""), (7100, None, 0, "raised low")]),
    "absence at the schedule's end": (own(NO_BED | {"absent_s": 1800}, schedule=EVENING),
                                      [(5401 - 5, IN, 0, ""), (7190, IN, 0, ""), (20_000, None, 0, "")]),
    "change": (own({"kind": "room", "field": "room", "changes": True}),
               [(0, BATH, 0, ""), (10, BATH, 0, ""), (20, HALL, 0, "raised low"), (320, None, 0, "cleared")]),
    "change of a number": (own({"kind": "status", "field": "battery_percent", "changes_by": 10, "holds_s": 60}),
                           [(0, battery(90), 0, ""), (10, battery(81), 0, ""), (20, battery(71), 0, "raised low"),
                            (80, None, 0, "cleared"), (90, battery(85), 0, "raised low")]),
    "change, older than known": (own({"kind": "room", "field": "room", "changes": True}),
                                 [(100, BATH, 0, ""), (200, HALL, 150, ""), (300, BATH, 0, "")]),
    "all": (own(FEVER, UP), [(1, warm(39), 0, ""), (2, IN, 0, ""), (3, OUT, 0, "raised low"), (4, warm(37), 0,
                                                                                               "cleared")]),
    "any": (own(FEVER, UP, together="any"), [(1, warm(39), 0, "raised low"), (2, OUT, 0, ""), (3, warm(37), 0, ""),
                                             (4, IN, 0, "cleared")]),
    "an odd value ends nothing": (own(FEVER, clear_for_s=60), [(1, warm(39), 0, "raised low"), (2, warm(37), 0, ""),
                                                               (30, warm(39), 0, ""), (100, warm(37), 0, ""),
                                                               (159, None, 0, ""), (160, None, 0, "cleared")]),
    "a clear of its own": (own(PRESSES, clear={"kind": "bed", "field": "in_bed", "value": True}),
                           [(0, PRESS, 0, ""), (1, PRESS, 0, ""), (2, PRESS, 0, "raised low"), (9000, None, 0, ""),
                            (9001, OUT, 0, ""), (9002, IN, 0, "cleared"), (9003, PRESS, 0, "")]),
    "only within the hours": (own(UP, schedule=EVENING), [(1, OUT, 0, ""), (3599, None, 0, ""),
                                                          (3600, None, 0, "raised low"), (9000, None, 0, ""),
                                                          (9001, IN, 0, "cleared")]),
    "over before the hours begin": (own(UP, schedule=EVENING), [(1, OUT, 0, ""), (3000, IN, 0, ""),
                                                                (9000, None, 0, "")]),
    "another device": (own(UP | {"device": "sos"}), [(1, OUT, 0, "")]),
    "says nothing of it": (own(FEVER), [(1, Vitals(device="d", heart_rate_bpm=200), 0, ""), (2, fix(), 0, "")]),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMELINES)
def test_timelines(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Story(settings)
    for received, reading, age, expected in rows:
        said = story.wait(received) if reading is None else story.hear(received, reading, age=age)
        assert said == expected, f"{name} at {received}"


SAID: dict[str, tuple[dict[str, Any], list[tuple[float, Any]], str]] = {
    "number": (own(FEVER), [(1, warm(38.4))], "Measured gps: temperature = 38.4 °C; 38.0 °C or more is told."),
    "number for a while": (own(FEVER | {"op": ">", "for_s": 60}), [(1, warm(39)), (70, warm(39))],
                           "Measured gps: temperature = 39 °C, above 38.0 °C for 69.0."),
    "below": (own({"kind": "status", "field": "battery_percent", "op": "<", "value": 30}), [(1, battery(29))],
              "Measured gps: battery = 29 %, below 30.0 %."),
    "no unit": (own({"kind": "motion", "field": "steps", "op": ">", "value": 5}), [(1, Motion(device="d", steps=7))],
                "Measured gps: steps = 7, above 5.0."),
    "at most": (own({"kind": "vitals", "field": "heart_rate_bpm", "op": "<=", "value": 40, "for_s": 5}),
                [(1, Vitals(device="d", heart_rate_bpm=35)), (9, Vitals(device="d", heart_rate_bpm=35))],
                "Measured gps: heart rate = 35 /min; 40.0 /min or less for 8.0."),
    "true or false": (own(UP), [(1, OUT)], "gps: in bed = false since 1768392001000."),
    "true for a while": (own(UP | {"for_s": 60}), [(1, OUT), (61, None)],
                         "gps: in bed = false since 1768392001000, for 60.0."),
    "count": (own(PRESSES), [(0, PRESS), (10, PRESS), (20, PRESS)],
              "gps: phase = pressed, 3 times in 20.0, first at 1768392000000."),
    "absence": (own(NO_BED), [(60, IN), (4000, None)], "bed: not once for 3600.0, since 1768392060000."),
    "change": (own({"kind": "room", "field": "room", "changes": True}), [(0, BATH), (1, HALL)],
               "It changed from gps: room = bath to hall."),
    "a switch": (own({"kind": "bed", "field": "in_bed", "changes": True}), [(0, IN), (1, OUT)],
                 "It changed from gps: in bed = true to false."),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_the_reason_has_the_figures_and_the_title_goes_along(name: str) -> None:
    settings, rows, expected = SAID[name]
    story = Story(settings)
    for received, reading in rows:
        if reading is None:
            story.wait(received)
        else:
            story.hear(received, reading)
    raised = story.last(Raised)
    assert raised.reason.text.format(**raised.reason.values) == expected
    assert raised.reason.values["title"] == "Look in"


def test_every_condition_that_holds_is_told_with_its_reading() -> None:
    story = Story(own(FEVER, UP))
    story.hear(1, warm(39), frame=7)
    story.hear(2, OUT, frame=8)
    raised = story.last(Raised)
    assert [proof.frame for proof in raised.evidence] == [7, 8]
    assert [mark.text for mark in raised.marks] == ["{what} since {since_at}."]


def test_what_was_heard_late_is_marked_with_its_age() -> None:
    story = Story(own(FEVER))
    assert story.hear(1000, warm(39), age=400) == "raised low"
    assert story.last(Raised).marks[-1].values == {"age_s": 400.0}


def test_what_was_over_in_time_is_not_told_when_both_are_heard_late() -> None:
    story = Story(own(FEVER | {"for_s": 600}))
    heard_at = story.time(5000)
    states = dict(story.states)
    assert told(apply(story.rules, states, heard(warm(38), heard_at, at=story.time(1000)))) == []
    assert told(apply(story.rules, states, heard(warm(37), heard_at, at=story.time(1100)))) == []
    assert told(apply(story.rules, states, Tick(heard_at))) == []


def test_a_pending_one_says_when_it_decides() -> None:
    story = Story(own(UP | {"for_s": 60}))
    story.hear(1, OUT)
    assert story.last(Pending).until == story.time(61)


def test_an_absence_does_not_count_while_the_gateway_was_deaf() -> None:
    story = Story(own(NO_BED))
    changes = story.rules.resumed(story.states, story.time(600), story.time(4200))
    story.states |= {change.rule_key: change.after for change in changes}
    assert story.wait(7199) == ""
    assert story.wait(7200) == "raised low"


def test_a_count_keeps_no_more_times_than_it_needs() -> None:
    story = Story(own(PRESSES))
    for second in range(50):
        story.hear(second, PRESS)
        (part,) = story.states["custom:x"].parts  # type: ignore[attr-defined]
        assert len(part.times) <= 3
    assert len(encode_states(story.states)) < 700


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "kind": (own({"kind": "bett", "field": "in_bed", "value": True}), "'position', 'help', 'fall', 'bed'"),
    "field": (own({"kind": "bed", "field": "inbed", "value": True}), 'field of bed: in_bed; did you mean "in_bed"'),
    "field of another kind": (own({"kind": "bed", "field": "room", "value": "1"}), "expected a field of bed: in_bed"),
    "a list": (own({"kind": "continence", "field": "zones_percent", "value": 1}), "expected a field of continence"),
    "text for a switch": (own({"kind": "bed", "field": "in_bed", "value": "yes"}), "in_bed is true or false, without"),
    "number for a switch": (own({"kind": "bed", "field": "in_bed", "value": 1}), "in_bed is true or false, without"),
    "switch for a number": (own(FEVER | {"value": True}), r"temperature_c is a number \(°C\), without quotes"),
    "text for a number": (own(FEVER | {"value": "38"}), r"temperature_c is a number \(°C\), without quotes"),
    "number for a text": (own({"kind": "room", "field": "room", "value": 12}), "room is a text in quotes"),
    "a word that is none": (own({"kind": "continence", "field": "state", "value": "leaks"}), 'did you mean "leak"'),
    "impossible number": (own(FEVER | {"value": 380}), "temperature_c is from -60 to 120 °C"),
    "not a number": (own(FEVER | {"value": float("nan")}), "temperature_c is from -60 to 120 °C"),
    "order of texts": (own({"kind": "room", "field": "room", "op": "<", "value": "b"}), 'expected "=" or "!="'),
    "op": (own(FEVER | {"op": "=>"}), "'>' or '>='"),
    "no value": (own({"kind": "bed", "field": "in_bed"}), "value is missing"),
    "no field": (own({"kind": "bed", "value": True}), "field is missing"),
    "hysteresis on the wrong side": (own(FEVER | {"clear_value": 38.5}), "expected a number below 38"),
    "hysteresis of nothing": (own(FEVER | {"clear_value": 38}), "expected a number below 38"),
    "hysteresis of a switch": (own(UP | {"clear_value": 1}), "clear_value is for numbers"),
    "impossible hysteresis": (own(FEVER | {"clear_value": -100}), "temperature_c is from -60"),
    "count alone": (own(UP | {"count": 3}), "count and within_s go together"),
    "window alone": (own(UP | {"within_s": 3}), "count and within_s go together"),
    "a count without bound": (own(UP | {"count": 101, "within_s": 60}), "less than or equal to 100"),
    "two forms": (own(UP | {"count": 2, "within_s": 60, "absent_s": 60}), "count and absent_s are two conditions"),
    "half a count": (own({"kind": "bed", "field": "in_bed", "count": 2, "within_s": 9}), "value is missing"),
    "a count for a while": (own(UP | {"count": 2, "within_s": 60, "for_s": 9}), "for a comparison"),
    "change to a value": (own(UP | {"changes": True}), "value is of no use"),
    "change of nothing": (own({"kind": "bed", "changes": True}), "field is missing"),
    "change of a switch by": (own({"kind": "bed", "field": "in_bed", "changes_by": 1}), "expected `changes = true`"),
    "no condition": (own(), "in `all` or in `any`, one of the two"),
    "both lists": (own(UP, any=[UP]), "in `all` or in `any`, one of the two"),
    "six conditions": (own(*[UP] * 6), "at most 5 items"),
    "lists in lists": (own({"all": [UP]}), "Extra inputs are not permitted"),
    "half a clear": (own(UP, clear={"kind": "bed", "field": "in_bed"}), "clear.value is missing"),
    "yes and no": (own(UP, UP | {"value": True}),
                   r"all\[0\] and all\[1\] never hold together: in_bed = false and = true"),
    "above and below": (own(FEVER, FEVER | {"op": "<", "value": 37}), r"never hold together: temperature_c >= 38"),
    "a switch for a number of seconds": (own(UP | {"for_s": True}), "for_s is true; expected a number"),
    "a text for a number of seconds": (own(UP | {"for_s": "60"}), 'for_s is "60"; expected a number'),
    "a text for how long it is over": (own(UP, clear_for_s="60"), 'clear_for_s is "60"; expected a number'),
    "one letter": (own(UP, title="x"), "title is 'x'; expected at least 3 letters"),
    "id": (own(UP, id="Two words"), "String should match pattern"),
    "two lines": (own(UP, title="One\ntwo"), "expected one line of text"),
    "escape codes": (own(UP, title="\x1b[31mRed"), "expected one line of text"),
    "a long title": (own(UP, title="x" * 81), "at most 80 characters"),
    "code": (own(UP, when="__import__('os')"), "Extra inputs are not permitted"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_when_it_is_read(name: str) -> None:
    settings, why = REFUSED[name]
    with pytest.raises(ValidationError, match=why):
        CustomSettings.model_validate(settings)


@pytest.mark.parametrize(
    "together",
    [
        own(UP, UP | {"value": True}, together="any"),
        own(UP | {"device": "gps"}, UP | {"value": True, "device": "sos"}),
        own(FEVER, FEVER | {"op": "<=", "value": 38}),
        own(FEVER, FEVER | {"op": "<", "value": 40}),
        own(FEVER, FEVER | {"op": "!=", "value": 39}),
    ],
)
def test_what_can_hold_together_is_taken(together: dict[str, Any]) -> None:
    assert rules_of(together).has("custom:x")


def test_an_absence_longer_than_the_hours_is_refused() -> None:
    with pytest.raises(BadRuleError, match=r"custom:x: absent_s is 3600, .*whose longest window is 3600 s"):
        rules_of(own(NO_BED, schedule=EVENING))
    assert rules_of(own(NO_BED | {"absent_s": 3599}, schedule=EVENING)).has("custom:x")
    week = {"weekly": [{"days": "mon-fri", "from": "00:00", "to": "00:00"}]}
    assert rules_of(own(NO_BED | {"absent_s": 400_000}, schedule=week)).has("custom:x")


def test_a_device_of_somebody_else_is_refused() -> None:
    with pytest.raises(BadRuleError, match=r"custom:x: all\[0\].device is 'gsp'; .*: gps, sos; did you mean \"gps\""):
        rules_of(own(UP | {"device": "gsp"}))


def test_two_of_the_same_id_are_refused() -> None:
    with pytest.raises(BadRuleError, match="custom:x: the care plan has this rule twice"):
        rules_of(own(UP), own(FEVER))


def test_every_field_of_every_reading_can_be_asked_about_but_times_and_lists() -> None:
    left_out = {
        (kind, name)
        for kind, reading in (("sleep", "start"), ("sleep", "end"), ("position", "fixed_at"),
                              ("continence", "zones_percent"))
        for name in [reading]
    }  # fmt: skip
    for kind, reading in {"position": Position, "help": Help, "fall": Fall, "bed": Bed, "continence": Continence,
                          "room": Room, "motion": Motion, "status": Status, "vitals": Vitals}.items():  # fmt: skip
        names = set(reading.__struct_fields__) - {"device", "observed_at", "event_id"}
        assert set(FIELDS[kind]) == {name for name in names if (kind, name) not in left_out}
    assert FIELDS["vitals"]["temperature_c"].unit == " °C"
    assert FIELDS["fall"]["impact_g"].unit == " g"
    assert FIELDS["motion"]["posture"].words == ("lying", "sitting", "standing", "walking", "upright")


def test_an_own_rule_does_not_stand_for_the_rule_that_tells_each_alarm() -> None:
    """Three presses in ten minutes are told by it; the first one must still be told as an alarm without a rule."""
    assert not rules_of(own(PRESSES)).concerned("help", "sos")
    assert rules_of(own(PRESSES), {"rule": "help"}).concerned("help", "sos")


ABSENT = rules_of(
    own(NO_BED, id="none", clear_for_s=20),
    own(NOT_IN | {"absent_s": 630}, {"kind": "room", "absent_s": 90}, id="both", schedule=EVENING),
    own(NOT_IN | {"absent_s": 630}, UP, id="or", together="any"),
)


@given(events(), st.integers(0, 12))
def test_absences_take_turns_and_survive_a_restart(story: list[Any], restart: int) -> None:
    states, stored = ABSENT.start(T0), ABSENT.start(T0)
    up = dict.fromkeys(states, False)
    for number, event in enumerate(story):
        if number == restart:
            stored = decode_states(encode_states(stored))
        for step in (event, Tick(event.received_at)):
            said = apply(ABSENT, states, step)
            assert said == apply(ABSENT, stored, step)
            for key, verdict in told(said):
                assert isinstance(verdict, Cleared) is up[key], "raised and cleared take turns"
                up[key] = not up[key]
        wake = ABSENT.wake_at(states)
        assert wake is None or wake > event.received_at
    assert states == stored


@given(st.lists(st.integers(0, 3000), min_size=3, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_no_order_of_arrival_hides_a_count(times: list[int], shuffle: Any) -> None:
    """Enough presses within the window are told, in whatever order they are heard."""
    ordered = sorted(times)
    enough = any(last - first < 600 for first, last in zip(ordered, ordered[2:], strict=False))
    story = Story(own(PRESSES))
    heard_in = list(ordered)
    shuffle.shuffle(heard_in)
    said = [story.hear(4000, PRESS, age=4000 - second) for second in heard_in]
    if any("raised" in one for one in said):
        assert enough
    if ordered[-1] - ordered[-3] < 600:
        assert any("raised" in one for one in said)


def test_a_step_and_a_look_at_the_clock_take_few_microseconds() -> None:
    """Generous, for a busy machine: some 1.5 µs and 0.1 µs on a quiet one."""
    (rule,) = rules_of(own(FEVER, UP, together="any", schedule=EVENING)).rules
    assert isinstance(rule, CustomRule)
    begun = rule.start(T0)
    readings = [heard(warm(36.8), T0 + timedelta(seconds=second)) for second in range(200)]

    def run() -> None:
        state: Any = begun
        for reading in readings:
            state, verdict = rule.step(state, reading)
            assert isinstance(verdict, Quiet)

    assert min(timeit.repeat(run, number=5, repeat=5)) / 1000 < 12e-6
    assert min(timeit.repeat(lambda: rule.wake_at(begun), number=1000, repeat=3)) / 1000 < 4e-6


def test_a_part_that_knows_nothing_is_stored_as_nothing() -> None:
    rules = rules_of(own(UP))
    assert rules.start(T0)["custom:x"].parts == (Part(),)  # type: ignore[attr-defined]
    assert encode_states(rules.start(T0)) == b'{"custom:x":{"of":"custom","parts":[{}]}}'
