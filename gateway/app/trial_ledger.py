"""What rules said of one resident -> alerts, as far as that can be known when nobody answers.

In life a person closes an alert, and what comes after is a new one. Here the same incident within an hour of its last
sign is a repeat, later it is a new alert. What waits under a stronger alert is none of its own.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.alerts.model import URGENCY, Incident
from gateway.pipeline.incidents import FAILED_RULE
from rules.change import Change, Failed
from rules.model import Cleared, Inhibited, Priority, Raised, Reason, Superseded

MERGED: Final = timedelta(hours=1)
"""So long after its last sign an incident is still the same alert: most alerts are closed within that time."""

_BROKE: Final = Reason("A rule broke on a reading.")


class TrialAlert(msgspec.Struct, kw_only=True):
    """An alert that a plan would have raised; times are UTC. ``resident`` None: about the house. ``last_at``: when it
    was last heard of (raised again, cleared). ``under``: key of the rule that took it over, because both tell of one
    event."""

    resident: str | None
    rule: str
    rule_key: str
    subject: str
    priority: Priority
    reason: Reason
    raised_at: datetime
    happened_at: datetime
    last_at: datetime
    cleared_at: datetime | None = None
    repeats: int = 0
    under: str | None = None


class Ledger:
    """The alerts of one resident."""

    def __init__(self, resident: str | None) -> None:
        self._resident = resident
        self._all: list[TrialAlert] = []
        self._open: dict[tuple[str, str], TrialAlert] = {}

    def said(self, change: Change, at: datetime, now: datetime) -> None:
        """A rule said something of what happened ``at``, heard ``now``."""
        match change.verdict:
            case Raised() as raised:
                self._raise(change, raised, at, now)
            case Inhibited(by=by, raised=raised):
                stronger = [one for (key, _), one in self._open.items() if key == by and now - one.last_at <= MERGED]
                if not stronger:
                    self._raise(change, raised, at, now)
            case Superseded(by=by, subject=subject):
                known = self._open.get((change.rule_key, subject))
                if known is not None:
                    known.under = by
            case Cleared(subject=subject):
                known = self._open.get((change.rule_key, subject))
                if known is not None and known.cleared_at is None:
                    known.cleared_at = known.last_at = now
            case Failed():
                self._add(
                    FAILED_RULE, f"{FAILED_RULE}:{change.rule_key}", "", Priority.MEDIUM, _BROKE, happened=at, now=now
                )

    def raised(self, incident: Incident, now: datetime) -> None:
        """An incident that no rule told of."""
        self._add(
            incident.rule, incident.rule_key, incident.subject, incident.priority, incident.reason,
            happened=incident.happened_at, now=now,
        )  # fmt: skip

    def alerts(self, since: datetime) -> list[TrialAlert]:
        """Everything raised from ``since`` on, in order."""
        return [alert for alert in self._all if alert.raised_at >= since]

    def _raise(self, change: Change, raised: Raised, at: datetime, now: datetime) -> None:
        happened = raised.evidence[-1].at if raised.evidence else at
        known = self._open.get((change.rule_key, raised.subject))
        if raised.again and (known is None or now - known.last_at > MERGED):
            return  # a reminder of what somebody has closed since
        self._add(
            change.rule_name,
            change.rule_key,
            raised.subject,
            raised.priority,
            raised.reason,
            happened=happened,
            now=now,
        )

    def _add(
        self,
        rule: str,
        key: str,
        subject: str,
        priority: Priority,
        reason: Reason,
        *,
        happened: datetime,
        now: datetime,
    ) -> None:
        known = self._open.get((key, subject))
        if known is not None and now - known.last_at <= MERGED:
            known.repeats += 1
            known.last_at = now
            known.cleared_at = known.under = None
            known.priority = max(known.priority, priority, key=URGENCY.__getitem__)
            return
        alert = TrialAlert(
            resident=self._resident, rule=rule, rule_key=key, subject=subject, priority=priority, reason=reason,
            raised_at=now, happened_at=happened, last_at=now,
        )  # fmt: skip
        self._open[key, subject] = alert
        self._all.append(alert)
