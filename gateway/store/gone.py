"""Who left the centre and still matters: an open alert keeps the name, the room and the policy of its resident."""

import sqlite3
from contextlib import suppress
from typing import Final

import msgspec
from pydantic import ValidationError

from gateway.centre.gone import Gone
from gateway.centre.model import Resident
from gateway.store import centres

VERSIONS: Final = 50
"""So many versions back names of carers are looked for."""


class _Named(msgspec.Struct):
    """What is read of a carer's entry."""

    id: str
    name: str


def people(db: sqlite3.Connection) -> Gone:
    """The residents of earlier versions whose alerts are open, and the names of carers who left lately."""
    residents, policies = {}, {}
    rows = db.execute(
        "SELECT resident, version FROM former_residents"
        " WHERE resident IN (SELECT resident FROM alerts WHERE state != 'closed')"
    ).fetchall()
    for row in rows:
        entry = centres.entry_of(db, row["version"], "residents", row["resident"])
        plan = centres.entry_of(db, row["version"], "care_plans", row["resident"])
        with suppress(ValidationError):  # an older program's entry
            if entry is not None:
                residents[row["resident"]] = Resident.model_validate(entry)
        if plan is not None:
            policies[row["resident"]] = str(plan.get("policy"))
    return Gone(residents, policies, _carers(db))


def _carers(db: sqlite3.Connection) -> dict[str, str]:
    """Names by id, of everybody in the last versions; the newest name counts."""
    rows = db.execute(
        "SELECT s.text FROM (SELECT version, sheets FROM centre_versions ORDER BY version DESC LIMIT ?) v,"
        " json_each(v.sheets, '$.carers') d JOIN centre_sheets s ON s.digest = d.value"
        " GROUP BY s.digest ORDER BY max(v.version)",
        (VERSIONS,),
    )
    named: dict[str, str] = {}
    for row in rows:
        named.update({one.id: one.name for one in msgspec.json.decode(row["text"], type=list[_Named])})
    return named
