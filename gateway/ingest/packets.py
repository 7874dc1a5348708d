"""The little of MQTT's wire format that the codecs don't give: where a packet ends, and what can still be saved.

A message that a codec refuses (a topic that is no UTF-8, a broken property) or that is too large must neither stop the
pipeline nor come again for ever: its parts are taken out here, so that it can be quarantined and acknowledged.
Source: MQTT 5.0 (OASIS, 2019), 2.1 "Structure of an MQTT Control Packet" and 3.3 "PUBLISH"; 3.1.1 is the same without
properties.
"""

import msgspec

PUBLISH = 3
"""Packet type in the upper four bits of the first byte."""


class MalformedError(ValueError):
    """These bytes are not MQTT; nothing after them can be trusted."""


class Salvaged(msgspec.Struct, frozen=True, gc=False):
    """A PUBLISH as far as it could be read."""

    topic: str
    """Bytes that are no UTF-8 stand as ``\\xff``."""
    payload: bytes
    packet_id: int
    dup: bool
    retained: bool


def variable_integer(view: memoryview, at: int, end: int) -> tuple[int, int] | None:
    """A variable byte integer at ``at``: (value, position after it); None when it is not complete.

    Raises:
        MalformedError: it is longer than four bytes.
    """
    value = 0
    for index in range(4):
        if at + index >= end:
            return None
        byte = view[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise MalformedError("a length of more than four bytes")


def packet_end(view: memoryview, start: int, end: int) -> int | None:
    """Where the packet that starts at ``start`` ends (may be after ``end``); None: its length is not there yet.

    Raises:
        MalformedError: the length is not one.
    """
    length = variable_integer(view, start + 1, end)
    return None if length is None else length[0] + length[1]


def salvage(view: memoryview, *, properties: bool) -> Salvaged:
    """Take a PUBLISH packet apart, as much of it as ``view`` holds (the payload may be cut).

    Args:
        view: from the packet's first byte.
        properties: True for MQTT 5.

    Raises:
        MalformedError: it is no PUBLISH that could be acknowledged and stored.
    """
    end = len(view)
    first = view[0]
    qos = first >> 1 & 3
    if first >> 4 != PUBLISH or qos > 1:
        raise MalformedError(f"a packet that can't be read, first byte {first:#04x}")
    body = variable_integer(view, 1, end)
    if body is None or body[1] + 2 > end:
        raise MalformedError("a message without a topic")
    at = body[1]
    length = view[at] << 8 | view[at + 1]
    at += 2
    topic = bytes(view[at : at + length])
    at += length
    packet_id = 0
    if qos:
        if at + 2 > end:
            raise MalformedError("a message without a packet identifier")
        packet_id = view[at] << 8 | view[at + 1]
        at += 2
        if packet_id == 0:
            raise MalformedError("a message with packet identifier 0")
    if properties:
        size = variable_integer(view, at, end)
        if size is None:
            raise MalformedError("a message without properties")
        at = size[0] + size[1]
    if at > end or not topic:
        raise MalformedError("a message whose parts don't fit into it")
    return Salvaged(
        topic.decode("utf-8", "backslashreplace"), bytes(view[at:end]), packet_id, bool(first & 8), bool(first & 1)
    )


def may_be_published(topic: str) -> bool:
    """A broker ends the connection of whoever publishes to a topic that is none (MQTT 5.0, 4.7)."""
    if not topic or "+" in topic or "#" in topic or "\0" in topic:
        return False
    try:
        return len(topic.encode()) < 65536
    except UnicodeEncodeError:
        return False
