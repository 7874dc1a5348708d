"""Looks at people from the command line: written down like those of the console, before anything is shown."""

from pathlib import Path

from gateway.cli.common import CLOCK, operator
from gateway.store.audit import record
from gateway.store.writer import write_now


def looked(path: Path, target: str, *, via: str = "cli") -> None:
    """Write into the audit, and onto the page of who looked, that whoever sits here looked at something.

    Args:
        path: the database.
        target: what is seen, as the console names it: ``alert/7``, ``resident/r01/night/2026-03-01``.
        via: ``cli``; ``export`` where it is written into a file.

    Raises:
        StoreError: the database can't be written.
    """
    write_now(
        path, lambda tx: record(tx, who=operator(), action="look", target=target, detail={"via": via}), clock=CLOCK
    )
