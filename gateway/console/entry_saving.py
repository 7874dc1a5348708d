"""One entry of the centre changed, in the name of whoever is signed in."""

from typing import Any

from gateway.console.admin import present
from gateway.console.deps import Console
from gateway.console.editing import change
from gateway.console.entries import find
from gateway.console.guards import Visitor
from gateway.errors import VersionConflictError
from gateway.store import centres


async def save_entry(
    console: Console,
    visitor: Visitor,
    base: int,
    table: str,
    key: str | None,
    edit: Any,
    why: str,
) -> tuple[int, bool]:
    """Change one entry; a change of *other* entries meanwhile is no conflict. The version, and whether it is the same.

    Raises:
        VersionConflictError: this entry itself was changed meanwhile.
        CentreError: the changed centre does not hold.
    """
    newest, document = present(console)
    if base != newest and key is not None:
        seen = centres.document_of(console.db(), base)
        if seen is None or find(seen, table, key) != find(document, table, key):
            raise VersionConflictError(base, newest)
    applied = await change(console, visitor, newest, edit, why)
    return applied.version, not applied.changed
