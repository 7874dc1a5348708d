"""Part of version 7 of the schema: which account of a provider (OpenID Connect) belongs to which carer."""

from sqlite_utils import Database

from gateway.store.migrating import statements

_TABLES = """
-- Accounts of carers at providers at which they sign in. Only a person makes a link, or a verified claim that the
-- settings name; what the provider says later changes neither carer nor role.
CREATE TABLE identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer TEXT NOT NULL,                    -- as in gateway.toml, letter by letter
    subject TEXT NOT NULL,                   -- the provider's id of the account (claim sub); never given to another
    carer TEXT NOT NULL,
    shown TEXT NOT NULL,                     -- how the provider names it, for people; empty: linked on the command line
    linked_by TEXT NOT NULL,                 -- carer id, cli:<user>, or claim:<its name>
    linked_at INTEGER NOT NULL,
    used_at INTEGER,                         -- NULL: never
    UNIQUE (issuer, subject)
);
CREATE UNIQUE INDEX identities_by_carer ON identities (carer, issuer);
"""


def identity(db: Database) -> None:
    """Which account of a provider belongs to which carer."""
    for statement in statements(_TABLES):
        db.execute(statement)
