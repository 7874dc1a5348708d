"""``telecare notes list | add``: what carers wrote about a resident."""

import sys
from contextlib import closing
from typing import Annotated

import typer

from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    local,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.cli.looks import looked
from gateway.errors import BadAnswerError, StoreError
from gateway.store import centres, notes
from gateway.store.database import reader
from gateway.store.writer import write_now

app = typer.Typer(no_args_is_help=True, help="Read and write carers' notes about a resident.")

_MOST_BYTES = 16 * notes.LONGEST
"""So much is read of standard input at most: a note in any script fits several times."""


@app.command("list")
def listed(
    resident: Annotated[str, typer.Argument(help="Id of the resident.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List the notes about a resident, the newest first. The look is audited."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        index = _index(centres.latest(db))
        if resident not in index.residents:
            raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
        found = notes.notes(db, resident, limit=limit)
    target = f"resident/{resident}/notes"
    looked(path, target)
    if json:
        for note in found:
            print_json(note)
        return
    if not found:
        OUT.print("There are no notes.")
    for note in found:
        mends = f", corrects {note.corrects}" if note.corrects is not None else ""
        mended = f", corrected by {note.corrected_by}" if note.corrected_by is not None else ""
        OUT.print(f"{note.id}  {local(note.at, index.timezone)}  {printable(note.who)}{mends}{mended}")
        for line in note.text.splitlines():
            OUT.print(f"    {printable(line)}")


@app.command("add")
def add(
    resident: Annotated[str, typer.Argument(help="Id of the resident.")],
    *,
    text: Annotated[str | None, typer.Option(help="The note.", show_default="read from standard input")] = None,
    corrects: Annotated[int | None, typer.Option(help="Number of the note that it puts right.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Write a note about a resident; a note is never changed, a further one corrects it."""
    _, path = settings_and_database(config)
    written = text if text is not None else sys.stdin.read(_MOST_BYTES)
    with closing(reader(path)) as db:
        index = _index(centres.latest(db))
    note = write_now(
        path,
        lambda tx: notes.add(tx, index, resident=resident, text=written, who=operator(), corrects=corrects),
        clock=CLOCK,
    )
    if json:
        print_json(note)
        return
    OUT.print(f"Note {note.id} is kept.")


def _index(found: centres.CentreVersion | None) -> CentreIndex:
    if found is None:
        raise StoreError("No care centre was applied yet: run `telecare centre apply FILE`.")
    return CentreIndex(found.centre)
