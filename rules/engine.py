"""All rules of one resident, stepped together. Pure: states come in, changes go out.

Time comes first: before a rule hears a reading of time T, it gets the Tick that was due by T. So it makes no difference
whether the shell's timer or the reading was a moment earlier. T is when it happened, not when it arrived: "back in bed
at 02:15", heard at 02:40 because the gateway was down, must not be told as an absence first. A rule that breaks does
not stop the others.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

import msgspec

from devices.model import ALARM_KINDS, KINDS
from rules import inhibition
from rules.change import Change, Failed
from rules.errors import BadRuleError
from rules.model import (
    Context,
    Event,
    Heard,
    HearsOthers,
    Listens,
    Quiet,
    Reason,
    Resumes,
    Rule,
    RuleSettings,
    Said,
    State,
    Tick,
    Verdict,
)
from rules.registry import find

__all__ = ["UNSTARTED", "Change", "Failed", "ResidentRules"]

UNSTARTED: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""``wake_at`` says this while a rule has no state yet: a Tick is due at once, and begins it."""

_RESUMED: Final = Quiet(Reason("The gateway was deaf; that time does not count as silence."))
_ALL_KINDS: Final = frozenset(KINDS)

_BEGUN: Final = Quiet(Reason("The rule has begun."))


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """A rule with its methods at hand."""

    key: str
    name: str
    rule: Rule
    state: type[State]
    step: Callable[[State, Event], tuple[State, Verdict]]
    wake_at: Callable[[State], datetime | None]


class ResidentRules:
    """The rules of one resident, built from the care plan.

    Args:
        settings: the care plan's rules, in its order.
        context: the resident's time zone, zones and devices.

    Raises:
        BadRuleError: settings name what is not there, or two rules would be the same.
    """

    def __init__(self, settings: Sequence[RuleSettings], context: Context) -> None:
        entries: dict[str, _Entry] = {}
        self.settings: dict[str, RuleSettings] = {}
        """The settings that each rule was built from, by rule key."""
        for one in settings:
            kind = find(one.name)
            for rule in kind.build(one, context):
                if rule.key in entries:
                    raise BadRuleError(f"{rule.key}: the care plan has this rule twice; keep one")
                self.settings[rule.key] = one
                entries[rule.key] = _Entry(rule.key, rule.name, rule, kind.state, rule.step, rule.wake_at)
        self._by_key = entries
        self._entries = tuple(entries.values())
        self._concerned: dict[tuple[str, str, bool], tuple[_Entry, ...]] = {}
        # asked once for each: isinstance of a protocol is slow
        listening = [(entry, entry.rule.listens) for entry in self._entries if isinstance(entry.rule, Listens)]
        self._listeners: dict[str, tuple[_Entry, ...]] = {
            name: tuple(entry for entry, words in listening if name in words and name != entry.rule.name)
            for name in {name for _, words in listening for name in words}
        }
        self._stand_ins = inhibition.concerned({entry.rule.name for entry in self._entries})
        self.rules: tuple[Rule, ...] = tuple(entry.rule for entry in self._entries)
        """The rules, in the care plan's order."""
        self.zone_ids: tuple[str, ...] = tuple(dict.fromkeys(zone for rule in self.rules for zone in rule.zones))
        """Zones whose distances a position must bring (``Heard.distances``), each once."""
        self.others: frozenset[str] = frozenset(
            device for rule in self.rules if isinstance(rule, HearsOthers) for device in rule.others
        )
        """Devices which are not the resident's, and whose readings its rules want to hear."""

    def start(self, at: datetime) -> dict[str, State]:
        """The state of every rule before anything was heard, by rule key."""
        return {entry.key: entry.rule.start(at) for entry in self._entries}

    def judge(self, states: dict[str, State], event: Event, *, nothing_due: bool = False) -> list[Change]:
        """What an event changes; ``states`` (by rule key) stays as it is.

        A rule that a reading does not concern, or whose deadline a Tick has not reached, is left alone. Only changes
        of a state and verdicts other than Quiet are given. ``nothing_due`` says that the caller knows from
        :meth:`wake_at` that no deadline has passed by the reading's time; it saves asking every rule.
        """
        changes: list[Change] = []
        heard = event if isinstance(event, Heard) else None
        if heard is None:
            entries, now = self._entries, event.at
        else:
            key = (heard.kind, heard.device, heard.own)
            found = self._concerned.get(key)
            entries, now = self._find(key) if found is None else found, heard.at
        if heard is not None and nothing_due:
            self._hear(entries, states, heard, changes)
        else:
            self._step(entries, states, heard, now, changes)
        # most readings only move a state on: nothing is said, so nobody needs to hear it
        for change in changes:
            if change.verdict.__class__ is not Quiet:
                if self._stand_ins:
                    inhibition.settle(states, event, changes, self._stand_ins)
                if self._listeners:
                    self._tell_listeners(states, event, changes)
                break
        return changes

    @staticmethod
    def _step(
        entries: tuple[_Entry, ...], states: dict[str, State], heard: Heard | None, now: datetime, changes: list[Change]
    ) -> None:
        """Deadlines first, then the reading."""
        for entry in entries:
            state = states.get(entry.key)
            if state.__class__ is entry.state:
                assert state is not None
                _judge(entry, state, heard, now, changes)
            else:
                _begin(entry, heard, now, changes)

    def _tell_listeners(self, states: dict[str, State], event: Event, changes: list[Change]) -> None:
        """Rules that listen hear what the others said, in order; what they say themselves is heard by nobody."""
        received_at = event.received_at if isinstance(event, Heard) else event.at
        newest = {change.rule_key: change.after for change in changes}
        for change in tuple(changes):
            verdict = change.verdict
            if isinstance(verdict, Quiet | Failed):
                continue
            for entry in self._listeners.get(change.rule_name, ()):
                state = newest.get(entry.key, states.get(entry.key))
                said = Said(change.rule_key, change.rule_name, verdict, event.at, received_at)
                first = len(changes)
                if state.__class__ is not entry.state:
                    state = entry.rule.start(event.at)
                assert state is not None
                _hear_one(entry, state, said, changes)
                for one in changes[first:]:
                    newest[one.rule_key] = one.after

    @staticmethod
    def _hear(entries: tuple[_Entry, ...], states: dict[str, State], heard: Heard, changes: list[Change]) -> None:
        """The hot path: one reading, no deadline, rules that have begun."""
        for entry in entries:
            state = states.get(entry.key)
            if state.__class__ is not entry.state:
                _begin(entry, heard, heard.at, changes)
                continue
            assert state is not None
            try:  # as _hear_one, without the call: this is done some thousand times a second
                after, verdict = entry.step(state, heard)
            except Exception as error:  # noqa: BLE001 - whatever a rule does, the others must go on
                _failed(entry, state, state, error, changes)
                continue
            if after is not state or verdict.__class__ is not Quiet:
                changes.append(Change(entry.key, entry.name, state, after, verdict))

    def resumed(self, states: dict[str, State], stopped: datetime, at: datetime) -> list[Change]:
        """What it changes that the gateway heard nothing from ``stopped`` to ``at``, such as over a restart.

        To be asked once, before the first event or Tick after it: else every device that could not be heard would be
        told as silent.
        """
        changes = []
        for entry in self._entries:
            state = states.get(entry.key)
            if state is None or state.__class__ is not entry.state or not isinstance(entry.rule, Resumes):
                continue
            after = entry.rule.resumed(state, stopped, at)
            if after is not state:
                changes.append(Change(entry.key, entry.name, state, after, _RESUMED))
        return changes

    def wake_at(self, states: dict[str, State]) -> datetime | None:
        """When a Tick is due at the latest; UNSTARTED (long ago) while a rule has no state; None: never."""
        earliest: datetime | None = None
        for entry in self._entries:
            state = states.get(entry.key)
            if state.__class__ is not entry.state:
                return UNSTARTED
            assert state is not None
            try:
                due = entry.wake_at(state)
            except Exception:  # noqa: BLE001 - the Tick that this asks for tells of it and begins the rule anew
                return UNSTARTED
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def has(self, rule_key: str) -> bool:
        """Whether there is a rule of that key."""
        return rule_key in self._by_key

    def concerned(self, kind: str, device: str) -> bool:
        """Whether a rule judges that kind of readings of that device; one that only counts signs of life does not.

        A call for help or a fall is judged by the rule of that name only: one that counts them does not tell of each.
        """
        found = self._concerned.get((kind, device, True)) or self._find((kind, device, True))
        if kind in ALARM_KINDS:
            return any(entry.rule.name == kind for entry in found)
        return any(entry.rule.kinds != _ALL_KINDS for entry in found)

    def wake_of(self, rule_key: str, state: State) -> datetime | None:
        """When a Tick is due for one rule's state; None: never. What :meth:`wake_at` says, of one rule only."""
        try:
            return self._by_key[rule_key].wake_at(state)
        except Exception:  # noqa: BLE001 - the Tick that this asks for tells of it and begins the rule anew
            return UNSTARTED

    def _find(self, key: tuple[str, str, bool]) -> tuple[_Entry, ...]:
        kind, device, own = key
        found = tuple(
            entry for entry in self._entries if kind in entry.rule.kinds and _concerns(entry.rule, device, own=own)
        )
        self._concerned[key] = found
        return found


def _concerns(rule: Rule, device: str, *, own: bool) -> bool:
    """Whether a rule hears that device; one that is not the resident's only where the rule names it."""
    if own and (rule.devices is None or device in rule.devices):
        return True
    return isinstance(rule, HearsOthers) and device in rule.others


def _hear_one(entry: _Entry, state: State, event: Event, changes: list[Change]) -> None:
    """Step one rule over an event; a rule that breaks is told, and stays as it was."""
    try:
        after, verdict = entry.step(state, event)
    except Exception as error:  # noqa: BLE001 - whatever a rule does, the others must go on
        _failed(entry, state, state, error, changes)
        return
    if after is not state or verdict.__class__ is not Quiet:
        changes.append(Change(entry.key, entry.name, state, after, verdict))


def _judge(entry: _Entry, state: State, heard: Heard | None, now: datetime, changes: list[Change]) -> None:
    """Step a rule over the Tick that is due, then over the reading."""
    try:
        due = entry.wake_at(state)
        if due is not None and due <= now:
            after, verdict = entry.step(state, Tick(now))
            if after is not state or verdict.__class__ is not Quiet:
                changes.append(Change(entry.key, entry.name, state, after, verdict))
                state = after
    except Exception as error:  # noqa: BLE001 - whatever a rule does, the others must go on
        # left as it is, the same deadline would break it again at once
        state = _failed(entry, state, _anew(entry, state, now), error, changes)
    if heard is None:
        return
    _hear_one(entry, state, heard, changes)


def _begin(entry: _Entry, heard: Heard | None, now: datetime, changes: list[Change]) -> None:
    """Begin a rule that has no state; it is always a change, so that its start is stored."""
    first = len(changes)
    start = entry.rule.start(now)
    _judge(entry, start, heard, now, changes)
    if len(changes) > first:
        changes[first] = msgspec.structs.replace(changes[first], before=None)
    else:
        changes.append(Change(entry.key, entry.name, None, start, _BEGUN))


def _anew(entry: _Entry, state: State, now: datetime) -> State:
    try:
        return entry.rule.start(now)
    except Exception:  # noqa: BLE001 - it is told already that the rule is broken
        return state


def _failed(entry: _Entry, before: State, after: State, error: Exception, changes: list[Change]) -> State:
    """Note that a rule broke; only the kind and the place of the error, because its text may carry health data."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "" if frame is None else f" in {PurePath(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
    changes.append(Change(entry.key, entry.name, before, after, Failed(type(error).__name__ + place)))
    return after
