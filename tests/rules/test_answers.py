"""Answers by things: path light, day light, and what devices are told when a rule speaks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.model import Bed, Fall
from rules.errors import BadRuleError, RuleError
from rules.model import Act, Context, DeviceInfo
from tests.rules.story import CONTEXT, Story, fix, rules_of

NIGHT = datetime(2026, 1, 14, 1, 0, tzinfo=UTC)  # 02:00 in Malta
NOON = datetime(2026, 1, 14, 11, 0, tzinfo=UTC)
MINUTE, HOUR = 60, 3600
LAMP = DeviceInfo("lamp", "native", type="lamp")
WITH_LAMP = Context(CONTEXT.timezone, CONTEXT.zones, (*CONTEXT.devices, LAMP))
IN_THE_HALL = Context(CONTEXT.timezone, CONTEXT.zones, CONTEXT.devices, surroundings=(LAMP,))
IN, OUT = Bed(device="d", in_bed=True), Bed(device="d", in_bed=False)


def path(begins: datetime = NIGHT, context: Context = WITH_LAMP, **settings: Any) -> Story:
    return Story({"rule": "path_light", "lamp": "lamp", **settings}, context=context, begins=begins)


def day(*steps: tuple[str, str], begins: datetime = NIGHT) -> Story:
    told = [{"at": at, "command": command} for at, command in steps]
    return Story({"rule": "day_light", "lamp": "lamp", "steps": told}, context=WITH_LAMP, begins=begins)


# --- path light ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [WITH_LAMP, IN_THE_HALL])
def test_light_on_the_way_and_off_when_back(context: Context) -> None:
    told = path(context=context)
    assert told.hear(0, OUT) == "light-on lamp"
    assert told.hear(5 * MINUTE, IN) == f"pending {5 * MINUTE + 30}"
    assert told.wait(5 * MINUTE + 29) == ""
    assert told.wait(5 * MINUTE + 30) == "light-off lamp"
    assert told.wait(HOUR) == ""


def test_off_by_itself_once() -> None:
    told = path(off_after_minutes=20)
    told.hear(0, OUT)
    assert told.wait(20 * MINUTE - 1) == ""
    assert told.wait(HOUR) == "light-off lamp"
    assert told.hear(2 * HOUR, IN) == ""


def test_no_light_by_day_or_for_old_news() -> None:
    assert path(NOON).hear(0, OUT) == ""
    assert path().hear(60, OUT, age=31) == ""
    assert path().hear(60, OUT, age=29) == "light-on lamp"


def test_a_wavering_sensor_leaves_the_lamp_on() -> None:
    told = path(off_after_minutes=5)
    said = [told.hear(at, OUT if at % 20 == 0 else IN) for at in range(0, 5 * MINUTE, 10)]
    assert [word for word in said if word and not word.startswith("pending")] == ["light-on lamp"]
    assert told.wait(HOUR) == "light-off lamp"


def test_up_again_before_the_light_went_off() -> None:
    told = path(off_after_minutes=20)
    told.hear(0, OUT)
    told.hear(5 * MINUTE, IN)
    assert told.hear(5 * MINUTE + 29, OUT) == ""
    assert told.wait(20 * MINUTE - 1) == ""
    assert told.wait(20 * MINUTE) == "light-off lamp"


def test_off_at_once_where_the_plan_says_so_and_not_on_again_too_soon() -> None:
    told = path(off_delay_s=0)
    assert told.hear(0, OUT) == "light-on lamp"
    assert told.hear(5, IN) == "light-off lamp"
    assert told.hear(29, OUT) == ""
    assert told.hear(31, OUT) == "light-on lamp"


def test_who_was_in_bed_before_the_light_went_on_is_not_back() -> None:
    told = path()
    told.hear(20, OUT)
    assert told.hear(25, IN, age=10) == ""
    assert told.wait(10 * MINUTE) == ""


def test_what_it_asks_for_ends_soon() -> None:
    told = path()
    told.hear(0, OUT, frame=7)
    act = told.last(Act)
    assert act.expires_s == 60
    assert [evidence.frame for evidence in act.evidence] == [7]


def test_a_lamp_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadRuleError, match="lamp is 'lump'; the devices of this resident and of the house are: gps"):
        rules_of({"rule": "path_light", "lamp": "lump"}, context=WITH_LAMP)


# --- day light -----------------------------------------------------------------------------------------------------


def test_the_light_follows_the_day_in_wall_clock_time() -> None:
    told = day(("22:00", "light-off"), ("07:00", "light-day"))  # begins at 02:00
    assert told.wait(5 * HOUR - 1) == ""
    assert told.wait(5 * HOUR) == "light-day lamp"
    assert told.wait(24 * HOUR) == "light-off lamp"
    assert told.wait(48 * HOUR) == "light-day lamp, light-off lamp"


def test_it_follows_the_wall_clock_through_the_change_of_clocks() -> None:
    told = day(("07:00", "light-day"), begins=datetime(2026, 3, 28, 12, 0, tzinfo=UTC))  # clocks go forward that night
    assert told.wait(16 * HOUR) == ""
    assert told.wait(17 * HOUR) == "light-day lamp"  # 05:00 UTC


def test_after_a_downtime_only_what_is_due_now_is_told() -> None:
    told = day(("07:00", "light-day"), ("19:00", "light-evening"))
    told.states = told.rules.start(NIGHT)
    from rules.model import Tick

    late = told.time(17 * HOUR + 5 * MINUTE)  # 19:05: both are due
    verdicts = [change.verdict for change in told.rules.judge(told.states, Tick(late))]
    assert [verdict.command for verdict in verdicts if isinstance(verdict, Act)] == ["light-evening"]
    much_later = told.time(20 * HOUR)
    assert not [one for one in told.rules.judge(told.states, Tick(much_later)) if isinstance(one.verdict, Act)]


def test_two_steps_at_one_time_are_refused() -> None:
    with pytest.raises(ValueError, match="each time of the day only once"):
        day(("07:00", "light-day"), ("07:00", "light-off"))


# --- answers -------------------------------------------------------------------------------------------------------


def leaving(**settings: Any) -> Story:
    return Story(
        {"rule": "answer", "to": "zone_exit", **settings}, {"rule": "zone_exit", "zone": "garden"}, context=WITH_LAMP
    )


def test_the_tracker_is_asked_for_its_place_at_an_exit() -> None:
    told = leaving()
    assert told.hear(0, fix(), distance=-50) == ""
    assert "locate" not in told.hear(60, fix(), distance=60)
    assert told.hear(90, fix(), distance=80) == "raised high, locate gps"


def test_or_at_the_first_sign_of_it() -> None:
    told = leaving(when="pending")
    told.hear(0, fix(), distance=-50)
    assert told.hear(60, fix(), distance=60).endswith("locate gps")


def test_not_more_often_than_said() -> None:
    told = Story({"rule": "answer", "to": "fall", "command": "ring", "at_most_every_s": 120}, {"rule": "fall"})
    fell = Fall(device="gps", phase="detected")
    assert told.hear(0, fell) == "raised high, ring gps"
    assert told.hear(119, fell) == "raised high"
    assert told.hear(121, fell) == "raised high, ring gps"


def test_a_lamp_answers_a_fall() -> None:
    told = Story(
        {"rule": "answer", "to": "fall", "command": "light-on", "device": "lamp"}, {"rule": "fall"}, context=WITH_LAMP
    )
    assert told.hear(0, Fall(device="gps", phase="detected")) == "raised high, light-on lamp"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"to": "zone_exot"}, "rule is 'zone_exot'"),
        ({"to": "answer"}, "that rule itself only tells devices"),
        ({"to": "fall", "command": "light-on"}, "device is missing"),
        ({"to": "fall", "command": "light-on", "device": "lump"}, "device is 'lump'"),
    ],
)
def test_what_cannot_be_answered_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(RuleError, match=words):
        rules_of({"rule": "answer", **settings}, context=WITH_LAMP)
