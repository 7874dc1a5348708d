"""How long a probe may be silent until that is a warning."""

from datetime import timedelta

from gateway.centre.model import Device
from rules.intervals import LIMITS_S


def patience(probe: Device) -> timedelta:
    """``silent_after_s`` of the device, or three minutes: three messages of one a minute."""
    return timedelta(seconds=probe.silent_after_s or LIMITS_S["probe"])
