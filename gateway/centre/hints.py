"""What a centre may mean as it is, but most do not: warnings of ``telecare check`` and ``telecare centre check``."""

from collections.abc import Iterator
from datetime import datetime

from gateway.centre.index import CentreIndex
from gateway.centre.model import Centre
from gateway.errors import Problem
from rules.protection import Protections
from rules.silent import SilentSettings


def hints(centre: Centre, at: datetime) -> list[Problem]:
    """Hubs of which nobody would be told when they fall silent, and residents whose devices can't do what their rules
    count on.

    Args:
        centre: a checked centre.
        at: UTC-aware; the assignments of that moment count.
    """
    return [*_hubs(centre), *_residents(centre, at)]


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


def _residents(centre: Centre, at: datetime) -> Iterator[Problem]:
    """What protection status will say before anything was heard, by the types of the devices."""
    index = CentreIndex(centre)
    for number, plan in enumerate(centre.care_plans):
        devices = [device.info() for device in index.devices_of(plan.resident, at)]
        protection = Protections(index.rules_of(plan.resident, at).rules, devices).of({}, at)
        for reason in protection.missing:
            text = reason.text.format_map(reason.values)
            yield Problem("centre", f"care_plans[{number}]", plan.resident, f"{protection.level}: {text}")
