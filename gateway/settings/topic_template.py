"""Which topic a POSTed message gets, so that the decoders of MQTT work for it too.

A template is a topic with blanks: ``{path}`` is what comes after ``/in/{source}/`` in the address, ``{query.NAME}`` a
parameter of the address, ``{body/KEY/KEY}`` a text or number in the JSON message (a JSON pointer, RFC 6901). What a
message lacks becomes ``-``: a message is never refused because of its topic; its decoder says what is wrong.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

LACKING = "-"
_BLANK = re.compile(r"\{(path|query\.[A-Za-z0-9_-]+|body(?:/[^/{}]+)+)\}")
_LONGEST = 512
"""Characters of a topic; MQTT allows 65,535 bytes, devices use some 60."""


def check_template(template: str) -> None:
    """Refuse what can't make a topic.

    Raises:
        ValueError: says what is expected.
    """
    rest = _BLANK.sub("x", template)
    if set(rest) & {"{", "}"}:
        raise ValueError("expected only the blanks {path} {query.NAME} {body/KEY/KEY}")
    if not rest or set(rest) & {"+", "#", "\0"} or rest.startswith("$") or len(template) > _LONGEST:
        raise ValueError("expected an MQTT topic without + and #, not beginning with $")


def fill(template: str, *, path: str, query: Mapping[str, str], body: bytes) -> str:
    """The topic of a message.

    Args:
        template: one that :func:`check_template` took.
        path: what came after the source's name, without slashes at its ends; it may fill several levels.
        query: the address's parameters.
        body: the message; only read when the template asks for something in it.
    """
    said: list[Any] = []  # the body, decoded at most once

    def blank(match: re.Match[str]) -> str:
        word = match[1]
        if word == "path":
            return "/".join(_level(level) for level in path.split("/"))
        if word.startswith("query."):
            return _level(query.get(word.removeprefix("query."), ""))
        if not said:
            said.append(_decoded(body))
        return _level(_pointed(said[0], word.split("/")[1:]))

    return _BLANK.sub(blank, template)[:_LONGEST]


def _level(value: str) -> str:
    """A value as one level: nothing in it may mean something in a topic."""
    return re.sub(r"[+#/\x00-\x1f\x7f$]", "_", value) or LACKING


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _pointed(value: Any, keys: list[str]) -> str:
    for key in keys:
        key = key.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - RFC 6901, section 4
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return ""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
