"""Everything that is known of a person, a row at a time: for the file that the person may ask for (GDPR article 15).

Each function yields plain data, ready for JSON; times are RFC 3339 in UTC. docs/privacy.md tells every field. Reads
are short and in order, so that a file of years needs little memory and holds up nobody.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from devices.model import KINDS
from gateway.centre.load import to_document
from gateway.centre.model import Centre
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError
from gateway.store import audit, looking
from gateway.store.writer import Tx

ROWS: Final = 1_000
"""Rows read at a time."""

Line: TypeAlias = dict[str, Any]


def person(centre: Centre, resident: str) -> Line:
    """The person's own entries of the centre in force: name, room, photo, devices in their times, care plan, consents.

    Raises:
        BadAnswerError: nobody of that id is in the centre.
    """
    document = to_document(centre)
    mine = next((one for one in document.get("residents", ()) if one["id"] == resident), None)
    if mine is None:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
    plan = next((one for one in document.get("care_plans", ()) if one["resident"] == resident), None)
    named = _words(plan)
    worn = [one for one in document.get("assignments", ()) if one["resident"] == resident]
    devices = {one["device"] for one in worn}
    return {
        "centre": {key: document["centre"][key] for key in ("id", "name", "timezone")}
        | {"language": centre.centre.language},
        "resident": mine,
        "relatives": [
            {"id": one["id"], "name": one["name"]}
            for one in document.get("carers", ())
            if one["id"] in mine.get("relatives", ())
        ],
        "devices": [one for one in document.get("devices", ()) if one["id"] in devices],
        "assignments": worn,
        "care_plan": plan,
        "zones": [one for one in document.get("zones", ()) if one["id"] in named],
    }


def _words(entry: object) -> set[str]:
    """Every text in an entry: a zone is named by its id, in whatever setting."""
    match entry:
        case str():
            return {entry}
        case Mapping():
            return {word for value in entry.values() for word in _words(value)}
        case list() | tuple():
            return {word for value in entry for word in _words(value)}
        case _:
            return set()


def readings(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """Every stored reading, kind by kind in the order received, and last those of the last minutes."""
    [noted] = db.execute("SELECT coalesce(max(seq), 0) FROM reading_places_until").fetchone()
    columns = "r.seq, r.device, r.kind, r.observed_at, r.received_at, r.fields"
    for kind in KINDS:
        query = (
            f"SELECT {columns} FROM reading_places p JOIN readings r ON r.seq = p.seq"  # noqa: S608 - our words
            " WHERE p.resident = ? AND p.kind = ? AND p.seq > ? AND p.seq < ? ORDER BY p.seq LIMIT ?"
        )
        yield from _pages(db, query, (resident, kind), _reading, last=(noted,))
    query = f"SELECT {columns} FROM readings r WHERE r.resident = ? AND r.seq > ? AND r.seq >= ? ORDER BY r.seq LIMIT ?"  # noqa: S608
    yield from _pages(db, query, (resident,), _reading, last=(noted,))


def messages(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """The raw messages behind the readings, as far as they are still kept."""
    seen = -1
    for reading in readings(db, resident):
        frame = reading["frame"]
        if frame == seen:
            continue
        seen = frame
        row = db.execute("SELECT seq, format, topic, payload, received_at FROM journal WHERE seq = ?", (frame,))
        for one in row:
            yield {
                "frame": one["seq"],
                "format": one["format"],
                "topic": one["topic"],
                "payload": bytes(one["payload"]).decode("utf-8", "backslashreplace"),
                "received_at": from_ms(one["received_at"]),
            }


def alerts(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """Every alert with its history and who was told of it."""
    query = "SELECT id AS seq, * FROM alerts WHERE resident = ? AND id > ? ORDER BY id LIMIT ?"
    for alert in _pages(db, query, (resident,), _alert):
        alert["history"] = [
            _plain(row, ("seq", "alert"), json=("detail",))
            for row in db.execute("SELECT * FROM alert_events WHERE alert = ? ORDER BY seq", (alert["id"],))
        ]
        alert["told"] = [
            _plain(
                row,
                (
                    "key",
                    "alert",
                    "address",
                    "lease_owner",
                    "lease_until",
                    "provider_id",
                    "contact",
                    "detail",
                    "late_at",
                ),
            )
            for row in db.execute("SELECT * FROM notifications WHERE alert = ? ORDER BY id", (alert["id"],))
        ]
        yield alert


def consents(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """Who agreed to what, when and how."""
    query = "SELECT id AS seq, * FROM consent_log WHERE resident = ? AND id > ? ORDER BY id LIMIT ?"
    yield from _pages(db, query, (resident,), lambda row: _plain(row, ("seq",), json=("before", "after")))


def shelves(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """Rules that were at rest, each with what they would have told of meanwhile (``held``)."""
    query = "SELECT id AS seq, * FROM shelves WHERE resident = ? AND id > ? ORDER BY id LIMIT ?"
    for shelf in _pages(db, query, (resident,), lambda row: _plain(row, ("seq",))):
        shelf["held"] = [
            _plain(row, ("id", "shelf", "incident"), json=("story",))
            for row in db.execute("SELECT * FROM shelved WHERE shelf = ? ORDER BY id", (shelf["id"],))
        ]
        yield shelf


def protection(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """How far the person is protected now, and what is missing: one line, or none."""
    for row in db.execute("SELECT level, missing, since FROM protection WHERE resident = ?", (resident,)):
        yield _plain(row, json=("missing",))


def states(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """What each rule knows now, such as where the person was last and how their nights are: a line for each rule.

    It is the rule's own form: times in it are milliseconds since 1970, places are lon, lat.
    """
    row = db.execute("SELECT states FROM rule_states WHERE resident = ?", (resident,)).fetchone()
    if row is not None:
        yield from ({"rule": rule, "state": state} for rule, state in msgspec.json.decode(row["states"]).items())


def looks(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
    """Who looked at the person, the newest first."""
    before: int | None = None
    while True:
        found, before = looking.looks_of(db, resident, before=before, limit=looking.MOST)
        yield from (msgspec.to_builtins(look) for look in found)
        if before is None:
            return


def _table(name: str, key: str = "id", hidden: tuple[str, ...] = ()) -> "Source":
    def rows(db: sqlite3.Connection, resident: str) -> Iterator[Line]:
        query = f"SELECT {key} AS seq, * FROM {name} WHERE resident = ? AND {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608
        yield from _pages(db, query, (resident,), lambda row: _plain(row, ("seq", "key", *hidden)))

    return rows


Source: TypeAlias = Callable[[sqlite3.Connection, str], Iterator[Line]]

SOURCES: Final[Mapping[str, Source]] = {
    "readings": readings,
    "messages": messages,
    "alerts": alerts,
    "notes": _table("care_notes"),
    "rounds": _table("round_checks"),
    "commands": _table("commands", "seq"),
    "searches": _table("searches", hidden=("token_hash",)),
    "shelves": shelves,
    "protection": protection,
    "states": states,
    "consents": consents,
    "break_glass": _table("break_glass"),
    "exports": _table("exports"),
    "looks": looks,
}
"""The files of an export, besides person.json: each has one JSON object a line."""


def note(tx: Tx, *, resident: str, who: str, why: str, via: str) -> None:
    """Write an export into the audit, and onto the page of who looked; the reason is kept where it can be erased."""
    number = tx.db.execute(
        "INSERT INTO exports (resident, at, who, why) VALUES (?, ?, ?, ?) RETURNING id",
        (resident, to_ms(tx.now), who, why.strip()),
    ).fetchone()[0]
    audit.record(
        tx, who=who, action="person.export", target=f"resident/{resident}", detail={"number": number, "via": via}
    )


def count(db: sqlite3.Connection, resident: str) -> int:
    """About how many readings there are, for a sign of progress."""
    query = "SELECT count(*) FROM reading_places WHERE resident = ?"
    return int(db.execute(query, (resident,)).fetchone()[0])


def _pages(
    db: sqlite3.Connection,
    query: str,
    first: tuple[object, ...],
    make: Callable[[sqlite3.Row], Line],
    *,
    last: tuple[object, ...] = (),
) -> Iterator[Line]:
    """Rows of a query that goes on after a number (``seq``), a page at a time."""
    after = -1
    while True:
        found = db.execute(query, (*first, after, *last, ROWS)).fetchall()
        for row in found:
            yield make(row)
        if len(found) < ROWS:
            return
        after = found[-1]["seq"]


def _reading(row: sqlite3.Row) -> Line:
    fields: Line = msgspec.json.decode(row["fields"])
    fields.pop("device", None)
    return {
        "frame": row["seq"] // 4096,
        "device": row["device"],
        "kind": row["kind"],
        "observed_at": None if row["observed_at"] is None else from_ms(row["observed_at"]),
        "received_at": from_ms(row["received_at"]),
        **{name: value for name, value in fields.items() if name not in {"kind", "observed_at", "event_id"}},
    }


def _alert(row: sqlite3.Row) -> Line:
    hidden = ("seq", "incident", "before", "after", "version", "run", "round", "step", "escalate_at")
    return _plain(row, hidden, json=("reason", "marks", "evidence", "findings"))


def _plain(row: sqlite3.Row, hidden: tuple[str, ...] = (), json: tuple[str, ...] = ()) -> Line:
    """A row without what is ours alone; times of the store as times."""
    return {name: _value(name, row[name], name in json) for name in row.keys() if name not in hidden}  # noqa: SIM118 - a Row


def _value(name: str, value: Any, json: bool) -> Any:
    if value is None:
        return None
    if json:
        return msgspec.json.decode(value)
    if isinstance(value, int) and (name == "at" or name.endswith("_at") or name in {"since", "until"}):
        return from_ms(value)
    return value
