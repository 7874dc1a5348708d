"""``telecare centre``: the care centre as data."""

from contextlib import closing
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from gateway.app.contacts import leading_nowhere
from gateway.centre import diff as changes
from gateway.centre.hints import hints
from gateway.centre.load import export_centre, load_centre, to_document
from gateway.centre.offices import left_empty
from gateway.centre.schema import centre_schema
from gateway.centre.write import head, made_from
from gateway.cli import overwriting, zone_edit, zones
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    as_given,
    fail,
    local,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.cli.looks import looked
from gateway.errors import CentreError, Problem, UndoError, VersionConflictError
from gateway.store import centres, consent_file, version_lines
from gateway.store.database import prepare, reader
from gateway.store.writer import Tx, write_now

app = typer.Typer(help="The care centre as data: residents, devices, zones, carers, care plans.", no_args_is_help=True)
NOTHING = "No care centre was applied yet: run `telecare centre apply FILE`."
FileArgument = Annotated[Path, typer.Argument(help="The centre file (TOML); its zones lie beside it.", metavar="FILE")]

AgreedOption = Annotated[
    str | None,
    typer.Option(
        "--agreed",
        metavar="WORDS",
        help="Who agreed that more of a resident may be seen, when and how; it goes to the consent log.",
    ),
]


@app.command()
def check(file: FileArgument) -> None:
    """Say everything that is wrong with a centre file, and warn of what is most likely a mistake; changes nothing."""
    centre = as_given(load_centre, file)
    _warn(hints(centre, CLOCK.now()))
    OUT.print(
        f"{file.name}: {len(centre.residents)} residents, {len(centre.devices)} devices. No errors.", markup=False
    )


@app.command()
def apply(
    file: FileArgument,
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    agreed: AgreedOption = None,
    removing: Annotated[bool, typer.Option("--removing", help="Take out what is not in the file.")] = False,
    over: Annotated[
        int | None,
        typer.Option(
            "--over",
            metavar="VERSION",
            min=1,
            help="The newest version, to be replaced although it was made by another way than this file.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check a centre file as a whole and put it in force in one transaction; say what it changes.

    A running gateway takes it up within two seconds, without a restart. A file with errors changes nothing. A file
    that takes something out is refused without --removing; one that would write over what was changed in the console
    since, without --over: write it down with `telecare centre export` first, and change that file. A file that lets
    more of a resident be seen than was agreed is refused, unless --agreed says who agreed, when and how.
    """
    centre = as_given(load_centre, file)
    settings, path = settings_and_database(config)
    _warn([*leading_nowhere(centre, settings), *hints(centre, CLOCK.now())])
    prepare(path)
    document = to_document(centre)
    with closing(reader(path)) as db:
        newest = centres.latest_number(db)
        before = centres.document_of(db, newest) or {}
        changed = changes.diff(before, document) if before else []
        overwriting.only_as_meant(
            db,
            changed,
            overwriting.Meant(removing, over),
            made_from(_beginning(file)),
            ZoneInfo(centre.centre.timezone),
            CLOCK.now(),
        )
        overwriting.warn_of_loss(db, changed, CLOCK.now())
        more = consent_file.refused(db, before, document, undoes=False)
    _warn(left_empty(before, document))
    _only_as_agreed(more, agreed)
    wanted, who = centres.ready(centre), operator()  # of a large house it takes a moment; nobody waits for it

    def work(tx: Tx) -> centres.Applied:
        made = centres.apply_ready(tx, wanted, who=who, base=newest)
        if made.changed:
            consent_file.note(tx, before, document, version=made.version, who=who, how=_said(agreed))
        return made

    try:
        applied = write_now(path, work, clock=CLOCK)
    except VersionConflictError as error:
        raise fail(str(error)) from error
    if json:
        print_json(applied)
    elif applied.changed:
        overwriting.say(changed, OUT, most=overwriting.MOST)
        OUT.print(f"Version {applied.version} is in force: {len(centre.residents)} residents.", markup=False)
    else:
        OUT.print(f"Nothing to change: version {applied.version} says the same.", markup=False)


@app.command()
def export(file: FileArgument, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write the centre in force as a TOML file with its zones beside it; applying it again changes nothing.

    The look is audited: everybody is in the file.
    """
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
        if found is None:
            raise fail(NOTHING)
        remark = head(found.version, version_lines.digest_of(db, found.version))
    looked(path, f"centre/{found.version}", via="export")
    try:
        export_centre(found.centre, file, remark=remark)
    except OSError as error:
        raise fail(f"{file}: {error.strerror}: name a file that can be written") from error
    OUT.print(f"Wrote version {found.version} to {file}.", markup=False)


@app.command()
def versions(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at the most.")] = 20,
    json: JsonOption = False,
) -> None:
    """List the versions of the centre, the newest first: who applied each, when, why."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found, newest = version_lines.lines(db, limit=limit), centres.latest(db)
    if json:
        for one in found:
            print_json(one)
        return
    if newest is None:
        raise fail(NOTHING)
    zone = ZoneInfo(newest.centre.centre.timezone)
    table = Table("version", "at", "who", "why", box=None)
    for one in found:
        why = one.why or (f"takes back version {one.undoes}" if one.undoes else "")
        table.add_row(str(one.version), local(one.applied_at, zone), printable(one.applied_by or "-"), printable(why))
    OUT.print(table)


@app.command()
def diff(
    version: Annotated[int | None, typer.Argument(help="The version.", show_default="the newest")] = None,
    other: Annotated[int | None, typer.Argument(help="An older one.", show_default="the one before")] = None,
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Say what a version of the centre changed, entry by entry."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        newest = centres.latest_number(db)
        version = newest if version is None else version
        other = version - 1 if other is None else other
        after, before = centres.document_of(db, version), centres.document_of(db, other)
    if after is None or (before is None and other != 0):
        raise fail(f"expected versions from 1 to {newest}")
    found = changes.diff(before or {"centre": after["centre"]}, after)
    if not json:
        overwriting.say(found, OUT)
        return
    for change in found:
        print_json(change)


@app.command()
def undo(
    version: Annotated[int, typer.Argument(help="The version whose changes are taken back.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    agreed: AgreedOption = None,
    json: JsonOption = False,
) -> None:
    """Take back what one version changed, as a new version; what was changed later stays.

    An entry that a later version changed again is never overwritten: then nothing is undone.
    """
    _, path = settings_and_database(config)

    try:
        with closing(reader(path)) as db:
            newest = centres.latest_number(db)
            present = centres.document_of(db, newest) or {}
            document = centres.undone(db, present, version)
            more = consent_file.refused(db, present, document, undoes=True)
            overwriting.warn_of_loss(db, changes.diff(present, document), CLOCK.now())
        # Outside of the transaction: a running gateway must not wait until a large house is checked.
        wanted = centres.checked(document)
        _warn(left_empty(present, document))
        _only_as_agreed(more, agreed)
        who = operator()

        def work(tx: Tx) -> centres.Applied:
            made = centres.apply_ready(tx, wanted, who=who, undoes=version, base=newest)
            consent_file.note(tx, present, document, version=made.version, who=who, how=_said(agreed))
            return made

        applied = write_now(path, work, clock=CLOCK)
    except VersionConflictError as error:
        raise fail(str(error)) from error
    except UndoError as error:
        raise fail(str(error), code=1) from error
    except CentreError as error:
        ERR.print(str(error), markup=False)
        raise fail("Not undone: something else needs it.", code=1) from error
    if json:
        print_json(applied)
    else:
        OUT.print(f"Version {applied.version} is in force; it takes back version {version}.", markup=False)


app.command("zones")(zones.zones)
app.command("where", cls=zones.NegativeNumbers)(zones.where)
app.command("set-zone")(zone_edit.set_zone)
app.command("remove-zone")(zone_edit.remove_zone)


def _only_as_agreed(more: list[Problem], agreed: str | None) -> None:
    """End here when more would be seen of somebody, and nobody says who agreed."""
    if not more or _said(agreed) != consent_file.HOW:
        return
    for problem in more:
        ERR.print(str(problem), markup=False, highlight=False)
    raise fail("Nothing was changed. Who agreed, when and how? Say it with --agreed WORDS.")


def _beginning(file: Path) -> str:
    """The first lines of a file that was read before."""
    with file.open(encoding="utf-8-sig", errors="replace") as text:
        return text.read(1000)


def _said(agreed: str | None) -> str:
    return " ".join((agreed or "").split())[:1000] or consent_file.HOW


def _warn(problems: list[Problem]) -> None:
    for problem in problems:
        ERR.print(f"Warning: {problem}", style="yellow", markup=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a centre file, for editors."""
    typer.echo(centre_schema())
