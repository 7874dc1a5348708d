"""Version 7 of the schema: what the console needs; each part of it has a file of its own."""

from sqlite_utils import Database

from gateway.store import (
    schema_access,
    schema_admin,
    schema_idempotency,
    schema_identity,
    schema_notes,
    schema_people,
    schema_privacy,
    schema_rounds,
    schema_sheets,
)
from gateway.store.migrating import MIGRATIONS


@MIGRATIONS()
def v007_console(db: Database) -> None:
    """Versions with reasons, privacy, notes, places of readings, rounds, tokens, passkeys, linked accounts."""
    schema_admin.admin(db)
    schema_privacy.privacy(db)
    schema_notes.notes(db)
    schema_rounds.rounds(db)
    schema_access.access(db)
    schema_identity.identity(db)
    schema_idempotency.idempotency(db)
    schema_sheets.sheets(db)
    schema_people.people(db)
