"""The files for Mosquitto, tried on a real Mosquitto."""

import asyncio
import base64
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

import msgspec
import pytest

from gateway.clock import SystemClock
from gateway.errors import BrokerError
from gateway.ingest.broker_config import (
    ACCESS_FILE,
    CONFIG_FILE,
    CREDENTIALS_FILE,
    PASSWORD_FILE,
    BrokerPlan,
    DeviceAccess,
    broker_config,
    hash_password,
    make_passwords,
)
from gateway.ingest.broker_users import add_users
from gateway.ingest.durability import check_durability
from gateway.ingest.options import BrokerOptions, Subscription, TlsOptions
from tests.brokers import PATIENCE_S, Broker, Certificates, free_port, run_mosquitto, send
from tests.gateway.ingest.conftest import lane

DEVICES = (DeviceAccess("gps-1"), DeviceAccess("bed-1"), DeviceAccess("phone", writes=("owntracks/phone/+",)))


def plan_for(folder: Path, certificates: Certificates | None = None) -> BrokerPlan:
    """A plan that works in a folder of the test."""
    at = PurePosixPath(folder)
    ca, certificate, key = (
        (certificates.ca, certificates.server, certificates.server_key) if certificates else (at, at, at)
    )
    return BrokerPlan(
        site="haven",
        devices=DEVICES,
        folder=at,
        data=at,
        port=free_port(),
        local_port=free_port(),
        ca=PurePosixPath(ca),
        certificate=PurePosixPath(certificate),
        key=PurePosixPath(key),
    )


@pytest.fixture
async def site(tmp_path: Path, certificates: Certificates) -> AsyncIterator[tuple[Broker, BrokerPlan, dict[str, str]]]:
    """A Mosquitto that runs on the written files."""
    plan = plan_for(tmp_path, certificates)
    passwords = make_passwords(plan)
    files = broker_config(plan, passwords)
    for name in (PASSWORD_FILE, ACCESS_FILE):
        (tmp_path / name).write_text(files[name])
    # The one thing that differs from production: it runs as whoever runs the tests.
    config = f"user {pwd.getpwuid(os.getuid()).pw_name}\n{files[CONFIG_FILE]}"
    assert plan.local_port is not None
    async with run_mosquitto(tmp_path, config, port=plan.local_port) as broker:
        yield broker, plan, passwords


Site = tuple[Broker, BrokerPlan, dict[str, str]]


@pytest.mark.mosquitto
async def test_a_device_writes_its_own_topics_only(site: Site) -> None:
    broker, _, passwords = site
    options = BrokerOptions(port=broker.port, username="gateway", password=passwords["gateway"])
    everything = [Subscription("#", "native")]
    async with lane(options, subscriptions=everything) as it:
        for user, topic in [
            ("gps-1", "telecare/haven/bed-1/bed"),
            ("gps-1", "telecare/haven/gps-1/command"),
            ("gps-1", "telecare/haven/gps-1/ack"),
            ("gps-1", "telecare/other/gps-1/position"),
            ("phone", "telecare/haven/phone/position"),
            ("gateway", "telecare/haven/gps-1/position"),
            # What is allowed comes last: when it is there, what was refused would have been there too.
            ("gps-1", "telecare/haven/gps-1/help"),
            ("bed-1", "telecare/haven/bed-1/bed"),
            ("phone", "owntracks/phone/x"),
            ("gateway", "telecare/haven/gps-1/command"),
        ]:
            await send(broker.port, [(topic, user.encode())], username=user, password=passwords[user])
        got = await it.receive(4)
        assert [(r.frame.topic, r.frame.payload) for r in got] == [
            ("telecare/haven/gps-1/help", b"gps-1"),
            ("telecare/haven/bed-1/bed", b"bed-1"),
            ("owntracks/phone/x", b"phone"),
            ("telecare/haven/gps-1/command", b"gateway"),
        ]


@pytest.mark.mosquitto
async def test_a_device_hears_its_own_commands_only(site: Site) -> None:
    broker, _, passwords = site
    device = BrokerOptions(port=broker.port, username="gps-1", password=passwords["gps-1"], client_id="gps-1")
    async with lane(device, subscriptions=[Subscription("telecare/haven/+/+", "native")]) as it:
        sent = [("telecare/haven/bed-1/command", b"other"), ("telecare/haven/gps-1/command", b"own")]
        await send(broker.port, sent, username="gateway", password=passwords["gateway"])
        assert [r.frame.payload for r in await it.receive(1)] == [b"own"]


@pytest.mark.mosquitto
async def test_a_device_that_comes_later_is_let_in_without_a_restart(site: Site) -> None:
    broker, plan, passwords = site
    folder = Path(plan.folder)
    later = msgspec.structs.replace(plan, devices=(*plan.devices, DeviceAccess("sos-2")))
    added = add_users(later, {name: (folder / name).read_text() for name in (PASSWORD_FILE, ACCESS_FILE)})
    assert (added.users, added.topics, added.left) == (("sos-2",), {}, ())
    for name in (PASSWORD_FILE, ACCESS_FILE):
        (folder / name).write_text(added.files[name])
    [(user, _, password)] = [line.partition(":") for line in added.files[CREDENTIALS_FILE].splitlines()]
    options = BrokerOptions(port=broker.port, username="gateway", password=passwords["gateway"])
    async with lane(options, subscriptions=[Subscription("#", "native")]) as it:
        pid = broker.pid()
        assert pid is not None
        os.kill(pid, signal.SIGHUP)

        async def sent() -> bool:
            try:
                await send(broker.port, [("telecare/haven/sos-2/help", b"new")], username=user, password=password)
            except AssertionError:
                return False
            return True

        async with asyncio.timeout(PATIENCE_S):
            while not await sent():
                await asyncio.sleep(0.01)
        await send(broker.port, [("telecare/haven/gps-1/help", b"old")], username="gps-1", password=passwords["gps-1"])
        assert [r.frame.payload for r in await it.receive(2)] == [b"new", b"old"]
        # whoever was there stayed
        assert (folder / "mosquitto.log").read_text().count("u'gateway'") == 1


@pytest.mark.mosquitto
async def test_nobody_comes_in_without_a_password(site: Site) -> None:
    broker, _, passwords = site
    with pytest.raises(AssertionError, match=r"Not authorized|Bad user"):
        await send(broker.port, [("telecare/haven/gps-1/help", b"x")])
    with pytest.raises(AssertionError, match=r"Not authorized|Bad user"):
        await send(broker.port, [("a", b"x")], username="gps-1", password=passwords["bed-1"])


@pytest.mark.mosquitto
async def test_the_tls_listener_works_and_the_check_finds_nothing(site: Site, certificates: Certificates) -> None:
    _, plan, passwords = site
    options = BrokerOptions(
        port=plan.port, username="gateway", password=passwords["gateway"], tls=TlsOptions(ca=certificates.ca)
    )
    # A probe topic that the gateway may write.
    found = await check_durability(options, SystemClock(), probe_topic="telecare/haven/probe/ack", probe_messages=100)
    assert found == []


def test_the_hash_is_the_one_of_mosquitto_passwd(tmp_path: Path) -> None:
    """Our own hash of the tool's salt equals the tool's hash."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    path = tmp_path / "pw"
    path.write_text("someone:päss wörd\n")
    path.chmod(0o600)
    subprocess.run([tool, "-U", str(path)], check=True, capture_output=True)
    hashed = path.read_text().strip().split(":", 1)[1]
    salt = base64.b64decode(hashed.split("$")[3])
    assert hash_password("päss wörd", salt) == hashed


def test_the_durable_settings_are_there(tmp_path: Path) -> None:
    plan = plan_for(tmp_path)
    config = broker_config(plan, make_passwords(plan))[CONFIG_FILE].splitlines()
    for line in (
        "persistence true",
        "autosave_on_changes true",
        "autosave_interval 1",
        "max_queued_messages 0",
        "max_inflight_messages 2000",
        "allow_anonymous false",
        f"listener {plan.port}",
        f"listener {plan.local_port} 127.0.0.1",
        "tls_version tlsv1.2",
    ):
        assert line in config
    assert "require_certificate true" not in config


def test_passwords_are_new_and_only_in_the_credentials_file(tmp_path: Path) -> None:
    plan = plan_for(tmp_path)
    one, two = make_passwords(plan), make_passwords(plan)
    assert set(one) == {"gateway", "gps-1", "bed-1", "phone"}
    assert len({*one.values(), *two.values()}) == 8
    files = broker_config(plan, one)
    for name, text in files.items():
        assert (one["gps-1"] in text) == (name == CREDENTIALS_FILE)


def test_every_bad_name_is_told_at_once(tmp_path: Path) -> None:
    bad = ("gps 1", "gps/2", "#", "a:b", "", "line\nbreak")
    plan = BrokerPlan(
        site="ha+ven", devices=(*(DeviceAccess(d) for d in bad), DeviceAccess("ok", writes=("a\nuser root",)))
    )
    with pytest.raises(BrokerError) as caught:
        broker_config(plan, {})
    text = str(caught.value)
    for name in (*bad, "ha+ven", "a\nuser root"):
        assert repr(name) in text
    assert "ok: has no password" in text


def test_a_name_that_is_there_twice_is_refused() -> None:
    plan = BrokerPlan(site="haven", devices=(DeviceAccess("gateway"),))
    with pytest.raises(BrokerError, match="gateway: is there twice"):
        broker_config(plan, {"gateway": "x"})
