"""MQTT 5 on the Rust codec ``mqtt5``: the hot path."""

import mqtt5

from devices.model import Frame
from gateway.ingest.link import Handshake, Link, seconds
from gateway.ingest.packets import PUBLISH, MalformedError, packet_end
from gateway.ingest.source import Receipt
from gateway.ingest.trouble import LinkError, Trouble

_Refusal = mqtt5.ConnAckReasonCode
_REFUSALS = {
    int(_Refusal.UNSUPPORTED_PROTOCOL_VERSION): Trouble.WRONG_VERSION,
    int(_Refusal.CLIENT_ID_NOT_VALID): Trouble.BAD_CLIENT_ID,
    int(_Refusal.BAD_USER_NAME_OR_PASSWORD): Trouble.BAD_CREDENTIALS,
    int(_Refusal.BAD_AUTHENTICATION_METHOD): Trouble.BAD_CREDENTIALS,
    int(_Refusal.NOT_AUTHORIZED): Trouble.NOT_AUTHORISED,
    int(_Refusal.BANNED): Trouble.NOT_AUTHORISED,
}
_FAREWELLS = {
    int(mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER): Trouble.TAKEN_OVER,
    int(mqtt5.DisconnectReasonCode.RECEIVE_MAX_EXCEEDED): Trouble.RECEIVE_MAXIMUM,
    int(mqtt5.DisconnectReasonCode.NOT_AUTHORIZED): Trouble.NOT_AUTHORISED,
}
_OLD_CONNACK = b"\x20\x02"
"""A CONNACK of MQTT 3.1.1: this is how a broker that knows no MQTT 5 answers (MQTT 3.1.1, 3.1.2.2)."""
_OLD_WRONG_VERSION = 1
_QOS_2 = 4
"""Bit of the first byte of a PUBLISH; we never ask for it."""
_SUBSCRIBE_ID = 1


class Mqtt5Link(Link):
    """A connection that speaks MQTT 5."""

    protocol_name = "5"
    has_properties = True
    _handshake: Handshake | None = None

    def hello(self) -> None:
        """Send CONNECT: keep the session, and at most ``receive_maximum`` in flight."""
        options = self._lane.options
        packet = mqtt5.ConnectPacket(
            self._lane.client_id,
            username=options.username,
            password=None if options.password is None else options.password.encode(),
            clean_start=False,
            keep_alive=seconds(options.keep_alive_s),
            session_expiry_interval=options.session_expiry_s,
            receive_max=options.receive_maximum,
        )
        self.write(packet.write())

    def feed(self, view: memoryview, received: list[Receipt]) -> int:
        """Read packets; see Link."""
        if self._handshake is None and bytes(view[:2]) == _OLD_CONNACK:
            raise self._old_answer(view)
        read, publish = mqtt5.read, mqtt5.PublishPacket
        format_of, session, resumed_left = self._lane.format_of, self.session, self._resumed_left
        now = self._lane.clock.now()
        at, end = 0, len(view)
        while at < end:
            try:
                packet, size = read(view[at:end])
            except IndexError:
                break
            except BaseException as error:
                # The codec panics on a topic that is no UTF-8; its panics are no Exceptions.
                if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
                    raise
                size = self._save(view[at:end], received)
                at += size
                continue
            first = view[at]
            at += size
            if type(packet) is not publish:
                self._resumed_left = resumed_left
                self._control(packet)
                resumed_left = self._resumed_left
                continue
            packet_id = packet.packet_id
            topic = packet.topic
            if not topic or packet_id == 0 or first & _QOS_2:
                raise MalformedError("a message without a topic or packet identifier, or of a quality not asked for")
            resumed = False
            if resumed_left and packet_id:
                resumed_left -= 1
                resumed = True
            received.append(
                Receipt(
                    Frame(
                        topic=topic,
                        payload=packet.payload,
                        received_at=now,
                        dup=packet.duplicate,
                        retained=packet.retain,
                        resumed=resumed,
                    ),
                    format_of(topic),
                    packet_id or 0,
                    session,
                )
            )
        self._resumed_left = resumed_left
        return at

    def acknowledge(self, receipts: list[Receipt]) -> None:
        """Send PUBACKs; see Link."""
        self.write(b"".join([mqtt5.PubAckPacket(r.packet_id).write() for r in receipts]))

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Send messages; see Link."""
        self.write(b"".join([mqtt5.PublishPacket(topic, payload).write() for topic, payload in messages]))

    def goodbye(self) -> None:
        """Send DISCONNECT; see Link."""
        self.write(mqtt5.DisconnectPacket().write())

    def _save(self, view: memoryview, received: list[Receipt]) -> int:
        """Take apart what the codec refuses; the number of bytes that it took."""
        size = packet_end(view, 0, len(view))
        if size is None or size > len(view) or view[0] >> 4 != PUBLISH:
            raise MalformedError(f"a packet that can't be read, first byte {view[0]:#04x}")
        received.append(self.receipt_of_salvaged(view[:size]))
        return size

    def _old_answer(self, view: memoryview) -> LinkError:
        code = view[3] if len(view) > 3 else _OLD_WRONG_VERSION
        trouble = Trouble.WRONG_VERSION if code in (0, _OLD_WRONG_VERSION) else Trouble.REFUSED
        return self.refuse(trouble, f"it answered in MQTT 3.1.1 with code {code}")

    def _control(self, packet: mqtt5.Packet) -> None:
        """Everything that is not a message."""
        match packet:
            case mqtt5.ConnAckPacket():
                self._connected(packet)
            case mqtt5.SubAckPacket() if self._handshake is not None:
                self.granted(self._handshake, [int(code) for code in packet.reason_codes])
            case mqtt5.DisconnectPacket():
                code = packet.reason_code
                said = packet.reason_str or code.name.replace("_", " ").lower()
                trouble = _FAREWELLS.get(int(code), Trouble.DISCONNECTED)
                if trouble is Trouble.DISCONNECTED:
                    raise LinkError(trouble, f"it ended the connection: {said}")
                raise self.refuse(trouble, said)
            case mqtt5.PingRespPacket() | mqtt5.PubAckPacket():
                pass
            case _:
                raise MalformedError(f"a {type(packet).__name__}, which a broker never sends at this point")

    def _connected(self, packet: mqtt5.ConnAckPacket) -> None:
        if self._handshake is not None:
            raise MalformedError("a second CONNACK")
        if packet.reason_code != _Refusal.SUCCESS:
            said = packet.reason_str or packet.reason_code.name.replace("_", " ").lower()
            raise self.refuse(_REFUSALS.get(int(packet.reason_code), Trouble.REFUSED), said)
        expiry = packet.session_expiry_interval
        self._handshake = Handshake(
            protocol=self.protocol_name,
            session_present=packet.session_present,
            session_expiry_s=self._lane.options.session_expiry_s if expiry is None else expiry,
            receive_maximum=packet.receive_max,
            maximum_qos=int(packet.max_qos),
            keep_alive_s=packet.server_keep_alive,
        )
        self.took_us(self._handshake)
        filters = [
            mqtt5.TopicFilter(
                subscription.topic_filter,
                max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                # So that the retain flag says "old, kept message", as in MQTT 3.1.1, and kept messages come once.
                retain_as_published=False,
                retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
            )
            for subscription in self._lane.subscriptions
        ]
        self.write(mqtt5.SubscribePacket(_SUBSCRIBE_ID, filters).write())
