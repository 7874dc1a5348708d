"""What is at stake when somebody, or something, is taken out: alerts in their hands, alerts about them, the policy that
serves the house. Said before it happens."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.alerts.table import AlertState
from gateway.clock import to_ms
from gateway.console.deps import Console
from gateway.console.guards import Visitor
from gateway.console.pages import Tongue
from gateway.console.shift_words import line_of
from gateway.console.view import row_of
from gateway.store import hands, shift_ends
from gateway.words import N_

MOST: Final = 20
"""Alerts that are named."""

GOING: Final = N_("{who} is on the way to {place}: {title}. If they are taken out, the others are asked again at once.")
THERE: Final = N_("{who} is at {place}: {title}. If they are taken out, the others are asked again at once.")
OPEN: Final = N_("An alert is open: {place}: {title}. It stays open, with this name, until somebody closes it.")
STANDS_IN: Final = N_(
    "{who} comes by a change of the shifts: {change}. If they are taken out, it ends, and whoever was planned is on "
    "duty again."
)
SERVES: Final = N_(
    "This policy also serves the house: alarms of devices that nobody has, messages that can’t be read, and when the "
    "gateway can’t store any more."
)
FIRST_CHANGES: Final = N_("The alarms of the house itself are then told by the policy {policy}.")


def house_policy(document: Mapping[str, Any]) -> str | None:
    """Id of the policy that serves the house: that of its plan, or the first one; None: there is none."""
    plans, policies = document.get("house_plans") or (), document.get("policies") or ()
    if plans:
        return str(plans[0].get("policy"))
    return str(policies[0].get("id")) if policies else None


def next_house_policy(document: Mapping[str, Any], policy: str) -> str | None:
    """Which policy serves the house when that one is taken out; None: it does not serve the house, or it is the only
    one, or the plan of the house names it: the check refuses that."""
    others = [str(one.get("id")) for one in document.get("policies", ()) if one.get("id") != policy]
    if document.get("house_plans") or house_policy(document) != policy or not others:
        return None
    return others[0]


def at_stake(
    console: Console, visitor: Visitor, tongue: Tongue, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    """What has to be known before the centre becomes ``after``, in sentences; empty: nothing."""
    carers, residents = (
        {str(one.get("id")) for one in before.get(table, ())} - {str(one.get("id")) for one in after.get(table, ())}
        for table in ("carers", "residents")
    )
    found = of_people(console, visitor, tongue, carers=carers, residents=residents)
    serves = house_policy(after)
    if serves is not None and house_policy(before) not in {None, serves}:
        found.append(tongue(FIRST_CHANGES, policy=serves))
    return found


def of_people(
    console: Console,
    visitor: Visitor,
    tongue: Tongue,
    *,
    carers: Collection[str] = (),
    residents: Collection[str] = (),
) -> list[str]:
    """The open alerts that these carers have in hand, those about these residents, and the
    changes of shifts by which these carers come, in a sentence each."""
    db = console.db()
    held = [_held(console, visitor, tongue, queries.alert(db, one)) for one in hands.in_hands(db, carers)[:MOST]]
    open_ones = [queries.alert(db, one) for one in hands.open_of(db, residents)[:MOST]]
    index, now = console.deps.index(), to_ms(console.deps.clock.now())
    shifts = [
        tongue(STANDS_IN, who=index.carer_name(one.comes or "") or one.comes, change=line_of(one, index, tongue).text)
        for one in shift_ends.standing_in(db, carers, now)[:MOST]
    ]
    return [*held, *shifts, *(tongue(OPEN, **_where(console, visitor, tongue, one)) for one in open_ones)]


def _held(console: Console, visitor: Visitor, tongue: Tongue, alert: Alert) -> str:
    who = console.deps.index().carer_name(alert.taken_by or "") or alert.taken_by
    text = THERE if alert.state is AlertState.ATTENDED else GOING
    return tongue(text, who=who, **_where(console, visitor, tongue, alert))


def _where(console: Console, visitor: Visitor, tongue: Tongue, alert: Alert) -> dict[str, str]:
    row = row_of(alert, console.deps.index(), tongue, visitor.id)
    place = tongue("Room {room}", room=row.room) if alert.resident is not None else row.room
    return {"place": place, "title": row.title}
