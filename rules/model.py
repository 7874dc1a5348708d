"""The words of the rules: what they are told (Heard, Tick), what they say (Verdict), and why (Reason).

A rule is a pure step over its own state. Time comes in with the events; a rule never reads a clock.
All times are UTC-aware; distances are metres; a Reason's values follow the suffixes below, so that
whoever shows it can write distances, durations and times as the reader's language does.
"""

from datetime import datetime, time
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable
from zoneinfo import ZoneInfo

import msgspec
from pydantic import ConfigDict

from devices.model import Reading
from rules.numbers import Numbers


class Priority(StrEnum):
    """IEC 60601-1-8: high = act now, medium = act soon, low = be aware."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Reason(msgspec.Struct, frozen=True):
    """A sentence with named blanks, and what goes into them.

    ``text`` is the English msgid for gettext, e.g. ``"Out of bed for {out_s}, longer than {limit_s}."``.
    A value's name ends in what it is: ``_m`` metres, ``_s`` seconds, ``_at`` epoch milliseconds UTC,
    ``_percent`` 0-100; anything else is put in as it is. A Reason never names a person.
    """

    text: str
    values: dict[str, float | int | str] = {}


class Evidence(msgspec.Struct, frozen=True):
    """A reading that led to a verdict: its frame's number in the journal, kind, device and time."""

    frame: int | None
    kind: str
    device: str
    at: datetime


class Quiet(msgspec.Struct, frozen=True, tag="quiet"):
    """Nothing to tell."""

    reason: Reason


class Pending(msgspec.Struct, frozen=True, tag="pending"):
    """Not decided yet; at ``until`` at the latest a Tick will decide. ``told``: the subject of what was told and still
    stands meanwhile."""

    until: datetime
    reason: Reason
    told: str | None = None


class Raised(msgspec.Struct, frozen=True, tag="raised"):
    """A person must deal with it.

    ``subject`` tells incidents of one rule apart (a zone, a device; "" where there is only one);
    ``marks`` are further sentences a carer should see, such as an old press or an old position.
    """

    reason: Reason
    priority: Priority
    subject: str = ""
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()
    again: bool = False
    """It only reminds of what was told before ("still on the floor?"): where a person has closed that alert since,
    nothing is to be told."""
    quiet_s: float = 0.0
    """It wavers: while its alert is open, whoever was told of that less than so many seconds ago is not told again."""


class Cleared(msgspec.Struct, frozen=True, tag="cleared"):
    """The condition went away by itself; a person still looks."""

    reason: Reason
    subject: str = ""


class Act(msgspec.Struct, frozen=True, tag="act"):
    """A device is to be told something: a path light, where a tracker is. The gateway queues it, limited and audited.

    ``command`` is a word of the centre file's commands (``light-on``, ``light-off``, ``locate``, ``ring``, ``find``);
    ``device`` the centre's id; ``expires_s`` seconds after which it is of no use.
    """

    command: str
    device: str
    reason: Reason
    expires_s: float = 60.0
    evidence: tuple[Evidence, ...] = ()


class Inhibited(msgspec.Struct, frozen=True, tag="inhibited"):
    """It would have been raised, but a more urgent rule tells of the same event: shown there, not told by itself.

    ``by`` is the key of the rule that tells of it.
    """

    by: str
    raised: Raised
    reason: Reason


class Superseded(msgspec.Struct, frozen=True, tag="superseded"):
    """An alert that was raised before belongs to the event that rule ``by`` tells of now; it goes under that alert."""

    by: str
    reason: Reason
    subject: str = ""


Verdict: TypeAlias = Quiet | Pending | Raised | Cleared | Act | Inhibited | Superseded


class Heard(msgspec.Struct, frozen=True, gc=False):
    """A reading reached the rules.

    ``at`` is when it happened as far as can be known: the device's time, but never later than
    ``received_at`` (a device's clock may be wrong), and ``received_at`` where the device gives none.
    ``device`` is the centre's id of the device. ``distances`` are signed metres from each zone's border by zone
    id (negative inside), for positions only; they are computed for a whole batch at once.
    """

    reading: Reading
    kind: str
    device: str
    at: datetime
    received_at: datetime
    frame: int | None = None
    distances: dict[str, float] = {}
    own: bool = True
    """Whether the device is the resident's. False: a companion's tracker, a hub, a door of the house; only rules that
    name it in ``others`` hear it."""

    def evidence(self) -> Evidence:
        """This reading as evidence."""
        return Evidence(self.frame, self.kind, self.device, self.at)


class Tick(msgspec.Struct, frozen=True):
    """Time passed; nothing was heard."""

    at: datetime


class Said(msgspec.Struct, frozen=True):
    """Another rule of the same resident said something other than Quiet; only rules that listen to it are told.

    ``at`` is when what it speaks of happened, ``received_at`` when it was heard (for a Tick both are its time).
    """

    rule_key: str
    rule_name: str
    verdict: "Verdict"
    at: datetime
    received_at: datetime


Event: TypeAlias = Heard | Tick | Said


class State(msgspec.Struct, frozen=True, tag_field="of"):
    """Base of every rule's state: frozen, plain data, stored as JSON between steps.

    A rule that returns the very same object says that there is nothing to store.
    """


class DeviceInfo(msgspec.Struct, frozen=True):
    """What a rule may know of a device: its id in the centre, its model, what it is."""

    id: str
    format: str
    model: str | None = None
    silent_after_s: float | None = None
    """Silence limit of this device; None: the rule's own default."""
    type: str | None = None
    """tracker, fall_detector, bed_sensor, ... or other, as the centre file says."""
    hub: str | None = None
    """Id of the device through which its messages come; None: directly."""
    mains: bool = False
    """On the mains, not on a battery."""
    room: str | None = None
    """Where it is fixed; None: it is worn, or nobody said."""


class RuleSettings(Numbers):
    """Base of a rule's settings as a care plan writes them; an unknown key, or a text for a number, is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """The rule's word in the centre file, the database and on the board."""


class Context(msgspec.Struct, frozen=True):
    """What surrounds a resident's rules: time zone, zones by id (rules.geometry.ZoneShape), devices worn or near.

    ``calendars`` are iCalendar texts by id; ``carried`` the ids of the trackers that each carer carries, by carer;
    ``surroundings`` devices of the house that are nobody's (hubs, outer doors, lamps); ``house`` says that these are
    the rules of the house itself, not of a resident; ``rounds`` the house's planned rounds, as times on the wall.
    """

    timezone: ZoneInfo
    zones: dict[str, Any]
    devices: tuple[DeviceInfo, ...] = ()
    calendars: dict[str, str] = {}
    carried: dict[str, tuple[str, ...]] = {}
    surroundings: tuple[DeviceInfo, ...] = ()
    house: bool = False
    rounds: tuple[time, ...] = ()


class Rule(Protocol):
    """One rule of one resident, built from its settings. Pure."""

    @property
    def key(self) -> str:
        """Unique among a resident's rules, stable across restarts: ``help``, ``zone_exit:garden``."""

    @property
    def name(self) -> str:
        """The rule's word: ``zone_exit``."""

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of readings that concern it."""

    @property
    def devices(self) -> frozenset[str] | None:
        """Ids of the devices that concern it; None: all of the resident's."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones whose distances it needs with a position."""

    def start(self, at: datetime) -> State:
        """The state before anything was heard."""

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """What the event changes, and what there is to say."""

    def wake_at(self, state: State) -> datetime | None:
        """When a Tick is due for this state at the latest; None: only a reading can change it."""


@runtime_checkable
class HearsOthers(Protocol):
    """A rule that also hears devices which are not the resident's: a companion's tracker, a hub, a door."""

    @property
    def others(self) -> frozenset[str]:
        """Ids of these devices. Their readings come with ``Heard.own`` False."""


@runtime_checkable
class Listens(Protocol):
    """A rule that hears what other rules of the resident say (Said); one that listens is not listened to."""

    @property
    def listens(self) -> frozenset[str]:
        """Words (``Rule.name``) of the rules that it listens to."""


@runtime_checkable
class Resumes(Protocol):
    """A rule that counts silence, and must not count the time in which the gateway itself heard nothing."""

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The state after the gateway was deaf from ``stopped`` to ``at``; the same object when nothing changes."""
