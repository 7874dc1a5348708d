"""Which steps count for an alert, and who is meant by a step: decided anew each time a step is taken.

Who was told stays as it was recorded; a shift that ends changes nothing about that.
"""

import sqlite3
from datetime import datetime
from typing import Final, NamedTuple

import structlog

from gateway.alerts.model import Alert
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer, Policy, Step
from gateway.centre.policy import Variant
from gateway.store import rotas

_LOG = structlog.get_logger(__name__)

MANAGERS: Final = "@managers"
"""Variant of matters that are the managers' own; no variant of a centre file begins with an @."""

MANAGERS_MATTERS: Final = frozenset({"coverage_gap", "rota_unreachable", "break_glass"})
"""Alerts about the plan of the house, and about who opened what is not agreed: nothing for whoever is on shift."""

_MANAGERS_WAIT_S: Final = 4 * 3600.0
"""The plan of the coming days is not a matter of minutes."""


class Plan(NamedTuple):
    """The steps that count for an alert. ``variant`` None: the policy's own steps."""

    policy: str
    variant: str | None
    steps: tuple[Step, ...]
    failsafe: tuple[str, ...]
    rounds: int

    @property
    def name(self) -> str:
        """As an alert keeps it: ``standard``, or ``standard/night``; ids have no slash."""
        return self.policy if self.variant is None else f"{self.policy}/{self.variant}"


def chosen(index: CentreIndex, alert: Alert, at: datetime) -> Plan:
    """The first variant of the alert's policy that fits the alert and the time (UTC); else the policy's own steps."""
    policy = index.policy_of(alert.resident)
    for variant in policy.when:
        if fits(index, variant, alert.priority, alert.rule, at):
            return _plan(policy, variant)
    return _managers(index, policy) if alert.rule in MANAGERS_MATTERS else _plan(policy, None)


def names(policy: Policy, carer: str) -> bool:
    """Whether a policy asks a carer by name, in any of its steps, variants or its failsafe."""
    steps = [*policy.steps, *(step for variant in policy.when for step in variant.steps)]
    return any(carer in step.to for step in steps) or carer in policy.failsafe


def still_theirs(index: CentreIndex, carer: Carer, resident: str | None, *, still_open: bool) -> bool:
    """Whether what somebody was told about is (still) their business.

    What staff were told about stays theirs. A relative's it is as long as the resident names them; and, while an alert
    is open, theirs whom the resident's policy asks by name, because they must be able to answer.

    Args:
        index: the centre, as it is now.
        carer: who was told.
        resident: whom the alert is about; None: nobody.
        still_open: whether the alert is not closed.
    """
    if carer.role != "relative" or resident is None:
        return True
    person = index.person(resident)
    if person is None:
        return False
    return carer.id in person.relatives or (still_open and names(index.policy_of(resident), carer.id))


def recorded(index: CentreIndex, alert: Alert) -> Plan:
    """The plan by which the alert's present step was told, as far as the centre file still has it."""
    policy = index.policy_of(alert.resident)
    name, _, variant = alert.policy.partition("/")
    if name == policy.id and variant == MANAGERS:
        return _managers(index, policy)
    return _plan(policy, next((v for v in policy.when if name == policy.id and v.id == variant), None))


def fits(index: CentreIndex, variant: Variant, priority: str, rule: str, at: datetime) -> bool:
    """Whether a variant counts for alerts of that priority and rule at that time (UTC)."""
    return (
        (not variant.priorities or priority in variant.priorities)
        and (not variant.rules or rule in variant.rules)
        and index.schedule(variant.schedule).active(at)
    )


def people(
    db: sqlite3.Connection, index: CentreIndex, step: Step, resident: str | None, at: datetime
) -> tuple[str, ...]:
    """Ids of the carers whom a step means at that time (UTC), each once: by name, on shift, relatives, alarm centre."""
    found = list(step.to)
    for role in step.roles:
        found += _on_shift(db, index, role, at)
    if step.relatives and (about := index.person(resident)) is not None:
        found += about.relatives
    if step.alarm_centre:
        found += alarm_centres(index)
    return tuple(dict.fromkeys(found))


def _on_shift(db: sqlite3.Connection, index: CentreIndex, role: str, at: datetime) -> tuple[str, ...]:
    """Who is on duty. A rota that breaks us names nobody: then the next step is told, and in the end the failsafe."""
    try:
        return rotas.on_shift(db, index, role, at)
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - a mistake in the plan of shifts must hold back no alarm
        _LOG.critical("rota.broke", role=role, error=type(error).__name__)
        return ()


def alarm_centres(index: CentreIndex) -> list[str]:
    """Ids of the carers that are an alarm receiving centre."""
    return [carer.id for carer in index.carers.values() if carer.kind == "alarm_centre"]


def _plan(policy: Policy, variant: Variant | None) -> Plan:
    steps = policy.steps if variant is None else variant.steps
    return Plan(policy.id, None if variant is None else variant.id, steps, policy.failsafe, policy.rounds)


def _managers(index: CentreIndex, policy: Policy) -> Plan:
    """One step to all managers; the policy's own steps where there are none."""
    managers = tuple(carer.id for carer in index.carers.values() if carer.role == "manager" and carer.contacts)
    if not managers:
        return _plan(policy, None)
    return Plan(policy.id, MANAGERS, (Step(to=managers, wait_s=_MANAGERS_WAIT_S),), policy.failsafe, 1)
