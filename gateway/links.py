"""Signed links: a carer opens an alert from a message, without signing in.

A link says which alert, which carer, what for, and until when; the signature (itsdangerous) makes sure that only
this gateway wrote it. The expiry stands inside of what is signed and is compared with the gateway's own clock.
Opening a link never changes anything: mail scanners open links too. The page behind it shows, and a POST acts.
"""

import os
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from itsdangerous import BadData, URLSafeSerializer

from gateway.clock import Clock, from_ms, to_ms
from gateway.errors import StoreError
from gateway.settings.table import MAP_LINK

PATH = "/a/"
"""Where links live on the page: ``/a/{token}``."""

LIFETIME = timedelta(hours=24)
"""One link lasts a day: a shift and the one after it. An alert that is still open then sends new ones."""

_SALT = "telecare.link.v1"
"""Keeps these signatures apart from others made with the same secret, such as sessions."""


_CALLBACK_SALT = "telecare.callback.v1"


class LinkClaim(msgspec.Struct, frozen=True):
    """What a valid link says: this carer, about this alert, for this purpose, until then (UTC-aware)."""

    alert: int
    carer: str
    purpose: str
    expires_at: datetime


class LinkRefusal(StrEnum):
    """Why a link is not accepted."""

    EXPIRED = "expired"
    """It was ours, but its time is over."""
    FORGED = "forged"
    """It was not made by this gateway, was cut short, or was made with another secret."""


class Links:
    """Makes links, and reads them again.

    Args:
        base_url: public address of the page, such as ``https://care.example.org``.
        secret: what links are signed with; see :func:`secret_in`.
        clock: the gateway's clock.
        lifetime: how long a link is accepted.
        map_link: address that shows a position, with the blanks ``{lat}`` and ``{lon}``.
    """

    def __init__(
        self, base_url: str, secret: str, clock: Clock, *, lifetime: timedelta = LIFETIME, map_link: str = MAP_LINK
    ) -> None:
        self._map_link = map_link
        self._root = base_url.rstrip("/")
        self._base = self._root + PATH
        self._signed = URLSafeSerializer(secret, salt=_SALT)
        self._callbacks = URLSafeSerializer(secret, salt=_CALLBACK_SALT)
        self._clock = clock
        self._lifetime = lifetime

    def make(self, alert: int, carer: str, purpose: str) -> str:
        """The whole address of a link for this carer to this alert."""
        until = to_ms(self._clock.now() + self._lifetime) // 1000
        return self._base + str(self._signed.dumps([alert, carer, purpose, until]))

    def map(self, lon: float, lat: float) -> str:
        """The address of a map that shows a position in degrees; 5 places are some metres."""
        return self._map_link.replace("{lat}", f"{lat:.5f}").replace("{lon}", f"{lon:.5f}")

    def callback(self, kind: str, notification: int) -> str:
        """An address at which a provider reports about a notification; ``kind`` is its first part: ``receipt``."""
        return f"{self._root}/{kind}/{self._callbacks.dumps([kind, notification])}"

    def read_callback(self, kind: str, token: str) -> int | None:
        """The notification that such an address is about; None: it is not ours, or of another kind."""
        try:
            said, number = self._callbacks.loads(token)
            return int(number) if said == kind else None
        except (BadData, ValueError, TypeError):
            return None

    def read(self, token: str) -> LinkClaim | LinkRefusal:
        """What the last part of a link's address says, or why it is refused."""
        try:
            said: Any = self._signed.loads(token)
            alert, carer, purpose, until = said
            claim = LinkClaim(int(alert), str(carer), str(purpose), from_ms(int(until) * 1000))
        except (BadData, ValueError, TypeError, OverflowError):
            return LinkRefusal.FORGED
        return claim if self._clock.now() < claim.expires_at else LinkRefusal.EXPIRED


def secret_in(file: Path) -> str:
    """The secret kept in a file; made at the first call, readable by the gateway's user only.

    Raises:
        StoreError: the file can't be read or made, or is empty.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Written whole beside it and then linked: nobody ever reads half a secret, and of two writers one wins.
        draft = file.with_name(f"{file.name}.{os.getpid()}.new")
        if not file.exists():
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as out:
                out.write(secrets.token_urlsafe(32))
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(draft, file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        secret = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{file}: the secret can't be kept there: {error}") from error
    if not secret:
        raise StoreError(f"{file} is empty: delete it, and a new secret is made at the next start.")
    return secret
