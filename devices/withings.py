"""Withings: the notifications that its cloud POSTs, and the summary of a night as its sleep interface gives it.

A notification is a form, ``userid=…&appli=…`` (Withings developer guide, "Notification content"): 50 is somebody who
got into bed, 51 out of bed, 44 new sleep data for a range, 46 a change of the user's account. It tells that there is
something, never the measurements themselves. A bridge may turn the form into JSON with the same names.

The address is the ``userid``: it stands in every notification, a ``deviceid`` only in some, and one sensor must not
have two addresses. Withings delivers again what was not answered, so ``appli`` and time make the event's id.
"""

from datetime import datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from devices import bed, door, values
from devices.errors import UnreadableError, Why
from devices.model import Bed, Frame, Reading, Sleep, Status
from devices.refusals import shown

TELEMETRY_TOPICS = ("withings/+",)
ALARM_TOPICS: tuple[str, ...] = ()

IN_BED: dict[int, bool] = {50: True, 51: False}
SLEEP_DATA = 44
ACCOUNT = 46
GONE = ("delete", "unlink")
"""``action`` of an account's change after which nothing more will come."""

Times: TypeAlias = tuple[datetime | None, datetime | None, datetime | None]

CLOCKS_DIFFER = timedelta(days=1)
"""How far the cloud's time may be ahead of the gateway's: it tells of what was, so a later time is a wrong unit."""

_MOST_FIELDS = 64


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a notification or a night's summary; ``model`` plays no part.

    A notification of another ``appli`` (weight, activity, …) is a sign of life. Raises UnreadableError.
    """
    door.check(frame.payload)
    payload = frame.payload.strip()
    if b"=" in payload and payload[:1] not in (b"{", b"["):
        message: dict[str, Any] = _form(payload)
    else:
        message = door.untyped(frame.payload)
    times = _times(message, frame.received_at, "")
    series = _series(message)
    if series is not None:
        return tuple(
            reading
            for place, night in enumerate(series)
            for reading in _night(night, message, frame, f"series[{place}]")
        )
    device = _user(message, address_of(frame.topic))
    appli = _appli(message)
    start, end, date = times
    at, key = start or date, _key(appli, times)
    if appli in IN_BED:
        return (Bed(device=device, observed_at=at, event_id=key, in_bed=IN_BED[appli]),)
    if appli == SLEEP_DATA and start is not None and end is not None:
        _refuse_backwards(start, end, "enddate")
        return (Sleep(device=device, observed_at=end, event_id=key, start=start, end=end),)
    online = False if appli == ACCOUNT and message.get("action") in GONE else None
    return (Status(device=device, observed_at=at, event_id=key, online=online),)


def address_of(topic: str) -> str | None:
    """The user of ``withings/USER``; None for any other topic."""
    parts = topic.split("/")
    return parts[1] if len(parts) == 2 and parts[0] == "withings" and parts[1] else None


def _form(payload: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            payload.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except UnicodeDecodeError:
        raise UnreadableError(Why.NOT_UTF8, "bytes after % that are no text; expected UTF-8") from None
    except ValueError:
        detail = f"{shown(payload[:40].decode(errors='replace'))}; expected a form, name=value with & between"
        raise UnreadableError(Why.NOT_JSON, detail) from None
    message: dict[str, Any] = {}
    for name, value in pairs:
        message.setdefault(name, value)
    return message


def _user(message: dict[str, Any], otherwise: str | None) -> str:
    value = message.get("userid")
    if value in (None, ""):
        if otherwise:
            return otherwise
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the user's number", "userid")
    return bed.name(value, "userid")


def _times(message: dict[str, Any], now: datetime, path: str) -> Times:
    """``startdate``, ``enddate`` and ``date``, which may also be a day (2026-03-01): that is no time.

    Raises BAD_TIME for what is no time, and for one after now: milliseconds where seconds belong, say, are years like
    5138.
    """
    found: list[datetime | None] = []
    for word in ("startdate", "enddate", "date"):
        value = message.get(word)
        at = None if value is None or (word == "date" and _is_day(value)) else bed.moment(message, (word,))
        if at is not None and at > now + CLOCKS_DIFFER:
            detail = f"{shown(value)} is in the year {at.year}; expected seconds since 1970, until now"
            raise UnreadableError(Why.BAD_TIME, detail, f"{path}{word}")
        found.append(at)
    return found[0], found[1], found[2]


def _refuse_backwards(start: datetime, end: datetime, field: str) -> None:
    if end < start:
        detail = f"{shown(end.isoformat())} is before its startdate; expected the end after the begin"
        raise UnreadableError(Why.BAD_TIME, detail, field)


def _is_day(date: Any) -> bool:
    return isinstance(date, str) and len(date) == 10 and date[4:5] == "-"


def _appli(message: dict[str, Any]) -> int:
    value = message.get("appli")
    if value in (None, ""):
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the kind of notification", "appli")
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 6):
            raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected a number such as 50", "appli")
        value = int(value)
    number = values.whole(value, "appli", 0, 999_999)
    assert number is not None
    return number


def _key(appli: int, times: Times) -> str | None:
    start, end, date = times
    told = [at for at in (start, end) if at is not None] or [at for at in (date,) if at is not None]
    return ":".join([str(appli), *(str(values.to_ms(at) // 1000) for at in told)]) if told else None


def _series(message: dict[str, Any]) -> list[Any] | None:
    """The nights of an answer of the sleep interface (``v2/sleep``, action ``getsummary``); None for anything else."""
    body = message.get("body", message)
    series = body.get("series") if isinstance(body, dict) else None
    return series if isinstance(series, list) else None


def _night(night: Any, message: dict[str, Any], frame: Frame, field: str) -> tuple[Reading, ...]:
    if not isinstance(night, dict):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(night)}; expected an object", field)
    start, end, _ = _times(night, frame.received_at, f"{field}.")
    device = _user({**message, **night}, address_of(frame.topic))
    data = night.get("data")
    data = data if isinstance(data, dict) else {}
    score = values.percent(data.get("sleep_score"), f"{field}.data.sleep_score")
    if start is None or end is None:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the night's begin and end", f"{field}.startdate")
    _refuse_backwards(start, end, f"{field}.enddate")
    number = night.get("id")
    event_id = bed.name(number, f"{field}.id") if number not in (None, "") else None
    return (Sleep(device=device, observed_at=end, event_id=event_id, score=score, start=start, end=end),)
