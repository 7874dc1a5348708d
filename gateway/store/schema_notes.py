"""Part of version 7 of the schema: carers' notes, and where a resident's readings are."""

from sqlite_utils import Database

from gateway.store.migrating import statements

_TABLES = """
-- What carers wrote about a resident. A note is never changed: a further note corrects it.
CREATE TABLE care_notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    text TEXT NOT NULL,
    corrects INTEGER REFERENCES care_notes (id),  -- the note that this one puts right; NULL: it stands by itself
    key TEXT                                 -- the sender's own key: the same again is a repetition; NULL: none
);
CREATE INDEX care_notes_by_resident ON care_notes (resident, at);
CREATE INDEX care_notes_corrected ON care_notes (corrects) WHERE corrects IS NOT NULL;
CREATE UNIQUE INDEX care_notes_once ON care_notes (who, key) WHERE key IS NOT NULL;
CREATE TRIGGER care_notes_are_never_changed BEFORE UPDATE ON care_notes
BEGIN SELECT RAISE(ABORT, 'a note is never changed: a further note corrects it'); END;

-- Where a resident's readings are: an index that is kept up afterwards, in large pieces, and not with each message.
CREATE TABLE reading_places (
    resident TEXT NOT NULL,
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,                    -- readings.seq
    PRIMARY KEY (resident, kind, seq)
) WITHOUT ROWID;
-- All readings with a smaller number are in reading_places; the others are looked for in readings themselves.
CREATE TABLE reading_places_until (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
);
INSERT INTO reading_places_until (one, seq) VALUES (1, 0);
CREATE INDEX alerts_by_resident ON alerts (resident, id) WHERE resident IS NOT NULL;
"""


def notes(db: Database) -> None:
    """Carers' notes; the places of a resident's readings."""
    for statement in statements(_TABLES):
        db.execute(statement)
