"""Where carers are told: a web service, a mailbox, and somebody who listens at the broker. All real servers."""

import asyncio
import base64
import contextlib
import email
import email.policy
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any, NamedTuple, Self

import paho.mqtt.client as paho
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from paho.mqtt.enums import CallbackAPIVersion
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.clock import monotonic
from simulators.receiver import Request, Response, receiving
from tests.brokers import free_port, until

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes.").decode()


class Delivery(NamedTuple):
    """One request that was taken: when, which life of the daemon it came from, and what it said."""

    at: float
    life: int
    id: str
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """What happened, see docs/webhook.md."""
        data: dict[str, Any] = self.body["data"]
        return data


class Web:
    """A web service that checks the signatures of Standard Webhooks and keeps what it took.

    ``status`` is its answer; set to 503 it takes nothing. ``life`` is written beside each delivery.
    """

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.life = 0
        self.delay_s = 0.0
        self.deliveries: list[Delivery] = []
        self.turned_away: list[float] = []
        self.forged = 0
        self._webhook = Webhook(SECRET)

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["Web"]:
        """Listen."""
        async with receiving(self._handle, port=port) as base:
            self.url = f"{base}/telecare"
            yield self

    def times(self) -> Counter[str]:
        """How often each notification came, by its webhook-id."""
        return Counter(one.id for one in self.deliveries)

    def of(self, carer: str) -> list[Delivery]:
        """What came for a carer."""
        return [one for one in self.deliveries if one.data["carer"] == carer]

    def repeated_by_life(self) -> Counter[int]:
        """Deliveries that were made again later, by the life that made them and did not keep that it had."""
        last = {one.id: place for place, one in enumerate(self.deliveries)}
        return Counter(one.life for place, one in enumerate(self.deliveries) if place != last[one.id])

    async def _handle(self, request: Request) -> Response:
        try:
            self._webhook.verify(request.body, request.headers)
        except (WebhookVerificationError, ValueError):
            self.forged += 1
            return Response(status=401)
        if self.status >= 300:
            self.turned_away.append(monotonic())
            return Response(status=self.status)
        body = json.loads(request.body)
        self.deliveries.append(Delivery(monotonic(), self.life, request.headers["webhook-id"], body))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return Response(status=self.status)


class Mailbox:
    """A mail server (aiosmtpd) that keeps every e-mail."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Called by aiosmtpd, in its own thread, for each e-mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 kept"

    @contextlib.contextmanager
    def running(self) -> Any:
        """Listen."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """What came for an address."""
        return [mail for mail in list(self.mails) if mail["To"] == address]


def link_in(mail: EmailMessage) -> str:
    """The link that a carer would tap on."""
    part = mail.get_body(("plain",))
    assert part is not None
    found = re.search(r"https?://\S+", part.get_content())
    assert found is not None, part.get_content()
    return found[0]


class Ear:
    """Somebody who listens at the broker (paho, an independent implementation), in a thread of its own."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._granted = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 0)
        self._client.on_subscribe = lambda *_: setattr(self, "_granted", True)
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, bytes(message.payload)))
        self._port = port

    async def __aenter__(self) -> Self:
        """Connect, and wait until the broker has granted the subscription."""
        await asyncio.to_thread(self._client.connect, "127.0.0.1", self._port)
        self._client.loop_start()
        await until(lambda: self._granted, what="the listener's subscription")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        await asyncio.to_thread(self._client.disconnect)
        await asyncio.to_thread(self._client.loop_stop)

    def ids(self) -> set[str]:
        """The ids in the application acknowledgements heard so far."""
        return {json.loads(payload)["id"] for _, payload in list(self.heard)}
