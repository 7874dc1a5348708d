"""Who POSTs? Each source has one way to show it, with one secret; secrets are compared in constant time."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

AuthKind = Literal["bearer", "basic", "header", "path", "signature"]


class Identity(StrEnum):
    """What became of the check."""

    KNOWN = "known"
    MISSING = "missing"
    """It showed nothing."""
    WRONG = "wrong"


class HttpAuth(msgspec.Struct, frozen=True, kw_only=True):
    """How a source shows who it is. The secret is never printed.

    ``bearer``: ``Authorization: Bearer <secret>``. ``basic``: user name and secret as password (RFC 7617). ``header``:
    the secret as the value of a header. ``path``: the secret as the first part of the address after the source's
    name, for clouds that can do nothing else. ``signature``: Standard Webhooks (webhook-id, -timestamp, -signature).
    """

    kind: AuthKind
    secret: str
    username: str | None = None
    header: str | None = None

    def __repr__(self) -> str:
        """Without the secret."""
        return f"HttpAuth({self.kind!r})"

    @property
    def needs_body(self) -> bool:
        """Whether the message has to be read first."""
        return self.kind == "signature"

    @property
    def challenge(self) -> str:
        """WWW-Authenticate of a refusal (RFC 9110, 11.6.1)."""
        return 'Basic realm="telecare", charset="UTF-8"' if self.kind == "basic" else 'Bearer realm="telecare"'

    def check_head(self, headers: Mapping[str, str], in_path: str) -> Identity:
        """Check what stands in the address and the headers (names in lower case).

        Args:
            headers: of the request.
            in_path: first part of the address after the source's name.
        """
        match self.kind:
            case "bearer":
                return self._same(_credentials(headers, "bearer"), self.secret)
            case "basic":
                return self._same(_decoded(_credentials(headers, "basic")), f"{self.username}:{self.secret}")
            case "header":
                return self._same(headers.get((self.header or "").lower()), self.secret)
            case "path":
                return self._same(in_path or None, self.secret)
            case "signature":
                return Identity.KNOWN if "webhook-signature" in headers else Identity.MISSING

    def check_body(self, headers: Mapping[str, str], body: bytes) -> Identity:
        """Check a signature over the message; its time may be five minutes off (Standard Webhooks)."""
        try:
            Webhook(self.secret).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, UnicodeDecodeError, binascii.Error, ValueError):
            return Identity.WRONG
        return Identity.KNOWN

    @staticmethod
    def _same(shown: str | None, wanted: str) -> Identity:
        if shown is None:
            return Identity.MISSING
        same = hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), wanted.encode())
        return Identity.KNOWN if same else Identity.WRONG


def _credentials(headers: Mapping[str, str], scheme: str) -> str | None:
    """What follows the scheme's word; the word in any case (RFC 9110, 11.1)."""
    word, _, rest = headers.get("authorization", "").partition(" ")
    return rest.strip() if word.lower() == scheme and rest else None


def _decoded(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return ""
