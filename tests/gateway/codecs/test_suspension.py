"""A codec that keeps running out of time is not run for a while; odd answers and errors cost one message."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from devices.model import Help
from devices.profiles import library
from devices.profiles.profile import parse
from devices.registry import decode
from gateway.codecs import Codecs
from gateway.codecs.suspension import MOST_IN_A_ROW, SUSPENDED_S
from tests.devices.cases import RECEIVED_AT, frame
from tests.gateway.codecs.conftest import Load

SLOW_AT_7 = "function Decoder(b, p) { if (p === 7) for (;;); if (p === 8) throw new Error('no'); return {n: p}; }"


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """One codec in a file, and real time by hand."""

    def __init__(self, folder: Path, text: str = SLOW_AT_7) -> None:
        self.path = folder / "codec.js"
        self.path.write_text(text, encoding="utf-8")
        self.seconds = Seconds()
        self.codecs = Codecs.load({"v/m": self.path}, seconds=self.seconds)

    def run(self, port: int) -> Any:
        try:
            return self.codecs.decode("v/m", port, b"").get("n")
        except UnreadableError as error:
            return error.why

    def replace(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")
        os.utime(self.path, ns=(1, int(self.seconds.now) + 1))


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    yield made
    made.codecs.close()


def suspend(bench: Bench) -> None:
    assert [bench.run(7) for _ in range(MOST_IN_A_ROW)] == [Why.CODEC_TIMEOUT] * MOST_IN_A_ROW


def test_three_timeouts_in_a_row_suspend_it_and_no_process_works(bench: Bench) -> None:
    suspend(bench)
    assert bench.codecs.suspended == {"v/m"}
    bench.codecs.close()
    with pytest.raises(UnreadableError) as caught:
        bench.codecs.decode("v/m", 1, b"")
    assert caught.value.why is Why.CODEC_SUSPENDED
    assert all(word in caught.value.detail for word in ("v/m", "3 times", "10 minutes", "expected"))
    assert bench.codecs.pid is None


def test_a_good_message_between_them_begins_the_count_anew(bench: Bench) -> None:
    for _ in range(3):
        assert [bench.run(7) for _ in range(MOST_IN_A_ROW - 1)] == [Why.CODEC_TIMEOUT] * (MOST_IN_A_ROW - 1)
        assert bench.run(1) == 1
    # an error of the codec is quick: it neither counts nor is it a proof of slowness
    assert [bench.run(8) for _ in range(5)] == [Why.CODEC_FAILED] * 5
    assert bench.codecs.suspended == frozenset()


def test_after_its_time_it_is_tried_once(bench: Bench) -> None:
    suspend(bench)
    bench.seconds.now = SUSPENDED_S - 1
    assert bench.run(1) == Why.CODEC_SUSPENDED
    bench.seconds.now = SUSPENDED_S
    assert bench.run(7) == Why.CODEC_TIMEOUT
    assert bench.run(1) == Why.CODEC_SUSPENDED, "still slow: suspended again at once"
    bench.seconds.now = 2 * SUSPENDED_S
    assert bench.run(1) == 1
    assert bench.codecs.suspended == frozenset()
    assert bench.run(7) == Why.CODEC_TIMEOUT
    assert bench.run(1) == 1


def test_a_file_that_was_mended_is_used_at_once(bench: Bench) -> None:
    suspend(bench)
    bench.replace("function Decoder(b, p) { return {n: p")
    assert bench.run(1) == Why.CODEC_SUSPENDED, "a file with a mistake is no better"
    bench.seconds.now = 5
    bench.path.unlink()
    assert bench.run(1) == Why.CODEC_SUSPENDED
    bench.replace("function Decoder(b, p) { return {n: 10 * p}; }")
    assert bench.run(7) == 70
    assert bench.codecs.suspended == frozenset()


def test_codecs_of_other_models_go_on(load: Load) -> None:
    codecs = load({"v/slow": "function Decoder() { for (;;); }", "v/good": SLOW_AT_7})
    for _ in range(MOST_IN_A_ROW + 1):
        with pytest.raises(UnreadableError):
            codecs.decode("v/slow", 1, b"")
        assert codecs.decode("v/good", 2, b"") == {"n": 2}
    assert codecs.suspended == {"v/slow"}


@pytest.mark.parametrize(
    "body",
    [
        "return {toJSON() { return undefined; }};",
        "return {toJSON() { return function () {}; }};",
        "return {toJSON() { return Symbol('x'); }};",
        "throw undefined;",
        "throw null;",
        "throw {toString() { throw 1; }};",
        "throw {get message() { throw 1; }, get stack() { throw 2; }};",
        "throw Object.create(null);",
        "throw Symbol('x');",
        "return {data: {a: 10n}};",
        "return {get data() { return undefined; }};",
        "return {data: new Proxy({}, {ownKeys() { return 1; }})};",
        "String.prototype.toString = null; JSON.stringify = null; throw new Error('x');",
    ],
)
def test_odd_answers_and_errors_cost_that_message_and_not_the_process(load: Load, body: str) -> None:
    codecs = load(
        {
            "v/odd": f"function decodeUplink(i) {{ if (i.fPort === 1) {{ {body} }} return {{data: {{n: 2}}}}; }}",
            "v/good": SLOW_AT_7,
        }
    )
    codecs.decode("v/good", 2, b"")
    process = codecs.pid
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/odd", 1, b"")
    assert caught.value.why is Why.CODEC_FAILED
    assert codecs.decode("v/odd", 2, b"") == {"n": 2}
    assert codecs.pid == process


def test_an_object_with_a_json_of_its_own_is_one(load: Load) -> None:
    codecs = load({"v/own": "function Decoder() { return {toJSON() { return {n: 5}; }}; }"})
    assert codecs.decode("v/own", 1, b"") == {"n": 5}
    codecs = load({"v/text": "function Decoder() { return {toJSON() { return 'text'; }}; }"})
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/text", 1, b"")
    assert caught.value.why is Why.NOT_AN_OBJECT


def test_the_time_that_a_codec_is_given_is_the_message_s(load: Load) -> None:
    codecs = load({"v/m": "function decodeUplink(i) { return {data: {late: i.recvTime.toISOString()}}; }"})
    before = library.installed()
    profile = (
        'vendor = "v"\nmodel = "m"\ntitle = "t"\nsource = "s"\nformats = ["tts"]\n[[readings]]\nkind = "help"\n'
        'when = [{ at = "/late", equals = "2026-03-01T12:00:00.000Z" }]\nphase = "pressed"\n'
    )
    library.install(library.build([parse(profile, "m.toml")], codecs.decoders()))
    payload = {
        "end_device_ids": {"device_id": "d"},
        "uplink_message": {"f_port": 1, "frm_payload": base64.b64encode(b"x").decode()},
    }
    try:
        (found, *_) = decode("tts", frame("v3/a@b/devices/d/up", payload), "v/m")
    finally:
        library.install(before)
    assert RECEIVED_AT.isoformat() == "2026-03-01T12:00:00+00:00"
    assert isinstance(found, Help)
