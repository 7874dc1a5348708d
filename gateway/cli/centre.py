"""``telecare centre``: the care centre as data."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.contacts import leading_nowhere
from gateway.centre.hints import hints
from gateway.centre.load import export_centre, load_centre
from gateway.centre.schema import centre_schema
from gateway.cli import zones
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    as_given,
    fail,
    operator,
    print_json,
    settings_and_database,
)
from gateway.errors import Problem
from gateway.store import centres
from gateway.store.database import prepare, reader
from gateway.store.writer import write_now

app = typer.Typer(help="The care centre as data: residents, devices, zones, carers, care plans.", no_args_is_help=True)
FileArgument = Annotated[Path, typer.Argument(help="The centre file (TOML); its zones lie beside it.", metavar="FILE")]


@app.command()
def check(file: FileArgument) -> None:
    """Say everything that is wrong with a centre file, and warn of what is most likely a mistake; changes nothing."""
    centre = as_given(load_centre, file)
    _warn(hints(centre, CLOCK.now()))
    OUT.print(
        f"{file.name}: {len(centre.residents)} residents, {len(centre.devices)} devices. No errors.", markup=False
    )


@app.command()
def apply(file: FileArgument, *, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Check a centre file as a whole and put it in force in one transaction.

    A running gateway takes it up within two seconds, without a restart. A file with errors changes nothing.
    """
    centre = as_given(load_centre, file)
    settings, path = settings_and_database(config)
    _warn([*leading_nowhere(centre, settings), *hints(centre, CLOCK.now())])
    prepare(path)
    applied = write_now(path, lambda tx: centres.apply(tx, centre, who=operator()), clock=CLOCK)
    if json:
        print_json(applied)
    elif applied.changed:
        OUT.print(f"Version {applied.version} is in force: {len(centre.residents)} residents.", markup=False)
    else:
        OUT.print(f"Nothing to change: version {applied.version} says the same.", markup=False)


@app.command()
def export(file: FileArgument, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write the centre in force as a TOML file with its zones beside it; applying it again changes nothing."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
    if found is None:
        raise fail("No care centre was applied yet: run `telecare centre apply FILE`.")
    try:
        export_centre(found.centre, file)
    except OSError as error:
        raise fail(f"{file}: {error.strerror}: name a file that can be written") from error
    OUT.print(f"Wrote version {found.version} to {file}.", markup=False)


app.command("zones")(zones.zones)
app.command("where", cls=zones.NegativeNumbers)(zones.where)


def _warn(problems: list[Problem]) -> None:
    for problem in problems:
        ERR.print(f"Warning: {problem}", style="yellow", markup=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a centre file, for editors."""
    typer.echo(centre_schema())
