"""MQTT 3.1.1 with paho-mqtt as the codec, for brokers that speak no MQTT 5 (NATS among them).

paho gets no socket of its own: it reads from and writes into memory (``_MemorySocket``), and the same asyncio
transport as for MQTT 5 carries the bytes. So it never blocks, it reads a whole buffer instead of a byte at a time, the
PUBACKs of a batch leave in one write, and reading can be paused. That needs two private names of paho, which are
checked before the first connection.
"""

from importlib.metadata import version
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from devices.model import Frame
from gateway.ingest.link import Handshake, Lane, Link, seconds
from gateway.ingest.packets import MalformedError, packet_end
from gateway.ingest.source import Receipt
from gateway.ingest.trouble import LinkError, Trouble

_REFUSALS = {
    "Unsupported protocol version": Trouble.WRONG_VERSION,
    "Client identifier not valid": Trouble.BAD_CLIENT_ID,
    "Bad user name or password": Trouble.BAD_CREDENTIALS,
    "Not authorized": Trouble.NOT_AUTHORISED,
}
"""paho's names of the CONNACK codes 1, 2, 4 and 5 (MQTT 3.1.1, 3.2.2.3)."""
_WRONG_VERSION: Final = b"\x20\x02\x00\x01"
"""paho does not tell this CONNACK from a broken one."""


def check_paho() -> None:
    """Make sure that this paho has what we use of it.

    Raises:
        LinkError: it has not; names what is missing and the version that is installed.
    """
    missing = [name for name in ("_create_socket", "ack", "loop_read") if not hasattr(paho.Client, name)]
    if not hasattr(paho.MQTTMessage(), "_topic"):
        missing.append("MQTTMessage._topic")
    if missing:
        raise LinkError(
            Trouble.WRONG_VERSION,
            f"paho-mqtt {version('paho-mqtt')} has no {', '.join(missing)}; "
            "install the version that pyproject.toml names, or use a broker that speaks MQTT 5",
        )


class _MemorySocket:
    """What paho takes for a socket: bytes to read are put in, bytes written are kept until they are taken."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self.written: list[bytes] = []

    def put(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def pending(self) -> int:
        return len(self._data) - self._at

    def recv(self, size: int) -> bytes:
        at = self._at
        if at >= len(self._data):
            raise BlockingIOError
        self._at = at + size
        return self._data[at : at + size]

    def send(self, data: bytes | bytearray) -> int:
        self.written.append(bytes(data))
        return len(data)

    def setblocking(self, _flag: bool) -> None:
        """Never blocks."""

    def close(self) -> None:
        """The transport is closed by the link."""

    def fileno(self) -> int:
        return -1


class PahoLink(Link):
    """A connection that speaks MQTT 3.1.1."""

    protocol_name = "3.1.1"
    has_properties = False

    def __init__(self, lane: Lane, session: int) -> None:
        super().__init__(lane, session)
        options = lane.options
        self._socket = _MemorySocket()
        self._received: list[Receipt] = []
        self._handshake: Handshake | None = None
        self._stop: LinkError | None = None
        client = paho.Client(
            callback_api_version=CallbackAPIVersion.VERSION2,
            client_id=lane.client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client._create_socket = lambda: self._socket  # type: ignore[method-assign]  # noqa: SLF001
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if options.username is not None:
            client.username_pw_set(options.username, options.password)
        self._client = client

    def hello(self) -> None:
        """Send CONNECT: keep the session."""
        options = self._lane.options
        self._client.connect(options.host, options.port, keepalive=seconds(options.keep_alive_s))
        self._send()

    def feed(self, view: memoryview, received: list[Receipt]) -> int:
        """Read packets; see Link. paho gets whole ones only, so that a giant one never piles up inside it."""
        if self._handshake is None and bytes(view[:4]) == _WRONG_VERSION:
            raise self.refuse(Trouble.WRONG_VERSION, "unacceptable protocol version")
        at, end = 0, len(view)
        broken: MalformedError | None = None
        try:
            while at < end:
                after = packet_end(view, at, end)
                if after is None or after > end:
                    break
                at = after
        except MalformedError as error:
            broken = error
        self._received = received
        self._socket.put(bytes(view[:at]))
        self._now = self._lane.clock.now()
        while self._socket.pending:
            code = self._client.loop_read()
            if self._stop is not None:
                raise self._stop
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise MalformedError(paho.error_string(code))
        if broken is not None:
            raise broken
        self._send()
        return at

    def acknowledge(self, receipts: list[Receipt]) -> None:
        """Send PUBACKs; see Link."""
        for receipt in receipts:
            self._client.ack(receipt.packet_id, 1)
        self._send()

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Send messages; see Link."""
        for topic, payload in messages:
            self._client.publish(topic, payload, qos=0)
        self._send()

    def goodbye(self) -> None:
        """Send DISCONNECT; see Link."""
        self._client.disconnect()
        self._send()

    def _send(self) -> None:
        """Put on the wire what paho has written."""
        if self._client.want_write():
            self._client.loop_write()
        if self._socket.written:
            data = b"".join(self._socket.written)
            self._socket.written.clear()
            self.write(data)

    # paho's callbacks; what goes wrong is kept, because paho would swallow or wrap it

    def _on_connect(
        self, client: paho.Client, _data: Any, flags: paho.ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            trouble = _REFUSALS.get(reason.getName(), Trouble.REFUSED)
            self._stop = self.refuse(trouble, reason.getName().lower())
            return
        self._handshake = Handshake(protocol=self.protocol_name, session_present=flags.session_present)
        self.took_us(self._handshake)
        client.subscribe([(subscription.topic_filter, 1) for subscription in self._lane.subscriptions])

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        if self._handshake is None:
            return
        try:
            self.granted(self._handshake, [reason.value for reason in reasons])
        except LinkError as error:
            self._stop = error

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = message._topic.decode("utf-8", "backslashreplace")  # noqa: SLF001
            self._lane.traffic.salvaged += 1
        packet_id = message.mid if message.qos else 0
        resumed = False
        if self._resumed_left and packet_id:
            self._resumed_left -= 1
            resumed = True
        frame = Frame(
            topic=topic,
            payload=bytes(message.payload),
            received_at=self._now,
            dup=message.dup,
            retained=message.retain,
            resumed=resumed,
        )
        self._received.append(Receipt(frame, self._lane.format_of(topic), packet_id, self.session))
