"""Channel ``webhook``: a signed HTTP POST (Standard Webhooks); docs/webhook.md is the contract for receivers.

Where it may go is checked by gateway.notify.http.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
from standardwebhooks import Webhook

from gateway.clock import to_ms
from gateway.notify.channel import MOST_WORKERS, Outgoing, Sent
from gateway.notify.http import GuardedHttp, destination


class Body(msgspec.Struct, kw_only=True):
    """The JSON body. Times are RFC 3339 in UTC. No name, no position, no reading: they
    are behind the link, and in ``text`` of a contact that shows details."""

    type: str
    timestamp: datetime
    data: "Data"


class Data(msgspec.Struct, kw_only=True):
    """What happened, as docs/webhook.md tells it."""

    alert: int
    notification: int
    purpose: str
    carer: str
    priority: str
    rule: str
    room: str | None
    device: str | None
    raised_at: datetime
    observed_at: datetime
    language: str
    title: str
    text: str
    link: str


class WebhookChannel:
    """Tells a web service.

    Args:
        secret: what requests are signed with, ``whsec_`` and Base64.
        allow_private: host names (or addresses) that may be in a private network.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "webhook"
    workers = MOST_WORKERS

    def __init__(self, *, secret: str, allow_private: Collection[str] = (), timeout_s: float = 10.0) -> None:
        self._signing = Webhook(secret)
        self.timeout_s = timeout_s
        self._http = GuardedHttp(allow_private=allow_private, timeout_s=timeout_s, where="[channels.webhook]")

    def destination(self, address: str) -> str:
        """The host and port of the address."""
        return destination(address)

    async def send(self, message: Outgoing) -> Sent:
        """POST it; 2xx is success, 408, 425, 429, 5xx and network errors may pass, everything else is for good."""
        content = msgspec.json.encode(_body(message))
        identity = f"msg_{message.idempotency}"
        headers = {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(to_ms(message.now) // 1000),
            "webhook-signature": self._signing.sign(identity, message.now, content.decode()),
        }
        answered = await self._http.post(message.address, headers=headers, content=content, now=message.now)
        answered.expect_taken()
        return Sent()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _body(message: Outgoing) -> Body:
    return Body(
        type=f"alert.{message.purpose}",
        timestamp=message.now,
        data=Data(
            alert=message.alert,
            notification=message.notification,
            purpose=message.purpose,
            carer=message.carer,
            priority=message.priority,
            rule=message.rule,
            room=message.room,
            device=message.device,
            raised_at=message.raised_at,
            observed_at=message.observed_at,
            language=message.language,
            title=message.title,
            text=message.body,
            link=message.link,
        ),
    )
