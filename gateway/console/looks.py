"""Who looked at what: a line in the audit, which the resident or the family can ask for."""

import structlog

from gateway.console.deps import Console
from gateway.errors import StoreError
from gateway.store.audit import record

_LOG = structlog.get_logger(__name__)


async def looked(console: Console, who: str, target: str, *, via: str) -> None:
    """Write the look down. When the store fails the page is shown all the same: an alarm goes before its paper.

    Args:
        console: the running console.
        who: the carer's id.
        target: ``alert/12`` or ``board``.
        via: ``page``, ``link`` or ``api``.
    """
    try:
        await console.deps.writer.write(
            lambda tx: record(tx, who=who, action="look", target=target, detail={"via": via})
        )
    except StoreError:
        _LOG.error("console.look_not_recorded", who=who, target=target)
