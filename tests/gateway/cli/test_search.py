"""Searches at the command line."""

import pytest

from tests.gateway.cli.desk import House


def test_from_begun_to_ended(house: House) -> None:
    number = house.raised(rule="zone_exit")
    assert house.run("searches").out == "Nobody is searched for.\n"
    ran = house.run("search", "r01", "--for", "2h", "--as", "nora")
    assert ran.code == 0, ran.err
    link, text = ran.out.splitlines()
    assert link.startswith("http://127.0.0.1:8080/s/")
    assert text.startswith("Search 1 until ")
    assert text.endswith(f", or until alert {number} is closed.")
    (found,) = house.run("searches", "--json").json()
    assert (found["resident"], found["alert"], found["made_by"], found["standing"]) == ("r01", number, "nora", "open")
    assert "r01" in house.run("searches").out
    assert house.run("end-search", 1, "--as", "sam").out == "Search 1 is ended.\n"
    assert house.run("searches", "--json").out == ""
    (found,) = house.run("searches", "--all", "--json").json()
    assert (found["ended_by"], found["standing"]) == ("sam", "ended")
    (made,) = house.run("search", "r01", "--alert", number, "--json").json()
    assert made["link"].startswith("http://127.0.0.1:8080/s/")
    actions = [line["action"] for line in house.run("audit", "--json").json()]
    assert actions.count("search.begin") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["r99"], "resident: 'r99'"),
        (["r01", "--for", "soon"], "--for: 'soon'"),
        (["r01", "--for", "5min"], "expected 15 minutes to 24 hours"),
        (["r01", "--for", "2d"], "expected 15 minutes to 24 hours"),
        (["r01", "--alert", "7"], "alert: 7"),
        (["r01", "--as", "nobody"], "--as: 'nobody'"),
    ],
)
def test_what_it_refuses(house: House, arguments: list[str], words: str) -> None:
    house.raised(rule="zone_exit")
    house.run("search", *arguments).is_bad_input(words)
    assert house.run("searches", "--all", "--json").out == ""


def test_a_search_that_is_not_there(house: House) -> None:
    house.run("end-search", 7).is_bad_input("search: 7")
