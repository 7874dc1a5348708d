"""What two centres have in common: whose rules differ, and which rules need to be judged only once."""

from collections.abc import Collection

from gateway.centre.index import HOUSE, CentreIndex
from gateway.centre.load import to_document
from gateway.centre.model import CarePlan, Centre
from rules.answer import AnswerSettings
from rules.inhibition import INHIBITIONS
from rules.model import RuleSettings


def differing(present: Centre, changed: Centre) -> list[str]:
    """Residents (and HOUSE) whose rules, or anything that their rules know, are not the same in both centres."""
    everybody = list(dict.fromkeys((*CentreIndex(present).judged, *CentreIndex(changed).judged)))
    if not around_same(present, changed):
        return everybody
    old, new = to_document(present), to_document(changed)
    plans = [
        {plan["resident"]: plan.get("rules") for plan in document.get("care_plans", ())}
        | {HOUSE: [plan.get("rules") for plan in document.get("house_plans", ())]}
        for document in (old, new)
    ]
    return [one for one in everybody if plans[0].get(one) != plans[1].get(one)]


def around_same(present: Centre, changed: Centre) -> bool:
    """Whether everything but the plans that a rule may know is the same: devices and whose they are, zones, times."""
    old, new = to_document(present), to_document(changed)
    around = ("devices", "assignments", "zones", "calendars")
    return old["centre"]["timezone"] == new["centre"]["timezone"] and all(
        old.get(key) == new.get(key) for key in around
    )


def split(old: Centre, new: Centre, residents: Collection[str], *, around_same: bool) -> tuple[Centre, Centre, Centre]:
    """What both have for these residents, and what only the first and only the second one has.

    Rules do not know each other, so those that are the same in both need to be judged once only. Those that do know
    each other (one listens to the other, or stands for it) stay together. Without ``around_same`` (devices, zones
    differ) nothing is shared.
    """
    plans = {plan.resident: plan for plan in new.care_plans}
    shared: list[CarePlan] = []
    rests: tuple[list[CarePlan], list[CarePlan]] = ([], [])
    for plan in old.care_plans:
        other = plans.get(plan.resident)
        if plan.resident not in residents:
            shared.append(plan)
            continue
        same = [one for one in plan.rules if around_same and other is not None and one in other.rules]
        theirs = [*plan.rules, *(other.rules if other is not None else ())]
        apart = {one.name for one in theirs if one not in same}
        pairs = _knowing(theirs)
        while joined := {name for pair in pairs if pair & apart for name in pair} - apart:
            apart |= joined
        same = [one for one in same if one.name not in apart]
        shared.append(plan.model_copy(update={"rules": tuple(same)}))
        rests[0].append(_without(plan, same))
        if other is not None:
            rests[1].append(_without(other, same))
    known = {plan.resident for plan in old.care_plans}
    rests[1].extend(plan for plan in new.care_plans if plan.resident not in known)
    house_same = around_same and HOUSE not in residents
    return (
        old.model_copy(update={"care_plans": tuple(shared), **({} if house_same else {"house_plans": ()})}),
        _only(old, rests[0], house=HOUSE in residents),
        _only(new, rests[1], house=HOUSE in residents),
    )


def _only(centre: Centre, plans: list[CarePlan], *, house: bool) -> Centre:
    """A centre with these plans only; who has none of them has no rules here."""
    named = {plan.resident for plan in plans}
    empty = [plan.model_copy(update={"rules": ()}) for plan in centre.care_plans if plan.resident not in named]
    return centre.model_copy(
        update={"care_plans": (*plans, *empty), "house_plans": centre.house_plans if house else ()}
    )


def _without(plan: CarePlan, same: list[RuleSettings]) -> CarePlan:
    return plan.model_copy(update={"rules": tuple(one for one in plan.rules if one not in same)})


def _knowing(rules: list[RuleSettings]) -> list[frozenset[str]]:
    """Rules (words) of which one knows of the other: it stands for it, or listens to it."""
    pairs = [frozenset({one.winner, one.loser}) for one in INHIBITIONS]
    return [*pairs, *(frozenset({one.name, one.to}) for one in rules if isinstance(one, AnswerSettings))]
