"""What an alarm receiving centre gets beyond a carer's message: where the person is, and what it was told before."""

import sqlite3
from collections.abc import Collection
from typing import Final

import msgspec

from gateway.alerts.delivery import TOLD
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms
from gateway.notify.cap import Earlier, Place
from gateway.notify.channel import Outgoing
from gateway.notify.outbox import Row
from gateway.store.fixes import last_fix, may_tell_place

CHANNELS: Final[Collection[str]] = frozenset({"cap", "scaip"})
"""Channels that lead to a centre."""

_WORDS = ", ".join(f"'{state}'" for state in sorted(TOLD))
_BEFORE: Final = f"""
SELECT id, created_at FROM notifications
WHERE alert = ? AND carer = ? AND channel = ? AND id < ? AND state IN ({_WORDS}) ORDER BY id
"""  # noqa: S608 - our own words


def identifier(site: str, notification: int) -> str:
    """What a message is called at the centre: the same in every attempt."""
    return f"{site}.telecare.{notification}"


def completed(db: sqlite3.Connection, index: CentreIndex, row: Row, outgoing: Outgoing) -> Outgoing:
    """The message with the person's last place, when they agreed to that, and with what the centre has heard so far."""
    place = None
    if outgoing.resident is not None and may_tell_place(index, outgoing.resident, outgoing.rule):
        fix = last_fix(db, outgoing.resident)
        if fix is not None:
            place = Place(lon=fix.lon, lat=fix.lat, radius_m=fix.accuracy_m, at=fix.at)
    before = db.execute(_BEFORE, (row.alert, row.carer, row.channel, row.id))
    site = index.site.id
    earlier = tuple(Earlier(identifier(site, one["id"]), from_ms(one["created_at"])) for one in before)
    return msgspec.structs.replace(outgoing, place=place, earlier=earlier, created_at=from_ms(row.created_at))
