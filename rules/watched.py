"""Which devices the device rules of somebody watch: a resident's own, or those of the house."""

from typing import Final

from rules.model import Context, DeviceInfo

_PERSONAL: Final = frozenset({"tracker", "fall_detector", "bed_sensor", "continence_sensor", "sos_button"})
"""Types of devices that somebody has, unless they are spare."""


def watched(context: Context) -> tuple[DeviceInfo, ...]:
    """The devices that device rules watch: the resident's own, or for the house those of its surroundings."""
    if not context.house:
        return context.devices
    return tuple({device.id: device for device in (*context.devices, *context.surroundings)}.values())


def spare(device: DeviceInfo) -> bool:
    """Whether a device that nobody has waits in a drawer, where it may be silent: of a type that is somebody's, and
    fixed nowhere.
    """
    fixed = device.hub or device.room or device.mains or device.silent_after_s is not None
    return not fixed and device.type in _PERSONAL
