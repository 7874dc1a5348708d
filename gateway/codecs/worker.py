"""The process in which codecs run. It is started by its path and imports nothing of the gateway.

Why a process of its own: quickjs-ng looks at its time limit between JavaScript instructions and in regular
expressions, but not inside other built-in functions. ``new Array(1e8).join("x")`` ran for 3.5 s under a limit of
50 ms, a search for a long text in a longer one without end. Here the kernel ends the process when it has used twice
the time limit of processor time (ITIMER_PROF); a crash of the engine ends this process too, and never the gateway.

What it can reach: JavaScript as quickjs-ng has it, without modules, files, network or timers. The process itself has
no environment, and may not open a file, start a process or write one (resource limits).

Protocol, both ways: 4 bytes of length (little endian), then the message.

- request: ``[name, path or null, run or null]`` as JSON; ``path`` loads a codec's text under a name, ``run`` is
  ``[bytes, fport, received, variables]`` for its codec.
- answer: one letter and text: ``k`` the fields as JSON (for a load: the codec's form), ``t`` out of time,
  ``e`` what went wrong.
"""

import contextlib
import json
import os
import resource
import select
import signal
import struct
import sys
from typing import Any

import _quickjs

LENGTH = struct.Struct("<I")
MAX_ANSWER = 64 * 1024
"""As large as a message may be (devices.door)."""
READY = 32
"""Contexts of a codec that are kept ready: room for a burst of so many messages of one model."""
READY_BYTES = 8 * 1024 * 1024
"""Fewer are kept when they would take more. A usual one takes 0.15 MiB, the largest 2 MiB."""
PAUSE_S = 0.005
"""So long after an answer nothing is made ready: the next message of a burst would wait for it."""
CODEC_ERRORS = (_quickjs.JSException, _quickjs.StackOverflow, UnicodeError, TypeError, AttributeError)
LOAD_MS = 1_000
"""Processor time for reading a codec's text: the largest vendor codec (4,000 lines) takes 15 ms."""

PRELUDE = """
(function () {
  'use strict';
  const parse = JSON.parse, text = JSON.stringify, NativeDate = Date;
  // Clocks finer than Date, and the one function that waits.
  delete globalThis.performance;
  delete globalThis.Atomics;
  delete globalThis.SharedArrayBuffer;
  const nothing = function () {};
  // Vendors leave their debugging in.
  globalThis.console = { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing, trace: nothing };
  return function (form, request) {
    const [bytes, fPort, received, variables] = parse(request);
    let found;
    if (form === 'decodeUplink') {
      const recvTime = received === null ? new NativeDate() : new NativeDate(received);
      const input = { bytes, fPort, recvTime, variables };
      found = decodeUplink(input);
      if (found === null || typeof found !== 'object') throw new TypeError('decodeUplink gave no object');
      if (found.errors && found.errors.length) throw new Error(String(found.errors[0]));
      found = found.data;
    } else if (form === 'Decode') found = Decode(fPort, bytes, variables);
    else found = Decoder(bytes, fPort);
    if (found === null || typeof found !== 'object' || Array.isArray(found)) {
      throw new TypeError(form + ' gave no object with fields');
    }
    const answer = text(found);
    // A codec's object may have a toJSON of its own, which can say anything.
    if (typeof answer !== 'string') throw new TypeError(form + ' gave an object that has no JSON');
    return answer;
  };
})()
"""
FORM = """
typeof decodeUplink === 'function' ? 'decodeUplink' : typeof Decode === 'function' ? 'Decode'
  : typeof Decoder === 'function' ? 'Decoder' : ''
"""


class Codec:
    """One codec's text, and contexts in which it has been read and nothing else has run.

    Each message has a context of its own, and it is thrown away afterwards: what a codec keeps in a variable of the
    file, in an undeclared one or in a built-in object would else be told of the next device's person. Reading the text
    takes 0.1 to 1 ms (15 ms for the largest), so some contexts are kept ready, made while there is no message.
    """

    def __init__(self, source: str, time_s: float, memory: int, stack: int) -> None:
        """Read the text once, to see its form. Raises what quickjs-ng raises."""
        self._source = source
        self._limits = (time_s, memory, stack)
        self._ready: list[tuple[Any, Any]] = []
        self._can_prepare = True
        self.used: Any = None
        """The last message's context. Freeing it takes as long as a message: that is done when the answer is out."""
        self.form = ""
        first = self._fresh()
        self._most = max(1, min(READY, READY_BYTES // max(1, first[0].memory()["malloc_size"])))
        self._ready.append(first)

    @property
    def wants_more(self) -> bool:
        """Whether another context should be made ready."""
        return self._can_prepare and len(self._ready) < self._most

    @property
    def is_ready(self) -> bool:
        """Whether the next message finds a context."""
        return bool(self._ready)

    def prepare(self) -> None:
        """Make one more context ready. A text that can't be read now is read again with the next message."""
        try:
            self._ready.append(self._fresh())
        except CODEC_ERRORS:
            self._can_prepare = False

    def take(self) -> Any:
        """The function of a context that is for one message only. Raises what quickjs-ng raises."""
        self._can_prepare = True
        self.used = self._ready.pop() if self._ready else self._fresh()
        return self.used[1]

    def _fresh(self) -> tuple[Any, Any]:
        time_s, memory, stack = self._limits
        context: Any = _quickjs.Context()
        context.set_memory_limit(memory)
        context.set_max_stack_size(stack)
        context.set_time_limit(LOAD_MS / 1000)
        call: Any = context.eval(PRELUDE)
        context.eval(self._source)
        self.form = context.eval(FORM)
        context.set_time_limit(time_s)
        return context, call


def outcome(codec: Codec, request: str, time_s: float) -> bytes:
    """The answer to a message, from a context of its own."""
    arm(LOAD_MS / 1000)
    try:
        call = codec.take()
        arm(time_s * 2)
        found: str = call(codec.form, request)
        answer = found.encode()
    except CODEC_ERRORS as error:
        said = str(error).partition("\n")[0]
        if said.endswith("interrupted"):
            return b"t"
        return b"e" + (said or "it used up its memory").encode(errors="replace")[:500]
    if len(answer) > MAX_ANSWER:
        return f"e{len(answer)} bytes of fields".encode()
    return b"k" + answer


def arm(seconds: float, *, between: bool = False) -> None:
    """End this process after so much more processor time; 0: don't.

    By SIGPROF during a request, by SIGVTALRM ``between`` two: then no message is to blame, and the gateway asks again.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL if between else signal.ITIMER_PROF, seconds)


def confine() -> None:
    """Take away what a codec never needs, in case that the engine itself has a hole."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def serve(time_s: float, memory: int, stack: int) -> None:
    """Answer until the gateway closes the pipe."""
    codecs: dict[str, Codec] = {}
    while True:
        make_ready(codecs)
        name, source, run = json.loads(request())
        if source is not None:
            arm(LOAD_MS / 1000)
            try:
                codecs[name] = Codec(source, time_s, memory, stack)
                answer = b"k" + codecs[name].form.encode()
            except CODEC_ERRORS as error:
                answer = b"e" + str(error).partition("\n")[0].encode(errors="replace")[:500]
        else:
            answer = outcome(codecs[name], run, time_s)
        arm(0)
        os.write(1, LENGTH.pack(len(answer)) + answer)


def make_ready(codecs: dict[str, Codec]) -> None:
    """Make contexts ready while no request waits: the answer is out, so nobody waits for this."""
    for codec in codecs.values():
        codec.used = None
    pause = PAUSE_S
    for codec in codecs.values():
        while codec.wants_more:
            if select.select([0], [], [], pause if codec.is_ready else 0)[0]:
                return
            pause = 0.0
            arm(LOAD_MS / 1000, between=True)
            codec.prepare()
            arm(0, between=True)


def request() -> bytes:
    """The next request, which comes alone; ends the process when the pipe is closed."""
    data = b""
    while len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]:
        more = os.read(0, 64 * 1024)
        if not more:
            raise SystemExit(0)
        data += more
    return data[LENGTH.size :]


if __name__ == "__main__":
    confine()
    serve(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
