"""Versions 1 to 3 of the schema: the way of the data, alerts, commands, protection."""

from sqlite_utils import Database

from gateway.store.migrating import MIGRATIONS, statements

_V1 = """
-- Every message as it came. flags: 1 marked DUP by the broker, 2 retained, 4 among the first after a reconnect.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    format TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    flags INTEGER NOT NULL DEFAULT 0,
    redelivered INTEGER NOT NULL DEFAULT 0,  -- how often the broker delivered it again
    redelivered_at INTEGER                   -- when it did so last
);
CREATE TABLE readings (
    seq INTEGER PRIMARY KEY,                 -- frame * 4096 + place in its frame: found by frame without an index
    frame INTEGER NOT NULL,                  -- journal.seq
    device TEXT NOT NULL,                    -- the centre's id, or format:address of a device that it does not know
    resident TEXT,                           -- who wore it then; NULL: nobody
    kind TEXT NOT NULL,
    observed_at INTEGER,
    received_at INTEGER NOT NULL,
    fields TEXT NOT NULL                     -- JSON as devices.model writes it
);
-- Alarms only, to know a kept one again. An index over all readings costs 7 µs a message (of some 60 in all).
CREATE INDEX readings_of_alarms ON readings (resident, kind) WHERE kind IN ('help', 'fall');
CREATE TABLE quarantine (
    frame INTEGER PRIMARY KEY,               -- journal.seq
    why TEXT NOT NULL,                       -- devices.errors.Why
    field TEXT,
    detail TEXT NOT NULL
);
-- Events seen, by the sender's own id: the same id again is a repetition, not a new event.
CREATE TABLE event_ids (
    device TEXT NOT NULL,
    event_id TEXT NOT NULL,
    frame INTEGER NOT NULL,
    PRIMARY KEY (device, event_id)
) WITHOUT ROWID;
CREATE TABLE rule_states (
    resident TEXT PRIMARY KEY,
    states TEXT NOT NULL                     -- JSON {rule key: state}
) WITHOUT ROWID;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,                  -- resident/rule key/subject: at most one alert of it that is not closed
    resident TEXT,
    device TEXT,
    rule TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    priority TEXT NOT NULL,                  -- high, medium, low
    state TEXT NOT NULL,                     -- gateway.alerts.table
    reason TEXT NOT NULL,                    -- JSON rules.model.Reason
    marks TEXT NOT NULL,                     -- JSON [Reason]
    evidence TEXT NOT NULL,                  -- JSON [rules.model.Evidence]
    before TEXT,                             -- JSON state of the rule before the step that raised it
    after TEXT,
    raised_at INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    repeats INTEGER NOT NULL DEFAULT 0,
    last_repeat_at INTEGER,
    policy TEXT NOT NULL,
    run INTEGER NOT NULL DEFAULT 0,          -- how often the escalation was begun anew (expired, re-opened)
    round INTEGER NOT NULL DEFAULT 0,        -- how often in this run all steps went by without an answer
    step INTEGER NOT NULL DEFAULT -1,        -- last escalation step that was started; after the last one: failsafe
    told_at INTEGER,                         -- when carers were last told of it
    escalate_at INTEGER,                     -- when the next step is due; NULL: nothing is due
    taken_by TEXT,                           -- carer who committed
    taken_at INTEGER,
    eta_at INTEGER,
    attended_at INTEGER,
    cleared_at INTEGER,
    closed_at INTEGER,
    closed_by TEXT,
    outcome TEXT,
    note TEXT,
    version INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX one_open_incident ON alerts (incident) WHERE state != 'closed';
CREATE INDEX alerts_due ON alerts (escalate_at) WHERE escalate_at IS NOT NULL;
CREATE INDEX alerts_open ON alerts (state) WHERE state != 'closed';
-- What happened to an alert, in order; never changed.
CREATE TABLE alert_events (
    seq INTEGER PRIMARY KEY,
    alert INTEGER NOT NULL REFERENCES alerts (id),
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    who TEXT,                                -- carer id; NULL: the gateway
    via TEXT,                                -- link, page, cli, ...
    state_before TEXT,
    state_after TEXT,
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX alert_events_by_alert ON alert_events (alert);

-- The outbox: one thing owed to one carer. Written in the transaction of the alert.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,                -- idempotency: gateway.alerts.outbox, with /n for the n-th contact
    alert INTEGER NOT NULL REFERENCES alerts (id),
    purpose TEXT NOT NULL,                   -- alert, reminder, repeat, taken, cleared, undeliverable
    step INTEGER NOT NULL,
    carer TEXT NOT NULL,
    contact INTEGER NOT NULL,                -- which of the carer's contacts, from 0
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,                     -- gateway.notify.states
    attempts INTEGER NOT NULL DEFAULT 0,
    about_at INTEGER,                        -- time of the newest reading that it tells of
    due_at INTEGER NOT NULL,                 -- not to be sent before
    lease_owner TEXT,                        -- the process that has it in hand; void when that process is gone
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    late_at INTEGER,                         -- when it was found not sent in time, and the next contact was owed too
    settled_at INTEGER,
    provider_id TEXT,
    detail TEXT
);
CREATE INDEX notifications_waiting ON notifications (due_at) WHERE state IN ('pending', 'failed_for_now');
CREATE INDEX notifications_by_alert ON notifications (alert);

-- Who did or looked at what; append-only, each row's hash covers the one before.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TABLE centre_versions (
    version INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL,
    applied_by TEXT,
    digest TEXT NOT NULL,
    document TEXT NOT NULL                   -- JSON, zones included
);
CREATE TABLE accounts (
    carer TEXT PRIMARY KEY,                  -- carer id in the centre file, also the sign-in name
    password_hash TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) WITHOUT ROWID;
-- Who is signed in. id is a hash: whoever reads a backup can't use it as a cookie.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,                     -- SHA-256 of the cookie's value
    carer TEXT NOT NULL,
    data TEXT NOT NULL,                      -- JSON
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
-- Answers that were taken, by the sender's own key: the same key again is a repetition, not a second answer.
CREATE TABLE answers (
    key TEXT PRIMARY KEY,                    -- carer/alert/key
    digest TEXT NOT NULL,                    -- what was asked for; another one under the same key is refused
    at INTEGER NOT NULL
) WITHOUT ROWID;
"""


@MIGRATIONS()
def v001_first(db: Database) -> None:
    """Journal to outbox, audit, centre versions, accounts."""
    # executescript would commit first and so leave the migration's transaction
    for statement in statements(_V1):
        db.execute(statement)


_V2 = """
-- Commands to devices: asked for by somebody, sent, and answered or not. Nothing is ever taken out.
CREATE TABLE commands (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,                 -- UUID; goes to the device, which names it in its answer
    device TEXT NOT NULL,                    -- the centre's id
    resident TEXT,                           -- who wore it then; NULL: nobody
    command TEXT NOT NULL,                   -- ring, find, light-on, light-off, locate
    state TEXT NOT NULL,                     -- gateway.commands.table
    who TEXT NOT NULL,                       -- carer id, cli:<user>, or the gateway's part that asked
    why TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,             -- after that it is of no use, and not sent any more
    due_at INTEGER,                          -- when it is to be sent (again); NULL: not any more
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER,                         -- when the broker first had it
    settled_at INTEGER,                      -- from then on nothing changes any more
    since INTEGER NOT NULL,                  -- journal.seq when it was asked for: its answer comes after that
    detail TEXT                              -- why it was refused, failed or expired
);
CREATE INDEX commands_waiting ON commands (expires_at) WHERE settled_at IS NULL;
CREATE INDEX commands_by_device ON commands (device, created_at);
"""


@MIGRATIONS()
def v002_commands(db: Database) -> None:
    """The queue of commands to devices."""
    for statement in statements(_V2):
        db.execute(statement)


_V3 = """
-- The alert that stands for this one, because both tell of one event; NULL: it stands by itself.
ALTER TABLE alerts ADD COLUMN under INTEGER REFERENCES alerts (id);
CREATE INDEX alerts_under ON alerts (under) WHERE under IS NOT NULL;
CREATE INDEX alerts_by_incident ON alerts (incident, id);
-- A rule of a resident that is shelved for a while: what it raises is shown and counted, and rings nobody.
CREATE TABLE shelves (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    rule_key TEXT NOT NULL,                  -- as the rule's state is kept: zone_exit:garden
    rule TEXT NOT NULL,
    priority TEXT NOT NULL,                  -- the highest that was shelved knowingly
    why TEXT NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,                  -- ends by itself
    ended_at INTEGER,                        -- NULL: in force
    ended_by TEXT                            -- NULL: by itself
);
CREATE UNIQUE INDEX one_shelf ON shelves (resident, rule_key) WHERE ended_at IS NULL;
CREATE INDEX shelves_due ON shelves (until) WHERE ended_at IS NULL;
-- What a shelf kept from ringing, and still stands when the shelf ends.
CREATE TABLE shelved (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    shelf INTEGER NOT NULL REFERENCES shelves (id),
    incident TEXT NOT NULL,                  -- as alerts.incident
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    story TEXT NOT NULL,                     -- JSON gateway.alerts.model.Incident, the newest
    cleared_at INTEGER                       -- it went away by itself; nothing is left to tell
);
CREATE UNIQUE INDEX one_shelved ON shelved (shelf, incident);
-- How far each resident is protected, as it stands.
CREATE TABLE protection (
    resident TEXT PRIMARY KEY,
    level TEXT NOT NULL,                     -- protected, degraded, unprotected
    missing TEXT NOT NULL,                   -- JSON [rules.model.Reason]
    since INTEGER NOT NULL                   -- when the level last changed
) WITHOUT ROWID;
"""


@MIGRATIONS()
def v003_protection(db: Database) -> None:
    """Alerts under others, shelved rules, protection status."""
    for statement in statements(_V3):
        db.execute(statement)
