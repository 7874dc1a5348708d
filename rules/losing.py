"""What a rule does when a device leaves the resident: by default it begins anew; nothing would ever correct it."""

from typing import Protocol, runtime_checkable

from rules.model import State


@runtime_checkable
class LosesDevices(Protocol):
    """A rule that keeps part of its state when a device leaves the resident, such as the nights that it learned."""

    def devices_gone(self, state: State, left: frozenset[str]) -> State:
        """The state without what came from devices that are gone; ``left`` are the kinds of readings that the
        resident's remaining devices give."""
