"""A fleet: exact counts, a rate that is kept, and a centre that fits."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from devices import registry
from devices.model import Frame, Position
from gateway.centre.load import load_centre
from simulators.errors import OptionsError
from simulators.fleet import FleetOptions, run_fleet
from simulators.fleet_centre import ZONE_RADIUS_M, write_fleet_centre
from simulators.ground import Ground
from simulators.link import Broker as Address
from simulators.scene import read_scene
from tests.brokers import Broker, free_port, until
from tests.pace import pace
from tests.simulators.conftest import START, Ear


def options(broker: Broker, **changes: object) -> FleetOptions:
    plain = FleetOptions(broker=Address(port=broker.port), trackers=20, others=6, count=520, start=START)
    return msgspec.structs.replace(plain, **changes)


async def test_every_message_is_sent_once_and_counted(nats_broker: Broker, ear: Ear) -> None:
    summary = await run_fleet(options(nats_broker, press_every=100, settle_real_s=5))
    await until(lambda: len(ear.heard) >= 520)
    ids = ear.ids()
    assert len(ids) == len(set(ids)) == 520
    assert summary.sent == summary.acked == 520
    assert summary.devices == 26
    assert (summary.dropped, summary.repeated) == (0, 0)
    assert summary.alarms == len(ear.ids("/help")) == summary.by_kind["help"]
    assert summary.alarms_unacknowledged == 0
    assert summary.by_kind == dict(Counter(topic.rpartition("/")[2] for topic, _ in ear.heard))
    devices = Counter(topic.split("/")[2] for topic, _ in ear.heard)
    assert set(devices.values()) == {20}, "every device has its turn"
    for topic, body in ear.heard:
        (reading,) = registry.decode("native", Frame(topic=topic, payload=body, received_at=START))
        assert reading.observed_at is not None


async def test_the_gateways_acknowledgements_are_counted(nats_broker: Broker, ear: Ear) -> None:
    ear.acknowledges = False
    summary = await run_fleet(options(nats_broker, count=52, press_every=20, settle_real_s=0.3))
    assert (summary.app_acks, summary.alarms, summary.alarms_unacknowledged) == (0, 2, 2)
    ear.acknowledges = True
    summary = await run_fleet(options(nats_broker, count=52, press_every=1, others=0, site="yard"))
    assert (summary.app_acks, summary.alarms, summary.alarms_unacknowledged) == (52, 52, 0)


async def test_a_presss_without_an_answer_is_said_again(
    nats_broker: Broker, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.fleet.REPEAT_S", 0.05)
    ear.acknowledges = False
    summary = await run_fleet(options(nats_broker, count=10, press_every=10, settle_real_s=0.5))
    assert summary.repeated >= 2
    assert set(Counter(ear.ids("/help")).values()) == {1 + summary.repeated}


@pytest.mark.alone
async def test_an_open_loop_keeps_its_rate_and_its_time(nats_broker: Broker) -> None:
    async with pace() as machine:
        summary = await run_fleet(options(nats_broker, rate=200.0, count=None, duration_real_s=1.0))
        assert 190 / machine.slowness <= summary.sent <= 201
        assert summary.sent == summary.acked
        assert 1.0 <= summary.seconds < machine.allows(1.3)
        counted = await run_fleet(options(nats_broker, rate=400.0, count=100))
        assert counted.sent == 100
        assert 0.2 <= counted.seconds < machine.allows(0.6)


async def test_wanderers_leave_their_zone_and_the_others_do_not(nats_broker: Broker, ear: Ear, tmp_path: Path) -> None:
    path = write_fleet_centre(tmp_path, trackers=10)
    scene = read_scene(path, at=START)
    assert [r.devices["tracker"] for r in scene.residents] == [f"fleet-{n:05d}" for n in range(1, 11)]
    await run_fleet(options(nats_broker, trackers=10, others=0, wanderers=0.2, speed=2000.0, rate=400.0, count=400))
    await until(lambda: len(ear.heard) >= 400)
    strayed = set()
    for topic, body in ear.heard:
        (reading,) = registry.decode("native", Frame(topic=topic, payload=body, received_at=START))
        assert isinstance(reading, Position)
        home: Ground = scene.grounds[f"z-{reading.device}"]
        if home.depth(home.to_metres(reading.lon, reading.lat)) < -20:
            strayed.add(reading.device)
    assert strayed == {"fleet-00001", "fleet-00002"}


def test_the_gateway_takes_the_fleets_centre(tmp_path: Path) -> None:
    centre = load_centre(write_fleet_centre(tmp_path, site="yard", trackers=25))
    assert len(centre.residents) == len(centre.zones) == 25
    assert ZONE_RADIUS_M == 100


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trackers": 0}, "trackers: 0"),
        ({"others": -1}, "others: -1"),
        ({"connections": 0}, "connections: 0"),
        ({"count": 0}, "count: 0"),
        ({"count": None}, "a fleet must end"),
        ({"rate": 0.0}, r"rate: 0\.0"),
        ({"rate": float("nan")}, "rate: nan"),
        ({"wanderers": 1.5}, r"wanderers: 1\.5"),
    ],
)
async def test_options_out_of_range_start_nothing(changes: dict[str, object], said: str) -> None:
    plain = FleetOptions(broker=Address(port=free_port()), count=10)
    with pytest.raises(OptionsError, match=said):
        await run_fleet(msgspec.structs.replace(plain, **changes))
