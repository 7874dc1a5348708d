"""Devices on a real broker: they repeat alarms until acknowledged, and store and forward."""

import asyncio
import math
from datetime import timedelta

import msgspec
import pytest

from devices.model import Bed, Fall, Help, Reading
from simulators.device import Device, Repeats
from simulators.errors import LinkError, OptionsError, SceneError
from simulators.link import Broker as Address
from simulators.link import Link, Reached
from simulators.messages import Event
from simulators.run import Progress, SimulateOptions, run_centre
from simulators.scene import Scene
from simulators.script import Action, Scripted
from simulators.staging import stage
from simulators.timeline import timeline
from tests.brokers import Broker, free_port, needs_mosquitto, run_mosquitto, until
from tests.simulators.conftest import CENTRE, START, Ear

QUICK = Repeats(first_s=0.05, factor=1.5, longest_s=0.2)
PRESS = Help(device="sos-1", phase="pressed")


def event(number: int, reading: Reading) -> Event:
    return Event(at=START + timedelta(seconds=number), id=f"e{number}", resident="r01", reading=reading)


def button(address: Address, repeats: Repeats = QUICK, memory: int = 10_000) -> Device:
    return Device(address, site="lab", address="sos-1", client_id="sim-sos-1", repeats=repeats, memory=memory)


def test_waits_grow_to_a_limit() -> None:
    waits = Repeats(first_s=3, factor=2, longest_s=20).waits()
    assert [next(waits) for _ in range(5)] == [3, 6, 12, 20, 20]


async def test_an_alarm_is_repeated_with_the_same_id_until_acknowledged(nats_broker: Broker, ear: Ear) -> None:
    ear.acknowledges = False
    device = button(Address(port=nats_broker.port))
    assert await device.start() is Reached.READY
    try:
        device.send(event(1, PRESS))
        await until(lambda: len(ear.heard) >= 4, what="repeats")
        assert set(ear.ids()) == {"e1"}
        assert len(set(ear.heard)) == 1, "a repeat is the same message, byte for byte"
        assert device.unacknowledged == ("e1",)
        ear.acknowledges = True
        await until(lambda: not device.unacknowledged, what="the acknowledgement")
        said = device.link.sent
        await asyncio.sleep(5 * QUICK.longest_s)
        assert device.link.sent == said, "silent after the acknowledgement"
        assert device.repeated == said - 1
    finally:
        await device.stop()


async def test_another_ids_acknowledgement_does_not_silence_an_alarm(nats_broker: Broker, ear: Ear) -> None:
    ear.acknowledges = False
    device = button(Address(port=nats_broker.port))
    await device.start()
    try:
        device.send(event(1, PRESS))
        ear.say("telecare/lab/sos-1/ack", b'{"id":"another"}')
        ear.say("telecare/lab/sos-1/ack", b"not json")
        ear.say("telecare/lab/sos-2/ack", b'{"id":"e1"}')
        await until(lambda: device.app_acks == 1)
        heard = len(ear.heard)
        await until(lambda: len(ear.heard) > heard + 1, what="more repeats")
        assert device.unacknowledged == ("e1",)
    finally:
        await device.stop()


async def test_routine_is_said_once(nats_broker: Broker, ear: Ear) -> None:
    ear.acknowledges = False
    device = button(Address(port=nats_broker.port))
    await device.start()
    try:
        device.send(event(1, Bed(device="sos-1", in_bed=True)))
        device.send(event(2, Fall(device="sos-1", phase="detected")))
        await until(lambda: len(ear.ids("/fall")) >= 3, what="repeats of the fall")
        assert ear.ids("/bed") == ["e1"]
    finally:
        await device.stop()


async def test_what_happens_while_the_broker_is_away_is_kept_and_sent_in_order(nats_broker: Broker, ear: Ear) -> None:
    device = button(Address(port=nats_broker.port))
    await device.start()
    try:
        device.send(event(0, Bed(device="sos-1", in_bed=True)))
        await until(lambda: len(ear.heard) == 1)
        await nats_broker.kill()
        await until(lambda: not device.link.ready, what="the loss of the connection")
        for number in range(1, 60):
            device.send(event(number, Bed(device="sos-1", in_bed=number % 2 == 0)))
        device.send(event(60, PRESS))
        assert device.link.waiting == 60
        await nats_broker.start()
        # nothing is lost; what a broker was told twice may come twice
        await until(lambda: {f"e{n}" for n in range(61)} <= set(ear.ids()), what="all that was kept")
        assert list(dict.fromkeys(ear.ids())) == [f"e{n}" for n in range(61)]
        await until(lambda: not device.unacknowledged and device.link.waiting == 0)
        assert device.link.connections >= 2
    finally:
        await device.stop()


async def test_a_device_switched_on_before_its_broker_catches_up(nats_broker: Broker, ear: Ear) -> None:
    await nats_broker.kill()
    device = button(Address(port=nats_broker.port))
    assert await device.start(within_s=0.1) is Reached.AWAY
    try:
        device.send(event(1, PRESS))
        await nats_broker.start()
        await until(lambda: not device.unacknowledged, what="the acknowledgement")
        assert set(ear.ids()) == {"e1"}
    finally:
        await device.stop()


async def test_a_full_memory_drops_and_counts_routine_but_an_alarm_gets_through(nats_broker: Broker, ear: Ear) -> None:
    await nats_broker.kill()
    device = button(Address(port=nats_broker.port), memory=5)
    await device.start(within_s=0.05)
    try:
        for number in range(8):
            device.send(event(number, Bed(device="sos-1", in_bed=True)))
        device.send(event(8, PRESS))
        assert (device.link.sent, device.link.dropped) == (5, 4)
        await nats_broker.start()
        await until(lambda: not device.unacknowledged, what="the alarm")
        assert set(ear.ids()) == {"e0", "e1", "e2", "e3", "e4", "e8"}
    finally:
        await device.stop()


@pytest.mark.mosquitto
@needs_mosquitto[1]
async def test_a_broker_that_refuses_is_an_error_that_names_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("mosquitto")
    async with run_mosquitto(folder, "allow_anonymous false") as broker:
        link = Link(Address(port=broker.port, username="x", password="hush"), "sim-x")
        with pytest.raises(LinkError, match="check user name, password") as caught:
            await link.start()
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(Address(password="hush"))


def options(broker: Broker, **changes: object) -> SimulateOptions:
    plain = SimulateOptions(
        broker=Address(port=broker.port), centre=CENTRE, start=START, speed=math.inf, duration_s=7200, repeats=QUICK
    )
    return msgspec.structs.replace(plain, **changes)


async def test_a_centre_is_played_whole_and_in_order(nats_broker: Broker, ear: Ear, scene: Scene) -> None:
    script = (Scripted(at_s=20, do=Action.SOS, resident="r02"), Scripted(at_s=60, do=Action.FALL, resident="r01"))
    seen: list[Progress] = []
    summary = await run_centre(options(nats_broker, script=script), progress=seen.append)
    staged = stage(script, scene, start=START, seed=1)
    expected = list(timeline(scene, seed=1, start=START, duration_s=7200, staged=staged))
    await until(lambda: set(ear.ids()) == {e.id for e in expected}, what="every event")
    assert [p.event for p in seen] == expected
    assert summary.devices == 11
    assert summary.alarms == sum(summary.by_kind[kind] for kind in ("help", "fall"))
    assert summary.alarms_unacknowledged == 0
    assert summary.sent == summary.acked == len(expected) + summary.repeated
    assert sum(summary.by_kind.values()) == len(expected)
    assert summary.silent_devices == ("hall-radar", "old-button")
    assert 7000 < summary.simulated_s < 7200
    assert summary.seconds < 20
    words = [p.text for p in seen if p.text]
    assert "r02 presses the SOS button" in words
    assert "r01 lies on the floor after a fall" in words


async def test_alarms_that_nobody_takes_are_counted(nats_broker: Broker, ear: Ear) -> None:
    ear.acknowledges = False
    script = (Scripted(at_s=20, do=Action.SOS, resident="r02"),)
    summary = await run_centre(options(nats_broker, script=script, duration_s=60, settle_real_s=0.5))
    assert summary.alarms_unacknowledged == 1
    assert summary.repeated >= 2


async def test_real_time_is_kept(nats_broker: Broker) -> None:
    script = (Scripted(at_s=30, do=Action.SOS, resident="r02"),)
    seen: list[Progress] = []
    run = options(nats_broker, script=script, duration_s=60, speed=60, settle_real_s=0, residents=("r02",))
    summary = await run_centre(run, progress=seen.append)
    pressed = next(p for p in seen if p.event.kind == "help")
    assert START + timedelta(seconds=30) <= pressed.at < START + timedelta(seconds=60)
    assert summary.seconds >= 0.5


async def test_cancelling_stops_cleanly(nats_broker: Broker, ear: Ear) -> None:
    task = asyncio.create_task(run_centre(options(nats_broker, speed=60.0, duration_s=None)))
    await until(lambda: len(ear.heard) > 5, what="the first events")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)
    heard = len(ear.heard)
    await asyncio.sleep(1.2)
    assert len(ear.heard) == heard


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"speed": 0.0}, "speed: 0.0"),
        ({"duration_s": None}, "duration: none"),
        ({"duration_s": -5.0}, "duration: -5.0"),
        ({"start": START.replace(tzinfo=None)}, "time zone"),
    ],
)
async def test_options_out_of_range_start_nothing(changes: dict[str, object], said: str) -> None:
    plain = SimulateOptions(broker=Address(port=free_port()), centre=CENTRE, start=START, speed=math.inf, duration_s=60)
    with pytest.raises(OptionsError, match=said):
        await run_centre(msgspec.structs.replace(plain, **changes))
    with pytest.raises(SceneError, match="r77"):
        await run_centre(msgspec.structs.replace(plain, residents=("r77",)))
