"""What a centre may mean as it is, but most do not: warnings of ``telecare check`` and ``telecare centre check``."""

from collections.abc import Iterator
from datetime import datetime

from gateway.centre.index import CentreIndex
from gateway.centre.model import CarePlan, Centre
from gateway.errors import Problem
from rules.answer import AnswerSettings
from rules.falls_often import FallsOftenSettings
from rules.protection import Protections
from rules.silent import SilentSettings
from rules.zone_exit import ZoneExitSettings


def hints(centre: Centre, at: datetime) -> list[Problem]:
    """A house without administrator, hubs of which nobody would be told when they fall silent, carers whom a calendar
    can't tell apart, residents whose devices can't do what their rules count on, rules that wait for others that the
    plan lacks, and telephones and chats that several carers share.

    Args:
        centre: a checked centre.
        at: UTC-aware; the assignments of that moment count.
    """
    return [
        *_administrators(centre), *_hubs(centre), *_carers(centre), *_residents(centre, at), *_plans(centre),
        *_shared(centre),
    ]  # fmt: skip


def _administrators(centre: Centre) -> Iterator[Problem]:
    """What only an administrator may is closed to everybody, and nobody can open it in the console."""
    if centre.carers and not any(carer.role == "admin" for carer in centre.carers):
        yield Problem(
            "centre",
            "carers",
            "-",
            'expected somebody with role = "admin": accounts, links to sign in, codes of wall screens and erasing are '
            "for administrators, and no manager can make one in the console",
        )


_ANSWERED_FROM = ("sms", "voice", "telegram")


def _shared(centre: Centre) -> Iterator[Problem]:
    """An answer from a telephone that several carry about counts for one of them: the record may name the wrong one."""
    first: dict[str, str] = {}
    for number, carer in enumerate(centre.carers):
        for place, way in enumerate(carer.contacts):
            if way.channel not in _ANSWERED_FROM:
                continue
            other = first.setdefault(way.address, carer.id)
            if other != carer.id:
                yield Problem(
                    "centre",
                    f"carers[{number}].contacts[{place}].address",
                    way.address,
                    f"expected an address of {carer.id}'s own: {other} has it too, and an answer from there counts for "
                    "the one who was told last",
                )


def _hubs(centre: Centre) -> Iterator[Problem]:
    """A hub that nobody wears is watched by the rules of the house alone, and with it all that comes through it."""
    if any(isinstance(rule, SilentSettings) for plan in centre.house_plans for rule in plan.rules):
        return
    through: dict[str, int] = {}
    for device in centre.devices:
        if device.hub is not None:
            through[device.hub] = through.get(device.hub, 0) + 1
    for number, device in enumerate(centre.devices):
        if device.type == "hub":
            behind = f", nor that {through[device.id]} devices behind it can't be heard" if device.id in through else ""
            yield Problem(
                "centre",
                f"devices[{number}]",
                device.id,
                f'expected rule = "silent" in [[house_plans]]; nobody is told when this hub falls silent{behind}',
            )


def _carers(centre: Centre) -> Iterator[Problem]:
    """Carers whom a calendar of shifts can't tell apart by name."""
    if not any(shift.calendar or shift.url for shift in centre.shifts):
        return
    first: dict[str, str] = {}
    for number, carer in enumerate(centre.carers):
        other = first.setdefault(carer.name.casefold(), carer.id)
        if other != carer.id:
            expected = (
                f"expected a name of its own; {other} has it too, and a calendar of shifts that says it puts both on "
                "duty: write their ids or e-mail addresses there"
            )
            yield Problem("centre", f"carers[{number}].name", carer.name, expected)


def _residents(centre: Centre, at: datetime) -> Iterator[Problem]:
    """What protection status will say before anything was heard, by the types of the devices."""
    index = CentreIndex(centre)
    for number, plan in enumerate(centre.care_plans):
        devices = [device.info() for device in index.devices_of(plan.resident, at)]
        yield from _two_trackers(number, plan, [device.id for device in devices if device.type == "tracker"])
        protection = Protections(index.rules_of(plan.resident, at).rules, devices).of({}, at)
        for reason in protection.missing:
            text = reason.text.format_map(reason.values)
            yield Problem("centre", f"care_plans[{number}]", plan.resident, f"{protection.level}: {text}")


def _two_trackers(number: int, plan: CarePlan, trackers: list[str]) -> Iterator[Problem]:
    """Each tracker is judged by itself: one that somebody else carries about tells of the resident."""
    if len(trackers) < 2:
        return
    for place, rule in enumerate(plan.rules):
        if isinstance(rule, ZoneExitSettings) and rule.device is None:
            yield Problem(
                "centre",
                f"care_plans[{number}].rules[{place}].device",
                plan.resident,
                f"expected one of {', '.join(trackers)}, unless any of them may be worn: each that leaves the zone is "
                "told; or assign only what is worn",
            )


def _plans(centre: Centre) -> Iterator[Problem]:
    """Rules that listen to others which are not there, or ask for what is always refused."""
    for number, plan in enumerate(centre.care_plans):
        names = {rule.name for rule in plan.rules}
        for place, rule in enumerate(plan.rules):
            key = f"care_plans[{number}].rules[{place}]"
            if isinstance(rule, AnswerSettings):
                if rule.to not in names:
                    yield Problem("centre", f"{key}.to", rule.to, "expected a rule of this care plan; this never comes")
                elif rule.command == "locate" and rule.when == "pending" and plan.consents.location == "alarm":
                    expected = 'expected "raised": by consents.location = "alarm" it is refused while no alert is open'
                    yield Problem("centre", f"{key}.when", rule.when, expected)
            elif isinstance(rule, FallsOftenSettings) and "fall" not in names:
                expected = (
                    'expected rule = "fall" in this care plan too; falls are counted, and each is told by nothing'
                )
                yield Problem("centre", f"{key}.rule", rule.name, expected)
