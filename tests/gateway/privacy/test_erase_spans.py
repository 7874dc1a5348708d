"""Devices that were handed on, changed their address or left the centre: what goes with a person, and what stays."""

from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import to_ms
from gateway.store import compact
from gateway.store.erase_spans import Worn
from tests.gateway.privacy.life import DOCUMENT, NOW, Life
from tests.gateway.privacy.test_erase import erased

DAY = timedelta(days=1)


def _worn(*versions: tuple[int, list[tuple[str, int, int | None]]]) -> list[tuple[int | None, ...]]:
    """Days from which until which gps-1 was r01's; each version: the day it was applied, and who has it from, to."""
    worn = Worn("r01")
    for day, claims in versions:
        rows = [
            {
                "device": "gps-1",
                "resident": who,
                "from": (NOW + since * DAY).isoformat(),
                **({} if until is None else {"to": (NOW + until * DAY).isoformat()}),
            }
            for who, since, until in claims
        ]
        worn.add(to_ms(NOW + day * DAY), {"assignments": rows, "devices": [{"id": "gps-1", "format": "native"}]})
    return [
        tuple(None if one is None else (one - to_ms(NOW)) // 86_400_000 for one in (span.since, span.until))
        for span in worn.spans()
    ]


@pytest.mark.parametrize(
    ("versions", "days"),
    [
        ([(0, [("r01", 0, None)])], [(0, None)]),
        ([(0, [("r01", 0, None)]), (9, [("r01", 0, 8)])], [(0, None)]),  # nobody else's since: it may still be theirs
        ([(0, [("r01", 0, None)]), (9, [("r01", 0, 8), ("r02", 8, None)])], [(0, 8)]),
        ([(0, [("r01", 0, None)]), (9, [("r02", 9, None)])], [(0, 9)]),  # its end was never written
        ([(0, [("r01", 0, None)]), (9, [("r02", 0, None)])], []),  # a mistake that was put right
        ([(0, [("r02", 0, None)]), (9, [("r01", 0, None)])], [(0, None)]),
        ([(0, [("r02", -9, 0), ("r01", 0, 3), ("r02", 3, 5), ("r01", 5, None)])], [(0, 3), (5, None)]),
        ([(0, [("r01", 0, 3), ("r02", 4, None)]), (9, [("r02", 4, None)])], [(0, 4)]),  # the old line was tidied away
        ([(0, [("r01", 0, None)]), (2, [("r01", 0, 2), ("r02", 2, None)]), (4, [])], [(0, 2)]),
    ],
)
def test_a_device_was_theirs_until_it_was_somebody_elses(
    versions: list[tuple[int, list[tuple[str, int, int | None]]]], days: list[tuple[int, int | None]]
) -> None:
    assert _worn(*versions) == days


def _handed_on(life: Life) -> dict[str, Any]:
    document = life.move_out()
    document["assignments"].append({"device": "gps-1", "resident": "r02", "from": life.clock.now().isoformat()})
    life.apply(document)
    life.clock.move(60)
    return document


def test_the_next_wearer_keeps_everything(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.live()
    _handed_on(life)
    now = life.clock.now()
    kept = [
        life.reads("gps-1", "help", now, resident="r02", phase="pressed"),
        life.reads("gps-1", "help", now, resident="r02", readable=False),
    ]
    erased(life)
    left = [row[0] for row in life.ask("SELECT seq FROM journal WHERE topic LIKE '%/gps-1/%'")]
    assert left == kept
    assert life.ask("SELECT frame FROM event_ids WHERE device = 'native:gps-1'") == [(one,) for one in kept]
    assert life.ask("SELECT frame FROM quarantine") == [(kept[1],)]


@pytest.mark.parametrize("change", ["address", "format", "gone"])
def test_a_device_that_changed_its_address_or_left_is_still_known(tmp_path: Path, change: str) -> None:
    life = Life(tmp_path)
    life.live()
    document = deepcopy(life.move_out())
    for one in document["devices"]:
        if one["id"] == "gps-1":
            one.update({"address": "another"} if change == "address" else {"format": "owntracks", "address": "u/d"})
    if change == "gone":
        for table, key in (("devices", "id"), ("assignments", "device")):
            document[table] = [one for one in document[table] if one[key] != "gps-1"]
    life.apply(document)
    life.clock.move(60)
    erased(life)
    compact.empty_log(life.path)
    assert compact.holds(life.path, ["14.5123456"]) == []
    assert life.ask("SELECT count(*) FROM event_ids WHERE device = 'native:gps-1'") == [(0,)]


TRACCAR = b'{"position": {"latitude": 35.9, "longitude": 14.5}, "device": {"uniqueId": "352012005712345"}}'


@pytest.mark.parametrize(
    ("form", "address", "topic", "payload", "theirs"),
    [
        ("traccar", "352012005712345", "traccar/positions", TRACCAR, True),
        ("traccar", "12", "traccar/positions", TRACCAR, False),  # in the number of somebody else's
        ("chirpstack", "A84041FFFF112233", "application/1/device/a84041ffff112233/event/up", b"{", True),
    ],
)
def test_a_message_that_could_not_be_read_is_theirs_by_its_whole_address(
    tmp_path: Path, form: str, address: str, topic: str, payload: bytes, theirs: bool
) -> None:
    life = Life(tmp_path)
    document = deepcopy(DOCUMENT)
    document["devices"].append({"id": "one", "type": "tracker", "format": form, "address": address})
    document["assignments"].append({"device": "one", "resident": "r01", "from": "2026-01-01T00:00:00Z"})
    life.apply(document)
    add = "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, ?, ?, ?, ?)"
    rows = [(1, form, topic, payload, to_ms(NOW)), (2, "native", "x", b"", to_ms(NOW))]  # the newest row always stays
    life.write(lambda tx: tx.db.executemany(add, rows))
    life.apply(DOCUMENT)
    life.move_out()
    erased(life)
    assert life.ask("SELECT count(*) FROM journal WHERE format = ?", form) == [(0 if theirs else 1,)]
