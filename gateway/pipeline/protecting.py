"""Who is protected how far: kept with the states it follows from, and told when nothing is left to call for help.

Looked at only where the state of a device rule changed, or everybody is told the time. The table ``protection`` has it
as it stands, in the same transaction, for the board, the API and the command line.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.store.protection import Kept, store, stored
from gateway.store.writer import Tx
from rules.engine import ResidentRules
from rules.model import Priority, Reason, State
from rules.protection import Level, Protection, Protections

_LOG = structlog.get_logger(__name__)

RULE = "unprotected"
"""The word of the alert."""

_BACK = Reason("The resident is protected again.")
_NO_STATES: Mapping[str, State] = {}


class Protecting:
    """Follows the states of the rules; what it learns counts only once :meth:`keep` is called.

    Args:
        db: to read what was stored.
        index: gives the centre as it is now.
    """

    def __init__(self, db: sqlite3.Connection, index: Callable[[], CentreIndex]) -> None:
        self._index = index
        self._of: dict[str, tuple[ResidentRules, Protections]] = {}
        self._known = stored(db)

    def follow(
        self,
        tx: Tx,
        staged: Mapping[str, Mapping[str, State]],
        before: Mapping[str, Mapping[str, State]],
        asked: Sequence[str] = (),
    ) -> dict[str, Kept]:
        """Look at the residents whose device rules changed, and at those ``asked`` for; store and tell what is new.

        Args:
            staged: changed states by resident; before: the states as they were, of everybody.

        Returns:
            what is to be kept once the transaction's work is done.
        """
        index, found = self._index(), {}
        wanted = frozenset(asked)
        for resident in (*staged, *(one for one in asked if one not in staged)):
            known = self._of.get(resident)
            # The usual case first, some thousand times a second: a state changed, and none that counts here.
            if known is not None and resident not in wanted:
                moved = known[1].moved(before.get(resident, _NO_STATES), staged[resident])
                if not moved:
                    continue
            if resident not in index.residents:  # the house, or somebody who moved out
                continue
            try:
                states, old = staged.get(resident), before.get(resident, _NO_STATES)
                kept = self._look(tx, index, resident, old, states, asked=resident in wanted)
            except sqlite3.Error:
                raise
            except Exception as error:  # noqa: BLE001 - an alarm of the same batch must not wait for this
                _LOG.error("protection.failed", resident=resident, error=type(error).__name__)
                continue
            if kept is not None:
                found[resident] = kept
        return found

    def _look(
        self,
        tx: Tx,
        index: CentreIndex,
        resident: str,
        old: Mapping[str, State],
        states: Mapping[str, State] | None,
        *,
        asked: bool,
    ) -> Kept | None:
        watched = self._watched(index, resident, tx.now)
        if not asked and (states is None or all(states.get(key) is old.get(key) for key in watched.keys)):
            return None
        return self._settle(tx, index, resident, watched.of(old if states is None else states, tx.now))

    def keep(self, found: Mapping[str, Kept]) -> None:
        """It is in the transaction: go on from it. Never fails."""
        self._known.update(found)

    def _watched(self, index: CentreIndex, resident: str, at: datetime) -> Protections:
        rules = index.rules_of(resident, at)
        known = self._of.get(resident)
        if known is None or known[0] is not rules:
            devices = [device.info() for device in index.devices_of(resident, at)]
            known = self._of[resident] = (rules, Protections(rules.rules, devices))
        return known[1]

    def _settle(self, tx: Tx, index: CentreIndex, resident: str, now: Protection) -> Kept | None:
        """Store what changed; tell that somebody has become unprotected by what no other alert tells.

        Who was never looked at before is only stored: a plan that was made so is shown, and nobody is rung up for it.
        """
        before = self._known.get(resident)
        if before is not None:
            if (before.level, before.missing) == (now.level, now.missing):
                return None
            was, is_ = before.level is Level.UNPROTECTED, now.level is Level.UNPROTECTED
            if is_ and not was and now.untold:
                desk.raise_incident(tx, index, _incident(resident, now, tx.now))
            elif was and not is_:
                desk.clear_incident(tx, index, resident=resident, rule_key=RULE, subject="", reason=_BACK)
        since = before.since if before is not None and before.level is now.level else tx.now
        kept = Kept(now.level, now.missing, since)
        store(tx.db, resident, kept)
        return kept


def _incident(resident: str, now: Protection, at: datetime) -> Incident:
    return Incident(
        resident=resident,
        device=None,
        rule=RULE,
        rule_key=RULE,
        subject="",
        priority=Priority.MEDIUM,
        reason=now.untold[0],
        marks=now.untold[1:],
        happened_at=at,
    )
