"""``telecare identity``: an account of the provider is linked, listed and unlinked."""

import pytest

from tests.gateway.cli.desk import House

PROVIDER = '[console.oidc]\nissuer = "https://login.example.org"\nclient_id = "telecare"\n'


@pytest.fixture
def with_provider(house: House) -> House:
    house.config.write_text(house.config.read_text("utf-8") + PROVIDER, "utf-8")
    return house


def test_an_account_is_linked_listed_and_unlinked(with_provider: House) -> None:
    house = with_provider
    assert house.run("identity", "link", "sam", "u-1").code == 0
    [one] = house.run("identity", "list", "--json").json()
    assert (one["carer"], one["issuer"], one["subject"]) == ("sam", "https://login.example.org", "u-1")
    assert one["linked_by"].startswith("cli")
    assert "u-1" in house.run("identity", "list").out
    house.run("identity", "link", "nora", "u-1").is_bad_input("linked to sam already")
    house.run("identity", "link", "sam", "u-2").is_bad_input("sam has another account")
    assert house.run("identity", "unlink", str(one["id"])).code == 0
    assert house.run("identity", "list", "--json").json() == []
    house.run("identity", "unlink", str(one["id"])).is_bad_input("telecare identity list")
    actions = [row["action"] for row in house.run("audit", "--json").json()]
    assert actions[:2] == ["identity.unlink", "identity.link"]


@pytest.mark.parametrize("wrong", [("nobody", "u-1"), ("sam", ""), ("sam", " u-1"), ("sam", "x" * 256)])
def test_what_can_not_be_linked_is_bad_input(with_provider: House, wrong: tuple[str, str]) -> None:
    with_provider.run("identity", "link", *wrong).is_bad_input("expected")


def test_without_a_provider_nothing_can_be_linked(house: House) -> None:
    house.run("identity", "link", "sam", "u-1").is_bad_input("[console.oidc]")
