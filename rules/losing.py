"""What a rule does when a device leaves the resident: by default it begins anew; nothing would ever correct it."""

from typing import Protocol, runtime_checkable

from rules.model import State


@runtime_checkable
class LosesDevices(Protocol):
    """A rule that keeps part of its state when a device leaves the resident, such as the nights that it learned."""

    def devices_gone(self, state: State, left: frozenset[str]) -> State:
        """The state without what came from devices that are gone; ``left`` are the kinds of readings that the
        resident's remaining devices give."""


@runtime_checkable
class OwnsByDevice(Protocol):
    """A rule that keeps a part of its state for each device, and lets go of those of devices that do not count any
    more: ended, or not named by the care plan."""

    def only_own(self, state: State) -> State:
        """The state of the devices that count now; the very same when it is."""
