"""What both backends promise, on real brokers."""

import asyncio
from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.ingest.connect import open_source
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.trouble import LinkError, Trouble
from tests.brokers import PATIENCE_S, Broker, proxied, send, until
from tests.gateway.ingest.conftest import NOON, Backend, lane, numbered


async def test_frames_come_in_order_and_exact(backend: Backend) -> None:
    messages = [*numbered(300), ("telecare/haven/x/help", b""), ("owntracks/ann/phone", bytes(range(256)))]
    async with lane(backend.options(), clock=ManualClock(NOON)) as it:
        await send(backend.broker.port, messages)
        got = await it.receive(len(messages), acknowledge=True)
        got.sort(key=lambda r: r.format)  # stable: NATS keeps the order within a subscription only
        assert [(r.frame.topic, r.frame.payload) for r in got] == messages
        assert {r.frame.received_at for r in got} == {NOON}
        assert [r.format for r in got] == ["native"] * 301 + ["owntracks"]
        assert not any(r.frame.dup or r.frame.retained or r.frame.resumed for r in got)
        assert all(r.packet_id for r in got)
        health = it.source.health()
        assert (health.frames, health.acked, health.unacknowledged, health.waiting) == (302, 302, 0, 0)
        assert health.payload_bytes == sum(len(p) for _, p in messages)
        assert health.connected
        assert health.protocol == backend.protocol
        assert health.last_frame_at == NOON


async def test_batches_respect_the_limit_and_end_at_close(backend: Backend) -> None:
    async with lane(backend.options()) as it:
        await send(backend.broker.port, numbered(25))
        await until(lambda: it.source.waiting == 25)
        sizes = []
        async for batch in it.source.batches(10):
            sizes.append(len(batch))
            it.source.acknowledge(batch)
            if sum(sizes) == 25:
                await it.source.close()
        assert sizes == [10, 10, 5]


async def test_only_what_was_not_acknowledged_comes_again(backend: Backend) -> None:
    async with proxied(backend.broker.port) as proxy, lane(backend.options(port=proxy.port)) as it:
        await send(backend.broker.port, numbered(10))
        first = await it.receive(10)
        it.source.acknowledge(first[:6])
        # A round trip behind the acknowledgements: they have arrived.
        await send(backend.broker.port, numbered(1, 99))
        it.source.acknowledge(await it.receive(1))
        await asyncio.sleep(0.05)
        proxy.cut()
        await until(lambda: it.source.health().reconnects == 1 and it.source.connected)
        again = await it.receive(4)
        assert [r.frame.payload for r in again] == [r.frame.payload for r in first[6:]]
        assert all(r.frame.dup or r.frame.resumed for r in again)
        assert {r.session for r in again} == {it.source.health().session}
        # Acknowledgements of the old connection must not reach the new one, where their numbers mean other messages.
        before = it.source.health().acked
        it.source.acknowledge(first[6:])
        assert it.source.health().acked == before
        it.source.acknowledge(again)
    async with lane(backend.options()) as later:
        await send(backend.broker.port, numbered(1, 500))
        assert [r.frame.payload for r in await later.receive(1)] == [b'{"n":500}']


async def test_messages_wait_for_a_gateway_that_is_away(backend: Backend) -> None:
    async with lane(backend.options()):
        pass
    await send(backend.broker.port, numbered(50))
    async with lane(backend.options()) as it:
        got = await it.receive(50, acknowledge=True)
        assert it.source.handshakes[-1].session_present
    assert [r.frame.payload for r in got] == [p for _, p in numbered(50)]


async def test_killed_broker_loses_nothing_that_it_stored(backend: Backend, tmp_path: Path) -> None:
    async with lane(backend.options()) as it:
        await send(backend.broker.port, numbered(500))
        it.source.acknowledge((await it.receive(100))[:100])
        store = tmp_path / "mosquitto" / "mosquitto.db"
        if backend.broker.name == "mosquitto":  # it confirms a message a moment before its store is written
            await until(lambda: b'{"n":499}' in store.read_bytes(), what="the store to be written")
        await backend.broker.kill()
        await until(lambda: not it.source.connected)
        assert it.source.health().trouble in {Trouble.CLOSED, Trouble.UNREACHABLE}
        await backend.broker.start()
        await until(lambda: it.source.connected)
        await send(backend.broker.port, numbered(1, 1000))
        wanted = {p for _, p in [*numbered(500), *numbered(1, 1000)]}

        def all_there() -> bool:
            it.source.acknowledge(it.take())
            return wanted <= set(it.payloads)

        await until(all_there, what="every message")


async def test_hung_broker_is_found_by_keep_alive(backend: Backend) -> None:
    async with proxied(backend.broker.port) as proxy:
        options = backend.options(port=proxy.port, keep_alive_s=0.8, connect_timeout_s=0.5)
        async with lane(options) as it:
            # Quiet is no trouble while the broker answers pings.
            await asyncio.sleep(1.2)
            assert it.source.health().reconnects == 0
            proxy.hang()
            await until(lambda: not it.source.connected)
            # the broker, which hears nothing of us either, may have been first to give up
            assert it.source.health().trouble in {Trouble.NO_ANSWER, Trouble.CLOSED}
            await until(lambda: it.source.health().trouble is Trouble.TIMEOUT)
            proxy.heal()
            await until(lambda: it.source.connected)
            await send(backend.broker.port, numbered(3))
            assert len(await it.receive(3, acknowledge=True)) == 3


async def test_reading_stops_at_high_water_and_goes_on_below_low_water(backend: Backend) -> None:
    options = backend.options(high_water=200, low_water=50, receive_maximum=60_000, keep_alive_s=0.8)
    async with lane(options) as it:
        await send(backend.broker.port, [(t, p + b" " * 2000) for t, p in numbered(1500)])
        await until(lambda: it.source.health().paused)
        # While reading is stopped, the broker's silence must not be taken for its death.
        await asyncio.sleep(1.2)
        held = it.source.waiting
        assert 200 <= held < 1500
        assert it.source.connected
        got = await it.receive(1500, acknowledge=True)
        health = it.source.health()
        assert [r.frame.payload for r in got] == [p + b" " * 2000 for _, p in numbered(1500)]
        assert (health.paused, health.reconnects, health.unacknowledged) == (False, 0, 0)
        assert health.pauses >= 1


async def test_quality_0_is_taken_and_needs_no_acknowledgement(backend: Backend) -> None:
    async with lane(backend.options(high_water=50, low_water=10)) as it:
        await send(backend.broker.port, numbered(120), qos=0)
        got = await it.receive(120, acknowledge=True)
        assert {r.packet_id for r in got} == {0}
        assert it.source.health().acked == 0
        assert not it.source.health().paused


async def test_kept_messages_are_marked_old_and_live_ones_are_not(backend: Backend) -> None:
    await send(backend.broker.port, numbered(1), retain=True)
    async with lane(backend.options()) as it:
        (old,) = await it.receive(1, acknowledge=True)
        await send(backend.broker.port, numbered(1, 7), retain=True)
        (live,) = await it.receive(1, acknowledge=True)
    assert (old.frame.retained, live.frame.retained) == (True, False)


async def test_publishes_on_the_same_connection(backend: Backend) -> None:
    listening = [Subscription("telecare/+/+/ack", "native")]
    async with lane(backend.options()) as it, lane(backend.options(), "ears", subscriptions=listening) as ears:
        it.source.publish([("telecare/h/a/ack", b"1"), ("telecare/#", b"no topic"), ("telecare/h/b/ack", b"2")])
        got = await ears.receive(2)
        assert [(r.frame.topic, r.frame.payload) for r in got] == [
            ("telecare/h/a/ack", b"1"),
            ("telecare/h/b/ack", b"2"),
        ]
        assert it.source.health().unpublished == 1
        assert it.source.connected
        await it.source.close()
        it.source.publish([("telecare/h/a/ack", b"3")])
        assert it.source.health().unpublished == 2


async def test_two_lanes_have_sessions_of_their_own(backend: Backend) -> None:
    alarms = [Subscription("telecare/+/+/help", "native")]
    positions = [Subscription("telecare/+/+/position", "native")]
    async with (
        lane(backend.options(), "alarms", subscriptions=alarms) as one,
        lane(backend.options(), "telemetry", subscriptions=positions) as two,
    ):
        await send(backend.broker.port, [*numbered(20), ("telecare/haven/b/help", b"!")])
        assert [r.frame.payload for r in await one.receive(1)] == [b"!"]
        assert len(await two.receive(20)) == 20
        assert one.source.client_id != two.source.client_id


async def test_one_event_wakes_for_both_lanes(backend: Backend) -> None:
    wake = asyncio.Event()
    one = await open_source(backend.options(), "a", [Subscription("telecare/a", "native")], SystemClock(), wake=wake)
    two = await open_source(backend.options(), "b", [Subscription("telecare/b", "native")], SystemClock(), wake=wake)
    try:
        await one.ready(PATIENCE_S)
        await two.ready(PATIENCE_S)
        for source, topic in ((one, "telecare/a"), (two, "telecare/b")):
            wake.clear()
            await send(backend.broker.port, [(topic, b"x")])
            await asyncio.wait_for(wake.wait(), PATIENCE_S)
            assert source.waiting == 1
    finally:
        await one.close()
        await two.close()


async def test_a_second_gateway_of_the_same_name_is_named(backend: Backend) -> None:
    options = backend.options(backoff_first_s=1.0, backoff_cap_s=2.0)
    async with lane(options) as one, lane(options):
        await until(lambda: one.source.health().trouble is not None)
        health = one.source.health()
        # MQTT 3.1.1 has no words for it, and Mosquitto 2.0.11 does not use those of MQTT 5.
        assert health.trouble in {Trouble.TAKEN_OVER, Trouble.CLOSED}
        assert "second gateway" in health.detail


async def test_watchers_hear_of_loss_and_return(backend: Backend) -> None:
    async with proxied(backend.broker.port) as proxy, lane(backend.options(port=proxy.port)) as it:
        heard: list[tuple[bool, Trouble | None]] = []
        it.source.watch(lambda health: heard.append((health.connected, health.trouble)))
        proxy.cut()
        await until(lambda: (True, None) in heard)
        assert heard[0] == (False, Trouble.CLOSED)


async def test_a_broker_that_is_not_there_is_waited_for(backend: Backend) -> None:
    await backend.broker.stop()
    async with lane(backend.options(), ready=False) as it:
        await until(lambda: it.source.health().trouble is not None)
        with pytest.raises(LinkError, match="can't be reached") as caught:
            await it.source.ready(0.05)
        assert caught.value.trouble is Trouble.UNREACHABLE
        await backend.broker.start()
        await it.source.ready(PATIENCE_S)


async def test_auto_finds_the_version(backend: Backend) -> None:
    async with lane(backend.options(protocol="auto")) as it:
        assert it.source.health().protocol == backend.broker.protocols[0]
        await send(backend.broker.port, numbered(2))
        assert len(await it.receive(2, acknowledge=True)) == 2


@pytest.mark.mosquitto
async def test_the_broker_waits_at_the_receive_maximum(mosquitto_broker: Broker) -> None:
    options = BrokerOptions(port=mosquitto_broker.port, protocol="5", receive_maximum=5)
    async with lane(options) as it:
        await send(mosquitto_broker.port, numbered(30))
        held = await it.receive(5)
        # A round trip of another client later still nothing more. After a first acknowledgement Mosquitto 2.0.11 sends
        # past the maximum (9 unacknowledged of 5 allowed), which is why the high-water mark exists.
        await send(mosquitto_broker.port, numbered(1, 30))
        assert it.take() == []
        assert it.source.health().unacknowledged == 5
        it.source.acknowledge(held)
        await it.receive(26, acknowledge=True)
        assert it.payloads == [p for _, p in numbered(31)]


async def test_a_paho_that_does_not_fit_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("paho.mqtt.client.Client._create_socket")
    with pytest.raises(LinkError, match=r"paho-mqtt .* has no _create_socket"):
        await open_source(BrokerOptions(protocol="3.1.1"), "alarms", [Subscription("a", "native")], SystemClock())
