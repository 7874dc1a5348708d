"""A small ward for tests: a real database, a clock moved by hand, and words that read like a night shift.

Nora is told first and has 120 s, then Ben and Ida have 60 s, then Sam (failsafe) is told.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gateway.alerts import desk, queries
from gateway.alerts.model import (
    Acknowledge,
    Alert,
    Answer,
    Arrive,
    Close,
    Decline,
    Incident,
    Outcome,
    Reopen,
    Told,
)
from gateway.centre.index import CentreIndex
from gateway.centre.model import CarePlan, Carer, Centre, Contact, Policy, Resident, Site, Step
from gateway.clock import ManualClock
from gateway.store.database import connect, prepare
from gateway.store.writer import Tx
from rules.model import Priority, Reason

T = TypeVar("T")
START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)

STANDARD = Policy(
    id="standard",
    steps=(Step(to=("nora",), wait_s=120), Step(to=("ben", "ida"), wait_s=60)),
    failsafe=("sam",),
)


def carer(name: str, *, contacts: tuple[Contact, ...] | None = None) -> Carer:
    if contacts is None:
        contacts = (Contact(channel="smtp", address=f"{name}@example.org"), Contact(channel="log"))
    return Carer(id=name, name=name.title(), contacts=contacts)


def centre(*policies: Policy, carers: tuple[Carer, ...] | None = None) -> CentreIndex:
    policies = policies or (STANDARD,)
    if carers is None:
        carers = tuple(map(carer, ("nora", "ben", "ida", "sam")))
    return CentreIndex(
        Centre(
            centre=Site(id="haven", name="Haven House", timezone="Europe/Malta"),
            residents=(Resident(id="r01", name="Carmen Vella", room="101"),),
            carers=carers,
            policies=policies,
            care_plans=(CarePlan(resident="r01", policy=policies[-1].id),),
        )
    )


def pressed(
    at: datetime,
    *,
    priority: Priority = Priority.HIGH,
    resident: str | None = "r01",
    rule: str = "help",
    subject: str = "",
    text: str = "Help was pressed.",
) -> Incident:
    return Incident(
        rule=rule,
        rule_key=rule,
        subject=subject,
        priority=priority,
        reason=Reason(text),
        happened_at=at,
        resident=resident,
        device="sos-r01",
    )


class Ward:
    def __init__(self, path: Path, *, index: CentreIndex | None = None, owner: str | None = None) -> None:
        self.path = path
        if not path.exists():
            prepare(path)
        self.db = connect(path, synchronous="OFF")
        self.clock = ManualClock(START)
        self.index = index or centre()
        self.owner = owner
        self.last: Tx | None = None
        self._seen = self._newest()

    def close(self) -> None:
        self.db.close()

    def do(self, work: Callable[[Tx], T]) -> T:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.last = Tx(self.db, self.clock.now(), self.owner)
            result = work(self.last)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return result

    def press(self, *, priority: Priority = Priority.HIGH, subject: str = "", rule: str = "help") -> Told:
        incident = pressed(self.clock.now(), priority=priority, subject=subject, rule=rule)
        return self.do(lambda tx: desk.raise_incident(tx, self.index, incident))

    def clear(self, *, subject: str = "", rule: str = "help") -> Alert | None:
        return self.do(
            lambda tx: desk.clear_incident(
                tx, self.index, resident="r01", rule_key=rule, subject=subject, reason=Reason("It is over.")
            )
        )

    def answer(self, who: str, answer: Answer, alert: int = 1) -> Alert:
        return self.do(lambda tx: desk.answer(tx, self.index, alert, answer, who, "page"))

    def going(self, who: str, minutes: int | None = None) -> Alert:
        return self.answer(who, Acknowledge(minutes))

    def declines(self, who: str) -> Alert:
        return self.answer(who, Decline())

    def arrives(self, who: str) -> Alert:
        return self.answer(who, Arrive())

    def closes(self, who: str, outcome: Outcome = Outcome.REAL, note: str = "") -> Alert:
        return self.answer(who, Close(outcome, note))

    def reopens(self, who: str) -> Alert:
        return self.answer(who, Reopen("Wrong room."))

    def forward(self, seconds: float) -> list[int]:
        self.clock.move(seconds)
        return self.do(lambda tx: desk.escalate_due(tx, self.index))

    def told(self) -> list[str]:
        """What was newly owed since the last look: ``nora alert``."""
        rows = self.db.execute(
            "SELECT id, carer, purpose FROM notifications WHERE id > ? ORDER BY id", (self._seen,)
        ).fetchall()
        self._seen = self._newest()
        return [f"{row['carer']} {row['purpose']}" for row in rows]

    def alert(self, number: int = 1) -> Alert:
        return queries.alert(self.db, number)

    def events(self, number: int = 1) -> list[str]:
        return [line.event for line in queries.history(self.db, number)]

    def wait(self) -> float:
        """Seconds until the alert's deadline."""
        due = self.alert().escalate_at
        assert due is not None
        return (due - self.clock.now()).total_seconds()

    def _newest(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM notifications").fetchone()[0])
