"""Who has just looked after somebody is not rung up for the same event by another rule.

A carer closes "out of bed" at the bedside; five minutes later the same way out of bed would ring as "not back". For a
quarter of an hour after the closing this is held back like what is shelved, and told then if it still stands. Only
what began before the closing, only between rules of which one stands for the other (``rules.inhibition``), and never a
call for help, a fall, or anything of high priority.
"""

from datetime import timedelta
from typing import Final

from gateway.alerts import shelving
from gateway.alerts.model import Incident
from gateway.clock import from_ms, to_ms
from gateway.store.writer import Tx
from rules.inhibition import INHIBITIONS
from rules.model import Priority

QUIET_FOR: Final = timedelta(minutes=15)
"""Time to help somebody to the toilet and back, and short enough when the carer was called away. Our choice."""

_WHY: Final = "Somebody was there a moment ago, and closed what tells of the same."

_PARTNERS: Final[dict[str, frozenset[str]]] = {
    word: frozenset(
        {one.winner for one in INHIBITIONS if one.loser == word}
        | {one.loser for one in INHIBITIONS if one.winner == word}
    )
    for word in {word for one in INHIBITIONS for word in (one.winner, one.loser)} - shelving.NEVER
}


def hold(tx: Tx, incident: Incident) -> bool:
    """Hold an incident back when a person has just closed what tells of the same event; whether it is held."""
    partners = _PARTNERS.get(incident.rule)
    if partners is None or incident.resident is None or incident.priority is Priority.HIGH:
        return False
    earliest = max(tx.now - QUIET_FOR, incident.happened_at)
    marks = ", ".join("?" * len(partners))
    row = tx.db.execute(
        f"SELECT max(closed_at) FROM alerts WHERE resident = ? AND closed_at >= ? AND rule IN ({marks})",  # noqa: S608
        (incident.resident, to_ms(earliest), *partners),
    ).fetchone()
    if row[0] is None:
        return False
    closed = from_ms(row[0])
    return shelving.hold_back(tx, incident, since=closed, until=closed + QUIET_FOR, why=_WHY)
