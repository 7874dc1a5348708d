"""A centre made quick to ask: built once per version, never changed."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.centre.gone import NOBODY, Gone
from gateway.centre.house import carried, surroundings
from gateway.centre.model import CarePlan, Carer, Centre, Device, HousePlan, Policy, Resident, Site, Zone
from gateway.centre.rota import Rotas
from gateway.centre.worn import Assigned
from rules.custom_settings import CustomSettings
from rules.engine import ResidentRules
from rules.geometry import ZoneShape
from rules.model import Context, DeviceInfo, RuleSettings
from rules.schedule import Schedule, ScheduleSettings, build_schedule

HOUSE: Final = "@house"
"""Whose rules the rules of the house are: no resident's id begins with an @. Their alerts are nobody's."""


class _Around(NamedTuple):
    """What everybody's rules are built from, beside their own plan, devices and zones."""

    timezone: ZoneInfo
    rounds: tuple[time, ...]
    calendars: dict[str, str]
    carried: dict[str, tuple[str, ...]]
    fixed: tuple[DeviceInfo, ...]


@cache
def _zone_words(settings: type[RuleSettings]) -> tuple[str, ...]:
    """Which settings of a kind of rule name zones. Asked of the kind: a pydantic model takes long to say that it has
    no such setting, and a large house has a hundred thousand rules."""
    return tuple(word for word in ("zone", "zones") if word in settings.model_fields)


def zones_of(rules: Iterable[RuleSettings]) -> set[str]:
    """The ids of the zones that rules name."""
    found: set[str] = set()
    for rule in rules:
        for word in _zone_words(type(rule)):
            named = getattr(rule, word)
            found.update((named,) if isinstance(named, str) else named or ())
    return found


class CentreIndex:
    """Lookups over one version of a centre.

    With the index of a version ``before``, what did not change is taken over from there, and above all the rules.

    A device that is not known is None from :meth:`device`; a known one that nobody wears is a Device whose
    :meth:`resident_of` is None.
    """

    def __init__(self, centre: Centre, before: "CentreIndex | None" = None, *, gone: Gone = NOBODY) -> None:
        self.centre = centre
        self.gone = gone
        """Whoever is of an earlier version, as far as it matters; ``before`` has no part in it."""
        self.site: Site = centre.centre
        self.timezone = ZoneInfo(centre.centre.timezone)
        self.residents: Mapping[str, Resident] = MappingProxyType(
            {resident.id: resident for resident in centre.residents}
        )
        self.carers: Mapping[str, Carer] = MappingProxyType({carer.id: carer for carer in centre.carers})
        self.devices: Mapping[str, Device] = MappingProxyType({device.id: device for device in centre.devices})
        self.probes: tuple[Device, ...] = tuple(device for device in centre.devices if device.type == "probe")
        """What asks the gateway whether it still hears (docs/probe.md): no rule listens to it."""
        self.policies: Mapping[str, Policy] = MappingProxyType({policy.id: policy for policy in centre.policies})
        self._plans: dict[str, CarePlan] = {plan.resident: plan for plan in centre.care_plans}
        self._by_address = {(device.format, device.address): device for device in centre.devices}
        self.zones: Mapping[str, Zone] = MappingProxyType({zone.id: zone for zone in centre.zones})
        self._zones = {zone.id: zone.shape for zone in centre.zones}
        self._calendars = {calendar.id: calendar.text for calendar in centre.calendars}
        self.rotas = Rotas(centre)
        """Who is on shift, as planned."""
        self._around = Context(self.timezone, {}, calendars=self._calendars)
        self._carried = carried(centre.devices)
        assigned = {entry.device for entry in centre.assignments}
        self._fixed = tuple(device.info() for device in surroundings(centre.devices, assigned))
        self.judged: tuple[str, ...] = (*self.residents, *((HOUSE,) if centre.house_plans else ()))
        """Everybody who has rules: the residents, and HOUSE where the house has any."""
        self._listeners: dict[str, tuple[str, ...]] = {}
        self._listeners_until: datetime | None = datetime.min.replace(tzinfo=UTC)
        worn = centre.assignments
        self.assigned: Assigned = Assigned(worn) if before is None else before.assigned.following(worn)
        """Who has which device when."""
        self.handed_on = self.assigned.handed_on
        """Devices that leave a resident at some time, or did."""
        self.around = _Around(self.timezone, self.site.rounds, self._calendars, self._carried, self._fixed)
        self.built: dict[tuple[str, int], ResidentRules] = {} if before is None else self._still_good(before)
        """The rules that were asked for, by resident and part of time."""

    def _still_good(self, before: "CentreIndex") -> dict[tuple[str, int], ResidentRules]:
        """The rules of those for whom nothing changed that they were built from."""
        if self.around != before.around:
            return {}
        zones = {zone.id: zone.shape for zone in before.centre.zones}
        moved = {name for name in self._zones.keys() | zones.keys() if self._zones.get(name) is not zones.get(name)}
        found = {}
        for (resident, part), rules in tuple(before.built.items()):  # more may be asked for meanwhile
            plan = self._plans.get(resident)  # the HOUSE has none here: its rules see every device
            worn = self.assigned.of_resident(resident)
            if (
                plan is not None
                and plan is before.plan_of(resident)
                and not (moved and moved & zones_of(plan.rules))
                and worn == before.assigned.of_resident(resident)
                and all(self.devices[one.device] is before.devices[one.device] for one in worn)
            ):
                found[resident, part] = rules
        return found

    def warm(self, at: datetime) -> None:
        """Build everybody's rules ahead, so that nobody waits for it; a thread may do it."""
        for resident in self.judged:
            self.rules_of(resident, at)
        self.listeners("", at)

    def same_rules(self, before: "CentreIndex", resident_id: str, at: datetime) -> bool:
        """Whether a resident's rules are the very ones of an index before; False also when neither built them yet."""
        key = (resident_id, self.assigned.part_of(resident_id, at))
        rules = self.built.get(key)
        return rules is not None and before.built.get(key) is rules

    def device(self, format: str, address: str) -> Device | None:  # noqa: A002  # the word of the centre file
        """The device that a format's messages name by that address; None: not known."""
        return self._by_address.get((format, address))

    def resident_of(self, device_id: str, at: datetime) -> Resident | None:
        """Who wore or used the device at that time (from inclusive, to exclusive); None: nobody."""
        for worn in self.assigned.of_device(device_id):
            if worn.at(at):
                return self.residents[worn.resident]
        return None

    def devices_of(self, resident_id: str, at: datetime) -> tuple[Device, ...]:
        """What the resident wears or uses at that time, in the order of assignment."""
        return tuple(self.devices[worn.device] for worn in self.assigned.of_resident(resident_id) if worn.at(at))

    def plan_of(self, resident_id: str) -> CarePlan:
        """The care plan of a resident; every resident has one.

        Raises:
            KeyError: no such resident in this version.
        """
        return self._plans[resident_id]

    def own_rule(self, resident_id: str | None, rule_key: str) -> CustomSettings | None:
        """The own rule of that key of a resident (None: of the house); None: there is no such own rule."""
        plan: CarePlan | HousePlan | None = None if resident_id is None else self._plans.get(resident_id)
        if resident_id is None and self.centre.house_plans:
            plan = self.centre.house_plans[0]
        for settings in () if plan is None else plan.rules:
            if isinstance(settings, CustomSettings) and rule_key == f"{settings.name}:{settings.id}":
                return settings
        return None

    def own_title(self, resident_id: str | None, rule_key: str) -> str | None:
        """What the author called an own rule; None: it is none."""
        own = self.own_rule(resident_id, rule_key)
        return None if own is None else own.title

    def policy_of(self, resident_id: str | None) -> Policy:
        """Who is told about a resident; None (a device of nobody, an unknown one): the first policy of the file.

        Whoever just moved out keeps the policy as long as an alert of theirs is open, and the policy is there; after
        that the first policy counts, because an alarm must reach a person. What is about the house goes by its plan.
        """
        plan: CarePlan | HousePlan | None = None if resident_id is None else self._plans.get(resident_id)
        if resident_id is None and self.centre.house_plans:
            plan = self.centre.house_plans[0]
        if plan is not None:
            return self.policies[plan.policy]
        return self.policies.get(self.gone.policies.get(resident_id or "", ""), self.centre.policies[0])

    def person(self, resident_id: str | None) -> Resident | None:
        """A resident of this version, or who just left it and has an open alert; None: neither."""
        if resident_id is None:
            return None
        return self.residents.get(resident_id) or self.gone.residents.get(resident_id)

    def carer_name(self, carer_id: str) -> str | None:
        """The name of a carer of this version, or of one of the last ones; None: nobody of that id was there."""
        carer = self.carers.get(carer_id)
        return self.gone.carers.get(carer_id) if carer is None else carer.name

    def language_of(self, carer: Carer | None) -> str:
        """The language of somebody's messages and pages: their own, or that of the house."""
        return self.site.language if carer is None else carer.language or self.site.language

    def schedule(self, settings: ScheduleSettings | None) -> Schedule:
        """When settings of this centre count; None: always."""
        return build_schedule(settings, self._around)

    def public_name(self, resident_id: str) -> str:
        """What may stand on a lock screen: the room code; the id for a resident of whom nothing is known any more."""
        resident = self.person(resident_id)
        return resident_id if resident is None else resident.room

    def zone(self, zone_id: str) -> ZoneShape:
        """A zone's shape.

        Raises:
            KeyError: no such zone in this version.
        """
        return self._zones[zone_id]

    def next_change_at(self, after: datetime) -> datetime | None:
        """The first time later than ``after`` at which an assignment begins or ends; None: never.

        Until then :meth:`rules_of` and :meth:`resident_of` give what they give at ``after``.
        """
        place = bisect_right(self.assigned.changes, after)
        return self.assigned.changes[place] if place < len(self.assigned.changes) else None

    def has_rules(self, resident_id: str) -> bool:
        """Whether somebody of that id (or HOUSE) is in this version and has rules."""
        return resident_id in self.residents or (resident_id == HOUSE and bool(self.centre.house_plans))

    def listeners(self, device_id: str, at: datetime) -> tuple[str, ...]:
        """Whose rules want to hear a device that nobody wears (a hub, an outer door, a carer's tracker); HOUSE first.

        Looked up once for each time between two changes of assignments.
        """
        until = self._listeners_until
        if until is not None and until <= at:
            self._listeners = self._find_listeners(at)
            self._listeners_until = self.next_change_at(at)
        return self._listeners.get(device_id, ())

    def _find_listeners(self, at: datetime) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        if self.centre.house_plans:
            for device in self._surroundings(at):
                found[device.id] = [HOUSE]
        for resident in self.residents:
            for name in self.rules_of(resident, at).others:
                found.setdefault(name, []).append(resident)
        probes = {probe.id for probe in self.probes}
        return {device: tuple(residents) for device, residents in found.items() if device not in probes}

    def _surroundings(self, at: datetime) -> tuple[Device, ...]:
        """Devices that nobody wears or carries at that time; a probe is none: its silence is not the house's matter."""
        return tuple(
            device
            for device in self.devices.values()
            if device.carer is None
            and device.type != "probe"
            and not any(worn.at(at) for worn in self.assigned.of_device(device.id))
        )

    def rules_of(self, resident_id: str, at: datetime) -> ResidentRules:
        """The rules of a resident, or of the HOUSE, with the devices of that time; built when first asked for.

        The same object comes back as long as no assignment of this resident begins or ends in between.

        Raises:
            KeyError: no such resident in this version.
        """
        # what the house has around it changes with everybody's assignments
        assigned = self.assigned
        part = bisect_right(assigned.changes, at) if resident_id == HOUSE else assigned.part_of(resident_id, at)
        key = (resident_id, part)
        rules = self.built.get(key)
        if rules is None:
            if resident_id == HOUSE:
                around = tuple(device.info() for device in self._surroundings(at))
                context = Context(
                    self.timezone,
                    self._zones,
                    around,
                    calendars=self._calendars,
                    carried=self._carried,
                    surroundings=around,
                    house=True,
                )
                settings = self.centre.house_plans[0].rules
            else:
                devices = tuple(device.info() for device in self.devices_of(resident_id, at))
                context = Context(
                    self.timezone,
                    self._zones,
                    devices,
                    calendars=self._calendars,
                    carried=self._carried,
                    surroundings=self._fixed,
                    rounds=self.site.rounds,
                )
                settings = self._plans[resident_id].rules
            rules = self.built.setdefault(key, ResidentRules(settings, context))
        return rules
