"""Passkeys (WebAuthn): a phone or a key signs a challenge; nothing that could be guessed or typed into a wrong page.

What they sign works once and in one browser (gateway.console.challenges). The library checks signature, origin, relying
party and the person's verification (Web Authentication Level 2, 7.1 and 7.2), and that the counter of the key goes up.
"""

import sqlite3
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.centre.model import Carer
from gateway.clock import from_ms, to_ms
from gateway.errors import PasskeyError
from gateway.store.audit import record
from gateway.store.writer import Tx

MOST_EACH: Final = 10
MOST_NAME: Final = 60
_VERIFIED: Final = UserVerificationRequirement.REQUIRED


class Site(NamedTuple):
    """Where passkeys belong to: ``rp_id`` is a host name, ``origin`` is scheme, host and port."""

    rp_id: str
    origin: str


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey as it is listed. Times are in UTC."""

    id: str
    name: str
    made_at: datetime
    used_at: datetime | None


def site_of(request: Request[Any, Any, Any], base_url: str) -> Site | None:
    """Where passkeys belong to here; None: browsers allow none, because that needs HTTPS and a name, or localhost."""
    asked = urlsplit(f"{request.url.scheme}://{request.headers.get('host', '')}")
    if asked.hostname == "localhost":
        return Site("localhost", f"{asked.scheme}://{asked.netloc}")
    public = urlsplit(base_url)
    if public.scheme != "https" or not public.hostname or _is_address(public.hostname):
        return None
    return Site(public.hostname, f"https://{public.netloc}".lower().removesuffix(":443"))


def ask_to_register(db: sqlite3.Connection, carer: Carer, site: Site, name: str) -> tuple[bytes, str]:
    """Challenge and options (JSON) with which a browser makes a passkey; ``name`` is the house's."""
    known = db.execute("SELECT id FROM passkeys WHERE carer = ?", (carer.id,)).fetchall()
    options = generate_registration_options(
        rp_id=site.rp_id, rp_name=name, user_name=carer.id, user_id=carer.id.encode(), user_display_name=carer.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(row["id"])) for row in known],
    )  # fmt: skip
    return options.challenge, options_to_json(options)


def ask_to_sign_in(site: Site) -> tuple[bytes, str]:
    """Challenge and options (JSON) with which a browser signs in by any passkey it has for this site."""
    options = generate_authentication_options(rp_id=site.rp_id, user_verification=_VERIFIED)
    return options.challenge, options_to_json(options)


def register(tx: Tx, carer: str, credential: dict[str, Any], challenge: bytes, site: Site, name: str) -> None:
    """Keep a new passkey of a carer.

    Raises:
        PasskeyError: it does not answer the challenge, is known already, or there are too many.
    """
    name = name.strip()[:MOST_NAME]
    try:
        made = verify_registration_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=site.rp_id,
            expected_origin=site.origin, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyError(f"That is no passkey for this house: {type(error).__name__}.") from error
    if tx.db.execute("SELECT count(*) FROM passkeys WHERE carer = ?", (carer,)).fetchone()[0] >= MOST_EACH:
        raise PasskeyError(f"{carer} has {MOST_EACH} passkeys: remove one that is not needed any more.")
    done = tx.db.execute(
        "INSERT OR IGNORE INTO passkeys (id, carer, public_key, sign_count, name, made_at) VALUES (?, ?, ?, ?, ?, ?)",
        (bytes_to_base64url(made.credential_id), carer, made.credential_public_key, made.sign_count, name or "?",
         to_ms(tx.now)),
    )  # fmt: skip
    if not done.rowcount:
        raise PasskeyError("This passkey is known already.")
    record(tx, who=carer, action="passkey.register", target=f"carer/{carer}")


def sign_in(tx: Tx, credential: dict[str, Any], challenge: bytes, site: Site) -> str:
    """Whose passkey answered the challenge.

    Raises:
        PasskeyError: nobody's, or its counter went back: then there may be a copy of it.
    """
    row = tx.db.execute("SELECT * FROM passkeys WHERE id = ?", (str(credential.get("id", "")),)).fetchone()
    if row is None:
        raise PasskeyError("This passkey is not known here.")
    try:
        used = verify_authentication_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=site.rp_id,
            expected_origin=site.origin, credential_public_key=row["public_key"],
            credential_current_sign_count=row["sign_count"], require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyError(f"This passkey did not sign what it was asked to: {type(error).__name__}.") from error
    tx.db.execute(
        "UPDATE passkeys SET sign_count = ?, used_at = ? WHERE id = ?",
        (used.new_sign_count, to_ms(tx.now), row["id"]),
    )
    return str(row["carer"])


def passkeys_of(db: sqlite3.Connection, carer: str) -> list[Passkey]:
    """A carer's passkeys, the newest first."""
    rows = db.execute("SELECT * FROM passkeys WHERE carer = ? ORDER BY made_at DESC, id", (carer,))
    return [
        Passkey(
            id=row["id"], name=row["name"], made_at=from_ms(row["made_at"]),
            used_at=None if row["used_at"] is None else from_ms(row["used_at"]),
        )
        for row in rows
    ]  # fmt: skip


def remove(tx: Tx, carer: str, passkey: str, *, by: str | None = None) -> bool:
    """Take a carer's passkey away; ``by`` None: they do it themselves. False: the carer has no such one."""
    done = tx.db.execute("DELETE FROM passkeys WHERE carer = ? AND id = ?", (carer, passkey)).rowcount
    if done:
        record(tx, who=by or carer, action="passkey.remove", target=f"carer/{carer}")
    return bool(done)


def is_only_way(db: sqlite3.Connection, carer: str, passkey: str, issuer: str | None, *, claims: bool) -> bool:
    """Whether the carer could not come in any more without that passkey of theirs.

    Args:
        db: a connection.
        carer: whose it is.
        passkey: its id.
        issuer: the house's provider, whose linked accounts are a way in; None: it has none.
        claims: whether a link that a claim made is a way in for the carer's role.
    """
    return not db.execute(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE carer = :carer)"
        " OR EXISTS (SELECT 1 FROM passkeys WHERE carer = :carer AND id <> :passkey)"
        " OR EXISTS (SELECT 1 FROM identities WHERE carer = :carer AND issuer = :issuer"
        "  AND (:claims OR linked_by NOT LIKE 'claim:%'))",
        {"carer": carer, "passkey": passkey, "issuer": issuer, "claims": claims},
    ).fetchone()[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
