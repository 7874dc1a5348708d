"""Walk through the coming days, from one change of shifts, variants or quiet hours to the next: whom would each step
tell?

Exact to the millisecond: nothing changes between two change points, so there is nothing to look at there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from gateway.alerts.policies import alarm_centres
from gateway.centre.index import CentreIndex
from gateway.centre.model import Policy, Step
from gateway.centre.policy import Variant
from gateway.centre.rota import Turn, on_duty
from gateway.clock import to_ms
from gateway.coverage.model import Finding, Kind
from gateway.coverage.quiet import QuietTimes
from gateway.store.rotas import Span
from gateway.words import N_
from rules.model import Reason

_GAP = N_("Nobody is on shift for {role} from {since_at} until {until_at}.")
_NOWHERE = N_("Step {step} of {plan} tells nobody who can be reached, from {since_at} until {until_at}.")
_NO_RELATIVES = N_("Step {step} of {plan} tells nobody who can be reached for {room}: no relatives are known.")
_UNREACHABLE = N_("{carer} would be told from {since_at} on, but has no contact that works here.")
_ALONE = N_("{carer} alone is told by every step of {plan}, and by the failsafe: nobody else would hear of it.")
_QUIET = N_(
    "From {since_at} until {until_at} everybody whom {plan} tells has quiet hours: of an alert that is not of high "
    "priority, only the failsafe would hear then."
)
_URGENT = "high"


class Key(NamedTuple):
    """What a finding is about."""

    kind: Kind
    role: str | None = None
    plan: str | None = None
    step: int | None = None
    carer: str | None = None
    resident: str | None = None


class Walked(NamedTuple):
    """What was found, and who would be told at some time."""

    findings: list[Finding]
    told: frozenset[str]


def walk(
    index: CentreIndex,
    begin: datetime,
    end: datetime,
    *,
    turns: Mapping[str, Sequence[Turn]],
    reachable: Collection[str],
) -> Walked:
    """See whom each step of each policy in use would tell.

    Args:
        index: the centre.
        begin: UTC.
        end: UTC, exclusive.
        turns: of each role, changes counted in.
        reachable: carers with a contact that works on this gateway.
    """
    walker = _Walker(index, turns, reachable)
    edges = [*_edges(index, begin, end, turns, QuietTimes(index)), end]
    for since, until in pairwise(edges):
        walker.look(since, until)
    return Walked(walker.findings(), frozenset(walker.told))


def policies_in_use(index: CentreIndex) -> list[Policy]:
    """The policies by which somebody's alerts go, each once, in the order of the file."""
    centre = index.centre
    used = {plan.policy for plan in centre.care_plans} | {plan.policy for plan in centre.house_plans}
    used.add(index.policy_of(None).id)
    return [policy for policy in centre.policies if policy.id in used]


class _Walker:
    def __init__(self, index: CentreIndex, turns: Mapping[str, Sequence[Turn]], reachable: Collection[str]) -> None:
        self._index = index
        self._turns = turns
        self._reachable = frozenset(reachable)
        self._quiet = QuietTimes(index)
        self._policies = policies_in_use(index)
        self._residents = {
            policy.id: [plan.resident for plan in index.centre.care_plans if plan.policy == policy.id]
            for policy in self._policies
        }
        self._found: dict[Key, list[Span]] = defaultdict(list)
        self.told: set[str] = set()

    def look(self, since: datetime, until: datetime) -> None:
        """Between these two times nothing changes."""
        for policy in self._policies:
            for variant in _in_force(self._index, policy, since):
                self._look_at(policy, variant, since, until)

    def _look_at(self, policy: Policy, variant: Variant | None, since: datetime, until: datetime) -> None:
        steps = policy.steps if variant is None else variant.steps
        plan = policy.id if variant is None else f"{policy.id}/{variant.id}"
        everybody = set(policy.failsafe)
        for number, step in enumerate(steps):
            for key, carers in self._told_by(step, plan, number, self._residents[policy.id], since):
                everybody |= carers
                # On shift but out of reach: that is no gap in the plan, and told as what it is.
                if not (carers if key.kind is Kind.GAP else carers & self._reachable):
                    self._note(key, since, until)
        for carer in everybody - self._reachable:
            self._note(Key(Kind.UNREACHABLE, carer=carer), since, until)
        self.told |= everybody
        able = everybody & self._reachable
        if len(able) == 1:
            self._note(Key(Kind.ONE_PERSON, plan=plan, carer=next(iter(able))), since, until)
        if variant is None or not variant.priorities or set(variant.priorities) - {_URGENT}:
            self._look_for_quiet(steps, plan, self._residents[policy.id], since, until)

    def _look_for_quiet(
        self, steps: Sequence[Step], plan: str, residents: Sequence[str], since: datetime, until: datetime
    ) -> None:
        """Whether somebody would hear of an alert for which nobody is woken; the failsafe is none of them."""
        house: set[str] = set()
        for step in steps:
            house |= {*step.to, *(alarm_centres(self._index) if step.alarm_centre else ())}
            house |= {carer for role in step.roles for carer in on_duty(self._turns.get(role, ()), since)}
        families: list[set[str]] = [set()]
        if residents and any(step.relatives for step in steps):
            families = [set(self._index.residents[resident].relatives) for resident in residents]
        for family in families:
            able = (house | family) & self._reachable
            if able and not self._quiet.awake(able, since):
                self._note(Key(Kind.QUIET, plan=plan), since, until)
                return

    def _told_by(
        self, step: Step, plan: str, number: int, residents: Sequence[str], at: datetime
    ) -> Iterator[tuple[Key, set[str]]]:
        """Whom a step means, and what it would be called if nobody of them can be reached."""
        on_shift = {carer for role in step.roles for carer in on_duty(self._turns.get(role, ()), at)}
        if step.roles:
            # A role that stands there beside carers is a gap all the same: it was meant to be filled.
            yield Key(Kind.GAP, role=", ".join(step.roles)), on_shift
        others = {*step.to, *(alarm_centres(self._index) if step.alarm_centre else ())}
        if others | on_shift or step.alarm_centre:
            yield Key(Kind.NOWHERE, plan=plan, step=number), others | on_shift
        if step.relatives:
            for resident in residents:
                family = set(self._index.residents[resident].relatives)
                named = others | on_shift | family
                yield Key(Kind.NOWHERE, plan=plan, step=number, resident=resident), named

    def _note(self, key: Key, since: datetime, until: datetime) -> None:
        spans = self._found[key]
        if spans and spans[-1].until >= since:
            spans[-1] = Span(spans[-1].since, max(until, spans[-1].until))
        else:
            spans.append(Span(since, until))

    def findings(self) -> list[Finding]:
        """What was noted, as findings."""
        return [
            Finding(
                kind=key.kind,
                spans=tuple(spans),
                what=self._words(key, spans[0]),
                role=key.role,
                plan=key.plan,
                step=key.step,
                carer=key.carer,
                resident=key.resident,
            )
            for key, spans in self._found.items()
        ]

    def _words(self, key: Key, span: Span) -> Reason:
        when: dict[str, float | str] = {"since_at": to_ms(span.since), "until_at": to_ms(span.until)}
        who = self._index.carers.get(key.carer or "")
        name = key.carer or "" if who is None else who.name
        number = (key.step or 0) + 1
        match key.kind:
            case Kind.GAP:
                return Reason(_GAP, {"role": key.role or "", **when})
            case Kind.NOWHERE if key.resident is not None:
                room = self._index.public_name(key.resident)
                return Reason(_NO_RELATIVES, {"step": number, "plan": key.plan or "", "room": room})
            case Kind.NOWHERE:
                return Reason(_NOWHERE, {"step": number, "plan": key.plan or "", **when})
            case Kind.QUIET:
                return Reason(_QUIET, {"plan": key.plan or "", **when})
            case Kind.UNREACHABLE:
                return Reason(_UNREACHABLE, {"carer": name, "since_at": when["since_at"]})
            case _:
                return Reason(_ALONE, {"carer": name, "plan": key.plan or ""})


def _in_force(index: CentreIndex, policy: Policy, at: datetime) -> Iterator[Variant | None]:
    """The variants that count for some alert at that time, and None where the policy's own steps do."""
    for variant in policy.when:
        if index.schedule(variant.schedule).active(at):
            yield variant
            if not variant.priorities and not variant.rules:
                return  # it counts for every alert: nothing behind it does
    yield None


def _edges(
    index: CentreIndex, begin: datetime, end: datetime, turns: Mapping[str, Sequence[Turn]], quiet: QuietTimes
) -> list[datetime]:
    """The times from begin until just before end at which something may change."""
    found = {begin, *quiet.edges(begin, end)}
    for turn in (turn for of_role in turns.values() for turn in of_role):
        found |= {turn.start, turn.end}
    for policy in policies_in_use(index):
        for variant in policy.when:
            schedule = index.schedule(variant.schedule)
            at = schedule.next_change(begin)
            while at is not None and at < end:
                found.add(at)
                at = schedule.next_change(at)
    return sorted(at for at in found if begin <= at < end)
