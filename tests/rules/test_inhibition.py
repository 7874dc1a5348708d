"""Who falls on the way to the toilet is told of once."""

from datetime import UTC, datetime

from devices.model import Bed, Fall
from rules import inhibition
from rules.model import Inhibited, Raised, Superseded
from rules.registry import decode_states, encode_states, find
from tests.rules.story import Story

NIGHT = datetime(2026, 1, 14, 1, 0, tzinfo=UTC)  # 02:00 in Malta
MINUTE = 60
RULES = ({"rule": "fall", "cancel_within_s": 30, "long_lie_after_s": 0}, {"rule": "bed_exit", "minutes": 20})


def bed(*, in_bed: bool) -> Bed:
    return Bed(device="gps", in_bed=in_bed)


def fall(phase: str = "detected") -> Fall:
    return Fall(device="gps", phase=phase)  # type: ignore[arg-type]


def story(*settings: dict[str, object]) -> Story:
    told = Story(*(settings or RULES), begins=NIGHT)
    told.hear(0, bed(in_bed=True))
    return told


def test_a_bed_exit_of_the_same_event_is_held_under_the_fall() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.hear(12 * MINUTE, fall())
    assert told.wait(13 * MINUTE) == "raised high"
    assert told.wait(40 * MINUTE) == "bed_exit under fall"
    held = told.last(Inhibited)
    assert isinstance(held.raised, Raised)
    assert held.raised.reason.text.startswith("Out of bed")


def test_a_bed_exit_that_was_told_goes_under_the_fall_and_is_named_there() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    assert told.wait(30 * MINUTE) == "raised medium"
    said = told.hear(35 * MINUTE, fall("confirmed"))
    assert said == "raised high, bed_exit goes under fall"
    assert told.last(Superseded).by == "fall"
    assert any(text.startswith("Out of bed") for text in told.marks())


def test_a_fall_that_the_wearer_takes_back_gives_the_bed_exit_back() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.hear(12 * MINUTE, fall("confirmed"))
    assert told.wait(31 * MINUTE) == "bed_exit under fall"
    assert told.hear(32 * MINUTE, fall("cancelled")) == "cleared, raised medium"


def test_back_in_bed_before_the_fall_is_taken_back_leaves_nothing_to_tell() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.hear(12 * MINUTE, fall("confirmed"))
    told.wait(31 * MINUTE)
    assert told.hear(32 * MINUTE, bed(in_bed=True)) == "cleared"
    assert told.hear(33 * MINUTE, fall("cancelled")) == "cleared"


def test_the_next_way_out_of_bed_is_another_event() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.hear(12 * MINUTE, fall("confirmed"))
    told.hear(15 * MINUTE, bed(in_bed=True))  # helped back
    told.hear(20 * MINUTE, bed(in_bed=False))
    assert told.wait(41 * MINUTE) == "raised medium"


def test_a_bed_exit_long_after_the_fall_is_told() -> None:
    told = story({"rule": "fall", "long_lie_after_s": 0}, {"rule": "bed_exit", "minutes": 90})
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.hear(12 * MINUTE, fall("confirmed"))
    assert told.wait(101 * MINUTE) == "raised medium"


def test_a_restart_in_between_changes_nothing() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.hear(12 * MINUTE, fall("confirmed"))
    told.states = decode_states(encode_states(told.states))
    assert told.wait(31 * MINUTE) == "bed_exit under fall"
    told.states = decode_states(encode_states(told.states))
    assert told.hear(32 * MINUTE, fall("cancelled")) == "cleared, raised medium"


def test_the_state_is_forgotten_with_time() -> None:
    told = story()
    told.hear(10 * MINUTE, bed(in_bed=False))
    told.wait(31 * MINUTE)
    told.hear(40 * MINUTE, bed(in_bed=True))
    for hour in range(3, 60, 3):
        told.hear(hour * 60 * MINUTE, fall("confirmed"))
    state = told.states[inhibition.KEY]
    assert isinstance(state, inhibition.InhibitionState)
    assert len(state.winners) == 1
    assert not state.losers


def test_not_back_carries_the_bed_exit_along_and_goes_itself_under_a_fall() -> None:
    told = story({"rule": "bed_exit", "minutes": 20}, {"rule": "not_back", "minutes": 30}, {"rule": "fall"})
    told.hear(10 * MINUTE, bed(in_bed=False))
    assert told.wait(30 * MINUTE) == "raised medium"
    assert told.wait(40 * MINUTE) == "raised medium, bed_exit goes under not_back"
    assert told.hear(45 * MINUTE, fall("confirmed")) == "raised high, not_back goes under fall"
    assert told.hear(46 * MINUTE, fall("cancelled")) == "cleared, raised medium"


def test_no_event_has_two_stand_ins_of_the_same_rank() -> None:
    """The table has no circle: nothing can wait under what waits under it."""
    pairs = {(one.winner, one.loser) for one in inhibition.INHIBITIONS}
    assert len(pairs) == len(inhibition.INHIBITIONS)
    reach = set(pairs)
    while more := {(a, d) for a, b in reach for c, d in pairs if b == c} - reach:
        reach |= more
    assert not {winner for winner, loser in reach if winner == loser}


def test_every_word_of_the_table_is_a_rule() -> None:
    for one in inhibition.INHIBITIONS:
        assert find(one.winner).name == one.winner
        assert find(one.loser).name == one.loser
