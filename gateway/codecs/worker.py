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
import re
import resource
import select
import signal
import struct
import sys
from pathlib import Path
from typing import Any

import _quickjs

LENGTH = struct.Struct("<I")
MAX_ANSWER = 64 * 1024
"""As large as a message may be (devices.door)."""
PAUSE_S = 0.005
"""So long after an answer nothing is made ready: the next message of a burst would wait for it."""
MESSAGES = 256
"""One context takes so many messages: what an engine keeps unseen (unfinished promises) has an end."""
SPOILED = 3
"""After so many contexts that a codec has spoiled, each of its messages gets a new one."""
CODEC_ERRORS = (_quickjs.JSException, _quickjs.StackOverflow, UnicodeError, TypeError, AttributeError)
LOAD_MS = 1_000
"""Processor time for reading a codec's text: the largest vendor codec (4,000 lines) takes 15 ms."""

PRELUDE = Path(__file__).with_name("prelude.js").read_text("utf-8")
FORM = """
typeof decodeUplink === 'function' ? 'decodeUplink' : typeof Decode === 'function' ? 'Decode'
  : typeof Decoder === 'function' ? 'Decoder' : ''
"""


WORDS = re.compile(r"[A-Za-z_$][\w$]*")
REACHING = {"prototype", "__proto__", "constructor", "Reflect", "getPrototypeOf", "setPrototypeOf"}
"""A file without any of these words does not change what built-in objects have in common."""
LITERALS = ("Object", "Function", "Array", "String", "Number", "Boolean", "RegExp")
"""What can be had without its name."""


class Codec:
    """One codec's text, and a context in which no message has left anything.

    What a codec keeps in a variable of the file, in an undeclared one or in a built-in object would else be told of the
    next device's person. Mostly the text is the body of a function, read once and called anew for each message: all
    that the file declares is then new. Afterwards the globals that came are deleted, and the built-in objects that the
    file names are compared with what they were. A context that is not as before is thrown away.

    A codec that does not bear this (it changes built-in objects when it is loaded, or looks for its own functions in
    ``globalThis``) gets a context of its own for each message, in which its text has been read as a script.
    """

    def __init__(self, source: str, time_s: float, memory: int, stack: int) -> None:
        """Read the text once as a script, to see its form. Raises what quickjs-ng raises."""
        self._source = source
        self._limits = (time_s, memory, stack)
        self._about = ""
        self.form = ""
        self._shared: Context | None = None
        self._spoiled = 0
        self._can_prepare = True
        self._fresh: Context | None = self._read()
        if self._prepare_shared():
            self._fresh = None

    @property
    def reused(self) -> bool:
        """Whether a context may serve several messages."""
        return self._spoiled < SPOILED

    @property
    def wants_more(self) -> bool:
        """Whether a context should be made ready, or another for one that has served long."""
        if self._shared is not None:
            return self._shared.uses >= MESSAGES
        return self._can_prepare and (self.reused or self._fresh is None)

    def prepare(self) -> None:
        """Make a context ready. A text that can't be read now is read again with the next message."""
        if self.reused:
            self._prepare_shared()
            return
        try:
            self._fresh = self._read()
        except CODEC_ERRORS:
            self._can_prepare = False

    def run(self, request: str) -> str:
        """The answer's JSON. Raises what quickjs-ng raises."""
        self._can_prepare = True
        if self._shared is None and self.reused:
            arm(LOAD_MS / 1000)
            self._prepare_shared()
        if self._shared is None:
            return self._run_fresh(request)
        arm(self._limits[0] * 2)
        shared, self._shared = self._shared, None
        shared.uses += 1
        try:
            answer: str = shared.call(self.form, request)
        except CODEC_ERRORS as error:
            if is_timeout(error):
                raise
            if not is_abort(error):
                self._shared = shared
            answer = ""
        else:
            if answer:
                self._shared = shared
                return answer
        # It may have failed only because it is the body of a function, or for memory that others left: as a script of
        # its own it says what counts.
        answer = self._run_fresh(request)
        self._shared = None
        self._spoiled += 1
        return answer

    def renew(self) -> None:
        """After an answer: take away what the message left, and call the text anew for the next."""
        shared = self._shared
        if shared is None:
            return
        if shared.uses >= 2 * MESSAGES:
            self._shared = None
        elif not self._renewed(shared):
            self._shared = None
            self._spoiled += 1
        elif shared.uses >= MESSAGES:
            self._spoiled = 0

    def _run_fresh(self, request: str) -> str:
        arm(LOAD_MS / 1000)
        fresh, self._fresh = self._fresh or self._read(), None
        arm(self._limits[0] * 2)
        answer: str = fresh.call(self.form, request)
        return answer

    def _prepare_shared(self) -> bool:
        self._shared = None
        try:
            shared = Context(self._limits, self._source, self.form)
            shared.call("watch", self._about)
            # Twice: what it leaves when it is loaded is then seen here, and not with the first message.
            fits = self._renewed(shared) and self._renewed(shared)
        except CODEC_ERRORS:
            fits = False
        if fits:
            self._shared = shared
        else:
            self._spoiled = SPOILED
        return fits

    def _renewed(self, shared: "Context") -> bool:
        shared.context.set_time_limit(LOAD_MS / 1000)
        try:
            clean: bool = shared.call("renew", "")
        except CODEC_ERRORS:
            return False
        shared.context.set_time_limit(self._limits[0])
        return clean

    def _read(self) -> "Context":
        fresh = Context(self._limits)
        before: list[str] = json.loads(fresh.call("declared", ""))
        fresh.context.eval(self._source)
        if not self._about:
            self.form = fresh.context.eval(FORM)
            declared = set(json.loads(fresh.call("declared", ""))) - set(before)
            words = set(WORDS.findall(self._source))
            named = sorted((words | {"console"}) - declared)
            reaching = (*LITERALS, *named) if words & REACHING else ()
            about = {"declared": sorted(declared), "named": named, "prototypes": sorted(set(reaching))}
            self._about = json.dumps(about)
        fresh.context.set_time_limit(self._limits[0])
        return fresh


class Context:
    """One context of quickjs-ng with its limits; for reading a text it has LOAD_MS."""

    def __init__(self, limits: tuple[float, int, int], source: str = "", form: str = "") -> None:
        """``source``: a text that is to be called as a function, which gives its ``form``."""
        _time_s, memory, stack = limits
        self.context: Any = _quickjs.Context()
        self.context.set_memory_limit(memory)
        self.context.set_max_stack_size(stack)
        self.context.set_time_limit(LOAD_MS / 1000)
        self.uses = 0
        if form:
            self.context.eval(f"globalThis.__make = function () {{{source}\nreturn {form};}}; 0")
        self.call: Any = self.context.eval(PRELUDE)


def is_timeout(error: Exception) -> bool:
    """Whether the engine's own time limit ended it."""
    return str(error).partition("\n")[0].endswith("interrupted")


def is_abort(error: Exception) -> bool:
    """Whether the engine ended it for its memory or its stack, and not the codec itself by an error."""
    said = str(error)
    return not isinstance(error, _quickjs.JSException) or said in ("", "null") or said.startswith("InternalError")


def outcome(codec: Codec, request: str) -> bytes:
    """The answer to a message."""
    try:
        answer = codec.run(request).encode()
    except CODEC_ERRORS as error:
        if is_timeout(error):
            return b"t"
        said = str(error).partition("\n")[0]
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
            answer = outcome(codecs[name], run)
        arm(0)
        os.write(1, LENGTH.pack(len(answer)) + answer)
        if name in codecs:
            arm(LOAD_MS / 1000, between=True)
            codecs[name].renew()
            arm(0, between=True)


def make_ready(codecs: dict[str, Codec]) -> None:
    """Make contexts ready while no request waits: the answer is out, so nobody waits for this."""
    for codec in codecs.values():
        if codec.wants_more:
            if select.select([0], [], [], PAUSE_S)[0]:
                return
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
