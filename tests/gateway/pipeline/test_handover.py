"""A device that gets a new wearer: what it said of the former one ends, what was learned and what is urgent stays."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Close, Outcome
from gateway.alerts.table import AlertState
from gateway.centre.model import Assignment
from gateway.pipeline.leaving import bereft
from rules.bed_exit import BedExitState
from rules.engine import ResidentRules
from rules.help import HelpSettings
from rules.model import Context, DeviceInfo, State
from rules.no_movement import NoMovementSettings, NoMovementState
from rules.registry import decode_states
from rules.restless_night import Rest, RestlessNightSettings, RestlessNightState
from rules.zone_state import ZoneExitState
from tests.gateway.pipeline.chain import DEMO, START, Chain, frame

HANDED = START + timedelta(hours=1)
MAT, BUTTON = "bed-r01", "sos-r01"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """The demo centre, in which r02 gets the mat and the button of r01 at HANDED."""
    kept = tuple(one for one in DEMO.assignments if one.device not in (MAT, BUTTON))
    worn = []
    for device in (MAT, BUTTON):
        before = {"device": device, "resident": "r01", "from": START - timedelta(days=30), "to": HANDED}
        after = {"device": device, "resident": "r02", "from": HANDED}
        worn += [Assignment.model_validate(before), Assignment.model_validate(after)]
    return Chain(tmp_path, DEMO.model_copy(update={"assignments": (*kept, *worn)}))


def bed_of(chain: Chain, resident: str) -> State:
    ((stored,),) = chain.rows("SELECT states FROM rule_states WHERE resident = ?", resident)
    return decode_states(stored.encode())["bed_exit"]


def out_of_bed(chain: Chain) -> None:
    chain.clock.move_to(HANDED - timedelta(minutes=10))
    chain.take(frame(MAT, "bed", chain.now, in_bed=True))
    chain.take(frame(MAT, "bed", chain.now, in_bed=False))
    state = bed_of(chain, "r01")
    assert isinstance(state, BedExitState)
    assert state.until is not None


@pytest.mark.parametrize("restarted", [False, True])
def test_who_has_no_mat_any_more_is_not_out_of_bed(chain: Chain, restarted: bool) -> None:
    out_of_bed(chain)
    chain.clock.move_to(HANDED)
    if restarted:  # only the database knows who wore what
        chain.restart()
    else:
        chain.tick(everybody=True)
    assert bed_of(chain, "r01") == BedExitState()
    chain.clock.move(3 * 3600)
    chain.tick()
    assert chain.alerts("bed_exit") == []


def test_a_failed_transaction_lets_go_of_nothing(chain: Chain) -> None:
    out_of_bed(chain)
    chain.clock.move_to(HANDED)

    before = bed_of(chain, "r01")
    chain.pipeline._judge.tick(list(chain.index.judged), chain.now, anew=True)
    assert bed_of(chain, "r01") == before
    chain.take(frame("gps-r01", "status", chain.now, battery_percent=90))
    chain.tick(everybody=True)
    assert bed_of(chain, "r01") == BedExitState()


def test_what_is_heard_late_of_the_former_wearer_is_stored_and_begins_nothing(chain: Chain) -> None:
    chain.clock.move_to(HANDED + timedelta(minutes=1))
    chain.tick(everybody=True)
    late = (HANDED - timedelta(minutes=1)).isoformat()
    chain.take(frame(MAT, "bed", chain.now, in_bed=False, t=late))
    assert chain.rows("SELECT resident FROM readings WHERE kind = 'bed'") == [("r01",)]
    assert bed_of(chain, "r01") == BedExitState()


def test_a_call_from_a_clock_that_is_behind_is_told_for_both_wearers(chain: Chain) -> None:
    chain.clock.move_to(HANDED + timedelta(minutes=30))
    chain.tick(everybody=True)
    for _ in range(3):
        chain.clock.move(60)
        behind = (chain.now - timedelta(hours=2)).isoformat()
        chain.take(frame(BUTTON, "status", chain.now, battery_percent=90, t=behind))
    chain.take(frame(BUTTON, "help", chain.now, phase="pressed", t=(chain.now - timedelta(hours=2)).isoformat()))
    alerts = chain.alerts("help")
    assert {alert.resident for alert in alerts} == {"r01", "r02"}
    for alert in alerts:
        assert alert.happened_at == chain.now
        words = [mark.text for mark in alert.marks]
        assert "The device's clock is wrong: the time shown is when the message came." in words
        assert "By its own time somebody else had the device then: please look after both." in words


def test_what_the_broker_had_kept_says_nothing_of_a_clock(chain: Chain) -> None:
    for minute in range(4):
        chain.clock.move(60)
        old = (START - timedelta(hours=5) + timedelta(minutes=minute)).isoformat()
        chain.take(frame(BUTTON, "status", chain.now, battery_percent=90, t=old, retained=True))
    assert not chain.pipeline._cases._clocks.watched


NIGHT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
RULES = [RestlessNightSettings(), NoMovementSettings(), HelpSettings()]


def gone(worn: dict[str, str], left: str) -> tuple[dict[str, State], dict[str, State]]:
    """States before a device of type ``left`` went away, and those that change."""
    devices = tuple(DeviceInfo(name, "native", type=kind) for name, kind in worn.items())
    rules = ResidentRules(RULES, Context(ZoneInfo("Europe/Malta"), {}, devices))
    rest = RestlessNightState(in_bed=True, night=NIGHT, until=NIGHT, exits=2, last=(Rest(date(2026, 3, 1), 1, 60.0),))
    moved = NoMovementState(NIGHT, NIGHT + timedelta(hours=4))
    before = {**rules.start(NIGHT), "restless_night": rest, "no_movement": moved}
    return before, bereft(rules, before, worn, [left], NIGHT)


def test_learned_nights_stay_and_half_a_night_goes() -> None:
    before, after = gone({"room": "room_sensor"}, "bed_sensor")
    assert isinstance(before["restless_night"], RestlessNightState)
    assert after == {"restless_night": RestlessNightState(last=before["restless_night"].last)}


def test_a_second_mat_goes_on_with_the_night() -> None:
    assert gone({"other": "bed_sensor"}, "bed_sensor")[1] == {}


def test_without_any_sensor_nobody_waits_for_movement() -> None:
    after = gone({}, "motion_sensor")[1]
    assert set(after) == {"no_movement"}
    assert isinstance(after["no_movement"], NoMovementState)
    assert after["no_movement"].until is None


def test_what_a_tracker_said_goes_with_it_and_hides_nothing_of_the_next(tmp_path: Path) -> None:
    given = next(one for one in DEMO.devices if one.id == "gps-r02")
    spare = given.model_copy(update={"id": "gps-b", "address": "gps-b"})
    since = START - timedelta(days=30)
    kept = tuple(one for one in DEMO.assignments if one.device != "gps-r02")
    worn = (
        Assignment.model_validate({"device": "gps-r02", "resident": "r02", "from": since, "to": HANDED}),
        Assignment.model_validate({"device": "gps-b", "resident": "r02", "from": since}),
    )
    centre = DEMO.model_copy(update={"devices": (*DEMO.devices, spare), "assignments": (*kept, *worn)})
    chain = Chain(tmp_path, centre)

    def heard(device: str, lat: float) -> None:
        chain.clock.move(60)
        chain.take(frame(device, "position", chain.now, lat=lat, lon=14.4, accuracy_m=5))

    def states() -> dict[str, ZoneExitState]:
        ((stored,),) = chain.rows("SELECT states FROM rule_states WHERE resident = 'r02'")
        found = decode_states(stored.encode())
        return {key: state for key, state in found.items() if isinstance(state, ZoneExitState)}

    for device, lat in (("gps-r02", 35.89), ("gps-b", 35.89), ("gps-r02", 35.8913), ("gps-r02", 35.8913)):
        heard(device, lat)
    (first,) = chain.alerts("zone_exit")
    closed = Close(Outcome.REAL)
    chain.write(lambda tx: desk.answer(tx, chain.index, first.id, closed, who="nora", via="console"))
    chain.clock.move_to(HANDED)
    chain.tick(everybody=True)
    assert [(state.device, state.told) for state in states().values()] == [("gps-b", False)]
    for lat in (35.896, 35.897):
        heard("gps-b", lat)
    assert [alert.state for alert in chain.alerts("zone_exit")] == [AlertState.CLOSED, AlertState.OPEN]
