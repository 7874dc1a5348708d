"""Verdicts -> incidents: the words with which the alarm desk is told."""

from typing import Final

import msgspec

from devices.errors import Why
from devices.model import Fall, Help
from gateway.alerts.model import Incident
from gateway.centre.index import HOUSE, CentreIndex
from gateway.pipeline.intake import Entry
from gateway.pipeline.judge import Case, Judged
from rules.engine import Failed
from rules.model import Evidence, Priority, Raised, Reason

_ENCODE = msgspec.json.Encoder().encode

UNREADABLE = "unreadable_alarm"
OF_NOBODY = "unassigned_alarm"
UNPLANNED = "unplanned_alarm"
FAILED_RULE = "failed_rule"

KEPT = Reason("The broker had kept this message: it may be old.")
CLOCK_WRONG = Reason("The device's clock is wrong: the time shown is when the message came.")
CHANGED_HANDS = Reason("By its own time somebody else had the device then: please look after both.")


def whose(judged: Judged) -> str | None:
    """The resident whom it is about; None: it is about the house."""
    return None if judged.resident == HOUSE else judged.resident


def of_rule(judged: Judged, raised: Raised, index: CentreIndex) -> Incident:
    """A rule raised it.

    It happened when its last evidence did: a fall that the wearer did not take back in time is told at the deadline,
    and happened at the fall. A silent device has no evidence; it is the subject.
    """
    change = judged.change
    last = raised.evidence[-1] if raised.evidence else None
    device = last.device if last else judged.device or (raised.subject if raised.subject in index.devices else None)
    return Incident(
        resident=whose(judged),
        device=device,
        rule=change.rule_name,
        rule_key=change.rule_key,
        subject=raised.subject,
        priority=raised.priority,
        reason=raised.reason,
        marks=(*raised.marks, *judged.marks),
        evidence=raised.evidence,
        before=None if change.before is None else _ENCODE(change.before).decode(),
        after=_ENCODE(change.after).decode(),
        happened_at=last.at if last else judged.at,
        quiet_s=raised.quiet_s,
    )


def of_failed_rule(judged: Judged, failed: Failed) -> Incident:
    """A rule broke: the resident is not protected by it, which a person must know."""
    return Incident(
        resident=whose(judged),
        device=judged.device,
        rule=FAILED_RULE,
        rule_key=f"{FAILED_RULE}:{judged.change.rule_key}",
        subject="",
        priority=Priority.MEDIUM,
        reason=Reason(
            "The rule {rule} broke on a reading and may not watch over this resident ({where}): tell a technician.",
            {"rule": judged.change.rule_name, "where": failed.where},
        ),
        happened_at=judged.at,
    )


def of_nobody(case: Case) -> Incident | None:
    """A call for help or a fall from a device that is registered for nobody; None: the reading ends or cancels one."""
    heard = case.heard
    match heard.reading:
        case Help(phase="pressed"):
            text = "Help was pressed on a device that is registered for nobody."
        case Fall(phase="detected" | "confirmed" | "suspected"):
            text = "A fall was reported by a device that is registered for nobody."
        case _:
            return None
    return Incident(
        resident=None,
        device=heard.device,
        rule=OF_NOBODY,
        rule_key=OF_NOBODY,
        subject=heard.device,
        priority=Priority.HIGH,
        reason=Reason(text),
        marks=case.marks,
        evidence=(heard.evidence(),),
        happened_at=heard.at,
    )


def of_unplanned(case: Case) -> Incident | None:
    """A call for help or a fall of a resident whose care plan has no rule for it; None: it ends or cancels one."""
    heard = case.heard
    match heard.reading:
        case Help(phase="pressed"):
            text = "Help was pressed, and the care plan has no rule for it."
        case Fall(phase="detected" | "confirmed" | "suspected"):
            text = "A fall was reported, and the care plan has no rule for it."
        case _:
            return None
    return Incident(
        resident=case.resident,
        device=heard.device,
        rule=UNPLANNED,
        rule_key=UNPLANNED,
        subject=heard.kind,
        priority=Priority.HIGH,
        reason=Reason(text),
        marks=case.marks,
        evidence=(heard.evidence(),),
        happened_at=heard.at,
    )


_DAMAGED: Final = Reason("An alarm message is damaged and could not be read: treat it as a call for help.")
_STRANGE: Final = Reason("An alarm message says something that could not be understood: treat it as a call for help.")
_UNKNOWN: Final = Reason("An alarm message is of a kind that is not known here: treat it as a call for help.")
_OURS: Final = Reason("The gateway failed to read an alarm message: treat it as a call for help.")
_SECRET: Final = Reason("An alarm message is encrypted and could not be read: treat it as a call for help.")

_UNREAD: Final[dict[Why, Reason]] = {
    **dict.fromkeys(
        (Why.MISSING_FIELD, Why.WRONG_TYPE, Why.NOT_FINITE, Why.OUT_OF_RANGE, Why.BIG_INTEGER, Why.BAD_POSITION,
         Why.BAD_TIME), _STRANGE),
    **dict.fromkeys(
        (Why.WRONG_TOPIC, Why.UNKNOWN_KIND, Why.UNSUPPORTED_VERSION, Why.UNKNOWN_FORMAT, Why.UNKNOWN_MODEL,
         Why.MISSING_DECODER), _UNKNOWN),
    **dict.fromkeys((Why.DECODER_FAILED, Why.CODEC_FAILED, Why.CODEC_TIMEOUT, Why.CODEC_SUSPENDED), _OURS),
    Why.ENCRYPTED: _SECRET,
}  # fmt: skip
"""What a carer reads; the rest is damaged. The technician's word stays among the values, and in the quarantine."""


def of_unreadable(entry: Entry, *, device: str | None, resident: str | None) -> Incident:
    """A message on an alarm topic could not be read: it may have been a call for help."""
    unreadable = entry.unreadable
    why = unreadable.why if unreadable else None
    said = _UNREAD.get(why, _DAMAGED) if why else _DAMAGED
    topic = entry.frame.topic
    return Incident(
        resident=resident,
        device=device,
        rule=UNREADABLE,
        rule_key=UNREADABLE,
        subject=device or topic[:200],
        priority=Priority.HIGH,
        reason=Reason(said.text, {"why": why.value} if why else {}),
        evidence=(Evidence(entry.seq, UNREADABLE, device or topic[:200], entry.frame.received_at),),
        happened_at=entry.frame.received_at,
    )
