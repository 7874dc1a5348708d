"""Whether somebody is in an alarm: what "only while an alert is open" means for the place of a person."""

import sqlite3
from typing import Final

ROUTINE: Final = frozenset(
    {
        "low_battery", "charge_by", "clock_wrong", "bed_sensor_silent", "continence_off", "failed_rule",
        "continence", "not_changed", "restless_night", "path_light", "day_light", "break_glass",
    }
)  # fmt: skip
"""Rules whose alerts are about a device, about us, or about care as it comes every day: no reason to look where
somebody is. A tracker that is silent, switched off or taken off is one: whoever wears it may be missing."""

DEVICES: Final = frozenset({"silent", "switched_off", "removed", "tamper"})
"""Further rules whose alerts are about a device, and may stay open for as long as it lies in a drawer."""


def in_alarm(db: sqlite3.Connection, resident: str, *, but: frozenset[str] = frozenset()) -> bool:
    """Whether an alert about the person is open that is no routine.

    Args:
        db: a connection.
        resident: the person's id.
        but: further rules that are none here.
    """
    rows = db.execute("SELECT DISTINCT rule FROM alerts WHERE resident = ? AND state != 'closed'", (resident,))
    return any(row["rule"] not in ROUTINE | but for row in rows)


def all_in_alarm(db: sqlite3.Connection) -> frozenset[str]:
    """Ids of everybody for whom :func:`in_alarm` says yes."""
    rows = db.execute("SELECT DISTINCT resident, rule FROM alerts WHERE state != 'closed' AND resident IS NOT NULL")
    return frozenset(row["resident"] for row in rows if row["rule"] not in ROUTINE)
