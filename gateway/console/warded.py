"""Managers with wards in the administration: what they see there of the house, and what they must leave alone.

A manager with wards looks after the residents of these wards, and after those who have no ward, as everywhere else
(``Visitor.sees``). What is about the whole house is for managers without wards and for administrators.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.centre.diff import Document, entries
from gateway.console.guards import Visitor
from gateway.errors import NotAllowedError
from gateway.words import N_

OF_OTHER_WARDS: Final = N_(
    "That would change somebody of another ward. Please ask a manager of the whole house, or an administrator."
)
MANAGERS_OWN: Final = N_("Only an administrator may change the role or the wards of a manager.")
OTHER_MANAGERS: Final = N_(
    "Only an administrator, or a manager of the whole house, may add, change or remove a manager."
)
ONLY_ADMINS: Final = N_("Only an administrator may add, change or remove an administrator.")

OF_A_RESIDENT: Final = {"residents": "id", "care_plans": "resident", "assignments": "resident"}
"""Tables whose entries are about one resident, and the key that names them."""


def bounded(visitor: Visitor) -> bool:
    """Whether the visitor is a manager of some wards only."""
    return visitor.carer.role == "manager" and bool(visitor.carer.wards)


def foreign(visitor: Visitor, document: Mapping[str, Any]) -> frozenset[str]:
    """Ids of the residents of a document who are of other wards than the visitor's; none for the whole house."""
    if not bounded(visitor):
        return frozenset()
    own = set(visitor.carer.wards)
    return frozenset(
        str(one.get("id"))
        for one in document.get("residents", ())
        if one.get("ward") is not None and one["ward"] not in own
    )


def foreign_devices(document: Mapping[str, Any], others: frozenset[str]) -> frozenset[str]:
    """Ids of the devices that one of these residents has now, or will have: those whose time has no end."""
    return frozenset(
        str(one["device"])
        for one in document.get("assignments", ())
        if one.get("resident") in others and one.get("to") is None
    )


def seen(visitor: Visitor, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document of the centre without what is of residents of other wards; the same one for the whole house."""
    others = foreign(visitor, document)
    if not others:
        return document
    devices = foreign_devices(document, others)
    mine = {
        table: [one for one in document.get(table, ()) if one.get(key) not in others]
        for table, key in OF_A_RESIDENT.items()
    }
    return {**document, **mine, "devices": [one for one in document.get("devices", ()) if one.get("id") not in devices]}


def hidden(visitor: Visitor, document: Mapping[str, Any], table: str, key: str) -> bool:
    """Whether an entry is about somebody of another ward."""
    others = foreign(visitor, document)
    if not others:
        return False
    if table == "devices":
        return key in foreign_devices(document, others)
    if table not in OF_A_RESIDENT:
        return False
    entry = entries(document, table).get(key)
    return entry is not None and entry.get(OF_A_RESIDENT[table]) in others


def check_change(visitor: Visitor, before: Document, after: Document) -> None:
    """Who changes the centre must not give themselves, or another one, more than they were given.

    Raises:
        NotAllowedError: a manager would add, change or remove an administrator, or change the role or the wards of a
            manager; or one with wards would change what is of another ward, or another manager.
    """
    if visitor.carer.role == "admin":
        return
    old, new = (_by_id(document.get("carers", ())) for document in (before, after))
    if _of_role("admin", old) != _of_role("admin", new):
        raise NotAllowedError(ONLY_ADMINS)
    for one, was in _of_role("manager", old).items():
        now = new.get(one)
        if now is not None and _office(now) != _office(was):
            raise NotAllowedError(MANAGERS_OWN)
    if not bounded(visitor):
        return
    managers = [{k: v for k, v in _of_role("manager", one).items() if k != visitor.id} for one in (old, new)]
    if managers[0] != managers[1] or visitor.id not in new:
        raise NotAllowedError(OTHER_MANAGERS)
    if _of_others(visitor, before, before) != _of_others(visitor, before, after):
        raise NotAllowedError(OF_OTHER_WARDS)


def _of_others(visitor: Visitor, before: Document, document: Document) -> list[list[Mapping[str, Any]]]:
    """What a document holds of the residents of other wards: those of before, and whoever is new there."""
    known = _by_id(before.get("residents", ()))
    others = foreign(visitor, before) | {one for one in foreign(visitor, document) if one not in known}
    devices = foreign_devices(before, others)
    found = [
        [one for one in document.get(table, ()) if str(one.get(key)) in others] for table, key in OF_A_RESIDENT.items()
    ]
    return [*found, [one for one in document.get("devices", ()) if str(one.get("id")) in devices]]


def _by_id(listed: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(one.get("id")): one for one in listed}


def _of_role(role: str, carers: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {key: one for key, one in carers.items() if one.get("role") == role}


def _office(carer: Mapping[str, Any]) -> tuple[object, frozenset[str]]:
    return carer.get("role"), frozenset(carer.get("wards") or ())
