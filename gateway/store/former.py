"""Residents who left the centre: their ids are not given to somebody else, who would inherit all that is stored.

Whoever comes back with the same name is the same person: so a removal can be undone, and the same file applied again.
Whoever was erased comes back with a new id only.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.centre.sheets import Order, Sheets
from gateway.clock import to_ms
from gateway.errors import Problem
from gateway.store.writer import Tx

_STORED: Final = (
    "alerts", "care_notes", "round_checks", "searches", "break_glass", "consent_log", "exports", "looks",
    "reading_places", "rule_states",
)  # fmt: skip
_STORED_WITHOUT_INDEX: Final = ("commands", "shelves")
"""Tables with what is known of a resident."""

_ERASED: Final = "expected a new id: the person who had this one was erased, and erased ids are not used again"
_FORMER: Final = (
    "expected a new id: somebody else had this one until version {version}, and what is known of them is still stored. "
    "Is it the same person? Then write the name as it was there, and change it afterwards"
)


class _Named(msgspec.Struct):
    """What is read of a resident's entry."""

    id: str
    name: str


def refused(db: sqlite3.Connection, residents: Iterable[Mapping[str, Any]], *, file: str = "centre") -> list[Problem]:
    """Whose id was somebody else's, among the residents of a whole document that is not in force yet.

    Args:
        db: reads the database.
        residents: in the document's order.
        file: names the document in the problems.
    """
    places = {str(one.get("id")): (number, str(one.get("name"))) for number, one in enumerate(residents)}
    [text] = db.execute("SELECT sheets FROM centre_versions ORDER BY version DESC LIMIT 1").fetchone() or ("{}",)
    known = _known(db, places)
    if not known:
        return []
    present = _people(_texts(db, msgspec.json.decode(text, type=Order).get("residents", ())))
    came = {one: places[one][1] for one in known if one not in present}
    wrong = _wrong(db, came)
    return [
        Problem(file, f"residents[{places[one][0]}].id", msgspec.json.encode(one).decode(), expected)
        for one, expected in sorted(wrong.items(), key=lambda item: places[item[0]][0])
    ]


def ids(db: sqlite3.Connection) -> set[str]:
    """The ids that residents had who are not in the centre any more, or were erased."""
    return {row[0] for row in db.execute("SELECT resident FROM former_residents UNION SELECT resident FROM erasures")}


def follow(tx: Tx, before: Order, wanted: Sheets, version: int) -> dict[str, str]:
    """Note who leaves with the next version, and who is back; returns what is expected of each wrong id.

    Reads only those sheets in which the two differ.

    Args:
        tx: the open transaction.
        before: the newest version's sheets.
        wanted: those of the next one.
        version: number of the newest version.
    """
    old, new = before.get("residents", []), wanted.order.get("residents", [])
    there = _people(_texts(tx.db, [one for one in old if one not in set(new)]))
    here = _people([wanted.texts[one] for one in new if one not in set(old)])
    came = {one: here[one] for one in _known(tx.db, here.keys() - there.keys())}
    if wrong := _wrong(tx.db, came):
        return wrong
    tx.db.executemany("DELETE FROM former_residents WHERE resident = ?", [(one,) for one in came])
    tx.db.executemany(
        "INSERT OR REPLACE INTO former_residents (resident, name, version, left_at) VALUES (?, ?, ?, ?)",
        [(one, name, version, to_ms(tx.now)) for one, name in there.items() if one not in here],
    )
    return {}


def let_go(tx: Tx) -> None:
    """Forget those of whom nothing is stored any more: their ids are free."""
    nothing = " AND ".join(
        [f"NOT EXISTS (SELECT 1 FROM {one} t WHERE t.resident = f.resident)" for one in _STORED]  # noqa: S608
        + [
            f"f.resident NOT IN (SELECT resident FROM {one} WHERE resident IS NOT NULL)"  # noqa: S608 - our words
            for one in _STORED_WITHOUT_INDEX
        ]
    )
    tx.db.execute(f"DELETE FROM former_residents AS f WHERE {nothing}")  # noqa: S608 - our words


def name_of(db: sqlite3.Connection, resident: str) -> str | None:
    """The name of somebody who left; None: nobody of that id did."""
    row = db.execute("SELECT name FROM former_residents WHERE resident = ?", (resident,)).fetchone()
    return None if row is None else str(row["name"])


def _known(db: sqlite3.Connection, residents: Iterable[str]) -> list[str]:
    """Which of these ids somebody had who left, or was erased."""
    asked = msgspec.json.encode(list(residents)).decode()
    rows = db.execute(
        "SELECT resident FROM former_residents WHERE resident IN (SELECT value FROM json_each(?1))"
        " UNION SELECT resident FROM erasures WHERE resident IN (SELECT value FROM json_each(?1))",
        (asked,),
    )
    return [row[0] for row in rows]


def _wrong(db: sqlite3.Connection, came: Mapping[str, str]) -> dict[str, str]:
    wrong = {}
    for one, name in came.items():
        if db.execute("SELECT 1 FROM erasures WHERE resident = ?", (one,)).fetchone() is not None:
            wrong[one] = _ERASED
            continue
        row = db.execute("SELECT name, version FROM former_residents WHERE resident = ?", (one,)).fetchone()
        if row is not None and _plain(row["name"]) != _plain(name) and _is_stored(db, one):
            wrong[one] = _FORMER.format(version=row["version"])
    return wrong


def _is_stored(db: sqlite3.Connection, resident: str) -> bool:
    return any(
        db.execute(f"SELECT 1 FROM {table} WHERE resident = ? LIMIT 1", (resident,)).fetchone() is not None  # noqa: S608
        for table in (*_STORED, *_STORED_WITHOUT_INDEX)
    )


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _texts(db: sqlite3.Connection, digests: Sequence[str]) -> list[str]:
    wanted = msgspec.json.encode(digests).decode()
    query = "SELECT text FROM centre_sheets WHERE digest IN (SELECT value FROM json_each(?))"
    return [row["text"] for row in db.execute(query, (wanted,))]


def _people(texts: Iterable[str | bytes]) -> dict[str, str]:
    return {one.id: one.name for text in texts for one in msgspec.json.decode(text, type=list[_Named])}
