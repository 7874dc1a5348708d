"""SCAIP-shaped messages: what is in them, what the centre's answers mean, and the signs of life."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app.alarm_centre import RULE, Heartbeats
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.centre.model import Centre
from gateway.errors import CentreError
from gateway.notify import scaip, sip, xml
from gateway.notify.cap import Place
from gateway.notify.channel import PermanentFailure, TemporaryFailure
from gateway.notify.channels.scaip import ScaipChannel
from gateway.notify.scaip import Kind, Request, Status
from gateway.notify.sip import Message
from gateway.notify.sip_client import SipClient
from gateway.notify.xml import XmlError
from rules.registry import RULES
from tests.brokers import PATIENCE_S
from tests.gateway.alarm_centre.messages import NOW, outgoing
from tests.gateway.alarm_centre.peer import UdpCentre, says
from tests.gateway.console.house import DOCUMENT, House


@pytest.fixture
async def centre() -> AsyncIterator[UdpCentre]:
    centre = await UdpCentre(says(200, snu="0")).start()
    yield centre
    centre.stop()


@pytest.fixture
async def channel(centre: UdpCentre) -> AsyncIterator[ScaipChannel]:
    client = SipClient("127.0.0.1", centre.port, transport="udp", sender="sip:house@localhost", t1_s=0.02, t2_s=0.05)
    channel = ScaipChannel(client, controller="4711", callback="gsm:+35621000000", timeout_s=0.5)
    yield channel
    await channel.close()


def fields(message: Message) -> dict[str, str]:
    root = xml.read(message.body)
    assert root.tag == "mrq"
    found = {child.tag: (child.text or "").strip() for child in root}
    return found | {f"lge/{child.tag}": child.text or "" for place in root.iter("lge") for child in place}


async def test_an_alarm(centre: UdpCentre, channel: ScaipChannel) -> None:
    place = Place(lon=14.4, lat=35.89, radius_m=5, at=NOW)
    sent = await channel.send(outgoing(place=place, device="a-long-device-name", room="R" * 40))
    (request,) = centre.heard
    assert request.header("content-type") == "application/scaip+xml"
    found = fields(request)
    assert sent.delivered
    assert found.pop("ref") == sent.provider_id
    assert found == {
        "ver": "01.00", "sco": "1", "cha": "0", "mty": "ME", "cid": "4711", "dty": "0003", "did": "a-long-d",
        "crd": "gsm:+35621000000", "stc": "0010", "lco": "034", "lte": "R" * 32, "lge": "",
        "lge/geo": "35.89000,14.40000", "lge/tim": "2026-03-01T02:12:30+00:00", "ite": "!!! Room 101: Help pressed",
    }  # fmt: skip


async def test_no_place_without_consent_and_the_same_reference_in_every_attempt(
    centre: UdpCentre, channel: ScaipChannel
) -> None:
    for _ in range(2):
        await channel.send(outgoing())
    await channel.send(outgoing(idempotency="another"))
    first, second, other = map(fields, centre.heard)
    assert not {"lco", "lge"} & set(first)
    assert first["ref"] == second["ref"] != other["ref"]


@pytest.mark.parametrize(
    ("purpose", "kind", "status"), [("taken", "IN", "0009"), ("cleared", "RE", "0092"), ("reminder", "ME", "0009")]
)
async def test_what_a_purpose_becomes(
    centre: UdpCentre, channel: ScaipChannel, purpose: str, kind: str, status: str
) -> None:
    await channel.send(outgoing(purpose=purpose, rule="zone_exit"))
    found = fields(centre.heard[0])
    assert (found["mty"], found["stc"], found["dty"]) == (kind, status, "0015")


@pytest.mark.parametrize("status", Status)
async def test_what_the_centre_says(centre: UdpCentre, channel: ScaipChannel, status: Status) -> None:
    centre.script = says(200, snu=status.value)
    if status is Status.OK:
        assert (await channel.send(outgoing())).delivered
        return
    kind = TemporaryFailure if status in {Status.HOLD, Status.NOT_TREATED, Status.BUSY} else PermanentFailure
    with pytest.raises(kind, match=f"snu {status.value}"):
        await channel.send(outgoing())


async def test_the_answer_of_another_message_is_none(centre: UdpCentre, channel: ScaipChannel) -> None:
    def script(request: Message, number: int) -> list[Message | None]:
        answer = sip.response(request, 200, "OK", tag="x")
        return [Message(answer.start, answer.headers, b"<mrs><ref>other</ref><snu>0</snu></mrs>")]

    centre.script = script
    with pytest.raises(TimeoutError):
        await channel.send(outgoing())


def test_every_rule_has_a_device_type_of_four_digits() -> None:
    known = {rule.name for rule in RULES} | {"help"}
    assert set(scaip.DEVICE_TYPES) <= known
    assert all(len(code) == 4 and code.isdecimal() for code in scaip.DEVICE_TYPES.values())


@pytest.mark.parametrize(
    ("reference", "controller"), [("", "1"), ("a-b", "1"), ("x" * 17, "1"), ("a", ""), ("a", "x1")]
)
def test_what_no_centre_could_read(reference: str, controller: str) -> None:
    with pytest.raises(XmlError):
        scaip.write(Request(reference=reference, controller=controller, kind=Kind.ALARM))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<mrs/>", b"<mrq><ref>a</ref><snu>0</snu></mrq>", b"<mrs><ref>a</ref><snu>9</snu></mrs>",
        b"<mrs><ref>a</ref></mrs>", b'<!DOCTYPE mrs [<!ENTITY e "x">]><mrs><ref>&e;</ref><snu>0</snu></mrs>',
        "<mrs><ref>a</ref><snu>0</snu></mrs>".encode("utf-16"), b"<mrs>" + b" " * 70_000 + b"</mrs>",
    ],
)  # fmt: skip
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(XmlError):
        scaip.read(data)
    assert not scaip.answers("a", data)


def test_an_answer_with_everything() -> None:
    found = scaip.read(b"<mrs><ref>A1</ref><snu>00</snu><ste>ok</ste><hbi>3</hbi><new>x</new></mrs>")
    assert (found.reference, found.status, found.text, found.heartbeat) == ("A1", Status.OK, "ok", "3")


@given(st.binary(max_size=200), st.text(max_size=80))
def test_any_bytes_and_any_texts(data: bytes, text: str) -> None:
    with suppress(XmlError):
        scaip.read(b"<mrs>" + data + b"</mrs>")
    root = xml.read(scaip.write(Request(reference="a", controller="1", kind=Kind.ALARM, place=text, info=text)))
    assert len(xml.text_of(root, "lte") or "") <= 32


def with_centre(contact: dict[str, str]) -> Centre:
    document = deepcopy(DOCUMENT)
    document["carers"].append({"id": "arc", "name": "ARC", "kind": "alarm_centre", "contacts": [contact]})
    return centre_from_document(document)


async def test_a_silent_centre_is_an_alarm_and_is_over_when_it_answers(
    tmp_path: Path, centre: UdpCentre, channel: ScaipChannel
) -> None:
    house = House(tmp_path)
    house.index = CentreIndex(with_centre({"channel": "scaip", "address": "sip:arc@127.0.0.1"}))
    await house.start()
    try:
        beats = Heartbeats(channel, writer=house.writer, index=lambda: house.index, clock=house.clock, every_s=600)
        assert beats.centres() == [("arc", "sip:arc@127.0.0.1")]
        async with asyncio.timeout(PATIENCE_S):
            assert await beats.beat("arc", "sip:arc@127.0.0.1")
            assert centre.kinds() == ["PI"]
            assert fields(centre.heard[0])["hbo"] == "0"
            assert house.ask("SELECT count(*) FROM alerts") == [(0,)]
            centre.script = says(200, snu="6")  # busy: it would not take an alarm either
            beating = asyncio.create_task(beats.beat("arc", "sip:arc@127.0.0.1"))
            while not beating.done():
                house.clock.move(10)
                await asyncio.sleep(0.01)
            assert not beating.result()
            assert house.ask("SELECT rule, subject, state, priority FROM alerts") == [(RULE, "arc", "open", "high")]
            centre.script = says(200, snu="0")
            assert await beats.beat("arc", "sip:arc@127.0.0.1")
            assert house.ask("SELECT state FROM alerts") == [("cleared",)]
    finally:
        await house.stop()


@pytest.mark.parametrize(
    ("channel_name", "address", "good"),
    [
        ("scaip", "sip:alarm@arc.example.org", True), ("scaip", "sips:alarm@192.0.2.1:5061", True),
        ("scaip", "alarm@arc.example.org", False), ("scaip", "sip:a@b\r\nVia: x", False),
        ("cap", "https://arc.example.org/cap", True), ("cap", "arc.example.org", False),
    ],
)  # fmt: skip
def test_addresses_in_the_centre_file(channel_name: str, address: str, good: bool) -> None:
    contact = {"channel": channel_name, "address": address}
    if good:
        assert with_centre(contact).carers[-1].contacts[0].address == address
        return
    with pytest.raises(CentreError, match="alarm centre's"):
        with_centre(contact)
