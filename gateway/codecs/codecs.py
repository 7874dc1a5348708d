"""Codecs by model: loaded once at start, asked for each raw payload."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import structlog

from devices import door
from devices.errors import UnreadableError, Why
from devices.profiles.library import Codec
from devices.refusals import shown
from devices.values import to_ms
from gateway.clock import monotonic
from gateway.codecs.limits import Limits
from gateway.codecs.sandbox import Sandbox, WorkerEndedError
from gateway.codecs.suspension import MOST_IN_A_ROW, SUSPENDED_S, Suspensions
from gateway.errors import Problem, SettingsError

_LOG = structlog.get_logger(__name__)

MAX_SOURCE_BYTES = 1024 * 1024
"""The largest vendor codec found has 250 kB."""
MAX_DATA_BYTES = 512
"""A LoRaWAN payload has at most 242 bytes (Regional Parameters, data rate 5); some servers join two."""
SAID = 160
"""Characters of a codec's own error that are kept: it names what the vendor did not expect."""
FORMS = "decodeUplink(input), Decode(fPort, bytes) or Decoder(bytes, port)"


class Codecs:
    """Vendors' JavaScript codecs, each in a context of its own, all in one process beside the gateway.

    Every message finds its codec as new: nothing that a codec keeps reaches the next message, which may be of another
    person's device. For one thread. ``close`` ends the process; it starts again when it is needed.
    """

    def __init__(
        self,
        sources: dict[str, str],
        limits: Limits,
        *,
        paths: Mapping[str, Path] | None = None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """``paths``: the files of the sources, watched while a codec is suspended; ``seconds``: real time."""
        self._sources = sources
        self._paths = dict(paths or {})
        self._stamps = {model: _stamp(path) for model, path in self._paths.items()}
        self._suspensions = Suspensions(seconds)
        self._sandbox = Sandbox(sources, limits)
        self._limits = limits

    @classmethod
    def load(
        cls,
        paths: Mapping[str, Path],
        limits: Limits | None = None,
        *,
        key: str = "devices.codecs",
        seconds: Callable[[], float] = monotonic,
    ) -> Self:
        """Read the codec of each model (``vendor/model`` -> file) and try each once.

        Raises:
            SettingsError: with every codec that can't be used; ``key`` is the table of gateway.toml to blame.
        """
        problems: list[Problem] = []
        sources: dict[str, str] = {}
        for model, path in paths.items():
            try:
                sources[model] = _source(path)
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                problems.append(_problem(key, model, path, f"a JavaScript file that can be read: {why}"))
        found = cls(sources, limits or Limits(), paths=paths, seconds=seconds)
        for model in sources:
            wrong = found.trouble(model)
            if wrong is not None:
                problems.append(_problem(key, model, paths[model], wrong))
        if problems:
            found.close()
            raise SettingsError(problems)
        return found

    @property
    def models(self) -> frozenset[str]:
        """The models that have a codec."""
        return frozenset(self._sources)

    @property
    def pid(self) -> int | None:
        """The worker's process; None while there is none."""
        return self._sandbox.pid

    @property
    def suspended(self) -> frozenset[str]:
        """The models whose codec is not run at the moment, because it did not end in time again and again."""
        return self._suspensions.suspended

    def decoders(self) -> dict[str, Codec]:
        """``decode`` of each model as a function of payload, port and time, for devices.profiles.library.build."""

        def decoder(model: str) -> Codec:
            return lambda data, fport, received_at: self.decode(model, fport, data, received_at)

        return {model: decoder(model) for model in self._sources}

    def trouble(self, model: str) -> str | None:
        """What is wrong with a model's codec as it stands, for its owner; None: it can be used."""
        try:
            answer = self._sandbox.load(model)
        except WorkerEndedError as error:
            return f"a codec that can be loaded: {error}"
        if answer[:1] != b"k":
            return f"JavaScript without mistakes: {answer[1:].decode(errors='replace')}"
        return None if answer[1:] else f"a function {FORMS}"

    def decode(
        self,
        model: str,
        fport: int,
        data: bytes,
        received_at: datetime | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The fields that the model's codec finds in a payload.

        ``received_at`` (aware) is ``recvTime`` of ``decodeUplink``, now when it is None. ``variables`` are
        ChirpStack's of the device.

        A codec that runs out of time again and again is suspended: it would hold up all other messages. It is tried
        again when the time is over, or when its file has changed, which is then read anew.

        Raises:
            UnreadableError: CODEC_FAILED (an error of the codec or in its answer, a crash), CODEC_TIMEOUT,
                CODEC_SUSPENDED, TOO_LARGE, or what a payload's JSON is refused for. The next message is not touched
                by it.
            KeyError: there is no codec for that model (see ``models``).
        """
        if len(data) > MAX_DATA_BYTES:
            raise UnreadableError(Why.TOO_LARGE, f"{len(data)} bytes; expected at most {MAX_DATA_BYTES}")
        received = None if received_at is None else to_ms(received_at)
        if model not in self._sources:
            raise KeyError(model)
        if self._suspensions.holds(model) and not self._renewed(model):
            raise _suspended(model)
        request = msgspec.json.encode((list(data), fport, received, variables or {})).decode()
        try:
            answer = self._sandbox.run(model, request)
        except WorkerEndedError as error:
            self._note_slow(model)  # a crash costs the start of a process, which is as long
            if error.out_of_time:
                raise self._out_of_time(model) from None
            raise _failed(model, str(error)) from None
        if answer[:1] == b"t":
            self._note_slow(model)
            raise self._out_of_time(model)
        self._suspensions.passed(model)
        if answer[:1] != b"k":
            raise _failed(model, answer[1:].decode(errors="replace"))
        return door.untyped(answer[1:])

    def close(self) -> None:
        """End the worker."""
        self._sandbox.close()

    def _note_slow(self, model: str) -> None:
        if self._suspensions.failed(model):
            _LOG.warning("codec.out_of_time", model=model, suspended_s=SUSPENDED_S)

    def _renewed(self, model: str) -> bool:
        """Whether a suspended codec's file has changed, and can be used again."""
        path = self._paths.get(model)
        if path is None or (stamp := _stamp(path)) is None or stamp == self._stamps[model]:
            return False
        self._stamps[model] = stamp
        before = self._sources[model]
        try:
            self._sources[model] = _source(path)
        except (OSError, ValueError):
            return False
        wrong = self.trouble(model)
        if wrong is not None:
            self._sources[model] = before
            _LOG.error("codec.not_renewed", model=model, expected=wrong)
            return False
        self._suspensions.passed(model)
        _LOG.info("codec.renewed", model=model)
        return True

    def _out_of_time(self, model: str) -> UnreadableError:
        detail = f"codec of {shown(model)}: not ready after {self._limits.time_ms} ms; expected an answer before"
        return UnreadableError(Why.CODEC_TIMEOUT, detail)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced; None: it can't be looked at."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _source(path: Path) -> str:
    if path.stat().st_size > MAX_SOURCE_BYTES:
        raise ValueError(f"it has more than {MAX_SOURCE_BYTES} bytes")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from error


def _problem(key: str, model: str, path: Path, expected: str) -> Problem:
    return Problem("gateway.toml", f"{key}.{shown(model)}", shown(str(path)), f"expected {expected}")


def _suspended(model: str) -> UnreadableError:
    detail = (
        f"codec of {shown(model)}: did not end in time {MOST_IN_A_ROW} times in a row, so it is not run for "
        f"{SUSPENDED_S / 60:g} minutes; expected a codec that ends: change its file"
    )
    return UnreadableError(Why.CODEC_SUSPENDED, detail)


def _failed(model: str, said: str) -> UnreadableError:
    detail = f"codec of {shown(model)}: {json.dumps(said[:SAID])}; expected an object with the payload's fields"
    return UnreadableError(Why.CODEC_FAILED, detail)
