"""``telecare search | searches | end-search``: a link for everybody who helps to look for a missing person."""

from contextlib import closing
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from gateway.alerts import searching
from gateway.alerts.searching import Begun, Search
from gateway.cli.alerts import centre_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    local,
    operator,
    print_json,
    settings_and_database,
)
from gateway.cli.shelves import AsOption, check_carer, lasting_of
from gateway.store.database import reader
from gateway.store.writer import Tx, write_now


def search(
    resident: Annotated[str, typer.Argument(help="Id of the resident.")],
    *,
    lasting: Annotated[str, typer.Option("--for", help="For how long: 30min, 6h, 1d.")] = "6h",
    alert: Annotated[
        int | None,
        typer.Option("--alert", min=1, help="Alert that it ends with.", show_default="the newest that fits"),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Make a link that shows helpers where a missing resident was last; it is shown only once."""
    settings, path = settings_and_database(config)
    reader(path).close()  # says so when there is no database yet, instead of making an empty one
    time = lasting_of(lasting)

    def work(tx: Tx) -> Begun:
        index = centre_of(tx.db)
        check_carer(who, index.carers)
        return searching.begin(tx, index, resident, who=who or operator(), lasting=time, alert=alert)

    begun = write_now(path, work, clock=CLOCK)
    link = settings.console.base_url.rstrip("/") + begun.path
    if json:
        print_json({**msgspec.to_builtins(begun.search), "link": link})
        return
    with closing(reader(path)) as db:
        timezone = centre_of(db).timezone
    OUT.print(link, markup=False)
    ends = "" if begun.search.alert is None else f", or until alert {begun.search.alert} is closed"
    OUT.print(f"Search {begun.search.id} until {local(begun.search.expires_at, timezone)}{ends}.", markup=False)


def searches(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
) -> None:
    """List the searches, the newest first: for whom, until when, how often they were opened."""
    _, path = settings_and_database(config)
    now = CLOCK.now()
    with closing(reader(path)) as db:
        index = centre_of(db)
        found = searching.searches(db, now=now, everything=everything)
        standings = [searching.standing(db, index, one, now).value for one in found]
    if json:
        for one, standing in zip(found, standings, strict=True):
            print_json({**msgspec.to_builtins(one), "standing": standing})
        return
    if not found:
        OUT.print("Nobody is searched for.")
        return
    table = Table("id", "resident", "alert", "until", "standing", "opened", "by", box=None)
    for one, standing in zip(found, standings, strict=True):
        until = local(one.ended_at or one.expires_at, index.timezone)
        table.add_row(str(one.id), one.resident, str(one.alert or ""), until, standing, str(one.opened), one.made_by)
    OUT.print(table)


def end_search(
    number: Annotated[int, typer.Argument(min=1, help="The search's number.", metavar="ID")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """End a search: its link shows nothing any more."""
    _, path = settings_and_database(config)
    reader(path).close()

    def work(tx: Tx) -> Search:
        check_carer(who, centre_of(tx.db).carers)
        return searching.end(tx, number, who=who or operator())

    ended = write_now(path, work, clock=CLOCK)
    if json:
        print_json(msgspec.to_builtins(ended))
    else:
        OUT.print(f"Search {ended.id} is ended.")
