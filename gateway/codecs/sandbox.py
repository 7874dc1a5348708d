"""The worker process as the gateway sees it: ask, and get an answer, the end of its time, or the end of the process."""

import os
import select
import signal
import struct
import subprocess
import sys
from pathlib import Path

import msgspec

from gateway.codecs.limits import Limits

_WORKER = Path(__file__).with_name("worker.py")
_LENGTH = struct.Struct("<I")
_START_S = 10.0
"""Python's start takes 30 ms on a quiet machine; a busy one must not make a codec look broken."""
MAX_ANSWER = 64 * 1024 + 1
_PIECE = 64 * 1024
"""What a pipe holds on Linux."""


class WorkerEndedError(Exception):
    """The process ended; ``out_of_time`` says whether because of its limit, which ended it, and ``between`` whether
    that was not for a message: while it made contexts ready.
    """

    def __init__(self, how: str, *, out_of_time: bool, between: bool = False) -> None:
        super().__init__(how)
        self.out_of_time = out_of_time
        self.between = between


class Sandbox:
    """One worker with its codecs, started when it is first asked and again after it ended. Not for several threads."""

    def __init__(self, sources: dict[str, str], limits: Limits) -> None:
        self._sources = sources
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded: set[str] = set()

    @property
    def pid(self) -> int | None:
        """The process's number; None while there is none."""
        return None if self._process is None else self._process.pid

    def load(self, name: str) -> bytes:
        """Read a codec's text in the worker; the answer's letter and text. Raises WorkerEndedError."""
        answer = self._ask((name, self._sources[name], None), _START_S)
        if answer[:1] == b"k":
            self._loaded.add(name)
        return answer

    def run(self, name: str, request: str) -> bytes:
        """Run a codec on a message; the answer's letter and text. Raises WorkerEndedError."""
        try:
            return self._run(name, request)
        except WorkerEndedError as error:
            if not error.between:
                raise
        return self._run(name, request)  # it had ended before it came to this message

    def _run(self, name: str, request: str) -> bytes:
        if name not in self._loaded or self._process is None:
            answer = self.load(name)
            if answer[:1] != b"k":
                return answer
        return self._ask((name, None, request), self._limits.wait_s)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        self._loaded.clear()
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()

    def _ask(self, request: tuple[str, str | None, str | None], wait_s: float) -> bytes:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        data = msgspec.json.encode(request)
        try:
            try:
                _write_all(process.stdin.fileno(), _LENGTH.pack(len(data)) + data)
            except OSError:
                raise self._ended(process) from None
            return self._answer(process, wait_s)
        except BaseException:  # whatever interrupts us: an answer left in the pipe would be taken for the next one's
            self.close()
            raise

    def _answer(self, process: "subprocess.Popen[bytes]", wait_s: float) -> bytes:
        """The one answer that is on its way; mostly it is there in one piece."""
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        data = b""
        missing = _LENGTH.size
        while missing > 0:
            if not poll.poll(wait_s * 1000):
                self.close()
                raise WorkerEndedError(f"it did not answer within {wait_s:g} s", out_of_time=True)
            more = os.read(pipe, _PIECE)
            if not more:
                raise self._ended(process)
            data += more
            if len(data) >= _LENGTH.size:
                missing = _LENGTH.size + int(_LENGTH.unpack_from(data)[0]) - len(data)
            if missing > MAX_ANSWER:
                self.close()
                raise WorkerEndedError("its answer had no end", out_of_time=False)
        return data[_LENGTH.size :]

    def _ended(self, process: "subprocess.Popen[bytes]") -> WorkerEndedError:
        try:
            code = process.wait(self._limits.wait_s)
        except subprocess.TimeoutExpired:
            code = 0
        self.close()
        between = code == -signal.SIGVTALRM
        by_limit = between or code == -signal.SIGPROF
        how = "it used up its time" if by_limit else f"its process ended with {code}"
        return WorkerEndedError(how, out_of_time=by_limit, between=between)

    def _start(self) -> "subprocess.Popen[bytes]":
        limits = self._limits
        arguments = (str(limits.time_ms / 1000), str(limits.memory_bytes), str(limits.stack_bytes))
        self._loaded.clear()
        # Our own file and numbers only; -I: no environment, no folder of the user on the path.
        self._process = subprocess.Popen(  # noqa: S603
            (sys.executable, "-I", str(_WORKER), *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={},
        )
        return self._process


def _write_all(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]
