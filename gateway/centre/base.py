"""What the tables of a centre file are made of: frozen parts, ids, one-line texts, time zones, times."""

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from gateway.problems import did_you_mean

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _id(value: str) -> str:
    if _ID.fullmatch(value) is None:
        raise ValueError("expected 1 to 64 letters a to z, digits, points, underscores, hyphens; no space, no accent")
    return value


def _line(value: str) -> str:
    """Names go into e-mail subjects and terminals: a line break or an escape code there would do harm."""
    if not value.isprintable():
        raise ValueError("expected one line of text without control characters")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = did_you_mean(value, available_timezones())
        raise ValueError(f"expected a time zone such as Europe/Malta{near}") from None
    return value


def _language(value: str) -> str:
    try:
        Locale.parse(value, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError("expected a language tag such as en, da or pt-BR") from None
    return value


def _utc(value: datetime) -> datetime:
    if not 2000 <= value.year < 2200:  # a typing error; and the ends of the calendar can't be turned into UTC
        raise ValueError("expected a time from 2000 to 2199")
    return value.astimezone(UTC)


def _https(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or not value.isprintable() or " " in value:
        raise ValueError("expected a web address that begins with https://")
    return value


Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
"""A short name for machines. It goes into topics and links."""

Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Language = Annotated[str, AfterValidator(_language)]
HttpsLink = Annotated[str, Field(max_length=1000), AfterValidator(_https)]
Utc = Annotated[AwareDatetime, AfterValidator(_utc)]


class Part(BaseModel):
    """A table of the centre file: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
