"""The standing numbers of /metrics, read from the database at each scrape: alerts, messages, protection, shelves.

docs/kpis.md lists them; config/prometheus/telecare.rules.yml alerts on them.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
import structlog
from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.alerts.delivery import TOLD, State
from gateway.alerts.kpi_lines import ANSWERS
from gateway.alerts.model import INVOLVED
from gateway.clock import Clock, from_ms, to_ms
from gateway.errors import StoreError
from gateway.store import waiting
from rules.model import Priority
from rules.protection import Level

_LOG = structlog.get_logger(__name__)

BUCKETS: Final[tuple[float, ...]] = (1, 2, 5, 10, 30, 60, 120, 180, 300, 600, 1800, 2700)
"""Seconds; 60, 180 and 2,700 are the limits that gateway.alerts.kpi reports shares for."""


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


_TOLD_AT: Final = f"""
SELECT a.id, a.raised_at, a.state = 'closed', (
    SELECT min(settled_at) FROM notifications
    WHERE alert = a.id AND purpose IN ({_words(INVOLVED)}) AND state IN ({_words(TOLD)}))
FROM alerts a WHERE a.id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - our own words

_ANSWERED_AT: Final = f"""
SELECT a.id, a.raised_at, a.state = 'closed', (
    SELECT min(at) FROM alert_events WHERE alert = a.id AND who IS NOT NULL AND event IN ({_words(ANSWERS)}))
FROM alerts a WHERE a.id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - our own words


class _FirstTimes:
    """A histogram of how long it took from raising an alert until something happened first.

    Observed at the scrapes, each alert once; what happened before this process began is not counted again.
    """

    def __init__(self, name: str, words: str, query: str) -> None:
        self._histogram = Histogram(name, words, buckets=BUCKETS, registry=None)
        self._query = query
        self._waiting: set[int] = set()
        self._last: int | None = None

    def collect(self, db: sqlite3.Connection) -> Iterator[Metric]:
        if self._last is None:
            # What was told before this process began was counted by the one before.
            self._last = int(db.execute("SELECT coalesce(max(id), 0) FROM alerts").fetchone()[0])
            rows = db.execute("SELECT id FROM alerts WHERE state != 'closed'").fetchall()
            self._waiting = {row[0] for row in rows}
            self._look(db, count=False)
        new = db.execute("SELECT id FROM alerts WHERE id > ? AND under IS NULL ORDER BY id", (self._last,)).fetchall()
        if new:
            self._last = int(new[-1][0])
            self._waiting |= {row[0] for row in new}
        self._look(db, count=True)
        yield from self._histogram.collect()

    def _look(self, db: sqlite3.Connection, *, count: bool) -> None:
        if not self._waiting:
            return
        wanted = msgspec.json.encode(sorted(self._waiting)).decode()
        for number, raised, closed, at in db.execute(self._query, (wanted,)).fetchall():
            if at is not None and count:
                self._histogram.observe(max(0, at - raised) / 1000)
            if at is not None or closed:
                self._waiting.discard(number)


class Standing(Collector):
    """Reads the numbers when it is asked.

    Args:
        db: a read-only connection, used in the caller's thread.
        clock: the gateway's.
    """

    def __init__(self, db: Callable[[], sqlite3.Connection], clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._notified = _FirstTimes(
            "telecare_time_to_notify_seconds", "From raised to the first message that a provider took.", _TOLD_AT
        )
        self._answered = _FirstTimes(
            "telecare_time_to_acknowledge_seconds", "From raised to the first answer of a person.", _ANSWERED_AT
        )

    def describe(self) -> list[Metric]:
        """Nothing is asked at registration: the database may not be there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of them; when the database can't be read, only that, so that everything else is still scraped."""
        found: list[Metric] = []
        try:
            db, now = self._db(), to_ms(self._clock.now())
            found += _alerts(db, now)
            found += self._notified.collect(db)
            found += self._answered.collect(db)
            found += _messages(db, now)
            found += _residents(db)
            readable = 1
        except (sqlite3.Error, StoreError) as error:
            _LOG.warning("metrics.not_read", error=str(error))
            readable = 0
        yield GaugeMetricFamily("telecare_store_readable", "Whether the database could be read.", value=readable)
        yield from found if readable else ()


def _alerts(db: sqlite3.Connection, now: int) -> Iterator[Metric]:
    found = {
        row[0]: row
        for row in db.execute(
            "SELECT priority, count(*), min(raised_at) FILTER (WHERE state IN ('open', 'cleared') AND under IS NULL)"
            " FROM alerts WHERE state != 'closed' GROUP BY priority"
        )
    }
    count = GaugeMetricFamily("telecare_open_alerts", "Alerts that are not closed.", labels=["priority"])
    oldest = GaugeMetricFamily(
        "telecare_oldest_unanswered_alert_seconds",
        "Age of the oldest alert that nobody has taken; 0: there is none.",
        labels=["priority"],
    )
    for priority in Priority:
        _, number, raised = found.get(priority.value, (None, 0, None))
        count.add_metric([priority.value], number)
        oldest.add_metric([priority.value], 0 if raised is None else max(0, now - raised) / 1000)
    yield count
    yield oldest


def _messages(db: sqlite3.Connection, now: int) -> Iterator[Metric]:
    failed = CounterMetricFamily(
        "telecare_delivery_failures", "Messages that were given up, by channel.", labels=["channel"]
    )
    for channel, number in db.execute(
        f"SELECT channel, count(*) FROM notifications WHERE state = '{State.FAILED_FOR_GOOD}' GROUP BY channel"  # noqa: S608 - our own word
    ):
        failed.add_metric([channel], number)
    yield failed
    number, oldest = waiting.oldest(db, from_ms(now))
    yield GaugeMetricFamily("telecare_outbox_waiting", "Messages that are still to be sent.", value=number)
    yield GaugeMetricFamily(
        "telecare_outbox_oldest_seconds",
        "How long the oldest message that is due has waited, however often it was tried; 0: none is due.",
        value=oldest,
    )


def _residents(db: sqlite3.Connection) -> Iterator[Metric]:
    levels = dict(db.execute("SELECT level, count(*) FROM protection GROUP BY level").fetchall())
    protected = GaugeMetricFamily(
        "telecare_protection_residents", "Residents by how far they are protected.", labels=["level"]
    )
    for level in Level:
        protected.add_metric([level.value], levels.get(level.value, 0))
    yield protected
    shelved = dict(
        db.execute("SELECT priority, count(*) FROM shelves WHERE ended_at IS NULL GROUP BY priority").fetchall()
    )
    shelves = GaugeMetricFamily(
        "telecare_shelves", "Rules that ring nobody for a while, by priority.", labels=["priority"]
    )
    for priority in Priority:
        shelves.add_metric([priority.value], shelved.get(priority.value, 0))
    yield shelves
