"""``telecare command | commands``."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from gateway.clock import SystemClock, monotonic
from gateway.commands import queue
from gateway.commands.table import Event
from gateway.commands.ways import Answers
from gateway.store.database import reader
from gateway.store.writer import write_now
from tests.brokers import PATIENCE_S
from tests.gateway.cli.desk import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.furnish()
    return made


def test_a_command_is_queued_for_the_daemon(house: House) -> None:
    ran = house.run("command", "gps-r01", "ring", "--why", "She lost it.", "--as", "nora", "--within", "30")
    assert ran.code == 0, ran.err
    assert "is queued" in ran.out
    with closing(reader(house.path)) as db:
        (made,) = queue.commands(db)
    assert (made.device, made.command, made.who, made.why) == ("gps-r01", "ring", "nora", "She lost it.")
    assert made.state == "queued"
    assert (made.expires_at - made.created_at).total_seconds() == 30
    listed = house.run("commands")
    assert listed.code == 0
    assert all(word in listed.out for word in ("gps-r01", "ring", "queued", "nora", "She lost it."))
    (row,) = house.run("commands", "--json").json()
    assert (row["id"], row["state"]) == (made.id, "queued")


def test_who_asks_is_in_the_audit(house: House) -> None:
    house.run("command", "gps-r01", "ring")
    (row,) = [row for row in house.run("audit", "--json").json() if row["action"] == "command.request"]
    assert row["who"].startswith("cli")
    assert "why" not in json.loads(row["detail"])  # what people write stays where it can be erased
    with closing(reader(house.path)) as db:
        (made,) = queue.commands(db)
    assert made.why == "asked at the command line"


def test_settled_ones_only_with_all(house: House) -> None:
    house.run("command", "gps-r01", "ring")
    with closing(reader(house.path)) as db:
        (made,) = queue.commands(db)
    write_now(house.path, lambda tx: queue.settle(tx, made.id, Event.CONFIRMED), clock=SystemClock())
    assert house.run("commands").out == "No commands under way.\n"
    assert "confirmed" in house.run("commands", "--all").out


def test_a_refusal_ends_with_1_and_says_why(house: House) -> None:
    ran = house.run("command", "bed-r01", "ring")
    assert ran.code == 1
    assert "was refused: not_able" in ran.out
    (row,) = house.run("command", "bed-r01", "ring", "--json").json()
    assert (row["state"], row["detail"]) == ("refused", "not_able")


def test_settings_decide_how_many(house: House) -> None:
    house.config.write_text(house.config.read_text() + "[commands]\nper_minute = 1\nexpires_s = 99\n")
    assert house.run("command", "gps-r01", "ring").code == 0
    assert "too_many" in house.run("command", "gps-r01", "ring").out
    with closing(reader(house.path)) as db:
        made = queue.commands(db)[-1]
    assert (made.expires_at - made.created_at).total_seconds() == 99


def test_bad_input(house: House) -> None:
    house.run("command", "nobody", "ring").is_bad_input("nobody", "expected a device")
    house.run("command", "gps-r01", "explode").is_bad_input("explode", "ring")
    house.run("command", "gps-r01", "ring", "--as", "nobody").is_bad_input("--as", "nora")
    house.run("command", "gps-r01", "ring", "--why", " ").is_bad_input("why")
    assert house.run("commands", "--all").out == "No commands.\n"


def test_waiting_without_a_daemon_ends(house: House) -> None:
    ran = house.run("command", "gps-r01", "ring", "--within", "1", "--wait")
    assert ran.code == 1
    assert "does the gateway run?" in ran.err


@pytest.mark.parametrize(("event", "code", "words"), [
    (Event.CONFIRMED, 0, "was confirmed by the device"), (Event.FAILED, 1, "has failed"),
    (Event.EXPIRED, 1, "has expired"),
])  # fmt: skip
def test_waiting_ends_with_what_became_of_it(house: House, event: Event, code: int, words: str) -> None:
    def daemon() -> None:
        """The daemon's part, as soon as there is something to do."""
        clock, end = SystemClock(), monotonic() + PATIENCE_S
        with closing(reader(house.path)) as db:
            while monotonic() < end and not (waiting := queue.commands(db, waiting=True)):
                time.sleep(0.005)
        write_now(house.path, lambda tx: queue.settle(tx, waiting[0].id, event), clock=clock)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(daemon)
        ran = house.run("command", "gps-r01", "ring", "--wait")
        done.result()
    assert ran.code == code, ran.err
    assert words in ran.out


def test_sent_is_all_there_is_where_no_answer_can_come(house: House) -> None:
    ran = house.run("command", "gps-r01", "ring", "--json")
    (row,) = ran.json()
    write_now(
        house.path,
        lambda tx: queue.note_sent(tx, row["id"], again_after_s=None, answers=Answers.NONE),
        clock=SystemClock(),
    )
    (listed,) = house.run("commands", "--all", "--json").json()
    assert (listed["state"], listed["settled_at"] is not None) == ("sent", True)
