"""Leaving a safe zone, on real ground: jumps, late and mixed-up positions, wrong clocks, hours, companions, rooms."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.errors import BadRuleError
from rules.model import Cleared, Pending, Raised, Tick
from rules.zone_state import Stand
from tests.rules.ground import Ground, step

EXIT = {"rule": "zone_exit", "zone": "garden"}


def stand(story: Ground) -> Stand:
    return story.states["zone_exit:garden"].stand  # type: ignore[attr-defined,no-any-return]


class TestJump:
    @pytest.mark.parametrize("pause", [1, 10, 30, 60])
    @pytest.mark.parametrize("settings", [{}, {"decide_within_s": 0}, {"confirmations": 3}])
    def test_one_fix_200_m_off_that_claims_2_m_raises_nothing(self, pause: float, settings: dict[str, Any]) -> None:
        story = Ground(EXIT | settings)
        story.at(0, 0)
        said = story.at(pause, 200, accuracy=2)
        assert said == f"pending {pause + 360}"
        assert story.at(2 * pause, 0) == ""
        assert story.wait(99_999) == ""

    @pytest.mark.parametrize("settings", [{"confirmations": 1}, {"confirmations": 1, "jump_within_s": 0}])
    def test_a_care_plan_that_asks_for_the_first_position_gets_it(self, settings: dict[str, Any]) -> None:
        story = Ground(EXIT | settings)
        story.at(0, 0)
        assert story.at(30, 200, accuracy=2) == "raised high"
        assert story.at(60, 0) == "cleared"

    def test_without_a_wait_a_jump_counts_as_any_position(self) -> None:
        story = Ground(EXIT | {"jump_within_s": 0})
        story.at(0, 0)
        assert story.at(30, 200, accuracy=2) == "pending 90"
        assert story.at(60, 210, accuracy=2) == "raised high"

    def test_it_says_what_it_doubts(self) -> None:
        story = Ground(EXIT)
        story.at(0, 0)
        story.at(30, 200, accuracy=2)
        reason = story.last(Pending).reason
        assert reason.text == "Perhaps outside {zone}, or a jump: {jump_m} away after {jump_s}."
        assert (reason.values["jump_m"], reason.values["jump_s"]) == (200, 30.0)

    def test_it_is_told_in_the_end_with_a_mark(self) -> None:
        """A ride in a car, and then a dead battery: bounded, never hidden."""
        story = Ground(EXIT)
        story.at(0, 0)
        story.at(30, 2000)
        assert story.wait(389) == ""
        assert story.wait(390) == "raised high"
        assert story.marks() == ["One position only, {jump_m} away after {jump_s}: it may be an error."]

    def test_a_ride_is_told_by_its_second_position_without_that_mark(self) -> None:
        story = Ground(EXIT)
        story.at(0, 0)
        story.at(30, 500)
        assert story.at(60, 1000) == "raised high"
        assert story.marks() == []

    def test_an_unknown_one_after_it_does_not_end_the_wait(self) -> None:
        story = Ground(EXIT)
        story.at(0, 0)
        story.at(30, 300)
        assert story.at(60, 100) == "pending 390"
        assert story.wait(390) == "raised high"

    def test_a_walk_is_never_held_up(self) -> None:
        story = Ground(EXIT)
        story.at(0, 80)
        assert story.at(30, 120) == "pending 90"
        assert story.wait(90) == "raised high"
        assert story.marks() == []

    def test_the_time_since_the_last_position_makes_a_jump_a_walk(self) -> None:
        story = Ground(EXIT)
        story.at(0, 0)
        assert story.at(300, 400) == "pending 360"

    def test_a_driver_can_have_a_higher_speed(self) -> None:
        story = Ground(EXIT | {"fastest_mps": 40})
        story.at(0, 0)
        assert story.at(10, 300) == "pending 70"

    def test_jumps_again_and_again_raise_nothing(self) -> None:
        story = Ground(EXIT)
        for minute in range(200):
            story.at(minute * 60, 300 if minute % 2 else 0, accuracy=2)
        assert story.verdicts(Raised) == []

    def test_a_jump_back_needs_a_second_one_inside(self) -> None:
        story = Ground(EXIT)
        for time, east in ((0, 90), (30, 120), (60, 160), (3600, 2000)):
            story.at(time, east)
        assert story.at(3630, 0) == "pending 3990"
        assert story.at(3660, 2030) == ""
        assert story.verdicts(Cleared) == []
        assert story.at(3690, 0) == "pending 4050"
        assert story.at(3720, 0) == "cleared"

    def test_a_jump_back_and_then_nothing_is_believed_in_the_end(self) -> None:
        """Else the next exit would be taken for the old one, and nobody told."""
        story = Ground(EXIT)
        for time, east in ((0, 90), (30, 120), (60, 160), (3600, 2000)):
            story.at(time, east)
        story.at(3630, 0)
        assert story.wait(99_999) == "cleared"
        story.at(100_000, 0)
        story.at(100_100, 150)
        assert story.at(100_130, 160) == "raised high"


class TestOrder:
    def test_a_late_outside_before_an_unknown_counts(self) -> None:
        story = Ground(EXIT)
        story.at(0, 80)
        story.at(60, 100)
        assert story.at(70, 115, age=30) == "pending 130"
        assert story.wait(130) == "raised high"

    def test_a_late_inside_between_two_outside_leaves_the_later_one(self) -> None:
        story = Ground(EXIT | {"confirmations": 3})
        story.at(0, 80)
        story.at(30, 120)
        story.at(60, 130)
        assert story.at(61, 90, age=16) == "pending 90"
        assert story.at(70, 135) == "pending 90"
        assert len(story.states["zone_exit:garden"].fixes) == 2  # type: ignore[attr-defined]
        assert story.wait(90) == "raised high"

    def test_a_late_outside_confirms_one_that_was_heard_before(self) -> None:
        story = Ground(EXIT)
        story.at(0, 80)
        assert story.at(30, 120) == "pending 90"
        assert story.at(31, 115, age=10) == "raised high"

    def test_at_the_same_time_outside_wins(self) -> None:
        story = Ground(EXIT)
        story.at(10, 94)
        assert story.at(11, 106, age=1) == "pending 71"
        assert story.at(12, 94, age=2) == ""
        assert story.wait(71) == "raised high"

    def test_late_outside_after_a_newer_inside_says_nothing(self) -> None:
        story = Ground(EXIT)
        story.at(100, 0)
        assert story.at(101, 300, age=60) == ""
        assert story.wait(9999) == ""


class TestClock:
    def test_a_clock_set_back_by_hours_makes_it_deaf_for_three_positions_only(self) -> None:
        story = Ground(EXIT)
        story.at(10_000, 0)
        assert story.at(10_060, 150, age=7200) == ""
        assert story.at(10_120, 160, age=7200) == ""
        assert story.at(10_180, 170, age=7200) == "pending 10240"
        assert story.at(10_240, 180, age=7200) == "raised high"
        assert "The tracker's clock seems to be {late_s} behind; the time of hearing counts." in story.marks()
        assert story.at(10_300, 0, age=7200) == "pending 10660"
        assert story.at(10_360, 0, age=7200) == "cleared"

    def test_it_is_over_when_the_clock_is_right_again(self) -> None:
        story = Ground(EXIT)
        story.at(10_000, 0)
        for time in (10_060, 10_120, 10_180):
            story.at(time, 0, age=7200)
        story.at(10_240, 0)
        assert story.at(10_300, 150, age=7200) == ""

    def test_a_store_of_old_positions_in_a_burst_is_no_clock(self) -> None:
        story = Ground(EXIT)
        story.at(10_000, 0)
        for number in range(50):
            assert story.at(10_001 + number * 0.2, 300, age=9000 - number * 60) == ""
        assert story.wait(99_999) == ""

    def test_a_burst_of_positions_of_one_second_is_no_clock(self) -> None:
        story = Ground(EXIT)
        story.at(10_000, 0)
        for number in range(10):
            assert story.at(10_001 + number * 0.1, 300, age=4000) == ""
        assert story.wait(99_999) == ""

    def test_a_tracker_that_repeats_its_last_fix_is_no_clock(self) -> None:
        story = Ground(EXIT)
        story.at(10_000, 0)
        for number in range(50):
            assert story.at(10_060 + number * 60, 300, age=7200 + number * 60) == ""
        assert story.wait(99_999) == ""

    def test_positions_of_a_delayed_network_among_live_ones_are_no_clock(self) -> None:
        story = Ground(EXIT)
        for number in range(20):
            assert story.at(10_000 + number * 60, 0) == ""
            assert story.at(10_030 + number * 60, 300, age=1000) == ""


WATCHED = EXIT | {"schedule": {"weekly": [{"from": "20:00", "to": "07:00"}]}}


class TestHours:
    def begin(self, **settings: Any) -> Ground:
        """At 19:00 local time, an hour before the watch."""
        return Ground(WATCHED | settings, begins=datetime(2026, 1, 14, 18, 0, tzinfo=UTC))

    def test_nothing_is_told_by_day(self) -> None:
        story = self.begin()
        assert story.at(0, 300) == ""
        assert story.at(60, 300) == ""
        assert story.wait(3599) == ""

    def test_already_outside_when_it_begins(self) -> None:
        story = self.begin()
        story.at(3000, 300, frame=7)
        assert story.wait(3719) == ""
        assert story.wait(3720) == "raised high"
        raised = story.last(Raised)
        assert raised.reason.text == "Already outside {zone} when the watch began: {out_m} from its border."
        assert [evidence.frame for evidence in raised.evidence] == [7]

    def test_who_comes_in_within_the_grace_is_not_told_of(self) -> None:
        story = self.begin()
        story.at(3000, 300)
        assert story.at(3700, 0) == ""
        assert story.wait(40_000) == ""

    def test_an_old_position_outside_is_no_reason(self) -> None:
        story = self.begin()
        story.at(1700, 300)
        assert story.wait(20_000) == ""
        assert story.at(20_000, 300) == "pending 20060"

    def test_inside_when_it_begins(self) -> None:
        story = self.begin()
        story.at(2000, 300)
        story.at(3000, 0)
        assert story.wait(30_000) == ""

    def test_what_waits_when_it_ends_is_dropped_and_what_was_told_stays(self) -> None:
        story = self.begin()
        seven = 12 * 3600
        story.at(seven - 3000, 0)
        story.at(seven - 30, 300)
        assert story.wait(seven + 1000) == ""
        told = self.begin()
        told.at(seven - 500, 300)
        told.at(seven - 400, 300)
        assert told.wait(seven + 1000) == ""
        assert told.at(seven + 2000, 0) == "cleared"

    def test_the_next_watch_tells_anew_of_who_is_still_outside(self) -> None:
        story = self.begin()
        day = 24 * 3600
        story.at(3700, 300)
        assert story.at(3800, 300) == "raised high"
        story.at(day + 3000, 300)
        assert story.wait(day + 3720) == "raised high"
        assert story.at(day + 4000, 0) == "cleared"

    def test_a_watch_soon_after_the_last_one_tells_with_its_last_position(self) -> None:
        story = self.begin(schedule={"weekly": [{"from": "20:00", "to": "20:30"}, {"from": "20:40", "to": "21:00"}]})
        story.at(4500, 300)
        assert story.at(4550, 310, frame=2) == "raised high"
        assert story.wait(6119) == ""
        assert story.wait(6120) == "raised high"
        assert [evidence.frame for evidence in story.last(Raised).evidence] == [2]

    def test_an_exit_after_an_alert_of_which_nobody_knows_the_end_is_told(self) -> None:
        story = self.begin()
        day = 24 * 3600
        story.at(3700, 300)
        story.at(3800, 300)
        story.wait(day + 3700)
        story.at(day + 5000, 310)
        assert story.at(day + 5030, 310) == "raised high"

    def test_a_state_of_a_plan_without_hours_is_planned_at_once(self) -> None:
        story, plain = self.begin(), Ground(EXIT, begins=datetime(2026, 1, 14, 18, 0, tzinfo=UTC))
        story.states = plain.states
        assert story.rules.wake_at(story.states) < story.begins  # type: ignore[operator]
        step(story, Tick(story.begins))
        assert story.rules.wake_at(story.states) == story.time(3600)


ALONG = EXIT | {"companions": ["nora", "sam"]}


class TestCompanions:
    def out_together(self) -> Ground:
        story = Ground(ALONG)
        story.at(0, 90)
        story.at(5, 92, device="phone-nora")
        story.at(30, 120)
        assert story.at(60, 130) == "pending 305"
        return story

    def test_nothing_is_told_while_one_is_near(self) -> None:
        story = self.out_together()
        for number in range(1, 20):
            story.at(60 + number * 60, 130 + number * 60)
            story.at(70 + number * 60, 140 + number * 60, device="phone-nora")
        assert story.verdicts(Raised) == []
        assert stand(story) is Stand.ACCOMPANIED

    def test_told_when_the_companion_is_silent(self) -> None:
        story = self.out_together()
        assert story.wait(304) == ""
        assert story.wait(305) == "raised high"
        assert story.last(Raised).reason.text.endswith("and no companion near any more.")

    def test_told_when_the_companion_walks_away(self) -> None:
        story = self.out_together()
        assert story.at(90, 130, 500, device="phone-nora") == "pending 150"
        assert story.wait(150) == "raised high"

    def test_one_wrong_position_of_the_companion_is_not_told(self) -> None:
        story = self.out_together()
        story.at(90, 130, 500, device="phone-nora")
        story.at(120, 140, device="phone-nora")
        story.at(125, 140)
        assert story.verdicts(Raised) == []

    def test_told_when_the_person_walks_on_alone(self) -> None:
        story = self.out_together()
        story.at(100, 130, device="phone-nora")
        assert story.at(300, 730) == "pending 360"
        assert story.at(330, 770) == "raised high"

    def test_the_other_companion_counts_too(self) -> None:
        story = self.out_together()
        story.at(100, 130, device="phone-sam")
        assert story.wait(359) == ""
        assert story.wait(360) == "raised high"

    def test_a_companion_at_home_is_not_near(self) -> None:
        story = Ground(ALONG)
        story.at(0, 80)
        story.at(5, -90, device="phone-nora")
        story.at(30, 120)
        assert story.at(60, 160) == "raised high"

    def test_a_rough_position_of_a_companion_does_not_count(self) -> None:
        story = Ground(ALONG)
        story.at(0, 80)
        story.at(5, 90, device="phone-nora", accuracy=900)
        story.at(6, 90, device="phone-sam", accuracy=None, source="cell")
        story.at(30, 120)
        assert story.at(60, 160) == "raised high"

    def test_an_old_position_of_a_companion_does_not_count(self) -> None:
        story = Ground(ALONG)
        story.at(0, 90, device="phone-nora")
        story.at(400, 90)
        story.at(430, 120)
        assert story.at(460, 130) == "raised high"

    def test_coming_back_together_is_quiet(self) -> None:
        story = self.out_together()
        assert story.at(120, 50) == ""
        assert story.wait(9999) == ""

    def test_a_stranger_of_the_house_is_not_heard(self) -> None:
        assert Ground(EXIT).rules.others == frozenset()
        assert Ground(ALONG).rules.others == {"phone-nora", "phone-sam"}

    def test_a_companion_without_a_tracker_is_refused(self) -> None:
        with pytest.raises(BadRuleError, match=r"'ann'.*carries no tracker.*nora, sam"):
            Ground(EXIT | {"companions": ["ann"]})


class TestRooms:
    def test_another_room_is_outside(self) -> None:
        story = Ground({"rule": "zone_exit", "zone": "kitchen"})
        assert story.room(0, "kitchen") == ""
        assert story.room(10, "pantry") == ""
        assert story.room(20, "hall") == "pending 80"
        assert story.room(30, "street") == "raised high"
        assert story.last(Raised).reason.values["room"] == "street"
        assert story.room(40, "pantry") == "cleared"

    def test_left_and_not_seen_elsewhere_is_unknown(self) -> None:
        story = Ground({"rule": "zone_exit", "zone": "kitchen"})
        story.room(0, "kitchen")
        assert story.room(10, "kitchen", present=False) == ""
        assert story.room(20, None) == ""
        assert story.wait(9999) == ""

    def test_a_position_says_nothing_of_rooms(self) -> None:
        story = Ground({"rule": "zone_exit", "zone": "kitchen", "confirmations": 1})
        assert story.rules.zone_ids == ()
        assert story.at(0, 5000) == ""


@pytest.mark.parametrize("rule", ["zone_exit", "zone_entry"])
def test_a_schedule_that_is_taken_out_of_the_plan_leaves_nobody_unwatched(rule: str) -> None:
    plan = {"rule": rule, "zone": "garden"}
    hours = {"schedule": {"weekly": [{"days": "daily", "from": "20:00", "to": "21:00"}]}}
    good, bad = (0, 160) if rule == "zone_exit" else (160, 0)
    before = Ground(plan | hours)
    before.at(0, good)
    after = Ground(plan)
    after.states = before.states
    said = [after.at(100, bad), after.at(160, bad), after.wait(999)]
    assert "raised high" in said
