"""The centre file on its way out and in: a ZIP (TOML, zones, calendars) or one TOML file with all of it."""

import asyncio
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final

import tomli_w

from gateway.centre.load import centre_from_document, export_centre, load_centre, to_document
from gateway.centre.write import head
from gateway.console.apart import apart
from gateway.console.deps import Console
from gateway.errors import CentreError, Problem
from gateway.problems import printable
from gateway.store import centres, version_lines
from gateway.store.database import reader

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an upload, and of what is unpacked from it: 10,000 residents are some 10 MB without photos."""

LARGE: Final = 3000
"""Entries from which on a file is written in another process: some tenths of a second, as long as it takes to start."""

MOST_FILES: Final = 2000

_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, OSError, ValueError,
    OverflowError, MemoryError,
)  # fmt: skip
"""What the decompressors raise of a damaged or encrypted file, and the system of a name that can't be one."""

NAME: Final = "centre.toml"


def as_zip(document: dict[str, Any], remark: str = "") -> bytes:
    """The centre as ``telecare centre export`` writes it, in one ZIP."""
    packed = io.BytesIO()
    with TemporaryDirectory() as folder:
        export_centre(centre_from_document(document), Path(folder) / NAME, remark=remark)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
            for file in sorted(Path(folder).iterdir()):
                out.write(file, file.name)
    return packed.getvalue()


def as_toml(document: dict[str, Any], remark: str = "") -> bytes:
    """The centre as one TOML file, zones and calendars in it."""
    return (remark + tomli_w.dumps(document)).encode()


WRITERS: Final[dict[str, Callable[[dict[str, Any], str], bytes]]] = {"zip": as_zip, "toml": as_toml}


def written(database: Path, version: int, end: str) -> bytes:
    """A version of the centre as a file of that ending; a process of its own has nothing but the database for it."""
    with closing(reader(database)) as db:
        return WRITERS[end](centres.document_of(db, version) or {}, head(version, version_lines.digest_of(db, version)))


async def download(console: Console, version: int, document: Mapping[str, Any], end: str) -> bytes:
    """The newest version as a file of that ending (zip, toml). That of a large house takes seconds: they are spent in
    another process."""
    if sum(len(entries) for entries in document.values()) > LARGE:
        return await apart(written, console.deps.database, version, end)
    remark = head(version, version_lines.digest_of(console.db(), version))
    return await asyncio.to_thread(WRITERS[end], dict(document), remark)


def unpacked(upload: bytes) -> dict[str, Any]:
    """The document of an uploaded ZIP or TOML file, checked as a whole. It can name no file but those in the ZIP.

    Raises:
        CentreError: it can't be read, or the centre does not hold; with every problem.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder)
        if upload[:2] == b"PK":
            names = _unzipped(upload, place)
        else:
            names = {NAME}
            (place / NAME).write_bytes(upload)
        found = sorted(name for name in names if name.endswith(".toml"))
        if len(found) != 1:
            raise _refused(f"expected one TOML file in it, and {len(found)} are there")
        return to_document(load_centre(place / found[0], sent=frozenset(names) - {found[0]}))


def _unzipped(upload: bytes, place: Path) -> set[str]:
    """Put the files of a ZIP beside each other, whatever folders they were in; their names."""
    named: dict[str, str] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(upload)) as packed:
            files = [(PurePosixPath(one.filename.replace("\\", "/")).name, one) for one in packed.infolist()]
            files = [(name, one) for name, one in files if not one.is_dir() and name and not name.startswith(".")]
            if len(files) > MOST_FILES or sum(one.file_size for _, one in files) > LARGEST:
                raise _refused(f"expected at most {MOST_FILES} files of {LARGEST // 1024**2} MiB together")
            for name, one in files:
                if name in named:
                    both = f"{printable(named[name])[:100]} and {printable(one.filename)[:100]}"
                    raise _refused(f"expected files of different names, whatever folder they are in: {both}")
                named[name] = one.filename
                (place / name).write_bytes(packed.read(one))
    except _UNREADABLE as error:
        raise _refused("expected a ZIP file that can be read; this one is damaged, or of a kind that is not") from error
    return set(named)


def _refused(expected: str) -> CentreError:
    return CentreError([Problem("(upload)", "(the whole file)", "(ZIP)", expected)])
