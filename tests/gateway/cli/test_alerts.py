import getpass
import json
import os
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cli.alerts import centre_of
from gateway.store import audit
from gateway.store.database import reader
from tests.gateway.cli.desk import House


def states(house: House) -> dict[int, str]:
    return {row["id"]: row["state"] for row in house.run("alerts", "--all", "--json").json()}


def test_no_alerts(house: House) -> None:
    assert house.run("alerts").out == "No open alerts.\n"
    assert house.run("alerts", "--all").out == "No alerts.\n"
    assert house.run("alerts", "--json").out == ""


def test_the_list_shows_rooms_not_names(house: House) -> None:
    house.raised()
    house.raised(resident=None, rule="broker_gone")
    ran = house.run("alerts")
    assert ran.code == 0
    assert "101" in ran.out
    assert "Carmen" not in ran.out
    assert "Help was called with sos-r01." in ran.out


def test_who_was_taken_out_keeps_the_room_and_the_policy_while_an_alert_is_open(house: House) -> None:
    number = house.raised(resident="r03")
    house.take_out("r03")
    with closing(reader(house.path)) as db:
        index = centre_of(db)
    assert "r03" not in index.residents
    assert index.policy_of("r03").id == "night"
    out = house.run("alerts").out
    assert " 103 " in out
    assert "r03" not in out
    assert ", 103, open" in house.run("explain", number).out


def test_from_open_to_closed(house: House) -> None:
    number = house.raised()
    acked = house.run("ack", number, "--minutes", 5, "--as", "nora", "--json")
    (alert,) = acked.json()
    assert (alert["state"], alert["taken_by"]) == ("acknowledged", "nora")
    (alert,) = house.run("decline", number, "--as", "nora", "--json").json()
    assert (alert["state"], alert["taken_by"]) == ("open", None)
    (alert,) = house.run("arrive", number, "--as", "nora", "--json").json()
    assert (alert["state"], alert["taken_by"]) == ("attended", "nora")
    assert (
        house.run("close", number, "--outcome", "real", "--note", "Helped her.").out == f"Alert {number} is closed.\n"
    )
    assert house.run("alerts", "--json").out == ""
    assert states(house) == {number: "closed"}
    (closed,) = house.run("alerts", "--all", "--json").json()
    assert (closed["outcome"], closed["note"]) == ("real", "Helped her.")
    assert closed["closed_by"] == f"cli:{getpass.getuser()}"
    with closing(reader(house.path)) as db:
        assert audit.broken_at(db) is None


def test_explain_tells_the_whole_story(house: House) -> None:
    number = house.raised()
    house.run("ack", number, "--as", "nora")
    text = house.run("explain", number).out
    for word in ("Help", "high", "101", "acknowledged", "Told nora by log", "by nora (cli)", "state before"):
        assert word in text, word
    (told,) = house.run("explain", number, "--json").json()
    assert told["alert"]["id"] == number
    assert [line["event"] for line in told["history"]] == ["raised", "acknowledge"]


def test_what_is_not_there_is_bad_input(house: House) -> None:
    for command, arguments in (("ack", []), ("close", ["--outcome", "real"]), ("explain", [])):
        house.run(command, 99, *arguments).is_bad_input("99")
        for number in (2**63, 10**30):  # more than SQLite can count
            ran = house.run(command, number, *arguments)
            ran.is_bad_input(f"no alert number {number}")
            assert len(ran.err.splitlines()) == 1
        house.run(command, 0, *arguments).is_bad_input("ID", "1")
        house.run(command, "first", *arguments).is_bad_input("ID")


BAD_ANSWERS: list[tuple[str, list[Any], str]] = [
    ("ack", ["--minutes", 0], "minutes"),
    ("ack", ["--minutes", 100_000], "minutes"),
    ("ack", ["--as", "nobody"], "--as"),
    ("close", ["--outcome", "real", "--as", "nobody"], "--as"),
    ("close", ["--outcome", "maybe"], "maybe"),
    ("close", [], "--outcome"),
    ("close", ["--outcome", "other"], "note"),
]


@pytest.mark.parametrize(("command", "arguments", "word"), BAD_ANSWERS)
def test_an_answer_that_cannot_be_used_is_bad_input(
    house: House, command: str, arguments: list[Any], word: str
) -> None:
    number = house.raised()
    house.run(command, number, *arguments).is_bad_input(word)
    assert states(house) == {number: "open"}


def test_what_the_alert_does_not_allow_now_ends_with_1(house: House) -> None:
    number = house.raised()
    house.run("ack", number, "--as", "nora")
    taken = house.run("ack", number, "--as", "mette")
    assert (taken.code, taken.out) == (1, "")
    assert "nora" in taken.err.lower()
    house.run("close", number, "--outcome", "false")
    late = house.run("ack", number, "--as", "nora")
    assert late.code == 1
    assert "Traceback" not in late.err


def test_text_from_a_device_is_never_taken_for_markup(house: House) -> None:
    number = house.raised(resident="[red]r01[/red]")
    for command, arguments in (("alerts", []), ("explain", [number])):
        ran = house.run(command, *arguments)
        assert ran.code == 0
        assert "[red]r01[/red]" in ran.out


def test_a_limit_must_be_a_number_above_zero(house: House) -> None:
    house.run("alerts", "--all", "--limit", 0).is_bad_input("--limit")
    for _ in range(2):
        house.raised(rule="a" + os.urandom(2).hex())
    assert len(house.run("alerts", "--all", "--json", "--limit", 1).json()) == 1


def test_a_closed_alert_is_re_opened(house: House) -> None:
    number = house.raised()
    assert house.run("reopen", number).code == 1  # it is open
    house.run("close", number, "--outcome", "false")
    house.run("reopen", number, "--as", "nobody").is_bad_input("--as")
    ran = house.run("reopen", number, "--note", "The wrong one.", "--as", "nora")
    assert (ran.code, ran.out) == (0, f"Alert {number} is open.\n")
    (told,) = house.run("explain", number, "--json").json()
    last = told["history"][-1]
    assert (last["event"], last["who"], last["detail"]["note"]) == ("reopen", "nora", "The wrong one.")


def test_json_has_the_reason_in_words_too(house: House) -> None:
    number = house.raised()
    (listed,) = house.run("alerts", "--json").json()
    (told,) = house.run("explain", number, "--json").json()
    (acked,) = house.run("ack", number, "--json").json()
    for alert in (listed, told["alert"], acked):
        assert alert["words"] == "Help was called with sos-r01."
        assert alert["mark_words"] == []
        assert alert["reason"]["values"] == {"device": "sos-r01"}


def test_people_read_the_centres_time_and_programs_utc(house: House) -> None:
    number = house.raised()
    (told,) = house.run("explain", number, "--json").json()
    assert told["alert"]["raised_at"].endswith("Z")
    raised = datetime.fromisoformat(told["alert"]["raised_at"]).astimezone(ZoneInfo("Europe/Malta"))
    written = f"{raised:%Y-%m-%d %H:%M:%S %Z}"
    assert f"raised {written}" in house.run("explain", number).out
    assert written in house.run("audit").out
    for command in ("explain", "audit"):
        arguments = [number] if command == "explain" else []
        assert "+00:00" not in house.run(command, *arguments).out
    assert all(row["at"].endswith("Z") for row in house.run("audit", "--json").json())


def test_who_looks_by_the_command_line_is_written_down(house: House, tmp_path: Path) -> None:
    number = house.raised()
    house.run("explain", number)
    house.run("centre export", tmp_path / "out.toml")
    house.run("quarantine")
    with closing(reader(house.path)) as db:
        looks = db.execute("SELECT object, detail FROM audit WHERE action = 'look' ORDER BY seq").fetchall()
        mine = db.execute("SELECT count(*) FROM looks WHERE resident = 'r01'").fetchone()
    assert [row["object"].split("/")[0] for row in looks] == ["alert", "centre", "quarantine"]
    assert [json.loads(row["detail"])["via"] for row in looks] == ["cli", "export", "cli"]
    assert mine[0] >= 1, "the person sees it on the page of who looked"
