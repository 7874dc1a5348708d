"""One MQTT connection of simulated devices: QoS 1, store and forward, on paho-mqtt.

paho runs in a thread of its own; it keeps what is not acknowledged yet and sends it again after a reconnect.
The gateway's own MQTT code is not used here: the simulators would otherwise share its mistakes.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.errors import LinkError
from simulators.pace import real_seconds, real_sleep

LOOK_EVERY_S = 0.02
"""How often a wait looks again: paho reports in another thread, and 20 ms are nothing to a device."""

OnMessage = Callable[[str, bytes], None]


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is and how devices sign in. The password is never printed."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    """Certificate authority of a TLS broker; None: no TLS, unless ``tls`` says so."""
    tls: bool = False
    """TLS with the authorities that the system trusts, or ``ca_file``."""
    cert_file: Path | None = None
    key_file: Path | None = None
    """The device's own certificate and key, where the broker asks for one."""
    keepalive_s: int = 30

    def __repr__(self) -> str:
        """Without the password."""
        return f"Broker({self.host}:{self.port}, username={self.username!r})"


class Reached(StrEnum):
    """What came of the first attempt to connect."""

    READY = "ready"
    """Connected, and the acknowledgements are subscribed."""
    AWAY = "away"
    """No broker there yet: messages are kept, and the link goes on trying."""


def somebody_there(broker: Broker, reached: Sequence[Reached]) -> None:
    """Make sure that one of the first attempts found the broker; later it may go away and come back.

    Raises:
        LinkError: there is none.
    """
    if reached and all(one is Reached.AWAY for one in reached):
        raise LinkError(f"No broker answers at {broker.host}:{broker.port}: start it, or name another host and port.")


class Outgoing:
    """A message handed to a link."""

    def __init__(self, info: mqtt.MQTTMessageInfo) -> None:
        self._info = info
        self.dropped = info.rc == mqtt.MQTT_ERR_QUEUE_SIZE
        """The device's memory was full: this message is lost."""
        if not self.dropped:
            # "Not connected" is no failure here: paho keeps the message and sends it later. With another code than
            # success it would raise for ever, also when the message has been delivered.
            info.rc = mqtt.MQTT_ERR_SUCCESS

    @property
    def delivered(self) -> bool:
        """Whether the broker has acknowledged it (PUBACK)."""
        return not self.dropped and self._info.is_published()


class Link:
    """A connection for one device or for many.

    Args:
        broker: where to connect.
        client_id: unique at the broker.
        subscribe: topics to listen to (acknowledgements, commands), one or several; None for nothing.
        on_message: called in the event loop with topic and payload.
        memory: messages kept while the broker is away; a further one is dropped and counted, as in a small device.
        in_flight: messages on their way at once; 20 is paho's own default, a fleet uses more.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        subscribe: str | tuple[str, ...] | None = None,
        on_message: OnMessage | None = None,
        memory: int = 10_000,
        in_flight: int = 20,
    ) -> None:
        self._broker = broker
        self._subscribe = (subscribe,) if isinstance(subscribe, str) else subscribe or ()
        self._on_message = on_message
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = False
        self._refused: str | None = None
        self.sent = 0
        """Messages taken; a repeat counts again."""
        self.acked = 0
        """Messages that the broker has acknowledged."""
        self.dropped = 0
        """Messages lost because the memory was full."""
        self.connections = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        self._client.max_queued_messages_set(memory)
        self._client.max_inflight_messages_set(in_flight)
        self._client.reconnect_delay_set(min_delay=1, max_delay=15)
        if broker.username is not None:
            self._client.username_pw_set(broker.username, broker.password)
        if broker.tls or broker.ca_file is not None:
            files = (broker.ca_file, broker.cert_file, broker.key_file)
            ca, cert, key = (str(file) if file is not None else None for file in files)
            self._client.tls_set(ca_certs=ca, certfile=cert, keyfile=key)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_publish = self._published
        self._client.on_message = self._heard

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self.sent - self.acked

    @property
    def ready(self) -> bool:
        """Connected, and subscribed where there is something to listen to."""
        return self._ready

    async def start(self, *, within_s: float = 5.0) -> Reached:
        """Connect and go on in the background; waits real seconds for the first success.

        Raises:
            LinkError: the broker refuses this device.
        """
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s)
        self._client.loop_start()
        until = real_seconds() + within_s
        while not self._ready and real_seconds() < until:
            if self._refused is not None:
                await self.stop()
                raise LinkError(f"{self._broker!r}: {self._refused}: check user name, password and client id")
            await real_sleep(LOOK_EVERY_S)
        return Reached.READY if self._ready else Reached.AWAY

    def publish(self, topic: str, payload: bytes) -> Outgoing:
        """Hand over a message with QoS 1, not retained; kept while the broker is away. Never waits."""
        outgoing = Outgoing(self._client.publish(topic, payload, qos=1, retain=False))
        if outgoing.dropped:
            self.dropped += 1
        else:
            self.sent += 1
        return outgoing

    async def room(self, *, at_most: int, within_s: float) -> bool:
        """Wait until at most so many messages wait for the broker; False when the real seconds are over."""
        until = real_seconds() + within_s
        while self.waiting > at_most:
            if real_seconds() >= until:
                return False
            await real_sleep(LOOK_EVERY_S)
        return True

    async def stop(self) -> None:
        """Say goodbye and end the thread; what is still kept is lost, as in a device that is switched off."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        self._loop = None

    # The methods below run in paho's thread. Each counter has one writer, so plain integers are safe.

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            return
        self.connections += 1
        if self._subscribe:
            client.subscribe([(topic, 1) for topic in self._subscribe])
        else:
            self._ready = True

    def _subscribed(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._refused = f"may not subscribe to {' and '.join(self._subscribe)}"
            return
        self._ready = True

    def _disconnected(self, _client: mqtt.Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        self._ready = False

    def _published(self, _client: mqtt.Client, _data: Any, _mid: int, _reason: Any, _properties: Any) -> None:
        self.acked += 1

    def _heard(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        loop = self._loop
        if loop is not None and self._on_message is not None:
            loop.call_soon_threadsafe(self._on_message, message.topic, bytes(message.payload))
