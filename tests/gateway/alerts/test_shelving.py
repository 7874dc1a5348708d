"""Shelved: shown and counted, rings nobody, and ends by itself."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.alerts import shelving
from gateway.alerts.shelving import SHELVED_RULE, Shelf
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.commands.ways import CommandOptions
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.pipeline import telling
from gateway.pipeline.judge import Judged
from gateway.words import STAFF_NOTE
from rules.change import Change
from rules.help import HelpState
from rules.model import Cleared, Priority, Raised, Reason
from tests.gateway.alerts.ward import Ward

WHY = "Her son is with her."
RULES = [{"rule": "help"}, {"rule": "bed_exit"}, {"rule": "not_back", "priority": "high"}]


@pytest.fixture
def house(ward: Ward) -> Ward:
    found = to_document(ward.index.centre)
    found["care_plans"][0] |= {"rules": RULES, "consents": {"sleep": True}}
    found["carers"][3]["role"] = "manager"
    ward.index = CentreIndex(centre_from_document(found))
    return ward


def shelve(
    ward: Ward, rule: str = "bed_exit", hours: float = 2, why: str = "Her son is with her.", **more: Any
) -> Shelf:
    given: dict[str, Any] = {"resident": "r01", "who": "nora"} | more
    lasting = timedelta(hours=hours)
    return ward.do(lambda tx: shelving.shelve(tx, ward.index, rule_key=rule, lasting=lasting, why=why, **given))


def says(ward: Ward, verdict: Raised | Cleared, rule: str = "bed_exit") -> None:
    change = Change(rule, rule, None, HelpState(), verdict)
    judged = Judged("r01", None, change, ward.clock.now(), ward.clock.now())
    ward.do(lambda tx: telling.tell(tx, ward.index, judged, commands=CommandOptions()))


def raised(priority: Priority = Priority.MEDIUM) -> Raised:
    return Raised(Reason("Out of bed."), priority)


def end_due(ward: Ward) -> list[int]:
    return ward.do(lambda tx: shelving.end_due(tx, ward.index))


def test_what_is_shelved_is_counted_and_rings_nobody(house: Ward) -> None:
    shelve(house)
    says(house, raised())
    says(house, raised())
    assert house.told() == []
    [shelf] = shelving.shelves(house.db)
    assert (shelf.rule, shelf.resident, shelf.held, shelf.standing, shelf.who) == ("bed_exit", "r01", 2, 1, "nora")
    assert shelf.why == "Her son is with her."


def test_it_ends_by_itself_and_tells_what_still_stands(house: Ward) -> None:
    shelf = shelve(house)
    says(house, raised())
    house.clock.move(2 * 3600 - 1)
    assert end_due(house) == []
    house.clock.move(1)
    assert shelving.next_end(house.db) == house.clock.now()
    assert end_due(house) == [shelf.id]
    assert house.told() == ["nora alert"]
    [mark] = house.alert().marks
    assert mark.text.startswith("Nobody was told while the rule was shelved")
    assert shelving.shelves(house.db) == []
    assert shelving.shelves(house.db, everything=True)[0].ended_by is None
    assert shelving.next_end(house.db) is None


def test_what_went_away_by_itself_is_not_told_afterwards(house: Ward) -> None:
    shelve(house)
    says(house, raised())
    says(house, Cleared(Reason("Back in bed.")))
    house.clock.move(3 * 3600)
    end_due(house)
    assert house.told() == []


def test_what_came_back_is_told_afterwards(house: Ward) -> None:
    shelve(house)
    says(house, raised())
    says(house, Cleared(Reason("Back in bed.")))
    says(house, raised())
    house.clock.move(3 * 3600)
    end_due(house)
    assert house.told() == ["nora alert"]


def test_a_late_clockwork_lets_nothing_be_held_after_the_end(house: Ward) -> None:
    shelve(house)
    house.clock.move(2 * 3600)
    says(house, raised())
    assert house.told() == ["nora alert"]


def test_ended_early_by_a_person(house: Ward) -> None:
    shelf = shelve(house)
    says(house, raised())
    ended = house.do(lambda tx: shelving.unshelve(tx, house.index, shelf.id, who="ben"))
    assert ended.ended_by == "ben"
    assert house.told() == ["nora alert"]
    with pytest.raises(BadAnswerError, match="in force"):
        house.do(lambda tx: shelving.unshelve(tx, house.index, shelf.id, who="ben"))


def test_more_urgent_than_what_was_shelved_is_told(house: Ward) -> None:
    shelve(house)
    says(house, raised(Priority.HIGH))
    assert house.told() == ["nora alert"]


def test_another_rule_is_told(house: Ward) -> None:
    shelve(house)
    says(house, raised(), rule="silent")
    assert house.told() == ["nora alert"]


def test_a_new_shelf_takes_the_place_of_the_old_one(house: Ward) -> None:
    shelve(house)
    again = shelve(house, hours=4)
    assert [shelf.id for shelf in shelving.shelves(house.db)] == [again.id]


def test_a_high_priority_rule_is_not_shelved_silently(house: Ward) -> None:
    with pytest.raises(NotAllowedError, match="a manager"):
        shelve(house, "not_back", 1)
    shelve(house, "not_back", 1, who="sam")
    assert house.told() == ["nora alert"]
    alert = house.alert()
    assert (alert.rule, alert.priority, alert.resident) == (SHELVED_RULE, Priority.LOW, "r01")
    assert alert.reason.values[STAFF_NOTE] == "Her son is with her."
    # relatives read the sentence: what staff write for each other is no part of it
    assert "{" + STAFF_NOTE + "}" not in alert.reason.text
    says(house, raised(Priority.HIGH), rule="not_back")
    assert house.told() == []
    assert [mark.text for mark in house.alert().marks] == ["Out of bed."]


def test_a_high_priority_rule_rests_for_one_hour_of_any_two(house: Ward) -> None:
    shelve(house, "not_back", 0.5, who="sam")
    house.clock.move(20 * 60)
    shelve(house, "not_back", 0.5, who="sam")
    house.clock.move(40 * 60)
    house.do(lambda tx: shelving.end_due(tx, house.index))
    with pytest.raises(NotAllowedError, match="50 minutes lately"):
        shelve(house, "not_back", 1, who="sam")
    shelve(house, "not_back", 10 / 60, who="sam")
    house.clock.move(70 * 60)
    house.do(lambda tx: shelving.end_due(tx, house.index))
    shelve(house, "not_back", 1, who="sam")


@pytest.mark.parametrize("rule", ["help"])
def test_a_call_for_help_cannot_be_shelved(house: Ward, rule: str) -> None:
    with pytest.raises(NotAllowedError, match="always told"):
        shelve(house, rule, 1, who="sam")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"resident": "r99"}, "resident: 'r99'"),
        ({"rule": "bed_exot"}, "rule: 'bed_exot': expected a rule of this care plan: bed_exit"),
        ({"why": "  "}, "why:"),
        ({"why": "x" * 501}, "why:"),
        ({"hours": 13}, "for: 13:00:00: expected 1 minute to 12 hours"),
        ({"hours": 0}, "for:"),
        ({"rule": "not_back", "hours": 1.1, "who": "sam"}, "expected 1 minute to 1 hours"),
    ],
)
def test_what_cannot_be_used_is_named(house: Ward, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadAnswerError) as caught:
        shelve(house, **given)
    assert field in str(caught.value)
    assert shelving.shelves(house.db, everything=True) == []


def test_the_audit_has_both_ends(house: Ward) -> None:
    shelve(house)
    house.clock.move(3 * 3600)
    end_due(house)
    rows = house.db.execute("SELECT action, who FROM audit WHERE action LIKE 'rule.%' ORDER BY seq")
    assert [tuple(row) for row in rows] == [("rule.shelve", "nora"), ("rule.unshelve", None)]
    details = house.db.execute("SELECT detail FROM audit WHERE action LIKE 'rule.%'").fetchall()
    assert all("bed_exit" not in row["detail"] for row in details)  # it says something of a body
