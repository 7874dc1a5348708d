"""From a failed validation to Problems that a person can act on: file, key, value, what is expected.

Used by gateway.settings and gateway.centre, so that both speak the same way.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import Problem

_LONGEST_VALUE = 60
"""Characters of a wrong value that are shown: enough to find it in the file, short enough for one line."""

_LONGEST_NUMBER = 1000
"""Bits of a whole number that is shown in full."""

_SECRET_WORDS = ("password", "passwd", "secret", "token", "api_key", "private_key")

_WORDS = {
    "string_type": 'a text in quotes, such as "101"',
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} characters",
    "int_type": "a whole number without quotes",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number without quotes",
    "float_parsing": "a number",
    "finite_number": "a number that is not infinite",
    "bool_type": "true or false, without quotes",
    "bool_parsing": "true or false",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "timezone_aware": "a time with its time zone, such as 2026-01-01T00:00:00Z",
    "datetime_type": "a date and time, such as 2026-01-01T00:00:00Z",
    "datetime_parsing": "a date and time, such as 2026-01-01T00:00:00Z",
    "datetime_from_date_parsing": "a date and time, such as 2026-01-01T00:00:00Z",
    "time_type": "a time of day, such as 22:00:00",
    "time_parsing": "a time of day, such as 22:00:00",
    "tuple_type": 'a list in square brackets, such as ["a", "b"]',
    "list_type": 'a list in square brackets, such as ["a", "b"]',
    "dict_type": "a table with keys",
    "model_type": "a table with keys",
    "model_attributes_type": "a table with keys",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "path_type": "a path in quotes",
    "string_unicode": "text that can be written as UTF-8",
}


WHOLE: Final = "(the whole file)"
"""The key of a problem that is no single key's."""


def shown(value: object) -> str:
    """A value as it would stand in the file, shortened to one line."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, datetime | date | time):
        text = value.isoformat()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(map(str, value)) + "}"
    elif isinstance(value, Sequence):
        text = "[" + ", ".join(shown(item) for item in value[:10]) + ("]" if len(value) <= 10 else ", …]")
    elif isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        text = hex(value)[:_LONGEST_VALUE] + "…"  # Python refuses to write out thousands of digits
    else:
        text = str(value)
    text = printable(text)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def printable(text: str) -> str:
    """The text with everything escaped that a terminal would obey or that is no character at all."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def no_such(word: str, name: object, known: Iterable[str]) -> str:
    """What to say of a key or table that does not exist, with those that do."""
    listed = list(known)
    return f"expected no {word} of this name{did_you_mean(name, listed) or '.'} Known: {', '.join(listed)}"


def one_of(words: Iterable[str]) -> str:
    """``one of "a", "b", "c"``; at most twelve are named."""
    listed = list(words)
    rest = f" … ({len(listed)} in all)" if len(listed) > 12 else ""
    return ("one of " if len(listed) > 1 else "") + ", ".join(f'"{word}"' for word in listed[:12]) + rest


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """``; did you mean "nora"?``, or nothing when no known word is near."""
    if not isinstance(value, str):
        return ""
    folded = {word.casefold(): word for word in known}
    near = get_close_matches(value[:_LONGEST_VALUE].casefold(), folded, n=1, cutoff=0.6)
    return f'; did you mean "{folded[near[0]]}"?' if near else ""


def problems_of(
    error: ValidationError, *, file: str, data: object, schema: Mapping[str, Any], prefix: str = ""
) -> list[Problem]:
    """Every error of a validation as a Problem.

    ``data`` is what was validated and ``schema`` its model's JSON Schema: they tell a key of the file from
    pydantic's own marks, and which keys would have been right. ``prefix`` goes in front of every key.
    """
    return [
        _problem(details, file, data, schema, prefix)
        for details in error.errors(include_url=False)
        if not _only_follows(details)
    ]


def _only_follows(details: ErrorDetails) -> bool:
    """Whether an error only says that something else is wrong, which is told anyway."""
    if details["type"] == "too_short":  # items that are wrong themselves are not counted
        return bool(len(details["input"]) >= details["ctx"]["min_length"])
    return details["type"] == "default_factory_not_called"


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of what a file may hold, as :func:`problems_of` needs it."""
    return model.model_json_schema(by_alias=True, mode="validation")


def joined(prefix: str, parts: Iterable[str | int]) -> str:
    """A key as people write it: ``residents[3].room``."""
    key = prefix
    for part in parts:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            key += f".{printable(part)}" if key else printable(part)
    return key


def is_secret(key: str) -> bool:
    """Whether a key's value must never be shown."""
    last = key.rsplit(".", 1)[-1].casefold()
    return any(word in last for word in _SECRET_WORDS) and not last.endswith(("_env", "_file"))


def _problem(details: ErrorDetails, file: str, data: object, schema: Mapping[str, Any], prefix: str) -> Problem:
    kind = details["type"]
    parts, node = _walk(details["loc"], data, schema, keep_last=kind == "missing")
    wrong: object = details["input"]
    if kind.startswith("union_tag"):  # it is the word that tells the members apart that is wrong
        parts.append(details["ctx"]["discriminator"].strip("'"))
        wrong = details["ctx"].get("tag")
    key = joined(prefix, parts) or WHOLE
    value = (
        "(missing)" if kind in {"missing", "union_tag_not_found"} else "(hidden)" if is_secret(key) else shown(wrong)
    )
    if kind == "extra_forbidden":
        return Problem(file, key, value, no_such("key", parts[-1], node.get("properties", {})))
    return Problem(file, key, value, _expected(details, node, parts))


def _expected(details: ErrorDetails, node: Mapping[str, Any], parts: Sequence[str | int]) -> str:
    kind, ctx = details["type"], details.get("ctx", {})
    expected = f"otherwise: {details['msg']}"
    match kind:
        case "missing":
            about = node.get("properties", {}).get(parts[-1] if parts else "", {}).get("description", "")
            expected = "this key" + (f": {about}" if about else "")
        case "literal_error" | "enum":
            words = str(ctx["expected"]).split("'")[1::2]
            expected = one_of(words) + did_you_mean(details["input"], words)
        case "union_tag_invalid":
            words = str(ctx["expected_tags"]).split("'")[1::2]
            expected = one_of(words) + did_you_mean(ctx["tag"], words)
        case "union_tag_not_found":
            expected = f"the key {parts[-1]}, which says what this is"
        case "value_error" | "assertion_error":  # a validator's own words
            return str(ctx["error"])
        case _ if kind in _WORDS:
            numbers = {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in ctx.items()}
            expected = _WORDS[kind].format(**numbers)
    return f"expected {expected}"


def _walk(
    loc: Sequence[str | int], data: object, schema: Mapping[str, Any], *, keep_last: bool
) -> tuple[list[str | int], Mapping[str, Any]]:
    """The parts of a location that stand in the file, and the schema node of the last table on the way."""
    parts: list[str | int] = []
    node = _resolved(schema, schema)
    table = node
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(part, int) and isinstance(data, Sequence) and not isinstance(data, str):
            parts.append(part)
            data = data[part] if part < len(data) else None
            node = _resolved(node.get("items", {}), schema)
        elif isinstance(data, Mapping) and (part in data or (last and keep_last)):
            parts.append(part)
            data, table = data.get(part), node
            node = _resolved(node.get("properties", {}).get(part, {}), schema)
        else:  # pydantic's own mark of which member of a union it means
            member = node.get("discriminator", {}).get("mapping", {}).get(part)
            node = _resolved({"$ref": member} if member else node, schema)
    return parts, table


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        elif "allOf" in node:
            node = node["allOf"][0]
        elif any(option == {"type": "null"} for option in node.get("anyOf", ())):
            node = next(option for option in node["anyOf"] if option != {"type": "null"})
        else:
            return node
