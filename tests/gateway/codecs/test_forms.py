"""The three forms in which vendors write codecs, and what comes of their answers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from tests.devices.cases import RECEIVED_AT
from tests.gateway.codecs.conftest import Load

DATA = bytes([1, 0x75, 100, 3, 0x67, 0x12, 0xFF])
CHANNELS = """
function fields(bytes) {
  var found = {};
  for (var i = 0; i < bytes.length;) {
    var channel = bytes[i++], type = bytes[i++];
    if (channel === 1 && type === 0x75) found.battery = bytes[i++];
    else if (channel === 3 && type === 0x67) {
      found.temperature = ((bytes[i] | bytes[i + 1] << 8) << 16 >> 16) / 10;
      i += 2;
    } else break;
  }
  return found;
}
"""
FORMS = {
    "decodeUplink": "function decodeUplink(input) { return {data: fields(input.bytes), warnings: ['w'], errors: []}; }",
    "arrow": "const decodeUplink = (input) => ({data: fields(input.bytes)});",
    "Decode": "function Decode(fPort, bytes) { return fields(bytes); }",
    "Decoder": "function Decoder(bytes, port) { return fields(bytes); }",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_understood(load: Load, form: str) -> None:
    assert load({"v/m": CHANNELS + FORMS[form]}).decode("v/m", 85, DATA) == {"battery": 100, "temperature": -23.8}


def test_what_each_form_is_given(load: Load) -> None:
    codecs = load(
        {
            "a/uplink": "function decodeUplink(i) { return {data: {b: i.bytes, p: i.fPort, t: i.recvTime.getTime(), "
            "list: Array.isArray(i.bytes), v: i.variables.unit}}; }",
            "a/chirp": "function Decode(p, b, v) { return {b: b, p: p, v: v.unit}; }",
            "a/bare": "function Decoder(b, p) { return {b: b, p: p}; }",
        }
    )
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert codecs.decode("a/uplink", 7, b"\x00\xff", at, {"unit": "F"}) == {
        "b": [0, 255], "p": 7, "t": 1772352000000, "list": True, "v": "F",
    }  # fmt: skip
    assert codecs.decode("a/chirp", 8, b"\x01", variables={"unit": "F"}) == {"b": [1], "p": 8, "v": "F"}
    assert codecs.decode("a/bare", 9, b"") == {"b": [], "p": 9}
    assert isinstance(codecs.decode("a/uplink", 7, b"")["t"], int)  # now, when nobody says


def test_decode_uplink_is_preferred_and_each_model_has_its_own_globals(load: Load) -> None:
    codecs = load(
        {
            "v/all": "var n = 1; function Decoder() { return {by: 'Decoder'}; }"
            "function Decode() { return {by: 'Decode'}; }"
            "function decodeUplink() { return {data: {by: 'decodeUplink'}}; }",
            "v/other": "function Decoder() { return {n: typeof n, uplink: typeof decodeUplink}; }",
        }
    )
    assert codecs.models == {"v/all", "v/other"}
    assert codecs.decode("v/all", 1, b"") == {"by": "decodeUplink"}
    assert codecs.decode("v/other", 1, b"") == {"n": "undefined", "uplink": "undefined"}


def test_the_functions_for_the_pure_decoders(load: Load) -> None:
    decoders = load(
        {
            "v/one": "function Decoder(b, p) { return {one: p}; }",
            "v/two": "function Decoder(b, p) { return {two: b}; }",
        }
    ).decoders()
    assert decoders["v/one"](b"\x05", 3, RECEIVED_AT) == {"one": 3}
    assert decoders["v/two"](b"\x05", 3, RECEIVED_AT) == {"two": [5]}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("{a: NaN, b: Infinity, c: undefined, d: null}", {"a": None, "b": None, "d": None}),
        ("{a: 0, b: false, c: ''}", {"a": 0, "b": False, "c": ""}),
        ("{a: new Date(0), b: [1, {c: 'ü😀'}]}", {"a": "1970-01-01T00:00:00.000Z", "b": [1, {"c": "ü😀"}]}),
        ("{}", {}),
    ],
)
def test_values_of_an_answer(load: Load, body: str, fields: dict[str, Any]) -> None:
    assert load({"v/m": f"function Decoder() {{ return {body}; }}"}).decode("v/m", 1, b"") == fields


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("function decodeUplink() { return {errors: ['unknown FPort']}; }", "unknown FPort"),
        ("function decodeUplink() { return {warnings: []}; }", "no object with fields"),
        ("function decodeUplink() { return null; }", "gave no object"),
        ("function decodeUplink() { }", "gave no object"),
        ("function Decode() { return [1]; }", "no object with fields"),
        ("function Decode() { return 'text'; }", "no object with fields"),
        ("function Decoder() { throw new Error('short frame'); }", "short frame"),
        ("function Decoder() { throw null; }", ""),
        ("function Decoder() { return missing.field; }", "missing is not defined"),
        ("function Decoder() { return {n: 1n}; }", ""),
        ("function Decoder() { var a = {}; a.a = a; return a; }", "circular"),
        ("function Decoder() { return {a: 'x'.repeat(100000)}; }", "bytes of fields"),
        ("function Decoder() { return new Proxy({}, {ownKeys: function () { throw new Error('trap'); }}); }", "trap"),
    ],
)
def test_an_error_costs_that_message_and_says_why(load: Load, text: str, said: str) -> None:
    codecs = load({"v/m": text})
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/m", 1, b"\x01")
    assert caught.value.why is Why.CODEC_FAILED
    assert said in caught.value.detail
    assert "expected" in caught.value.detail
    assert "v/m" in caught.value.detail
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{a: 1e25}", None),  # a float that JSON writes with its exponent
        ("{a: 99999999999999999999}", Why.BIG_INTEGER),
        (r"{a: '\ud800'}", Why.LONE_SURROGATE),
        ("{a: " + "[" * 40 + "]" * 40 + "}", Why.TOO_DEEP),
    ],
)
def test_an_answer_passes_the_same_door_as_any_message(load: Load, body: str, why: Why | None) -> None:
    codecs = load({"v/m": f"function Decoder() {{ return {body}; }}"})
    if why is None:
        assert codecs.decode("v/m", 1, b"") == {"a": 1e25}
        return
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/m", 1, b"")
    assert caught.value.why is why


def test_a_payload_longer_than_lorawan_has(load: Load) -> None:
    codecs = load({"v/m": "function Decoder(b) { return {n: b.length}; }"})
    assert codecs.decode("v/m", 1, bytes(512)) == {"n": 512}
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/m", 1, bytes(513))
    assert caught.value.why is Why.TOO_LARGE


def test_a_model_without_a_codec_is_a_mistake_of_the_caller(load: Load) -> None:
    codecs = load({"v/m": "function Decoder(b) { return {}; }"})
    with pytest.raises(KeyError):
        codecs.decode("v/other", 1, b"")
