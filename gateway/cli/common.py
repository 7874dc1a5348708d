"""What the commands share: where the gateway's things are, JSON output, errors with the right exit code."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from gateway.clock import SystemClock
from gateway.errors import BrokerError, GatewayError, IllegalStepError, NotAllowedError, StoreFailedError
from gateway.settings import Settings, load_settings
from gateway.store.database import FILE

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

_COULD_NOT = (BrokerError, IllegalStepError, NotAllowedError, StoreFailedError)


def complain(error: Exception) -> int:
    """Print an error; the exit code: 1 for what can't be done (now), 2 for bad input."""
    ERR.print(str(error), style="red", markup=False)
    return 1 if isinstance(error, _COULD_NOT) else 2


def fail(text: str, *, code: int = 2) -> typer.Exit:
    """``raise fail(...)``: print why and end."""
    ERR.print(text, style="red", markup=False)
    return typer.Exit(code)


def settings_and_database(config: Path) -> tuple[Settings, Path]:
    """The settings, and the database's path.

    Raises:
        GatewayError: the settings can't be used.
    """
    settings = load_settings(config)
    return settings, settings.gateway.data / FILE


def print_json(value: Any) -> None:
    """One object as one line of JSON; times as RFC 3339 UTC."""
    typer.echo(msgspec.json.encode(value).decode())


def printable(text: str) -> str:
    """A device's text for a terminal: what a terminal would obey (escape sequences) is written as ``\\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
    "complain",
    "fail",
    "operator",
    "print_json",
    "printable",
    "settings_and_database",
]
