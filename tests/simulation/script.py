"""What happens in a world, made from its seed before anything runs: so that steps can be left out one by one.

``at`` is seconds of true time since the world began, whatever the gateway's clock shows.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias

import msgspec

from gateway.clock import to_ms
from tests.simulation.world import CARERS, GARDEN, SHELVED_FOR, SPARE, World


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message on its way: ``topic`` and ``payload`` as sent, and how the broker marks it."""

    topic: str
    payload: bytes
    dup: bool = False
    retained: bool = False


class _Step(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    at: float


class Batch(_Step, frozen=True, omit_defaults=True):
    """Messages that are taken together; ``die``: the process is killed at that moment of the transaction."""

    messages: tuple[Message, ...] = ()
    die: str | int | None = None
    """How many statements into the transaction; or ``before`` or ``after`` its commit."""


class Person(_Step, frozen=True, omit_defaults=True):
    """A carer answers one of the open alerts (the ``pick``-th), or closes them all."""

    who: str = ""
    does: str = ""
    pick: int = 0
    minutes: int = 5


class ClockStep(_Step, frozen=True, omit_defaults=True):
    """The machine's clock is set forward or back."""

    by: float = 0


class Apply(_Step, frozen=True, omit_defaults=True):
    """Another version of the centre file is applied; ``seen``: the gateway lives long enough to take it up."""

    version: int = 0
    seen: bool = True


class Shelve(_Step, frozen=True, omit_defaults=True):
    """Somebody shelves a rule (the ``pick``-th of all that there are), or ends the first shelf."""

    pick: int = 0
    lasting: float = 0
    end: bool = False


class Down(_Step, frozen=True, omit_defaults=True):
    """The process is killed, and is back after ``lasting``; what is sent meanwhile waits."""

    lasting: float = 0


class Freeze(_Step, frozen=True, omit_defaults=True):
    """The process hangs for so long: nothing is done, nothing is heard."""

    lasting: float = 0


class Wait(_Step, frozen=True):
    """Nothing; only that time goes on until here."""


Step: TypeAlias = Batch | Person | ClockStep | Apply | Shelve | Down | Freeze | Wait

ALARMS = frozenset({"help", "fall"})
_ENCODE = msgspec.json.Encoder().encode
_METRE = 1 / 111_000  # degrees of latitude


class _Sent(msgspec.Struct):
    at: float
    message: Message
    alarm: bool


def script(random: Random, world: World) -> list[Step]:
    """Everything that happens, in the order of time."""
    sent: list[_Sent] = []
    number = 0
    skew = {
        device: random.choice([0.0] * 7 + [-1.5, 40.0, -90.0, -4000.0, 3600.0])
        for parts in world.worn.values()
        for device in parts.values()
    }
    ends = 0.0
    for who in world.residents:
        at = 0.0
        for _ in range(random.randint(2, 6)):
            at += random.choice([0.5, 2, 5, 20, 45, 90, 200])
            for device, kind, fields in _happening(random, who, world):
                at += random.choice([0.0, 0.5, 7])
                number += 1
                sent += _sent(random, world, device, kind, fields, at, number, skew.get(device, 0.0))
        ends = max(ends, at)
    steps: list[Step] = [*_batches(random, sorted(sent, key=lambda one: one.at))]
    steps += _people(random, ends)
    steps += _troubles(random, world, ends, [one.at for one in sent if one.message.topic.endswith("/fall")])
    last = max(step.at for step in steps)
    steps.append(Person(last + 30, who="sam", does="close all"))
    steps.append(Wait(last + random.choice([40] * 5 + [700] * 2 + [4000])))
    return sorted(steps, key=lambda step: step.at)


def _happening(  # noqa: PLR0911 - one for each
    random: Random, who: str, world: World
) -> list[tuple[str, str, dict[str, Any]]]:
    """One or a few messages that belong together."""
    match random.choice(
        ["help"] * 3 + ["fall"] * 3 + ["walk"] * 3 + ["bed"] * 2 + ["care", "vitals", "room", "status"]
    ):
        case "help":
            if "trk" in world.worn[who] and random.random() < 0.4:
                return [("trk-r1", "traccar", {})]
            if random.random() < 0.1:
                return [(SPARE, "help", {"phase": "pressed"})]
            device = random.choice([f"sos-{who}", f"gps-{who}"])
            phases = random.choice([["pressed"], ["pressed"], ["pressed", "pressed"], ["pressed", "cancelled"]])
            return [(device, "help", {"phase": phase}) for phase in phases]
        case "fall":
            stories = (
                ["detected"], ["detected", "confirmed"], ["detected", "cancelled"], ["suspected"], ["confirmed"],
                ["suspected", "ended"], ["suspected", "suspected"], ["detected", "detected"], ["ended"],
            )  # fmt: skip
            device = random.choice([f"fall-{who}", f"fall-{who}", f"gps-{who}"])
            told = [(device, "fall", {"phase": phase}) for phase in random.choice(stories)]
            if random.random() < 0.3:
                told.append((f"gps-{who}", "motion", {"moving": random.random() < 0.5, "posture": "lying"}))
            return told
        case "walk":
            steps = [_fix(random, f"gps-{who}") for _ in range(random.randint(1, 4))]
            if random.random() < 0.2:
                steps.append(_fix(random, "gps-nora"))
            return steps
        case "bed":
            beds = [(f"bed-{who}", "bed", {"in_bed": random.random() < 0.4}) for _ in range(random.randint(1, 2))]
            return [*beds, (f"bed-{who}", "sleep", {"asleep": random.random() < 0.5, "movement_percent": 5})]
        case "care":
            state = random.choice(["dry", "some", "change_due", "leak", "off"])
            return [(f"cont-{who}", "continence", {"state": state})]
        case "vitals":
            rate = random.choice([35, 70, 140])
            fields = {"heart_rate_bpm": rate, "respiratory_rate_bpm": rate / 5, "spo2_percent": min(99, rate)}
            return [(f"bed-{who}", "vitals", fields)] * random.randint(1, 3)
        case "room":
            rooms = [(f"motion-{who}", "room", {"room": random.choice(["bath", "hall", who])}) for _ in range(2)]
            return [*rooms, ("door", "motion", {"moving": True})]
        case _:
            fields = random.choice(
                [{"battery_percent": 4}, {"battery_percent": 80}, {"online": False}, {"online": True}, {"tamper": True},
                 {"removed": True}, {"removed": False, "charging": True}]
            )  # fmt: skip
            return [(random.choice([f"gps-{who}", f"fall-{who}", "hub"]), "status", fields)]


def _fix(random: Random, device: str) -> tuple[str, str, dict[str, Any]]:
    metres = random.choice([0, 40, 95, 102, 130, 180, 260, 900])
    side = random.choice([-1, 1])
    accuracy = random.choice([None, 4, 12, 80])
    fields = {"lon": GARDEN[0] + side * metres * _METRE * 1.234, "lat": GARDEN[1], "accuracy_m": accuracy}
    return device, "position", fields


def _sent(
    random: Random, world: World, device: str, kind: str, fields: dict[str, Any], at: float, number: int, skew: float
) -> list[_Sent]:
    """A message with its faults: lost (never an alarm), delayed, twice; its clock wrong, or not told at all."""
    alarm = kind in ALARMS or kind == "traccar"
    if not alarm and random.random() < 0.1:
        return []
    if kind == "traccar":
        event = {"event": {"type": "alarm", "attributes": {"alarm": "sos"}}, "device": {"uniqueId": "8640001"}}
        message = Message("traccar/events", _ENCODE(event))
    else:
        known = {"v": 1, "id": "again" if random.random() < 0.02 else f"id-{number}"}
        if random.random() < 0.8:
            told: datetime = world.begins + timedelta(seconds=at + skew)
            known["t"] = 86_400_000 if random.random() < 0.02 else to_ms(told)
        payload = _ENCODE(known | {name: value for name, value in fields.items() if value is not None})
        message = Message(f"telecare/haven/{device}/{kind}", payload)
    delay = random.choice([0.0] * 12 + [3.0, 40.0, 300.0])
    if random.random() < 0.005:
        delay = 4000.0
    retained = random.random() < 0.03 and kind != "traccar"
    copies = [_Sent(at + delay, msgspec.structs.replace(message, retained=retained), alarm)]
    if kind != "traccar" and random.random() < 0.12:
        marks: dict[str, Any] = random.choice([{}, {"dup": True}, {"retained": True}])
        later = copies[0].at + random.choice([0.0, 1.0, 30.0, 200.0])
        copies.append(_Sent(later, msgspec.structs.replace(message, **marks), alarm))
    return copies


def _batches(random: Random, sent: list[_Sent]) -> list[Batch]:
    """Messages of one lane that came shortly after each other are taken together, as often as not."""
    batches: list[Batch] = []
    waiting: list[_Sent] = []
    for one, following in zip(sent, [*sent[1:], None], strict=True):
        waiting.append(one)
        if (
            following is not None
            and following.alarm is one.alarm
            and following.at - one.at < 10
            and random.random() < 0.6
        ):
            continue
        die = None
        if one.message.topic.startswith("traccar") and random.random() < 0.3:
            die = "after"  # it comes again, and has no id by which one could know
        elif random.random() < 0.06:
            die = random.choice([1, 4, 8, 12, 20, 30, "before", "after", "after"])
        batches.append(Batch(one.at, tuple(w.message for w in waiting), die))
        waiting = []
    return batches


def _people(random: Random, ends: float) -> list[Step]:
    """Some houses answer, some do not; but now and then somebody looks after everything."""
    ignoring = random.random() < 0.3
    tidy: list[Step] = [
        Person(ends * part, who="ben", does="close all") for part in ((0.5,) if ignoring else (0.3, 0.7))
    ]
    return tidy + [
        Person(
            random.uniform(5, ends + 60),
            who=random.choice(CARERS),
            does=random.choice(["going", "going", "decline", "arrive", "close", "close", "reopen"]),
            pick=random.randrange(20),
            minutes=random.choice([1, 5, 30]),
        )
        for _ in range(1 if ignoring else random.randint(3, 8))
    ]


def _troubles(random: Random, world: World, ends: float, falls: list[float]) -> list[Step]:
    """What else goes on."""
    troubles: list[Step] = []
    for version in range(1, len(world.versions)):
        at = random.uniform(0, ends)
        if falls and random.random() < 0.6:
            at = random.choice(falls) + random.choice([0.5, 5, 15])  # while one waits to be taken back
        troubles.append(Apply(at, version, random.random() < 0.7))
    for _ in range(random.randint(0, 2)):
        troubles.append(Down(random.uniform(0, ends), random.choice([0, 0, 5, 60, 600])))
    if random.random() < 0.3:
        troubles.append(ClockStep(random.uniform(0, ends), random.choice([-600, -30, 45, 3600])))
    if random.random() < 0.2:
        troubles.append(Freeze(random.uniform(0, ends), random.choice([20, 300])))
    for _ in range(random.choice([0, 1, 3])):
        at = random.uniform(0, ends / 2)
        troubles.append(Shelve(at, random.randrange(100), random.choice(SHELVED_FOR)))
    if random.random() < 0.5:
        troubles.append(Shelve(random.uniform(ends / 2, ends), end=True))
    return troubles


def said(step: Step) -> str:
    """A step in words, for the trace."""
    match step:
        case Batch(messages=messages, die=die):
            lines = [f"{m.topic} {m.payload.decode()}{' dup' * m.dup}{' retained' * m.retained}" for m in messages]
            killed = "" if die is None else f" [killed: {die}]"
            return f"message{killed} " + "\n                   message ".join(lines)
        case _:
            fields = {name: getattr(step, name) for name in step.__struct_fields__ if name != "at"}
            return f"{type(step).__name__} {fields or ''}".rstrip()
