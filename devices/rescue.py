"""Saving the alarm of a message whose other parts are bad: a call for help passes no check of anything else."""

from collections.abc import Callable, Iterable
from typing import Any

from devices import door
from devices.errors import UnreadableError
from devices.model import Fall, Help, Reading


def save_alarms(payload: bytes, read_object: Callable[[dict[str, Any]], Iterable[Reading]]) -> tuple[Reading, ...]:
    """The calls for help and falls that ``read_object`` finds; nothing when there are none.

    ``read_object`` gets the payload as door.read_loosely gives it, so text in it may be damaged. What it gives before
    it raises UnreadableError counts. The end of a fall is no alarm.
    """
    try:
        loose = door.read_loosely(payload)
    except UnreadableError:
        return ()
    if not isinstance(loose, dict):
        return ()
    found: list[Reading] = []
    try:
        for reading in read_object(loose):
            if isinstance(reading, Help) or (isinstance(reading, Fall) and reading.phase != "ended"):
                found.append(reading)
    except UnreadableError:
        pass
    return tuple(found)
