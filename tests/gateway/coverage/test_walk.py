"""What a look at the coming days finds."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts.contact_tests import address_hash
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.coverage.model import Finding, Kind, Report
from gateway.coverage.report import look_ahead
from gateway.store import rotas
from gateway.store.rotas import Span
from gateway.words import say
from tests.gateway.alerts.ward import Ward
from tests.gateway.centre.roster import DOCUMENT, WEEK, house, ics

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday, 10:00 in Malta."""


class Look(Ward):
    """A ward that looks ahead."""

    def ahead(self, days: int = 7, **more: Any) -> Report:
        return look_ahead(self.db, self.index, self.clock.now(), days=days, **more)

    def found(self, kind: Kind, **more: Any) -> list[Finding]:
        return [finding for finding in self.ahead(**more).findings if finding.kind is kind]

    def furnish(self, **tables: Any) -> None:
        self.index = CentreIndex(house(**tables))

    def words(self, finding: Finding) -> str:
        return say(finding.what, "en", self.index.timezone, self.clock.now())


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    ward = Look(tmp_path / "gateway.db", index=CentreIndex(house()))
    ward.clock.move_to(NOW)
    yield ward
    ward.close()


def spans(finding: Finding) -> list[str]:
    return [f"{one.since:%d %H:%M} - {one.until:%d %H:%M}" for one in finding.spans]


def shift(*weekly: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"id": "nurse", "weekly": list(weekly), **more}]


def standard(**fields: Any) -> list[dict[str, Any]]:
    return [deepcopy(DOCUMENT["policies"][0]) | fields]


def test_a_whole_week_has_no_gap(look: Look) -> None:
    assert look.ahead().serious == ()


def test_gaps_are_found_to_the_minute(look: Look) -> None:
    week = {"days": "mon-fri", "from": "00:00", "to": "00:00", "carers": ["nora"]}
    weekend = {"days": "sat,sun", "from": "00:00", "to": "23:47", "carers": ["ben"]}
    look.furnish(shifts=shift(week, weekend))
    [gap] = look.found(Kind.GAP)
    assert (gap.role, gap.serious) == ("nurse", True)
    assert spans(gap) == ["07 22:47 - 07 23:00", "08 22:47 - 08 23:00"]
    assert look.words(gap) == "Nobody is on shift for nurse from 7 Mar 2026 23:47 until 8 Mar 2026 00:00."


def test_a_gap_that_goes_on_now_begins_now_and_one_beyond_the_week_is_not_seen(look: Look) -> None:
    look.furnish(shifts=shift({"from": "11:00", "to": "10:30", "carers": ["nora"]}))
    look.clock.move(40 * 60)
    [gap] = look.found(Kind.GAP, days=1)
    assert spans(gap) == ["02 09:40 - 02 10:00", "03 09:30 - 03 09:40"]


def test_an_override_makes_a_gap_and_another_one_fills_it(look: Look) -> None:
    span = Span(NOW, NOW + timedelta(hours=2))
    look.do(lambda tx: rotas.override(tx, look.index, role="nurse", span=span, leaves="nora", why="x", who="sam"))
    [gap] = look.found(Kind.GAP)
    assert spans(gap) == ["02 09:00 - 02 11:00"]
    look.do(lambda tx: rotas.override(tx, look.index, role="nurse", span=span, comes="ida", why="x", who="sam"))
    assert look.found(Kind.GAP) == []


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 23), ("2026-10-24", 25)])
def test_the_days_when_the_clocks_change_are_as_long_as_they_are(look: Look, day: str, hours: int) -> None:
    look.clock.move_to(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))
    look.furnish(shifts=shift({"days": "mon-fri,sat", "from": "00:00", "to": "00:00", "carers": ["nora"]}))
    [gap] = look.found(Kind.GAP, days=3)
    [span] = gap.spans
    assert (span.until - span.since) / timedelta(hours=1) == hours


def test_a_role_counts_only_where_a_step_asks_for_it(look: Look) -> None:
    night = {"id": "watch", "weekly": [{"from": "22:00", "to": "06:00", "carers": ["ida"]}]}
    schedule = {"weekly": [{"from": "22:00", "to": "06:00"}]}
    when = {"id": "night", "schedule": schedule, "steps": [{"roles": ["watch"], "wait_s": 60}]}
    look.furnish(shifts=[WEEK, night], policies=standard(when=[when]))
    assert look.found(Kind.GAP) == []
    later = {"id": "watch", "weekly": [{"from": "23:00", "to": "06:00", "carers": ["ida"]}]}
    look.furnish(shifts=[WEEK, later], policies=standard(when=[when]))
    [gap] = look.found(Kind.GAP, days=1)
    assert (gap.role, spans(gap)) == ("watch", ["02 21:00 - 02 22:00"])
    look.furnish(shifts=[WEEK, later], policies=standard(when=[when | {"rules": ["fall"]}]))
    assert len(look.found(Kind.GAP, days=1)) == 1


def test_what_a_variant_replaces_for_every_alert_is_not_asked_for(look: Look) -> None:
    day_only = shift({"from": "06:00", "to": "22:00", "carers": ["nora"]})
    schedule = {"weekly": [{"from": "22:00", "to": "06:00"}]}
    night = {"id": "night", "schedule": schedule, "steps": [{"to": ["ben", "ida"], "wait_s": 60}]}
    look.furnish(shifts=day_only, policies=standard(when=[night]))
    assert look.found(Kind.GAP) == []
    look.furnish(shifts=day_only, policies=standard(when=[night | {"priorities": ["low"]}]))
    assert len(look.found(Kind.GAP)) == 1


def test_a_policy_that_nobody_has_is_not_looked_at(look: Look) -> None:
    empty = {"id": "spare", "steps": [{"roles": ["cook"], "wait_s": 1}], "failsafe": ["sam"]}
    cook = {"id": "cook", "weekly": [{"from": "07:00", "to": "08:00", "carers": ["ida"]}]}
    look.furnish(shifts=[WEEK, cook], policies=[*standard(), empty])
    assert look.ahead().serious == ()


def test_a_resident_without_relatives_where_a_step_tells_them(look: Look) -> None:
    residents = [*DOCUMENT["residents"], {"id": "r02", "name": "Joe", "room": "102"}]
    plans = [{"resident": one, "policy": "standard"} for one in ("r01", "r02")]
    policies = standard(steps=[{"relatives": True, "wait_s": 60}])
    look.furnish(residents=residents, care_plans=plans, policies=policies)
    [nowhere] = look.found(Kind.NOWHERE)
    assert (nowhere.resident, nowhere.step, nowhere.plan) == ("r02", 0, "standard")
    assert "no relatives are known" in look.words(nowhere)
    assert "for 102" in look.words(nowhere)


def test_an_alarm_centre_that_there_is_none_of(look: Look) -> None:
    carers = [carer for carer in DOCUMENT["carers"] if carer["id"] != "arc"]
    look.furnish(carers=carers, policies=standard(steps=[{"alarm_centre": True, "wait_s": 60}]))
    [nowhere] = look.found(Kind.NOWHERE)
    assert look.words(nowhere).startswith("Step 1 of standard tells nobody who can be reached, from 10:00 until 9 Mar")


def test_contacts_that_do_not_work_here(look: Look) -> None:
    found = look.found(Kind.UNREACHABLE, channels={"log"})
    assert {finding.carer for finding in found} == {"nora", "ben", "ida", "sam"}
    assert look.found(Kind.GAP, channels={"log"}) == []
    assert {finding.step for finding in look.found(Kind.NOWHERE, channels={"log"})} == {0, 1}
    assert look.found(Kind.UNREACHABLE, channels={"smtp"}) == []


def test_contacts_that_nobody_tested(look: Look) -> None:
    def untested() -> set[str | None]:
        return {finding.carer for finding in look.found(Kind.UNTESTED)}

    assert untested() == {"nora", "ben", "ida", "sam"}
    look.press()
    look.db.execute("UPDATE notifications SET state = 'sent'")  # told by the first step: nora is on shift
    assert untested() == {"ben", "ida", "sam"}
    look.db.execute(
        "INSERT INTO contact_tests (carer, contact, channel, address_hash, at, by, ok)"
        " VALUES (?, 0, 'smtp', ?, ?, 'sam', 1)",
        ("ben", address_hash("smtp", "ben@x.org"), to_ms(look.clock.now())),
    )
    assert untested() == {"ida", "sam"}
    look.db.execute("UPDATE contact_tests SET ok = 0")
    assert untested() == {"ida", "sam"}
    look.clock.move(36 * 86400)
    assert untested() == {"nora", "ben", "ida", "sam"}


def test_what_failed_last_is_no_way_to_tell_somebody(look: Look) -> None:
    look.press()
    look.db.execute("UPDATE notifications SET state = 'sent', settled_at = created_at")
    assert look.found(Kind.FAILING) == []
    look.clock.move(60)
    look.db.execute(
        "INSERT INTO contact_tests (carer, contact, channel, address_hash, at, by, ok)"
        " VALUES ('nora', 0, 'smtp', ?, ?, 'sam', 0)",
        (address_hash("smtp", "nora@x.org"), to_ms(look.clock.now())),
    )
    [failing] = look.found(Kind.FAILING)
    assert (failing.carer, failing.serious) == ("nora", True)
    assert look.words(failing).endswith("failed on every contact: 1. smtp.")
    carers = deepcopy(DOCUMENT["carers"])
    next(one for one in carers if one["id"] == "nora")["contacts"].append({"channel": "sms", "address": "+35679000001"})
    look.furnish(carers=carers)
    assert look.found(Kind.FAILING) == []
    [failed] = look.found(Kind.FAILED)
    assert (failed.carer, failed.serious) == ("nora", False)
    look.db.execute("UPDATE contact_tests SET ok = 1")
    assert look.found(Kind.FAILED) == []
    look.db.execute("UPDATE notifications SET state = 'failed_for_good', settled_at = settled_at + 61000")
    assert [one.carer for one in look.found(Kind.FAILED)] == ["nora"]


def test_neither_the_terminal_nor_a_browser_that_is_not_allowed_reaches_somebody(look: Look) -> None:
    carers = deepcopy(DOCUMENT["carers"])
    for one in carers:
        way = {"nora": {"channel": "webpush", "address": ""}, "sam": {"channel": "log", "address": ""}}
        one["contacts"] = [way.get(one["id"], {"channel": "smtp", "address": f"{one['id']}@x.org"})]
    look.furnish(carers=carers)
    assert {one.carer for one in look.found(Kind.UNREACHABLE)} == {"nora"}
    [deaf] = look.found(Kind.TERMINAL)
    assert look.words(deaf).endswith("where nobody may look: Sam.")
    allow = "INSERT INTO push_subscriptions (carer, endpoint, p256dh, auth, created_at) VALUES ('nora', 'x', '', '', 0)"
    look.db.execute(allow)
    assert look.found(Kind.UNREACHABLE) == []
    nora = next(one for one in carers if one["id"] == "nora")
    nora["contacts"] = [{"channel": "smtp", "address": "nora@x.org"}, {"channel": "webpush", "address": ""}]
    look.furnish(carers=carers)
    assert look.found(Kind.NO_BROWSER) == []
    look.db.execute("UPDATE push_subscriptions SET gone_at = 1")
    assert [one.carer for one in look.found(Kind.NO_BROWSER)] == ["nora"]
    assert look.found(Kind.NO_BROWSER, channels={"smtp"}) == []


def test_each_contact_is_tested_for_itself(look: Look) -> None:
    carers = deepcopy(DOCUMENT["carers"])
    for channel, address in (("sms", "+35679000001"), ("log", "")):
        next(one for one in carers if one["id"] == "nora")["contacts"].append({"channel": channel, "address": address})
    look.furnish(carers=carers)
    look.press()
    look.db.execute("UPDATE notifications SET state = 'sent'")  # by mail

    def noras(**more: Any) -> list[str]:
        return [look.words(one) for one in look.found(Kind.UNTESTED, **more) if one.carer == "nora"]

    [said] = noras(channels={"smtp", "sms"})
    assert said.endswith("no message went out there and no test was made: 2. sms.")
    assert noras(channels={"smtp"}) == []
    [said] = noras()
    assert said.endswith(": 2. sms.")  # nobody tests the terminal


def test_of_whom_the_terminal_told_it_is_not_said_that_nothing_went_out(look: Look) -> None:
    carers = deepcopy(DOCUMENT["carers"])
    next(one for one in carers if one["id"] == "nora")["contacts"].append({"channel": "log", "address": ""})
    look.furnish(carers=carers)

    def noras() -> str:
        [said] = [look.words(one) for one in look.found(Kind.UNTESTED) if one.carer == "nora"]
        return said

    assert noras().endswith("no message went out to them and no test was made.")
    look.press()
    look.db.execute("UPDATE notifications SET state = 'sent', channel = 'log', address = ''")
    assert noras().endswith("no message went out there and no test was made: 1. smtp.")


def test_a_changed_address_is_untested(look: Look) -> None:
    look.press()
    look.db.execute("UPDATE notifications SET state = 'delivered', address = 'old@x.org'")
    assert "nora" in {finding.carer for finding in look.found(Kind.UNTESTED)}


def test_one_person_for_everything(look: Look) -> None:
    alone = standard(steps=[{"to": ["sam"], "wait_s": 60}, {"roles": ["nurse"], "wait_s": 60}])
    weekly = {"days": "mon", "from": "07:00", "to": "19:00", "carers": ["ida"]}
    look.furnish(
        shifts=shift(weekly, {"days": "tue-sun", "from": "07:00", "to": "19:00", "carers": ["sam"]}), policies=alone
    )
    [risk] = look.found(Kind.ONE_PERSON, days=1)
    assert (risk.carer, risk.serious, spans(risk)) == ("sam", False, ["02 18:00 - 03 09:00"])


def with_quiet(**hours: tuple[str, str]) -> list[dict[str, Any]]:
    """The carers of the house, some with quiet hours."""
    carers: list[dict[str, Any]] = deepcopy(DOCUMENT["carers"])
    for one in carers:
        if one["id"] in hours:
            one["quiet"] = dict(zip(("from", "until"), hours[one["id"]], strict=True))
    return carers


def test_when_everybody_but_the_failsafe_has_quiet_hours(look: Look) -> None:
    nights = ("22:00", "06:00")
    look.furnish(carers=with_quiet(ben=nights, ida=("23:00", "07:00")))  # of whom sam, the failsafe, is none
    [risk] = look.found(Kind.QUIET, days=2)
    assert (risk.plan, risk.serious) == ("standard", False)
    assert spans(risk) == ["02 22:00 - 03 05:00", "03 22:00 - 04 05:00"]
    assert look.words(risk).startswith("From 23:00 until 3 Mar 2026 06:00 everybody whom standard tells has quiet")


def test_one_who_may_be_woken_is_enough(look: Look) -> None:
    nights = ("22:00", "06:00")
    look.furnish(carers=with_quiet(ben=nights))
    assert look.found(Kind.QUIET) == []
    look.furnish(carers=with_quiet(ida=nights, nora=nights))  # ben is on shift at night
    assert look.found(Kind.QUIET) == []


def test_who_can_not_be_reached_does_not_count_as_awake(look: Look) -> None:
    carers = with_quiet(ben=("22:00", "06:00"))
    next(one for one in carers if one["id"] == "ida")["contacts"] = [{"channel": "log"}]
    look.furnish(carers=carers)
    [risk] = look.found(Kind.QUIET, days=1, channels={"smtp"})
    assert spans(risk) == ["02 21:00 - 03 05:00"]


def test_the_family_of_each_counts_for_itself(look: Look) -> None:
    nights = ("22:00", "06:00")
    steps = [{"roles": ["nurse"], "relatives": True, "wait_s": 60}]
    other = {"id": "r02", "name": "Ben Abela", "room": "102"}
    plans = [{"resident": one, "policy": "standard"} for one in ("r01", "r02")]
    look.furnish(carers=with_quiet(ben=nights), policies=standard(steps=steps))
    assert look.found(Kind.QUIET) == []  # rita, the daughter of the only one
    look.furnish(
        carers=with_quiet(ben=nights), policies=standard(steps=steps), care_plans=plans,
        residents=[*DOCUMENT["residents"], other],
    )  # fmt: skip
    [risk] = look.found(Kind.QUIET, days=1)
    assert spans(risk) == ["02 21:00 - 03 05:00"]


def test_quiet_hours_do_not_matter_where_only_urgent_ones_go(look: Look) -> None:
    nights = ("22:00", "06:00")
    schedule = {"weekly": [{"days": "daily", "from": "00:00", "to": "00:00"}]}
    steps = [{"to": ["ben"], "wait_s": 60}]

    def variant(*priorities: str) -> list[dict[str, Any]]:
        return standard(when=[{"id": "all", "priorities": list(priorities), "schedule": schedule, "steps": steps}])

    look.furnish(carers=with_quiet(ben=nights), policies=variant("high"))
    assert look.found(Kind.QUIET) == []
    look.furnish(carers=with_quiet(ben=nights), policies=variant("high", "medium"))
    [risk] = look.found(Kind.QUIET, days=1)
    assert risk.plan == "standard/all"


def test_names_in_calendars_that_are_nobodys(look: Look) -> None:
    text = ics(":20260303T060000Z|:20260303T180000Z|Zoe", ":20260309T060000Z|:20260309T180000Z|Zoe")
    extra = {"id": "extra", "role": "nurse", "calendar": "rota"}
    look.furnish(shifts=[WEEK, extra], calendars=[{"id": "rota", "text": text}])
    [risk] = look.found(Kind.UNKNOWN_NAME)
    assert (risk.shift, spans(risk)) == ("extra", ["03 06:00 - 03 18:00", "09 06:00 - 09 18:00"])
    assert "Zoe" in look.words(risk)


def test_names_in_calendars_that_several_carers_have(look: Look) -> None:
    text = ics(":20260303T060000Z|:20260303T180000Z|Ida Borg")
    extra = {"id": "extra", "role": "nurse", "calendar": "rota"}
    one, twin = (deepcopy(DOCUMENT["carers"][2]) | {"id": name, "name": "Ida Borg"} for name in ("ida", "ida2"))
    carers = [*DOCUMENT["carers"][:2], one, *DOCUMENT["carers"][3:], twin]
    look.furnish(shifts=[WEEK, extra], calendars=[{"id": "rota", "text": text}], carers=carers)
    [risk] = look.found(Kind.UNKNOWN_NAME)
    assert (risk.shift, spans(risk)) == ("extra", ["03 06:00 - 03 18:00"])
    assert "says Ida Borg at" in look.words(risk)
    assert "ida, ida2 have that name. All of them are on duty" in look.words(risk)


def test_calendars_that_can_not_be_fetched(look: Look) -> None:
    look.furnish(shifts=[WEEK, {"id": "extra", "role": "nurse", "url": "https://c.example.org/x"}])
    [extra] = look.index.rotas.fetched
    assert look.found(Kind.CALENDAR) == []
    look.do(lambda tx: rotas.could_not_fetch(tx, extra, "status 500"))
    [risk] = look.found(Kind.CALENDAR)
    assert look.words(risk) == "The calendar of shift extra could never be fetched: status 500"
    look.do(lambda tx: rotas.keep_copy(tx, extra, ics(":20260303T060000Z|:20260303T180000Z|ida")))
    assert look.found(Kind.CALENDAR) == []


def test_serious_things_come_first(look: Look) -> None:
    look.furnish(shifts=shift({"from": "11:00", "to": "10:30", "carers": ["nora"]}))
    serious = [finding.serious for finding in look.ahead().findings]
    assert serious == sorted(serious, reverse=True)
    assert serious[0]
    assert not serious[-1]


def test_a_ward_that_is_written_differently_on_two_sides(look: Look) -> None:
    carers, residents = deepcopy(DOCUMENT["carers"]), deepcopy(DOCUMENT["residents"])
    residents[0]["ward"] = "north"
    look.furnish(carers=carers, residents=residents)
    assert look.found(Kind.WARD) == []
    for carer in carers:
        carer["wards"] = ["nort"]
    look.furnish(carers=carers, residents=residents)
    found = look.found(Kind.WARD)
    assert {one.carer for one in found if one.carer} == {one["id"] for one in carers if one.get("role") != "relative"}
    said = f"Room {residents[0]['room']} is in ward north, and nobody works there"
    assert [look.words(one).startswith(said) for one in found if one.resident] == [True]
    assert not any(one.serious for one in found)
    carers[0]["wards"] = []  # whoever works everywhere sees everybody
    look.furnish(carers=carers, residents=residents)
    assert {one.resident for one in look.found(Kind.WARD)} == {None}
