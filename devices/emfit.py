"""Emfit QS, and under-mattress sensors that speak plain JSON (devices.bed).

Three shapes, told apart by what they hold:

- the sensor's own page ``dvmstatus.htm``, which a bridge fetches and publishes: ``NAME=value`` with ``<br>`` between
  (SER, PRES, TS, TS_R, HR, RR, ACT, FW). TS is 0 on today's firmware: the page has no time then. ACT has no unit, so
  it is not told as a percentage;
- the cloud's ``presence`` records: a night with ``time_start``, ``time_end`` and ``sleep_score``. Their averages over
  a night are no measurement at a time, so they are left out: a rule would judge a whole night as one moment;
- the cloud's ``device/status``: ``description`` (present, absent) since ``from`` (milliseconds).

Anything else is read as devices.bed reads it. The page's names were taken from Emfit's note on its local interface;
the cloud's from recordings that users of its interface published.
"""

import re
from typing import Any

from devices import bed, door
from devices.errors import UnreadableError, Why
from devices.model import Bed, Frame, Reading, Sleep, Status, Vitals
from devices.refusals import shown

TELEMETRY_TOPICS = ("emfit/+", "emfit/+/+")
ALARM_TOPICS: tuple[str, ...] = ()

PRESENCE = {"present": True, "absent": False}
"""``description`` of the cloud's device status."""

_PAGE_ENTRY = re.compile(r"(?:^|[\s>;,])([A-Za-z_]{2,16})\s*=\s*([^\s<;,]*)")
_PAGE_WORDS = frozenset({"SER", "PRES", "HR", "RR"})
_DIGITS = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?")


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a message; ``model`` plays no part.

    Raises UnreadableError, among them MISSING_FIELD when neither message nor topic names the sensor, and
    UNKNOWN_KIND when there is nothing in it that a bed sensor says.
    """
    door.check(frame.payload)
    address = address_of(frame.topic)
    if frame.payload.lstrip()[:1] not in (b"{", b"["):
        page = _page(frame.payload)
        if page is not None:
            return _readings_of_page(page, address)
    message = door.untyped(frame.payload)
    if "description" in message and ("device_index" in message or "from" in message):
        return _device_status(message, address)
    if "time_start" in message or "sleep_score" in message:
        return _night(message, address)
    found = bed.readings(bed.device_of(message, address), message)
    if not found:
        raise UnreadableError(Why.UNKNOWN_KIND, f"{shown(sorted(message))}; expected what a bed sensor says")
    return found


def address_of(topic: str) -> str | None:
    """The sensor of ``emfit/SENSOR`` or ``emfit/SENSOR/KIND``; None for any other topic."""
    parts = topic.split("/")
    return parts[1] if len(parts) in (2, 3) and parts[0] == "emfit" and parts[1] else None


def _page(payload: bytes) -> dict[str, str] | None:
    """The page's entries by their names in capitals; None when it is no such page."""
    entries: dict[str, str] = {}
    for name, value in _PAGE_ENTRY.findall(payload.decode()):
        entries.setdefault(name.upper(), value)
    return entries if _PAGE_WORDS & entries.keys() else None


def _readings_of_page(page: dict[str, str], address: str | None) -> tuple[Reading, ...]:
    serial = page.get("SER", "").lower()
    device = bed.name(serial, "SER") if serial else address
    if not device:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the sensor's serial number", "SER")
    at = bed.moment({"TS": _number(page, "TS")}, ("TS",))
    presence = page.get("PRES")
    if presence not in ("0", "1"):
        missing = presence is None
        raise UnreadableError(
            Why.MISSING_FIELD if missing else Why.OUT_OF_RANGE,
            f"{'is missing' if missing else shown(presence)}; expected 0 or 1",
            "PRES",
        )
    found: list[Reading] = [Bed(device=device, observed_at=at, in_bed=presence == "1")]
    numbers = {"HR": _number(page, "HR"), "RR": _number(page, "RR")}
    heart, breath = bed.rate(numbers, ("HR",)), bed.rate(numbers, ("RR",))
    # What is left of the last values stands on the page for a while after somebody has got up.
    if presence == "1" and (heart is not None or breath is not None):
        found.append(Vitals(device=device, observed_at=at, heart_rate_bpm=heart, respiratory_rate_bpm=breath))
    if page.get("FW"):
        found.append(Status(device=device, observed_at=at, firmware=page["FW"][:128]))
    return tuple(found)


def _number(page: dict[str, str], name: str) -> float | None:
    text = page.get(name, "").strip()
    if not text or not text.strip("-."):  # "---" is how the page says that it feels none
        return None
    if not _DIGITS.fullmatch(text):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(text)}; expected a number", name)
    return float(text)


def _device_status(message: dict[str, Any], address: str | None) -> tuple[Reading, ...]:
    word = message["description"]
    if not isinstance(word, str) or word not in PRESENCE:
        raise UnreadableError(Why.OUT_OF_RANGE, f'{shown(word)}; expected "present" or "absent"', "description")
    index = message.get("device_index")
    device = bed.name(index, "device_index") if index not in (None, "") else bed.device_of(message, address)
    return (Bed(device=device, observed_at=bed.moment(message, ("from",)), in_bed=PRESENCE[word]),)


def _night(message: dict[str, Any], address: str | None) -> tuple[Reading, ...]:
    number = message.get("device_id")
    device = bed.name(number, "device_id") if number not in (None, "") else address
    if not device:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the sensor's number", "device_id")
    sleep = next((reading for reading in bed.readings(device, message) if isinstance(reading, Sleep)), None)
    if sleep is None:  # a key that stands twice, and says nothing in the end
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the night's score", "sleep_score")
    record = message.get("id")
    event_id = bed.name(record, "id") if record not in (None, "") else None
    return (
        Sleep(
            device=device,
            observed_at=sleep.end,
            event_id=event_id,
            score=sleep.score,
            start=sleep.start,
            end=sleep.end,
        ),
    )
