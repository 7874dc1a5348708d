"""A small OpenID provider on a free port, with every fault that a test asks for. It is strict about what it is sent."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from gateway.clock import ManualClock
from gateway.console.oidc_identities import link
from gateway.settings.oidc import Oidc
from tests.gateway.console.house import NOW, House

CLIENT, CLIENT_SECRET = "telecare", "a secret between the two"


class TestProvider:
    """What a test holds on to; what it sets counts from then on."""

    __test__ = False

    def __init__(self, server: HTTPServer, clock: ManualClock, host: str) -> None:
        self.issuer = f"http://{host}:{server.port}/realms/care"
        self.clock = clock
        self.person: dict[str, Any] = {"sub": "u-1", "preferred_username": "nora.b"}
        self.key = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
        self.published: list[ECKey] = [self.key]
        self.more_metadata: dict[str, Any] = {}
        self.callback: dict[str, str | None] = {}
        """What stands differently in the address with which the browser is sent back; None: it is missing."""
        self.claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self._signed
        self.token_answer: Response | None = None
        self.method = "client_secret_basic"
        """How the gateway must show who it is."""
        self.symmetric_too = False
        self.asks_first = False
        """Whether somebody must press something on the provider's own page."""
        self.asked: Counter[str] = Counter()
        self.faults: list[str] = []
        self.stop = server.stop
        self._codes: dict[str, dict[str, str]] = {}
        for path, answer in {
            "/.well-known/openid-configuration": self._metadata, "/keys": self._keys,
            "/authorize": self._authorize, "/token": self._token,
        }.items():  # fmt: skip
            server.expect_request(f"/realms/care{path}").respond_with_handler(self._counted(path, answer))

    def settings(self, **more: Any) -> Oidc:
        """[console.oidc] for this provider."""
        made = Oidc(**{"issuer": self.issuer, "client_id": CLIENT, "name": "Haven Login", **more})
        made.keep_secret(SecretStr(CLIENT_SECRET))
        return made

    def _counted(self, path: str, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def counted(request: Request) -> Response:
            self.asked[path] += 1
            return answer(request)

        return counted

    def _metadata(self, _: Request) -> Response:
        return _json({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["ES256"],
            **self.more_metadata,
        })  # fmt: skip

    def _keys(self, _: Request) -> Response:
        keys = [key.as_dict(private=False, use="sig", alg="ES256") for key in self.published]
        if self.symmetric_too:
            keys.append(OctKey.import_key(CLIENT_SECRET, {"kid": "shared", "alg": "HS256"}).as_dict())
        return _json({"keys": keys})

    def _authorize(self, request: Request) -> Response:
        asked = {name: request.args[name] for name in request.args}
        if self.asks_first and asked.pop("said", None) is None:
            link = escape(f"?{request.query_string.decode()}&said=yes")
            return Response(f'<p><a href="{link}">Go on as Nora</a></p>', content_type="text/html")
        self._demand(asked.get("response_type") == "code" and asked.get("client_id") == CLIENT, "client")
        self._demand("openid" in asked.get("scope", "").split(), "scope")
        self._demand(asked.get("code_challenge_method") == "S256" and len(asked["code_challenge"]) == 43, "PKCE")
        self._demand(len(asked.get("state", "")) >= 32 and len(asked.get("nonce", "")) >= 32, "state and nonce")
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer, **self.callback}
        sent = urlencode({name: value for name, value in back.items() if value is not None})
        return Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{sent}"})

    def _token(self, request: Request) -> Response:
        if self.token_answer is not None:
            return self.token_answer
        self._demand(_shown(request) == (self.method, CLIENT, "" if self.method == "none" else CLIENT_SECRET), "secret")
        asked = self._codes.pop(request.form.get("code", ""), None)
        if asked is None:
            return _json({"error": "invalid_grant"}, 400)
        self._demand(request.form.get("grant_type") == "authorization_code", "grant_type")
        self._demand(request.form.get("redirect_uri") == asked["redirect_uri"], "redirect_uri")
        self._demand(_half(request.form["code_verifier"], 32) == asked["code_challenge"], "code_verifier")
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": asked["nonce"],
            "at_hash": _half("the access token", 16), **self.person,
        }  # fmt: skip
        token = self.sign(self.claims(claims))
        return _json({"access_token": "the access token", "token_type": "Bearer", "id_token": token})

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def with_public_key(self, claims: dict[str, Any]) -> str:
        """Signed with what everybody knows: the algorithm confusion of RFC 8725, 2.1."""
        return self._shared(claims, self.key.as_pem(private=False), str(self.key.kid))

    def with_client_secret(self, claims: dict[str, Any]) -> str:
        """Signed with what the two share."""
        return self._shared(claims, CLIENT_SECRET.encode(), "shared" if self.symmetric_too else str(self.key.kid))

    def _shared(self, claims: dict[str, Any], secret: bytes, kid: str) -> str:
        # by hand: the library refuses to do anything that foolish
        text = ".".join(_b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": kid}, claims))
        return f"{text}.{_b64(hmac.digest(secret, text.encode(), 'sha256'))}"

    def with_other_key(self, claims: dict[str, Any]) -> str:
        """Signed by somebody else in the name of the key."""
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, ECKey.generate_key("P-256"))

    def unsigned(self, claims: dict[str, Any]) -> str:
        """With the algorithm "none"."""
        parts = ({"alg": "none", "kid": self.key.kid}, claims)
        return ".".join([*(_b64(json.dumps(part).encode()) for part in parts), ""])

    def change_key(self, kid: str, *, publish: bool = True) -> None:
        """From now on another key signs."""
        self.key = ECKey.generate_key("P-256", {"kid": kid}, private=True)
        if publish:
            self.published = [self.key]

    def _demand(self, met: bool, what: str) -> None:
        if not met:
            self.faults.append(what)


@pytest.fixture
def provider() -> Iterator[TestProvider]:
    """A provider that runs, in the time of its house."""
    with provider_on(ManualClock(NOW)) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, provider: TestProvider) -> AsyncIterator[House]:
    """A house with that provider: restarting it for each test would take most of its time."""
    house = House(tmp_path)
    house.clock = provider.clock
    house.settings["oidc"] = provider.settings()
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def linked(house: House, provider: TestProvider, carer: str = "nora") -> None:
    """The provider's person is that carer, by the command line."""
    work = partial(link, carer=carer, issuer=provider.issuer, subject="u-1", shown="", by="cli:root")
    await house.writer.write(work)


@contextmanager
def provider_on(clock: ManualClock, host: str = "127.0.0.1") -> Iterator[TestProvider]:
    """A provider that runs; at the end, that it was always asked as it must be."""
    with HTTPServer(host="127.0.0.1", port=0) as server:
        made = TestProvider(server, clock, host)
        yield made
    assert made.faults == []


async def with_provider(house: House, provider: TestProvider, **more: Any) -> None:
    """The house serves anew, with this provider."""
    await house.stop_serving()
    house.settings["oidc"] = provider.settings(**more)
    await house.serve()


async def to_callback(client: httpx.AsyncClient, path: str = "/sign-in/oidc", **query: str) -> str:
    """The way to the provider and back, as a browser goes it, but not yet in: the address at which it would be."""
    begun = await client.get(path, params=query)
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient() as browser:
        back = await browser.get(begun.headers["location"])
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}" == str(client.base_url)
    return f"{parts.path}?{parts.query}"


async def go(client: httpx.AsyncClient, path: str = "/sign-in/oidc", **query: str) -> httpx.Response:
    """The whole way: what the callback answers."""
    return await client.get(await to_callback(client, path, **query))


def why(answer: httpx.Response) -> str:
    """Why somebody was sent back to the sign-in page, or to My account."""
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["oidc"][0]


def _shown(request: Request) -> tuple[str, str | None, str | None]:
    """How a client showed who it is: method, name, secret."""
    if request.authorization is not None:
        return "client_secret_basic", request.authorization.username, request.authorization.password
    secret = request.form.get("client_secret", "")
    return "client_secret_post" if secret else "none", request.form.get("client_id"), secret


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _half(text: str, size: int) -> str:
    return _b64(hashlib.sha256(text.encode()).digest()[:size])


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
