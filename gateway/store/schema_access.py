"""Part of version 7 of the schema: tokens for programs, codes for wall screens, passkeys."""

from sqlite_utils import Database

from gateway.store.migrating import statements

_TABLES = """
-- Keys with which programs ask the API in a carer's name. The token itself is nowhere: only its hash.
CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash TEXT NOT NULL UNIQUE,         -- SHA-256
    carer TEXT NOT NULL,                     -- whose role it has
    name TEXT NOT NULL,                      -- what it is for, in the words of who made it
    scopes TEXT NOT NULL,                    -- gateway.console.tokens.Scope, sorted, with spaces between
    made_by TEXT NOT NULL,                   -- carer id or cli:<user>
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER                          -- at most a minute old; NULL: never
);
CREATE INDEX api_tokens_by_carer ON api_tokens (carer);
-- One-time codes with which a wall screen is paired.
CREATE TABLE kiosk_codes (
    code_hash TEXT PRIMARY KEY,              -- HMAC with the console's secret
    name TEXT NOT NULL,                      -- where the screen hangs
    made_by TEXT NOT NULL,                   -- carer id
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER                          -- NULL: not used
) WITHOUT ROWID;
-- Public keys of carers' passkeys (WebAuthn); the private ones never leave the carers' devices.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,                     -- credential id, base64url
    carer TEXT NOT NULL,
    public_key BLOB NOT NULL,                -- COSE
    sign_count INTEGER NOT NULL,             -- as of the last use; 0: the device does not count
    name TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    used_at INTEGER                          -- NULL: never
) WITHOUT ROWID;
CREATE INDEX passkeys_by_carer ON passkeys (carer);
"""


def access(db: Database) -> None:
    """Tokens for programs, codes for wall screens, passkeys."""
    for statement in statements(_TABLES):
        db.execute(statement)
