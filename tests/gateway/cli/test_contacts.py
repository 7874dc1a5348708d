"""``telecare test-contact`` and ``telecare push-keys``."""

from tests.gateway.cli.desk import House


def test_every_contact_of_a_carer_is_tested_and_listed(house: House) -> None:
    assert house.run("test-contact", "--list").out == "No contact was tested yet.\n"
    ran = house.run("test-contact", "nora", "--contact", 1)
    rows = house.run("test-contact", "--list", "--json").json()
    assert len(rows) == 1
    assert (rows[0]["carer"], rows[0]["contact"], rows[0]["ok"]) == ("nora", 0, ran.code == 0)
    assert rows[0]["by"].startswith("cli:")
    assert "nora" in house.run("test-contact", "--list").out


def test_who_and_what_cannot_be_tested(house: House) -> None:
    house.run("test-contact", "nobody").is_bad_input("expected a carer of the centre")
    house.run("test-contact").is_bad_input("expected a carer of the centre")
    house.run("test-contact", "nora", "--contact", 99).is_bad_input("--contact: 99: expected 1 to")


def test_push_keys_are_made_once_for_their_owner_only(house: House) -> None:
    house.run("push-keys").is_bad_input("[channels.webpush] is not in gateway.toml")
    with house.config.open("a") as file:
        file.write('\n[channels.webpush]\nsubject = "mailto:it@example.org"\n')
    made = house.run("push-keys")
    assert made.code == 0, made.err
    key = house.config.with_name("webpush.pem")
    assert oct(key.stat().st_mode)[-3:] == "600"
    before = key.read_bytes()
    house.run("push-keys").is_bad_input("is there already")
    assert key.read_bytes() == before
