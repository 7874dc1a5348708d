"""The house's provider (OpenID Connect Core 1.0, code flow with PKCE S256), spoken to through Authlib.

Authlib makes the addresses and the token request, and checks the claims; joserfc, its library below, checks the
signature. What they leave to us: which algorithms we take (none that is symmetric, and never ``none``), that the
discovery document is the issuer's own, that keys are fetched anew when the provider changed them, and our clock.
"""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

import httpx
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import JWSRegistry

from gateway.clock import Clock
from gateway.console.oidc_identities import is_subject
from gateway.console.oidc_words import Why
from gateway.errors import ProviderError
from gateway.settings.oidc import Oidc, is_safe

with warnings.catch_warnings(record=True):
    # Authlib says here that it would rather have httpx2; it works with httpx, which the rest of the gateway uses
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oidc.core import CodeIDToken
    from authlib.oidc.discovery import get_well_known_url

_LOG = structlog.get_logger(__name__)

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a private key that only the provider has. A symmetric one (HS256) could be made by whoever knows the
client's secret, or, where keys are mixed up, the public key."""

PAPERS_LAST: Final = timedelta(hours=1)
"""How long the discovery document and the keys are kept; keys that are missed are fetched before that."""

ANEW_AFTER: Final = timedelta(minutes=1)
"""Keys are fetched anew for an unknown signature at most that often."""

LEEWAY_S: Final = 60
"""How much the provider's clock may differ from ours."""

AT_ONCE: Final = 8
"""Codes that are asked about at once: a flood of made-up ones waits here, and is not handed on to the provider."""

_READABLE: Final = ("preferred_username", "email", "name")
_MOST_SHOWN: Final = 100

T = TypeVar("T")


class Account(NamedTuple):
    """Who signed in at the provider, as its ID token says."""

    issuer: str
    subject: str
    claims: dict[str, Any]

    @property
    def shown(self) -> str:
        """How people call the account; empty: the provider does not tell."""
        for name in _READABLE:
            value = self.claims.get(name)
            if isinstance(value, str) and value.isprintable() and value.strip():
                return value.strip()[:_MOST_SHOWN]
        return ""


class _Papers(msgspec.Struct, frozen=True):
    """What we need of the discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Keys(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, Any], ...]


class Provider:
    """One provider. Everything is fetched when somebody signs in: one that is down holds nothing else up.

    Args:
        settings: [console.oidc].
        clock: the gateway's.
    """

    def __init__(self, settings: Oidc, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._tls: ssl.SSLContext | None = None
        self._papers: tuple[_Papers, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None
        self._fetching = asyncio.Lock()
        self._asking = asyncio.Semaphore(AT_ONCE)

    async def address(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in. ``state`` comes back with it, ``nonce`` in the ID token, and with
        ``verifier`` (PKCE) we show that it was we who began.

        Raises:
            ProviderError: DOWN.
        """
        async with _patience(self.settings.timeout_s):
            papers = await self._discovered()
            async with await self._client(papers, redirect_uri) as client:
                url, _ = client.create_authorization_url(
                    papers.authorization_endpoint, state=state, code_verifier=verifier, nonce=nonce
                )
        return str(url)

    async def check_sender(self, iss: str | None) -> None:
        """Whether this provider sent the browser back (RFC 9207): another one's code must not be handed to it.

        Raises:
            ProviderError: UNTRUSTED, or DOWN.
        """
        async with _patience(self.settings.timeout_s):
            papers = await self._discovered()
        if iss is None and not papers.authorization_response_iss_parameter_supported:
            return  # one provider is all we have, so nobody else's code can be mistaken for its own
        if iss != papers.issuer:
            raise ProviderError(Why.UNTRUSTED, "another issuer answered")

    async def account_of(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Account:
        """Whose account the code stands for.

        Raises:
            ProviderError: REFUSED (the provider does not take the code), UNTRUSTED (its answer), DOWN.
        """
        async with _patience(self.settings.timeout_s):
            papers = await self._discovered()
            async with self._asking, await self._client(papers, redirect_uri) as client:
                token = await self._token(client, papers, code, verifier)
            return await self._read(papers, token, nonce)

    async def _token(self, client: AsyncOAuth2Client, papers: _Papers, code: str, verifier: str) -> dict[str, Any]:
        try:
            token: dict[str, Any] = await client.fetch_token(
                papers.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except AuthlibBaseError as error:
            raise ProviderError(Why.REFUSED, f"error {str(error.error)[:60]!r}") from error
        except httpx.HTTPStatusError as error:
            why = Why.DOWN if error.response.status_code >= 500 else Why.REFUSED
            raise ProviderError(why, f"status {error.response.status_code} of the token endpoint") from error
        except (ValueError, TypeError) as error:
            raise ProviderError(Why.UNTRUSTED, "the token endpoint's answer can't be read") from error
        return token

    async def _read(self, papers: _Papers, token: dict[str, Any], nonce: str) -> Account:
        """The ID token's claims, when everything about it is right (OpenID Connect Core 1.0, section 3.1.3.7)."""
        text = token.get("id_token")
        if not isinstance(text, str):
            raise ProviderError(Why.UNTRUSTED, "no ID token")
        client_id = self.settings.client_id
        try:
            found = await self._verified(papers, text)
            claims = CodeIDToken(
                found.claims,
                found.header,
                {
                    "iss": {"essential": True, "value": papers.issuer},
                    "aud": {"essential": True, "value": client_id},
                    "sub": {"essential": True},
                },
                {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")},
            )
            claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderError(Why.UNTRUSTED, f"the ID token: {type(error).__name__}") from error
        if not is_subject(claims["sub"]):
            raise ProviderError(Why.UNTRUSTED, "the ID token: a subject that is none")
        return Account(papers.issuer, claims["sub"], dict(claims))

    async def _verified(self, papers: _Papers, text: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(text, await self._key_set(papers), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            # a key that we do not know, or another under the same name: the provider may have changed it
            return jwt.decode(text, await self._key_set(papers, older_than=ANEW_AFTER), registry=registry)

    async def _key_set(self, papers: _Papers, *, older_than: timedelta = PAPERS_LAST) -> KeySet:
        if self._keys is None or not self._is_young(self._keys[1], older_than):
            found = await self._fetched(papers.jwks_uri, _Keys)
            # no symmetric keys, and none that are for encrypting
            usable = [one for one in found.keys if one.get("kty") != "oct" and one.get("use", "sig") == "sig"]
            self._keys = KeySet.import_key_set(KeySetSerialization(keys=usable)), self._clock.now()
        return self._keys[0]

    async def _discovered(self) -> _Papers:
        async with self._fetching:  # a crowd that comes at once asks once
            if self._papers is not None and self._is_young(self._papers[1], PAPERS_LAST):
                return self._papers[0]
            papers = await self._fetched(get_well_known_url(self.settings.issuer, external=True), _Papers)
            if papers.issuer != self.settings.issuer:
                raise ProviderError(Why.DOWN, "the discovery document is another issuer's")
            for address in (papers.authorization_endpoint, papers.token_endpoint, papers.jwks_uri):
                if not is_safe(address):
                    raise ProviderError(Why.DOWN, "the discovery document names an address without https")
            self._papers = papers, self._clock.now()
            return papers

    async def _fetched(self, url: str, kind: type[T]) -> T:
        async with await self._client() as client:
            response = await client.request("GET", url, withhold_token=True, headers={"accept": "application/json"})
        if response.status_code != 200:
            raise ProviderError(Why.DOWN, f"status {response.status_code} instead of {kind.__name__}")
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise ProviderError(Why.DOWN, f"what came is no {kind.__name__}") from error

    async def _client(self, papers: _Papers | None = None, redirect_uri: str | None = None) -> AsyncOAuth2Client:
        if self._tls is None:  # reads a long list of authorities
            self._tls = await asyncio.to_thread(_tls, self.settings)
        secret = self.settings.client_secret
        return AsyncOAuth2Client(
            client_id=self.settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method=_method(papers, has_secret=secret is not None),
            scope=" ".join(self.settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            verify=self._tls,
            timeout=self.settings.timeout_s,
            follow_redirects=False,
            trust_env=False,
        )

    def _is_young(self, at: datetime, age: timedelta) -> bool:
        return timedelta(0) <= self._clock.now() - at < age


@asynccontextmanager
async def _patience(seconds: float) -> AsyncIterator[None]:
    """The whole of what is asked within that time; whatever goes wrong on the way is a provider that is down."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # a TimeoutError is an OSError too
        raise ProviderError(Why.DOWN, f"the request failed: {type(error).__name__}") from error


def _method(papers: _Papers | None, *, has_secret: bool) -> str:
    """How we show who we are (OpenID Connect Core 1.0, section 9): the usual way unless the provider only takes it as a
    field of the form."""
    if not has_secret:
        return "none"
    known = papers.token_endpoint_auth_methods_supported if papers else ()
    return "client_secret_post" if known and "client_secret_basic" not in known else "client_secret_basic"


def _tls(settings: Oidc) -> ssl.SSLContext:
    if settings.ca is not None:
        return ssl.create_default_context(cafile=settings.ca)
    return httpx.create_ssl_context(trust_env=False)
