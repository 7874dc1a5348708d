"""``telecare token make | list | revoke``: keys with which programs use the API."""

from contextlib import closing
from datetime import UTC
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
    settings_and_database,
)
from gateway.store import centres
from gateway.store.database import reader
from gateway.store.writer import write_now

app = typer.Typer(help="Tokens for programs that use the API.", no_args_is_help=True, rich_markup_mode=None)


@app.command("make")
def make(
    carer: Annotated[str, typer.Argument(help="Carer id: the token may what this carer may, and never more.")],
    *,
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="read, answer or write; may be repeated; default: read.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="How long it works.")] = 90,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make a token; it is printed once, to standard output, and kept nowhere."""
    from gateway.console import tokens

    wanted = scope or ["read"]
    if wrong := [word for word in wanted if word not in set(tokens.Scope)]:
        raise fail(f"--scope: {wrong[0]!r}: expected {', '.join(tokens.Scope)}")
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
    known = [c.id for c in found.centre.carers] if found else []
    if carer not in known:
        raise fail(f"{carer!r}: expected a carer of the centre: {', '.join(known) or 'none was applied yet'}")
    scopes = frozenset(map(tokens.Scope, wanted))
    made = write_now(
        path, lambda tx: tokens.make(tx, carer, name=name, scopes=scopes, days=days, by=operator()), clock=CLOCK
    )
    typer.echo(made)
    ERR.print("Keep it like a password: it is not shown again.", markup=False)


@app.command("list")
def listed(*, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List the tokens that work, the newest first; the tokens themselves are kept nowhere."""
    from gateway.console import tokens

    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = tokens.tokens_of(db, None, CLOCK.now())
        centre = centres.latest(db)
    if json:
        for one in found:
            print_json(one)
        return
    timezone = CentreIndex(centre.centre).timezone if centre else UTC
    table = Table("id", "carer", "name", "scopes", "until", "last used", box=None)
    for one in found:
        used = local(one.used_at, timezone) if one.used_at else "-"
        table.add_row(str(one.id), one.carer, one.name, " ".join(one.scopes), local(one.expires_at, timezone), used)
    OUT.print(table)


@app.command("revoke")
def revoke(
    number: Annotated[int, typer.Argument(help="Number of the token, from `telecare token list`.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """End a token at once."""
    from gateway.console import tokens

    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        there = any(one.id == number for one in tokens.tokens_of(db, None, CLOCK.now()))
    if not there or not write_now(path, lambda tx: tokens.revoke(tx, number, by=operator()), clock=CLOCK):
        raise fail(f"{number}: expected the number of a token that works; `telecare token list` shows them.")
    OUT.print(f"Token {number} is revoked.", markup=False)
