"""What must be true, by a model so simple that one can see that it is right.

It knows the messages (by their own JSON), the assignments, which rules a plan has, and who answered what. Of the rules
it knows help and fall; for all others it takes their verdicts as they come, and looks at what becomes of them.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.alerts.model import URGENCY, Purpose
from gateway.centre.index import HOUSE, CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.pipeline.judge import Judged
from gateway.store import audit
from rules.engine import Failed
from rules.model import Act, Cleared, Inhibited, Pending, Priority, Quiet, Raised
from rules.slow_clock import LATE as BEHIND
from tests.rules.every import NO_PROOF
from tests.simulation.script import Message
from tests.simulation.world import FAILSAFE

OF_THE_HOUSE = frozenset({"unprotected", "shelved_rule"})
"""Alerts of the gateway itself: they tell of no reading."""

REDELIVERED = timedelta(seconds=60)
"""A marked message without an id is the one that came so shortly before it, if its bytes are the same."""


class Broken(AssertionError):  # noqa: N818 - what it says of an invariant
    """Something that must always be true is not."""


class Claim(msgspec.Struct):
    """A life-safety alert that must be there by ``by`` (the machine's clock)."""

    incident: str
    device: str
    heard: datetime
    at: datetime
    by: datetime
    ended_by: frozenset[str]
    what: str
    newest: int
    """The newest alert when it was heard: a later one of its incident is its own, whatever the clock shows."""


class Shelved(msgspec.Struct):
    """A shelf in force, and the incidents that it holds."""

    priority: Priority
    until: datetime
    holds: set[str] = set()


class Row(msgspec.Struct, frozen=True):
    """What is looked at of an alert."""

    id: int
    incident: str
    resident: str | None
    rule: str
    rule_key: str
    priority: str
    state: str
    reason: str
    evidence: str
    raised_at: int
    repeats: int
    policy: str
    escalate_at: int | None
    closed_at: int | None
    closed_by: str | None
    cleared_at: int | None
    taken_by: str | None
    under: int | None


_COLUMNS = ", ".join(Row.__struct_fields__)
_HELD = (
    "SELECT incident FROM shelved JOIN shelves ON shelves.id = shelved.shelf"
    " WHERE shelves.who = 'gateway' AND shelves.ended_at IS NULL"
)
"""What the gateway holds back for some minutes itself, because a person was there a moment ago."""


class Oracle:
    """Told of everything that goes in; asked after every step whether what came out is right."""

    def __init__(self) -> None:
        self.presses: Counter[str] = Counter()
        self.claims: list[Claim] = []
        self.closed: dict[int, str] = {}
        self.touched: set[int] = set()
        """Alerts that a person answered: their escalation waits for that person."""
        self.shelves: dict[int, tuple[str, str, Shelved]] = {}
        self.verdicts: list[tuple[str, ...]] = []
        """Everything that was told, in order; for comparing two runs."""
        self._known: set[tuple[str, ...]] = set()
        self._last: dict[bytes, datetime] = {}
        self._staged: list[Judged] = []
        self._alerts: dict[int, Row] = {}
        self._held: set[str] = set()
        self._born: dict[int, float] = {}
        self._excused: set[int] = set()
        self._all_shelves_seen: dict[str, int] = {}

    # -- what goes in

    def judged(self, one: Judged) -> None:
        """A verdict, inside of a transaction that may still come to nothing."""
        self._staged.append(one)

    def heard(self, messages: tuple[Message, ...], at: datetime, index: CentreIndex, *, resumed: bool) -> None:
        """A batch is on disk: what it owes."""
        for message in messages:
            for kind, phase, device, happened, new in self._alarms(message, at, resumed=resumed):
                if new:
                    self._owe(kind, phase, device, happened, at, index)

    def _alarms(
        self, message: Message, at: datetime, *, resumed: bool
    ) -> Iterator[tuple[str, str, str, datetime, bool]]:
        said = json.loads(message.payload)
        if message.topic == "traccar/events":
            before = self._last.get(message.payload)
            again = (message.dup or resumed) and before is not None and at - before <= REDELIVERED
            self._last[message.payload] = at
            yield "help", "pressed", "trk-r1", at, not again
            return
        _, _, device, kind = message.topic.split("/")
        if kind not in {"help", "fall"}:
            return
        key = (device, kind, said["phase"], said["id"], str(said.get("t")))
        new = key not in self._known
        self._known.add(key)
        told = from_ms(said["t"]) if "t" in said else at
        happened = at if told > at or at - told > timedelta(days=1825) else told
        yield kind, said["phase"], device, happened, new

    def _owe(self, kind: str, phase: str, device: str, happened: datetime, at: datetime, index: CentreIndex) -> None:
        if phase in {"cancelled", "ended"}:
            self.claims = [
                one for one in self.claims
                if not (one.device == device and phase in one.ended_by and happened >= one.at and one.by > one.heard)
            ]  # fmt: skip
            return
        for who in self._whose(device, happened, at, index):
            if who is None:
                self._count(f"/unassigned_alarm/{device}", device, happened, at, phase)
                continue
            plan = {rule.name: rule for rule in index.plan_of(who).rules}
            if kind not in plan:
                self._count(f"{who}/unplanned_alarm/{kind}", device, happened, at, phase)
            elif kind == "help":
                self._count(f"{who}/help/", device, happened, at, phase)
            else:
                self._fall(who, phase, device, happened, at, plan["fall"])

    @staticmethod
    def _whose(device: str, happened: datetime, at: datetime, index: CentreIndex) -> list[str | None]:
        """Who wore it then, and who wears it now: the alarm may be either's."""

        def worn(moment: datetime) -> str | None:
            for entry in index.centre.assignments:
                if entry.device == device and entry.start <= moment and (entry.end is None or moment < entry.end):
                    return entry.resident
            return None

        then, now = worn(happened), worn(at)
        return [then] if now is None or now == then else [then, now]

    def _count(self, incident: str, device: str, happened: datetime, at: datetime, phase: str) -> None:
        self.presses[incident] += 1
        self.claims.append(Claim(incident, device, at, happened, at, frozenset(), phase, max(self._alerts, default=0)))

    def _fall(self, who: str, phase: str, device: str, happened: datetime, at: datetime, rule: Any) -> None:
        waits = {"suspected": rule.suspected_after_s, "detected": rule.cancel_within_s, "confirmed": 0.0}[phase]
        if phase == "suspected":
            waits = max(waits, rule.cancel_within_s)  # two suspicions count as a detection
        # where one of this device is waiting already, this is told with it
        waiting = [one.by for one in self.claims if one.device == device and one.incident == f"{who}/fall/"]
        # a clock that is known to be behind does not count: then the wait begins when it is heard
        begins = at if at - happened > BEHIND else happened
        by = max(at, begins + timedelta(seconds=waits), *waiting)
        for one in self.claims:
            if one.device == device and one.incident == f"{who}/fall/":
                one.by = by  # a detection after a suspicion: both are told when it was not taken back
        ends = frozenset({"cancelled", "ended"} if phase == "suspected" else {"cancelled"})
        self.claims.append(Claim(f"{who}/fall/", device, at, happened, by, ends, phase, max(self._alerts, default=0)))

    def answered(self, db: sqlite3.Connection, alert: int, who: str, *, closes: bool, reopens: bool) -> None:
        """A person's answer was taken."""
        self.touched.add(alert)
        if closes:
            self.closed[alert] = who
            for row in db.execute("SELECT id FROM alerts WHERE under = ? AND state = 'closed'", (alert,)):
                self.closed.setdefault(row[0], who)  # one that was closed before is that person's
        if reopens:
            self.closed.pop(alert, None)

    def shelved(self, number: int, whose: str, rule_key: str, priority: Priority, until: datetime) -> None:
        """A rule was shelved; the one before it ended."""
        self.shelves[number] = (whose, rule_key, Shelved(priority, until))

    def unsettled(self) -> None:
        """The machine was away, or has another policy: no promise on when somebody is told of what is open."""
        self._excused |= self._alerts.keys()

    # -- what must hold

    def ended(self, db: sqlite3.Connection, now: datetime, *, committed: bool) -> None:
        """A transaction is over: what the rules said in it has become what it must, or nothing has changed."""
        staged, self._staged = self._staged, []
        if not committed:
            return
        before = self._alerts
        self._read(db)
        for one in staged:
            self._follow(one, now, before)

    def _read(self, db: sqlite3.Connection) -> None:
        self._alerts = {row[0]: Row(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM alerts")}
        self._held = {row[0] for row in db.execute(_HELD)}

    def _follow(self, one: Judged, now: datetime, before: dict[int, Row]) -> None:
        verdict, change = one.change.verdict, one.change
        whose = None if one.resident == HOUSE else one.resident
        match verdict:
            case Failed(where=where):
                raise Broken(f"the rule {change.rule_name} broke: {where}")
            case Quiet() | Pending() | Act():
                return
            case Cleared(subject=subject):
                self._note(one, "cleared", subject)
                for _, _, shelf in self._shelf(whose, change.rule_key):
                    shelf.holds.discard(f"{whose or ''}/{change.rule_key}/{subject}")
            case Raised():
                self._note(one, f"raised {verdict.priority}", verdict.subject, verdict.reason.text)
                self._is_told(whose, change.rule_key, verdict, now, before)
            case Inhibited(by=by, raised=raised):
                self._note(one, f"inhibited by {by}", raised.subject)
                if self._open(f"{whose or ''}/{by}/") is None:
                    self._is_told(whose, change.rule_key, raised, now, before)
            case _:
                self._note(one, type(verdict).__name__, "")

    def _note(self, one: Judged, what: str, subject: str, why: str = "") -> None:
        self.verdicts.append((one.resident, one.change.rule_key, subject, what, why, one.at.isoformat()))

    def _is_told(self, whose: str | None, key: str, raised: Raised, now: datetime, before: dict[int, Row]) -> None:
        if not raised.reason.text:
            raise Broken(f"{key} raised without a reason")
        rule = key.partition(":")[0]
        if not raised.evidence and rule not in NO_PROOF:
            raise Broken(f"{key} raised without evidence")
        incident = f"{whose or ''}/{key}/{raised.subject}"
        for _, _, shelf in self._shelf(whose, key):
            if now < shelf.until and URGENCY[raised.priority] <= URGENCY[shelf.priority] and not raised.again:
                if rule in {"help", "fall"}:
                    raise Broken(f"{key} is shelved")
                shelf.holds.add(incident)
                told, was = self._open(incident), _open_in(before, incident)
                if told is not None and (was is None or told.repeats != was.repeats):
                    raise Broken(f"{incident} was told although it is shelved")
                return
        if not raised.again and self._open(incident) is None and incident not in self._held:
            raise Broken(f"{incident} was raised, and there is no open alert")

    def _open(self, incident: str) -> Row | None:
        return _open_in(self._alerts, incident)

    def _shelf(self, whose: str | None, key: str) -> list[tuple[str, str, Shelved]]:
        return [one for one in self.shelves.values() if one[:2] == (whose or HOUSE, key)]

    def look(self, db: sqlite3.Connection, now: datetime, mono: float, index: CentreIndex) -> None:
        """Everything that must hold when the clockwork has run."""
        before = set(self._alerts)
        self._read(db)
        if not before <= self._alerts.keys():
            raise Broken("an alert has disappeared")
        self._counts()
        self._kept(now)
        for row in self._alerts.values():
            self._sound(row, now)
        self._shelves(db)
        self._in_time(db, mono, index)

    def _counts(self) -> None:
        told: Counter[str] = Counter()
        for row in self._alerts.values():
            if row.rule in {"help", "unplanned_alarm", "unassigned_alarm"}:
                told[row.incident] += 1 + row.repeats
        if told != self.presses:
            wrong = {
                key: (self.presses[key], told[key]) for key in told | self.presses if told[key] != self.presses[key]
            }
            raise Broken(f"alarms heard and told differ (heard, told): {wrong}")

    def _kept(self, now: datetime) -> None:
        waiting = []
        for claim in self.claims:
            if now < claim.by:
                waiting.append(claim)
                continue
            heard = to_ms(claim.heard)
            for row in self._alerts.values():
                since = row.closed_at is None or row.closed_at >= heard or row.id > claim.newest
                if row.incident == claim.incident and since:
                    break
            else:
                raise Broken(f"{claim.what} of {claim.device} at {claim.at} has no alert: {claim.incident}")
        self.claims = waiting

    def _sound(self, row: Row, now: datetime) -> None:
        if not json.loads(row.reason)["text"]:
            raise Broken(f"alert {row.id} has no reason")
        if row.evidence == "[]" and row.rule not in NO_PROOF | OF_THE_HOUSE:
            raise Broken(f"alert {row.id} ({row.rule}) has no evidence")
        if row.state == "closed":
            if row.closed_by != self.closed.get(row.id):
                raise Broken(f"alert {row.id} is closed by {row.closed_by}, but {self.closed.get(row.id)} closed it")
        elif row.id in self.closed:
            raise Broken(f"alert {row.id} was closed by {self.closed[row.id]}, and is {row.state}")
        elif row.escalate_at is None or row.escalate_at <= to_ms(now):
            raise Broken(f"alert {row.id} is {row.state}, and its deadline is {row.escalate_at}, now {to_ms(now)}")

    def _shelves(self, db: sqlite3.Connection) -> None:
        ended = {row[0] for row in db.execute("SELECT id FROM shelves WHERE ended_at IS NOT NULL")}
        for number in [number for number in self.shelves if number in ended]:
            _, _, shelf = self.shelves.pop(number)
            for incident in shelf.holds:
                if self._open(incident) is None:
                    raise Broken(f"{incident} was held by shelf {number}, which ended, and nobody was told")

    def shelves_over(self, now: datetime) -> None:
        """After the clockwork ran no shelf is in force beyond its time."""
        for number, (whose, key, shelf) in self.shelves.items():
            if shelf.until <= now:
                raise Broken(f"shelf {number} of {whose}'s {key} is in force after its end")

    def _in_time(self, db: sqlite3.Connection, mono: float, index: CentreIndex) -> None:
        """An alert that nobody answers reaches the failsafe when all steps' waits are over."""
        for row in self._alerts.values():
            born = self._born.setdefault(row.id, mono)
            undisturbed = row.under is None and row.taken_by is None and row.cleared_at is None and row.repeats == 0
            if row.id in self._excused or row.state != "open" or not undisturbed or row.id in self.touched:
                self._excused.add(row.id)
                continue
            waits = sum(step.wait_s for step in index.policies[row.policy].steps)
            if mono - born < waits + 1:
                continue
            told = db.execute(
                "SELECT 1 FROM notifications WHERE alert = ? AND carer = ? AND purpose IN (?, ?) LIMIT 1",
                (row.id, FAILSAFE, Purpose.ALERT, Purpose.REMINDER),
            ).fetchone()
            if told is None:
                raise Broken(f"alert {row.id}: nobody answered for {mono - born:.0f} s, and {FAILSAFE} was not told")
            self._excused.add(row.id)

    def at_the_end(self, db: sqlite3.Connection, took: Counter[str], crashes: int) -> None:
        """What is looked at once, because it costs more."""
        if (row := audit.broken_at(db)) is not None:
            raise Broken(f"the audit's chain is broken at row {row}")
        twice = sum(count - 1 for count in took.values())
        if twice > crashes:
            raise Broken(f"{twice} messages were sent twice, in {crashes} crashes")
        for row in self._alerts.values():
            if db.execute("SELECT 1 FROM notifications WHERE alert = ?", (row.id,)).fetchone() is None:
                raise Broken(f"nobody was owed a word of alert {row.id}")


def _open_in(rows: dict[int, Row], incident: str) -> Row | None:
    return next((row for row in rows.values() if row.incident == incident and row.state != "closed"), None)
