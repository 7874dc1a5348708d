"""A file that is applied takes nothing out, and writes nothing over, that it knows nothing of."""

import shutil
from pathlib import Path

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.clock import SystemClock
from gateway.store import centres
from gateway.store.writer import write_now
from tests.gateway.cli.desk import DEMO_FILE, House
from tests.gateway.pipeline.chain import DEMO

NEW = {"id": "emil", "name": "Emil Graf", "role": "carer", "contacts": [{"channel": "log"}]}


def in_the_console(house: House, who: str = "sam") -> None:
    """Somebody enters a resident and a carer there."""
    document = to_document(DEMO)
    document["residents"].append({"id": "r99", "name": "Frieda Löwe", "room": "199"})
    document["carers"].append(NEW)
    document["care_plans"].append({"resident": "r99", "policy": "family"})
    centre = centre_from_document(document)
    write_now(house.path, lambda tx: centres.apply(tx, centre, who=who), clock=SystemClock())


def words(text: str) -> str:
    return " ".join(text.split())


def test_an_old_file_takes_nothing_out_that_was_entered_in_the_console(house: House) -> None:
    in_the_console(house, who="client")  # a carer's id that begins as the command line does
    number, about = house.raised(), house.raised(resident="r99")
    index = CentreIndex(DEMO)
    write_now(
        house.path,
        lambda tx: desk.answer(tx, index, number, Acknowledge(5), who="emil", via="test"),
        clock=SystemClock(),
    )
    ran = house.run("centre apply", DEMO_FILE)
    ran.is_bad_input(
        "removed: residents r99 (Frieda Löwe)", "removed: carers emil (Emil Graf)", "--removing", "--over 2"
    )
    told = words(ran.err)
    assert "This file knows nothing of version 2 by client at " in told
    assert "It would take out residents (1), carers (1), care_plans (1)." in told
    assert f"emil is on the way: alert {number} (" in told
    assert f"Open: alert {about} (" in told
    assert "Passwords, sessions, passkeys and tokens end for good: emil." in told
    assert house.version() == 2
    house.run("centre apply", DEMO_FILE, "--removing").is_bad_input("--over 2")
    house.run("centre apply", DEMO_FILE, "--over", "2").is_bad_input("say --removing")
    house.run("centre apply", DEMO_FILE, "--over", "1", "--removing").is_bad_input("the newest version is 2")
    ran = house.run("centre apply", DEMO_FILE, "--over", "2", "--removing")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "removed: residents r99 (Frieda Löwe)", "removed: carers emil (Emil Graf)",
        "removed: care_plans r99 (r99)", "Version 3 is in force: 12 residents.",
    ]  # fmt: skip
    assert "emil is on the way" in words(ran.err)


def test_what_is_in_force_is_written_down_changed_and_applied(house: House, tmp_path: Path) -> None:
    in_the_console(house)
    file = tmp_path / "mine.toml"
    assert house.run("centre export", file).code == 0
    exported = file.read_text()
    file.write_text(exported.replace('name = "Emil Graf"', 'name = "Emil Graf-Falk"'))
    ran = house.run("centre apply", file)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "changed: carers emil (Emil Graf-Falk)", '  name: "Emil Graf" -> "Emil Graf-Falk"',
        "Version 3 is in force: 13 residents.",
    ]  # fmt: skip
    # a version of the command line is no way around it: nor a zone that was set, nor what was taken back
    assert house.run("centre undo", "3").code == 0
    ran = house.run("centre apply", file)
    ran.is_bad_input("This file knows nothing of version 4 by cli:")
    # a remark that is not of this database says nothing: the last file that was applied counts, which is version 3
    file.write_text("# Written from version 4 (0123456789ab). So it says.\n" + file.read_text().partition("\n")[2])
    house.run("centre apply", file).is_bad_input("This file knows nothing of version 4 by cli:", "--over 4")
    assert house.run("centre apply", file, "--over", "4", "--json").json() == [{"version": 5, "changed": True}]


def test_a_file_is_changed_and_applied_again(house: House, tmp_path: Path) -> None:
    for beside in ("zones.geojson", "day-club.ics"):
        shutil.copy(DEMO_FILE.with_name(beside), tmp_path)
    file = tmp_path / "changed.toml"
    file.write_text(DEMO_FILE.read_text().replace('name = "Carmen Vella"', 'name = "Carmen Borg"', 1))
    assert house.run("centre apply", file).code == 0
    assert house.run("centre remove-zone", "haven-garden").code != 0  # a rule names it
    place = Path(__file__).with_name("place.geojson")
    assert house.run("centre set-zone", place).code == 0
    house.run("centre apply", file).is_bad_input("--over 3", "--removing", "removed: zones")
