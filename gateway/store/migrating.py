"""What every version of the schema is written with; the versions are in schema_1.py and on.

Times are whole milliseconds since 1970 UTC; JSON is text. A version that was ever released is never edited:
add the next one, and keep a database of the old version in tests/databases/.
"""

import sqlite3

from sqlite_utils import Migrations

MIGRATIONS = Migrations("gateway")


def statements(script: str) -> list[str]:
    """The statements of a script, one by one: executescript would commit first and so leave the migration's
    transaction."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current.strip())
            current = ""
    return statements
