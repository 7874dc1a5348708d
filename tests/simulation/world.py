"""A small house made from a seed: who lives there, what they wear, their care plans, and how the plans change."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

import msgspec

from gateway.centre.load import centre_from_document
from gateway.centre.model import Centre, Consents
from rules.registry import RULES
from tests.rules.every import choices

NOON = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
CARERS = ("nora", "ben", "sam")
FAILSAFE = "sam"
SPARE = "sos-spare"
"""A button that nobody has."""

GARDEN = (14.5, 35.9)
POND = (14.502, 35.9)
PARTS = {
    "gps": "tracker", "sos": "sos_button", "fall": "fall_detector", "bed": "bed_sensor", "cont": "continence_sensor",
    "motion": "motion_sensor",
}  # fmt: skip
OFTEN = {"help": 0.85, "fall": 0.9, "zone_exit": 0.5, "bed_exit": 0.5, "not_back": 0.5, "silent": 0.3}
"""How likely a rule is in a care plan; others are by RARELY."""

RARELY = 0.2
NOT_NEEDED = ("help", "fall", "falls_often", "answer")
SHELVED_FOR = (120, 900, 3000)


class World(msgspec.Struct, frozen=True):
    """One house: ``versions`` of its centre, the first in force at ``begins``."""

    begins: datetime
    residents: tuple[str, ...]
    worn: Mapping[str, Mapping[str, str]]
    """Device ids by resident and part (``gps``, ``sos``, ...), as first assigned."""
    versions: tuple[Centre, ...]


def build(random: Random) -> World:
    """A world from a seeded source."""
    begins = NOON + timedelta(hours=random.choice([0, 1, 9, 10, 14]), seconds=random.randrange(3600))
    residents = tuple(f"r{number}" for number in range(1, random.choice([2, 2, 2, 3, 4]) + 1))
    worn = {who: {part: f"{part}-{who}" for part in PARTS} for who in residents}
    worn[residents[0]] |= {"trk": "trk-r1"}
    document = _document(residents, worn, begins)
    document["care_plans"] = [_plan(random, who, worn[who]) for who in residents]
    document["policies"] = [_policy(random, name) for name in ("standard", "other")]
    if random.random() < 0.4:
        house = [{"rule": word} for word in ("silent", "low_battery", "tamper") if random.random() < 0.6]
        document["house_plans"] = [{"policy": "other", "rules": house}]
    versions = [document]
    for _ in range(random.randint(0, 2)):
        versions.append(_changed(random, versions[-1], begins))
    return World(begins, residents, worn, tuple(map(_checked, versions)))


def _document(residents: tuple[str, ...], worn: dict[str, dict[str, str]], begins: datetime) -> dict[str, Any]:
    since = begins - timedelta(days=30)
    devices: list[dict[str, Any]] = []
    for who in residents:
        devices += [{"id": f"{part}-{who}", "type": kind, "format": "native"} for part, kind in PARTS.items()]
        devices.append({"id": f"lamp-{who}", "type": "lamp", "format": "native", "room": who})
    devices.append({"id": "trk-r1", "type": "tracker", "format": "traccar", "address": "8640001"})
    devices.append({"id": SPARE, "type": "sos_button", "format": "native"})
    devices.append({"id": "hub", "type": "hub", "format": "native", "mains": True})
    devices.append({"id": "door", "type": "door_sensor", "format": "native", "room": "hall"})
    devices.append({"id": "gps-nora", "type": "tracker", "format": "native", "carer": "nora"})
    return {
        "centre": {"id": "haven", "name": "Haven House", "timezone": "Europe/Malta"},
        "residents": [{"id": who, "name": who.title(), "room": who} for who in residents],
        "devices": devices,
        "assignments": [
            {"device": device, "resident": who, "from": since} for who in residents for device in worn[who].values()
        ],
        "carers": [
            {"id": name, "name": name.title(), "role": "manager" if name == FAILSAFE else "carer",
             "contacts": [{"channel": "smtp", "address": f"{name}@example.org"}, {"channel": "log"}]}
            for name in CARERS
        ],
        "zones": [
            {"id": name, "name": name, "geometry": {"type": "Point", "coordinates": list(place)}, "radius_m": radius}
            for name, place, radius in (("garden", GARDEN, 100), ("pond", POND, 30))
        ],
    }  # fmt: skip


def _plan(random: Random, who: str, worn: Mapping[str, str]) -> dict[str, Any]:
    variants = choices(
        zone="garden", other_zone="pond", tracker=worn["gps"], door="door", lamp=f"lamp-{who}", companion="nora"
    )
    rules = [
        {"rule": kind.name} | random.choice(variants[kind.name])
        for kind in RULES
        if random.random() < OFTEN.get(kind.name, RARELY)
    ]
    words = {rule["rule"] for rule in rules}
    rules = [rule for rule in rules if rule["rule"] != "answer" or rule["to"] in words]
    consents = dict.fromkeys(Consents.model_fields, True) | {"location": "alarm", "relatives": ["location"]}
    return {"resident": who, "policy": random.choice(["standard", "other"]), "consents": consents, "rules": rules}


def _policy(random: Random, name: str) -> dict[str, Any]:
    steps = [{"to": ["nora"], "wait_s": random.choice([30, 60, 120])}]
    if random.random() < 0.6:
        steps.append({"to": random.choice([["ben"], ["ben", "nora"]]), "wait_s": random.choice([30, 90])})
    return {"id": name, "steps": steps, "failsafe": [FAILSAFE]}


def _changed(random: Random, before: dict[str, Any], begins: datetime) -> dict[str, Any]:
    """The next version: a plan is written anew, a device handed over, a policy changed, somebody moves out."""
    after: dict[str, Any] = {**before}
    plans = list(before["care_plans"])
    at = random.randrange(len(plans))
    who = plans[at]["resident"]
    match random.choice(["plan", "no alarms", "no alarms", "hand over", "policy", "move out"]):
        case "no alarms":  # nobody should do that, and it must not silence what waits
            for place, plan in enumerate(plans):
                plans[place] = plan | {"rules": [rule for rule in plan["rules"] if rule["rule"] not in NOT_NEEDED]}
        case "plan":
            plans[at] = _plan(random, who, {"gps": f"gps-{who}"})
        case "hand over":
            when = begins + timedelta(seconds=random.choice([0, 600, 1200, 3600]))
            other = random.choice([plan["resident"] for plan in plans])
            device = f"sos-{who}"
            kept = [entry for entry in before["assignments"] if entry["device"] != device]
            first = {"device": device, "resident": who, "from": begins - timedelta(days=30), "to": when}
            then = {"device": device, "resident": other, "from": when}
            after["assignments"] = [*kept, first] + ([then] if random.random() < 0.7 else [])
        case "policy":
            after["policies"] = [_policy(random, name) for name in ("standard", "other")]
        case _ if len(plans) > 2:
            del plans[at]
            after["residents"] = [one for one in before["residents"] if one["id"] != who]
            after["assignments"] = [one for one in before["assignments"] if one["resident"] != who]
        case _:
            pass
    after["care_plans"] = plans
    return after


_ENCODE = msgspec.json.Encoder().encode


def _checked(document: dict[str, Any]) -> Centre:
    return _read(_ENCODE(document))


@lru_cache(maxsize=8)
def _read(document: bytes) -> Centre:
    return centre_from_document(msgspec.json.decode(document), file="the world")
