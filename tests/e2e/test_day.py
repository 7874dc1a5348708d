"""Hours of the demo care centre against a real daemon, with simulated residents that are devices only."""

import json
from pathlib import Path

import pytest

from tests.brokers import run_nats
from tests.faults.harness.book import Book
from tests.faults.harness.process import daemon_of, telecare
from tests.faults.harness.ward import apply, write_config

pytestmark = pytest.mark.slow

DEMO = Path(__file__).parents[2] / "config" / "demo" / "centre.toml"
SPEED = 600
HOURS = 5


async def test_hours_of_a_care_centre_pass_without_an_error(tmp_path: Path) -> None:
    async with run_nats(tmp_path / "broker") as broker:
        config = write_config(tmp_path, port=broker.port, protocol="3.1.1")
        await apply(DEMO, config)
        book = Book(tmp_path / "data")
        async with daemon_of(config) as daemon:
            done = await telecare(
                "simulate", "--centre", DEMO, "--port", str(broker.port), "--seed", "7", "--event", "600s sos r03",
                "--speed", str(SPEED), "--for", str(HOURS * 3600), "--json", limit_s=HOURS * 3600 / SPEED + 300,
            )  # fmt: skip
            log = daemon.said()
            await daemon.stop()
        assert done.code == 0, done.err
        summary = json.loads(done.out.splitlines()[-1])
    rules = [row["rule"] for row in book.alerts()]
    print(f"\n{HOURS} simulated hours: {summary}; {len(rules)} alerts: {sorted(set(rules))}")
    assert summary["sent"] == summary["acked"] > 500
    assert summary["alarms_unacknowledged"] == 0
    assert not book.quarantine()
    assert "failed_rule" not in rules
    assert "unassigned_alarm" not in rules
    assert 0 < len(rules) < 100, "twelve residents in some hours"
    for word in ("_failed", "Traceback", "level=error", "level=critical"):
        assert word not in log, log[max(0, log.index(word) - 300) :][:1000]
    assert book.is_sound()
