"""The menu of the console: every page that is not reached from another one, and who sees it there."""

from typing import Final, NamedTuple

from gateway.console.guards import ROLES, Visitor
from gateway.console.warded import bounded
from gateway.words import N_


class Entry(NamedTuple):
    """A line of the menu."""

    path: str
    title: str
    """Msgid."""
    role: str
    """The least role that sees it."""
    whole_house: bool = False
    """Not for managers of some wards only."""


MENU: Final = (
    Entry("/", N_("Alerts"), "relative"),
    Entry("/rounds", N_("Rounds"), "carer"),
    Entry("/residents", N_("Residents"), "relative"),
    Entry("/map", N_("Map"), "relative"),
    Entry("/searches", N_("Searches"), "carer"),
    Entry("/shelves", N_("Shelved rules"), "carer"),
    Entry("/shifts", N_("Shifts"), "carer"),
    Entry("/coverage", N_("Coverage"), "carer"),
    Entry("/figures", N_("Key figures"), "manager"),
    Entry("/zones", N_("Places"), "manager"),
    Entry("/admin", N_("Administration"), "manager"),
    Entry("/system", N_("System"), "manager"),
    Entry("/audit", N_("Audit"), "manager", whole_house=True),
    Entry("/wall", N_("Wall screen"), "carer"),
    Entry("/phone", N_("This phone"), "relative"),
    Entry("/retention", N_("How long data is kept"), "manager"),
    Entry("/erased", N_("Erased persons"), "admin"),
    Entry("/account", N_("My account"), "relative"),
)
"""In the order of the menu; what is needed most often is first."""


def menu_for(visitor: Visitor) -> tuple[Entry, ...]:
    """What the visitor's menu has."""
    role, part = ROLES.index(visitor.carer.role), bounded(visitor)
    return tuple(entry for entry in MENU if role >= ROLES.index(entry.role) and not (part and entry.whole_house))
