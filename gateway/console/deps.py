"""What the console needs from the rest of the gateway, in one visible place."""

import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from litestar import Router
from litestar.connection import ASGIConnection

from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.console.throttle import Throttle
from gateway.console.trial_view import Trier
from gateway.links import Links
from gateway.settings.duty import Coverage
from gateway.settings.map import Map
from gateway.settings.oidc import Oidc
from gateway.settings.retention import Retention
from gateway.store.changes import Changes
from gateway.store.database import reader
from gateway.store.writer import Writer

CONSOLE = "console"
"""Name of the Console in the app's state."""

STOPPING = "stopping"
"""Name of the event in the app's state that ends every stream."""


@dataclass(frozen=True, kw_only=True)
class ConsoleDeps:
    """Handed to :func:`gateway.console.app.create_app`."""

    database: Path
    """The database file; the console opens its own read-only connection."""
    writer: Writer
    """The daemon's writer; its ``changes`` wake the open boards."""
    index: Callable[[], CentreIndex]
    """The version of the centre that is in effect now."""
    links: Links
    """Reads the signed links of messages."""
    clock: Clock
    health: Callable[[], Mapping[str, object]]
    """The gateway's state: ``ok`` (bool) and whatever numbers it has; nested mappings are allowed."""
    secret: str = field(repr=False)
    """Signs CSRF tokens and the mark of known browsers; at least 32 characters, kept across restarts."""
    base_url: str = ""
    """The console's address as people type it; only needed behind a proxy that changes the Host header."""
    secure_cookies: bool = False
    """The console is reached over HTTPS only."""
    channels: Collection[str] | None = None
    """The channels that work on this gateway; None: all."""
    coverage: Coverage = field(default_factory=Coverage)
    """How the coming days are looked at."""
    retention: Retention = field(default_factory=Retention)
    """How long each kind of data is kept."""
    more_routes: tuple[Router, ...] = ()
    """Routes of other parts: what providers of messages send to us."""
    push_key: str | None = None
    """What browsers need to subscribe to messages (applicationServerKey); None: there are none."""
    certificates: Mapping[str, Path] = field(default_factory=dict)
    """PEM files of the gateway's own certificates and authorities, by what they are for."""
    certificates_in_use: Callable[[], Mapping[str, bytes]] = dict
    """PEM texts of those that others are shown now, whatever the files say meanwhile; of the rest the file counts."""
    trier: Trier | None = None
    """Tries a changed centre over the past; None: that can't be done here."""
    test_contact: Callable[[str, int, str], Awaitable[None]] | None = None
    """Sends a carer (id) a test by one of their contacts (from 0), asked for by somebody; None: nothing can be sent."""
    metrics_from: tuple[str, ...] = ()
    """Addresses that may read /metrics besides this machine."""
    map: Map = field(default_factory=Map)
    """What lies under the map."""
    oidc: Oidc | None = None
    """The provider at which people can sign in too; None: there is none."""


class Console:
    """The dependencies of one running app, and what it opened itself."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self.deps = deps
        self.wrong_tokens = Throttle(deps.clock)
        """Wrong tokens for the API, by network address."""
        self.looks_noted: dict[tuple[str, str], datetime] = {}
        """When a look at something was last written down, by who looked and at what."""
        self._db: sqlite3.Connection | None = None

    @property
    def changes(self) -> Changes:
        """Bumped after each commit that changed an alert."""
        return self.deps.writer.changes

    def db(self) -> sqlite3.Connection:
        """The console's reading connection, used in the event loop only; opened at the first use."""
        if self._db is None:
            self._db = reader(self.deps.database)
        return self._db

    def close(self) -> None:
        """Close what was opened."""
        if self._db is not None:
            self._db.close()
            self._db = None


def console_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Console:
    """The Console behind a request."""
    console: Console = connection.app.state[CONSOLE]
    return console
