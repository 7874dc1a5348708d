"""``telecare export-person | erase-person``: everything that is known of a person, as a file; and gone."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    fail,
    operator,
    print_json,
    settings_and_database,
)
from gateway.clock import monotonic
from gateway.errors import BadAnswerError, StoreError
from gateway.fhir import export
from gateway.store import centres, compact, erase, erase_look
from gateway.store import export as store
from gateway.store.database import DataLock, reader
from gateway.store.erase_rows import Versions
from gateway.store.writer import write_now

_QUIET_S: Final = 2.0
"""What takes longer says how far it is."""

BY_HAND: Final = (
    "Backups of the database that were made before: delete them, or erase the person again after bringing one back.",
    "Copies of the centre file (TOML) and of exports, wherever they were put.",
    "Messages that were sent: mailboxes, telephones, the alarm centre's own records.",
    "Messages that the broker still keeps for devices of this person (retained, or waiting for an absent gateway).",
    "Logs of the broker and of the system.",
)
"""What the gateway can't reach."""


class _Progress:
    def __init__(self) -> None:
        self._began = self._said = monotonic()

    def __call__(self, what: str, number: int) -> None:
        now = monotonic()
        if now - self._began > _QUIET_S and now - self._said > 1:
            self._said = now
            ERR.print(f"{what}: {number} …", markup=False)


def export_person(
    resident: Annotated[str, typer.Argument(help="Id of the resident.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="The ZIP file; it must not exist yet.")],
    why: Annotated[str, typer.Option("--why", help="Who asked for it, and why; kept with the audit's row.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Write everything that is known of a resident into a ZIP file: JSON lines, and a FHIR R4 bundle. Audited."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
        if found is None or resident not in CentreIndex(found.centre).residents:
            raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
        if out.exists():
            raise fail(f"{out}: there is such a file already: name another one")
        write_now(path, partial(store.note, resident=resident, who=operator(), why=why[:500], via="cli"), clock=CLOCK)
        lines = export.write(db, found.centre, resident, out, now=CLOCK.now(), progress=_Progress())
    if json:
        print_json({"file": str(out), "lines": lines})
        return
    OUT.print(f"{out}: {sum(lines.values())} lines. It holds everything about this person: hand it over safely.")


def erase_person(
    resident: Annotated[str, typer.Argument(help="Id of the resident.")],
    *,
    confirm: Annotated[str, typer.Option("--confirm", help="The resident's id once more: this can't be undone.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Erase everything that is known of a resident, for good. Refused while an alert is open or devices are worn."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        plan = erase.plan(db, resident, CLOCK.now())
    if confirm != resident:
        _look(path, resident)
        raise fail(f"This can't be undone. If you are sure: telecare erase-person {resident} --confirm {resident}")
    who, progress = operator(), _Progress()
    write_now(path, partial(erase.begin, wanted=plan, who=who), clock=CLOCK)
    counts: dict[str, int] = {}
    for what, work in erase.works(plan.person):
        more = True
        while more:
            if isinstance(work, Versions):
                with closing(reader(path)) as db:
                    work.prepare(db)
            piece = write_now(path, work, clock=CLOCK)
            counts[what] = counts.get(what, 0) + piece.removed
            more = piece.more
            progress(what, counts[what])
    write_now(path, partial(erase.end, person=plan.person, counts=counts, who=who), clock=CLOCK)
    left = _clean(path, plan.person.words)
    if json:
        print_json({"resident": resident, "removed": counts, "left_in_file": bool(left), "by_hand": BY_HAND})
    else:
        for what, number in counts.items():
            if number:
                OUT.print(f"{what}: {number}", markup=False)
        OUT.print("Erased. What the gateway can't reach, and somebody must see to:")
        for line in BY_HAND:
            OUT.print(f"- {line}", markup=False)
    if left:
        raise fail(
            "Traces are left in unused parts of the file, or in its log. Stop the gateway, and run "
            "`telecare retention --rewrite`.",
            code=1,
        )


def _look(path: Path, resident: str) -> None:
    """Say what would go with a person, and what of theirs would stay."""
    with closing(reader(path)) as db:
        found = erase_look.look(db, resident)
    for one in found.goes:
        ERR.print(f"goes too: {one.entry} ({one.name})", markup=False)
    for kept in found.stays:
        why = ", ".join(kept.because) or "an earlier version of the house"
        ERR.print(f"stays: {kept.entry} ({kept.name}), needed by {why}", markup=False)


def _clean(path: Path, words: tuple[str, ...]) -> list[str]:
    """Empty the log and look through the bytes; where traces are left and no gateway runs, write the file anew."""
    compact.clear_copies(path.parent)
    compact.empty_log(path)
    left = compact.holds(path, words)
    if not left:
        return []
    lock = DataLock(path.parent)
    try:
        lock.acquire()
    except StoreError:
        return left
    try:
        compact.rewrite(path)
    finally:
        lock.release()
    return compact.holds(path, words)
