"""Key figures at the command line."""

import csv
import io

import pytest

from tests.gateway.cli.desk import House


def test_figures_of_what_happened_here(house: House) -> None:
    number = house.raised()
    house.run("close", number, "--outcome", "false", "--as", "nora")
    (found,) = house.run("kpi", "--json").json()
    assert (found["total"]["alerts"], found["total"]["closed"]) == (1, 1)
    assert found["total"]["shares"]["acknowledged_within_60_s"] == {"within": 1, "of": 1, "share": 1.0}
    assert {(line["by"], line["name"], line["false"]) for line in found["false_alarms"]} == {
        ("rule", "help", 1), ("device", "sos-r01", 1), ("resident", "r01", 1),
    }  # fmt: skip
    assert found["timezone"] == "Europe/Malta"
    shown = house.run("kpi", "--per", "shift").out
    assert "Median / 90th percentile, from raised on. Times of Europe/Malta." in shown
    assert "False alarms" in shown
    assert "sos-r01" in shown


def test_csv(house: House) -> None:
    house.raised()
    ran = house.run("kpi", "--csv", "--per", "week")
    week, total = csv.DictReader(io.StringIO(ran.out))
    assert (total["period"], total["alerts"], total["notified_median_s"]) == ("all", "1", "")
    assert week["period"].count("-W") == 1
    assert week["from"].endswith("Z")
    empty = house.run("kpi", "--csv", "--to", "2026-03-29", "--from", "2026-03-29")
    (line,) = csv.DictReader(io.StringIO(empty.out))
    assert (line["from"], line["to"]) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")  # the night of 23 hours
    assert line["alerts"] == "0"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "soon"], "--from: 'soon': expected a day"),
        (["--to", "1999-01-01"], "--to: '1999-01-01': expected a day from 2000"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "expected a day that is not after the end"),
        (["--shifts", "7,15"], "--shifts: '7,15': expected times of the day"),
        (["--shifts", "07:00,25:00"], "--shifts: '07:00,25:00'"),
        (["--csv", "--json"], "--csv: expected --csv or --json"),
    ],
)
def test_what_it_refuses(house: House, options: list[str], words: str) -> None:
    house.run("kpi", *options).is_bad_input(words)


def test_shifts_as_asked(house: House) -> None:
    house.raised()
    (found,) = house.run("kpi", "--json", "--per", "shift", "--shifts", "06:30").json()
    assert found["periods"][0]["label"].endswith(" 06:30")
