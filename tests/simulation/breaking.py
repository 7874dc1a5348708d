"""The product broken on purpose, in ways that have been seen in the wild: the simulation must find each."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from gateway.alerts import desk, escalation, shelving
from gateway.centre.index import CentreIndex
from gateway.clockwork.clockwork import Clockwork
from gateway.notify import outbox
from gateway.pipeline import pipeline, telling
from gateway.pipeline.judge import Judge, Judged
from gateway.store import audit
from gateway.store.writer import Tx
from rules import help  # noqa: A004 - the rule's own name
from tests.simulation.world import FAILSAFE

Break = Callable[[], Any]


def a_filter_before_the_alarm() -> Any:
    """Whatever is old is dropped, the call for help with it."""
    hear = Judge.hear

    def filtered(self: Judge, cases: list[Any]) -> Any:
        return hear(self, [c for c in cases if c.heard.received_at - c.heard.at < timedelta(seconds=30)])

    return patch.object(Judge, "hear", filtered)


def states_only_in_memory() -> Any:
    """The rules' states are not stored with the readings."""
    return patch.object(Judge, "store", lambda self, db, staged: None)


def cleared_is_closed() -> Any:
    """What went away by itself is closed without a person."""
    clear = desk.clear_incident

    def closing(tx: Tx, index: CentreIndex, **rest: Any) -> Any:
        alert = clear(tx, index, **rest)
        if alert is not None:
            query = "UPDATE alerts SET state = 'closed', closed_at = ?, escalate_at = NULL WHERE id = ?"
            tx.db.execute(query, (int(tx.now.timestamp() * 1000), alert.id))
        return alert

    return patch.object(telling.desk, "clear_incident", closing)


def repeats_are_new() -> Any:
    """No event is known by its id."""
    return patch.object(pipeline, "known_events", lambda db, entries: set())


def redelivered_is_new() -> Any:
    """What the broker delivers again counts again."""
    return patch.object(pipeline.Redeliveries, "original", lambda self, lane, frame: None)


def marked_is_known() -> Any:
    """Every message that is marked as delivered again is taken for known, also when its first delivery died with us."""
    original = pipeline.Redeliveries.original

    def known(self: Any, lane: str, frame: Any) -> int | None:
        return original(self, lane, frame) or (1 if frame.dup else None)

    return patch.object(pipeline.Redeliveries, "original", known)


def no_failsafe() -> Any:
    """The escalation ends with the last step."""
    owe = escalation.owe

    def without(tx: Tx, index: CentreIndex, alert: Any, carer: str, *rest: Any, **more: Any) -> Any:
        return None if carer == FAILSAFE else owe(tx, index, alert, carer, *rest, **more)

    return patch.object(escalation, "owe", without)


def shelves_never_tell() -> Any:
    """What a shelf held is forgotten when it ends."""
    return patch.object(shelving.desk, "raise_incident", _only_notices(shelving.desk.raise_incident))


def _only_notices(raise_incident: Any) -> Any:
    def notices(tx: Tx, index: CentreIndex, incident: Any, **rest: Any) -> Any:
        held = any("shelved" in mark.text for mark in incident.marks)
        return None if held else raise_incident(tx, index, incident, **rest)

    return notices


def shelves_never_end() -> Any:
    """Nobody looks whether a shelf's time is over."""
    return patch.object(shelving, "end_due", lambda tx, index: [])


def shelves_hold_nothing() -> Any:
    """A shelved rule rings all the same."""
    return patch.object(telling.shelving, "hold", lambda tx, incident: None)


def deadlines_not_taken() -> Any:
    """Nobody escalates what is due."""

    async def nothing(self: Clockwork) -> None:
        return None

    return patch.object(Clockwork, "_run_due", nothing)


def set_back_is_not_noticed() -> Any:
    """The clock is set back, and every deadline stays where it was."""
    return patch.object(escalation, "set_back", lambda tx, by: None)


def waiting_falls_end_with_their_plan() -> Any:
    """A new centre without the rule: a fall that waits is never told."""
    replan = Judge.replan

    def silent(self: Judge, olds: Any, at: Any) -> tuple[list[Judged], Any]:
        return [], replan(self, olds, at)[1]

    return patch.object(Judge, "replan", silent)


def audit_begins_anew() -> Any:
    """Each row of the audit stands for itself."""
    record, hashed = audit.record, audit._hash

    def alone(tx: Tx, **rest: Any) -> None:
        with patch.object(audit, "_hash", lambda previous, *row: hashed("", *row)):
            record(tx, **rest)

    return patch.object(audit, "record", alone)


def sent_and_not_noted() -> Any:
    """That a message was sent is not stored, so that it goes out again and again."""
    record = outbox.record

    def forgetful(tx: Tx, number: int, result: Any) -> Any:
        return None if number % 3 == 0 and result.event == "accepted" else record(tx, number, result)

    return patch.object(outbox, "record", forgetful)


def a_rule_breaks() -> Any:
    """A rule fails on a second press."""

    def breaking(self: Any, state: Any, event: Any) -> Any:
        raise KeyError("device")

    return patch.object(help.HelpRule, "_pressed", breaking)


def inhibited_is_lost() -> Any:
    """A weaker rule is held for good, whether a stronger one stands for it or not."""

    def held(tx: Any, incident: Any, *, by_key: str, by_subject: str = "") -> Any:
        return True

    return patch.object(telling.desk, "follow_up", held)


def only_the_first_of_a_batch() -> Any:
    """Of a batch only the first call for help is judged."""
    hear = Judge.hear

    def first(self: Judge, cases: list[Any]) -> Any:
        helps = [c for c in cases if c.heard.kind == "help"]
        return hear(self, [c for c in cases if c not in helps[1:]])

    return patch.object(Judge, "hear", first)


EVERY: tuple[Break, ...] = (
    a_filter_before_the_alarm,
    states_only_in_memory,
    cleared_is_closed,
    repeats_are_new,
    redelivered_is_new,
    marked_is_known,
    no_failsafe,
    shelves_never_tell,
    shelves_never_end,
    shelves_hold_nothing,
    deadlines_not_taken,
    waiting_falls_end_with_their_plan,
    audit_begins_anew,
    sent_and_not_noted,
    a_rule_breaks,
    inhibited_is_lost,
    only_the_first_of_a_batch,
)
