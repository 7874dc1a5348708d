"""The checks at the door: what every JSON payload must pass before a decoder looks at it.

``read`` is the way in for all decoders. Size, UTF-8 and depth are checked here for the whole payload, fields that
nobody asked for included. msgspec checks that it is JSON (without NaN, with whole characters) and, of the fields
that a decoder names, types and ranges. Whatever is wrong leaves as an UnreadableError with its named reason
(devices.refusals puts it into words).
"""

import re
from typing import Any, TypeVar

import msgspec

from devices import refusals
from devices.errors import UnreadableError, Why

T = TypeVar("T")

MAX_BYTES = 64 * 1024
"""Largest payload. The biggest honest one seen is a LoRaWAN envelope of many gateways, 8 KiB; eight times that is
room enough, and a queue of 1,000 such messages still fits into 64 MiB."""

MAX_DEPTH = 32
"""Deepest nesting. LoRaWAN envelopes reach 7 levels; parsers begin to fail at about 1,000."""

_LONG_NUMBER = re.compile(rb"[0-9]{19}")
"""2**63 has 19 digits."""

_BRACKETS_OR_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def read(decoder: msgspec.json.Decoder[T], payload: bytes) -> T:
    """The payload as the decoder's type.

    Raises UnreadableError; a field's path is in it where one field is to blame.
    """
    check(payload)
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refusals.explain(payload, error) from None


def read_loosely(payload: bytes) -> Any:
    """The payload as plain Python values, with NaN, Infinity, damaged text and numbers too big kept as they are.

    For saving the life-safety part of a message whose other parts are bad: whoever uses a value must check it.
    Raises UnreadableError when there is no JSON at all, or it is too large or too deep.
    """
    _check_bombs(payload)
    try:
        return refusals.loads(payload)
    except ValueError:
        raise refusals.explain(payload, None) from None


def check(payload: bytes) -> None:
    """Refuse what is too large, too deep or not UTF-8, wherever in the payload it is."""
    # No payload is nested deeper than it has opening brackets: nearly every message is done after two counts.
    if len(payload) > MAX_BYTES or payload.count(b"[") + payload.count(b"{") > MAX_DEPTH:
        _check_bombs(payload)
    if not payload.isascii():
        _check_utf8(payload)


def _check_bombs(payload: bytes) -> None:
    if len(payload) > MAX_BYTES:
        raise UnreadableError(Why.TOO_LARGE, f"{len(payload)} bytes; expected at most {MAX_BYTES}")
    _check_depth(payload)


def _check_utf8(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(
            Why.NOT_UTF8, f"byte {error.start} is 0x{payload[error.start]:02x}; expected UTF-8 text"
        ) from None


def _check_depth(payload: bytes) -> None:
    depth = 0
    for match in _BRACKETS_OR_STRING.finditer(payload):
        first = payload[match.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableError(
                    Why.TOO_DEEP, f"more than {MAX_DEPTH} levels at byte {match.start()}; expected at most {MAX_DEPTH}"
                )
        elif first in b"]}":
            depth -= 1


def untyped(payload: bytes) -> dict[str, Any]:
    """The payload as a dict, for formats whose fields can't be known ahead; numbers in it are finite.

    Raises UnreadableError: NOT_AN_OBJECT for anything but an object, BIG_INTEGER for an integer beyond 63 bits.
    """
    value = read(_OBJECT, payload)
    if _LONG_NUMBER.search(payload) is None:
        return value  # no integer that long in it: nearly every message
    found = refusals.find(value, refusals.is_big_integer)
    if found is not None:
        raise UnreadableError(
            Why.BIG_INTEGER,
            f"{refusals.shown(found[1])}; expected an integer of at most 63 bits",
            refusals.field_name(found[0]),
        )
    return value


_OBJECT = msgspec.json.Decoder(dict[str, Any])
