"""``telecare try | outcomes``: a changed centre over the house's own history, and how alerts ended."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway.alerts.outcomes import OutcomeCount, by_rule, outcomes
from gateway.app import trial as trying
from gateway.app.trial import Trial
from gateway.app.trial_compare import Counts
from gateway.app.trial_ledger import TrialAlert
from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from gateway.cli.alerts import centre_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    as_given,
    local,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.clock import monotonic
from gateway.errors import BadAnswerError
from gateway.store.audit import record
from gateway.store.database import reader
from gateway.store.writer import write_now
from gateway.words import alert_title, say
from rules.night import instant

SLOW_S: Final = 2.0
"""After so long a progress bar is shown: who waits wants to know for how long."""

LONGEST: Final = timedelta(days=400)
_USUAL: Final = timedelta(days=28)

FromOption = Annotated[
    str | None, typer.Option("--from", help="First day, in the centre's time zone.", show_default="28 days ago")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day, the whole of it.", show_default="until now")]


def try_centre(
    centre: Annotated[Path, typer.Argument(help="The changed centre file.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    since: FromOption = None,
    until: ToOption = None,
    night: Annotated[str, typer.Option("--night", help="The night shift, wall-clock times.")] = "22:00-06:00",
    warm_up: Annotated[
        float, typer.Option("--warm-up", min=0, max=60, help="Days judged before, and not counted.")
    ] = 2.0,
    json: JsonOption = False,
) -> None:
    """Try a changed centre file on the history of the house: which alerts stay, which go, which are new.

    Nothing is applied and nobody is told. The look at the history is written into the audit.
    """
    changed = as_given(load_centre, centre)
    shift = _night(night)
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        index = centre_of(db)
    begin, end = _span(since, until, index)
    target = f"try/{begin.isoformat()}/{end.isoformat()}"
    write_now(
        path, lambda tx: record(tx, who=operator(), action="look", target=target, detail={"via": "cli"}), clock=CLOCK
    )
    with _progress(shown=not json) as progress:
        found = trying.trial(
            path,
            index.centre,
            changed,
            since=begin,
            until=end,
            warm_up=timedelta(days=warm_up),
            night=shift,
            progress=progress,
        )
    new_index = CentreIndex(changed)
    if json:
        print_json(_as_json(found, index, new_index))
        return
    _show(found, index, new_index)


def outcomes_(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    since: FromOption = None,
    until: ToOption = None,
    rules: Annotated[bool, typer.Option("--rules", help="Added up by rule only.")] = False,
    json: JsonOption = False,
) -> None:
    """Count how alerts ended: real, false, test; by rule, resident and device, the most false alarms first."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        index = centre_of(db)
        begin, end = _span(since, until, index)
        found = outcomes(db, since=begin, until=end)
    found = [msgspec.structs.replace(one, title=index.own_title(one.resident, one.rule)) for one in found]
    if rules:
        found = by_rule(found)
    if json:
        for one in found:
            print_json(one)
        return
    if not found:
        OUT.print("No alerts in that time.")
        return
    OUT.print(_outcome_table(found, index, whole=not rules))


def _outcome_table(found: list[OutcomeCount], index: CentreIndex, *, whole: bool) -> Table:
    columns = ["rule", *(["room", "device"] if whole else []), "alerts", "real", "false", "test", "cancelled"]
    table = Table(*columns, "other", "open", "share false", box=None)
    for one in found:
        where = [index.public_name(one.resident) if one.resident else "-", one.device or "-"] if whole else []
        table.add_row(
            one.rule if one.title is None else f"{one.rule} ({printable(one.title)})",
            *where,
            *(str(getattr(one, name)) for name in ("alerts", "real", "false", "test", "cancelled", "other", "open")),
            "-" if one.share_false is None else f"{one.share_false:.0%}",
        )
    return table


def _show(found: Trial, old: CentreIndex, new: CentreIndex) -> None:
    total = found.comparison.total
    span = f"{local(found.since, old.timezone)} to {local(found.until, old.timezone)}"
    changed = found.residents - found.same
    OUT.print(f"{span}: {found.readings:,} readings, residents: {found.residents}, with a changed plan: {changed}.")
    nights = found.comparison.nights
    for word, number in (("present plan", total.before), ("changed plan", total.after)):
        at_night = sum(one.before if word == "present plan" else one.after for one in nights.values())
        OUT.print(
            f"  {word}: {number} alerts, {at_night} of them at night ({at_night / max(1, len(nights)):.1f} a night)"
        )
    OUT.print(f"  kept {total.kept}, gone {total.gone}, new {total.new}")
    _real(found)
    for title, counts in (
        ("rule", found.comparison.rules),
        ("room", {_room(one or None, old, new): value for one, value in found.comparison.residents.items()}),
        ("night of", {f"{day:%a %d %b}": value for day, value in nights.items()}),
    ):
        _count_table(title, counts)
    for word, alerts, index in (("Gone", found.comparison.gone, old), ("New", found.comparison.new, new)):
        _alert_table(word, alerts, old, index)


def _real(found: Trial) -> None:
    """What really happened: another number than the present plan's, because plans, people and shelves changed."""
    alerts = sum(one.alerts for one in found.real)
    ended = {name: sum(getattr(one, name) for one in found.real) for name in ("real", "false", "test", "open")}
    OUT.print(
        f"  really raised in that time: {alerts} alerts: {ended['real']} real, {ended['false']} false, {ended['test']} "
        f"tests, {ended['open']} still open"
    )


def _count_table(title: str, counts: dict[str, Counts]) -> None:
    changed = {name: one for name, one in counts.items() if one.gone or one.new}
    if not changed:
        return
    table = Table(title, "present", "changed", "kept", "gone", "new", box=None)
    for name, one in sorted(changed.items(), key=lambda item: -(item[1].gone + item[1].new))[:40]:
        table.add_row(name, *(str(number) for number in (one.before, one.after, one.kept, one.gone, one.new)))
    OUT.print()
    OUT.print(table)


def _alert_table(word: str, alerts: list[TrialAlert], old: CentreIndex, new: CentreIndex) -> None:
    if not alerts:
        return
    table = Table(f"{word}: when", "room", "", "what", "why", box=None)
    for alert in alerts:
        table.add_row(
            local(alert.raised_at, old.timezone),
            _room(alert.resident, old, new),
            alert.priority.value,
            printable(alert_title(alert.rule, alert.reason, "en")),
            printable(say(alert.reason, "en", old.timezone, alert.raised_at)),
        )
    OUT.print()
    OUT.print(table)


def _room(resident: str | None, *indexes: CentreIndex) -> str:
    if resident is None:
        return "house"
    return next((index.public_name(resident) for index in indexes if resident in index.residents), resident)


def _as_json(found: Trial, old: CentreIndex, new: CentreIndex) -> dict[str, Any]:
    def alert(one: TrialAlert) -> dict[str, Any]:
        fields: dict[str, Any] = msgspec.to_builtins(one)
        words = say(one.reason, "en", old.timezone, one.raised_at)
        return {**fields, "room": _room(one.resident, old, new), "words": words}

    comparison = found.comparison
    whole: dict[str, Any] = msgspec.to_builtins(found)
    whole["comparison"]["kept"] = [
        {"later_s": one.later_s, "before": alert(one.before), "after": alert(one.after)} for one in comparison.kept
    ]
    whole["comparison"]["gone"] = [alert(one) for one in comparison.gone]
    whole["comparison"]["new"] = [alert(one) for one in comparison.new]
    whole["comparison"]["nights"] = {str(day): msgspec.to_builtins(one) for day, one in comparison.nights.items()}
    return whole


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[float], None]]:
    """A bar on standard error, once it takes long; none where nobody looks."""
    columns = (TextColumn("Trying"), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=ERR, transient=True, disable=not shown or not ERR.is_terminal)
    begun, task = monotonic(), bar.add_task("", total=1.0)

    def tell(done: float) -> None:
        if not bar.live.is_started and monotonic() - begun > SLOW_S:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield tell
    finally:
        bar.stop()


def _span(since: str | None, until: str | None, index: CentreIndex) -> tuple[datetime, datetime]:
    """From the first instant of one local day to the last of another, UTC."""
    now = CLOCK.now()

    def day(text: str, option: str) -> date:
        try:
            found = date.fromisoformat(text)
        except ValueError as error:
            raise BadAnswerError(f"{option}: {text!r}: expected a day such as 2026-10-01") from error
        if not 2000 <= found.year < 2200:
            raise BadAnswerError(f"{option}: {text!r}: expected a day from 2000 to 2199")
        return found

    def begins(one: date) -> datetime:
        return instant(datetime.combine(one, time()), index.timezone)

    end = now if until is None else min(now, begins(day(until, "--to") + timedelta(days=1)))
    begin = end - _USUAL if since is None else begins(day(since, "--from"))
    if not begin < end:
        raise BadAnswerError(f"--from: {since!r}: expected a day before the end, {local(end, index.timezone)}")
    if end - begin > LONGEST:
        raise BadAnswerError(f"--from: {since!r}: expected at most {LONGEST.days} days before the end")
    return begin, end


def _night(text: str) -> tuple[time, time]:
    since, _, until = text.partition("-")
    try:
        shift = (time.fromisoformat(since.strip()), time.fromisoformat(until.strip()))
    except ValueError as error:
        raise BadAnswerError(f"--night: {text!r}: expected wall-clock times such as 22:00-06:00") from error
    if any(one.tzinfo is not None for one in shift):
        raise BadAnswerError(f"--night: {text!r}: expected no offset: the centre's time zone counts")
    return shift
