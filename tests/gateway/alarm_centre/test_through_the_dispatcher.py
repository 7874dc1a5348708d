"""From the alert to the centre and back: the outbox, the real channel, a real socket, the answer in the database."""

from pathlib import Path

import pytest

from gateway.app.channels import make_channels
from gateway.errors import SettingsError
from gateway.notify.channels.cap import CapChannel
from gateway.notify.channels.log import LogChannel
from gateway.notify.channels.scaip import ScaipChannel
from gateway.notify.sip_client import SipClient
from gateway.settings.load import load_settings
from tests.gateway.alarm_centre.peer import UdpCentre, says
from tests.gateway.notify.conftest import House, index_of


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_delivered_when_the_centre_says_so_and_another_way_when_it_refuses(house: House) -> None:
    centre = await UdpCentre(says(200, snu="6")).start()
    client = SipClient("127.0.0.1", centre.port, transport="udp", sender="sip:house@localhost", t1_s=0.02, t2_s=0.05)
    channel = ScaipChannel(client, controller="1", callback="no-voice:", timeout_s=2)
    house.channels["scaip"] = channel
    a = house.fake("a")
    house.index = index_of(nora=[("scaip", "sip:arc@127.0.0.1"), ("a", "nora-2")])
    try:
        async with house.running():
            await house.fall()
            await house.expect(lambda: house.states() == [("nora", 0, "alert", "failed_for_now")])
            assert "snu 6 (busy)" in house.rows()[0]["detail"]
            centre.script = says(200, snu="0")
            house.clock.move(3)
            await house.expect(lambda: house.states() == [("nora", 0, "alert", "delivered")])
            [row] = house.rows()
            assert row["delivered_at"] == row["settled_at"] == int(house.clock.now().timestamp() * 1000)
            assert len({one.body for one in centre.heard}) == 1, "the same message, so that the centre knows it again"
            centre.script = says(200, snu="2")
            await house.fall(1)
            await house.expect(lambda: len(a.heard) == 1)
            states = [(row["contact"], row["state"]) for row in house.rows("alert = 2")]
            assert states == [(0, "failed_for_good"), (1, "sent")]
    finally:
        await channel.close()
        centre.stop()


SETTINGS = """
[gateway]
data = "data"
[channels.cap]
secret_env = "CAP_SECRET"
[channels.scaip]
proxy = "sip.example.org"
transport = "tls"
sender = "sip:haven@example.org"
controller = "4711"
password_env = "SIP_PASSWORD"
"""
ENV = {"CAP_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "SIP_PASSWORD": "swordfish"}


def test_the_channels_of_the_settings(tmp_path: Path, house: House) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(SETTINGS)
    settings = load_settings(file, ENV)
    scaip = settings.channels.scaip
    assert scaip is not None
    assert (scaip.port, scaip.heartbeat_s, scaip.callback) == (5061, 3600, "no-voice:")
    assert not [word for word in ENV.values() if word in repr(settings)]
    channels = make_channels(
        settings,
        None,  # type: ignore[arg-type] # nothing is published
        log=LogChannel(),
        links=house.links,
        clock=house.clock,
        database=house.path,
    )
    assert isinstance(channels["cap"], CapChannel)
    assert isinstance(channels["scaip"], ScaipChannel)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('controller = "4711"', 'controller = "x"', "channels.scaip.controller"),
        ("sip:haven@example.org", "haven", "channels.scaip.sender"),
        ('transport = "tls"', 'transport = "ip"', "channels.scaip.transport"),
        ('secret_env = "CAP_SECRET"', "", "channels.cap"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(SETTINGS.replace(old, new))
    with pytest.raises(SettingsError, match=words):
        load_settings(file, ENV)
