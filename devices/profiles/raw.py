"""``[raw]`` of a profile: the envelope of a network that hands on a device's bytes, which the model's codec decodes.

Such a profile has no readings of its own. It says where in the envelope the bytes stand, and the port, the device and
the time; the device's model has a profile and a codec of its own.
"""

import base64
import binascii
from typing import Any, Literal

import msgspec

from devices.errors import UnreadableError, Why
from devices.profiles.flaws import Flaws
from devices.profiles.pointers import Get, word
from devices.profiles.reader import compile_get
from devices.refusals import shown

KEYS = ("data", "encoding", "port", "model")
ENCODINGS = ("hex", "base64")
MAX_PORT = 255


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes stand, how they are written, and where port and model do."""

    data: Get
    encoding: Literal["hex", "base64"]
    port: Get | None = None
    model: Get | None = None

    def fits(self, document: Any) -> bool:
        """Whether a document looks like this envelope: text where the bytes are, and a port."""
        if not isinstance(self.data(document, document), str):
            return False
        return self.port is None or type(self.port(document, document)) is int

    def payload(self, document: Any) -> bytes:
        """The device's bytes; none when there are none. Raises UnreadableError (WRONG_TYPE)."""
        value = self.data(document, document)
        if value is None:
            return b""
        try:
            if isinstance(value, str):
                return bytes.fromhex(value) if self.encoding == "hex" else base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected the payload as {self.encoding}")

    def port_in(self, document: Any) -> int:
        """The port, 0 when the envelope has none. Raises UnreadableError (WRONG_TYPE)."""
        value = None if self.port is None else self.port(document, document)
        if value is None:
            return 0
        if type(value) is int and 0 <= value <= MAX_PORT:
            return value
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected a port from 0 to {MAX_PORT}")

    def model_in(self, document: Any) -> str | None:
        """The model that the envelope names."""
        value = None if self.model is None else self.model(document, document)
        return word(value) if isinstance(value, str) and value else None


def compile_raw(spec: Any, flaws: Flaws) -> Raw | None:
    """The ``[raw]`` table of a profile; None when it has flaws."""
    before = len(flaws.found)
    if not flaws.table(spec, "raw", KEYS):
        return None
    gets = {key: compile_get(spec[key], f"raw.{key}", flaws) for key in ("data", "port", "model") if key in spec}
    data, encoding = gets.get("data"), spec.get("encoding", "base64")
    if "data" not in spec:
        flaws.missing("raw.data", 'a JSON Pointer to the payload such as "/data"')
    if encoding not in ENCODINGS:
        flaws.add("raw.encoding", encoding, f"one of {', '.join(ENCODINGS)}")
    if data is None or len(flaws.found) > before:
        return None
    return Raw(data=data, encoding=encoding, port=gets.get("port"), model=gets.get("model"))
