"""How alerts ended, counted: what was real, what was false, by rule, resident and device.

The share of false alarms is that of the alerts which a person closed, tests left out: a test says nothing of a rule.
"Other" counts as neither, and stays in the whole.
"""

import sqlite3
from datetime import datetime

import msgspec

from gateway.clock import to_ms


class OutcomeCount(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts raised in a time by one rule, about one resident (None: the house), by one device (None: none named).

    ``rule`` of an own rule is its key, ``custom:<id>``: each of them is a rule by itself; ``title`` is what its
    author called it, where somebody with a centre at hand has filled it in.

    ``cancelled``: the wearer took it back; ``open``: nobody has closed it yet. ``share_false`` is ``false`` of all that
    were closed and were no tests, 0 to 1; None where there are none.
    """

    rule: str
    resident: str | None
    device: str | None
    alerts: int
    real: int
    false: int
    test: int
    cancelled: int
    other: int
    open: int
    share_false: float | None
    title: str | None = None


def outcomes(
    db: sqlite3.Connection, *, since: datetime | None = None, until: datetime | None = None, rule: str | None = None
) -> list[OutcomeCount]:
    """Counts by rule, resident and device of the alerts raised from ``since`` until before ``until`` (UTC-aware).

    Those of rules with the most false alarms come first.
    """
    rows = db.execute(
        "SELECT CASE rule WHEN 'custom' THEN rule_key ELSE rule END AS named, resident, device, count(*) AS alerts,"
        " count(*) FILTER (WHERE outcome = 'real') AS real,"
        " count(*) FILTER (WHERE outcome = 'false') AS false,"
        " count(*) FILTER (WHERE outcome = 'test') AS test,"
        " count(*) FILTER (WHERE outcome = 'wearer_cancelled') AS cancelled,"
        " count(*) FILTER (WHERE outcome = 'other') AS other,"
        " count(*) FILTER (WHERE outcome IS NULL) AS open"
        " FROM alerts WHERE raised_at >= ? AND raised_at < ? AND (? IS NULL OR ? IN (rule, rule_key))"
        " GROUP BY named, resident, device",
        (
            0 if since is None else to_ms(since), 2**62 if until is None else to_ms(until), rule, rule,
        ),
    ).fetchall()  # fmt: skip
    found = [
        OutcomeCount(rule=row["named"], **{name: row[name] for name in _COLUMNS}, share_false=None) for row in rows
    ]
    found = [msgspec.structs.replace(one, share_false=share(one)) for one in found]
    return sorted(found, key=lambda one: (-one.false, -one.alerts, one.rule, one.resident or "", one.device or ""))


def share(count: OutcomeCount) -> float | None:
    """False alarms of what was closed and no test, 0 to 1; None: nothing was."""
    judged = count.real + count.false + count.cancelled + count.other
    return None if judged == 0 else count.false / judged


def by_rule(counts: list[OutcomeCount]) -> list[OutcomeCount]:
    """The same added up for each rule, whoever it was about; the most false alarms first."""
    sums: dict[str, OutcomeCount] = {}
    for one in counts:
        before = sums.get(one.rule)
        if before is None:
            sums[one.rule] = msgspec.structs.replace(one, resident=None, device=None)
            continue
        added = {name: getattr(before, name) + getattr(one, name) for name in _NUMBERS}
        sums[one.rule] = msgspec.structs.replace(before, title=before.title or one.title, **added)
    found = [msgspec.structs.replace(one, share_false=share(one)) for one in sums.values()]
    return sorted(found, key=lambda one: (-one.false, -one.alerts, one.rule))


_COLUMNS = ("resident", "device", "alerts", "real", "false", "test", "cancelled", "other", "open")
_NUMBERS = ("alerts", "real", "false", "test", "cancelled", "other", "open")
