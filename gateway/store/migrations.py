"""Bring a database to this version's schema. A migration and the record that it ran are one transaction."""

import sqlite3

from sqlite_utils import Database

from gateway.errors import StoreError
from gateway.store import schema_1, schema_2, schema_3, schema_unlinked  # noqa: F401 - each adds its versions, in order
from gateway.store.migrating import MIGRATIONS

READINGS_PER_FRAME = 4096
"""Numbers of readings set aside for each frame: readings.seq is frame * 4096 + place. 64 KiB of JSON, the largest
message that is read, holds fewer; what is over goes to quarantine."""


def migrate(db: Database) -> list[str]:
    """Bring a database to this version's schema; returns the names of the migrations that ran.

    Raises:
        StoreError: the database was written by a newer version of the gateway.
    """
    _refuse_newer([m.name for m in MIGRATIONS.applied(db)])
    pending = [m.name for m in MIGRATIONS.pending(db)]
    MIGRATIONS.apply(db)
    return pending


def check_schema(db: sqlite3.Connection) -> None:
    """Refuse a database that does not have exactly this version's schema; changes nothing.

    Raises:
        StoreError: it is empty, another program's, or of an older or newer version of the gateway.
    """
    table = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (MIGRATIONS.migrations_table,)).fetchone()
    query = f"SELECT name FROM {MIGRATIONS.migrations_table} WHERE migration_set = ?"  # noqa: S608 - the library's name
    applied = [row[0] for row in db.execute(query, (MIGRATIONS.name,))] if table else []
    _refuse_newer(applied)
    if set(applied) != set(_ours()):
        raise StoreError("The database does not have this version's schema: start the gateway once, it upgrades it.")


def _ours() -> list[str]:
    return [m.name for m in MIGRATIONS._migrations]  # noqa: SLF001 - the library offers no list of its own


def _refuse_newer(applied: list[str]) -> None:
    newer = [name for name in applied if name not in _ours()]
    if newer:
        raise StoreError(
            f"The database has the schema {newer[-1]}, which this version does not know: "
            "run the newer gateway again, or restore the backup made before the upgrade."
        )
