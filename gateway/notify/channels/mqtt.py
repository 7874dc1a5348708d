"""Channel ``mqtt``: a message on the broker, for sirens, pagers and home automation."""

from datetime import datetime
from typing import Protocol

import msgspec

from gateway.alerts.model import INVOLVED
from gateway.errors import BrokerError
from gateway.notify.channel import Outgoing, PermanentFailure, Sent, TemporaryFailure

DEFAULT_TOPIC = "telecare/{site}/alert/{alert}"


class Publisher(Protocol):
    """Publishes on the broker, and knows when the broker has it."""

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        timeout_s: float = 10.0,
    ) -> None:
        """Come back when the broker acknowledged it (QoS 1).

        Raises:
            BrokerError: it is not connected, or refuses.
            TimeoutError: no acknowledgement in time.
        """


class Body(msgspec.Struct, kw_only=True):
    """The JSON payload. ``tst`` is the time of the reading that raised the alert, in whole seconds since 1970."""

    alert: int
    notification: int
    key: str
    purpose: str
    device: str | None
    room: str | None
    rule: str
    priority: str
    raised_at: datetime
    tst: int
    title: str
    text: str
    link: str


class MqttChannel:
    """Tells on the broker, with QoS 1, never retained: an old alarm must not sound again after a restart.

    What asks for an answer goes to the topic itself; what is only said for information (``taken``, ``cleared``) goes
    one level below it, so that a siren on the topic does not sound because somebody is going.

    Args:
        publisher: what publishes.
        topic: where, when a contact has no topic of its own; blanks: site, alert, device, resident, carer.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "mqtt"
    workers = 16
    """More than elsewhere: the broker is ours, and takes many at once."""

    def __init__(self, publisher: Publisher, *, topic: str = DEFAULT_TOPIC, timeout_s: float = 10.0) -> None:
        self._publisher = publisher
        self._topic = topic
        self.timeout_s = timeout_s

    def destination(self, address: str) -> str:
        """There is one broker."""
        return "broker"

    async def send(self, message: Outgoing) -> Sent:
        """Publish it; everything that fails may pass, but a topic that is none."""
        topic = topic_of(message.address or self._topic, message)
        if message.purpose not in INVOLVED:
            topic = f"{topic}/{message.purpose}"
        payload = msgspec.json.encode(
            Body(
                alert=message.alert,
                notification=message.notification,
                key=message.idempotency,
                purpose=message.purpose,
                device=message.device,
                room=message.room,
                rule=message.rule,
                priority=message.priority,
                raised_at=message.raised_at,
                tst=int(message.observed_at.timestamp()),
                title=message.title,
                text=message.body,
                link=message.link,
            )
        )
        try:
            await self._publisher.publish(topic, payload, qos=1, retain=False, timeout_s=self.timeout_s)
        except BrokerError as error:
            raise TemporaryFailure(f"the broker did not take it: {type(error).__name__}") from error
        return Sent()

    async def close(self) -> None:
        """The publisher belongs to whoever made it."""


def topic_of(template: str, message: Outgoing) -> str:
    """The topic for a message.

    Raises:
        PermanentFailure: the template gives no topic that can be published to.
    """
    try:
        topic = template.format(
            site=message.site,
            alert=message.alert,
            device=message.device or "gateway",
            resident=message.resident or "nobody",
            carer=message.carer,
        )
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise PermanentFailure("the topic has a blank we do not know: site, alert, device, resident, carer") from error
    if not topic or set(topic) & {"+", "#", "\0"} or topic.startswith("$"):
        raise PermanentFailure("the topic is empty, has a wildcard, or begins with $")
    return topic
