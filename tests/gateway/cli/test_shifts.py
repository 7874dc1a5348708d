"""Shifts, coverage, more help and hand-over at the command line."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.centre.load import export_centre
from tests.gateway.centre.roster import house as roster
from tests.gateway.cli.desk import House

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def duty(empty: House) -> House:
    path = empty.folder / "roster.toml"
    export_centre(roster(), path)
    with empty.config.open("a", encoding="utf-8") as config:
        config.write('[channels.smtp]\nhost = "localhost"\nsender = "care@example.org"\nsecurity = "none"\n')
    assert empty.run("centre apply", path).code == 0
    return empty


def tomorrow(hour: int, days: int = 2) -> str:
    return f"{(NOW + timedelta(days=days)):%Y-%m-%d}T{hour:02}:00"


def test_who_is_on_duty(duty: House) -> None:
    turns = duty.run("shift list", "--days", 2, "--json").json()
    assert {turn["carer"] for turn in turns} == {"nora", "ben"}
    assert "now" in duty.run("shift list").out
    assert duty.run("shift list", "--role", "cook").out == "The centre file has no such [[shifts]].\n"


def test_override_and_end(duty: House) -> None:
    assert duty.run("shift changes").out == "No changes of shifts.\n"
    ran = duty.run(
        "shift override nurse", "--from", tomorrow(8), "--to", tomorrow(10), "--out", "nora", "--in", "ida",
        "--why", "A visit to the dentist.", "--as", "sam",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    [change] = duty.run("shift changes", "--json").json()
    assert (change["leaves"], change["comes"], change["who"]) == ("nora", "ida", "sam")
    assert "dentist." in duty.run("shift changes").out  # the terminal may break the line before it
    turns = duty.run("shift list", "--json").json()
    assert [turn["carer"] for turn in turns if turn["shift"] is None] == ["ida"]
    assert "taken back" in duty.run("shift end", 1).out
    assert duty.run("shift changes", "--json").json() == []
    assert len(duty.run("shift changes", "--all", "--json").json()) == 1


def test_swap(duty: House) -> None:
    ran = duty.run(
        "shift swap nurse nora ben", "--from", tomorrow(8), "--to", tomorrow(18), "--back-from", tomorrow(20, 4),
        "--back-to", tomorrow(23, 4), "--why", "x", "--json",
    )  # fmt: skip
    first, second = ran.json()
    assert (first["leaves"], first["comes"], second["leaves"], second["swap"]) == ("nora", "ben", "ben", first["id"])


@pytest.mark.parametrize(
    ("since", "who", "words"),
    [("soon", "sam", "expected a time such as"), ("2026-13-01T00:00", "sam", "--from"), (tomorrow(8), "zoe", "--as")],
)
def test_what_can_not_be_used(duty: House, since: str, who: str, words: str) -> None:
    ran = duty.run(
        "shift override nurse", "--from", since, "--to", tomorrow(10), "--out", "nora", "--why", "x", "--as", who
    )
    ran.is_bad_input(words)


def test_coverage_without_gaps_and_with_one(duty: House) -> None:
    ran = duty.run("coverage")
    assert (ran.code, ran.out.splitlines()[-1][:8]) == (0, "Gaps: 0.")
    duty.run("shift override nurse", "--from", tomorrow(8), "--to", tomorrow(10), "--out", "nora", "--why", "x")
    ran = duty.run("coverage", "--json")
    assert ran.code == 1
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["kind"] for one in found if one["serious"]] == ["gap"]
    gap = next(one for one in found if one["kind"] == "gap")
    assert gap["words"].startswith("Nobody is on shift for nurse from")
    assert duty.run("coverage", "--days", 1, "--json").json() != found


def test_more_help_and_hand_over(house: House) -> None:
    number = house.raised()
    before = house.run("explain", number, "--json").json()[0]
    [after] = house.run("escalate", number, "--json").json()
    assert after["step"] == before["alert"]["step"] + 1
    [handed] = house.run("hand-over", number, "sam", "--note", "He knows her.", "--json").json()
    assert handed["state"] == "open"
    told = house.run("explain", number, "--json").json()[0]["told"]
    assert told[-1]["carer"] == "sam"
    house.run("hand-over", number, "zoe").is_bad_input("expected a carer")


def test_what_was_found_after_a_fall(house: House) -> None:
    number = house.raised(rule="fall")
    [closed] = house.run(
        "close", number, "--outcome", "real", "--injured", "--not-got-up", "--no-ambulance", "--json"
    ).json()
    assert closed["findings"] == {"injured": True, "could_get_up": False, "ambulance": False}
