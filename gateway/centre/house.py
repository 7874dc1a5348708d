"""What a house has around its residents: what its carers carry, and what is fixed in it."""

from collections.abc import Collection, Iterable

from gateway.centre.model import Device


def carried(devices: Iterable[Device]) -> dict[str, tuple[str, ...]]:
    """The ids of the devices that each carer carries, by the carer's id."""
    found: dict[str, tuple[str, ...]] = {}
    for device in devices:
        if device.carer is not None:
            found[device.carer] = (*found.get(device.carer, ()), device.id)
    return found


def surroundings(devices: Iterable[Device], assigned: Collection[str]) -> tuple[Device, ...]:
    """The devices that belong to the house: nobody ever has them (``assigned``), and no carer carries them.

    A tracker that waits in a drawer is none of them: it must be fixed somewhere, by its type or by its ``room``.
    """
    return tuple(
        device
        for device in devices
        if device.carer is None and device.id not in assigned and (device.room is not None or device.type in FIXED)
    )


FIXED = frozenset({"hub", "door_sensor", "motion_sensor", "room_sensor", "lamp"})
"""Types of devices that stay where they are."""
