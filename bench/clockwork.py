"""What 10,000 open alerts cost the clockwork: ``python -m bench.clockwork`` measures it.

A house in trouble: nobody answers anything for an hour. One alert in ten is high, three are medium, the others low;
each goes through a step to a role (a weekly plan and a calendar), a step to a carer, and the failsafe, round after
round. The time is moved by hand, second by second, as the clockwork looks; what counts is the processor time of this
process.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import ManualClock
from gateway.clockwork.clockwork import BATCH
from gateway.store.database import FILE, connect, prepare
from gateway.store.writer import Tx
from rules.model import Priority, Reason

PRIORITIES = [Priority.HIGH, *[Priority.MEDIUM] * 3, *[Priority.LOW] * 6]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

CALENDAR = "\r\n".join(
    [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//EN",
        "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", "DTSTART:20260101T060000Z", "DTEND:20260101T180000Z",
        "RRULE:FREQ=DAILY", "SUMMARY:ben", "END:VEVENT", "END:VCALENDAR", "",
    ]
)  # fmt: skip


def document(residents: int) -> dict[str, Any]:
    """A centre with that many residents, whose alerts all go by one policy."""
    names = [f"r{number:05}" for number in range(residents)]
    weekly = [
        {"days": "daily", "from": "07:00", "to": "19:00", "carers": ["nora"]},
        {"days": "daily", "from": "19:00", "to": "07:00", "carers": ["ida"]},
    ]
    steps = [{"roles": ["nurse"], "wait_s": 120}, {"to": ["ida"], "wait_s": 120}]
    return {
        "centre": {"id": "bench", "name": "Bench", "timezone": "Europe/Malta"},
        "residents": [{"id": name, "name": name, "room": name} for name in names],
        "carers": [
            {"id": one, "name": one, "contacts": [{"channel": "log"}]} for one in ("nora", "ben", "ida", "sam")
        ],
        "calendars": [{"id": "rota", "text": CALENDAR}],
        "shifts": [{"id": "nurse", "weekly": weekly}, {"id": "more", "role": "nurse", "calendar": "rota"}],
        "policies": [{"id": "standard", "steps": steps, "failsafe": ["sam"]}],
        "care_plans": [{"resident": name, "policy": "standard"} for name in names],
    }  # fmt: skip


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.clockwork", description=__doc__)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--minutes", type=int, default=60, help="of the house's time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        prepare(path)
        db = connect(path)
        clock = ManualClock(START)
        index = CentreIndex(centre_from_document(document(args.alerts)))
        db.execute("BEGIN IMMEDIATE")
        for number in range(args.alerts):
            at = START + timedelta(milliseconds=number * 60)  # they come within ten minutes
            incident = Incident(
                rule="help", rule_key="help", priority=PRIORITIES[number % len(PRIORITIES)], resident=f"r{number:05}",
                reason=Reason("Help was pressed."), happened_at=at,
            )  # fmt: skip
            desk.raise_incident(Tx(db, at), index, incident)
        db.execute("COMMIT")
        clock.move(args.alerts * 0.06)
        busy, wall, steps, longest = 0.0, 0.0, 0, 0.0
        for _ in range(args.minutes * 60):
            clock.move(1)
            before, began = time.process_time(), time.perf_counter()
            due = desk.next_due(db)
            while due is not None and due <= clock.now():
                chunk = time.process_time()
                db.execute("BEGIN IMMEDIATE")
                steps += len(desk.escalate_due(Tx(db, clock.now()), index, limit=BATCH))
                db.execute("COMMIT")
                longest = max(longest, time.process_time() - chunk)
                due = desk.next_due(db)
            busy += time.process_time() - before
            wall += time.perf_counter() - began
        seconds = args.minutes * 60
        print(f"{args.alerts:,} open alerts, {args.minutes} min: {steps:,} steps, {steps / seconds:.0f} a second")
        print(
            f"processor: {busy / seconds:.2%} of a core, {busy / steps * 1e6:,.0f} µs a step; wall {wall / seconds:.2%}"
        )
        print(f"longest transaction of {BATCH}: {longest * 1000:.0f} ms")
        db.close()


if __name__ == "__main__":
    main()
