"""Tell a rule a timeline and compare what it says: expect, fast-forward, expect."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from devices.model import Position, Reading, kind_of
from rules.engine import Change, ResidentRules
from rules.geometry import ZoneShape
from rules.model import (
    Act,
    Cleared,
    Context,
    DeviceInfo,
    Event,
    Heard,
    Inhibited,
    Pending,
    Quiet,
    Raised,
    State,
    Superseded,
    Tick,
)
from rules.registry import find

T0 = datetime(2026, 1, 14, 12, 0, tzinfo=UTC)
"""A winter noon: 13:00 in Malta."""

GARDEN = ZoneShape.from_geojson("garden", "Garden", {"type": "Point", "coordinates": [14.5, 35.9]}, 100)
TRACKER = DeviceInfo("gps", "native", type="tracker")
BUTTON = DeviceInfo("sos", "native", type="sos_button")
CONTEXT = Context(ZoneInfo("Europe/Malta"), {"garden": GARDEN}, (TRACKER, BUTTON))


def rules_of(*settings: dict[str, Any], context: Context = CONTEXT) -> ResidentRules:
    """Rules from settings as a care plan writes them."""
    return ResidentRules([find(one["rule"]).settings.model_validate(one) for one in settings], context)


def heard(
    reading: Reading,
    received: datetime,
    *,
    at: datetime | None = None,
    device: str = "gps",
    frame: int | None = None,
    distance: float = 0.0,
) -> Heard:
    """A reading as the shell hands it over; ``distance`` metres from the garden's border."""
    when = received if at is None else min(at, received)
    zones = {"garden": distance} if isinstance(reading, Position) else {}
    return Heard(reading, kind_of(reading), device, when, received, frame, zones)


def fix(**fields: Any) -> Position:
    """A position; where it is goes by ``distance``, not by these coordinates."""
    given: dict[str, Any] = {"accuracy_m": 5.0} | fields
    return Position(device="gps", lon=14.5, lat=35.9, **given)


def word(change: Change, since: datetime) -> str:  # noqa: PLR0911 - one for each verdict
    """A verdict in short: ``raised high``, ``pending 60`` (seconds since the story began), ``cleared``, or nothing."""
    match change.verdict:
        case Raised(priority=priority):
            return f"raised {priority}"
        case Pending(until=until):
            return f"pending {(until - since).total_seconds():g}"
        case Cleared():
            return "cleared"
        case Quiet():
            return ""
        case Act(command=command, device=device):
            return f"{command} {device}"
        case Inhibited(by=by):
            return f"{change.rule_key} under {by}"
        case Superseded(by=by):
            return f"{change.rule_key} goes under {by}"
        case failed:
            return f"failed {failed.where}"


class Story:
    """A resident's rules with their states, and time that only moves forward. Times are seconds since it began."""

    def __init__(self, *settings: dict[str, Any], context: Context = CONTEXT, begins: datetime = T0) -> None:
        self.rules = rules_of(*settings, context=context)
        self.begins = begins
        self.states: dict[str, State] = self.rules.start(begins)
        self.changes: list[Change] = []

    def time(self, seconds: float) -> datetime:
        return self.begins + timedelta(seconds=seconds)

    def wait(self, until: float) -> str:
        """Fast-forward as the shell does, with a Tick at every deadline; what was said, in short."""
        said = []
        while (due := self.rules.wake_at(self.states)) is not None and due <= self.time(until):
            said.append(self._judge(Tick(due)))
            assert (again := self.rules.wake_at(self.states)) is None or again > due, "a Tick must settle its deadline"
        return _joined(said)

    def hear(
        self,
        received: float,
        reading: Reading,
        *,
        age: float = 0.0,
        device: str = "gps",
        distance: float = 0.0,
        frame: int | None = None,
    ) -> str:
        """Fast-forward to when it is received, and hear it; ``age`` seconds after it happened."""
        at = self.time(received)
        said = self.wait(received)
        event = heard(reading, at, at=at - timedelta(seconds=age), device=device, distance=distance, frame=frame)
        return _joined([said, self._judge(event)])

    def last(self, kind: type[Any]) -> Any:
        """The latest verdict of that kind."""
        return next(change.verdict for change in reversed(self.changes) if isinstance(change.verdict, kind))

    def marks(self) -> list[str]:
        """The marks of the latest Raised, as texts."""
        return [mark.text for mark in self.last(Raised).marks]

    def _judge(self, event: Event) -> str:
        changes = self.rules.judge(self.states, event)
        for change in changes:
            self.states[change.rule_key] = change.after
        self.changes += changes
        return _joined([word(change, self.begins) for change in changes])


def _joined(said: list[str]) -> str:
    return ", ".join(filter(None, said))
