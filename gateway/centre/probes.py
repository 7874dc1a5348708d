"""How long a probe may be silent until that is a warning."""

from datetime import timedelta
from typing import Final

from gateway.centre.model import Device

PATIENCE_S: Final = 180.0
"""Three messages, at one a minute."""


def patience(probe: Device) -> timedelta:
    """``silent_after_s`` of the device, or three minutes."""
    return timedelta(seconds=probe.silent_after_s or PATIENCE_S)
