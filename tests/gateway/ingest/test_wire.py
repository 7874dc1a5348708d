"""What real brokers rarely do: odd bytes, refusals and farewells, from a broker made for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import mqtt5
import msgspec
import pytest

from gateway.clock import SystemClock
from gateway.ingest.connect import open_source
from gateway.ingest.mqtt_source import NO_FORMAT
from gateway.ingest.options import BrokerOptions
from gateway.ingest.packets import MalformedError, packet_end, salvage
from gateway.ingest.trouble import LinkError, Trouble
from tests.brokers import PATIENCE_S, until
from tests.gateway.ingest.conftest import lane

TOPIC = "telecare/haven/gps-1/help"


class Wire:
    """A broker's side of one connection, packet by packet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, version: str) -> None:
        self.reader = reader
        self.writer = writer
        self.version = version
        self.received: list[bytes] = []

    async def packet(self) -> bytes:
        """The next packet from the client."""
        head = await self.reader.readexactly(2)
        length, at = head[1] & 0x7F, 1
        while head[at] & 0x80:
            head += await self.reader.readexactly(1)
            at += 1
            length |= (head[at] & 0x7F) << 7 * (at - 1)
        packet = head + await self.reader.readexactly(length)
        self.received.append(packet)
        return packet

    async def welcome(self, *, session: bool = False, codes: bytes = b"\x01\x01", **properties: object) -> None:
        """Take the client and grant its two subscriptions."""
        await self.packet()
        if self.version == "5":
            self.writer.write(mqtt5.ConnAckPacket(session_present=session, **properties).write())  # type: ignore[arg-type]
        else:
            self.writer.write(bytes([0x20, 2, session, 0]))
        subscribe = await self.packet()
        rest = (b"\0" if self.version == "5" else b"") + codes
        self.writer.write(bytes([0x90, 2 + len(rest)]) + subscribe[2:4] + rest)

    async def stay(self) -> None:
        """Read on until the client leaves, then close, as a broker does."""
        while (await self.packet())[0] != 0xE0:
            pass

    def message(self, payload: bytes, number: int, *, topic: bytes = TOPIC.encode(), first: int = 0x32) -> bytes:
        """A PUBLISH of QoS 1 (first byte 0x32), by hand, so that it can be wrong."""
        body = len(topic).to_bytes(2, "big") + topic + number.to_bytes(2, "big")
        body += (b"\0" if self.version == "5" else b"") + payload
        length, size = b"", len(body)
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                return bytes([first]) + length + body


Script = Callable[[Wire], Awaitable[None]]


@contextlib.asynccontextmanager
async def scripted(version: str, *scripts: Script) -> AsyncIterator[BrokerOptions]:
    """A broker that follows one script per connection; the last one again and again."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        script = scripts[min(count, len(scripts) - 1)]
        count += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await script(Wire(reader, writer, version))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield BrokerOptions(
            port=port, protocol="5" if version == "5" else "3.1.1", backoff_first_s=0.01, backoff_cap_s=0.1
        )
    finally:
        server.close()


@pytest.fixture(params=["5", "3.1.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_packets_in_pieces(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        data = b"".join(wire.message(b"%d" % n * 200, n) for n in range(1, 10))
        for at in range(0, len(data), 7):
            wire.writer.write(data[at : at + 7])
            await wire.writer.drain()
            await asyncio.sleep(0)
        await wire.packet()

    async with scripted(version, script) as options, lane(options) as it:
        got = await it.receive(9)
        assert [r.frame.payload for r in got] == [b"%d" % n * 200 for n in range(1, 10)]
        assert [r.packet_id for r in got] == list(range(1, 10))


async def test_acknowledgements_leave_in_order_in_one_write(version: str) -> None:
    acks: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def script(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(b"".join(wire.message(b"x", n) for n in (7, 3, 65535)))
        acks.set_result(await wire.reader.read(4096))
        await wire.stay()

    async with scripted(version, script) as options, lane(options) as it:
        it.source.acknowledge(await it.receive(3))
        assert await asyncio.wait_for(acks, PATIENCE_S) == b"@\x02\x00\x07@\x02\x00\x03@\x02\xff\xff"


async def test_what_waited_is_answered_before_the_subscriptions_are_confirmed(version: str) -> None:
    """A broker may deliver right after CONNACK, and take its time with SUBACK; the sender hears us all the same."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def script(wire: Wire) -> None:
        await wire.packet()
        if wire.version == "5":
            wire.writer.write(mqtt5.ConnAckPacket(session_present=True).write())
        else:
            wire.writer.write(b"\x20\x02\x01\x00")
        await wire.packet()
        wire.writer.write(wire.message(b"x", 7))
        heard.set_result(await wire.packet() + await wire.packet())
        await wire.packet()

    async with scripted(version, script) as options, lane(options, ready=False) as it:
        it.source.publish([("telecare/haven/gps-1/ack", b"nobody is there yet")])
        got = await it.receive(1)
        assert not it.source.connected
        it.source.publish([("telecare/haven/gps-1/ack", b"heard")])
        it.source.acknowledge(got)
        said = await asyncio.wait_for(heard, PATIENCE_S)
        assert b"telecare/haven/gps-1/ack" in said
        assert said.endswith(b"heard@\x02\x00\x07")
        assert it.source.health().unpublished == 1


# The codec's panic leaves the exception of its cause behind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_unreadable_topic_is_kept_for_quarantine(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(
            wire.message(b"a", 1) + wire.message(b"b", 2, topic=b"telecare/\xff/x") + wire.message(b"c", 3)
        )
        await wire.stay()

    async with scripted(version, script) as options, lane(options) as it:
        got = await it.receive(3, acknowledge=True)
        assert [(r.frame.topic, r.frame.payload) for r in got] == [
            (TOPIC, b"a"),
            ("telecare/\\xff/x", b"b"),
            (TOPIC, b"c"),
        ]
        health = it.source.health()
        assert (health.salvaged, health.reconnects, health.unacknowledged) == (1, 0, 0)


async def test_a_topic_that_nobody_asked_for_has_no_format(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(wire.message(b"a", 1, topic=b"other/thing"))
        await wire.stay()

    async with scripted(version, script) as options, lane(options) as it:
        (got,) = await it.receive(1)
        assert got.format == NO_FORMAT


async def test_a_giant_message_is_cut_and_the_next_one_is_whole(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(wire.message(b"G" * 3_000_000, 1) + wire.message(b"after", 2))
        await wire.stay()

    async with scripted(version, script) as options, lane(options) as it:
        giant, after = await it.receive(2, acknowledge=True)
        assert 900_000 < len(giant.frame.payload) < 2_100_000
        assert set(giant.frame.payload) == {ord("G")}
        assert (after.frame.payload, after.packet_id) == (b"after", 2)
        assert it.source.health().reconnects == 0


async def test_a_large_message_below_the_limit_is_whole(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(wire.message(b"x", 1) + wire.message(b"L" * 700_000, 2) + wire.message(b"after", 3))
        await wire.stay()

    async with scripted(version, script) as options, lane(options) as it:
        got = await it.receive(3)
        assert [len(r.frame.payload) for r in got] == [1, 700_000, 5]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x00\x00", id="type 0"),
        pytest.param(b"\x32\xff\xff\xff\xff\x7f", id="length of five bytes"),
        pytest.param(b"\x32\x05\x00\x03abc", id="no packet identifier"),
        pytest.param(b"\x82\x05\x00\x01\x00\x00\x00", id="a client's packet"),
        pytest.param(b"\xd0\x01\x00\xff" * 3, id="PINGRESP with a body"),
    ],
)
async def test_malformed_bytes_lead_to_a_new_connection(version: str, garbage: bytes) -> None:
    async def bad(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(wire.message(b"before", 1) + garbage)
        await wire.stay()

    async def good(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(wire.message(b"good", 2))
        await wire.stay()

    troubles: list[Trouble | None] = []
    async with scripted(version, bad, good) as options, lane(options, ready=False) as it:
        it.source.watch(lambda health: troubles.append(health.trouble))
        got = await it.receive(2)
        assert [r.frame.payload for r in got] == [b"before", b"good"]
        assert Trouble.MALFORMED in troubles


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER, Trouble.TAKEN_OVER),
        (mqtt5.DisconnectReasonCode.RECEIVE_MAX_EXCEEDED, Trouble.RECEIVE_MAXIMUM),
        (mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN, Trouble.DISCONNECTED),
    ],
)
async def test_farewells_are_understood_and_answered_by_coming_back(
    code: mqtt5.DisconnectReasonCode, trouble: Trouble
) -> None:
    async def farewell(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(mqtt5.DisconnectPacket(reason_code=code, reason_str="so long").write())
        await wire.stay()

    async def stay(wire: Wire) -> None:
        await wire.welcome()
        await wire.stay()

    heard: list[tuple[Trouble | None, str]] = []
    async with scripted("5", farewell, stay) as options, lane(options, ready=False) as it:
        it.source.watch(lambda health: heard.append((health.trouble, health.detail)))
        await until(lambda: it.source.connected)
    assert [(t, "so long" in d) for t, d in heard if t not in {None, Trouble.STOPPED}] == [(trouble, True)]


@pytest.mark.parametrize(
    ("code5", "code3", "trouble"),
    [
        (mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD, 4, Trouble.BAD_CREDENTIALS),
        (mqtt5.ConnAckReasonCode.NOT_AUTHORIZED, 5, Trouble.NOT_AUTHORISED),
        (mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID, 2, Trouble.BAD_CLIENT_ID),
        (mqtt5.ConnAckReasonCode.SERVER_BUSY, 3, Trouble.REFUSED),
        (mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION, 1, Trouble.WRONG_VERSION),
    ],
)
async def test_refusals_are_named_and_retried(
    version: str, code5: mqtt5.ConnAckReasonCode, code3: int, trouble: Trouble
) -> None:
    async def no(wire: Wire) -> None:
        await wire.packet()
        wire.writer.write(
            mqtt5.ConnAckPacket(reason_code=code5).write() if version == "5" else bytes([0x20, 2, 0, code3])
        )

    async def yes(wire: Wire) -> None:
        await wire.welcome()
        await wire.stay()

    heard: list[Trouble | None] = []
    async with scripted(version, no, no, yes) as options, lane(options, ready=False) as it:
        it.source.watch(lambda health: heard.append(health.trouble))
        await until(lambda: it.source.connected)
        assert heard == [trouble, trouble, None]
        assert it.source.health().trouble is None


async def test_a_refused_subscription_is_told(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome(codes=b"\x01\x80")
        await wire.stay()

    async with scripted(version, script) as options, lane(options, ready=False) as it:
        await until(lambda: it.source.health().trouble is not None)
        with pytest.raises(LinkError, match=r"owntracks/\+/\+") as caught:
            await it.source.ready(0.05)
        assert caught.value.trouble is Trouble.NOT_SUBSCRIBED


async def test_a_broker_that_says_nothing_is_given_up(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.stay()

    async with scripted(version, script) as options:
        quick = msgspec.structs.replace(options, connect_timeout_s=0.1)
        async with lane(quick, ready=False) as it:
            await until(lambda: it.source.health().trouble is Trouble.TIMEOUT)


async def test_only_the_first_frames_of_a_kept_session_are_resumed(version: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome(session=True)
        quality_0 = wire.message(b"zero", 9, first=0x30)
        wire.writer.write(quality_0 + b"".join(wire.message(b"%d" % n, n) for n in range(1, 6)))
        await wire.stay()

    async with scripted(version, script) as options:
        async with lane(msgspec.structs.replace(options, receive_maximum=3)) as it:
            got = await it.receive(6)
            assert [r.frame.resumed for r in got] == [False, True, True, True, False, False]
        async with lane(msgspec.structs.replace(options, resume_window_s=0.0)) as it:
            assert not any(r.frame.resumed for r in await it.receive(6))


async def test_frames_before_the_subscriptions_are_confirmed_can_be_acknowledged(version: str) -> None:
    acked = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.packet()
        hello = mqtt5.ConnAckPacket(session_present=True).write() if version == "5" else b"\x20\x02\x01\x00"
        wire.writer.write(hello + wire.message(b"early", 5))
        await wire.packet()
        assert await wire.packet() == b"@\x02\x00\x05"
        acked.set()
        await wire.stay()

    async with scripted(version, script) as options, lane(options, ready=False) as it:
        await it.receive(1, acknowledge=True)
        await asyncio.wait_for(acked.wait(), PATIENCE_S)


async def test_the_brokers_keep_alive_replaces_ours() -> None:
    pinged = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.welcome(server_keep_alive=1)
        assert await wire.packet() == b"\xc0\x00"
        pinged.set()
        wire.writer.write(b"\xd0\x00")
        await wire.stay()

    async with scripted("5", script) as options, lane(options) as it:
        assert it.source.handshakes[0].keep_alive_s == 1
        await asyncio.wait_for(pinged.wait(), PATIENCE_S)


async def test_the_queue_survives_the_connection(version: str) -> None:
    """An alarm that came before the connection broke does not wait for the broker."""

    async def once(wire: Wire) -> None:
        await wire.welcome()
        wire.writer.write(wire.message(b"help", 1))
        await wire.writer.drain()

    async def never(wire: Wire) -> None:
        await wire.stay()

    async with scripted(version, once, never) as options, lane(options, ready=False) as it:
        await until(lambda: it.source.health().trouble is Trouble.CLOSED)
        (got,) = it.take()
        assert got.frame.payload == b"help"
        it.source.acknowledge([got])
        assert it.source.health().acked == 0


def test_salvage_refuses_what_can_not_be_acknowledged() -> None:
    for bad in (b"\x20\x02\x00\x00", b"\x34\x06\x00\x01a\x00\x01\x00", b"\x32\x05\x00\x01a\x00\x00", b"\x32\x01\x00"):
        with pytest.raises(MalformedError):
            salvage(memoryview(bad), properties=False)


def test_packet_end_waits_for_the_length() -> None:
    assert packet_end(memoryview(b"\x30"), 0, 1) is None
    assert packet_end(memoryview(b"\x30\x80"), 0, 2) is None
    assert packet_end(memoryview(b"\x30\x80\x01"), 0, 3) == 131


async def test_a_lane_without_subscriptions_is_refused() -> None:
    with pytest.raises(ValueError, match="telemetry"):
        await open_source(BrokerOptions(), "telemetry", [], SystemClock())


async def test_silence_while_reading_was_stopped_is_our_own() -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        await wire.stay()

    async with scripted("5", script) as options, lane(options) as it:
        link = it.source._connection.link
        assert link is not None
        link.pause()
        link._heard -= 60
        link.resume()
        link._tick()
        assert not link.lost.done()
        link._heard -= 60
        link._tick()
        assert link.lost.result().trouble is Trouble.NO_ANSWER
