"""Try a changed zone before it is saved: what it would have told in the last four weeks, of whom, and when.

Only those whose plans name the zone are judged. Trials live in memory: after a restart one tap makes them again.
"""

import asyncio
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec

from gateway import words
from gateway.centre.index import HOUSE, CentreIndex, zones_of
from gateway.centre.load import centre_from_document, to_document
from gateway.centre.model import Centre
from gateway.console import editing, trying
from gateway.console.deps import Console
from gateway.console.pages import Tongue
from gateway.console.trial_view import TriedAlert
from gateway.console.trying import Trial
from rules.model import Reason

DAYS: Final = 28
"""So far back; the same weekdays four times."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried: the zone as a centre's document holds it, from which version it was drawn, and how many
    residents' plans name it."""

    zone: dict[str, Any]
    base: int
    residents: int
    why: str = ""
    """Why it is changed, as far as that was said; it is saved with it."""


_drafts: WeakKeyDictionary[Trial, Draft] = WeakKeyDictionary()


async def start(console: Console, who: str, zone: dict[str, Any], base: int, *, why: str = "") -> Trial | None:
    """Begin to try a zone against the version in force; None: this console can't.

    Args:
        console: the running console.
        who: the carer's id; what they began before is ended.
        zone: the zone as it would be.
        base: the version from which it was drawn.
        why: the reason, for when it is saved.

    Raises:
        CentreError: the changed centre does not hold.
    """
    before, after, residents = await asyncio.to_thread(_both, editing.in_force(console).document, zone)
    trial = trying.begin(console, who, before, after, days=DAYS, resident=None)
    if trial is not None:
        _drafts[trial] = Draft(zone=zone, base=base, residents=residents, why=why)
    return trial


def find(console: Console, number: str, who: str) -> tuple[Trial, Draft] | None:
    """A trial of a zone by that person; None: there is none, or it was forgotten."""
    trial = trying.get(console, number, who)
    draft = None if trial is None else _drafts.get(trial)
    return None if trial is None or draft is None else (trial, draft)


def with_zone(document: dict[str, Any], zone: dict[str, Any]) -> dict[str, Any]:
    """The document with that zone in place of the one of its id, or after the others."""
    zones = list(document.get("zones", ()))
    places = [number for number, one in enumerate(zones) if one["id"] == zone["id"]]
    if places:
        zones[places[0]] = zone
    else:
        zones.append(zone)
    return {**document, "zones": zones}


def _both(document: dict[str, Any], zone: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The present and the changed centre, in which only those have rules whose plan names the zone."""
    changed = _only(centre_from_document(with_zone(document, zone)), zone["id"])
    known = any(one["id"] == zone["id"] for one in document.get("zones", ()))
    present = _only(centre_from_document(document), zone["id"]) if known else changed
    return to_document(present), to_document(changed), sum(1 for plan in changed.care_plans if plan.rules)


def _only(centre: Centre, zone: str) -> Centre:
    plans = tuple(
        plan if zone in zones_of(plan.rules) else plan.model_copy(update={"rules": ()}) for plan in centre.care_plans
    )
    house = tuple(plan for plan in centre.house_plans if zone in zones_of(plan.rules))
    return centre.model_copy(update={"care_plans": plans, "house_plans": house})


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of a result in words; ``at`` as the reader writes times."""

    at: str
    room: str
    title: str
    why: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial gave, as far as the reader may see it: counts, and the first hundred of those gone and new.

    ``elsewhere``: alerts gone or new of residents who are not the reader's.
    """

    kept: int
    gone: int
    new: int
    elsewhere: int
    told_gone: list[Told]
    told_new: list[Told]


def result(trial: Trial, index: CentreIndex, mine: frozenset[str], tongue: Tongue) -> Result | None:
    """A trial's result for somebody who may see these residents; None: there is none yet."""
    found = trial.found
    if found is None:
        return None
    seen = {one: tally for one, tally in found.residents.items() if one in {"", HOUSE} or one in mine}
    gone, new = (sum(getattr(tally, word) for tally in seen.values()) for word in ("gone", "new"))
    return Result(
        kept=sum(tally.kept for tally in seen.values()),
        gone=gone,
        new=new,
        elsewhere=found.total.gone + found.total.new - gone - new,
        told_gone=[_told(one, index, tongue) for one in found.gone if (one.resident or "") in seen],
        told_new=[_told(one, index, tongue) for one in found.new if (one.resident or "") in seen],
    )


def looked_at(trial: Trial) -> str:
    """What the look at a trial's result is called in the audit, as that of ``telecare try``."""
    assert trial.found is not None
    return f"try/{trial.found.since.isoformat()}/{trial.found.until.isoformat()}"


def _told(told: TriedAlert, index: CentreIndex, tongue: Tongue) -> Told:
    reason = Reason(told.text, told.values)
    house = told.resident is None or told.resident == HOUSE
    return Told(
        at=tongue.at(told.raised_at),
        room=tongue("the house") if house else index.public_name(str(told.resident)),
        title=words.alert_title(told.rule, reason, tongue.language),
        why=tongue.reason(reason),
    )
