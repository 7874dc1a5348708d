"""JSON Pointers (RFC 6901), compiled once to functions.

Three things are added, because vendors' documents need them: a token ``[key=value]`` picks the first item of a list
whose ``key`` has that value, ``*`` (in ``each`` only) stands for every item of a list, and a ``^`` in front starts at
the whole document where a pointer is otherwise relative to an item of ``each``. An object in the place of a list counts
as a list of one: some networks write a single item so.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

Get: TypeAlias = Callable[[Any, Any], Any]
"""``get(item, document)``: what stands there; None when nothing does, or null."""
Each: TypeAlias = Callable[[Any], list[Any]]
"""``each(document)``: every item that the pointer leads to."""

_SELECT = re.compile(r"\[([^=\]]+)=([^\]]*)\]")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_GAPS = re.compile(r"[\s_-]+")
_SHORT = 64
"""Longer texts are no words of a device, and are not remembered."""


class BadPointerError(ValueError):
    """A text is no pointer; says what is expected."""


def word(value: Any) -> str:
    """A JSON value as a text, so that 1, 1.0 and "1" are the same."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def folded(value: Any) -> str:
    """A JSON value as conditions and maps compare it: ``word`` without case, and with one ``_`` for spaces, ``_`` and
    ``-``. Vendors write "alarm ignored" in one version of a decoder and "alarm_ignored" in the next.
    """
    if type(value) is str:
        return _fold_short(value) if len(value) <= _SHORT else _fold(value)
    return _fold(word(value))


def _fold(text: str) -> str:
    return _GAPS.sub("_", text.strip().lower())


_fold_short = lru_cache(maxsize=4096)(_fold)


def single_key(pointer: Any) -> str | None:
    """The key of a pointer that leads to a field of the item itself, as most do; None for any other."""
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        return None
    tokens = _tokens(pointer)
    return tokens[0] if len(tokens) == 1 and tokens[0] != "*" and not _SELECT.fullmatch(tokens[0]) else None


def compile_pointer(text: str) -> Get:
    """The function that follows a pointer. Raises BadPointerError."""
    from_document = text.startswith("^")
    tokens = _tokens(text[1:] if from_document else text)
    if "*" in tokens:
        raise BadPointerError("no * here: it belongs into each")
    if from_document:
        follow = _follower(tokens)
        return lambda _item, document: follow(document)
    if len(tokens) == 1 and not _SELECT.fullmatch(tokens[0]):
        key = tokens[0]
        return lambda item, _document: item.get(key) if type(item) is dict else _step(item, key)
    follow = _follower(tokens)
    return lambda item, _document: follow(item)


def compile_each(text: str) -> Each:
    """The function that finds every item of a pointer with ``*`` in it. Raises BadPointerError."""
    tokens = _tokens(text)
    if len(tokens) == 2 and tokens[1] == "*":  # as in nearly every profile
        key = tokens[0]
        return lambda document: _items(document.get(key) if type(document) is dict else _step(document, key))

    def each(document: Any) -> list[Any]:
        found = [document]
        for token in tokens:
            if token == "*":  # noqa: S105  the pointer's token, no secret
                found = [item for value in found for item in _items(value)]
            else:
                found = [step for value in found if (step := _step(value, token)) is not None]
        return found

    return each


def _items(value: Any) -> list[Any]:
    if type(value) is dict:
        return [value]
    return [item for item in value if item is not None] if type(value) is list else []


def _tokens(text: str) -> list[str]:
    if text == "":
        return []
    if not text.startswith("/"):
        raise BadPointerError('a JSON Pointer that begins with "/", such as "/data/alarm"')
    if _BAD_ESCAPE.search(text):
        raise BadPointerError("~0 for ~ and ~1 for / inside a key")
    return [token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/")]


def _follower(tokens: list[str]) -> Callable[[Any], Any]:
    def follow(value: Any) -> Any:
        for token in tokens:
            value = _step(value, token)
            if value is None:
                return None
        return value

    return follow


def _step(value: Any, token: str) -> Any:
    if type(value) is dict:
        if token in value or not (select := _SELECT.fullmatch(token)):
            return value.get(token)
        return _selected([value], *select.groups())
    if type(value) is not list:
        return None
    if select := _SELECT.fullmatch(token):
        return _selected(value, *select.groups())
    if _INDEX.fullmatch(token) and int(token) < len(value):
        return value[int(token)]
    return None


def _selected(items: list[Any], key: str, wanted: str) -> Any:
    wanted = folded(wanted)
    for item in items:
        if type(item) is dict and key in item and folded(item[key]) == wanted:
            return item
    return None
