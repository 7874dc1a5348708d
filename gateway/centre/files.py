"""The files of a care centre: the TOML file, and those that it names. Each is read whole, or not at all.

A name in a centre file is a path for the operator's own command line. In a file that somebody sent it is no path: it
names one of the files that came with it, or nothing.
"""

import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

from gateway.problems import did_you_mean
from rules.ical import LONGEST_TEXT

MOST_CENTRE: Final = 1024 * 1024 * 1024
"""Bytes of a TOML file that the operator names: an export has the photos of all residents in it."""

MOST_ZONES: Final = 64 * 1024 * 1024
"""Bytes of a GeoJSON file: some 10,000 zones of a hundred corners."""

MOST_CALENDAR: Final = 4 * LONGEST_TEXT
"""Bytes of an iCalendar file: a character has at most four."""

_ALONE: Final = "no file's name: a TOML file that is sent alone brings no others; send a ZIP with all of them"
_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Without it, to open a pipe that nobody writes to would wait for ever."""


class Beside(NamedTuple):
    """Where the files are that a centre file names.

    ``folder``: relative names begin there. ``sent``: the names of the files that came with it; None: it is the
    operator's own, and may name any file that the operator may read.
    """

    folder: Path
    sent: frozenset[str] | None = None

    def read(self, name: str, most: int) -> bytes:
        """The content of a file that the centre file names.

        Raises:
            ValueError: it can't be read, is no regular file or has more than ``most`` bytes; what is expected.
        """
        if self.sent is not None and name not in self.sent:
            wanted = f"the name of a file in the ZIP, without a folder{did_you_mean(name, self.sent)}"
            raise ValueError(f"expected {wanted if self.sent else _ALONE}")
        return _content(self.folder / name, most, pipes=False)


def read_named(path: Path, most: int = MOST_CENTRE) -> bytes:
    """The content of a file that the operator named: a regular one, or a pipe.

    Raises:
        ValueError: it can't be read, or has more than ``most`` bytes; what is expected.
    """
    return _content(path, most, pipes=True)


def text_of(content: bytes) -> str:
    """UTF-8 text, with a byte order mark (as Windows' Notepad writes it) or without.

    Raises:
        UnicodeDecodeError: it is none.
    """
    return content.decode("utf-8-sig")


def _content(path: Path, most: int, *, pipes: bool) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | (0 if pipes else _AT_ONCE)), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            usable = stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode))
            content = file.read(most + 1) if usable else b""
    except OSError as error:
        raise ValueError(f"expected a file that can be read: {error.strerror}") from error
    except ValueError as error:  # a name with a NUL in it
        raise ValueError("expected the name of a file") from error
    if not usable:
        raise ValueError("expected a regular file")
    if len(content) > most:
        raise ValueError(f"expected a file of at most {most // 1024:,} KiB")
    return content
