"""From raw bytes in an envelope to readings: the network server decoded nothing, the vendor's codec does."""

import base64
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devices.errors import UnreadableError, Why
from devices.model import Help
from devices.profiles import library
from devices.registry import decode
from gateway.cli.main import app
from gateway.codecs import Codecs
from gateway.settings import load_settings
from tests.devices.cases import RECEIVED_AT, frame
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


@pytest.mark.parametrize(
    ("topic", "payload", "device"),
    [
        ("loriot/24E1000000000004/up", {"cmd": "rx", "EUI": "24E1000000000004", "data": "FF2E02"}, "24E1000000000004"),
        ("loriot/A1/up", {"cmd": "gw", "data": "ff2e02"}, "A1"),
        ("profile/loriot/uplink/A1", {"data": "ff2e02"}, "A1"),
        ("-", {"EUI": "B2", "port": 85, "data": "ff2e02"}, "B2"),
        ("milesight-gateway/24e1/up", {"devEUI": "24e1", "fPort": 85, "data": "/y4C"}, "24e1"),
        ("-", {"devEUI": "24e1", "fPort": 85, "time": "2026-0327T12:39:05Z", "data": "/y4C"}, "24e1"),
    ],
)
def test_bytes_in_the_envelope_of_another_network_become_an_alarm(
    codec_of: Any, topic: str, payload: dict[str, Any], device: str
) -> None:
    codec_of(BUTTON)
    first = decode("profile", frame(topic, {"port": 85, "ts": 1772352000000} | payload), "acme/button")[0]
    assert isinstance(first, Help)
    assert (first.device, first.phase) == (device, "pressed")
    if "cmd" in payload:
        assert first.observed_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
        assert first.event_id == "1772352000000"


def test_an_envelope_of_bytes_never_guesses_the_model(codec_of: Any) -> None:
    codec_of(BUTTON)
    payload = {"EUI": "B2", "port": 85, "data": "ff2e02"}
    for model, why in ((None, Why.MISSING_DECODER), ("acme/other", Why.MISSING_DECODER), ("loriot/uplink", None)):
        with pytest.raises(UnreadableError) as caught:
            decode("profile", frame("loriot/B2/up", payload), model)
        assert caught.value.why is (why or Why.MISSING_DECODER)


def test_a_call_in_an_envelope_that_is_bad_elsewhere_is_told(codec_of: Any) -> None:
    codec_of(BUTTON)
    payload = b'{"EUI": "B2", "port": 85, "data": "ff2e02", "toa": 99999999999999999999}'
    (first,) = decode("profile", frame("loriot/B2/up", payload), "acme/button")
    assert isinstance(first, Help)


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


def test_a_codec_of_a_model_serves_every_name_of_its_profile(load: Load) -> None:
    codecs = load({"milesight/ws101": BUTTON})
    known = library.build(library.load_bundled(), codecs.decoders())
    profile = known.find(["milesight/ws101"], "tts")
    assert profile is not None
    for name in (profile.name, "Milesight WS101", *profile.names):
        found = known.codec([None, name])
        assert found is not None, name
        assert found(b"\xff\x2e\x01", 85, RECEIVED_AT) == {"press": "short"}
    assert known.codec(["acme/other", None]) is None


def test_codecs_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "codecs").mkdir()
    (tmp_path / "codecs" / "button.js").write_text(BUTTON, encoding="utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text('[devices.codecs]\n"acme/button" = "codecs/button.js"\n', encoding="utf-8")
    settings = load_settings(config, {})
    assert settings.devices.codecs == {"acme/button": tmp_path / "codecs" / "button.js"}
    with closing(Codecs.load(settings.devices.codecs)) as codecs:
        assert codecs.models == {"acme/button"}


@pytest.mark.parametrize(
    ("text", "said"), [(BUTTON, "no errors"), ("function (", "acme/button"), (None, "No such file")]
)
def test_the_check_of_the_settings_tries_the_codecs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    if text is not None:
        (tmp_path / "button.js").write_text(text, encoding="utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text('[devices.codecs]\n"acme/button" = "button.js"\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["check", "--config", str(config)])
    assert result.exit_code == (0 if text is BUTTON else 2)
    words = " ".join((result.output + "".join(capsys.readouterr())).split())
    assert said in words
