"""Source -> transaction -> acknowledgement, in that order; and an error costs one frame, not the batch."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from devices.model import Status
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.errors import StoreFailedError
from gateway.ingest.source import Receipt
from gateway.pipeline import intake
from gateway.pipeline.cases import Cases
from gateway.pipeline.intake import Entry
from gateway.pipeline.lanes import Lane
from gateway.pipeline.pipeline import Pipeline
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Writer
from tests.gateway.pipeline.chain import DEMO, START, ScriptedSource, applied, foreign, frame


class House:
    """A writer and a pipeline as the daemon has them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        prepare(path)
        clock = ManualClock(START)
        index = applied(path, DEMO, clock)
        self.writer = Writer(path, clock=clock)
        self.db = reader(path)
        self.pipeline = Pipeline(self.db, lambda: index)
        self.writing = asyncio.create_task(self.writer.run())

    async def end(self) -> None:
        self.writing.cancel()
        await asyncio.gather(self.writing, return_exceptions=True)
        self.db.close()

    def lane(self, source: ScriptedSource) -> Lane:
        return Lane(source, self.pipeline, self.writer, urgent=source.name == "alarms")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(reader(self.path)) as db:
            return [tuple(row) for row in db.execute(query)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path / FILE)
    yield made
    await made.end()


def press(number: int, device: str = "sos-r01") -> Receipt:
    return frame(device, "help", START, id=f"h-{number}", phase="pressed")


async def test_nothing_is_acknowledged_before_it_is_on_disk(house: House) -> None:
    source = ScriptedSource("alarms", [press(1), press(2)], [press(3)], path=house.path)
    await house.lane(source).run()
    assert source.journaled_at_ack == [2, 3]
    assert [[r.frame.topic for r in batch] for batch in source.acknowledged] == [
        ["telecare/haven/sos-r01/help"] * 2,
        ["telecare/haven/sos-r01/help"],
    ]


async def test_devices_hear_of_exactly_what_has_an_id(house: House) -> None:
    batch = [
        press(1),
        press(1),  # a device that repeats until it hears
        frame("gps-r01", "position", START, id="p-1", lon=14.4, lat=35.89),
        frame("gps-r01", "position", START, raw=b"{broken"),
        foreign("owntracks", "owntracks/rita/pixel", {"_type": "location", "lon": 14.4, "lat": 35.9, "tst": 1}, START),
        frame("unknown", "help", START, id="h-9", phase="pressed"),
    ]
    source = ScriptedSource("telemetry", batch)
    await house.lane(source).run()
    assert source.published == [
        ("telecare/haven/sos-r01/ack", b'{"id":"h-1"}'),
        ("telecare/haven/sos-r01/ack", b'{"id":"h-1"}'),
        ("telecare/haven/gps-r01/ack", b'{"id":"p-1"}'),
        ("telecare/haven/unknown/ack", b'{"id":"h-9"}'),
    ]
    assert source.acknowledged == [batch]  # the broker hears of all of it


async def test_devices_hear_before_the_broker_does(house: House) -> None:
    """A kill in between costs nothing: the broker delivers again, and the devices hear again."""
    source = ScriptedSource("alarms", [press(1)], [press(2)])
    await house.lane(source).run()
    assert source.said == ["device", "broker"] * 2


async def test_a_lane_counts(house: House) -> None:
    lane = house.lane(
        ScriptedSource(
            "telemetry",
            [frame("gps-r01", "status", START, battery_percent=80), frame("gps-r01", "status", START, raw=b"{")],
            [press(1)],
        )
    )
    await lane.run()
    assert dict(lane.counts) == {"frames": 3, "readings": 2, "quarantined": 1, "redelivered": 0}


@pytest.mark.parametrize("where", ["_cases", "_raise", "_acks"])
async def test_an_error_inside_costs_one_frame(house: House, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Whatever breaks in the pipeline, the frame that breaks it goes to quarantine whole; the others are judged."""
    genuine = intake.decode

    def decode(entry: Entry, index: CentreIndex) -> None:
        genuine(entry, index)
        if any(isinstance(reading, Status) and reading.firmware == "cursed" for reading in entry.readings):
            raise ZeroDivisionError(where)

    monkeypatch.setattr("gateway.pipeline.intake.decode", decode)
    cursed = frame("gps-r01", "status", START, id="s-1", firmware="cursed")
    source = ScriptedSource("telemetry", [press(1), cursed, press(2, "sos-r03")], path=house.path)
    await house.lane(source).run()
    assert house.rows("SELECT frame, why, detail FROM quarantine") == [
        (2, "decoder_failed", f"ZeroDivisionError: {where}")
    ]
    assert house.rows("SELECT payload FROM journal WHERE seq = 2") == [(cursed.frame.payload,)]
    assert house.rows("SELECT resident FROM alerts ORDER BY id") == [("r01",), ("r03",)]
    assert house.rows("SELECT seq FROM journal ORDER BY seq") == [(1,), (2,), (3,)]
    assert len(source.acknowledged) == 1
    assert source.journaled_at_ack == [3]


async def test_an_alarm_that_breaks_the_pipeline_is_told_as_unreadable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(self: Cases, *args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Cases, "of", explode)
        await house.lane(ScriptedSource("alarms", [press(1)])).run()
    assert house.rows("SELECT rule, resident, state FROM alerts") == [("unreadable_alarm", "r01", "open")]
    await house.lane(ScriptedSource("alarms", [press(2)])).run()  # and it goes on
    assert house.rows("SELECT rule FROM alerts ORDER BY id") == [("unreadable_alarm",), ("help",)]


async def test_a_store_that_fails_ends_the_lane_without_an_acknowledgement(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(self: Pipeline, *args: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("gateway.pipeline.pipeline.insert", explode)
    source = ScriptedSource("alarms", [press(1)], [press(2)])
    with pytest.raises(ExceptionGroup) as failed:
        await house.lane(source).run()
    assert failed.group_contains(StoreFailedError)
    assert (source.acknowledged, source.published) == ([], [])
    assert house.rows("SELECT * FROM journal") == []


async def test_alarms_go_before_a_flood_of_telemetry(house: House) -> None:
    """Both lanes wait for the same disk: what is urgent is first in its transaction."""
    flood = [frame("gps-r01", "status", START, battery_percent=80) for _ in range(400)]
    telemetry, alarms = ScriptedSource("telemetry", flood, flood), ScriptedSource("alarms", [press(1)])
    await asyncio.gather(house.lane(telemetry).run(), house.lane(alarms).run())
    ((seq,),) = house.rows("SELECT seq FROM journal WHERE topic LIKE '%/help'")
    assert seq == 1
