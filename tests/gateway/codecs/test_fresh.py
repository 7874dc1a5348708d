"""A context serves many messages; each finds it as if it were the first."""

import json
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from gateway.codecs import worker
from tests.gateway.codecs.conftest import Load

MANY = 12
"""More than the contexts that a codec may spoil before each message gets its own."""
COUNTERS = {
    "a variable": "var n = 0; function Decoder(b) { n++; return {n: n}; }",
    "a constant's field": "const s = {n: 0}; function Decoder(b) { s.n++; return {n: s.n}; }",
    "a static field": "class S { static n = 0; } function Decoder(b) { S.n++; return {n: S.n}; }",
    "an expression that repeats": "const e = /a/g; function Decoder(b) { e.test('aa'); return {n: e.lastIndex}; }",
    "undeclared": "function Decoder(b) { n = (typeof n === 'undefined' ? 0 : n) + 1; return {n: n}; }",
    "undeclared at the top": "n = 0; function Decoder(b) { n++; return {n: n}; }",
    "a symbol": "var k = Symbol.for('n'); function Decoder(b) {"
    " globalThis[k] = (globalThis[k] || 0) + 1; return {n: globalThis[k]}; }",
    "this": "function Decoder(b) { this.n = (this.n || 0) + 1; return {n: this.n}; }",
    "globalThis": "function Decoder(b) { globalThis.n = (globalThis.n || 0) + 1; return {n: globalThis.n}; }",
    "this of a declared": "var n = 0; function Decoder(b) { this.n += 1; return {n: this.n}; }",
    "a name in brackets": "var n1 = 0; function Decoder(b) { var k = 'n' + 1; this[k]++; return {n: globalThis[k]}; }",
    "a global that stays": "function Decoder(b) { if (globalThis.n) return {n: 2};"
    " Object.defineProperty(globalThis, 'n', {value: 1}); return {n: 1}; }",
    "one goes, one comes": "function Decoder(b) { delete globalThis.escape; globalThis.n = (globalThis.n || 0) + 1;"
    " return {n: globalThis.n}; }",
    "a global replaced": "function Decoder(b) { parseInt = {n: (parseInt.n || 0) + 1}; return {n: parseInt.n}; }",
    "a prototype, sloppy": "Array.prototype.n = Array.prototype.n || 0;"
    " function Decoder(b) { Array.prototype.n++; return {n: [].n}; }",
    "a prototype, strict": "'use strict'; function Decoder(b) { String.prototype.n = (''.n || 0) + 1;"
    " return {n: ''.n}; }",
    "a prototype without its name": "function Decoder(b) { b.__proto__.n = ([].n || 0) + 1; return {n: [].n}; }",
    "a constructor without its name": "function Decoder(b) { var c = b.constructor.prototype; c.n = (c.n || 0) + 1;"
    " return {n: [].n}; }",
    "a hidden field": "function Decoder(b) { var n = ([].n || 0) + 1;"
    " Object.defineProperty(Array.prototype, 'n', {value: n, configurable: true}); return {n: n}; }",
    "a constructor": "function Decoder(b) { Number.n = (Number.n || 0) + 1; return {n: Number.n}; }",
    "a namespace": "function Decoder(b) { Math.n = (Math.n || 0) + 1; return {n: Math.n}; }",
    "the console": "function Decoder(b) { console.n = (console.n || 0) + 1; return {n: console.n}; }",
    "a wrapped method": "var old = Math.abs; Math.abs = function (x) { return old(x) + 1; };"
    " function Decoder(b) { return {n: Math.abs(0)}; }",
    "a method wrapped later": "function Decoder(b) { var old = Array.prototype.join; Array.prototype.join ="
    " function () { return old.apply(this) + 'x'; }; return {n: [].join().length}; }",
    "a new parent": "function Decoder(b) { var p = Object.getPrototypeOf(Array.prototype);"
    " Object.setPrototypeOf(Array.prototype, {n: (p.n || 0) + 1}); return {n: [].n}; }",
    "a promise": "var n = 0; function Decoder(b) { Promise.resolve().then(() => { n++; }); n++; return {n}; }",
}
REUSED = {
    "a button": "function decodeUplink(i) { return {data: {n: 1}}; }",
    "an arrow": "const decodeUplink = (i) => ({data: {n: 1}});",
    "strict": "'use strict';\nlet n = 1; function Decoder() { return {n: n}; }",
    "a comment at the end": "function Decoder() { return {n: 1}; } // the end",
    "a comment that looks like an end": "function Decoder() { return {n: 1}; } /* } */ // })();",
    "undeclared loops": "function Decoder() { for (i = 0; i < 9; i++) last = i; return {n: 1}; }",
    "assigned": "decodeUplink = function (i) { return {data: {n: 1}}; };",
    "assigned to globalThis": "globalThis.Decode = function () { return {n: 1}; };",
    "assigned to this": "this.Decoder = function () { return {n: 1}; };",
    "a bundle": "!function (e, t) { 'object' == typeof exports ? module.exports = t() : e.decodeUplink = t(); }"
    "(this, () => function (i) { return {data: {n: 1}}; });",
    "a function further down": "var f = Decoder; function Decoder() { return {n: f === Decoder ? 1 : 0}; }",
    "a polyfill that is not needed": "if (!String.prototype.padStart) String.prototype.padStart = null;"
    " function Decoder() { return {n: 1}; }",
    "values without a name of their own": "function Decoder() { return {n: isNaN(NaN) && NaN !== Infinity && Number.NaN"
    " !== undefined && globalThis.NaN !== 1 ? 1 : 0}; }",
    "a class": "function S() {} S.prototype.n = 1; function Decoder() { return {n: new S().n}; }",
}
ALONE = {
    "a polyfill, sloppy": "Array.prototype.last = function () { return this[this.length - 1]; };"
    " function Decoder() { return {n: [1].last()}; }",
    "a polyfill, strict": "'use strict'; Object.defineProperty(Array.prototype, 'last',"
    " {value: function () { return 1; }}); function Decoder() { return {n: [].last()}; }",
    "a method replaced": "Math.trunc = function () { return 1; }; function Decoder() { return {n: Math.trunc(7)}; }",
    "throws the second time": "if (Math.seen) throw new Error('again'); Math.seen = true;"
    " function Decoder() { return {n: 1}; }",
}
LOOKS = {
    "a helper of this": "function help() { return 1; } function Decoder() { return {n: this.help()}; }",
    "a helper by its name": "function on1() { return 1; }"
    " function Decoder() { var f = globalThis['on' + 1]; return {n: f ? f() : 0}; }",
    "a text that is run": "const n = 1; function Decoder() { return {n: new Function('return n')()}; }",
    "a text that is run elsewhere": "var n = 1; function Decoder() { return {n: (0, eval)('n')}; }",
    "only asked for": "var n = 1; function Decoder() { return {n: 'n' in this && this.n ? 1 : 0}; }",
}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codecs in this process: without the kernel's limit, which would end it."""
    monkeypatch.setattr(worker, "arm", lambda *_args, **_more: None)


def codec(text: str, memory: int = 16 * 1024 * 1024) -> worker.Codec:
    return worker.Codec(text, 1.0, memory, 256 * 1024)


def answer(found: worker.Codec) -> Any:
    said = worker.outcome(found, "[[1], 85, 0, {}]")
    found.renew()
    return json.loads(said[1:]) if said[:1] == b"k" else said.decode()


@pytest.mark.parametrize("name", COUNTERS)
def test_a_codec_that_counts_its_messages_always_counts_one(load: Load, name: str) -> None:
    codecs = load({"v/m": COUNTERS[name]})
    assert [codecs.decode("v/m", 1, b"\x01") for _ in range(MANY)] == [{"n": 1}] * MANY


@pytest.mark.parametrize("name", REUSED)
def test_usual_codecs_keep_their_context(alone: None, name: str) -> None:
    found = codec(REUSED[name])
    assert [answer(found) for _ in range(MANY)] == [{"n": 1}] * MANY
    assert found.reused


@pytest.mark.parametrize("name", ALONE)
def test_a_codec_that_changes_built_in_objects_gets_a_new_context_each_time(alone: None, name: str) -> None:
    found = codec(ALONE[name])
    assert not found.reused
    assert [answer(found) for _ in range(MANY)] == [{"n": 1}] * MANY


@pytest.mark.parametrize("name", LOOKS)
def test_a_codec_that_looks_for_its_own_in_the_global_object_finds_it(alone: None, name: str) -> None:
    found = codec(LOOKS[name])
    assert [answer(found) for _ in range(MANY)] == [{"n": 1}] * MANY
    assert not found.reused


def test_what_happens_now_and_then_costs_one_context_and_no_more(alone: None) -> None:
    found = codec("var k = 0; function Decoder(b, p) { if (p === 9) Math.seen = 1; return {n: Math.seen || 0}; }")
    for _ in range(worker.SPOILED + 2):
        assert worker.outcome(found, "[[], 9, 0, {}]") == b'k{"n":1}'
        found.renew()
        for _ in range(worker.MESSAGES + 1):
            assert worker.outcome(found, "[[], 1, 0, {}]") == b'k{"n":0}'
            found.renew()
    assert found.reused


def test_a_context_serves_so_many_messages_and_is_then_replaced(alone: None) -> None:
    found = codec("function Decoder() { Promise.resolve([1]).then(() => {}); return {n: 1}; }", 4 * 1024 * 1024)
    assert [answer(found) for _ in range(5 * worker.MESSAGES)] == [{"n": 1}] * (5 * worker.MESSAGES)
    assert found.reused
    for _ in range(worker.MESSAGES):
        answer(found)
    assert found.wants_more
    found.prepare()
    assert not found.wants_more


def test_an_error_keeps_the_context_and_leaves_nothing_in_it(alone: None) -> None:
    found = codec("function Decoder(b, p) { n = (typeof n === 'number' ? n : 0) + 1;"
                  " if (p === 9) throw new Error('n is ' + n); return {n: n}; }")  # fmt: skip
    for _ in range(MANY):
        assert worker.outcome(found, "[[], 9, 0, {}]") == b"eError: n is 1"
        found.renew()
        assert answer(found) == {"n": 1}
    assert found.reused


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ("for (;;);", Why.CODEC_TIMEOUT),
        ("new Array(1e8).join('x');", Why.CODEC_TIMEOUT),
        ("var a = []; for (;;) a.push(new Array(1e4).fill(1));", Why.CODEC_FAILED),
        ("(function f() { return f() + 1; })();", Why.CODEC_FAILED),
    ],
)
def test_what_an_aborted_message_left_is_not_found_by_the_next(load: Load, last: str, why: Why) -> None:
    codecs = load(
        {"v/m": f"n = 0; function Decoder(b) {{ n++; Math.n = n; if (b[0] === 9) {{ {last} }} return {{n}}; }}"}
    )
    for _ in range(2):
        assert codecs.decode("v/m", 1, b"\x01") == {"n": 1}
        with pytest.raises(UnreadableError) as caught:
            codecs.decode("v/m", 1, b"\x09")
        assert caught.value.why in (why, Why.CODEC_TIMEOUT)  # a slow machine may run out of time first


def test_garbage_of_one_message_leaves_the_next_its_memory(alone: None) -> None:
    found = codec("var all = []; function Decoder() { for (var i = 0; i < 2e4; i++) all.push({all: all});"
                  " return {n: 1}; }", 4 * 1024 * 1024)  # fmt: skip
    assert [answer(found) for _ in range(MANY)] == [{"n": 1}] * MANY
