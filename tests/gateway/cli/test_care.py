"""``telecare sleep`` and ``telecare rounds`` on a real database: consent, audit, swapped sensors, late readings."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from devices.model import Bed, Reading, Sleep, Vitals, kind_of
from gateway.clock import SystemClock, to_ms
from gateway.store.database import reader
from gateway.store.writer import Tx, write_now
from rules.continence import ContinenceState, Stand
from rules.model import State
from rules.registry import encode_states
from tests.gateway.cli.desk import House

MALTA = ZoneInfo("Europe/Malta")
EVENING = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)


def store(house: House, rows: list[tuple[datetime, str, Reading]], *, late: timedelta = timedelta()) -> None:
    """Readings in the database: when it happened, whose it is, and what."""

    def work(tx: Tx) -> None:
        first = int(tx.db.execute("SELECT coalesce(max(seq), 0) + 4096 FROM readings").fetchone()[0])
        tx.db.executemany(
            "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
            " VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
            [
                (first + 4096 * n, reading.device, resident, kind_of(reading), to_ms(at), to_ms(at + late),
                 msgspec.json.encode(reading).decode())
                for n, (at, resident, reading) in enumerate(rows)
            ],
        )  # fmt: skip

    write_now(house.path, work, clock=SystemClock())


def states(house: House, by_resident: Mapping[str, Mapping[str, State]]) -> None:
    def work(tx: Tx) -> None:
        tx.db.executemany(
            "INSERT INTO rule_states (resident, states) VALUES (?, ?)",
            [(resident, encode_states(dict(found)).decode()) for resident, found in by_resident.items()],
        )

    write_now(house.path, work, clock=SystemClock())


def looks(house: House) -> list[str]:
    with closing(reader(house.path)) as db:
        return [row[0] for row in db.execute("SELECT object FROM audit WHERE action = 'look' ORDER BY seq")]


def bed(minutes: float, in_bed: bool, device: str = "bed-r03", resident: str = "r03") -> tuple[datetime, str, Reading]:
    return EVENING + timedelta(minutes=minutes), resident, Bed(device=device, in_bed=in_bed)


def test_a_night(house: House) -> None:
    rows = [bed(0, True), bed(120, False), bed(135, True, "bed-spare"), bed(480, False, "bed-spare")]
    rows.append((EVENING + timedelta(minutes=60), "r03", Vitals(device="bed-r03", heart_rate_bpm=61)))
    rows.append(bed(130, True, "bed-r04", "r04"))  # somebody else
    store(house, sorted(rows, key=lambda row: row[0]))
    (night,) = house.run("sleep", "r03", "--date", "2026-03-01", "--json").json()
    assert night["in_bed"] == {"start": "2026-03-01T21:00:00Z", "end": "2026-03-02T05:00:00Z"}
    assert night["exits"] == [{"start": "2026-03-01T23:00:00Z", "end": "2026-03-01T23:15:00Z"}]
    assert night["in_bed_s"] == 465 * 60
    assert night["heart_rate"]["median"] == 61
    text = house.run("sleep", "r03", "--date", "2026-03-01").out
    for part in (
        "103",
        "In bed: 22:00 to 06:00",
        "Out of bed: 00:00 (15 minutes)",
        "Heart rate: 61 a minute",
        "not known",
    ):
        assert part in text, text
    assert looks(house) == ["sleep/r03/2026-03-01"] * 2
    assert house.run("sleep", "r03", "--date", "2026-03-02", "--json").json()[0]["in_bed"] is None


def test_what_came_late_counts(house: House) -> None:
    store(house, [bed(0, True)])
    # a newer reading of another resident was received before it
    store(house, [bed(2000, True, "bed-r04", "r04")])
    night = EVENING + timedelta(minutes=480), "r03", Sleep(device="bed-r03", start=EVENING, end=EVENING, score=80.0)
    store(house, [bed(480, False), night], late=timedelta(hours=30))
    (found,) = house.run("sleep", "r03", "--date", "2026-03-01", "--json").json()
    assert found["in_bed"]["end"] == "2026-03-02T05:00:00Z"
    assert found["score"] == 80


def test_only_who_agreed_is_shown(house: House) -> None:
    store(house, [bed(0, True, "bed-r05", "r05")])
    ran = house.run("sleep", "r05", "--date", "2026-03-01")
    assert (ran.code, ran.out) == (1, "")
    assert "did not agree" in ran.err
    assert looks(house) == []


@pytest.mark.parametrize("bad", [["nobody"], ["r03", "--date", "yesterday"], ["r03", "--date", "0001-01-01"]])
def test_bad_input(house: House, bad: list[str]) -> None:
    house.run("sleep", *bad).is_bad_input(bad[-1])


def test_the_round_list(house: House) -> None:
    now = SystemClock().now().replace(microsecond=0)
    hour = timedelta(hours=1)
    due = ContinenceState(Stand.DUE, now, now - hour, now + hour, now + hour / 2)
    late = ContinenceState(Stand.OVERDUE, now, now - 3 * hour, told=True)
    leak = ContinenceState(Stand.LEAK, now - 2 * hour, now - 4 * hour, told=True)
    fine = ContinenceState(Stand.FINE, now)
    by_resident = {
        "r03": {"continence": due},
        "r05": {"continence": late},
        "r06": {"continence": leak},
        "r08": {"continence": fine},
        "r01": {"continence": late},  # did not agree: no longer anybody's business
    }
    states(house, by_resident)
    found = house.run("rounds", "--json").json()
    assert [(one["resident"], one["what"]) for one in found] == [("r05", "overdue"), ("r06", "leak"), ("r03", "due")]
    assert found[2]["room"] == "103"
    assert found[2]["due_at"] == (now + hour / 2).isoformat().replace("+00:00", "Z")
    text = house.run("rounds").out
    assert text.index("Change overdue") < text.index("Change needed now") < text.index("Change due")
    in_a_minute = (now + timedelta(minutes=1)).astimezone(MALTA)
    soon = house.run("rounds", "--json", "--at", f"{in_a_minute:%H:%M:%S}").json()
    assert [one["resident"] for one in soon] == ["r05", "r06"]
    assert looks(house) == ["rounds"] * 3


def test_nothing_is_due(house: House) -> None:
    assert house.run("rounds").out == "Nothing is due.\n"
    assert house.run("rounds", "--json").out == ""
    house.run("rounds", "--at", "tonight").is_bad_input("--at", "tonight")
    house.run("rounds", "--at", "21:00+01:00").is_bad_input("--at", "time zone")
