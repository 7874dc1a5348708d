"""The daemon takes answers at the broker when its settings say so, and only then."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.alerts import queries
from gateway.alerts.table import AlertState
from gateway.store.database import FILE, reader
from simulators.carer import CHARACTERS, Answer, Carer, Character, Outcome
from simulators.link import Broker as Where
from simulators.pace import Pace, wall_now
from simulators.ways import Pager
from tests.brokers import Broker, nats_broker, send, until  # noqa: F401 - one is a fixture
from tests.faults.harness.process import Daemon, daemon_of, telecare

CENTRE = """
[centre]
id = "haven"
name = "Haven House"
timezone = "Europe/Malta"
[[residents]]
id = "r01"
name = "Carmen Vella"
room = "101"
[[devices]]
id = "sos-r01"
type = "sos_button"
format = "native"
[[assignments]]
device = "sos-r01"
resident = "r01"
from = 2026-01-01T00:00:00Z
[[carers]]
id = "nora"
name = "Nora Borg"
role = "carer"
[[carers.contacts]]
channel = "mqtt"
address = "pagers/{carer}"
[[carers]]
id = "sam"
name = "Sam Borg"
role = "manager"
[[carers.contacts]]
channel = "log"
[[policies]]
id = "standard"
failsafe = ["sam"]
[[policies.steps]]
to = ["nora"]
wait_s = 3600
[[care_plans]]
resident = "r01"
policy = "standard"
[[care_plans.rules]]
rule = "help"
"""


@contextlib.asynccontextmanager
async def daemon(folder: Path, port: int, *, answers: bool) -> AsyncIterator[Daemon]:
    (folder / "centre.toml").write_text(CENTRE)
    config = folder / "gateway.toml"
    config.write_text(
        f'[gateway]\ndata = "data"\n[broker]\nport = {port}\nprotocol = "3.1.1"\n[console]\nport = 0\n'
        f"[channels.mqtt]\nanswers = {json.dumps(answers)}\n"
    )
    applied = await telecare("centre", "apply", folder / "centre.toml", "--config", config)
    assert applied.code == 0, applied.err
    async with daemon_of(config) as running:
        yield running


def only_alert(folder: Path) -> Any:
    with closing(reader(folder / "data" / FILE)) as db:
        [found] = queries.alerts(db, queries.Filter(rule="help"))
        return found


def pager(port: int) -> Pager:
    quick = Carer(rng=Random(1), manners=CHARACTERS[Character.ANSWERS], pace=Pace(wall_now(), speed=1e6))
    return Pager(Where(port=port), site="haven", carer_id="nora", carer=quick, topic="pagers/nora")


async def press(port: int) -> None:
    body = {"v": 1, "id": "press-1", "phase": "pressed"}
    await send(port, [("telecare/haven/sos-r01/help", json.dumps(body).encode())])


async def test_a_pager_deals_with_an_alarm(tmp_path: Path, nats_broker: Broker) -> None:  # noqa: F811
    device = pager(nats_broker.port)
    await device.start_listening()
    try:
        async with daemon(tmp_path, nats_broker.port, answers=True):
            await press(nats_broker.port)
            await until(lambda: device.visits)
    finally:
        await device.stop_listening()
    steps = ((Answer.GOING, Outcome.TAKEN), (Answer.ARRIVE, Outcome.TAKEN), (Answer.CLOSE, Outcome.TAKEN))
    assert device.visits[0].steps == steps
    alert = only_alert(tmp_path)
    assert (alert.state, alert.closed_by, alert.outcome) == (AlertState.CLOSED, "nora", "real")


async def test_without_the_setting_nobody_listens(
    tmp_path: Path,
    nats_broker: Broker,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simulators.ways.REPLY_WITHIN_S", 1.0)
    device = pager(nats_broker.port)
    await device.start_listening()
    try:
        async with daemon(tmp_path, nats_broker.port, answers=False):
            await press(nats_broker.port)
            await until(lambda: device.visits)
    finally:
        await device.stop_listening()
    assert device.visits[0].steps == ((Answer.GOING, Outcome.UNREACHABLE),)
    assert only_alert(tmp_path).state is AlertState.OPEN
