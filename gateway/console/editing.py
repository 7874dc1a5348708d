"""Changing the centre from the console: one entry or many, checked as a whole, in one transaction, and undoable.

Every page that changes residents, devices, zones, consents or plans goes through :func:`change`. A change is made from
a version that the person saw; when somebody else was faster it is refused, and nothing is half-applied.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from gateway.centre.diff import Document
from gateway.centre.offices import left_empty
from gateway.console.deps import Console
from gateway.console.guards import Visitor
from gateway.console.warded import check_change
from gateway.errors import CentreError, Problem, VersionConflictError
from gateway.store import centres, consent_file, former
from gateway.store.centres import Applied
from gateway.store.writer import Tx


class InForce(msgspec.Struct, frozen=True):
    """The newest version: its number, and the whole as :func:`gateway.centre.load.to_document` writes it. Read only."""

    version: int
    document: Document


_newest: WeakKeyDictionary[Console, InForce] = WeakKeyDictionary()


def in_force(console: Console) -> InForce:
    """The newest version as stored, maybe a second before the running rules have it; decoded once for each version.

    Whoever changes something in the document gives :func:`change` an ``edit``; this one is shared.
    """
    db = console.db()
    number, known = centres.latest_number(db), _newest.get(console)
    if known is None or known.version != number:
        known = _newest[console] = InForce(number, centres.shared_document_of(db, number) or {})
    return known


async def change(
    console: Console, visitor: Visitor, base_version: int, edit: Callable[[dict[str, Any]], None], why: str
) -> Applied:
    """Change the centre in force and make the result the newest version, or change nothing at all.

    Args:
        console: the running console.
        visitor: who changes it; the page's guard has checked the role.
        base_version: the version that the visitor saw; ``in_force(console).version`` when the page was made.
        edit: changes a copy of the document in place; whatever it raises is handed on.
        why: the reason in the visitor's words; may be empty.

    Raises:
        VersionConflictError: ``base_version`` is not the newest any more.
        NotAllowedError: a manager would add, change or remove an administrator, or change the role or wards of a
            manager, or one with wards what is of another ward.
        CentreError: the changed centre does not hold, shows more of somebody than they agreed to, or leaves nobody who
            is administrator, or manager; every problem with its key, value and what is expected.
        StoreFailedError: nothing could be written.
    """
    document = await _at(console, base_version)
    edit(document)
    return await _apply(console, visitor, base_version, document, why)


async def problems_of(console: Console, edit: Callable[[dict[str, Any]], None]) -> list[Problem]:
    """What would be wrong with the newest version changed like that; nothing is changed."""
    document = await _at(console, centres.latest_number(console.db()))
    edit(document)
    found = former.refused(console.db(), document.get("residents", ()))
    found += left_empty(in_force(console).document, document)
    found += consent_file.refused(console.db(), in_force(console).document, document, undoes=False)
    try:
        await asyncio.to_thread(centres.checked, document)
    except CentreError as error:
        return [*error.problems, *found]
    return found


async def undo(console: Console, visitor: Visitor, version: int, *, base_version: int | None = None) -> Applied:
    """Take back what one version changed; everything that other versions changed stays.

    An entry that a later version changed again is never overwritten: then nothing is undone, and the error names it.

    Args:
        console: the running console.
        visitor: who takes it back.
        version: the version whose change is taken back.
        base_version: the newest version that the visitor saw; None: whatever is the newest now.

    Raises:
        UndoError: it is the first version, there is none of that number, or its entries were changed again since.
        VersionConflictError: ``base_version`` is not the newest any more.
        CentreError: the rest of the centre needs what would be taken back.
    """
    db = console.db()
    newest = centres.latest_number(db)
    base = newest if base_version is None else base_version
    document = centres.undone(db, await _at(console, base), version)
    return await _apply(console, visitor, base, document, "", undoes=version)


async def _at(console: Console, base: int) -> Document:
    """The newest version, to be changed as one likes."""
    db = console.db()
    newest = centres.latest_number(db)
    if base != newest:
        raise VersionConflictError(base, newest)
    stored = centres.stored_at(db, newest)
    # In a thread: all of a large house is copied.
    return {} if stored is None else await asyncio.to_thread(stored.document)


async def _apply(
    console: Console, visitor: Visitor, base: int, document: Document, why: str, *, undoes: int | None = None
) -> Applied:
    before = centres.shared_document_of(console.db(), base) or {}
    # A house of thousands takes a while to check; meanwhile alerts go on in the loop.
    try:
        wanted = await asyncio.to_thread(centres.checked, document)
    except CentreError as error:  # all problems at once, also those that only applying finds
        raise CentreError([*error.problems, *former.refused(console.db(), document.get("residents", ()))]) from error
    check_change(visitor, before, document)
    if empty := left_empty(before, document):
        raise CentreError(empty)
    if more := consent_file.refused(console.db(), before, document, undoes=undoes is not None):
        raise CentreError(more)

    def work(tx: Tx) -> Applied:
        made = centres.apply_ready(tx, wanted, who=visitor.id, why=why.strip() or None, undoes=undoes, base=base)
        if made.changed:
            consent_file.note(tx, before, document, version=made.version, who=visitor.id)
        return made

    return await console.deps.writer.write(work)
