"""``telecare users``: who can sign in, and what lets them in."""

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
from gateway.store import access, centres, told_browsers
from gateway.store.database import reader
from gateway.store.writer import write_now

app = typer.Typer(
    help="Who can sign in: passwords, sessions, tokens, passkeys.", no_args_is_help=True, rich_markup_mode=None
)

_Carer = Annotated[str, typer.Argument(help="Carer id; it is also the sign-in name.")]


@app.command("list")
def listed(*, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List everybody of the centre and whoever is gone, and what lets them in."""
    _, path = settings_and_database(config)
    index, held = _known(path)
    carers = index.carers if index else {}
    ids = [*carers, *sorted(set(held) - set(carers))]
    if json:
        for one in ids:
            role = carers[one].role if one in carers else None
            print_json({"id": one, "role": role, "has": held.get(one, access.Held())})
        return
    table = Table("id", "role", "password", "sessions", "tokens", "passkeys", "linked", "told in", box=None)
    for one in ids:
        has = held.get(one, access.Held())
        table.add_row(
            one,
            carers[one].role if one in carers else "(gone)",
            "yes" if has.password else "-",
            *(str(number or "-") for number in (has.sessions, has.tokens, has.passkeys, has.identities, has.browsers)),
        )
    OUT.print(table)


@app.command("show")
def show(carer: _Carer, *, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show each session, token and passkey of somebody, browsers that are told, and a link to set a password."""
    from gateway.console import passkeys, password_links, signed_in, tokens

    _, path = settings_and_database(config)
    index, held = _known(path)
    _must_be_known(carer, index, held)
    now, timezone = CLOCK.now(), index.timezone if index else UTC
    with closing(reader(path)) as db:
        sessions = signed_in.sessions_of(db, carer, now)
        made, keys = tokens.tokens_of(db, carer, now), passkeys.passkeys_of(db, carer)
        told, out = told_browsers.told_browsers(db, carer), password_links.link_of(db, carer, now)
    if json:
        print_json(
            {
                "id": carer,
                "sessions": sessions,
                "tokens": made,
                "passkeys": keys,
                "browsers": told,
                "password_link": out,
            }
        )
        return
    table = Table("what", "id", "name", "since", "last used", box=None)
    for one in sessions:
        since = local(one.since, timezone) if one.since else "-"
        table.add_row("session", one.id[:12], f"{one.browser} {one.address}", since, local(one.used_at, timezone))
    for token in made:
        used = local(token.used_at, timezone) if token.used_at else "-"
        table.add_row("token", str(token.id), printable(token.name), local(token.made_at, timezone), used)
    for key in keys:
        used = local(key.used_at, timezone) if key.used_at else "-"
        table.add_row("passkey", key.id, printable(key.name), local(key.made_at, timezone), used)
    for browser in told:
        table.add_row("browser", str(browser.id), printable(browser.service), local(browser.since, timezone), "")
    if out is not None:
        table.add_row("password link", "", f"until {local(out.until, timezone)}", local(out.made_at, timezone), "")
    OUT.print(table)


@app.command("link")
def link(carer: _Carer, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Make a link with which somebody sets their own password, once, within a day; printed to standard output."""
    from gateway.console import password_links

    settings, path = settings_and_database(config)
    index, _ = _known(path)
    if index is None or carer not in index.carers:
        raise fail(f"{carer!r}: expected a carer of the centre")
    token = write_now(path, lambda tx: password_links.make(tx, carer, by=operator()), clock=CLOCK)
    typer.echo(f"{settings.console.base_url.rstrip('/')}/set-password/{token}")
    ERR.print("Give it to that person only: it is not shown again.", markup=False)


@app.command("sign-out")
def sign_out(
    carer: _Carer,
    *,
    tokens: Annotated[bool, typer.Option("--tokens", help="Revoke their tokens for programs too.")] = False,
    passkeys: Annotated[bool, typer.Option("--passkeys", help="Remove their passkeys too.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Sign somebody out everywhere, at once. Links to set a password end, and no phone of theirs gets alarms until
    messages are allowed on it again.
    """
    _, path = settings_and_database(config)
    _must_be_known(carer, *_known(path))
    ended = write_now(
        path, lambda tx: access.end(tx, carer, by=operator(), tokens=tokens, passkeys=passkeys), clock=CLOCK
    )
    OUT.print(
        f"Ended: {ended.sessions} sessions, {ended.tokens} tokens, {ended.passkeys} passkeys, "
        f"{ended.browsers} browsers that were told, {ended.links} links.",
        markup=False,
    )


@app.command("remove-passkey")
def remove_passkey(
    carer: _Carer,
    passkey: Annotated[str, typer.Argument(help="Id of the passkey, from `telecare users show`.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Remove a passkey; nobody can sign in with it any more."""
    from gateway.console import passkeys

    _, path = settings_and_database(config)
    _must_be_known(carer, *_known(path))
    if not write_now(path, lambda tx: passkeys.remove(tx, carer, passkey, by=operator()), clock=CLOCK):
        raise fail(f"{passkey[:40]!r}: expected a passkey of {carer}; `telecare users show {carer}` lists them.")
    OUT.print("The passkey is removed.")


@app.command("end-browser")
def end_browser(
    carer: _Carer,
    browser: Annotated[int, typer.Argument(help="Number of the browser, from `telecare users show`.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """No more messages to a browser: that phone gets no alarms until it is allowed again there."""
    _, path = settings_and_database(config)
    _must_be_known(carer, *_known(path))
    if not write_now(path, lambda tx: told_browsers.end_browser(tx, browser, by=operator(), carer=carer), clock=CLOCK):
        raise fail(f"{browser}: expected a browser of {carer}; `telecare users show {carer}` lists them.")
    OUT.print("No more messages go there.")


@app.command("end-link")
def end_link(carer: _Carer, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """End the link with which somebody could set a password, as when it went to a wrong address."""
    from gateway.console import password_links

    _, path = settings_and_database(config)
    _must_be_known(carer, *_known(path))
    if not write_now(path, lambda tx: password_links.end(tx, carer, by=operator()), clock=CLOCK):
        raise fail(f"{carer}: no link to set a password is out.")
    OUT.print("The link is ended.")


@app.command("remove")
def remove(carer: _Carer, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Take away what is left of somebody who is gone: password, tokens, passkeys, linked accounts."""
    _, path = settings_and_database(config)
    index, held = _known(path)
    _must_be_known(carer, index, held)
    if index and carer in index.carers:
        raise fail(f"{carer!r} is still of the house: take them out of the centre first.")
    write_now(path, lambda tx: access.remove(tx, carer, by=operator()), clock=CLOCK)
    OUT.print(f"Nothing of {carer} is left that lets anybody in.", markup=False)


def _known(path: Path) -> tuple[CentreIndex | None, dict[str, access.Held]]:
    with closing(reader(path)) as db:
        found = centres.latest(db)
        return (CentreIndex(found.centre) if found else None), access.held(db, CLOCK.now())


def _must_be_known(carer: str, index: CentreIndex | None, held: dict[str, access.Held]) -> None:
    known = [*(index.carers if index else ()), *held]
    if carer not in known:
        raise fail(f"{carer!r}: expected one of {', '.join(dict.fromkeys(known)) or 'nobody: there is no centre yet'}")
