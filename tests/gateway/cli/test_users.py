"""``telecare users``: who can sign in, and what lets them in."""

from tests.gateway.cli.desk import House


def test_what_lets_somebody_in_is_listed_and_ended(house: House) -> None:
    house.run("token", "make", "sam", "--name", "Night report")
    [sam] = [one for one in house.run("users list", "--json").json() if one["id"] == "sam"]
    assert (sam["role"], sam["has"]["tokens"], sam["has"]["sessions"]) == ("manager", 1, 0)
    assert "Night report" in house.run("users show", "sam").out
    [shown] = house.run("users show", "sam", "--json").json()
    assert [one["name"] for one in shown["tokens"]] == ["Night report"]
    assert "0 tokens" in house.run("users sign-out", "sam").out
    assert "1 tokens" in house.run("users sign-out", "sam", "--tokens").out
    assert house.run("token", "list", "--json").json() == []
    house.run("users remove", "sam").is_bad_input("still of the house")
    house.run("users show", "nobody").is_bad_input("expected one of")
    house.run("users remove-passkey", "sam", "x").is_bad_input("telecare users show sam")
    assert "/set-password/" in house.run("users link", "sam").out
    assert "password link" in house.run("users show", "sam").out
    assert "The link is ended" in house.run("users end-link", "sam").out
    house.run("users end-link", "sam").is_bad_input("no link to set a password is out")
    house.run("users end-browser", "sam", "7").is_bad_input("telecare users show sam")
