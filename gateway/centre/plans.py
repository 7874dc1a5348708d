"""Care plans and zones: do the rules fit the person's zones, devices and consents?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.centre.draft import Draft, Entry
from gateway.centre.house import carried, surroundings
from gateway.centre.impossible import never
from gateway.centre.known import PlanChecked
from gateway.centre.model import Assignment, Calendar, CarePlan, Device, HousePlan, Policy, Resident, Zone
from gateway.errors import Problem
from gateway.problems import did_you_mean, shown
from rules.custom_settings import CustomSettings
from rules.errors import BadCalendarError, BadZoneError, RuleError
from rules.geometry import ZoneShape
from rules.ical import read_calendar
from rules.model import Context, DeviceInfo, RuleSettings
from rules.registry import find

UNREAD = "(could not be read)"
"""Stands for the text of a calendar whose file could not be read: told already, and not unknown."""

ONLY_ONCE: Final = "a rule only once"
"""How the problem begins of a rule that watches what another one of the plan watches already."""

NEEDS: dict[str, tuple[str, object]] = {
    "zone_exit": ("location", "never"),
    "zone_entry": ("location", "never"),
    "return_by": ("location", "never"),
    "not_where_expected": ("location", "never"),
    "out_of_sight": ("location", "never"),
    "bed_exit": ("sleep", False),
    "not_back": ("sleep", False),
    "not_in_bed_by": ("sleep", False),
    "not_up_by": ("sleep", False),
    "restless_night": ("sleep", False),
    "heart_rate": ("sleep", False),
    "breathing": ("sleep", False),
    "oxygen": ("sleep", False),
    "bed_sensor_silent": ("sleep", False),
    "path_light": ("sleep", False),
    "continence": ("continence", False),
    "continence_off": ("continence", False),
    "not_changed": ("continence", False),
    "no_movement": ("activity", False),
    "unusual_inactivity": ("activity", False),
    "night_wandering": ("activity", False),
    "door_at_night": ("activity", False),
}
"""What a resident must have agreed to before a rule may watch: rule -> (consent, the value that forbids it)."""

_KIND_NEEDS: dict[str, tuple[str, object]] = {
    "position": ("location", "never"),
    "bed": ("sleep", False),
    "sleep": ("sleep", False),
    "vitals": ("sleep", False),
    "continence": ("continence", False),
    "room": ("activity", False),
    "motion": ("activity", False),
}
"""The same for an own rule, by the kinds of readings that its conditions look at."""


def check_plans(draft: Draft) -> Iterator[Problem]:
    """Every problem of zones and care plans."""
    shapes: dict[str, ZoneShape] = {}
    for zone_entry in draft.of(Zone):
        zone = zone_entry.parsed
        if zone is None:
            continue
        try:
            shapes[zone.id] = zone.shape
        except BadZoneError as error:
            why = str(error).removeprefix(f"zone {zone.id}: ")
            place, value = zone_entry.place, "(missing)" if zone.geometry is None else shown(zone.geometry)
            yield Problem(place.file, place.of("geometry"), value, f"expected a usable zone: {why}")
    calendars, broken = _calendars(draft)
    yield from broken
    residents, policies = set(draft.ids(Resident)), set(draft.ids(Policy))
    planned: dict[str, str] = {}
    for entry in draft.of(CarePlan):
        resident, policy = entry.text("resident"), entry.text("policy")
        if resident is not None and resident not in residents:
            yield entry.problem("resident", resident, f"the id of a resident{did_you_mean(resident, residents)}")
        if policy is not None and policy not in policies:
            yield entry.problem("policy", policy, f"the id of a policy{did_you_mean(policy, policies)}")
        if resident is not None:
            before = planned.setdefault(resident, entry.place.key)
            if before != entry.place.key:
                yield entry.problem("resident", resident, f"one care plan for each resident; {before} is theirs too")
    for resident_entry in draft.of(Resident):
        name = resident_entry.text("id")
        if name is not None and name not in planned:
            yield resident_entry.problem("id", name, "a [[care_plans]] for this resident: without one nobody is told")
    yield from _house(draft, policies)
    yield from _rules(draft, shapes, calendars)


def _house(draft: Draft, policies: set[str]) -> Iterator[Problem]:
    for number, house in enumerate(draft.of(HousePlan)):
        policy = house.text("policy")
        if policy is not None and policy not in policies:
            yield house.problem("policy", policy, f"the id of a policy{did_you_mean(policy, policies)}")
        if number:
            yield house.problem("policy", policy, "only one [[house_plans]]: put its rules into the first")


def _calendars(draft: Draft) -> tuple[dict[str, str], list[Problem]]:
    """The calendars that can be used, by id, and everything that is wrong with the others."""
    zone = ZoneInfo("UTC" if draft.site is None else draft.site.timezone)
    usable: dict[str, str] = {}
    problems: list[Problem] = []
    for entry in draft.of(Calendar):
        if entry.parsed is None or entry.parsed.text == UNREAD:
            continue
        try:
            read_calendar(entry.parsed.text, zone)
            usable[entry.parsed.id] = entry.parsed.text
        except BadCalendarError as error:
            place, name = entry.place, shown(entry.parsed.id)
            problems += [
                Problem(place.file, place.key, name, f"expected a usable calendar: {why}") for why in error.problems
            ]
    return usable, problems


def _rules(draft: Draft, shapes: dict[str, ZoneShape], calendars: dict[str, str]) -> Iterator[Problem]:
    zones = set(draft.ids(Zone))
    timezone = ZoneInfo("UTC" if draft.site is None else draft.site.timezone)
    devices = _devices_of(draft)
    known_calendars = set(draft.ids(Calendar))
    carriers = carried(draft.parsed(Device))
    fixed = surroundings(draft.parsed(Device), {assigned.device for assigned in draft.parsed(Assignment)})
    fixed_infos = tuple(device.info() for device in fixed)
    own: dict[str | None, list[str]] = {}
    for assigned in draft.of(Assignment):
        own.setdefault(assigned.text("resident"), []).append(assigned.text("device") or "")
    surrounded = (timezone, carriers, fixed_infos, draft.all_zones)
    zone_of = {zone.id: zone for zone in draft.parsed(Zone)}
    calendar_of = {calendar.id: calendar for calendar in draft.parsed(Calendar)}
    for entry in draft.of(CarePlan):
        resident = entry.text("resident")
        mine = own.get(resident, [])
        looked_at = None
        if draft.found is not None and entry.parsed is not None and resident is not None:
            before = draft.before.plans.get(resident)
            same = before is not None and before.plan is entry.parsed
            names = before.names if before is not None and same else _names(entry.raw.get("rules", ()))
            looked_at = PlanChecked(
                entry.parsed,
                names,
                tuple([zone_of.get(name) for name in names[0]]),
                tuple([calendar_of.get(name) for name in names[1]]),
                (*mine, *devices.get(resident, ())),
                surrounded,
            )
            if before == looked_at:
                draft.found.plans[resident] = looked_at
                continue
        context = Context(
            timezone,
            shapes,
            devices.get(resident or "", ()),
            calendars=calendars,
            carried=carriers,
            surroundings=fixed_infos,
        )
        problems = list(_plan(draft, entry, context, mine, zones, known_calendars))
        yield from problems
        if looked_at is not None and resident is not None and draft.found is not None and not problems:
            draft.found.plans[resident] = looked_at
    for house in draft.of(HousePlan):
        if house.parsed is not None:
            around = tuple(device.info() for device in draft.parsed(Device))
            context = Context(
                timezone, shapes, around, calendars=calendars, carried=carriers, surroundings=around, house=True
            )
            yield from _built(house, house.parsed.rules, context)
            yield from never(house, house.parsed.rules, context)


def _names(rules: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The zones and the calendars that rules name."""
    return (
        tuple(name for rule in rules for _, name in _zones_named(rule)),
        tuple(name for rule in rules for _, name in _calendars_named(rule)),
    )


def _plan(
    draft: Draft, entry: Entry[CarePlan], context: Context, mine: list[str], zones: set[str], calendars: set[str]
) -> Iterator[Problem]:
    """What is wrong with one care plan. ``mine``: the devices that the resident has at any time; ``zones`` and
    ``calendars``: the ids that stand in the file, of usable ones and others."""
    raw = entry.raw.get("rules", [])
    whole = True
    for number, rule in enumerate(raw if isinstance(raw, list | tuple) else []):
        if not isinstance(rule, Mapping):
            continue
        for field, zone in _zones_named(rule):
            if zone not in zones and draft.all_zones:
                yield entry.problem(f"rules[{number}].{field}", zone, f"the id of a zone{did_you_mean(zone, zones)}")
            whole = whole and zone in context.zones
        for field, calendar in _calendars_named(rule):
            if calendar not in calendars:
                expected = f"the id of a calendar{did_you_mean(calendar, calendars)}"
                yield entry.problem(f"rules[{number}].{field}", calendar, expected)
            whole = whole and calendar in context.calendars
        device = rule.get("device")
        if isinstance(device, str) and device not in mine:
            expected = f"the id of a device that is assigned to this resident{did_you_mean(device, mine)}"
            yield entry.problem(f"rules[{number}].device", device, expected)
            whole = False
        yield from _consent(entry, number, rule)
    if entry.parsed is not None and whole:
        yield from _built(entry, entry.parsed.rules, context)
        yield from never(entry, entry.parsed.rules, context)


def _built(
    entry: Entry[CarePlan] | Entry[HousePlan], rules: Sequence[RuleSettings], context: Context
) -> Iterator[Problem]:
    """The rules are built as the gateway will build them: what they refuse then is told now."""
    first: dict[str, int] = {}
    for number, settings in enumerate(rules):
        field = f"rules[{number}]"
        try:
            built = find(settings.name).build(settings, context)
        except RuleError as error:
            yield entry.problem(field, settings.name, f"settings that fit together: {error}")
            continue
        for key in {rule.key for rule in built}:
            if first.setdefault(key, number) != number:
                yield entry.problem(field, settings.name, f"{ONLY_ONCE}; rules[{first[key]}] does the same ({key})")


def _consent(entry: Entry[CarePlan], number: int, rule: Mapping[str, Any]) -> Iterator[Problem]:
    consents = entry.raw.get("consents", {})
    if not isinstance(consents, Mapping):
        return
    for consent, forbids in _needed(rule):
        if consents.get(consent, forbids) == forbids:
            wanted = '"alarm" or "always"' if consent == "location" else "true"
            expected = (
                f"no such rule, because the resident did not agree; or, when they did, consents.{consent} = {wanted}"
            )
            yield entry.problem(f"rules[{number}].rule", rule["rule"], expected)


def stopped_by(rule: Mapping[str, Any], consents: Mapping[str, Any]) -> bool:
    """Whether a rule, as the centre file writes it, may not watch with these consents."""
    return any(consents.get(consent, forbids) == forbids for consent, forbids in _needed(rule))


def _needed(rule: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    """What must have been agreed to for a rule as the file writes it, each once."""
    if rule.get("rule") != CustomSettings.name:
        needed = NEEDS.get(str(rule.get("rule")))
        return () if needed is None else (needed,)
    listed = [one for key in ("all", "any") if isinstance(rule.get(key), list | tuple) for one in rule[key]]
    kinds = [str(one.get("kind")) for one in (*listed, rule.get("clear")) if isinstance(one, Mapping)]
    return tuple(dict.fromkeys(_KIND_NEEDS[kind] for kind in kinds if kind in _KIND_NEEDS))


def _zones_named(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every zone that a rule names, with the key: ``zone = "garden"`` or ``zones = ["garden", "yard"]``."""
    if isinstance(rule.get("zone"), str):
        yield "zone", rule["zone"]
    listed = rule.get("zones")
    for number, zone in enumerate(listed if isinstance(listed, list | tuple) else []):
        if isinstance(zone, str):
            yield f"zones[{number}]", zone


def _calendars_named(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every calendar that a schedule of a rule names, with the key: ``schedule.calendar``."""
    for field, value in rule.items():
        if isinstance(value, Mapping) and isinstance(value.get("calendar"), str):
            yield f"{field}.calendar", value["calendar"]


def _devices_of(draft: Draft) -> dict[str, tuple[DeviceInfo, ...]]:
    """Every device that a resident ever has."""
    infos = {device.id: device.info() for device in draft.parsed(Device)}
    found: dict[str, tuple[DeviceInfo, ...]] = {}
    for entry in draft.parsed(Assignment):
        if entry.device in infos and infos[entry.device] not in found.get(entry.resident, ()):
            found[entry.resident] = (*found.get(entry.resident, ()), infos[entry.device])
    return found
