"""``telecare identity link | list | unlink``: accounts at a provider (OpenID Connect) with which carers sign in."""

from contextlib import closing
from datetime import UTC
from typing import Annotated

import typer
from rich.table import Table

from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
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
from gateway.store import centres
from gateway.store.database import reader
from gateway.store.writer import write_now

app = typer.Typer(
    help="Accounts at a provider (OpenID Connect) with which carers sign in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("link")
def link(
    carer: Annotated[str, typer.Argument(help="Carer id.")],
    subject: Annotated[str, typer.Argument(help="The provider's own id of the account (claim sub), not a name.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Link an account at the provider of the settings to a carer, who can sign in with it from then on."""
    from gateway.console import oidc_identities

    settings, path = settings_and_database(config)
    if settings.console.oidc is None:
        raise fail("There is no provider: write [console.oidc] into the settings first.")
    issuer = settings.console.oidc.issuer
    with closing(reader(path)) as db:
        found = centres.latest(db)
    known = [c.id for c in found.centre.carers] if found else []
    if carer not in known:
        raise fail(f"{carer!r}: expected a carer of the centre: {', '.join(known) or 'none was applied yet'}")
    write_now(path, lambda tx: oidc_identities.link(tx, carer, issuer, subject, shown="", by=operator()), clock=CLOCK)
    OUT.print(f"The account is linked to {carer}.", markup=False)


@app.command("list")
def listed(*, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List the linked accounts, by carer."""
    from gateway.console import oidc_identities

    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = oidc_identities.identities_of(db, None)
        centre = centres.latest(db)
    if json:
        for one in found:
            print_json(one)
        return
    timezone = CentreIndex(centre.centre).timezone if centre else UTC
    table = Table("id", "carer", "provider", "account", "linked by", "last used", box=None)
    for one in found:
        used = local(one.used_at, timezone) if one.used_at else "-"
        account = printable(one.shown or one.subject)
        table.add_row(str(one.id), one.carer, one.issuer, account, one.linked_by, used)
    OUT.print(table)


@app.command("unlink")
def unlink(
    number: Annotated[int, typer.Argument(help="Number of the link, from `telecare identity list`.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take a link away; whoever is signed in stays so (end that at "Who is signed in where")."""
    from gateway.console import oidc_identities

    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        there = any(one.id == number for one in oidc_identities.identities_of(db, None))
    if not there or not write_now(path, lambda tx: oidc_identities.unlink(tx, number, by=operator()), clock=CLOCK):
        raise fail(f"{number}: expected the number of a link; `telecare identity list` shows them.")
    OUT.print(f"The link {number} is gone. No claim brings it back: link it by hand.", markup=False)
