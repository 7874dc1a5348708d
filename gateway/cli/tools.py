"""``telecare password | broker-config | audit | quarantine``: what an operator needs now and then."""

import sys
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    fail,
    local,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.cli.looks import looked
from gateway.clock import from_ms
from gateway.ingest.broker_config import ACCESS_FILE, CREDENTIALS_FILE, PASSWORD_FILE
from gateway.ingest.broker_users import Added
from gateway.store import audit as chain
from gateway.store import centres
from gateway.store.database import reader
from gateway.store.writer import write_now


def password(
    carer: Annotated[str, typer.Argument(help="Carer id; it is also the sign-in name.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Set a carer's password for the web page; asks for it, or reads it from standard input."""
    from gateway.console import accounts

    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
    known = [c.id for c in found.centre.carers] if found else []
    if carer not in known:
        raise fail(f"{carer!r}: expected a carer of the centre: {', '.join(known) or 'none was applied yet'}")
    if sys.stdin.isatty():
        secret = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        secret = sys.stdin.readline().rstrip("\n")
    ended = write_now(path, lambda tx: accounts.set_password(tx, carer, secret, by=operator()), clock=CLOCK)
    OUT.print(f"The password of {carer} is set.", markup=False)
    if ended.sessions or ended.tokens:
        OUT.print(f"Signed out: {ended.sessions}. Tokens for programs that were revoked: {ended.tokens}.")
    OUT.print(f"Passkeys stay; `telecare users show {carer}` lists them.", markup=False)


def broker_config(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
    *,
    add: Annotated[
        bool,
        typer.Option("--add", help="The files are there: add users for what is new, and keep every password."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write a Mosquitto configuration that loses nothing: durable settings, a password and an ACL for each device.

    With --add: users and topics for devices that came since, in the files that are there. Every password that is there
    stays. Put the files where the broker reads them, and let it read them again: `systemctl reload mosquitto`.
    """
    from gateway.app.brokerfiles import add_to_broker_files, write_broker_files

    settings, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
    if found is None:
        raise fail("No care centre was applied yet: run `telecare centre apply FILE`.")
    if add:
        _added(folder, add_to_broker_files(folder, found.centre, settings))
        return
    for file in write_broker_files(folder, found.centre, settings):
        OUT.print(str(file), markup=False)
    ERR.print(
        "telecare.credentials holds every password in clear: enter them into the devices, then delete it.", markup=False
    )


def _added(folder: Path, added: Added) -> None:
    for user in added.users:
        OUT.print(f"added: {user}", markup=False)
    for user, topics in added.topics.items():
        OUT.print(f"more topics: {user} ({topics})", markup=False)
    if not added.users and not added.topics:
        OUT.print("Nothing to add: everybody has a user.")
    if added.left:
        names = ", ".join(printable(user) for user in added.left)
        ERR.print(
            f"Still let in, and not of the centre: {names}. Take out who must not come in any more:"
            f" mosquitto_passwd -D {folder / PASSWORD_FILE} USER",
            markup=False,
        )
    if added.users:
        ERR.print(
            f"{CREDENTIALS_FILE} holds the new passwords in clear: enter them into the devices, then delete it.",
            markup=False,
        )
    if added.users or added.topics:
        ERR.print(
            f"Put {PASSWORD_FILE} and {ACCESS_FILE} where the broker reads them, and let it read them again:"
            " systemctl reload mosquitto",
            markup=False,
        )


def audit(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
) -> None:
    """Show who did what, the newest first; ends with 1 when the chain of hashes is broken."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        rows = db.execute("SELECT * FROM audit ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
        broken = chain.broken_at(db)
        centre = centres.latest(db)
    timezone = CentreIndex(centre.centre).timezone if centre else UTC
    table = Table("seq", "at", "who", "action", "object", "detail", box=None)
    for row in rows:
        at = from_ms(row["at"])
        if json:
            print_json({**dict(row), "at": at})
        table.add_row(
            str(row["seq"]), local(at, timezone), row["who"] or "-", row["action"], row["object"], row["detail"]
        )
    if not json:
        OUT.print(table)
    if broken is not None:
        raise fail(f"The audit was tampered with: row {broken} does not follow from the one before.", code=1)


def quarantine(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
) -> None:
    """Show the messages that could not be read, each with its reason, the newest first. The look is audited."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        rows = db.execute(
            "SELECT q.frame, q.why, q.field, q.detail, j.format, j.topic, j.payload, j.received_at"
            " FROM quarantine q JOIN journal j ON j.seq = q.frame ORDER BY q.frame DESC LIMIT ?",
            (limit,),
        ).fetchall()
    looked(path, "quarantine")
    table = Table("frame", "at", "format", "topic", "why", "field", "detail", box=None)
    for row in rows:
        at = from_ms(row["received_at"])
        if json:
            payload = bytes(row["payload"])
            print_json({**dict(row), "received_at": at, "payload": payload.decode("utf-8", "backslashreplace")})
        table.add_row(
            str(row["frame"]),
            at.isoformat(),
            row["format"],
            printable(row["topic"]),
            row["why"],
            printable(row["field"] or ""),
            printable(row["detail"]),
        )
    if not json:
        OUT.print(table)
