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
import signal
import struct
import sys
from typing import Any

import _quickjs

LENGTH = struct.Struct("<I")
MAX_ANSWER = 64 * 1024
"""As large as a message may be (devices.door)."""
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
    """One codec's text, its context, and whether that is new."""

    def __init__(self, source: str, time_s: float, memory: int, stack: int) -> None:
        self._source = source
        self._limits = (time_s, memory, stack)
        self.form = ""
        self.fresh = False
        self.reset()

    def reset(self) -> None:
        """A context that nothing has run in yet."""
        time_s, memory, stack = self._limits
        self.context: Any = _quickjs.Context()
        self.context.set_memory_limit(memory)
        self.context.set_max_stack_size(stack)
        self.context.set_time_limit(LOAD_MS / 1000)
        self.call: Any = self.context.eval(PRELUDE)
        self.context.eval(self._source)
        self.form = self.context.eval(FORM)
        self.context.set_time_limit(time_s)
        self.fresh = True

    def run(self, request: str) -> str:
        """The fields as JSON. Raises what quickjs-ng raises."""
        self.fresh = False
        answer: str = self.call(self.form, request)
        return answer


def outcome(codec: Codec, request: str, time_s: float) -> bytes:
    """The answer to a message; after an error the codec's context is new."""
    while True:
        was_fresh = codec.fresh
        arm(time_s * 2)
        try:
            answer = codec.run(request).encode()
        except (_quickjs.JSException, _quickjs.StackOverflow, UnicodeError, TypeError, AttributeError) as error:
            said = str(error).partition("\n")[0]
            arm(LOAD_MS / 1000)
            codec.reset()
            if said.endswith("interrupted"):
                return b"t"
            if was_fresh:
                return b"e" + (said or "it used up its memory").encode(errors="replace")[:500]
            # What an earlier message left behind (a full memory, a changed variable) must not cost this one.
        else:
            if len(answer) > MAX_ANSWER:
                return f"e{len(answer)} bytes of fields".encode()
            return b"k" + answer


def arm(seconds: float) -> None:
    """End this process (SIGPROF) after so much more processor time; 0: don't."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


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
        name, source, run = json.loads(request())
        if source is not None:
            arm(LOAD_MS / 1000)
            try:
                codecs[name] = Codec(source, time_s, memory, stack)
                answer = b"k" + codecs[name].form.encode()
            except (_quickjs.JSException, _quickjs.StackOverflow) as error:
                answer = b"e" + str(error).partition("\n")[0].encode(errors="replace")[:500]
        else:
            answer = outcome(codecs[name], run, time_s)
        arm(0)
        os.write(1, LENGTH.pack(len(answer)) + answer)


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
