"""Part of version 7 of the schema: who looked at whom, break-glass, who agreed to what, retention, erased persons."""

from sqlite_utils import Database

from gateway.store import looking
from gateway.store.migrating import statements

_TABLES = """
-- Which rows of the audit are looks at a person: found by person without reading everybody's audit.
CREATE TABLE looks (
    resident TEXT NOT NULL,                  -- '*': a list of the whole house
    seq INTEGER NOT NULL,                    -- audit.seq
    PRIMARY KEY (resident, seq)
) WITHOUT ROWID;
CREATE INDEX looks_by_seq ON looks (seq);
-- What a carer may not see, opened for a stated reason and a short time.
CREATE TABLE break_glass (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    carer TEXT NOT NULL,
    why TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,                  -- ends by itself
    ended_at INTEGER                         -- ended by hand before that; NULL: not
);
CREATE INDEX break_glass_by_carer ON break_glass (carer, resident, until);
CREATE INDEX break_glass_by_resident ON break_glass (resident, since);
-- Who agreed to what, when and how. A line is never changed.
CREATE TABLE consent_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    at INTEGER NOT NULL,                     -- when it was written down
    who TEXT NOT NULL,                       -- carer id who wrote it down
    agreed_by TEXT NOT NULL,                 -- resident, representative
    agreed_name TEXT NOT NULL,               -- of the representative; may be empty
    agreed_on TEXT NOT NULL,                 -- local day, 2026-01-31
    how TEXT NOT NULL,                       -- in words: signed form, talk at the table
    version INTEGER NOT NULL,                -- of the centre, from which on it counts
    before TEXT NOT NULL,                    -- JSON gateway.centre.model.Consents
    after TEXT NOT NULL,
    stopped TEXT NOT NULL DEFAULT '[]'       -- JSON: rules that may not watch any more, to be begun again
);
CREATE INDEX consent_log_by_resident ON consent_log (resident, id);
CREATE TRIGGER consent_log_is_never_changed BEFORE UPDATE ON consent_log
BEGIN SELECT RAISE(ABORT, 'the consent log is append-only'); END;
-- How far each kind of data was looked through for what is past its retention, and what went.
CREATE TABLE retention_marks (
    kind TEXT PRIMARY KEY,                   -- gateway.store.retention.Kind
    mark TEXT NOT NULL                       -- the place to go on from
) WITHOUT ROWID;
CREATE TABLE retention_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    older_than INTEGER NOT NULL,             -- what was from before that time went
    removed INTEGER NOT NULL
);
CREATE INDEX retention_runs_by_kind ON retention_runs (kind, id);
-- Persons whose data was erased: their id only, so that it can be told that it was done.
CREATE TABLE erasures (
    resident TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    done_at INTEGER,                         -- NULL: begun, and to be gone on with
    counts TEXT NOT NULL DEFAULT '{}'        -- JSON {what: how many rows}
) WITHOUT ROWID;
-- The audit's oldest rows may go by retention, and only from its beginning: the chain is checked from here on.
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,                    -- the last row that may go
    hash TEXT NOT NULL                       -- its hash: the next row follows from it
);
DROP TRIGGER audit_is_never_deleted;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT seq FROM audit_head), 0)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'the head of the audit goes forward only'); END;
-- Who took a copy of everything about a person, and why.
CREATE TABLE exports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    why TEXT NOT NULL
);
CREATE INDEX exports_by_resident ON exports (resident, id);
CREATE INDEX searches_by_time ON searches (made_at);
"""


def privacy(db: Database) -> None:
    """Looks by person, break-glass, consents, retention, erased persons."""
    for statement in statements(_TABLES):
        db.execute(statement)
    last = 0
    while rows := db.execute(
        "SELECT seq, action, object FROM audit WHERE seq > ? ORDER BY seq LIMIT 5000", (last,)
    ).fetchall():
        for seq, action, target in rows:
            looking.note(db.conn, seq, action, target)
        last = rows[-1][0]
