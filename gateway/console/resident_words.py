"""A resident's readings in words, for the timeline: what changed is told at its time, what flows is summed up."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from devices.model import Bed, Continence, Fall, Help, Motion, Position, Reading, Room, Sleep, Status, Vitals
from gateway import words
from gateway.console.pages import Tongue
from gateway.store.places import Found
from gateway.words import N_

BLOCK_H: Final = 4
"""Hours that one line sums up: a day is six lines at most for each kind, which one looks over at a glance."""

CONTINENCE: Final[dict[str, str]] = {
    "dry": N_("Dry"),
    "some": N_("Some urine"),
    "change_due": N_("Change due"),
    "leak": N_("Leak"),
    "error": N_("Sensor in error"),
    "off": N_("Sensor off"),
}

_FALLS: Final[dict[str, str]] = {
    "suspected": N_("A fall is suspected."),
    "detected": N_("A fall was detected."),
    "confirmed": N_("A fall was confirmed."),
    "cancelled": N_("The fall was taken back."),
    "ended": N_("The sensor no longer sees the fall."),
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the timeline. ``at`` is UTC; ``kind`` is alert, note, command, or a reading's kind.

    ``alert`` and ``note`` are numbers of what the line is about; ``lines`` tells what became of it.
    """

    at: datetime
    kind: str
    text: str
    who: str | None = None
    alert: int | None = None
    note: int | None = None
    corrects: int | None = None
    corrected_by: int | None = None
    lines: tuple[str, ...] = ()


def entries(found: Sequence[Found], tongue: Tongue) -> list[Entry]:
    """The readings as lines, in the order of time; readings of one day, of any kinds."""
    ordered = sorted(found, key=lambda one: (one.at, one.seq))
    result = [*_changes(ordered, tongue)]
    for kind, say in _SUMMED.items():
        for block in _blocks([one for one in ordered if one.kind == kind], tongue):
            text = say([one.reading for one in block], tongue)
            if text:
                result.append(Entry(at=block[0].at, kind=kind, text=text))
    return sorted(result, key=lambda entry: entry.at)


def _changes(found: Iterable[Found], tongue: Tongue) -> Iterator[Entry]:
    """What is told whenever it changes: the bed, the continence product, help and falls, what a device complains of."""
    before: dict[tuple[str, str], object] = {}

    def changed(one: Found, now: object) -> bool:
        last = before.get((one.kind, one.device))
        before[one.kind, one.device] = now
        return now != last

    for one in found:
        text = None
        match one.reading:
            case Help(phase=phase):
                text = tongue(
                    N_("Help button pressed.") if phase == "pressed" else N_("The call for help was taken back.")
                )
            case Fall(phase=phase):
                text = tongue(_FALLS[phase])
            case Bed(in_bed=in_bed) if changed(one, in_bed):
                text = tongue(N_("In bed.") if in_bed else N_("Out of bed."))
            case Continence(state=str() as state) if changed(one, state):
                text = tongue(N_("Continence: {state}."), state=tongue(CONTINENCE[state]))
            case Status() as status if changed(one, (says := _complaint(status))) and says:
                text = tongue(N_("Device {device}: {what}"), device=one.device, what=tongue(says))
        if text:
            yield Entry(at=one.at, kind=one.kind, text=text)


def _complaint(status: Status) -> str | None:
    if status.removed:
        return N_("taken off")
    if status.tamper:
        return N_("opened")
    if status.online is False:
        return N_("not connected")
    return N_("battery low") if status.low_battery else None


def _blocks(found: Sequence[Found], tongue: Tongue) -> Iterator[list[Found]]:
    block: list[Found] = []
    for one in found:
        if block and _block_of(block[0].at, tongue) != _block_of(one.at, tongue):
            yield block
            block = []
        block.append(one)
    if block:
        yield block


def _block_of(at: datetime, tongue: Tongue) -> tuple[object, int]:
    local = at.astimezone(tongue.timezone)
    return local.date(), local.hour // BLOCK_H


def span(values: Iterable[float | None], digits: int = 0) -> str | None:
    """``58–66`` of some values; None: there are none."""
    known = [round(value, digits) if digits else round(value) for value in values if value is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    return f"{low}" if low == high else f"{low}–{high}"


def _vitals(readings: Sequence[Reading], tongue: Tongue) -> str:
    seen = [one for one in readings if isinstance(one, Vitals)]
    parts = [
        (N_("heart {span} a minute"), span(one.heart_rate_bpm for one in seen)),
        (N_("breathing {span} a minute"), span(one.respiratory_rate_bpm for one in seen)),
        (N_("oxygen {span} %"), span(one.spo2_percent for one in seen)),
        (N_("{span} °C"), span((one.temperature_c for one in seen), 1)),
    ]
    said = ", ".join(tongue(text, span=values) for text, values in parts if values)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _sleep(readings: Sequence[Reading], tongue: Tongue) -> str:
    seen = [one for one in readings if isinstance(one, Sleep)]
    known = [one.asleep for one in seen if one.asleep is not None]
    if not known:
        return ""
    share = words.percent(100 * sum(known) / len(known), tongue.language)
    return tongue(N_("Asleep in {share} of what the sensor said."), share=share)


def _motion(readings: Sequence[Reading], tongue: Tongue) -> str:
    seen = [one for one in readings if isinstance(one, Motion)]
    steps = sum(one.steps or 0 for one in seen)
    if not any(one.moving or one.steps for one in seen):
        return tongue(N_("No movement."))
    if not steps:
        return tongue(N_("Moved about."))
    return tongue.many("Moved about, {n} footstep.", "Moved about, {n} footsteps.", steps)


def _rooms(readings: Sequence[Reading], tongue: Tongue) -> str:
    rooms = dict.fromkeys(
        one.room for one in readings if isinstance(one, Room) and one.room and one.present is not False
    )
    return tongue(N_("Seen in: {rooms}."), rooms=", ".join(filter(None, rooms))) if rooms else ""


def _positions(readings: Sequence[Reading], tongue: Tongue) -> str:
    return tongue.many("{n} position came.", "{n} positions came.", sum(isinstance(one, Position) for one in readings))


def _battery(readings: Sequence[Reading], tongue: Tongue) -> str:
    known = [one for one in readings if isinstance(one, Status) and one.battery_percent is not None]
    last = {one.device: one.battery_percent or 0.0 for one in known}
    said = ", ".join(f"{device} {words.percent(value, tongue.language)}" for device, value in sorted(last.items()))
    return tongue(N_("Battery: {devices}."), devices=said) if said else ""


_SUMMED: Final[dict[str, Callable[[Sequence[Reading], Tongue], str]]] = {
    "vitals": _vitals,
    "sleep": _sleep,
    "motion": _motion,
    "room": _rooms,
    "position": _positions,
    "status": _battery,
}
