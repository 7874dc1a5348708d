"""Versions 4 to 6 of the schema: shifts, contacts, searches."""

from sqlite_utils import Database

from gateway.store.migrating import MIGRATIONS, statements

_V4 = """
-- What the person who closed an alert found: JSON gateway.alerts.model.FallFindings; NULL: nothing was asked or said.
ALTER TABLE alerts ADD COLUMN findings TEXT;
-- Overrides and swaps of shifts. Never taken out: who was on duty when can be told later.
CREATE TABLE shift_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    role TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    leaves TEXT,                             -- carer who is not on duty then; NULL: nobody leaves
    comes TEXT,                              -- carer who is on duty instead, or besides; NULL: nobody comes
    swap INTEGER REFERENCES shift_changes (id),  -- the first half of a swap, at its second half
    why TEXT NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    made_at INTEGER NOT NULL,
    ended_at INTEGER,                        -- taken back; NULL: in force
    ended_by TEXT
);
CREATE INDEX shift_changes_ahead ON shift_changes (until) WHERE ended_at IS NULL;
-- The last good copy of each calendar that is fetched, and since when it can't be.
CREATE TABLE rota_copies (
    shift TEXT PRIMARY KEY,                  -- the centre's id
    source TEXT NOT NULL,                    -- hash of the address: of another address it is no copy
    text TEXT,                               -- iCalendar; NULL: there never was one
    fetched_at INTEGER,                      -- when it was last fetched, or the same as before
    failed_since INTEGER,                    -- NULL: the last time it could be fetched
    problem TEXT                             -- why not, for a technician
) WITHOUT ROWID;
"""


@MIGRATIONS()
def v004_shifts(db: Database) -> None:
    """Changes of shifts, copies of fetched calendars, findings of closed alerts."""
    for statement in statements(_V4):
        db.execute(statement)


_V5 = """
-- When a provider's receipt, or the carer, said that it arrived and was seen.
ALTER TABLE notifications ADD COLUMN delivered_at INTEGER;
ALTER TABLE notifications ADD COLUMN read_at INTEGER;
CREATE INDEX notifications_by_carer ON notifications (carer, created_at);
-- Tests of the ways to reach carers: each is a real message. Whether a way works is known from here.
CREATE TABLE contact_tests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    carer TEXT NOT NULL,
    contact INTEGER NOT NULL,                -- which of the carer's contacts, from 0
    channel TEXT NOT NULL,
    address_hash TEXT NOT NULL,              -- gateway.alerts.contact_tests.address_hash: a changed address is untested
    at INTEGER NOT NULL,
    by TEXT NOT NULL,                        -- carer id, cli:<user>, or gateway: the monthly test
    ok INTEGER NOT NULL,                     -- 1: the provider took it over
    detail TEXT,                             -- why it failed
    confirmed_at INTEGER                     -- when the carer said that it came
);
CREATE INDEX contact_tests_by_contact ON contact_tests (carer, address_hash, at);
-- Browsers that a carer has allowed to show messages (Web Push).
CREATE TABLE push_subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    carer TEXT NOT NULL,
    endpoint TEXT NOT NULL UNIQUE,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    gone_at INTEGER,                         -- when its provider said that it is no more
    used_at INTEGER                          -- when a message last went to it
);
CREATE INDEX push_subscriptions_by_carer ON push_subscriptions (carer) WHERE gone_at IS NULL;
"""


@MIGRATIONS()
def v005_channels(db: Database) -> None:
    """Receipts, tests of contacts, browsers for Web Push."""
    for statement in statements(_V5):
        db.execute(statement)


_V6 = """
-- Links with which a missing person is looked for. The token itself is nowhere: whoever reads a backup can't use it.
CREATE TABLE searches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    alert INTEGER REFERENCES alerts (id),    -- when it is closed, the person is found; NULL: ends by hand or by time
    token_hash TEXT NOT NULL UNIQUE,         -- SHA-256
    made_at INTEGER NOT NULL,
    made_by TEXT NOT NULL,                   -- carer id or cli:<user>
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,                        -- NULL: not ended by hand
    ended_by TEXT,
    opened INTEGER NOT NULL DEFAULT 0,       -- how often
    opened_at INTEGER                        -- when last
);
CREATE INDEX searches_by_resident ON searches (resident);
-- The metrics count these at each scrape.
CREATE INDEX notifications_failed ON notifications (channel) WHERE state = 'failed_for_good';
"""


@MIGRATIONS()
def v006_search(db: Database) -> None:
    """Links for searches, failed messages by channel."""
    for statement in statements(_V6):
        db.execute(statement)
