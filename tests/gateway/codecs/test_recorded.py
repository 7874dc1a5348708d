"""Recorded uplinks, from the bytes on the air to readings.

The recordings hold an envelope with raw bytes, the same bytes as hex with their port, and what a converter made of
them. No vendor's codec lies beside them, so:

- every envelope must hand exactly these bytes, port and time to a codec, whatever its model;
- for the models with a profile the test has codecs of its own, written after the vendors' payload tables. Their fields
  must be those of the recording, and the readings must be what a person would expect.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from devices.profiles import library
from devices.registry import decode
from tests.devices.cases import frame, plain, shared
from tests.gateway.codecs.conftest import Load

NETWORKS = {
    "thingsstackcommunity": "tts", "thingsstackindustries": "tts", "chirpstack": "chirpstack", "loriot": "profile",
}  # fmt: skip

WS101 = """
function Decoder(b, port) {
  var found = {}, i = 0;
  while (i + 1 < b.length) {
    if (b[i] === 0x01 && b[i + 1] === 0x75) { found.battery = b[i + 2]; i += 3; }
    else if (b[i] === 0xff && b[i + 1] === 0x2e) { found.press = ['', 'short', 'long', 'double'][b[i + 2]]; i += 3; }
    else break;
  }
  return found;
}
"""
AT101 = """
function decodeUplink(input) {
  var b = input.bytes, found = {}, i = 0;
  while (i + 1 < b.length) {
    var channel = b[i] << 8 | b[i + 1];
    i += 2;
    if (channel === 0x0175) found.battery = b[i++];
    else if (channel === 0x0367) { found.temperature = ((b[i + 1] << 8 | b[i]) << 16 >> 16) / 10; i += 2; }
    else if (channel === 0x0500) found.position = b[i++] === 0 ? 'normal' : 'tilt';
    else if (channel === 0x06d9) {
      found.wifi_scan_result = 'finish';
      found.motion_status = ['unknown', 'start', 'moving', 'stop'][b[i + 8] & 3];
      found.networks = (found.networks || 0) + 1;
      i += 9;
    } else throw new Error('channel ' + channel);
  }
  return { data: found };
}
"""
R311A = """
function Decode(port, b) {
  if (port !== 6) return { cmd: 'answer' };
  return { battery_voltage: (b[3] & 0x7f) / 10, contact_switch: b[4] ? 'on' : 'off' };
}
"""
CODECS = {"milesight/ws101": WS101, "milesight/at101": AT101, "netvox/r311a": R311A}
READINGS: dict[str, list[dict[str, Any]]] = {
    "milesight/ws101": [{"kind": "help", "phase": "pressed"}, {"kind": "status", "battery_percent": 16.0}],
    # names of radio networks are no place; where the gateway stood is one, where the network says it
    "milesight/at101": [{"kind": "status", "battery_percent": 100.0}],
    "netvox/r311a": [{"kind": "motion", "moving": True}, {"kind": "status", "low_battery": False}],
}
NO_PROFILE = {
    "milesight/vs350": "counts people at a door",
    "milesight/vs351": "counts people at a door",
    "netvox/r716s": "tells the strength of the network",
    "netvox/r718a": "temperature and humidity",
    "netvox/r718ab": "temperature and humidity",
    "netvox/r718da": "vibration of machines",
    "netvox/r718da2": "vibration of machines",
    "netvox/r718h": "counts pulses",
    "netvox/r718ka": "measures a current loop",
    "netvox/r718n3": "measures mains current",
    "netvox/r718wb": "water on a floor",
    "netvox/r719a": "cars in a parking place",
    "netvox/r72624": "air outdoors",
    "netvox/ra0715": "air indoors",
    "netvox/ra0723": "air outdoors",
    "tektelic/aura": "air indoors",
    "tektelic/clover": "soil",
    "tektelic/comfort": "air indoors",
    "tektelic/flux": "electricity",
    "tektelic/kiwi": "soil",
    "tektelic/vivid": "air and light indoors",
}
"""Models of the recordings that say nothing of a person whom somebody cares for, so there is nothing to assert beyond
their bytes."""


@contextmanager
def decoders(found: dict[str, Any]) -> Iterator[None]:
    before = library.installed()
    library.install(library.build(library.load_bundled(), found))
    try:
        yield
    finally:
        library.install(before)


def fields_of(row: dict[str, Any]) -> dict[str, Any]:
    decoded = row["vendor_decoded"]
    telemetry = (decoded[0] if isinstance(decoded, list) else decoded).get("telemetry") or [{}]
    values: dict[str, Any] = (telemetry[0] if isinstance(telemetry, list) else telemetry).get("values") or {}
    return values


@pytest.mark.parametrize("network", NETWORKS)
def test_every_recorded_envelope_hands_on_its_bytes_and_its_port(network: str) -> None:
    rows = [row for row in shared(network) if row["input_hex"]]
    calls: list[tuple[bytes, int, datetime]] = []

    def spy(data: bytes, port: int, received_at: datetime) -> dict[str, Any]:
        calls.append((data, port, received_at))
        raise UnreadableError(Why.CODEC_FAILED, "expected nothing")

    raw = 0
    with decoders({row["model"]: spy for row in rows}):
        for row in rows:
            calls.clear()
            with pytest.raises(UnreadableError) as caught:
                decode(NETWORKS[network], frame("x", row["payload"]), row["model"])
            if "decoded_payload" in row["payload"].get("uplink_message", {}):
                assert caught.value.why is Why.UNKNOWN_MODEL, row["source"]
                continue
            raw += 1
            ((data, port, received_at),) = calls
            assert (data.hex(), port) == (row["input_hex"].lower(), row["port"]), row["source"]
            assert received_at.utcoffset() is not None
    assert raw > 10


@pytest.mark.parametrize("network", NETWORKS)
def test_recorded_bytes_become_the_recorded_fields_and_readings(load: Load, network: str) -> None:
    codecs = load(CODECS)
    tried: Counter[str] = Counter()
    with decoders(dict(codecs.decoders())):
        for row in shared(network):
            model = row["model"]
            if model not in CODECS:
                profile = library.installed().find((model,), NETWORKS[network])
                assert profile is None or model not in NO_PROFILE
                continue
            wanted = fields_of(row)
            found = codecs.decode(model, row["port"], bytes.fromhex(row["input_hex"]))
            readings = [plain(one) for one in decode(NETWORKS[network], frame("x", row["payload"]), model)]
            told = [{k: v for k, v in one.items() if k in ("kind", *_SAID)} for one in readings]
            if "cmd" in wanted:  # the answer to a setting of the device
                assert [one["kind"] for one in told if one["kind"] != "position"] == ["status"], row["source"]
                continue
            tried[model] += 1
            networks = found.pop("networks", 0)
            assert networks == len(wanted.get("wifi", ())), row["source"]
            assert found == {key: value for key, value in wanted.items() if key != "wifi"}, row["source"]
            assert [one for one in told if one["kind"] != "position"] == READINGS[model], row["source"]
            assert all(one.get("source") == "gateway" for one in readings if one["kind"] == "position")
    assert tried


def test_a_recorded_message_with_a_time_that_is_none_is_told(load: Load) -> None:
    with decoders(dict(load(CODECS).decoders())):
        (row,) = shared("http")
        found = decode("profile", frame("x", row["payload"]), row["model"])
    assert [(one.device, one.observed_at) for one in found] == [("24e1641092176759", None)]
    assert plain(found[0])["battery_percent"] == fields_of(row)["battery"]


_SAID = ("phase", "battery_percent", "low_battery", "moving")
