"""``telecare coverage``: who would be told in the coming days, and where nobody would be."""

from contextlib import closing
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from gateway.app.contacts import channels_there
from gateway.cli.alerts import centre_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    local,
    print_json,
    printable,
    settings_and_database,
)
from gateway.coverage.report import LONGEST_DAYS, look_ahead
from gateway.store.database import reader
from gateway.words import say


def coverage(
    *,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=LONGEST_DAYS, help="How many days ahead.", show_default="the settings'"),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Walk the coming days: gaps in the shifts, steps that tell nobody, contacts that nobody tested.

    Ends with 1 when there are gaps.
    """
    settings, path = settings_and_database(config)
    now = CLOCK.now()
    with closing(reader(path)) as db:
        index = centre_of(db)
        report = look_ahead(
            db,
            index,
            now,
            days=days or settings.coverage.days,
            channels=channels_there(settings),
            tested_days=settings.coverage.tested_days,
        )

    table = Table("", "what", "when", box=None)
    for finding in report.findings:
        words = say(finding.what, "en", index.timezone, now)
        if json:
            print_json({**msgspec.to_builtins(finding), "serious": finding.serious, "words": words})
        times = [f"{local(one.since, index.timezone)} - {local(one.until, index.timezone)}" for one in finding.spans]
        table.add_row("!!" if finding.serious else "", printable(words), "\n".join(times[:3]))
    if not json and report.findings:
        OUT.print(table)
    if not json:
        OUT.print(f"Gaps: {len(report.serious)}. Risks: {len(report.findings) - len(report.serious)}.")
    if report.serious:
        raise typer.Exit(1)
