"""Shifts and policies: does everybody exist who is named, and can everybody be told?"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from gateway.centre.draft import Draft, Entry
from gateway.centre.model import Calendar, Carer, Policy, Resident, Shift
from gateway.errors import Problem
from gateway.problems import did_you_mean, one_of
from rules.registry import RULES

TECHNICAL: Final = frozenset(
    {
        "help", "unreadable_alarm", "unassigned_alarm", "unplanned_alarm", "failed_rule", "unprotected", "shelved_rule",
        "broker_gone", "http_gone", "codec_suspended", "coverage_gap", "rota_unreachable", "break_glass",
        "alarm_centre_silent", "space_short",
    }
)  # fmt: skip
"""Words of alerts that no rule of a care plan raises, but the gateway itself."""


def check_policies(draft: Draft) -> Iterator[Problem]:
    """Every problem of relatives, shifts and policies."""
    carers = _Carers(draft)
    for entry in draft.of(Resident):
        yield from carers.problems(entry, "relatives", entry.raw.get("relatives"))
    yield from _shifts(draft, carers)
    if not draft.of(Policy):
        yield Problem(
            draft.file, "policies", "(missing)", "expected at least one [[policies]]: who is told, in which order"
        )
    roles = {str(entry.raw.get("role") or entry.raw.get("id")) for entry in draft.of(Shift)}
    calendars = set(draft.ids(Calendar))
    for policy in draft.of(Policy):
        yield from _steps(policy, "", policy.raw, carers, roles)
        yield from carers.problems(policy, "failsafe", policy.raw.get("failsafe"))
        seen: set[str] = set()
        for number, variant in enumerate(_tables(policy.raw.get("when"))):
            key = f"when[{number}]"
            name = variant.get("id")
            if name in seen:
                yield policy.problem(f"{key}.id", name, "an id of its own in this policy")
            seen.add(str(name))
            yield from _steps(policy, f"{key}.", variant, carers, roles)
            yield from _rules(policy, key, variant)
            yield from _calendar(policy, f"{key}.schedule.calendar", variant.get("schedule"), calendars)


class _Carers:
    """Who can be told."""

    def __init__(self, draft: Draft) -> None:
        self._known = set(draft.ids(Carer))
        self._silent = {entry.text("id") for entry in draft.of(Carer) if not entry.raw.get("contacts")}

    def problems(self, entry: Entry[Any], field: str, names: object) -> Iterator[Problem]:
        """A problem for each name in a list that is no carer's, or of one who can't be told."""
        for number, name in enumerate(names if isinstance(names, list | tuple) else []):
            if not isinstance(name, str):
                continue
            if name not in self._known:
                expected = f"the id of a carer{did_you_mean(name, self._known)}"
                yield entry.problem(f"{field}[{number}]", name, expected)
            elif name in self._silent:
                expected = "a carer with at least one contact: this one can't be told"
                yield entry.problem(f"{field}[{number}]", name, expected)


def _shifts(draft: Draft, carers: _Carers) -> Iterator[Problem]:
    calendars = set(draft.ids(Calendar))
    for entry in draft.of(Shift):
        for number, window in enumerate(_tables(entry.raw.get("weekly"))):
            yield from carers.problems(entry, f"weekly[{number}].carers", window.get("carers"))
        yield from _calendar(entry, "calendar", entry.raw, calendars)


def _calendar(entry: Entry[Any], field: str, table: object, calendars: Collection[str]) -> Iterator[Problem]:
    name = table.get("calendar") if isinstance(table, Mapping) else None
    if isinstance(name, str) and name not in calendars:
        yield entry.problem(field, name, f"the id of a calendar{did_you_mean(name, calendars)}")


def _steps(
    policy: Entry[Policy], prefix: str, table: Mapping[str, Any], carers: _Carers, roles: Collection[str]
) -> Iterator[Problem]:
    for number, step in enumerate(_tables(table.get("steps"))):
        key = f"{prefix}steps[{number}]"
        if not any(step.get(word) for word in ("to", "roles", "relatives", "alarm_centre")):
            expected = "at least one carer, or roles, relatives or alarm_centre"
            yield policy.problem(f"{key}.to", step.get("to", []), expected)
        yield from carers.problems(policy, f"{key}.to", step.get("to"))
        wanted = step.get("roles")
        for place, role in enumerate(wanted if isinstance(wanted, list | tuple) else []):
            if isinstance(role, str) and role not in roles:
                yield policy.problem(
                    f"{key}.roles[{place}]", role, f"the role of a [[shifts]]{did_you_mean(role, roles)}"
                )


def _rules(policy: Entry[Policy], key: str, variant: Mapping[str, Any]) -> Iterator[Problem]:
    known = {rule.name for rule in RULES} | TECHNICAL
    words = variant.get("rules")
    for number, word in enumerate(words if isinstance(words, list | tuple) else []):
        if isinstance(word, str) and word not in known:
            expected = f"{one_of(sorted(known))}{did_you_mean(word, known)}"
            yield policy.problem(f"{key}.rules[{number}]", word, expected)


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []
