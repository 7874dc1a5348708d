"""``telecare alerts | ack | close | reopen | explain``: alerts, whether the daemon runs or not."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from gateway.alerts import desk, explaining, queries
from gateway.alerts.explaining import Chain
from gateway.alerts.model import (
    Acknowledge,
    Alert,
    Answer,
    Arrive,
    Close,
    Decline,
    FallFindings,
    HandOver,
    MoreHelp,
    Outcome,
    Reopen,
)
from gateway.alerts.table import AlertState
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
from gateway.cli.looks import looked
from gateway.errors import BadAnswerError, StoreError
from gateway.store import centres, gone
from gateway.store.database import reader
from gateway.store.writer import Tx, write_now
from gateway.words import alert_title, duration, say, staff_note
from rules.model import Reason

NumberArgument = Annotated[int, typer.Argument(min=1, help="The alert's number.", metavar="ID")]
AsOption = Annotated[
    str | None, typer.Option("--as", help="Carer id in whose name you answer.", show_default="you, as cli:<user>")
]
_MARKS = {"high": "!!!", "medium": "!!", "low": "!"}


def alerts(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too, the newest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at the most, with --all.")] = 200,
) -> None:
    """List the alerts that are not closed, the most urgent first."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        index = centre_of(db)
        found = queries.alerts(db, queries.Filter(limit=limit)) if everything else queries.open_alerts(db)
    if json:
        for alert in found:
            print_json(_in_words(alert, index))
        return
    if not found:
        OUT.print("No alerts." if everything else "No open alerts.")
        return
    now = CLOCK.now()
    table = Table("id", "", "room", "what", "state", "who", "for", "why", box=None)
    for alert in found:
        table.add_row(
            str(alert.id),
            _MARKS[alert.priority],
            index.public_name(alert.resident) if alert.resident else printable(alert.device or ""),
            printable(alert_title(alert.rule, alert.reason, "en")),
            alert.state.value,
            alert.taken_by or alert.closed_by or "",
            duration((now - alert.raised_at).total_seconds(), "en"),
            printable(say(alert.reason, "en", index.timezone, now)),
        )
    OUT.print(table)


def ack(
    number: NumberArgument,
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    minutes: Annotated[int | None, typer.Option("--minutes", help="There in so many minutes.")] = None,
    json: JsonOption = False,
) -> None:
    """Acknowledge an alert: somebody is going."""
    _answer(number, Acknowledge(eta_minutes=minutes), config, who, json=json)


def arrive(
    number: NumberArgument, *, config: ConfigOption = DEFAULT_CONFIG, who: AsOption = None, json: JsonOption = False
) -> None:
    """Say that somebody is there."""
    _answer(number, Arrive(), config, who, json=json)


def decline(
    number: NumberArgument, *, config: ConfigOption = DEFAULT_CONFIG, who: AsOption = None, json: JsonOption = False
) -> None:
    """Say that a carer can't go, or that somebody else must take over."""
    _answer(number, Decline(), config, who, json=json)


def close(
    number: NumberArgument,
    *,
    outcome: Annotated[Outcome, typer.Option("--outcome", help="What it was.")],
    note: Annotated[str, typer.Option("--note", help="A few words; needed when the outcome is other.")] = "",
    injured: Annotated[
        bool | None, typer.Option("--injured/--not-injured", help="After a fall: whether the person was hurt.")
    ] = None,
    could_get_up: Annotated[
        bool | None,
        typer.Option("--got-up/--not-got-up", help="After a fall: whether the person could get up without help."),
    ] = None,
    ambulance: Annotated[
        bool | None, typer.Option("--ambulance/--no-ambulance", help="After a fall: whether an ambulance was called.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Close an alert: a person has dealt with it, and this is what it was."""
    found = FallFindings(injured=injured, could_get_up=could_get_up, ambulance=ambulance)
    fall = None if found == FallFindings() else found
    _answer(number, Close(outcome=outcome, note=note, fall=fall), config, who, json=json)


def reopen(
    number: NumberArgument,
    *,
    note: Annotated[str, typer.Option("--note", help="A few words on why.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Re-open an alert that was closed by mistake: the telling begins anew."""
    _answer(number, Reopen(note=note), config, who, json=json)


def escalate(
    number: NumberArgument,
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Ask for more help: the next step is told at once. Whoever is going, or there, stays so."""
    _answer(number, MoreHelp(), config, who, json=json)


def hand_over(
    number: NumberArgument,
    to: Annotated[str, typer.Argument(help="Carer id of whoever is asked to take it.")],
    *,
    note: Annotated[str, typer.Option("--note", help="A few words on why.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Ask another carer, by name, to take an alert; after two minutes without an answer the next step is told."""
    _answer(number, HandOver(to=to, note=note), config, who, json=json)


def _answer(number: int, answer: Answer, config: Path, who: str | None, *, json: bool) -> None:
    _, path = settings_and_database(config)
    reader(path).close()  # says so when there is no database yet, instead of making an empty one

    def work(tx: Tx) -> tuple[Alert, CentreIndex]:
        index = centre_of(tx.db)
        if who is not None and who not in index.carers:
            raise BadAnswerError(f"--as: {who!r}: expected a carer of the centre: {', '.join(index.carers)}")
        return desk.answer(tx, index, number, answer, who or operator(), "cli"), index

    alert, index = write_now(path, work, clock=CLOCK)
    if json:
        print_json(_in_words(alert, index))
    else:
        OUT.print(f"Alert {alert.id} is {alert.state.value}.", markup=False)


def explain(number: NumberArgument, *, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Tell why there is an alert: message, reading, state, reason, who was told, who answered. The look is audited."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        chain = explaining.chain(db, number)
        index = centre_of(db)
    looked(path, f"alert/{number}")
    found = chain.explanation
    if json:
        more = msgspec.to_builtins(chain)
        del more["explanation"]
        print_json({**msgspec.to_builtins(found), **more, "alert": _in_words(found.alert, index)})
        return

    def words(reason: Reason) -> str:
        return printable(say(reason, "en", index.timezone, alert.raised_at))

    def when(at: datetime) -> str:
        return local(at, index.timezone)

    alert = found.alert
    place = index.public_name(alert.resident) if alert.resident else "nobody registered"
    title = printable(alert_title(alert.rule, alert.reason, "en"))
    lines = [
        f"Alert {alert.id}: {title} ({alert.priority.value}), {place}, {alert.state.value}",
        f"  Why: {words(alert.reason)}",
        *(f"       {words(mark)}" for mark in alert.marks),
        *(f"       {printable(note)}" for note in [staff_note(alert.reason, "en")] if note),
        f"  Happened {when(alert.happened_at)}, raised {when(alert.raised_at)}, repeats {alert.repeats}",
    ]
    lines += [
        f"  Message {f.seq} ({f.format}) on {printable(f.topic)} at {when(f.received_at)}\n"
        f"    {printable(f.payload) if f.payload is not None else f.payload_hex}"
        for f in found.frames
    ]
    lines += [
        f"  Reading of {printable(r.device)}: {r.kind} {msgspec.json.encode(r.fields).decode()}" for r in found.readings
    ]
    lines += [
        f"  Rule {alert.rule_key}: {title}",
        f"    state before: {msgspec.json.encode(alert.before).decode()}",
        f"    condition:    {_condition(chain)}",
        f"    state after:  {msgspec.json.encode(alert.after).decode()}",
    ]
    lines += [
        f"  Told {n.carer} by {n.channel} ({n.purpose.value}): {n.state}"
        + (f" at {when(n.settled_at)}" if n.settled_at else "")
        for n in found.told
    ]
    lines += [
        f"  {printable(c.who)} told {c.device} {c.command}: {c.state} at {when(c.created_at)}" for c in chain.commands
    ]
    lines += [
        f"  Shelved by {s.who} from {when(s.since)} to {when(s.ended_at or s.until)}: {printable(s.why)}"
        for s in chain.shelves
    ]
    if alert.under is not None:
        lines.append(f"  It waits under alert {alert.under}, which tells of the same event.")
    lines += [f"  Alert {below} waits under it: the same event." for below in chain.below]
    lines += [f"  {when(h.at)} {h.event}" + (f" by {h.who} ({h.via})" if h.who else "") for h in found.history]
    OUT.print("\n".join(lines), markup=False)


def _condition(chain: Chain) -> str:
    """The settings that applied, as the centre file has them; what only the gateway tells has none."""
    settings = chain.condition.settings
    if settings is None:
        return "none in the care plan"
    told = ", ".join(
        f"{key} = {msgspec.json.encode(value).decode()}" for key, value in settings.items() if key != "rule"
    )
    return printable(f"{told or 'all settings as they come'} (centre version {chain.condition.centre_version})")


def _in_words(alert: Alert, index: CentreIndex) -> dict[str, Any]:
    """An alert for JSON: beside the reason and the marks, which are for programs, the same as English sentences."""

    def words(reason: Reason) -> str:
        return say(reason, "en", index.timezone, alert.raised_at)

    fields: dict[str, Any] = msgspec.to_builtins(alert)
    note = staff_note(alert.reason, "en")
    marks = [words(mark) for mark in alert.marks]
    return {**fields, "words": words(alert.reason), "staff_note": note, "mark_words": marks}


def centre_of(db: sqlite3.Connection) -> CentreIndex:
    """The centre in force, and who left it with an open alert: their room and their policy stay.

    Raises:
        StoreError: none was applied yet.
    """
    found = centres.latest(db)
    if found is None:
        raise StoreError("No care centre was applied yet: run `telecare centre apply FILE`.")
    return CentreIndex(found.centre, gone=gone.people(db))


__all__ = ["AlertState", "ack", "alerts", "centre_of", "close", "explain", "fail", "reopen"]
