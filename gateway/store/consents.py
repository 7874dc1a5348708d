"""Changing what a resident agreed to: a new version of the centre and a line in the consent log, in one transaction.

A rule that needs a consent may not watch without it; so withdrawing one takes these rules out of the care plan. They
are kept in the log, and come back when the person agrees again.
"""

import re
import sqlite3
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.centre.model import Consents
from gateway.centre.plans import ONLY_ONCE, stopped_by
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError, CentreError, Problem
from gateway.store import audit, centres
from gateway.store.centres import Ready
from gateway.store.writer import Tx

Rule = dict[str, Any]


class AgreedBy(StrEnum):
    """Who said yes or no."""

    RESIDENT = "resident"
    REPRESENTATIVE = "representative"
    """A legal representative: guardian, or by a power of attorney."""
    NOBODY = "nobody"
    """Nobody said so: it came with a change of the centre, see gateway.store.consent_file."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Who agreed, and how. ``name`` is the representative's; ``on`` the local day; ``how`` in words."""

    by: AgreedBy
    name: str
    on: date
    how: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is ready to be made. ``stops`` are rules that will not watch any more, ``begins`` those that
    will again."""

    resident: str
    base: int
    before: dict[str, Any]
    after: dict[str, Any]
    stops: list[Rule]
    begins: list[Rule]
    rests: list[Rule]
    """What still rests after it: not agreed to, or what it needs (a place, a device) is not there any more."""
    ready: Ready


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log. Times are UTC-aware; ``before`` and ``after`` are Consents as plain data."""

    id: int
    at: datetime
    who: str
    agreed_by: AgreedBy
    agreed_name: str
    agreed_on: date
    how: str
    version: int
    before: dict[str, Any]
    after: dict[str, Any]
    stopped: list[Rule]


def prepare(db: sqlite3.Connection, resident: str, wanted: Consents, *, base: int) -> Change:
    """Look at what a change of consents would do; changes nothing. Checks the whole centre: keep it out of the loop.

    Raises:
        BadAnswerError: no such resident in that version.
        CentreError: the changed centre does not hold, whatever rests.
    """
    document = centres.document_of(db, base) or {}
    plan = next((one for one in document.get("care_plans", ()) if one["resident"] == resident), None)
    if plan is None:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
    before = Consents.model_validate(plan.get("consents", {})).model_dump(mode="json")
    after = wanted.model_dump(mode="json")
    rules: list[Rule] = list(plan.get("rules", ()))
    stops = [rule for rule in rules if stopped_by(rule, after)]
    resting = stopped(db, resident)
    begins = [rule for rule in resting if not stopped_by(rule, after)]
    plan["consents"] = after
    kept = [rule for rule in rules if rule not in stops]
    place = f"care_plans[{document['care_plans'].index(plan)}].rules"
    there: list[Rule] = []
    while True:
        plan["rules"] = kept + begins
        try:
            made = centres.checked(document)
            break
        except CentreError as error:
            # A rule that rests may not hold any more, or be there again by another way: that keeps nobody from
            # agreeing, nor from taking anything back.
            wrong = {number: problem for problem in error.problems if (number := _number(problem, place)) is not None}
            out = [rule for number, rule in enumerate(begins, len(kept)) if number in wrong]
            if not out:
                raise
            there += [rule for number, rule in enumerate(begins, len(kept)) if _is_there(wrong.get(number))]
            begins = [rule for rule in begins if rule not in out]
    rests = [rule for rule in [*resting, *stops] if rule not in begins and rule not in there]
    return Change(
        resident=resident, base=base, before=before, after=after, stops=stops, begins=begins, rests=rests, ready=made
    )


def _number(problem: Problem, place: str) -> int | None:
    """Which of the plan's rules a problem is about; None: it is about something else."""
    found = re.match(re.escape(place) + r"\[(\d+)\]", problem.key)
    return None if found is None else int(found[1])


def _is_there(problem: Problem | None) -> bool:
    return problem is not None and problem.expected.startswith(f"expected {ONLY_ONCE}")


def make(tx: Tx, change: Change, agreement: Agreement, *, who: str) -> int:
    """Make the change, and write it into the log; returns the centre's version.

    Raises:
        BadAnswerError: nobody is named, or it is not said how.
        VersionConflictError: the centre was changed meanwhile; nothing was changed.
    """
    how, name = agreement.how.strip(), agreement.name.strip()
    if agreement.by is AgreedBy.NOBODY:
        raise BadAnswerError("agreed_by: expected resident or representative")
    if not 3 <= len(how) <= 1000:
        raise BadAnswerError("how: expected in 3 to 1,000 characters how it was agreed, such as: signed form")
    if agreement.by is AgreedBy.REPRESENTATIVE and not name:
        raise BadAnswerError("name: expected the name of the legal representative")
    version = centres.apply_ready(tx, change.ready, who=who, base=change.base).version
    tx.db.execute(
        "INSERT INTO consent_log (resident, at, who, agreed_by, agreed_name, agreed_on, how, version, before, after,"
        " stopped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            change.resident, to_ms(tx.now), who, agreement.by.value, name[:200], agreement.on.isoformat(), how, version,
            _json(change.before), _json(change.after), _json(change.rests),
        ),
    )  # fmt: skip
    audit.record(
        tx, who=who, action="consent.change", target=f"resident/{change.resident}", detail={"version": version}
    )
    return version


def stopped(db: sqlite3.Connection, resident: str) -> list[Rule]:
    """Rules of a resident that rest because a consent was withdrawn, as the centre file writes them."""
    row = db.execute(
        "SELECT stopped FROM consent_log WHERE resident = ? ORDER BY id DESC LIMIT 1", (resident,)
    ).fetchone()
    return [] if row is None else msgspec.json.decode(row["stopped"], type=list[Rule])


def log_of(db: sqlite3.Connection, resident: str, limit: int = 100) -> list[Logged]:
    """What was agreed to, the newest first."""
    rows = db.execute("SELECT * FROM consent_log WHERE resident = ? ORDER BY id DESC LIMIT ?", (resident, limit))
    return [
        Logged(
            id=row["id"],
            at=from_ms(row["at"]),
            who=row["who"],
            agreed_by=AgreedBy(row["agreed_by"]),
            agreed_name=row["agreed_name"],
            agreed_on=date.fromisoformat(row["agreed_on"]),
            how=row["how"],
            version=row["version"],
            before=msgspec.json.decode(row["before"]),
            after=msgspec.json.decode(row["after"]),
            stopped=msgspec.json.decode(row["stopped"]),
        )
        for row in rows
    ]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
