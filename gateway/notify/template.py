"""A provider's HTTP API, described by a template: the request with its blanks filled in, and fields of what comes back.

Fields are filled in as values of a form or of a JSON body, so a text can never break out of its place. Blanks in the
address are percent-encoded, and line breaks never get into headers.
"""

import base64
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from gateway.notify.channel import PermanentFailure
from gateway.notify.http import Answered, OpenHttp

_BLANK = re.compile(r"\{([a-z_]+)\}")


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """How to hand something to a provider; see gateway.settings.providers.Provider."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}
    form: dict[str, Any] | None = None
    body: dict[str, Any] | None = None
    success: tuple[int, ...] = ()
    id_pointer: str | None = None
    username: str | None = None
    secret: str = ""

    async def send(self, http: OpenHttp, values: Mapping[str, str], now: datetime) -> str | None:
        """Hand it over; returns the provider's own number for it, where the template says how to find it.

        Raises:
            TemporaryFailure: it may work later.
            PermanentFailure: it will never work like this.
        """
        basic = base64.b64encode(f"{self.username or ''}:{self.secret}".encode()).decode()
        known = {**values, "secret": self.secret, "basic": basic}
        headers = {name: " ".join(_fill(text, known).split()) for name, text in self.headers.items()}
        content: bytes | None = None
        if self.form is not None:
            content = urlencode(_filled(self.form, known), doseq=True).encode()
            headers.setdefault("content-type", "application/x-www-form-urlencoded")
        elif self.body is not None:
            content = msgspec.json.encode(_filled(self.body, known))
            headers.setdefault("content-type", "application/json")
        url = _fill(self.url, {name: quote(value, safe="") for name, value in known.items()})
        answered = await http.send(self.method, url, headers=headers, content=content, now=now)
        answered.expect_taken(self.success)
        return self._number(answered)

    def _number(self, answered: Answered) -> str | None:
        found = None if self.id_pointer is None else pointed(answered.json(), self.id_pointer)
        return None if found is None else found[:128]


def pointed(document: object, pointer: str) -> str | None:
    """The text or number at a JSON pointer (RFC 6901); None: nothing there, or no plain value."""
    found = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else None


class Posted:
    """What a provider POSTed to us, as a form or as JSON.

    Args:
        body: as it came.
        content_type: of the request.
    """

    def __init__(self, body: bytes, content_type: str) -> None:
        self._json: object = None
        self.form: dict[str, str] = {}
        if "json" in content_type:
            try:
                self._json = msgspec.json.decode(body)
            except msgspec.DecodeError:
                self._json = None
        else:
            self.form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200))

    def field(self, name: str) -> str | None:
        """A field by its form name, or by its JSON pointer when the name begins with a slash; None: not there."""
        return pointed(self._json, name) if name.startswith("/") else self.form.get(name)


def fill_escaped(text: str, values: Mapping[str, str], escape: Collection[tuple[str, str]]) -> str:
    """A text for a provider's own language (such as XML) with its blanks filled in, and the values escaped."""
    safe = dict(values)
    for name, value in values.items():
        for before, after in escape:
            value = value.replace(before, after)  # noqa: PLW2901 - one replacement after the other
        safe[name] = value
    return _fill(text, safe)


XML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;"))


def _fill(text: str, values: Mapping[str, str]) -> str:
    """One pass, so that a blank's value is never taken for a blank."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise PermanentFailure(f"the template has the blank {found[0]}, which has no value here")
        return values[found[1]]

    return _BLANK.sub(value, text)


def _filled(fields: Any, values: Mapping[str, str]) -> Any:
    if isinstance(fields, str):
        return _fill(fields, values)
    if isinstance(fields, dict):
        return {name: _filled(each, values) for name, each in fields.items()}
    if isinstance(fields, list | tuple):
        return [_filled(each, values) for each in fields]
    return fields
