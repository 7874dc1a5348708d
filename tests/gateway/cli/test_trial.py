"""What `try`, `outcomes` and `explain` print, over the week of a small house that docs/try.md shows."""

import re
from pathlib import Path

import pytest

from docs import trial_page
from tests.gateway.cli.desk import House, Ran

DAYS = ("--from", "2026-03-02", "--to", "2026-03-06")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> House:
    return trial_page.house(tmp_path_factory.mktemp("lived") / "house")


def table(ran: Ran, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with that word; columns are two blanks apart."""
    assert ran.code == 0, ran.err
    lines = iter(ran.out.splitlines())
    for line in lines:
        if line.strip().startswith(first):
            break
    else:
        pytest.fail(f"no table {first}:\n{ran.out}")
    rows = []
    for line in lines:
        if not line.strip():
            break
        rows.append(re.split(r" {2,}", line.strip()))
    return rows


@pytest.fixture(scope="module")
def tried(lived: House) -> Ran:
    return lived.run("try", lived.folder / "changed.toml", *DAYS)


def test_try_says_how_many_alerts_each_plan_raises(tried: Ran) -> None:
    head = [line.strip() for line in tried.out.splitlines()[:5]]
    assert head[0].endswith("26 readings, residents: 2, with a changed plan: 1.")
    assert head[1].startswith("present plan: 4 alerts, 4 of them at night")
    assert head[2].startswith("changed plan: 1 alerts, 1 of them at night")
    assert head[3] == "kept 1, gone 3, new 0"
    assert head[4].endswith("4 alerts: 1 real, 3 false, 0 tests, 0 still open")


def test_try_counts_by_rule_room_and_night(tried: Ran) -> None:
    assert table(tried, "rule ") == [["bed_exit", "4", "1", "1", "3", "0"]]
    assert table(tried, "room ") == [["101", "4", "1", "1", "3", "0"]], "102 has no change, and is not shown"
    assert table(tried, "night of")[-1] == ["Wed 04 Mar", "2", "1", "1", "1", "0"]


def test_try_lists_what_is_gone_with_its_reason(tried: Ran) -> None:
    gone = table(tried, "Gone: when")
    assert [row[0] for row in gone] == [
        "2026-03-03 04:20:00 CET", "2026-03-04 01:20:00 CET", "2026-03-05 01:20:00 CET",
    ]  # fmt: skip
    assert gone[0][1:4] == ["101", "medium", "Out of bed at night"]
    assert gone[0][4].startswith("Out of bed since 04:00: 20 minutes")
    assert "New: when" not in tried.out


def test_try_lists_what_is_new(lived: House, tmp_path: Path) -> None:
    sooner = tmp_path / "sooner.toml"
    changed = (lived.folder / "changed.toml").read_text()
    sooner.write_text(changed.replace(f"minutes = {trial_page.AFTER} ", "minutes = 10 "))
    ran = lived.run("try", sooner, *DAYS)
    assert [row[0] for row in table(ran, "New: when")] == ["2026-03-03 01:10:00 CET"]
    assert "Gone: when" not in ran.out
    assert "kept 4, gone 0, new 1" in ran.out


def test_try_of_the_same_plan_has_no_tables(lived: House) -> None:
    ran = lived.run("try", lived.folder / "centre.toml", *DAYS)
    assert ran.code == 0
    assert "with a changed plan: 0." in ran.out
    assert "kept 4, gone 0, new 0" in ran.out
    assert len(ran.out.splitlines()) == 5


def test_outcomes_by_rule_room_and_device(lived: House) -> None:
    ran = lived.run("outcomes", *DAYS)
    assert table(ran, "rule ") == [["bed_exit", "101", "bed-r01", "4", "1", "3", "0", "0", "0", "0", "75%"]]
    ran = lived.run("outcomes", "--rules", *DAYS)
    assert table(ran, "rule ") == [["bed_exit", "4", "1", "3", "0", "0", "0", "0", "75%"]]


def test_outcomes_of_a_time_without_alerts(lived: House) -> None:
    ran = lived.run("outcomes", "--from", "2026-01-02", "--to", "2026-01-03")
    assert ran.out == "No alerts in that time.\n"


def test_explain_tells_the_chain_in_its_order(lived: House) -> None:
    ran = lived.run("explain", 1)
    assert ran.code == 0
    text = ran.out
    parts = [
        "Alert 1: Out of bed at night (medium), 101, closed",
        "Why: Out of bed since 04:00: 20 minutes",
        "Happened 2026-03-03 04:00:00 CET, raised 2026-03-03 04:20:00 CET, repeats 0",
        "(native) on telecare/haven/bed-r01/bed at 2026-03-03 04:00:00 CET",
        '"in_bed": false}',
        'Reading of bed-r01: bed {"kind":"bed"',
        "Rule bed_exit: Out of bed at night",
        'state before: {"of":"bed_exit"',
        'condition:    from = "22:00:00", minutes = 20.0, priority = "medium", to = "06:00:00" (centre version 1)',
        'state after:  {"of":"bed_exit"',
        "Told nora by log (alert)",
        "2026-03-03 04:20:00 CET raised",
        "2026-03-03 04:25:00 CET clear",
        "2026-03-03 04:30:00 CET close by nora (console)",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_the_page_shows_what_is_printed() -> None:
    ((page, text),) = trial_page.files().items()
    assert page.read_text("utf-8") == text, "run: python -m docs.trial_page"
