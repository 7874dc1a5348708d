"""``telecare token``: made once, listed without itself, revoked."""

import pytest

from tests.gateway.cli.desk import House


def test_a_token_is_printed_once_listed_without_itself_and_revoked(house: House) -> None:
    made = house.run("token", "make", "sam", "--name", "Night report", "--scope", "read", "--scope", "answer")
    assert made.code == 0
    assert made.out.startswith("tct_")
    listed = house.run("token", "list", "--json")
    assert made.out.strip() not in listed.out
    [one] = listed.json()
    assert (one["carer"], one["name"], one["scopes"]) == ("sam", "Night report", ["answer", "read"])
    assert house.run("token", "revoke", str(one["id"])).code == 0
    assert house.run("token", "list", "--json").json() == []
    house.run("token", "revoke", str(one["id"])).is_bad_input("telecare token list")


@pytest.mark.parametrize("wrong", [["nobody", "--name", "x"], ["sam", "--name", "x", "--scope", "all"]])
def test_what_a_token_can_not_be_made_of_is_bad_input(house: House, wrong: list[str]) -> None:
    house.run("token", "make", *wrong).is_bad_input("expected")
