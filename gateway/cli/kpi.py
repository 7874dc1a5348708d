"""``telecare kpi``: how quickly people were told, answered and came; false alarms; deliveries."""

import csv
import re
import sys
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated

import typer
from rich.table import Table

from gateway.alerts.kpi import LIMITS, Kpis, Per, Share, Spread, kpis, shift_changes
from gateway.alerts.kpi_table import TIMES, columns
from gateway.cli.alerts import centre_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    print_json,
    printable,
    settings_and_database,
)
from gateway.errors import BadAnswerError
from gateway.store.database import reader

_USUAL = timedelta(days=28)
_CHANGES = re.compile(r"\d{2}:\d{2}(?:,\d{2}:\d{2}){0,23}")


def kpi(
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="First local day (2026-01-31).", show_default="28 days before the end")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last local day.", show_default="until now")] = None,
    per: Annotated[Per, typer.Option("--per", help="How the time is cut up.")] = Per.DAY,
    shifts: Annotated[
        str | None,
        typer.Option("--shifts", help="When shifts change (07:00,15:00,23:00).", show_default="the centre's own"),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a line for each stretch of time.")] = False,
    json: JsonOption = False,
) -> None:
    """Show how quickly people were told, answered and came, false alarms, and what was not delivered."""
    if as_csv and json:
        raise BadAnswerError("--csv: expected --csv or --json, not both")
    _, path = settings_and_database(config)
    now = CLOCK.now()
    with closing(reader(path)) as db:
        index = centre_of(db)
        end = now if until is None else _midnight("--to", until, index.timezone, days=1)
        start = end - _USUAL if since is None else _midnight("--from", since, index.timezone)
        if start >= end:
            raise BadAnswerError(f"--from: {since!r}: expected a day that is not after the end")
        changes = shift_changes(index.centre) if shifts is None else _changes(shifts)
        found = kpis(db, since=start, until=end, now=now, timezone=index.timezone, per=per, shifts=changes)
    if json:
        print_json(found)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([name for name, _ in columns(found.total)])
        for figures in (*found.periods, found.total):
            writer.writerow([value for _, value in columns(figures)])
    else:
        _print(found)


def _print(found: Kpis) -> None:
    table = Table("", "alerts", "unanswered", "promises not kept", "told", "answered", "there", *_HEADS, box=None)
    for figures in (*found.periods, found.total):
        table.add_row(
            figures.label,
            str(figures.alerts),
            str(figures.unanswered),
            str(figures.promises_not_kept),
            *(_spread(getattr(figures, name)) for name in TIMES),
            *(_share(figures.shares[name]) for name in LIMITS),
        )
    OUT.print(f"Median / 90th percentile, from raised on. Times of {found.timezone}.", markup=False)
    OUT.print(table)
    if found.false_alarms:
        table = Table("by", "name", "closed", "false", "cancelled", "share", box=None)
        for line in found.false_alarms:
            share = "" if line.share is None else f"{line.share:.0%}"
            name = printable(line.name)
            table.add_row(line.by, name, str(line.closed), str(line.false), str(line.wearer_cancelled), share)
        OUT.print("\nFalse alarms", markup=False)
        OUT.print(table)
    if found.deliveries:
        table = Table("channel", "messages", "told", "failed", "waiting", "share failed", box=None)
        for one in found.deliveries:
            share = "" if one.share_failed is None else f"{one.share_failed:.1%}"
            table.add_row(one.channel, str(one.messages), str(one.told), str(one.failed), str(one.waiting), share)
        OUT.print("\nDelivery", markup=False)
        OUT.print(table)


_HEADS = ("told ≤ 60 s", "answered ≤ 60 s", "answered ≤ 180 s", "there ≤ 45 min")


def _spread(spread: Spread) -> str:
    if spread.median_s is None or spread.p90_s is None:
        return "–"
    return f"{_seconds(spread.median_s)} / {_seconds(spread.p90_s)}"


def _seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 180 else f"{seconds / 60:.0f} min"


def _share(share: Share) -> str:
    return "–" if share.share is None else f"{share.share:.1%}"


def _midnight(option: str, text: str, timezone: tzinfo, *, days: int = 0) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadAnswerError(f"{option}: {text!r}: expected a day such as 2026-01-31") from error
    if not 2000 <= day.year < 2200:
        raise BadAnswerError(f"{option}: {text!r}: expected a day from 2000 to 2199")
    return datetime.combine(day + timedelta(days=days), time(), timezone).astimezone(UTC)


def _changes(text: str) -> tuple[time, ...]:
    expected = f"--shifts: {text!r}: expected times of the day such as 07:00,15:00,23:00"
    if _CHANGES.fullmatch(text) is None:
        raise BadAnswerError(expected)
    try:
        return tuple(sorted({time.fromisoformat(part) for part in text.split(",")}))
    except ValueError as error:
        raise BadAnswerError(expected) from error
