"""Contacts of those who would be told: which lead anywhere, which failed last, and which nobody tried."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from gateway.alerts.contact_tests import address_hash
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer, Contact
from gateway.clock import to_ms
from gateway.coverage.model import Finding, Kind
from gateway.store.rotas import Span
from gateway.store.told_browsers import with_browsers
from gateway.words import N_
from rules.model import Reason

TERMINAL: Final = "log"
"""Writes to the gateway's own terminal: it reaches nobody in particular."""

_UNTESTED = N_("{carer} would be told, but for {days} days no message went out to them and no test was made.")
_UNTESTED_WAYS = N_(
    "{carer} would be told, but for {days} days no message went out there and no test was made: {ways}."
)
_FAILING = N_("{carer} would be told, but what was sent last, or tested, failed on every contact: {ways}.")
_FAILED = N_("What was sent to {carer} last, or tested, failed: {ways}. Another contact works.")
_TERMINAL = N_("Told on the gateway’s own screen only, where nobody may look: {carers}.")
_NO_BROWSER = N_(
    "{carer} is to be told on a phone, but no browser of theirs is allowed to show messages (any more). Please allow "
    "it there, at This phone."
)


class _Last(Enum):
    """What became of the newest message or test."""

    WORKED = auto()
    FAILED = auto()
    NONE = auto()


class Contacts:
    """The contacts of a house, as its gateway can use them.

    Args:
        db: reads the database.
        index: the centre.
        channels: the channels that work on this gateway; None: all.
    """

    def __init__(self, db: sqlite3.Connection, index: CentreIndex, channels: Collection[str] | None) -> None:
        self._db, self._index, self._channels = db, index, channels
        self._told = with_browsers(db)

    def reachable(self) -> set[str]:
        """Carers with a contact that reaches them."""
        return {carer.id for carer in self._index.carers.values() if self._ways(carer)}

    def findings(self, carers: Iterable[str], whole: Span, days: int) -> Iterator[Finding]:
        """What is to be said of each carer's contacts.

        Args:
            carers: who would be told and is reachable.
            whole: the time of the report.
            days: a contact to which nothing went out for so long is untested.
        """
        since = to_ms(whole.since - timedelta(days=days))
        terminal_only: list[str] = []
        for name in sorted(carers):
            carer = self._index.carers[name]
            ways = self._ways(carer)
            if {way.channel for _, way in ways} == {TERMINAL}:
                terminal_only.append(carer.name)
                continue
            last = {number: self._last(name, way, since) for number, way in ways}
            said = {
                kind: ", ".join(f"{number}. {way.channel}" for number, way in ways if last[number] is kind)
                for kind in _Last
            }
            about: dict[str, float | str] = {"carer": carer.name, "days": days}
            if said[_Last.FAILED]:
                failed: dict[str, float | str] = {"carer": carer.name, "ways": said[_Last.FAILED]}
                none_works = not said[_Last.WORKED] and not said[_Last.NONE]
                yield _finding(Kind.FAILING if none_works else Kind.FAILED, whole, name, _failed(failed, none_works))
            if said[_Last.NONE]:
                # of nobody who was told by the terminal is it said that no message went out to them
                nothing = not said[_Last.FAILED] and not any(
                    self._last(name, way, since) is _Last.WORKED for way in carer.contacts
                )
                what = (
                    Reason(_UNTESTED, about) if nothing else Reason(_UNTESTED_WAYS, about | {"ways": said[_Last.NONE]})
                )
                yield _finding(Kind.UNTESTED, whole, name, what)
            if name not in self._told and any(
                way.channel == "webpush" and self._is_set_up("webpush") for way in carer.contacts
            ):
                yield _finding(Kind.NO_BROWSER, whole, name, Reason(_NO_BROWSER, {"carer": carer.name}))
        if terminal_only:
            what = Reason(_TERMINAL, {"carers": ", ".join(terminal_only)})
            yield Finding(kind=Kind.TERMINAL, spans=(whole,), what=what)

    def _is_set_up(self, channel: str) -> bool:
        return self._channels is None or channel in self._channels

    def _ways(self, carer: Carer) -> list[tuple[int, Contact]]:
        """The contacts that can reach a carer, with their numbers from 1."""
        found = [
            (number, way)
            for number, way in enumerate(carer.contacts, 1)
            if self._is_set_up(way.channel) and (way.channel != "webpush" or carer.id in self._told)
        ]
        # it counts where there is nothing else: whoever tries the gateway out looks at it
        return [one for one in found if one[1].channel != TERMINAL] or found

    def _last(self, carer: str, way: Contact, since: int) -> _Last:
        """What became of the newest message or test on a contact since then (epoch milliseconds)."""
        sent = self._db.execute(
            "SELECT state != 'failed_for_good', coalesce(settled_at, created_at) FROM notifications"
            " WHERE carer = ? AND channel = ? AND address = ? AND created_at >= ?"
            " AND state IN ('sent', 'delivered', 'read', 'failed_for_good') ORDER BY created_at DESC, id DESC LIMIT 1",
            (carer, way.channel, way.address, since),
        ).fetchone()
        tested = self._db.execute(
            "SELECT ok, at FROM contact_tests WHERE carer = ? AND address_hash = ? AND at >= ?"
            " ORDER BY at DESC, id DESC LIMIT 1",
            (carer, address_hash(way.channel, way.address), since),
        ).fetchone()
        both = [(row[1], bool(row[0])) for row in (sent, tested) if row is not None]
        if not both:
            return _Last.NONE
        return _Last.WORKED if max(both)[1] else _Last.FAILED


def _failed(about: dict[str, float | str], none_works: bool) -> Reason:
    return Reason(_FAILING if none_works else _FAILED, about)


def _finding(kind: Kind, whole: Span, carer: str, what: Reason) -> Finding:
    return Finding(kind=kind, spans=(whole,), what=what, carer=carer)
