"""What a codec may not do: run on, take memory, end the gateway, reach outside, or spoil the next message."""

import os
import signal
import time
from pathlib import Path

import pytest

from devices.errors import UnreadableError, Why
from gateway.codecs import Codecs, Limits
from gateway.codecs.sandbox import Sandbox
from gateway.codecs.worker import SPOILED
from gateway.errors import SettingsError
from tests.brokers import PATIENCE_S
from tests.gateway.codecs.conftest import Load

GOOD = "function Decoder(b, p) { return {n: b.length}; }"
TIMEOUTS = {
    "an endless loop": "for (;;);",
    "one that catches everything": "for (;;) { try { for (;;); } catch (e) {} }",
    "one in a callback": "[2, 1].sort(function () { for (;;); });",
    "a regular expression that backtracks": "/^(a|a)*$/.test('a'.repeat(40) + 'b');",
    "a built-in that does not look at the clock": "new Array(1e8).join('x');",
    "a search without end": "'a'.repeat(6e6).indexOf('a'.repeat(3e6) + 'b');",
    "a getter": "return {get a() { for (;;); }};",
}
FAILURES = {
    "a gigabyte in one piece": "return {n: new Uint8Array(1 << 30).length};",
    "a gigabyte of text": "return {n: 'x'.repeat(1 << 29).length};",
    "recursion": "return (function f() { return f() + 1; })();",
    "recursion of built-ins": "return {a: JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))};",
    "a chain of objects": "var a = []; for (var i = 0; i < 1e5; i++) a = [a]; return {a: a};",
}

OUTSIDE = [
    "module", "exports", "require", "process", "global", "window", "self", "fetch", "XMLHttpRequest", "WebSocket",
    "std", "os", "bjs", "scriptArgs", "print", "setTimeout", "setInterval", "performance", "Atomics",
    "SharedArrayBuffer", "Worker", "Deno", "Bun", "load", "read", "readFile", "__dirname",
]  # fmt: skip


def bad(body: str) -> str:
    return f"function Decoder(b, p) {{ {body} }}"


@pytest.mark.parametrize("name", TIMEOUTS)
def test_what_does_not_end_costs_that_message_only(load: Load, name: str) -> None:
    codecs = load({"v/bad": bad(TIMEOUTS[name]), "v/good": GOOD})
    began = time.process_time(), time.monotonic()
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/bad", 1, b"\x01")
    assert caught.value.why is Why.CODEC_TIMEOUT
    assert "50 ms" in caught.value.detail
    assert time.process_time() - began[0] < 0.5  # the gateway itself does not compute
    assert time.monotonic() - began[1] < PATIENCE_S
    assert codecs.decode("v/good", 1, b"\x01\x02") == {"n": 2}


@pytest.mark.parametrize("name", FAILURES)
def test_what_takes_too_much_costs_that_message_only(load: Load, name: str) -> None:
    codecs = load({"v/bad": bad(FAILURES[name]), "v/good": GOOD})
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/bad", 1, b"\x01")
    assert caught.value.why in (Why.CODEC_FAILED, Why.CODEC_TIMEOUT)  # a slow machine may run out of time first
    assert codecs.decode("v/good", 1, b"\x01\x02") == {"n": 2}


def test_memory_stays_below_its_limit(load: Load) -> None:
    codecs = load({"v/bad": bad("var a = []; for (;;) a.push({x: a.length});")}, Limits(time_ms=2000))
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/bad", 1, b"")
    assert caught.value.why is Why.CODEC_FAILED
    assert codecs.pid is not None
    peak = next(line for line in Path(f"/proc/{codecs.pid}/status").read_text().splitlines() if "VmHWM" in line)
    assert int(peak.split()[1]) < 80 * 1024


def test_a_crash_of_the_process_is_one_message(load: Load) -> None:
    codecs = load({"v/good": GOOD})
    assert codecs.decode("v/good", 1, b"\x01") == {"n": 1}
    pid = codecs.pid
    assert pid is not None
    os.kill(pid, signal.SIGSEGV)
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/good", 1, b"\x01")
    assert caught.value.why is Why.CODEC_FAILED
    assert codecs.decode("v/good", 1, b"\x01") == {"n": 1}
    assert codecs.pid != pid


def test_a_process_that_neither_works_nor_answers_is_given_up(load: Load) -> None:
    codecs = load({"v/good": GOOD}, Limits(wait_s=0.2))
    assert codecs.pid is not None
    os.kill(codecs.pid, signal.SIGSTOP)
    with pytest.raises(UnreadableError) as caught:
        codecs.decode("v/good", 1, b"")
    assert caught.value.why is Why.CODEC_TIMEOUT
    assert codecs.decode("v/good", 1, b"") == {"n": 0}


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    codecs = load({"v/good": GOOD})
    assert codecs.decode("v/good", 1, b"") == {"n": 0}

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            codecs.decode("v/good", 1, b"\x01\x02\x03")
    assert codecs.decode("v/good", 1, b"\x01") == {"n": 1}


def test_closing_ends_the_process(load: Load) -> None:
    codecs = load({"v/good": GOOD})
    pid = codecs.pid
    assert pid is not None
    codecs.close()
    codecs.close()
    assert codecs.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert codecs.decode("v/good", 1, b"") == {"n": 0}


def test_nothing_of_the_outside_is_there(load: Load) -> None:
    codecs = load({"v/m": bad(f"return {{there: {OUTSIDE}.filter(function (n) {{ return n in globalThis; }})}};")})
    assert codecs.decode("v/m", 1, b"") == {"there": []}


def test_files_and_modules_cannot_be_imported(load: Load, tmp_path: Path) -> None:
    (tmp_path / "secret.js").write_text("export const secret = 1;")
    code = bad(
        f"import('{tmp_path}/secret.js').then(function () {{ globalThis.got = 1; }}); return {{got: typeof got}};"
    )
    codecs = load({"v/m": code})
    for _ in range(3):
        assert codecs.decode("v/m", 1, b"") == {"got": "undefined"}


def test_the_process_has_no_environment_and_may_not_open_or_start_anything(load: Load) -> None:
    codecs = load({"v/m": GOOD})
    assert codecs.decode("v/m", 1, b"") == {"n": 0}
    process = Path(f"/proc/{codecs.pid}")
    assert process.joinpath("environ").read_bytes() == b""
    assert sorted(link.name for link in process.joinpath("fd").iterdir()) == ["0", "1", "2"]
    limits = process.joinpath("limits").read_text().splitlines()
    for what in ("Max open files", "Max processes", "Max file size", "Max core file size"):
        line = next(line for line in limits if line.startswith(what))
        assert line.removeprefix(what).split()[:2] == ["0", "0"]


LEAKS = {
    "a variable of the file": "var decoded = {}; function Decoder(b) { if (b[0]) decoded.press = 'sos';"
    " decoded.battery = b[1]; return decoded; }",
    "a variable that nobody declared": "function Decoder(b) { if (b[0]) last = 'sos'; var found = {battery: b[1]};"
    " if (typeof last !== 'undefined') found.press = last; return found; }",
    "a list that is never emptied": "const out = {events: []}; function Decoder(b) {"
    " if (b[0]) out.events.push('sos'); out.battery = b[1];"
    " return out.events.length ? {battery: b[1], press: out.events[0]} : {battery: b[1]}; }",
    "a built-in object": "function Decoder(b) { if (b[0]) Array.prototype.press = 'sos'; var found = {battery: b[1]};"
    " if ([].press) found.press = [].press; return found; }",
    "a function's own property": "function Decoder(b) { if (b[0]) Decoder.press = 'sos';"
    " var found = {battery: b[1]}; if (Decoder.press) found.press = Decoder.press; return found; }",
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_one_message_says_is_never_told_of_the_next(load: Load, name: str) -> None:
    codecs = load({"v/leak": LEAKS[name]})
    for _ in range(2 * SPOILED + 2):  # first in contexts that serve several, then in one for each
        assert codecs.decode("v/leak", 1, b"\x01\x10") == {"press": "sos", "battery": 16}
        assert codecs.decode("v/leak", 1, b"\x00\x20") == {"battery": 32}


def test_an_error_is_the_same_for_every_message_and_spoils_none(load: Load) -> None:
    codecs = load({"v/m": "var n = 0; function Decoder(b) { n++; if (b[0] === 9) throw new Error('x'); return {n}; }"})
    for _ in range(3):
        assert codecs.decode("v/m", 1, b"\x01") == {"n": 1}
        with pytest.raises(UnreadableError) as caught:
            codecs.decode("v/m", 1, b"\x09")
        assert caught.value.why is Why.CODEC_FAILED


def test_a_process_that_ends_between_two_messages_costs_none(load: Load) -> None:
    codecs = load({"v/good": GOOD})
    assert codecs.decode("v/good", 1, b"\x01") == {"n": 1}
    pid = codecs.pid
    assert pid is not None
    os.kill(pid, signal.SIGVTALRM)  # as the kernel does when making contexts ready takes too long
    assert codecs.decode("v/good", 1, b"\x01\x02") == {"n": 2}
    assert codecs.pid != pid


def test_what_an_earlier_message_left_behind_costs_no_later_one(load: Load) -> None:
    leak = "var all = []; function Decoder(b) { for (var i = 0; i < 2e4; i++) all.push({i: i}); return {n: b[0]}; }"
    broken = "function Decoder(b) { if (b[0] === 9) { Decoder = null; } return {n: b[0]}; }"
    codecs = load({"v/leak": leak, "v/broken": broken}, Limits(time_ms=500))
    assert [codecs.decode("v/leak", 1, bytes([n]))["n"] for n in range(40)] == list(range(40))
    assert codecs.decode("v/broken", 1, b"\x09") == {"n": 9}
    assert codecs.decode("v/broken", 1, b"\x01") == {"n": 1}


def test_a_codec_cannot_change_how_its_answer_is_written(load: Load) -> None:
    codecs = load({"v/m": "JSON.stringify = function () { return 'x'; }; JSON.parse = null; " + GOOD})
    assert codecs.decode("v/m", 1, b"\x01") == {"n": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("function decodeUplink( {", "JavaScript without mistakes"),
        ("throw new Error('at load');", "at load"),
        ("function other() {}", "a function decodeUplink(input), Decode(fPort, bytes) or Decoder(bytes, port)"),
        ("", "a function decodeUplink"),
        ("for (;;);", "expected"),
        ("import fs from 'fs'; function Decoder() {}", "JavaScript without mistakes"),
    ],
)
def test_a_codec_that_cannot_be_used_is_refused_at_start(load: Load, text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"v/good": GOOD, "v/bad": text})
    (problem,) = caught.value.problems
    assert "v/bad" in problem.key
    assert expected in problem.expected


def test_a_file_that_cannot_be_read_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "bytes.js").write_bytes(b"\xff\xfe")
    (tmp_path / "large.js").write_text(" " * (1024 * 1024 + 1))
    paths = {name: tmp_path / f"{name}.js" for name in ("absent", "bytes", "large")}
    with pytest.raises(SettingsError) as caught:
        Codecs.load(paths)
    said = {problem.key: problem.expected for problem in caught.value.problems}
    for name, words in (("absent", "No such file"), ("bytes", "not UTF-8"), ("large", "1048576 bytes")):
        assert words in said[f'devices.codecs."{name}"']


def test_limits_are_above_nothing() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Limits(time_ms=0)
