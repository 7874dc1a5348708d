"""What is said of a silent device."""

from datetime import datetime, timedelta

from rules.model import Reason
from rules.silent_state import SilentState
from rules.timing import epoch_ms, seconds


def reason(state: SilentState, device: str, limit: timedelta, at: datetime, *, learned: bool) -> Reason:
    """Why it is told at ``at``; ``learned``: the limit comes from the device's own habit."""
    values: dict[str, float | int | str] = {
        "device": device,
        "silent_s": seconds(at - state.heard_at),
        "limit_s": seconds(limit),
        "heard_at": epoch_ms(state.heard_at),
    }
    if state.offline_at is not None:
        return Reason(
            "{device} has been offline for {offline_s}.",
            {"device": device, "offline_s": seconds(at - state.offline_at)},
        )
    if state.never:
        return Reason("{device} was never heard in {silent_s}; it should be every {limit_s}.", values)
    if learned:
        return Reason("{device} was not heard for {silent_s}; by its habit it speaks within {limit_s}.", values)
    return Reason("{device} was not heard for {silent_s}; it should be every {limit_s}.", values)


def marks(state: SilentState, times: int, *, unsteady: bool) -> tuple[Reason, ...]:
    """What a carer should know besides: our own absence, a battery that is probably flat, an unsteady link."""
    found: list[Reason] = []
    if state.deaf_s:
        deaf_s = round(state.deaf_s, 1)
        found.append(Reason("The gateway itself heard nothing for {deaf_s} of that.", {"deaf_s": deaf_s}))
    if state.low and state.battery_percent is None:
        found.append(Reason("Its battery was low when it was last heard: it is probably flat."))
    elif state.low and state.battery_percent is not None:
        found.append(
            Reason(
                "Its battery was at {battery_percent} when it was last heard: it is probably flat.",
                {"battery_percent": state.battery_percent},
            )
        )
    if unsteady:
        found.append(Reason("It came and went {times} times lately: its link is unsteady.", {"times": times}))
    return tuple(found)
