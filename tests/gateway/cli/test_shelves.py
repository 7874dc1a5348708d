"""Shelving at the command line."""

import pytest

from tests.gateway.cli.desk import House


def test_from_shelved_to_ended(house: House) -> None:
    assert house.run("shelves").out == "Nothing is shelved.\n"
    ran = house.run("shelve", "r01", "zone_exit:village", "--for", "30min", "--why", "A walk with her son.")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("Shelf 1: zone_exit:village rings nobody until ")
    (shelf,) = house.run("shelves", "--json").json()
    assert (shelf["resident"], shelf["why"], shelf["held"]) == ("r01", "A walk with her son.", 0)
    assert "A walk with her son." in house.run("shelves").out
    # its priority is high: the shelf itself is told
    assert [alert["rule"] for alert in house.run("alerts", "--json").json()] == ["shelved_rule"]
    assert house.run("unshelve", 1, "--as", "sam").out == "Shelf 1 is ended: zone_exit:village is told again.\n"
    assert house.run("shelves").out == "Nothing is shelved.\n"
    (shelf,) = house.run("shelves", "--all", "--json").json()
    assert shelf["ended_by"] == "sam"


@pytest.mark.parametrize(
    ("resident", "rule", "lasting", "who", "words"),
    [
        ("r01", "help", "30min", "sam", "always told"),
        ("r01", "bed", "30min", "sam", "rule: 'bed': expected a rule of this care plan"),
        ("r77", "bed_exit", "30min", "sam", "resident: 'r77'"),
        ("r01", "zone_exit:village", "2 weeks", "sam", "--for: '2 weeks': expected a time such as 30min"),
        ("r01", "zone_exit:village", "99999999999999d", "sam", "--for:"),
        ("r01", "zone_exit:village", "5h", "sam", "for: 5:00:00: expected 1 minute to 1 hours"),
        ("r01", "zone_exit:village", "30min", "nora", "a manager has to shelve it"),
        ("r01", "zone_exit:village", "30min", "nobody", "--as: 'nobody'"),
        (
            "house",
            "silent:hub",
            "30min",
            "sam",
            "rule: 'silent:hub': expected a rule of this care plan: silent:hub-house",
        ),
    ],
)
def test_what_cannot_be_shelved(house: House, resident: str, rule: str, lasting: str, who: str, words: str) -> None:
    ran = house.run("shelve", resident, rule, "--for", lasting, "--why", "Because.", "--as", who)
    assert (ran.code in {1, 2}, words in ran.err, ran.out) == (True, True, ""), ran.err
    assert house.run("shelves", "--all", "--json").out == ""


def test_a_shelf_that_is_not_there(house: House) -> None:
    house.run("unshelve", 7).is_bad_input("shelf: 7: expected the number of a shelf that is in force")
