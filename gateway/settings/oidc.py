"""[console.oidc]: signing in by the house's own provider (OpenID Connect); docs/sign-in.md."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.table import WithSecret

_CLAIM: Final = re.compile(r"[A-Za-z0-9_.:/#-]{1,120}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,120}")
"""scope-token of RFC 6749, 3.3."""


def is_safe(address: str) -> bool:
    """Whether what is sent there can't be read on the way: https, or http that never leaves this machine."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # read to be checked
    except ValueError:
        return False
    if parts.username is not None or not parts.hostname or not address.isprintable() or " " in address:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _issuer(value: str) -> str:
    # as it is written, with or without a slash at the end: it is compared letter by letter
    if not is_safe(value) or "?" in value or "#" in value:
        raise ValueError(
            "expected the provider's https address as its discovery document names it, such as "
            "https://login.example.org/realms/care; http only on this machine"
        )
    return value


def _claim(value: str) -> str:
    if _CLAIM.fullmatch(value) is None:
        raise ValueError("expected the name of a claim, such as email or preferred_username")
    return value


def _scope(value: str) -> str:
    if _SCOPE.fullmatch(value) is None:
        raise ValueError("expected the name of a scope, such as email")
    return value


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise ValueError('expected "openid" among them: without it the provider says not who signs in')
    return value


class Oidc(WithSecret):
    """[console.oidc]: a provider at which people sign in, beside passwords and passkeys."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="Address of the provider, as its discovery document names it."
    )
    client_id: str = Field(min_length=1, max_length=255, description="The name that the provider gave this gateway.")
    client_secret_env: str | None = Field(None, description="Environment variable that holds the client's secret.")
    client_secret_file: Path | None = Field(None, description="File that holds the client's secret.")
    name: str = Field(
        "OpenID Connect", min_length=1, max_length=40, description="The provider's name on the button, for people."
    )
    scopes: Annotated[tuple[Annotated[str, AfterValidator(_scope)], ...], AfterValidator(_scopes)] = Field(
        ("openid", "profile", "email"), description="What the provider is asked for; openid must be among them."
    )
    claim: Annotated[str, AfterValidator(_claim)] | None = Field(
        None,
        description="Claim by which a carer or relative is known at the first sign-in: email (verified, the address of "
        "an e-mail contact), or another that holds the carer's id. Default: none, accounts are linked by hand.",
    )
    ca: Path | None = Field(None, description="PEM file of the authority to trust; default: the public ones.")
    timeout_s: float = Field(
        5.0, ge=1, le=30, allow_inf_nan=False, description="Seconds until the provider counts as unreachable."
    )

    @property
    def client_secret(self) -> SecretStr | None:
        """The secret, read from its environment variable or file when the settings were loaded; None: a public client,
        which shows by PKCE alone that it began the sign-in."""
        return self._kept
