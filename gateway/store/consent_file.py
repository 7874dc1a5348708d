"""Consents that change with the centre, and not on the page where it is said who agreed.

More than a person agreed to never comes in force that way: it is refused, and the problem names the page. Less, and
what comes with a new person, does; a line of the consent log says that nobody stated it. Whoever was taken out and
comes back is no new person: what they said, and what held last, is in the log.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from pydantic import ValidationError

from gateway.centre.diff import Document
from gateway.centre.model import Consents
from gateway.clock import to_ms
from gateway.errors import Problem
from gateway.store import audit
from gateway.store.consents import AgreedBy, stopped
from gateway.store.writer import Tx

HOW: Final = "It came with a change of the centre."
"""What stands in the log; pages say it in the reader's language."""

_PLACES: Final = ("never", "alarm", "always")


class Drift(NamedTuple):
    """The consents of one resident before (what nobody agreed to, for a new one) and after a change of the centre."""

    place: int
    resident: str
    before: Consents
    after: Consents
    new: bool


def drifts(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Drift]:
    """Whose consents a change of the centre changes. Consents that can't be read are for the centre's own checks."""
    old = {one.get("resident"): one for one in before.get("care_plans", ())}
    found = []
    for place, plan in enumerate(after.get("care_plans", ())):
        was = old.get(plan.get("resident"))
        if was is plan or (was is not None and was.get("consents") == plan.get("consents")):
            continue
        try:
            now = Consents.model_validate(plan.get("consents") or {})
            then = Consents.model_validate((was or {}).get("consents") or {})
        except ValidationError:
            continue
        if now != then:
            found.append(Drift(place, str(plan.get("resident")), then, now, was is None))
    return found


def wider(before: Consents, after: Consents) -> list[str]:
    """The words of the consents that let more be seen than before."""
    more = [
        name for name in ("sleep", "continence", "search", "activity") if getattr(after, name) > getattr(before, name)
    ]
    if _PLACES.index(after.location) > _PLACES.index(before.location):
        more.append("location")
    if set(after.relatives) - set(before.relatives):
        more.append("relatives")
    return more


def refused(
    db: sqlite3.Connection, before: Mapping[str, Any], after: Mapping[str, Any], *, undoes: bool
) -> list[Problem]:
    """What may not come in force without anybody having agreed.

    Taking a version back may give back what held before it, as long as the person has not said less since. Who comes
    back is measured by what they said last, and by what held last.
    """
    return [
        Problem(
            "centre",
            f"care_plans[{one.place}].consents.{word}",
            str(getattr(one.after, word)),
            f"expected no more than {one.resident} agreed to; more is agreed to with who said so, on"
            f" /residents/{one.resident}/consent or by POST /api/residents/{one.resident}/consent",
        )
        for one in drifts(before, after)
        for word in dict.fromkeys(
            word for measure in _agreed(db, one, undoes=undoes) for word in wider(measure, one.after)
        )
    ]


def _agreed(db: sqlite3.Connection, one: Drift, *, undoes: bool) -> list[Consents]:
    """What a change is measured by; empty: nothing, because nobody ever said or had less."""
    if not undoes and not one.new:
        return [one.before]
    said = db.execute(
        "SELECT after FROM consent_log WHERE resident = ? AND (agreed_by != ? OR how != ?) ORDER BY id DESC LIMIT 1",
        (one.resident, AgreedBy.NOBODY.value, HOW),
    ).fetchone()
    held = None
    if not undoes:
        query = "SELECT after FROM consent_log WHERE resident = ? ORDER BY id DESC LIMIT 1"
        held = db.execute(query, (one.resident,)).fetchone()
    return [Consents.model_validate_json(row["after"]) for row in (said, held) if row is not None]


def note(tx: Tx, before: Mapping[str, Any], after: Document, *, version: int, who: str, how: str = HOW) -> None:
    """A line of the consent log for everybody whose consents the version changed; ``how``: as people said it."""
    today = tx.now.astimezone(ZoneInfo(after["centre"]["timezone"])).date()
    for one in drifts(before, after):
        tx.db.execute(
            "INSERT INTO consent_log (resident, at, who, agreed_by, agreed_name, agreed_on, how, version, before,"
            " after, stopped) VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
            (
                one.resident, to_ms(tx.now), who, AgreedBy.NOBODY.value, today.isoformat(), how,
                version, one.before.model_dump_json(), one.after.model_dump_json(),
                msgspec.json.encode(stopped(tx.db, one.resident)).decode(),
            ),
        )  # fmt: skip
        audit.record(
            tx, who=who, action="consent.change", target=f"resident/{one.resident}", detail={"version": version}
        )
