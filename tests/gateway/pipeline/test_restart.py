"""kill -9 and a new process: states, numbers, redeliveries and deadlines go on from the database."""

from datetime import UTC, datetime

import pytest

from tests.gateway.pipeline.chain import Chain, frame

NIGHT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def states(chain: Chain, resident: str) -> str:
    return str(chain.rows("SELECT states FROM rule_states WHERE resident = ?", resident)[0][0])


def test_rules_go_on_from_their_states(chain: Chain) -> None:
    """Three confirmations are needed; a restart between any two of them changes nothing."""
    for lon in (14.4, 14.5, 14.5, 14.5):
        chain.clock.move(20)
        chain.take(frame("gps-r05", "position", chain.now, lon=lon, lat=35.89, accuracy_m=5))
        chain.restart()
    assert [(alert.rule, alert.resident) for alert in chain.alerts()] == [("zone_exit", "r05")]


def test_an_incident_goes_on_after_a_restart(chain: Chain) -> None:
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    chain.restart()
    chain.clock.move(60)
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    chain.restart()
    chain.take(frame("sos-r01", "help", chain.now, phase="cancelled"))
    (alert,) = chain.alerts("help")
    assert (alert.repeats, alert.state) == (1, "cleared")


def test_numbers_go_on_after_a_restart(chain: Chain) -> None:
    for _ in range(3):
        chain.take(frame("gps-r01", "status", chain.now, battery_percent=80))
        chain.restart()
    assert chain.rows("SELECT seq FROM journal ORDER BY seq") == [(1,), (2,), (3,)]


def out_of_bed(chain: Chain) -> None:
    chain.clock.move_to(NIGHT)
    chain.take(frame("bed-r03", "bed", chain.now, in_bed=True))
    chain.clock.move(60)
    chain.take(frame("bed-r03", "bed", chain.now, in_bed=False))


def test_a_deadline_is_known_and_fires(chain: Chain) -> None:
    out_of_bed(chain)
    due = chain.pipeline.next_wake()
    assert due is not None
    while due is not None and due <= NIGHT.replace(minute=16):
        chain.clock.move_to(due)
        chain.tick()
        due = chain.pipeline.next_wake()
    (alert,) = chain.alerts("bed_exit")
    assert alert.raised_at == NIGHT.replace(minute=16)  # 15 minutes after 01:01


@pytest.mark.parametrize("minutes", [5, 40])
def test_a_deadline_fires_after_a_restart(chain: Chain, minutes: int) -> None:
    """It was still to come, or passed while nobody was there."""
    out_of_bed(chain)
    chain.clock.move(minutes * 60)
    chain.restart()
    chain.clock.move_to(max(chain.now, NIGHT.replace(minute=16)))
    chain.tick()
    (alert,) = chain.alerts("bed_exit")
    assert alert.resident == "r03"


def test_back_in_bed_before_the_deadline_is_no_alarm(chain: Chain) -> None:
    out_of_bed(chain)
    chain.clock.move(10 * 60)
    chain.restart()
    chain.take(frame("bed-r03", "bed", chain.now, in_bed=True))
    chain.clock.move(60 * 60)
    chain.tick()
    assert chain.alerts("bed_exit") == []


def test_a_reading_fires_the_deadline_that_passed_before_it(chain: Chain) -> None:
    """Whether the timer or the reading comes first makes no difference."""
    out_of_bed(chain)
    chain.clock.move(40 * 60)
    chain.take(frame("bed-r03", "bed", chain.now, in_bed=False))
    assert len(chain.alerts("bed_exit")) == 1


def test_a_quiet_reading_leaves_the_states_alone(chain: Chain) -> None:
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    before = states(chain, "r02")
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    assert states(chain, "r02") == before


def test_our_own_absence_is_no_devices_silence(chain: Chain) -> None:
    """The gateway was away for a day: nobody is called silent for what could not be heard."""
    stopped = chain.now
    chain.clock.move(26 * 3600)
    chain.pipeline = type(chain.pipeline)(chain.db, lambda: chain.index)
    chain.write(lambda tx: chain.pipeline.resumed(tx, stopped))
    chain.tick(everybody=True)
    assert chain.alerts("silent") == []
    chain.clock.move(48 * 3600)
    chain.tick(everybody=True)
    assert {alert.resident for alert in chain.alerts("silent")} == set(chain.index.residents)


def test_who_is_not_in_the_centre_any_more_stops_nobody(chain: Chain) -> None:
    chain.take(frame("sos-r12", "help", chain.now, phase="pressed"))
    chain.db.execute("INSERT OR REPLACE INTO rule_states (resident, states) VALUES ('gone', '{}')")
    chain.restart()
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    assert [alert.resident for alert in chain.alerts("help")] == ["r01"]
