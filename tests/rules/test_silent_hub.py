"""A device behind a hub: while the hub is gone, the hub is told, not its devices; and no hub hides a dead device."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Help, Motion, Status
from rules.model import Cleared, Context, DeviceInfo, Heard, Quiet, Raised, Tick
from rules.registry import decode_states, encode_states
from rules.silent_state import Stand
from tests.rules.story import T0, Story, heard, rules_of

LIMIT = 1000  # told after 1000 to 1050 s
HUB = DeviceInfo("hub", "native", type="hub", mains=True)
BEHIND = DeviceInfo("gps", "native", type="other", hub="hub")
CONTEXT = Context(ZoneInfo("Europe/Malta"), {}, (BEHIND,), surroundings=(HUB,))
SILENT = {"rule": "silent", "after_s": LIMIT}
HERE = Motion(device="gps", moving=True)
ALIVE, GONE = Status(device="hub", online=True), Status(device="hub", online=False)


class Behind(Story):
    """The device's story, with its hub beside it."""

    def __init__(self, **changed: Any) -> None:
        super().__init__(SILENT | changed, context=CONTEXT)

    def hub(self, at: float, reading: Status = ALIVE) -> str:
        said = self.wait(at)
        event = heard(reading, self.time(at), device="hub")
        return ", ".join(
            filter(None, [said, self._judge(Heard(event.reading, "status", "hub", event.at, event.at, own=False))])
        )

    def hub_speaks(self, since: float, until: float, every: float = 30) -> str:
        said, at = [], since
        while at <= until:
            said.append(self.hub(at))
            at += every
        return ", ".join(filter(None, said))

    def stand(self) -> Stand:
        return self.states["silent:gps"].stand  # type: ignore[attr-defined, no-any-return]


def test_the_hub_is_heard_by_the_rules_that_name_it() -> None:
    rules = rules_of(SILENT, context=CONTEXT)
    assert rules.others == {"hub"}


def test_a_device_is_told_while_its_hub_is_there() -> None:
    story = Behind()
    story.hear(10, HERE)
    said = story.hub_speaks(15, 1100)
    assert said.startswith("raised medium") or said == "pending 1150, raised medium"
    assert said.count("raised") == 1
    assert story.hub_speaks(1110, 5000) == ""
    assert story.hear(5001, HERE) == "cleared"


def test_while_the_hub_is_silent_its_device_is_not_told() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 300)
    assert story.wait(50_000) == ""
    assert story.stand() is Stand.BEHIND
    quiet = story.changes[-1].verdict
    assert isinstance(quiet, Quiet)
    assert quiet.reason.values == {"device": "gps", "hub": "hub"}


def test_a_hub_that_falls_silent_right_before_the_deadline_is_asked_for_first() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 1000)
    assert story.wait(1060) == "pending 1150"
    assert story.wait(9000) == ""
    assert story.stand() is Stand.BEHIND


def test_when_the_hub_returns_the_device_has_its_full_limit_again() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 300)
    story.wait(5000)
    assert story.hub_speaks(5000, 6000) == ""
    assert story.hub_speaks(6030, 6200).count("raised") == 1
    assert story.last(Raised).reason.values["silent_s"] > 5000


def test_a_hub_that_was_away_and_back_before_the_deadline_gives_it_too() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 100)
    assert story.hub_speaks(900, 1880) == ""
    assert story.hub_speaks(1900, 2100).count("raised") == 1


def test_a_hub_that_is_reported_offline_excuses_at_once() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 1030)
    assert story.hub(1040, GONE) == ""
    assert story.hub(1041, GONE) == ""
    assert story.wait(1061) == ""
    assert story.stand() is Stand.BEHIND
    assert story.hub(2000) == ""
    assert story.stand() is Stand.HEARD


def test_offline_while_it_is_asked_for() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 1000)
    assert story.wait(1060) == "pending 1150"
    assert story.hub(1070, GONE) == ""
    assert story.stand() is Stand.BEHIND


def test_a_hub_that_was_never_heard_excuses_nothing() -> None:
    story = Behind()
    story.hear(10, HERE)
    assert story.wait(1060) == "raised medium"


def test_its_own_word_ends_every_excuse() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 300)
    story.wait(5000)
    assert story.hear(5000, HERE) == ""
    assert story.stand() is Stand.HEARD
    assert story.wait(50_000) == ""  # the hub is still not there


def test_reported_offline_by_a_living_hub() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 40)
    assert story.hear(50, Status(device="gps", online=False)) == "pending 140"
    assert "raised medium" in story.hub_speaks(60, 200)


def test_a_device_that_is_told_stays_told_when_its_hub_goes() -> None:
    story = Behind()
    story.hear(10, HERE)
    assert "raised" in story.hub_speaks(15, 1100)
    assert story.hub(1200, GONE) == ""
    assert story.stand() is Stand.SILENT
    assert story.hear(1300, HERE) == "cleared"


def test_a_hub_in_the_house_is_found_within_90_seconds() -> None:
    house = Context(ZoneInfo("Europe/Malta"), {}, (), surroundings=(HUB, BEHIND), house=True)
    story = Story({"rule": "silent"}, context=house)
    for second in range(0, 300, 30):
        assert story.hear(second, ALIVE, device="hub") == ""
    assert story.wait(270 + 89.9) == ""
    assert story.wait(270 + 90) == "raised medium"
    assert story.last(Raised).subject == "hub"
    assert story.hear(400, ALIVE, device="hub") == "cleared"
    assert story.last(Cleared).subject == "hub"


def test_the_house_watches_its_devices_behind_the_hub() -> None:
    house = Context(ZoneInfo("Europe/Malta"), {}, (HUB, BEHIND), surroundings=(HUB, BEHIND), house=True)
    story = Story(SILENT, context=house)
    assert set(story.states) == {"silent:hub", "silent:gps"}
    for second in range(0, 600, 30):
        story.hear(second, ALIVE, device="hub")
    assert story.wait(20_000) == "raised medium"  # the hub after its limit; the device is behind it
    assert story.last(Raised).subject == "hub"


def test_a_spare_in_the_drawer_is_silent_and_nobody_is_told() -> None:
    spare = DeviceInfo("spare", "native", None, None, "tracker")
    fixed = [
        DeviceInfo("limit", "native", None, 600, "tracker"),
        DeviceInfo("room", "native", None, None, "sos_button", room="hall"),
        DeviceInfo("door", "native", None, None, "door_sensor"),
    ]
    house = Context(ZoneInfo("Europe/Malta"), {}, (), surroundings=(spare, *fixed), house=True)
    assert set(rules_of(SILENT, context=house).start(T0)) == {"silent:limit", "silent:room", "silent:door"}
    worn = Context(ZoneInfo("Europe/Malta"), {}, (spare,))
    assert set(rules_of(SILENT, context=worn).start(T0)) == {"silent:spare"}


def test_no_surroundings_are_watched_by_a_residents_rules() -> None:
    assert set(rules_of(SILENT, context=CONTEXT).start(T0)) == {"silent:gps"}


def test_another_device_is_not_the_hub() -> None:
    story = Behind()
    (rule,) = story.rules.rules
    other = heard(Help(device="x", phase="pressed"), T0, device="x")
    state = story.states["silent:gps"]
    assert rule.step(state, other)[0] is state


@given(st.lists(st.tuples(st.integers(1, 2000), st.booleans()), max_size=40), st.integers(0, 40))
@settings(max_examples=60)
def test_a_dead_device_is_found_whatever_its_hub_does(rows: list[tuple[int, bool]], restart: int) -> None:
    """Three excuses, each a full limit, then one more; after that a hub that speaks at all is no excuse."""
    story = Behind()
    story.hear(0, HERE)
    at = 0
    for number, (gap, alive) in enumerate(rows):
        at += gap
        if number == restart:
            story.states = decode_states(encode_states(story.states))
        story.hub(at, ALIVE if alive else GONE)
    at += 1
    story.hub(at)
    for _ in range(5 * 1050 // 30):
        at += 30
        story.hub(at)
    assert story.stand() is Stand.SILENT
    assert sum(isinstance(change.verdict, Raised) for change in story.changes) == 1


@given(st.lists(st.integers(1, 900), min_size=1, max_size=60))
@settings(max_examples=60)
def test_a_living_device_is_never_told_whatever_its_hub_does(gaps: list[int]) -> None:
    story = Behind()
    at = 0
    for number, gap in enumerate(gaps):
        at += gap
        if number % 3 == 0:
            story.hub(at - gap / 2, GONE if number % 2 else ALIVE)
        story.hear(at, HERE)
    assert not any(isinstance(change.verdict, Raised) for change in story.changes)


@pytest.mark.parametrize("every", [200, 600])
def test_a_hub_slower_than_thought_hides_nobody(every: int) -> None:
    """It speaks every ten minutes where 90 s were expected: each of its words looks like a return."""
    story = Behind()
    story.hear(0, HERE)
    said = story.hub_speaks(10, 20_000, every=every)
    assert said.count("raised") == 1


def test_a_tick_settles_what_is_due() -> None:
    story = Behind()
    story.hear(10, HERE)
    story.hub_speaks(15, 1000)
    due = story.rules.wake_at(story.states)
    assert due is not None
    story._judge(Tick(due))
    again = story.rules.wake_at(story.states)
    assert again is not None
    assert again > due
