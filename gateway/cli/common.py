"""What the commands share: where the gateway's things are, JSON output, errors with the right exit code."""

import errno
import getpass
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from gateway.clock import SystemClock
from gateway.errors import (
    BrokerError,
    CentreError,
    GatewayError,
    IllegalStepError,
    NotAllowedError,
    Problem,
    SettingsError,
    StoreFailedError,
)
from gateway.problems import shown
from gateway.settings import Settings, load_settings
from gateway.store.database import FILE

T = TypeVar("T")

# No markup: a device's topic or message is shown as it is, and must not be taken for ours.
OUT = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
ERR = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
CLOCK = SystemClock()

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", envvar="TELECARE_CONFIG", help="The gateway's settings.", show_default="gateway.toml"
    ),
]
DEFAULT_CONFIG = Path("gateway.toml")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]

_NO_MORE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
_COULD_NOT = (BrokerError, IllegalStepError, NotAllowedError, StoreFailedError)


def complain(error: Exception) -> int:
    """Print an error; the exit code: 1 for what can't be done (now), 2 for bad input."""
    ERR.print(str(error), style="red", markup=False)
    return 1 if isinstance(error, _COULD_NOT) else 2


def complain_of_system(error: OSError) -> int:
    """Print an error of the operating system in one line; the exit code, 1.

    When it was standard output that can't be written, it is given up, or Python would complain again at the end.
    """
    why = error.strerror or str(error)
    if is_full(error):
        # what could not be written may still wait in a buffer; it has to go somewhere
        with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        why = f"standard output can't be written: {why}"
    elif error.filename:
        why = f"{error.filename}: {why}"
    ERR.print(why, style="red", markup=False)
    return 1


def is_full(error: OSError) -> bool:
    """Whether it comes from standard output: no file is named, and whatever is behind it takes no more."""
    return error.filename is None and error.errno in _NO_MORE


def fail(text: str, *, code: int = 2) -> typer.Exit:
    """``raise fail(...)``: print why and end."""
    ERR.print(text, style="red", markup=False)
    return typer.Exit(code)


def as_given(load: Callable[[Path], T], path: Path) -> T:
    """Load settings or a centre; a file that can't be read as a whole is named as it was on the command line.

    Raises:
        SettingsError, CentreError: as ``load``.
    """
    try:
        return load(path)
    except (SettingsError, CentreError) as error:
        raise type(error)([_named(problem, path) for problem in error.problems]) from error


def _named(problem: Problem, path: Path) -> Problem:
    if problem.file != path.name or not problem.key.startswith("("):
        return problem
    value = shown(str(path)) if problem.value == shown(path.name) else problem.value
    return Problem(str(path), problem.key, value, problem.expected)


def settings_and_database(config: Path) -> tuple[Settings, Path]:
    """The settings, and the database's path.

    Raises:
        GatewayError: the settings can't be used.
    """
    settings = as_given(load_settings, config)
    return settings, settings.gateway.data / FILE


def print_json(value: Any) -> None:
    """One object as one line of JSON; times as RFC 3339 UTC."""
    typer.echo(msgspec.json.encode(value).decode())


def printable(text: str) -> str:
    """A device's text for a terminal: what a terminal would obey (escape sequences) is written as ``\\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def local(at: datetime, timezone: tzinfo) -> str:
    """A time for people: the centre's own, to the second, such as ``2026-03-01 22:15:00 CET``. JSON stays UTC."""
    return f"{at.astimezone(timezone):%Y-%m-%d %H:%M:%S %Z}"


def operator() -> str:
    """Who sits at the command line, for the audit: ``cli:<user>``."""
    try:
        return f"cli:{getpass.getuser()}"
    except OSError:
        return "cli"


__all__ = [
    "CLOCK",
    "DEFAULT_CONFIG",
    "ERR",
    "OUT",
    "ConfigOption",
    "GatewayError",
    "JsonOption",
    "as_given",
    "complain",
    "complain_of_system",
    "fail",
    "is_full",
    "local",
    "operator",
    "print_json",
    "printable",
    "settings_and_database",
]
