"""Channel ``webpush``: the browsers in which a carer allowed messages (RFC 8030, 8291, 8292).

The push service learns nothing: the text is encrypted for the browser, and says no more than a lock screen may, unless
the contact shows details.
"""

import asyncio
import base64
import os
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException

from gateway.errors import Problem, SettingsError
from gateway.notify.browsers import Browsers, Subscription
from gateway.notify.channel import MOST_WORKERS, Outgoing, PermanentFailure, Sent, TemporaryFailure
from gateway.notify.http import GuardedHttp

TTL_S = {"high": 3600, "medium": 3600, "low": 12 * 3600}
"""How long the push service keeps it for a telephone that is off: a call for help of yesterday helps nobody."""

_URGENCY = {5: "high", 4: "high", 3: "normal", 2: "low", 1: "low"}
_TOKEN_S = 12 * 3600
"""RFC 8292, 2: at most 24 hours."""

_GONE = frozenset({404, 410})


class WebPushChannel:
    """Tells in browsers.

    Args:
        key_file: the private key, as ``telecare push-keys`` makes it.
        subject: whom a push service can ask about our messages.
        browsers: the subscriptions.
        allow_private: hosts of push services in private networks.
        timeout_s: after how long an attempt counts as failed.

    Raises:
        SettingsError: the key can't be read.
    """

    name = "webpush"
    workers = MOST_WORKERS

    def __init__(
        self,
        *,
        key_file: Path,
        subject: str,
        browsers: Browsers,
        allow_private: Collection[str] = (),
        timeout_s: float = 10.0,
    ) -> None:
        self._key = read_key(key_file)
        self._subject = subject
        self._browsers = browsers
        self.timeout_s = timeout_s
        self._http = GuardedHttp(allow_private=allow_private, timeout_s=timeout_s, where="[channels.webpush]")

    @property
    def public_key(self) -> str:
        """What a browser needs to subscribe (applicationServerKey): URL-safe Base64."""
        return public_key(self._key)

    def destination(self, address: str) -> str:
        """A carer's browsers may be at several services; they are told side by side."""
        return "browsers"

    async def send(self, message: Outgoing) -> Sent:
        """Tell every browser of the carer; one that takes it is success."""
        browsers = self._browsers.of(message.carer)
        if not browsers:
            raise PermanentFailure("the carer has allowed messages in no browser")
        results = await asyncio.gather(*(self._push(one, message) for one in browsers), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, PermanentFailure | TemporaryFailure):
                raise result
        if any(result is None for result in results):
            return Sent()
        for result in results:
            if isinstance(result, TemporaryFailure):
                raise result
        raise PermanentFailure(f"no browser takes it: {results[0]}")

    async def _push(self, browser: Subscription, message: Outgoing) -> None:
        parts = urlsplit(browser.endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(message.now.timestamp()) + _TOKEN_S,
            "sub": self._subject,
        }
        try:
            keys = {"endpoint": browser.endpoint, "keys": {"p256dh": browser.p256dh, "auth": browser.auth}}
            content = WebPusher(keys).encode(_payload(message))["body"]
            signed = self._key.sign(claims)
        except (WebPushException, VapidException, ValueError) as error:
            raise PermanentFailure(f"the browser's keys can't be used: {type(error).__name__}") from error
        headers = {
            **signed,
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(TTL_S.get(message.priority, 3600)),
            "urgency": _URGENCY.get(message.urgency, "normal"),
            # a newer message about the same alert takes the place of one that still waits (RFC 8030, 5.4)
            "topic": f"alert-{message.alert}",
        }
        answered = await self._http.post(browser.endpoint, headers=headers, content=content, now=message.now)
        if answered.status in _GONE:
            await self._browsers.gone(browser.id)
        answered.expect_taken()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def read_key(file: Path) -> Vapid02:
    """The private key in a file.

    Raises:
        SettingsError: it is not there, or no key.
    """
    try:
        return Vapid02.from_pem(file.read_bytes())
    except (OSError, ValueError, VapidException) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no private key"
        expected = f"expected the file that telecare push-keys makes: {why}"
        raise SettingsError([Problem("gateway.toml", "channels.webpush.key_file", str(file), expected)]) from error


def write_key(file: Path) -> Vapid02:
    """Make a new private key, readable by its owner only.

    Raises:
        FileExistsError: there is one; browsers that subscribed with it would be told nothing any more.
        OSError: it can't be written.
    """
    key = Vapid02()
    key.generate_keys()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(key.private_pem())
    return key


def public_key(key: Vapid02) -> str:
    """The public half, as browsers want it."""
    raw = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _payload(message: Outgoing) -> bytes:
    return msgspec.json.encode(
        {
            "title": message.title,
            "body": message.body,
            "url": message.link,
            "tag": f"alert-{message.alert}",
            "urgency": message.urgency,
            "actions": [
                {"action": action, "title": title}
                for action, title in (("going:10", message.going_words), ("decline", message.cant_words))
                if title
            ],
        }
    )
