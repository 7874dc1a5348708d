"""Commands for programs: plain functions that the console's JSON API can hang on its routes."""

import sqlite3
from typing import Any

import msgspec

from gateway.centre.index import CentreIndex
from gateway.centre.model import CommandName
from gateway.commands import queue
from gateway.commands.queue import Command, Wanted
from gateway.commands.ways import CommandOptions, Way, able, way_of
from gateway.errors import CommandError
from gateway.store.writer import Tx


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of a request: ``{"command": "ring", "why": "She can't find it", "expires_s": 60}``."""

    command: CommandName
    why: str
    expires_s: float | None = None


def take(tx: Tx, index: CentreIndex, options: CommandOptions, *, device: str, who: str, body: bytes) -> Command:
    """Ask for a command as a program does.

    Args:
        tx: the open transaction.
        index: the centre as it is now.
        options: what the settings say.
        device: the centre's id, from the address.
        who: the signed-in carer.
        body: JSON, see Asked.

    Raises:
        CommandError: the body or a value in it can't be used; nothing was kept.
    """
    try:
        asked = msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"The request can't be read: {error}") from error
    wanted = Wanted(device=device, command=asked.command, who=who, why=asked.why, expires_s=asked.expires_s)
    return queue.request(tx, index, options, wanted)


def shown(command: Command) -> dict[str, Any]:
    """A command as the JSON API and ``--json`` show it."""
    inside = {"since", "due_at"}
    return {name: value for name, value in msgspec.structs.asdict(command).items() if name not in inside}


def lately(db: sqlite3.Connection, *, device: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """The newest commands, of one device or of all."""
    return [shown(command) for command in queue.commands(db, device=device, limit=limit)]


def offered(index: CentreIndex, options: CommandOptions, device: str) -> list[CommandName]:
    """What a button may be shown for: what the device can do, and we know how to tell it.

    Raises:
        CommandError: there is no such device.
    """
    found = index.devices.get(device)
    if found is None:
        raise CommandError(f"device: {device!r}: expected a device of the centre")
    site = index.site.id
    return [name for name in able(found) if isinstance(way_of(found, name, site=site, options=options), Way)]
