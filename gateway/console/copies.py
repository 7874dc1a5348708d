"""Copies of everything about a person, on their way out: never a file that stays behind.

The file has no name in any folder from the moment it is made, so nothing of it is left when the person who asked goes
away, the process is killed or the power fails. It lies on the disk of the database, because a long life is large.
"""

import asyncio
import tempfile
import weakref
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import IO, Final

from gateway.console.beside import beside
from gateway.console.deps import Console
from gateway.fhir import export

_PIECE: Final = 1 << 16


class Copy:
    """A ZIP file with everything about a person. It is gone when nobody holds this any more."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        weakref.finalize(self, file.close)  # a response that is never begun is never ended either


async def made(console: Console, resident: str) -> Copy:
    """Make the file, beside the event loop.

    Raises:
        BadAnswerError: nobody of that id is in the centre.
        OSError: the disk is full.
    """
    centre, now, folder = console.deps.index().centre, console.deps.clock.now(), console.deps.database.parent
    file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the Copy
    copy = Copy(file)
    await beside(console, lambda db: export.write_into(copy.file, db, centre, resident, now=now))
    return copy


class Sent:
    """A copy in pieces, for a response; ``part``: only this file of the ZIP."""

    def __init__(self, copy: Copy, *, part: str | None = None) -> None:
        self._copy = copy
        self._part = part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces; can be asked for once."""
        file = self._copy.file
        source = await asyncio.to_thread(self._opened)
        try:
            while data := await asyncio.to_thread(source.read, _PIECE):
                yield data
        finally:
            with suppress(ValueError):
                source.close()
            file.close()

    def _opened(self) -> IO[bytes]:
        file = self._copy.file
        file.seek(0)
        return file if self._part is None else zipfile.ZipFile(file).open(self._part)
