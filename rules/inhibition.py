"""Inhibition: of two rules that tell of the same event, the more urgent one tells, and carries the other along.

Who falls on the way to the toilet is on the floor *and* out of bed. The table ``INHIBITIONS`` says which rule stands
for which; it is the same event when what the weaker rule tells of began before the stronger one's happened, and both
are told within a bounded time. Nothing is lost: an alert that would have been raised is held (Inhibited) and shown
under the stronger one; one that was raised before goes under it (Superseded); and when the stronger one clears,
because the wearer took the fall back, what is still held is raised after all.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from rules.change import Change
from rules.model import Cleared, Event, Heard, Inhibited, Quiet, Raised, Reason, State, Superseded

KEY: Final = "inhibition"
"""Where the state stands among a resident's states."""

SLACK: Final = timedelta(minutes=2)
"""So much later may the weaker event begin than the stronger one by their sensors' clocks: a bed sensor takes up to a
minute to be sure that nobody is in bed, and says so after the fall that ended the way out of it."""


class Inhibition(msgspec.Struct, frozen=True):
    """``winner`` stands for ``loser`` (rules' words) when both are told within ``within``; ``why`` for the docs."""

    winner: str
    loser: str
    within: timedelta
    why: str


INHIBITIONS: Final[tuple[Inhibition, ...]] = (
    Inhibition("fall", "bed_exit", timedelta(minutes=60), "who fell on the way is out of bed as well"),
    Inhibition("fall", "not_back", timedelta(minutes=60), "who fell on the way is not back in bed"),
    Inhibition("not_back", "bed_exit", timedelta(minutes=120), "both tell of the same way out of bed"),
    Inhibition("fall", "night_wandering", timedelta(minutes=60), "whoever fell does not wander any more"),
    Inhibition("fall", "no_movement", timedelta(minutes=240), "who lies on the floor does not move"),
)

_LOSERS: Final = {rule.loser for rule in INHIBITIONS}
_WINNERS: Final = {rule.winner for rule in INHIBITIONS}
_WITHIN: Final = {(rule.winner, rule.loser): rule.within for rule in INHIBITIONS}
_LONGEST: Final = max(rule.within for rule in INHIBITIONS)


class Winner(msgspec.Struct, frozen=True):
    """A stronger rule told: when it happened, and when that was said."""

    name: str
    at: datetime
    said_at: datetime


class Loser(msgspec.Struct, frozen=True, omit_defaults=True):
    """A weaker rule would tell or has told; ``by`` is the key of the rule that stands for it, None: told by itself."""

    key: str
    name: str
    raised: Raised
    began_at: datetime
    said_at: datetime
    by: str | None = None


class InhibitionState(State, frozen=True, tag="inhibition", omit_defaults=True):
    """What was told lately, by rule key; weaker ones by rule key and subject."""

    winners: dict[str, Winner] = {}  # noqa: RUF012 - msgspec copies it
    losers: dict[str, Loser] = {}  # noqa: RUF012


def concerned(names: Collection[str]) -> frozenset[str]:
    """Of these rules (words) those of which one may stand for another."""
    pairs = [rule for rule in INHIBITIONS if rule.winner in names and rule.loser in names]
    return frozenset(word for rule in pairs for word in (rule.winner, rule.loser))


def settle(states: Mapping[str, State], event: Event, changes: list[Change], names: frozenset[str]) -> None:
    """Let stronger rules stand for weaker ones among what was just said; ``changes`` is changed in place.
    ``names`` are the words of the rules that it may concern, see :func:`concerned`.

    Adds the change of the own state (key ``inhibition``), Superseded for what was told before, and Raised for what
    nobody stands for any more.
    """
    if not any(change.rule_name in names and isinstance(change.verdict, Raised | Cleared) for change in changes):
        return
    now = event.received_at if isinstance(event, Heard) else event.at
    before = states.get(KEY)
    known = before if isinstance(before, InhibitionState) else InhibitionState()
    table = _Table(known, now, event.at, {**states, **{change.rule_key: change.after for change in changes}})
    added: list[Change] = []
    for place, change in enumerate(changes):
        verdict = change.verdict
        if isinstance(verdict, Raised) and change.rule_name in _WINNERS:
            changes[place] = table.won(change, verdict, changes, added)
        elif isinstance(verdict, Cleared) and change.rule_name in _WINNERS:
            table.gave_up(change, added)
    for place, change in enumerate(changes):
        verdict = change.verdict
        if isinstance(verdict, Raised) and change.rule_name in _LOSERS:
            changes[place] = table.lost(change, verdict)
        elif isinstance(verdict, Cleared) and change.rule_name in _LOSERS:
            table.losers.pop(_place(change.rule_key, verdict.subject), None)
    after = InhibitionState(table.winners, table.losers)
    if after != before:
        added.append(Change(KEY, KEY, before, after, Quiet(Reason("What tells of the same event is noted."))))
    changes += added


class _Table:
    """What was told lately, while it is changed."""

    def __init__(self, known: InhibitionState, now: datetime, at: datetime, states: Mapping[str, State]) -> None:
        self.states = states
        self.now = now
        self.at = at
        oldest = now - _LONGEST
        self.winners = {key: one for key, one in known.winners.items() if one.said_at >= oldest}
        self.losers = {place: one for place, one in known.losers.items() if one.said_at >= oldest}

    def won(self, change: Change, raised: Raised, changes: Sequence[Change], added: list[Change]) -> Change:
        """A stronger rule tells: what was told of the same event goes under it, and what it knew is added."""
        winner = Winner(change.rule_name, raised.evidence[-1].at if raised.evidence else self.at, self.now)
        self.winners[change.rule_key] = winner
        marks = list(raised.marks)
        now_cleared = {_place(one.rule_key, one.verdict.subject) for one in changes if isinstance(one.verdict, Cleared)}
        for place, loser in self.losers.items():
            if loser.by is not None or place in now_cleared or not _same_event(winner, loser, self.now):
                continue
            self.losers[place] = replace(loser, by=change.rule_key)
            marks.append(loser.raised.reason)
            told = Superseded(change.rule_key, raised.reason, loser.raised.subject)
            self._add(loser, told, added)
        return _with(change, replace(raised, marks=tuple(marks)))

    def gave_up(self, change: Change, added: list[Change]) -> None:
        """A stronger rule was taken back: what it stood for is told after all."""
        self.winners.pop(change.rule_key, None)
        for place, loser in self.losers.items():
            if loser.by == change.rule_key:
                self.losers[place] = replace(loser, by=None, said_at=self.now)
                self._add(loser, loser.raised, added)

    def _add(self, loser: Loser, verdict: Raised | Superseded, added: list[Change]) -> None:
        state = self.states.get(loser.key)
        if state is not None:  # else its rule has left the care plan
            added.append(Change(loser.key, loser.name, state, state, verdict))

    def lost(self, change: Change, raised: Raised) -> Change:
        """A weaker rule tells: by itself, or under the one that stands for it."""
        began_at = raised.evidence[0].at if raised.evidence else self.at
        loser = Loser(change.rule_key, change.rule_name, raised, began_at, self.now)
        for key, winner in self.winners.items():
            if _same_event(winner, loser, self.now):
                loser = replace(loser, by=key)
                break
        self.losers[_place(change.rule_key, raised.subject)] = loser
        if loser.by is None:
            return change
        return _with(change, Inhibited(loser.by, raised, Reason("It belongs to what was told already.")))


def _same_event(winner: Winner, loser: Loser, now: datetime) -> bool:
    within = _WITHIN.get((winner.name, loser.name))
    if within is None or now - min(winner.said_at, loser.said_at) > within:
        return False
    return loser.began_at <= winner.at + SLACK


def _place(key: str, subject: str) -> str:
    return f"{key}|{subject}"


def _with(change: Change, verdict: Raised | Inhibited) -> Change:
    return Change(change.rule_key, change.rule_name, change.before, change.after, verdict)
