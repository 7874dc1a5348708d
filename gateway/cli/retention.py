"""``telecare retention``: what is too old and would go, what went; and let it go now."""

from contextlib import closing
from functools import partial
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from gateway.cli.alerts import centre_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    local,
    print_json,
    settings_and_database,
)
from gateway.store import compact
from gateway.store import retention as store
from gateway.store.database import DataLock, reader
from gateway.store.writer import write_now


def retention(
    *,
    now: Annotated[bool, typer.Option("--now", help="Take out what is too old; else it is only shown.")] = False,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Write the whole database anew afterwards; only while no gateway runs."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show how long each kind of data is kept, what would go, and what went; --now lets it go."""
    settings, path = settings_and_database(config)
    with closing(reader(path)) as db:
        timezone = centre_of(db).timezone
        lines = store.preview(db, settings.retention, CLOCK.now())
        runs = {run.kind: run for run in reversed(store.last_runs(db))}
    if now:
        for line in lines:
            gone, more = 0, True
            while more:
                piece = write_now(path, partial(store.piece, cut=line.cut), clock=CLOCK)
                gone, more = gone + piece.removed, piece.more
            write_now(path, partial(store.note_run, cut=line.cut, removed=gone), clock=CLOCK)
            if json:
                print_json({"kind": line.cut.kind, "older_than": line.cut.older_than, "removed": gone})
            elif gone:
                OUT.print(f"{line.cut.kind}: {gone} gone.", markup=False)
    if rewrite:
        lock = DataLock(path.parent)
        lock.acquire()
        try:
            compact.rewrite(path)
        finally:
            lock.release()
    elif now and (left := compact.empty_log(path).left):
        ERR.print(f"{left} bytes are in the log still, because somebody reads; they go with the next run.")
    if now:
        return
    if json:
        for line in lines:
            run = runs.get(line.cut.kind)
            print_json(
                {
                    **msgspec.to_builtins(line.cut),
                    "rows": line.rows,
                    "last_at": run and run.at,
                    "last_removed": run and run.removed,
                }
            )
        return
    table = Table("kind", "days", "older than", "would go", "last went", box=None)
    for line in lines:
        run = runs.get(line.cut.kind)
        rows = f"{line.rows}+" if line.rows >= store.COUNTED else str(line.rows)
        held = "" if line.cut.held_by is None else f" (held by open alert {line.cut.held_by})"
        table.add_row(
            line.cut.kind,
            str(line.cut.days),
            local(line.cut.older_than, timezone) + held,
            rows,
            "" if run is None else f"{run.removed} at {local(run.at, timezone)}",
        )
    OUT.print(table)
