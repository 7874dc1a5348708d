"""From raw bytes in an envelope to readings: the network server decoded nothing, the vendor's codec does."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from devices.model import Help
from devices.profiles import library
from devices.registry import decode
from tests.devices.cases import frame
from tests.gateway.codecs.conftest import Load

BUTTON = """
function decodeUplink(input) {
  if (input.bytes[0] !== 0xff) throw new Error('not a message of the button');
  return {data: {press: ['', 'short', 'long', 'double'][input.bytes[2]]}};
}
"""


def things_stack(data: bytes, **uplink: Any) -> dict[str, Any]:
    return {
        "end_device_ids": {"device_id": "button-r04"},
        "uplink_message": {
            "f_port": 85,
            "frm_payload": base64.b64encode(data).decode(),
            "version_ids": {"brand_id": "acme", "model_id": "button"},
            **uplink,
        },
    }


def chirpstack(data: bytes) -> dict[str, Any]:
    return {
        "deviceInfo": {"devEui": "24E1000000000004", "deviceProfileName": "Acme Button"},
        "fPort": 85,
        "data": base64.b64encode(data).decode(),
    }


TTS = "v3/haven@ttn/devices/button-r04/up"
CHIRPSTACK = "application/1/device/24e1000000000004/event/up"
PROFILE = """
vendor = "acme"
model = "button"
title = "A button of nobody"
source = "Written for this test"
formats = ["tts", "chirpstack"]

[[readings]]
kind = "help"
when = [{ at = "/press", equals = "long" }]
phase = "pressed"

[[cases]]
name = "a long press"
payload = { press = "long" }
readings = [{ kind = "help", phase = "pressed" }]

[[cases]]
name = "broken"
payload = "[]"
error = "not_an_object"
"""


@pytest.fixture
def codec_of(load: Load) -> Iterator[Any]:
    """Install the bundled profiles and one more, with a codec for its model."""
    before = library.installed()

    def install(text: str) -> None:
        profile = library.parse(PROFILE, "button.toml")
        library.install(library.build([*library.load_bundled(), profile], load({"acme/button": text}).decoders()))

    yield install
    library.install(before)


@pytest.mark.parametrize(
    ("name", "topic", "payload", "device"),
    [
        ("tts", TTS, things_stack(b"\xff\x2e\x02"), "button-r04"),
        ("chirpstack", CHIRPSTACK, chirpstack(b"\xff\x2e\x02"), "24e1000000000004"),
    ],
)
def test_raw_bytes_become_an_alarm(codec_of: Any, name: str, topic: str, payload: Any, device: str) -> None:
    codec_of(BUTTON)
    first = decode(name, frame(topic, payload))[0]
    assert isinstance(first, Help)
    assert (first.device, first.phase) == (device, "pressed")


def test_fields_that_are_there_already_are_not_decoded_again(codec_of: Any) -> None:
    codec_of("function decodeUplink() { for (;;); }")
    payload = things_stack(b"\xff\x2e\x01", decoded_payload={"press": "long"})
    assert isinstance(decode("tts", frame(TTS, payload))[0], Help)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("function decodeUplink() { for (;;); }", Why.CODEC_TIMEOUT),
        ("function decodeUplink() { return {data: {a: 'x'.repeat(1 << 29)}}; }", Why.CODEC_FAILED),
        (BUTTON, Why.CODEC_FAILED),
    ],
)
def test_a_codec_that_fails_is_a_named_reason_of_that_message(codec_of: Any, text: str, why: Why) -> None:
    codec_of(text)
    with pytest.raises(UnreadableError) as caught:
        decode("tts", frame(TTS, things_stack(b"\x00\x00\x00")))
    assert caught.value.why is why
