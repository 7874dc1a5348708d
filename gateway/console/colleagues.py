"""Whom somebody who is going can ask to take over: who is on duty first."""

import sqlite3
from datetime import datetime
from typing import NamedTuple

from gateway.centre.index import CentreIndex
from gateway.console.guards import Visitor
from gateway.store.rotas import on_shift

MOST = 200
"""Names in one list; who is on duty is never left out."""


class Colleague(NamedTuple):
    """A carer's id and name."""

    id: str
    name: str


class Colleagues(NamedTuple):
    """Who can be asked, by name: first those who are on duty now."""

    on_duty: tuple[Colleague, ...] = ()
    others: tuple[Colleague, ...] = ()


def duty_now(db: sqlite3.Connection, index: CentreIndex, at: datetime) -> frozenset[str]:
    """Ids of everybody who is on duty at that time (UTC), in whatever role."""
    return frozenset(carer for role in index.rotas.roles for carer in on_shift(db, index, role, at))


def colleagues_for(index: CentreIndex, reader: str, resident: str | None, duty: frozenset[str]) -> Colleagues:
    """Whom the reader can ask about an alert of that resident: staff of the ward who can be told, and relatives not.

    Whoever is on duty is there even when the ward is not theirs: at night one person may stand in for all.
    """
    about = index.person(resident)
    able = [
        carer
        for carer in index.carers.values()
        if carer.id != reader and carer.role != "relative" and carer.kind == "person" and carer.contacts
    ]
    on_duty = [carer for carer in able if carer.id in duty]
    others = [carer for carer in able if carer.id not in duty and (about is None or Visitor(carer).sees(about))]
    return Colleagues(
        tuple(sorted((Colleague(one.id, one.name) for one in on_duty), key=_by_name)),
        tuple(sorted((Colleague(one.id, one.name) for one in others), key=_by_name)[:MOST]),
    )


def _by_name(one: Colleague) -> tuple[str, str]:
    return one.name.casefold(), one.id
