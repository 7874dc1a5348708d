"""The file that a person may ask for: a ZIP with everything as JSON lines, and the same as a FHIR R4 bundle."""

import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from gateway.centre.model import Centre
from gateway.fhir import resources
from gateway.fhir.sentences import Sentences
from gateway.store import export

README: Final = """\
What the care centre has stored about you.

person.json        your entry: name, room, devices, care plan, what you agreed to
readings.jsonl     what the sensors said; one line of JSON each
messages.jsonl     the sensors' messages as they came, as far as they are still kept
alerts.jsonl       alerts, what happened, who was told
notes.jsonl        what carers wrote
rounds.jsonl       what was done on rounds
commands.jsonl     what devices were told to do
searches.jsonl     searches for you
shelves.jsonl      rules that were at rest for a while, and what they would have told of
protection.jsonl   how far you are protected now, and what is missing
states.jsonl       what each rule knows now, in its own form: times there are milliseconds since 1970
consents.jsonl     who agreed to what, when and how
break_glass.jsonl  when a carer opened what was not agreed, and why
exports.jsonl      who made a file like this one, and why
looks.jsonl        who looked at your data
fhir-bundle.json   the same for other programs: HL7 FHIR R4, a Bundle of type collection

Times are UTC (RFC 3339); lon and lat are degrees, WGS 84. What an alert says has its words and the values in them, and
beside them the whole sentence, in the language and the time zone of the house. What people wrote may name others: it
was not changed.
"""

_ENCODE: Final = msgspec.json.Encoder().encode


def write(
    db: sqlite3.Connection,
    centre: Centre,
    resident: str,
    out: Path,
    *,
    now: datetime,
    progress: Callable[[str, int], None] = lambda _file, _lines: None,
) -> dict[str, int]:
    """Write the ZIP; returns how many lines each file has. Only its owner can read it. Blocks; needs little memory.

    Args:
        db, centre, resident, now, progress: as :func:`write_into`.
        out: the file; it must not exist yet.

    Raises:
        BadAnswerError: nobody of that id is in the centre.
        FileExistsError: there is such a file already.
        OSError: it can't be written; nothing is left of it.
    """
    export.person(centre, resident)
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            return write_into(file, db, centre, resident, now=now, progress=progress)
        except BaseException:
            out.unlink(missing_ok=True)
            raise


def write_into(
    out: IO[bytes],
    db: sqlite3.Connection,
    centre: Centre,
    resident: str,
    *,
    now: datetime,
    progress: Callable[[str, int], None] = lambda _file, _lines: None,
) -> dict[str, int]:
    """Write the ZIP into an open file; returns how many lines each of its files has.

    Args:
        out: an empty file, open for writing.
        db: reads the database.
        centre: the version in force.
        resident: the person's id.
        now: the time that the bundle carries (UTC-aware).
        progress: called after each 1,000 lines with the file's name and its lines so far.

    Raises:
        BadAnswerError: nobody of that id is in the centre.
        OSError: it can't be written.
    """
    person = export.person(centre, resident)
    sentences = Sentences.of(person, now)
    lines: dict[str, int] = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        archive.writestr("person.json", msgspec.json.format(_ENCODE(person)))
        for name, source in export.SOURCES.items():
            with archive.open(f"{name}.jsonl", "w", force_zip64=True) as part:
                told = map(sentences, source(db, resident)) if name == "alerts" else source(db, resident)
                lines[name] = _lines(part, told, lambda n, name=name: progress(name, n))  # type: ignore[misc]
        with archive.open("fhir-bundle.json", "w", force_zip64=True) as part:
            lines["fhir"] = _bundle(part, db, person, now, lambda n: progress("fhir", n))
    return lines


def entries(db: sqlite3.Connection, person: dict[str, Any], now: datetime) -> Iterator[tuple[str, resources.Resource]]:
    """Every resource of a person with its address, one after the other."""
    site, resident = person["centre"]["id"], person["resident"]["id"]
    subject = resources.urn(site, "Patient", resident)
    yield subject, resources.patient(site, person)
    yield from resources.devices(site, person)
    known = frozenset(one["id"] for one in person["devices"])
    number, before = 0, None
    for number, line in enumerate(export.consents(db, resident), 1):
        if before is not None:
            yield before[0], resources.ended(before[1], line["at"])
        made = resources.consent(subject, number, line["at"], line["after"], line["how"])
        before = resources.urn(site, "Consent", f"{resident}/{number}"), made
    if before is not None:
        yield before
    if not number and person["care_plan"] is not None:
        agreed = person["care_plan"].get("consents", {})
        yield resources.urn(site, "Consent", resident), resources.consent(subject, 0, now, agreed, "")
    numbers = count(1)
    for reading in export.readings(db, resident):
        for made in resources.observations(site, subject, known, reading):
            place = next(numbers)
            yield resources.urn(site, "Observation", f"{resident}/{place}"), {**made, "id": f"reading-{place}"}
    for one in map(Sentences.of(person, now), export.alerts(db, resident)):
        yield from resources.alert(site, subject, one)


def _bundle(
    out: IO[bytes], db: sqlite3.Connection, person: dict[str, Any], now: datetime, told: Callable[[int], None]
) -> int:
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": now}
    out.write(_ENCODE(head)[:-1] + b',"entry":[\n')
    number = 0
    for number, (address, made) in enumerate(entries(db, person, now), 1):
        out.write((b"" if number == 1 else b",\n") + _ENCODE({"fullUrl": address, "resource": made}))
        if number % export.ROWS == 0:
            told(number)
    out.write(b"\n]}\n")
    return number


def _lines(out: IO[bytes], source: Iterator[export.Line], told: Callable[[int], None]) -> int:
    number = 0
    for number, line in enumerate(source, 1):
        out.write(_ENCODE(line) + b"\n")
        if number % export.ROWS == 0:
            told(number)
    return number
