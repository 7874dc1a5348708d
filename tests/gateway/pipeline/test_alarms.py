"""Calls for help are told whatever is wrong around them: unreadable, nobody's, late, kept by the broker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from gateway.centre.index import CentreIndex
from gateway.pipeline import incidents
from gateway.pipeline.incidents import FAILED_RULE, OF_NOBODY, UNREADABLE
from gateway.pipeline.intake import RETAINED, prepare
from rules.help import HelpRule
from tests.gateway.pipeline.chain import DEMO, START, Chain, foreign, frame, press

KEPT = "The broker had kept this message: it may be old."


# --- unreadable ----------------------------------------------------------------------------------------------------


def test_an_unreadable_message_on_an_alarm_topic_is_told_for_its_wearer(chain: Chain) -> None:
    chain.take(frame("sos-r03", "help", chain.now, raw=b"{broken"))
    (alert,) = chain.alerts()
    assert (alert.rule, alert.resident, alert.device, alert.priority) == (UNREADABLE, "r03", "sos-r03", "high")
    assert alert.reason.values == {"why": "not_json"}
    assert alert.reason.text == "An alarm message is damaged and could not be read: treat it as a call for help."
    assert alert.policy == "night"
    assert [evidence.frame for evidence in alert.evidence] == [1]
    assert chain.count("notifications") == 1
    assert chain.count("quarantine") == 1


@pytest.mark.parametrize("why", Why)
def test_why_an_alarm_is_unreadable_is_said_in_plain_words(why: Why) -> None:
    entry = prepare([frame("sos-r03", "help", START, raw=b"{broken")], CentreIndex(DEMO))[0]
    entry.unreadable = UnreadableError(why, "for technicians")
    reason = incidents.of_unreadable(entry, device="sos-r03", resident="r03").reason
    assert reason.text.endswith("treat it as a call for help.")
    assert "{" not in reason.text, "the code word is for technicians"
    assert reason.values == {"why": why.value}
    assert ("encrypted" in reason.text) is (why is Why.ENCRYPTED)
    assert ("The gateway failed" in reason.text) is why.value.endswith(("_failed", "_timeout", "_suspended"))


def test_an_unreadable_message_of_an_unknown_device_is_told_too(chain: Chain) -> None:
    chain.take(foreign("traccar", "traccar/events", b"\xff", chain.now))
    (alert,) = chain.alerts(UNREADABLE)
    assert (alert.resident, alert.device, alert.subject, alert.policy) == (None, None, "traccar/events", "standard")


def test_an_unreadable_position_is_no_alarm(chain: Chain) -> None:
    chain.take(frame("gps-r01", "position", chain.now, raw=b"{broken"))
    assert chain.alerts() == []


def test_what_is_unreadable_on_the_alarm_lane_is_an_alarm_whatever_its_topic(chain: Chain) -> None:
    """Who put a topic on the alarm lane in the settings said that it may carry one."""
    chain.take(foreign("traccar", "fleet/all", b"{broken", chain.now), lane="alarms")
    assert [alert.rule for alert in chain.alerts()] == [UNREADABLE]


def test_unreadable_again_is_a_repeat(chain: Chain) -> None:
    for _ in range(3):
        chain.take(frame("sos-r03", "help", chain.now, raw=b"{broken"))
    (alert,) = chain.alerts()
    assert alert.repeats == 2


# --- nobody's ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["gps-spare", "gps-unknown"])
@pytest.mark.parametrize(("kind", "phase"), [("help", "pressed"), ("fall", "detected"), ("fall", "confirmed")])
def test_an_alarm_of_nobodys_device_is_told(chain: Chain, device: str, kind: str, phase: str) -> None:
    chain.take(frame(device, kind, chain.now, phase=phase))
    (alert,) = chain.alerts()
    assert (alert.rule, alert.resident, alert.priority, alert.policy) == (OF_NOBODY, None, "high", "standard")
    assert alert.device == (device if device == "gps-spare" else f"native:{device}")
    assert chain.count("notifications") == 1


def test_what_ends_an_alarm_of_nobody_is_none(chain: Chain) -> None:
    chain.take(
        frame("gps-spare", "help", chain.now, phase="cancelled"), frame("gps-spare", "fall", chain.now, phase="ended")
    )
    assert chain.alerts() == []


def test_two_unknown_devices_are_two_alerts(chain: Chain) -> None:
    for device in ("a", "b", "a"):
        chain.take(frame(device, "help", chain.now, phase="pressed"))
    assert [(alert.subject, alert.repeats) for alert in chain.alerts()] == [("native:a", 1), ("native:b", 0)]


# --- whose, and when -----------------------------------------------------------------------------------------------


def test_an_old_wearers_data_never_shows_under_the_new_one(chain: Chain) -> None:
    """Until June Joseph (r02) wore what Doris (r07) wears now."""
    away: dict[str, Any] = {"lon": 14.3, "lat": 35.8, "accuracy_m": 5}
    chain.take(frame("gps-r07", "position", chain.now, t="2025-06-01T07:59:59Z", **away))
    chain.take(frame("gps-r07", "position", chain.now, t="2025-06-01T08:00:00Z", **away))
    assert chain.rows("SELECT resident FROM readings ORDER BY seq") == [("r02",), ("r07",)]


def test_an_old_wearers_late_sos_is_told_for_both_wearers(chain: Chain) -> None:
    """It may be hers, heard late, or his who wears it now, with a clock that is behind: nobody may be passed over."""
    chain.take(frame("gps-r07", "help", chain.now, t="2025-05-31T12:00:00Z", phase="pressed"))
    alerts = sorted(chain.alerts(), key=lambda alert: str(alert.resident))
    assert [alert.resident for alert in alerts] == ["r02", "r07"]
    assert all(incidents.CHANGED_HANDS in alert.marks for alert in alerts)
    assert chain.count("readings") == 1


def test_an_alarm_without_a_rule_in_the_care_plan_is_told(chain: Chain) -> None:
    """gps-r01 can report a fall, and the plan of r01 has no rule for falls."""
    chain.take(frame("gps-r01", "fall", chain.now, phase="confirmed"))
    chain.take(frame("gps-r01", "fall", chain.now, phase="ended"))
    (alert,) = chain.alerts()
    assert (alert.rule, alert.resident, alert.priority) == ("unplanned_alarm", "r01", "high")


def test_an_id_used_again_for_another_press_is_a_new_event(chain: Chain) -> None:
    """A counter that begins anew breaks the contract; the press is heard all the same."""
    for days in (0, 0, 7):
        chain.clock.move(days * 86_400)
        chain.take(frame("sos-r01", "help", chain.now, id="i1", t=chain.now.isoformat(), phase="pressed"))
    (alert,) = chain.alerts("help")
    assert alert.repeats == 1
    chain.take(frame("sos-r03", "help", chain.now, id="i1", phase="pressed"))
    chain.clock.move(25 * 3600)
    chain.take(frame("sos-r03", "help", chain.now, id="i1", phase="pressed"))
    assert [alert.repeats for alert in chain.alerts("help") if alert.resident == "r03"] == [1]


def test_an_unreadable_alarm_with_an_id_is_acknowledged(chain: Chain) -> None:
    taken = chain.take(frame("sos-r01", "help", chain.now, raw=b'{"v":1,"id":"z","phase":"PRESSED"}'))
    assert taken.acks == [("telecare/haven/sos-r01/ack", b'{"id":"z"}')]
    assert [alert.rule for alert in chain.alerts()] == ["unreadable_alarm"]


def test_a_clock_that_lost_its_time_stops_no_watching(chain: Chain) -> None:
    """By its word every later fix would be out of order, and leaving the zone would never be told."""
    inside, outside = {"lon": 14.4, "lat": 35.89}, {"lon": 14.41, "lat": 35.89}
    chain.take(frame("gps-r02", "position", chain.now, t=chain.now.isoformat(), accuracy_m=5, **inside))
    for number in range(3):
        chain.clock.move(60)
        chain.take(frame("gps-r02", "position", chain.now, t=1000 * number, accuracy_m=5, **outside))
    assert [alert.rule for alert in chain.alerts()] == ["zone_exit"]


def test_a_late_sos_is_told_at_once_with_its_age(chain: Chain) -> None:
    pressed_at = chain.now - timedelta(minutes=22)
    chain.take(frame("sos-r01", "help", chain.now, t=pressed_at.isoformat(), phase="pressed"))
    (alert,) = chain.alerts("help")
    assert (alert.happened_at, alert.raised_at) == (pressed_at, chain.now)
    assert [(mark.text, mark.values) for mark in alert.marks] == [("Pressed {age_s} ago.", {"age_s": 22 * 60})]


def test_a_clock_that_is_ahead_counts_as_now(chain: Chain) -> None:
    ahead = (chain.now + timedelta(days=400)).isoformat()
    chain.take(frame("sos-r01", "help", chain.now, t=ahead, phase="pressed"))
    (alert,) = chain.alerts("help")
    assert (alert.happened_at, alert.marks) == (chain.now, ())
    # and the next one, with the right time, is not older than it
    chain.clock.move(60)
    chain.take(frame("sos-r01", "help", chain.now, t=chain.now.isoformat(), phase="cancelled"))
    assert chain.alerts("help")[0].state == "cleared"


def test_a_position_of_a_clock_ahead_makes_the_next_ones_no_later(chain: Chain) -> None:
    inside: dict[str, Any] = {"lon": 14.4, "lat": 35.89}
    outside: dict[str, Any] = {"lon": 14.3, "lat": 35.8}
    ahead = (chain.now + timedelta(days=1)).isoformat()
    chain.take(frame("gps-r01", "position", chain.now, t=ahead, accuracy_m=5, **inside))
    for _ in range(4):
        chain.clock.move(40)
        chain.take(frame("gps-r01", "position", chain.now, t=chain.now.isoformat(), accuracy_m=5, **outside))
    assert [alert.rule for alert in chain.alerts()] == ["zone_exit"]


@pytest.mark.parametrize("t", [0, "1980-01-06T00:00:00Z", "2006-07-17T12:00:00Z"])
def test_an_sos_of_a_clock_that_lost_its_time_is_told_for_its_wearer(chain: Chain, t: object) -> None:
    """1970 and 1980 are where clocks begin, 2006 is where GPS receivers of 2026 land whose week number overran."""
    chain.take(frame("sos-r01", "help", chain.now, t=t, phase="pressed"))
    assert [(alert.rule, alert.resident) for alert in chain.alerts()] == [("help", "r01")]


# --- kept by the broker --------------------------------------------------------------------------------------------


def test_a_kept_position_is_stored_and_not_judged(chain: Chain) -> None:
    for _ in range(4):
        chain.take(frame("gps-r01", "position", chain.now, lon=14.3, lat=35.8, accuracy_m=5, retained=True))
        chain.clock.move(60)
    chain.tick()
    assert chain.alerts() == []
    assert chain.rows("SELECT DISTINCT flags FROM journal") == [(RETAINED,)]
    assert chain.count("readings") == 4


def test_a_kept_alarm_that_was_never_seen_is_told_with_the_mark(chain: Chain) -> None:
    chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed", retained=True))
    (alert,) = chain.alerts("help")
    assert KEPT in [mark.text for mark in alert.marks]


def test_a_kept_alarm_that_was_seen_is_not_told_again(chain: Chain) -> None:
    """With an id it is known by it, without one by being equal in every word; over a restart too."""
    chain.take(frame("sos-r03", "help", chain.now, id="h-1", phase="pressed"))
    chain.take(press(chain.now))
    for life in range(2):
        chain.clock.move(3600)
        chain.take(frame("sos-r03", "help", chain.now, id="h-1", phase="pressed", retained=True))
        chain.take(press(chain.now, retained=True, session=life + 2))
        chain.restart()
    assert [(alert.resident, alert.repeats) for alert in chain.alerts("help")] == [("r03", 0), ("r01", 0)]


def test_a_kept_alarm_of_nobody_is_told_once(chain: Chain) -> None:
    for session in (1, 2, 3):
        chain.take(frame("gps-spare", "help", chain.now, id="h-1", phase="pressed", retained=True, session=session))
    (alert,) = chain.alerts(OF_NOBODY)
    assert alert.repeats == 0
    assert KEPT in [mark.text for mark in alert.marks]


def test_kept_rubbish_on_an_alarm_topic_is_not_told_at_every_connect_as_new(chain: Chain) -> None:
    for session in (1, 2, 3):
        chain.take(frame("sos-r03", "help", chain.now, raw=b"{broken", retained=True, session=session))
        chain.clock.move(3600)
    (alert,) = chain.alerts(UNREADABLE)
    assert alert.repeats <= 2


# --- a rule that breaks --------------------------------------------------------------------------------------------


def test_a_rule_that_breaks_is_told_and_stops_nobody(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: HelpRule, *args: object) -> None:
        raise ZeroDivisionError("secret health data")

    with monkeypatch.context() as patch:
        patch.setattr(HelpRule, "_pressed", explode)
        chain.take(
            frame("sos-r01", "help", chain.now, phase="pressed"),
            frame("fall-r02", "fall", chain.now, phase="detected"),
        )
    found = {alert.rule: alert for alert in chain.alerts()}
    assert set(found) == {FAILED_RULE, "fall"}
    alert = found[FAILED_RULE]
    assert (alert.resident, alert.rule_key, alert.priority) == ("r01", "failed_rule:help", "medium")
    assert alert.reason.values["rule"] == "help"
    assert str(alert.reason.values["where"]).startswith("ZeroDivisionError in ")
    assert "secret" not in str(alert)
    assert chain.count("readings") == 2


def test_the_next_reading_finds_the_rule_working_again(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: HelpRule, *args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(HelpRule, "_pressed", explode)
        chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    assert [alert.resident for alert in chain.alerts("help")] == ["r01"]


def test_an_alarm_names_its_readings(chain: Chain) -> None:
    chain.take(
        frame("gps-r01", "status", chain.now, battery_percent=90), frame("sos-r01", "help", chain.now, phase="pressed")
    )
    (alert,) = chain.alerts("help")
    assert [(e.frame, e.kind, e.device, e.at) for e in alert.evidence] == [(2, "help", "sos-r01", chain.now)]
    assert alert.before is not None
    assert alert.after is not None
    assert alert.after["pressed"] == {
        "sos-r01": datetime(2026, 3, 1, 21, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    }
