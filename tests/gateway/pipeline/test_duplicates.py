"""One event, one alert: by the sender's id, and where there is none by what the broker says of a redelivery."""

from datetime import timedelta

import pytest

from gateway.pipeline.intake import DUP, REPEATED, RESUMED
from tests.gateway.pipeline.chain import Chain, foreign, frame, press


def repeats(chain: Chain, rule: str = "help") -> int:
    (alert,) = chain.alerts(rule)
    return alert.repeats


def flags(chain: Chain) -> list[int]:
    return [row[0] for row in chain.rows("SELECT flags FROM journal ORDER BY seq")]


def redelivered(chain: Chain) -> list[int]:
    return [row[0] for row in chain.rows("SELECT redelivered FROM journal ORDER BY seq")]


# --- by id ---------------------------------------------------------------------------------------------------------


def test_the_same_id_in_one_batch_is_one_event(chain: Chain) -> None:
    taken = chain.take(*(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed") for _ in range(3)))
    assert repeats(chain) == 0
    assert taken.readings == 1
    assert flags(chain) == [0, REPEATED, REPEATED]  # all three are in the journal
    assert taken.acks == [("telecare/haven/sos-r01/ack", b'{"id":"h-1"}')] * 3


def test_the_same_id_in_a_later_batch_is_the_same_event(chain: Chain) -> None:
    chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed"))
    chain.clock.move(3600)
    taken = chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed"))
    assert repeats(chain) == 0
    assert taken.acks == [("telecare/haven/sos-r01/ack", b'{"id":"h-1"}')]


def test_the_same_id_after_a_restart_is_the_same_event(chain: Chain) -> None:
    chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed"))
    chain.restart()
    taken = chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed"))
    assert repeats(chain) == 0
    assert taken.acks == [("telecare/haven/sos-r01/ack", b'{"id":"h-1"}')]


def test_another_id_is_another_press(chain: Chain) -> None:
    for number in range(3):
        chain.take(frame("sos-r01", "help", chain.now, id=f"h-{number}", phase="pressed"))
    assert repeats(chain) == 2


def test_the_same_id_of_another_device_is_another_event(chain: Chain) -> None:
    chain.take(
        frame("sos-r01", "help", chain.now, id="1", phase="pressed"),
        frame("sos-r03", "help", chain.now, id="1", phase="pressed"),
    )
    assert {alert.resident for alert in chain.alerts("help")} == {"r01", "r03"}


def test_phases_under_one_id_are_no_repetitions(chain: Chain) -> None:
    """A device may keep one id through the whole of a fall."""
    for phase in ("suspected", "detected", "confirmed", "cancelled"):
        taken = chain.take(frame("fall-r02", "fall", chain.now, id="f-1", phase=phase))
        assert taken.readings == 1
        chain.clock.move(1)
    (alert,) = chain.alerts("fall")
    assert alert.state == "cleared"


def test_kinds_under_one_id_are_no_repetitions(chain: Chain) -> None:
    taken = chain.take(frame("gps-r01", "help", chain.now, id="h-1", phase="pressed", lon=14.4, lat=35.89))
    assert taken.readings == 2
    again = chain.take(frame("gps-r01", "status", chain.now, id="h-1", battery_percent=50))
    assert again.readings == 1


def test_two_batches_larger_than_one_query_know_each_other(chain: Chain) -> None:
    def fleet() -> list[int]:
        batch = [frame("gps-r01", "status", chain.now, id=f"s-{n}", battery_percent=50) for n in range(900)]
        return [chain.take(*batch).readings]

    assert fleet() + fleet() == [900, 0]


def test_the_same_fix_by_traccars_event_and_position_is_one_alarm(chain: Chain) -> None:
    position = {
        "id": 55, "serverTime": "2026-03-01T20:59:59.000+00:00", "deviceTime": "2026-03-01T20:59:58.000+00:00",
        "valid": False, "latitude": 0.0, "longitude": 0.0, "attributes": {"alarm": "sos"},
    }  # fmt: skip
    device = {"uniqueId": "8640001"}
    event = {"id": 9, "type": "alarm", "eventTime": "2026-03-01T20:59:58.000+00:00", "attributes": {"alarm": "sos"}}
    chain.take(
        foreign("traccar", "traccar/events", {"event": event, "position": position, "device": device}, chain.now)
    )
    chain.take(foreign("traccar", "traccar/positions", {"position": position, "device": device}, chain.now))
    assert repeats(chain) == 0


# --- by what the broker says ---------------------------------------------------------------------------------------


def test_a_second_press_is_a_second_press(chain: Chain) -> None:
    chain.take(press(chain.now))
    chain.take(press(chain.now + timedelta(milliseconds=1)))
    assert repeats(chain) == 1
    assert redelivered(chain) == [0, 0]


@pytest.mark.parametrize("mark", ["dup", "resumed"])
def test_a_redelivery_is_counted_not_told(chain: Chain, mark: str) -> None:
    chain.take(press(chain.now))
    chain.clock.move(5)
    taken = chain.take(press(chain.now, session=2, **{mark: True}))
    assert (taken.redelivered, taken.readings) == (1, 0)
    assert repeats(chain) == 0
    assert redelivered(chain) == [1]


@pytest.mark.parametrize("mark", ["dup", "resumed"])
def test_a_mark_on_a_frame_that_is_not_known_makes_it_no_less_new(chain: Chain, mark: str) -> None:
    taken = chain.take(press(chain.now, **{mark: True}))
    assert taken.readings == 2  # Traccar tells of the device itself too
    assert flags(chain) == [DUP if mark == "dup" else RESUMED]
    assert len(chain.alerts("help")) == 1


def test_a_marked_frame_equal_to_yesterdays_is_a_new_event(chain: Chain) -> None:
    """Yesterday's was acknowledged long ago; this one's first delivery died with us."""
    chain.take(press(chain.now))
    chain.clock.move(86_400)
    chain.take(foreign("traccar", "traccar/events", {"device": {"uniqueId": "1"}, "event": {"id": 1}}, chain.now))
    chain.clock.move(1)
    taken = chain.take(press(chain.now, dup=True, session=2))
    assert taken.redelivered == 0
    assert repeats(chain) == 1


def test_a_long_outage_makes_no_redelivery_new(chain: Chain) -> None:
    """The window counts from the end of the connection, not from now: the broker kept the frame all night."""
    chain.take(press(chain.now))
    chain.clock.move(8 * 3600)
    taken = chain.take(press(chain.now, dup=True, session=2))
    assert taken.redelivered == 1
    assert repeats(chain) == 0


def test_a_restart_remembers_what_may_come_again(chain: Chain) -> None:
    chain.take(press(chain.now))
    chain.clock.move(600)
    chain.restart()
    taken = chain.take(press(chain.now, dup=True))
    assert taken.redelivered == 1
    assert repeats(chain) == 0


def test_after_a_restart_an_old_equal_frame_is_no_original(chain: Chain) -> None:
    chain.take(press(chain.now))
    chain.clock.move(86_400)
    chain.take(frame("sos-r01", "status", chain.now, battery_percent=90), lane="alarms")
    chain.restart()
    chain.clock.move(5)
    taken = chain.take(press(chain.now, dup=True))
    assert taken.redelivered == 0
    assert repeats(chain) == 1


def test_one_press_two_redeliveries(chain: Chain) -> None:
    chain.take(press(chain.now))
    for session in (2, 3):
        chain.clock.move(5)
        chain.take(press(chain.now, dup=True, session=session))
    assert redelivered(chain) == [2]
    assert repeats(chain) == 0


def test_a_frame_that_the_pipeline_failed_on_is_known_when_it_comes_again(chain: Chain) -> None:
    receipt = press(chain.now)
    chain.write(lambda tx: chain.pipeline.quarantine(tx, receipt, KeyError("x"), lane="alarms"))
    taken = chain.take(press(chain.now, dup=True, session=2))
    assert (taken.redelivered, taken.readings) == (1, 0)


@pytest.mark.parametrize("killed", [False, True])
def test_a_frame_that_comes_again_every_half_minute_stays_one_event(chain: Chain, killed: bool) -> None:
    """Nobody has heard our acknowledgements, for longer than a frame's first delivery counts."""
    chain.take(press(chain.now))
    for session in range(2, 8):
        chain.clock.move(30)
        if killed:
            chain.restart()
        chain.take(press(chain.now, dup=True, session=session))
    assert redelivered(chain) == [6]
    assert repeats(chain) == 0


def test_a_redelivery_on_another_topic_is_another_frame(chain: Chain) -> None:
    body = {"position": {"valid": True, "latitude": 35.89, "longitude": 14.4}, "device": {"uniqueId": "8640001"}}
    chain.take(foreign("traccar", "traccar/positions", body, chain.now))
    taken = chain.take(foreign("traccar", "traccar/elsewhere", body, chain.now, True))
    assert taken.redelivered == 0


def test_a_redelivered_native_message_is_acknowledged_to_its_device_again(chain: Chain) -> None:
    first = frame("sos-r01", "help", chain.now, id="h-1", phase="pressed")
    chain.take(first)
    chain.clock.move(2)
    taken = chain.take(frame("sos-r01", "help", chain.now, raw=first.frame.payload, dup=True, session=2))
    assert taken.redelivered == 1
    assert taken.acks == [("telecare/haven/sos-r01/ack", b'{"id":"h-1"}')]


def test_a_redelivery_in_the_batch_of_its_original_is_counted(chain: Chain) -> None:
    """The connection broke while the first delivery still waited in the queue."""
    taken = chain.take(press(chain.now), press(chain.now, dup=True, session=2))
    assert (taken.redelivered, taken.readings) == (1, 2)
    assert repeats(chain) == 0


def test_a_redelivered_frame_from_quarantine_is_no_second_alarm(chain: Chain) -> None:
    garbage = foreign("traccar", "traccar/events", b"{", chain.now)
    chain.take(garbage)
    taken = chain.take(foreign("traccar", "traccar/events", b"{", chain.now, True, session=2))
    assert taken.redelivered == 1
    assert repeats(chain, "unreadable_alarm") == 0


def test_the_same_post_after_a_night_is_a_new_event(chain: Chain) -> None:
    """A broker keeps a message through our downtime; a sender that waits for an answer does not."""
    assert chain.take(press(chain.now), lane="http-alarms").redelivered == 0
    chain.restart()
    chain.clock.move(12 * 3600)
    assert chain.take(press(chain.now, resumed=True, session=2), lane="http-alarms").redelivered == 0
