"""Who looked at what: a line in the audit, which the resident or the family can ask for."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import structlog

from gateway.console.deps import Console
from gateway.errors import StoreError
from gateway.store.audit import record

_LOG = structlog.get_logger(__name__)


AGAIN: Final = timedelta(minutes=10)
"""A page that stays open keeps itself fresh; that is one look for each of these."""

_MOST: Final = 10_000


async def looked(
    console: Console, who: str, target: str, *, via: str, again: bool = False, about: Collection[str] = ()
) -> None:
    """Write the look down. When the store fails the page is shown all the same: an alarm goes before its paper.

    Args:
        console: the running console.
        who: the carer's id.
        target: ``alert/12`` or ``board``.
        via: ``page``, ``link`` or ``api``.
        about: residents who are shown, where the target does not name them.
        again: an open page asks for what is new on it; not written when a look was written less than AGAIN ago.
    """
    now, noted = console.deps.clock.now(), console.looks_noted
    before = noted.get((who, target))
    if again and before is not None and now - before < AGAIN:
        return
    if len(noted) >= _MOST:
        noted.clear()
    noted[who, target] = now
    try:
        await console.deps.writer.write(
            lambda tx: record(tx, who=who, action="look", target=target, detail={"via": via}, about=about)
        )
    except StoreError:
        _LOG.error("console.look_not_recorded", who=who, target=target)
