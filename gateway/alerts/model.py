"""The words of the alerts: Incident (what the rules found), Alert (what a person deals with), Answer (what they say).

All times are UTC-aware datetimes, rounded down to whole milliseconds by the store.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from gateway.alerts.table import AlertState
from rules.model import Evidence, Priority, Reason

URGENCY: dict[Priority, int] = {Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2}
"""For comparing priorities: a higher number is more urgent."""


class Outcome(StrEnum):
    """What an alert turned out to be; chosen by the person who closes it."""

    REAL = "real"
    FALSE = "false"
    TEST = "test"
    WEARER_CANCELLED = "wearer_cancelled"
    OTHER = "other"


FALL_QUESTIONS: frozenset[str] = frozenset({"fall", "help", "bed_exit", "not_back", "no_movement"})
"""Rules whose alert may turn out to be a fall: whoever closes it may say what was found."""

WEARER_CAN_CANCEL: frozenset[str] = frozenset({"help", "fall"})
"""Rules whose alarm the wearer can take back on the device."""


def outcomes_for(rule: str) -> tuple[Outcome, ...]:
    """The outcomes that make sense for a rule's alerts, in the order to be offered. OTHER always needs a note."""
    return tuple(o for o in Outcome if o is not Outcome.WEARER_CANCELLED or rule in WEARER_CAN_CANCEL)


class Purpose(StrEnum):
    """Why a carer gets a message about an alert."""

    ALERT = "alert"
    """The first one to this carer: please answer."""
    REMINDER = "reminder"
    """Still nobody: please answer. Also: the time you named has passed."""
    REPEAT = "repeat"
    """It happened again, or is more urgent now."""
    TAKEN = "taken"
    """For your information: another carer is going. No answer needed."""
    CLEARED = "cleared"
    """For your information: the cause went away by itself. A person should still look."""
    UNDELIVERABLE = "undeliverable"
    """A carer could not be reached on any channel (the dispatcher's)."""
    CLOSED = "closed"
    """For your information, to whoever had taken it: another person has closed it. Nobody needs to go."""


ASKING: frozenset[Purpose] = frozenset({Purpose.ALERT, Purpose.REMINDER, Purpose.REPEAT})
"""Messages that ask for an answer."""

INVOLVED: frozenset[Purpose] = ASKING | {Purpose.UNDELIVERABLE}
"""Messages that leave somebody waiting for news: whoever got one is later told who is going."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person must deal with, as the pipeline hands it in.

    ``resident`` None: a technical matter of the centre. The three of ``resident``, ``rule_key`` and ``subject`` say
    which incident it is: the same three again are a repeat. ``before`` and ``after`` are the rule's state around the
    step that raised it, as JSON text, for the explanation. ``happened_at`` is when it happened as far as can be known
    (UTC-aware). ``quiet_s``: who was told so shortly ago, of an alert that is open, is not told again (seconds).
    """

    rule: str
    rule_key: str
    priority: Priority
    reason: Reason
    happened_at: datetime
    resident: str | None = None
    device: str | None = None
    subject: str = ""
    marks: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    before: str | None = None
    after: str | None = None
    quiet_s: float = 0.0


class FallFindings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the carer found after a fall, for the care record and the statistics; None: not asked, or not known."""

    injured: bool | None = None
    """Whether the person was hurt."""
    could_get_up: bool | None = None
    """Whether the person could get up without help."""
    ambulance: bool | None = None
    """Whether an ambulance was called."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as it is stored. ``before`` and ``after`` are the rule's states as plain data."""

    id: int
    incident: str
    resident: str | None
    device: str | None
    rule: str
    rule_key: str
    subject: str
    priority: Priority
    state: AlertState
    reason: Reason
    marks: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    raised_at: datetime
    happened_at: datetime
    repeats: int
    last_repeat_at: datetime | None
    policy: str
    run: int
    """How often the escalation was begun anew: after a promise that ran out, after a re-opening."""
    round: int
    """How often in this run all steps went by without an answer."""
    step: int
    """The last escalation step that was started, from 0; the number after the policy's last is the failsafe."""
    told_at: datetime | None
    escalate_at: datetime | None
    """When something happens by itself (WHEN_DUE of the table); None only when closed."""
    taken_by: str | None
    taken_at: datetime | None
    eta_at: datetime | None
    attended_at: datetime | None
    cleared_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: Outcome | None
    note: str | None
    version: int
    """Grows with every change."""
    findings: FallFindings | None = None
    """What was found, as the person said who closed it."""
    under: int | None = None
    """Number of the alert that stands for this one, because both tell of one event; it is closed with that one."""
    untold: bool = False
    """The newest message about it reached nobody at all, and nobody is going: who reads this may be the only one who
    knows. Looked up by gateway.alerts.queries; False elsewhere."""


class HistoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an alert. ``who`` None: the gateway itself."""

    seq: int
    alert: int
    at: datetime
    event: str
    who: str | None
    via: str | None
    state_before: AlertState | None
    state_after: AlertState | None
    detail: dict[str, Any]


class Acknowledge(msgspec.Struct, frozen=True, tag="acknowledge"):
    """I am going. ``eta_minutes`` (1 to Times.longest_eta_minutes): there in so many minutes; None: the default."""

    eta_minutes: int | None = None


class Decline(msgspec.Struct, frozen=True, tag="decline"):
    """I can't; or, from the carer who had taken it: somebody else must take over."""


class Arrive(msgspec.Struct, frozen=True, tag="arrive"):
    """I am there."""


class Close(msgspec.Struct, frozen=True, tag="close"):
    """It is dealt with, and this is what it was. OTHER needs a note; ``fall`` only where a resident may have fallen."""

    outcome: Outcome
    note: str = ""
    fall: FallFindings | None = None


class Reopen(msgspec.Struct, frozen=True, tag="reopen"):
    """It was closed by mistake."""

    note: str = ""


class HandOver(msgspec.Struct, frozen=True, tag="hand_over"):
    """Carer ``to`` (an id) is asked to take it, before anybody else is."""

    to: str
    note: str = ""


class MoreHelp(msgspec.Struct, frozen=True, tag="more_help"):
    """More people are needed: the next step is told at once. Whoever is going, or there, stays so."""


Answer: TypeAlias = Acknowledge | Decline | Arrive | Close | Reopen | HandOver | MoreHelp


class Raising(StrEnum):
    """What became of an incident that was handed in."""

    NEW = "new"
    REPEAT = "repeat"
    PRIORITY_RAISED = "priority_raised"
    REOPENED = "reopened"


class Told(msgspec.Struct, frozen=True):
    """The alert that an incident went to, and what became of it."""

    alert: int
    outcome: Raising


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long the desk waits for what. Seconds unless the name says otherwise."""

    eta_minutes: int = 10
    """A promise without a time counts as this one."""
    longest_eta_minutes: int = 240
    """Half a shift: whoever needs longer is not the one who goes."""
    unclosed_s: int = 3600
    """An alert that is attended but not closed is brought back after this."""
    quiet_repeat_s: int = 30
    """A repeat this soon after carers were told is counted, not told: a nervous thumb presses three times."""
    round_high_s: int = 60
    """Between two steps after a whole round without an answer, at least this; so the outbox can't flood anyone."""
    round_medium_s: int = 300
    round_low_s: int = 1800
    cleared_high_s: int = 300
    """Between two steps while the cause is gone, at least this: a person still looks, but need not run."""
    cleared_medium_s: int = 900
    cleared_low_s: int = 3600
    hand_over_s: int = 120
    """Whoever is asked by name to take over has at most so long; then the next step is told."""
    more_help_again_s: int = 10
    """A second call for more help by the same person this soon is a second tap."""
    risen_s: int = 120
    """Whoever took an alert before it became more urgent has at most so long to say again that they are going."""
    failed_step_s: int = 30
    """An alert whose due step failed is tried again after this."""

    def round_s(self, priority: Priority) -> int:
        """The least wait in the second round and later."""
        return {
            Priority.HIGH: self.round_high_s,
            Priority.MEDIUM: self.round_medium_s,
            Priority.LOW: self.round_low_s,
        }[priority]

    def cleared_s(self, priority: Priority) -> int:
        """The least wait while the alert is cleared."""
        return {
            Priority.HIGH: self.cleared_high_s,
            Priority.MEDIUM: self.cleared_medium_s,
            Priority.LOW: self.cleared_low_s,
        }[priority]


def incident_key(resident: str | None, rule_key: str, subject: str) -> str:
    """What an incident is known by; ids and rule keys have no slash, so it is unambiguous."""
    return f"{resident or ''}/{rule_key}/{subject}"


def most_urgent_first(alerts: Iterable[Alert]) -> list[Alert]:
    """As a board lists them: by priority, then the oldest first."""
    return sorted(alerts, key=lambda a: (-URGENCY[a.priority], a.raised_at, a.id))
