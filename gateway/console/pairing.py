"""Pairing: from a code on a device's label to how its messages name it, and who is heard that nobody knows yet.

LoRaWAN labels follow TR005 of the LoRa Alliance (LoRaWAN Device Identification QR Codes): ``LW:D0:<JoinEUI>:<DevEUI>:
<ProfileID>``, then optional parts that begin with a letter (O owner, S serial number, P proprietary, C check sum).
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec

from devices import registry
from gateway.clock import from_ms, to_ms
from gateway.store.history import first_received

WAITING_FOR: Final = timedelta(hours=1)
"""How far back the waiting room looks."""

MOST_READINGS: Final = 60_000
"""Readings that are looked through, the newest; some 50 ms. A house that sends more in an hour pairs with the press."""

MOST_UNREADABLE: Final = 500
MOST_WAITING: Final = 50

_LORAWAN: Final = re.compile(
    r"^(?:URN:)?LW:D0:(?P<join>[0-9A-F]{16}):(?P<dev>[0-9A-F]{16}):(?P<vendor>[0-9A-F]{4})(?P<profile>[0-9A-F]{4})"
    r"(?P<more>(?::[OSPCX-][^:]*)*)$",
    re.IGNORECASE,
)
_EUI: Final = re.compile(r"^[0-9A-F]{16}$", re.IGNORECASE)
_IEEE: Final = re.compile(r"^0x[0-9a-f]{16}$", re.IGNORECASE)
_MAC: Final = re.compile(r"^[0-9A-F]{12}$", re.IGNORECASE)
_IMEI: Final = re.compile(r"^\d{15}$")

LORAWAN_FORMATS: Final = ("chirpstack", "tts")
_TYPE_OF: Final = {
    "position": "tracker", "fall": "fall_detector", "bed": "bed_sensor", "continence": "continence_sensor",
    "help": "sos_button", "door": "door_sensor", "motion": "motion_sensor", "room": "room_sensor",
}  # fmt: skip


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What a code on a label says. ``addresses``: how messages may name the device, the likeliest first; ``formats``:
    which formats name devices like that; empty: any. EUIs are hexadecimal, in capitals as printed."""

    code: str
    kind: str
    addresses: tuple[str, ...]
    formats: tuple[str, ...] = ()
    dev_eui: str | None = None
    join_eui: str | None = None
    vendor: str | None = None
    serial: str | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was heard and that nobody knows. ``last_at``: UTC; ``readable``: whether its messages could be
    read; one that could not may need its maker and model. ``type``: what its readings are of; None: not clear."""

    format: str
    address: str
    last_at: datetime
    messages: int
    kinds: tuple[str, ...]
    readable: bool
    type: str | None


def read_label(text: str) -> Label | None:  # noqa: PLR0911 - one for each kind of label
    """What a code says: a LoRaWAN QR code, a DevEUI, an IMEI, a Zigbee or Wi-Fi address, or any serial number.

    None: it is empty, too long, or can't be a device's name.
    """
    code = text.strip()
    if not 1 <= len(code) <= 300 or not code.isprintable():
        return None
    if found := _LORAWAN.match(code):
        serial = next((part[1:] for part in found["more"].split(":") if part[:1].upper() == "S"), None)
        dev = found["dev"].upper()
        return Label(
            code=code,
            kind="lorawan",
            addresses=(dev.lower(), f"eui-{dev.lower()}"),
            formats=LORAWAN_FORMATS,
            dev_eui=dev,
            join_eui=found["join"].upper(),
            vendor=found["vendor"].upper(),
            serial=serial,
        )
    bare = re.sub(r"[\s:.-]", "", code)
    if _EUI.match(bare):
        eui = bare.lower()
        return Label(
            code=code, kind="dev_eui", addresses=(eui, f"eui-{eui}", f"0x{eui}"),
            formats=(*LORAWAN_FORMATS, "zigbee2mqtt"), dev_eui=bare.upper(),
        )  # fmt: skip
    if _IMEI.match(bare) and _luhn(bare):
        return Label(code=code, kind="imei", addresses=(bare,), formats=("traccar",))
    if _IEEE.match(code):
        return Label(code=code, kind="zigbee", addresses=(code.lower(),), formats=("zigbee2mqtt",))
    if _MAC.match(bare) and (":" in code or "-" in code or not bare.isdecimal()):
        return Label(code=code, kind="mac", addresses=(bare.lower(), bare.upper(), _pairs(bare)))
    return Label(code=code, kind="serial", addresses=(code,)) if len(code) <= 200 and " " not in code else None


def _luhn(digits: str) -> bool:
    """The check digit of an IMEI (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _pairs(bare: str) -> str:
    return ":".join(bare[place : place + 2] for place in range(0, 12, 2)).upper()


def matches(label: Label, waiting: Iterable[Waiting]) -> list[Waiting]:
    """Those of the waiting room that a label means, whatever capitals and signs are written how."""
    waiting = list(waiting)
    if exact := [one for one in waiting if _folded(one.address) in map(_folded, label.addresses)]:
        return exact
    wanted = {_plain(address) for address in label.addresses}
    if label.dev_eui is not None:
        wanted.add(label.dev_eui.lower())
    return [
        one for one in waiting if _plain(one.address) in wanted or _plain(one.address).removeprefix("eui") in wanted
    ]


def _folded(address: str) -> str:
    # in a maker's own numbers a point or a hyphen may be what tells two of them apart
    return address.strip().casefold()


def _plain(address: str) -> str:
    return re.sub(r"[\s:.-]", "", address).lower()


def known_as(label: Label, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The device of the centre that a label means already; None: none."""
    spelled = _folded if label.kind == "serial" else _plain
    wanted = {spelled(address) for address in label.addresses}
    devices: list[Mapping[str, Any]] = list(document.get("devices", ()))
    return next((one for one in devices if spelled(str(one.get("address", ""))) in wanted), None)


def named_already(format_: str, address: str, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The device of the centre with that address in that format, whatever capitals it is typed in; None: none."""
    typed = (format_, address.casefold())
    devices: list[Mapping[str, Any]] = list(document.get("devices", ()))
    return next((one for one in devices if (one.get("format"), str(one.get("address", "")).casefold()) == typed), None)


def waiting_room(db: sqlite3.Connection, now: datetime, known: Iterable[tuple[str, str]]) -> list[Waiting]:
    """Devices that were heard in the last hour and that the centre does not have, the newest first.

    Args:
        db: a reading connection.
        now: UTC-aware.
        known: format and address of every device of the centre.
    """
    taken = set(known)
    since = to_ms(now - WAITING_FOR)
    first = first_received(db, since)
    rows = db.execute(
        "SELECT device, kind, max(received_at) AS at, count(DISTINCT frame) AS n FROM"
        " (SELECT device, kind, received_at, frame FROM readings WHERE seq >= ? ORDER BY seq DESC LIMIT ?)"
        " WHERE instr(device, ':') GROUP BY device, kind",
        (first, MOST_READINGS),
    ).fetchall()
    found: dict[tuple[str, str], Waiting] = {}
    for row in rows:
        format_name, _, address = row["device"].partition(":")
        if (format_name, address) not in taken:
            _add(found, format_name, address, row["at"], row["n"], row["kind"], readable=True)
    for row in _unreadable(db, since):
        address = registry.find(row["format"]).address_of(row["topic"]) if _known(row["format"]) else None
        if address and (row["format"], address) not in taken:
            _add(found, row["format"], address, row["received_at"], 1, None, readable=False)
    return sorted(found.values(), key=lambda one: one.last_at, reverse=True)[:MOST_WAITING]


def _known(format_name: str) -> bool:
    return any(one.name == format_name for one in registry.FORMATS)


def _unreadable(db: sqlite3.Connection, since: int) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT journal.format, journal.topic, journal.received_at FROM quarantine JOIN journal ON journal.seq = frame"
        " WHERE received_at >= ? ORDER BY frame DESC LIMIT ?",
        (since, MOST_UNREADABLE),
    ).fetchall()


def _add(
    found: dict[tuple[str, str], Waiting],
    format_: str,
    address: str,
    at: int,
    n: int,
    kind: str | None,
    *,
    readable: bool,
) -> None:
    old = found.get((format_, address))
    kinds = tuple(sorted({*(old.kinds if old else ()), *((kind,) if kind else ())}))
    found[format_, address] = Waiting(
        format=format_,
        address=address,
        last_at=max(from_ms(at), old.last_at) if old else from_ms(at),
        messages=max(n, old.messages if old else 0),
        kinds=kinds,
        readable=readable or bool(old and old.readable),
        type=next((type_ for one, type_ in _TYPE_OF.items() if one in kinds), None),
    )


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a device that came: its kind, and when (UTC)."""

    kind: str
    received_at: datetime


CALLS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    dict.fromkeys(("sos_button", "fall_detector", "tracker"), frozenset({"help", "fall"}))
)
"""Of the types that call for help: the readings that are a call. That such a device is alive proves no button."""


def is_proof(type_: str, kind: str) -> bool:
    """Whether a reading shows that a device of that type does what it is there for."""
    return kind in CALLS.get(type_, {kind})


def heard_since(db: sqlite3.Connection, device: str, since: datetime) -> list[Press]:
    """What a device (the centre's id, or ``format:address``) said since then: the last of each kind, newest first."""
    rows = db.execute(
        "SELECT kind, max(received_at) AS at FROM readings WHERE seq >= ? AND device = ? AND received_at > ?"
        " GROUP BY kind ORDER BY at DESC",
        (first_received(db, to_ms(since)), device, to_ms(since)),
    ).fetchall()
    return [Press(kind=row["kind"], received_at=from_ms(row["at"])) for row in rows]
