"""Silent device: nothing was heard of it for longer than it may be quiet, or the broker says that it is gone.

Any reading of the device counts, and it counts when it was *received*: a device with a wrong clock is not silent.
``online=False`` is not the device's own word but the broker's or the bridge's (a last will), and often a short loss of
radio: it is told after ``offline_after_s`` unless the device is heard again.

How long it may be quiet: see rules.intervals; where nobody gave a number, the device's own habit (rules.usual) makes
it shorter. A device that comes and goes is told once as unsteady, and has a longer limit until it is steady.

Behind a hub, a device is not told while the hub is gone: the hub is, by its own rule. A hub that was never heard itself
excuses nothing, and one that comes and goes only ``_EXCUSES`` times, so that a dead device is found in any case.

To save writes, the time of the last reading is stored only when it moved by at least 5 % of the limit (at most five
minutes where a habit is learned), and the deadline lies that much later; so a device is told after 100 to 105 % of its
limit. A limit of two minutes or less is kept exactly.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from devices.model import KINDS, Status
from rules.intervals import HUB_S, limit_of
from rules.model import (
    Cleared,
    Context,
    DeviceInfo,
    Event,
    Heard,
    Pending,
    Quiet,
    Raised,
    Reason,
    Rule,
    Said,
    State,
    Verdict,
)
from rules.silent_limits import Limits, Spans
from rules.silent_state import GIVES, Drops, Path, SilentSettings, SilentState, Stand, drained
from rules.silent_words import marks, reason
from rules.timing import seconds
from rules.usual import Usual
from rules.watched import spare, watched

_EXCUSES: Final = 3
"""So often a hub that comes back gives a device its full limit again before the device was heard. More would let a hub
that comes and goes hide a dead device for ever."""

_HEARD = Quiet(Reason("The device was heard."))
_NOTHING = Quiet(Reason("The device may still be quiet."))
_STILL = Quiet(Reason("The device is still silent; told already."))
_TOLD_ELSEWHERE = Quiet(Reason("Another rule told that the device is switched off."))
_HUB_HEARD = Quiet(Reason("The hub was heard."))
_HUB_GONE = Quiet(Reason("The hub is reported offline."))
_HUB_BACK = Quiet(Reason("The hub is back; the device may be quiet for its full limit again."))
_UNSTEADY = Quiet(Reason("The device is heard again, but its link is unsteady: told already."))
_ZERO: Final = timedelta(0)


class SilentRule:
    """See the module."""

    __slots__ = (
        "_device",
        "_hub",
        "_hub_wait",
        "_limits",
        "_settings",
        "_steady",
        "devices",
        "key",
        "others",
    )
    name = "silent"
    kinds = frozenset(KINDS)
    zones: tuple[str, ...] = ()
    listens = frozenset({"switched_off"})

    def __init__(self, settings: SilentSettings, device: DeviceInfo, hub: DeviceInfo | None = None) -> None:
        """``hub``: what is known of the device's hub, where it has one."""
        self.key = f"silent:{device.id}"
        self.devices = frozenset({device.id})
        self.others: frozenset[str] = frozenset({device.hub} if device.hub else ())
        self._device = device.id
        self._hub = device.hub
        hub_s = HUB_S if hub is None else limit_of(hub, None).limit_s
        self._hub_wait = Spans(hub_s).deadline
        self._limits = Limits(limit_of(device, settings.after_s), settings)
        self._settings = settings
        self._steady = timedelta(seconds=max(settings.steady_after_s, self._limits.given_s))

    def start(self, at: datetime) -> SilentState:
        """Never heard: its silence counts from now."""
        return SilentState(at, never=True)

    def wake_at(self, state: State) -> datetime | None:
        """When its silence is too long, or its being offline; or when it has been steady for long enough."""
        assert isinstance(state, SilentState)
        stand = state.stand
        if stand is Stand.SILENT or stand is Stand.BEHIND:
            return None
        if stand is Stand.CHECKING:
            assert state.checking_at is not None
            return state.checking_at + self._hub_wait
        due = self._limits.deadline(state)
        if state.drops is not None and state.drops.steady_from is not None:
            return min(due, state.drops.steady_from + self._steady)
        return due

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: that time is added to the deadline."""
        assert isinstance(state, SilentState)
        since = max(stopped, state.from_at or state.heard_at)
        deaf = at - since
        if state.stand is Stand.SILENT or state.stand is Stand.BEHIND or deaf <= _ZERO:
            return state
        checking_at = state.checking_at
        if checking_at is not None:
            checking_at += max(_ZERO, at - max(stopped, checking_at))
        return replace(state, deaf_s=state.deaf_s + deaf.total_seconds(), checking_at=checking_at)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - the usual case leaves early
        """Heard, reported offline, silent for too long; or the hub was heard."""
        assert isinstance(state, SilentState)
        if event.__class__ is not Heard:
            return self._said(state, event) if isinstance(event, Said) else self._tick(state, event.at)
        assert isinstance(event, Heard)
        if event.device != self._device:
            return self._hub_heard(state, event) if event.device == self._hub else (state, _NOTHING)
        reading = event.reading
        if reading.__class__ is Status:
            assert isinstance(reading, Status)
            if reading.online is False:
                return self._offline(state, event)
            if drained(state, reading) is not None:
                return self._heard(state, event)
        if state.stand is Stand.HEARD and not state.never:
            kind = event.kind
            slack = self._limits.of(state).slack
            if event.received_at - state.heard_at < slack:
                if kind == "position":
                    if state.placed_at is not None and event.received_at - state.placed_at < slack:
                        return state, _HEARD
                elif kind not in GIVES or kind in state.gives:
                    return state, _HEARD
        return self._heard(state, event)

    def _heard(self, state: SilentState, event: Heard) -> tuple[State, Verdict]:
        now, kind = event.received_at, event.kind
        gap = now - state.heard_at - timedelta(seconds=state.deaf_s)
        usual = state.usual
        if self._limits.learns:
            if usual is None:
                usual = Usual(now)
            elif state.from_at is None and state.stand is not Stand.BEHIND:
                usual = usual.after(gap.total_seconds(), now)
        drops = state.drops
        if drops is not None and drops.steady_from is not None and gap > self._limits.of(state).deadline:
            drops = replace(drops, steady_from=now)
        low = drained(state, event.reading) if isinstance(event.reading, Status) else None
        after = SilentState(
            now,
            usual=usual,
            hub=None if state.hub is None else Path(state.hub.at),
            drops=drops,
            low=state.low if low is None else low[0],
            battery_percent=state.battery_percent if low is None else low[1],
            gives=state.gives if kind not in GIVES or kind in state.gives else (*state.gives, kind),
            placed_at=now if kind == "position" else state.placed_at,
        )
        if state.stand is not Stand.SILENT:
            return after, _HEARD
        if state.elsewhere:
            return after, _TOLD_ELSEWHERE
        if drops is not None and drops.times >= self._settings.unsteady_after:
            return replace(after, drops=replace(drops, steady_from=now)), _UNSTEADY
        silent = seconds(now - state.heard_at)
        why = Reason("{device} is heard again after {silent_s}.", {"device": self._device, "silent_s": silent})
        return after, Cleared(why, self._device)

    def _offline(self, state: SilentState, event: Heard) -> tuple[State, Verdict]:
        if state.stand is not Stand.HEARD:
            return state, self._waiting(state) if state.stand is Stand.OFFLINE else _STILL
        now = event.received_at
        after = replace(state, stand=Stand.OFFLINE, offline_at=now, evidence=(event.evidence(),))
        if self._limits.deadline(after) <= now:
            return self._tick(after, now)
        return after, self._waiting(after)

    def _waiting(self, state: SilentState) -> Verdict:
        return Pending(self._limits.deadline(state), Reason("{device} is reported offline.", {"device": self._device}))

    def _said(self, state: SilentState, said: Said) -> tuple[State, Verdict]:
        """Switched off was told by its own rule: no second alert for the same device, unless it was just heard."""
        told = said.verdict.subject if isinstance(said.verdict, Raised) else None
        if isinstance(said.verdict, Pending):  # it goes off and on, and stays told
            told = said.verdict.told
        if told != self._device or state.stand is not Stand.OFFLINE:
            return state, _NOTHING
        return replace(state, stand=Stand.SILENT, elsewhere=True), _TOLD_ELSEWHERE

    def _tick(self, state: SilentState, at: datetime) -> tuple[State, Verdict]:  # noqa: PLR0911 - one for each outcome
        until = self.wake_at(state)
        if until is None or at < until:
            return state, _NOTHING
        if state.stand is Stand.CHECKING:
            return self._behind(state)
        if at < self._limits.deadline(state):
            steady = Reason("{device} has a steady link again.", {"device": self._device})
            return replace(state, drops=None), Cleared(steady, self._device)
        path = state.hub
        if path is None:
            return self._tell(state, at)
        if path.gone:
            return self._behind(state)
        quiet = at - max(path.at, state.heard_at) - timedelta(seconds=state.deaf_s)
        if quiet > self._hub_wait + self._limits.of(state).slack:
            return self._behind(state)
        if quiet <= self._hub_wait / 2:  # heard a moment ago
            return self._tell(state, at)
        return replace(state, stand=Stand.CHECKING, checking_at=at), Pending(
            at + self._hub_wait,
            Reason("{device} is silent; its hub {hub} may be gone.", {"device": self._device, "hub": self._hub or ""}),
        )

    def _behind(self, state: SilentState) -> tuple[State, Verdict]:
        why = Reason("{device} can't be heard while {hub} is gone.", {"device": self._device, "hub": self._hub or ""})
        return replace(state, stand=Stand.BEHIND, checking_at=None), Quiet(why)

    def _hub_heard(self, state: SilentState, event: Heard) -> tuple[State, Verdict]:  # noqa: PLR0911 - as above
        """The hub's own words: is it there? Most of them change nothing."""
        if state.stand is Stand.SILENT:
            return state, _STILL
        now, path = event.received_at, state.hub
        if isinstance(event.reading, Status) and event.reading.online is False:
            if path is not None and path.gone:
                return state, _HUB_GONE
            gone = replace(state, hub=Path(now, gone=True) if path is None else replace(path, gone=True))
            return self._behind(gone) if state.stand is Stand.CHECKING else (gone, _HUB_GONE)
        if path is None:
            return replace(state, hub=Path(now)), _HUB_HEARD
        if state.stand is Stand.CHECKING:
            return self._tell(state, now)
        if state.stand is Stand.BEHIND:
            return self._tell(state, now) if path.excuses >= _EXCUSES else self._hub_back(state, path, now)
        slack = self._limits.of(state).slack
        quiet = now - max(path.at, state.heard_at)
        if quiet < slack and not path.gone:
            return state, _HUB_HEARD
        was_gone = path.gone or quiet - timedelta(seconds=state.deaf_s) > slack + self._hub_wait
        if was_gone and path.excuses < _EXCUSES:
            return self._hub_back(state, path, now)
        return replace(state, hub=Path(now, excuses=path.excuses)), _HUB_HEARD

    @staticmethod
    def _hub_back(state: SilentState, path: Path, now: datetime) -> tuple[State, Verdict]:
        back = Path(now, excuses=path.excuses + 1)
        stand = Stand.HEARD if state.stand is Stand.BEHIND else state.stand
        offline_at, evidence = (None, ()) if stand is Stand.HEARD else (state.offline_at, state.evidence)
        after = replace(state, stand=stand, hub=back, from_at=now, deaf_s=0.0, offline_at=offline_at, evidence=evidence)
        return after, _HUB_BACK

    def _tell(self, state: SilentState, at: datetime) -> tuple[State, Verdict]:
        within = timedelta(seconds=self._settings.unsteady_within_s) + self._limits.of(state).limit
        before = state.drops
        times = before.times + 1 if before is not None and at - before.at <= within else 1
        after = replace(
            state,
            stand=Stand.SILENT,
            evidence=(),
            deaf_s=0.0,
            checking_at=None,
            from_at=None,
            drops=Drops(times, at),
        )
        spans = self._limits.of(state)
        why = reason(state, self._device, spans.limit, at, learned=spans.learned)
        besides = marks(state, times, unsteady=times >= self._settings.unsteady_after)
        return after, Raised(why, self._settings.priority, self._device, state.evidence, besides)


def silence_limit_s(settings: SilentSettings, device: DeviceInfo) -> float:
    """Seconds that a device may be quiet: its own limit, else the care plan's, else its model's, type's or format's."""
    return limit_of(device, settings.after_s).limit_s


def build(settings: SilentSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device of the resident; for the house, one for each of its surroundings but the spare ones."""
    known = {device.id: device for device in (*context.surroundings, *context.devices)}
    mine = [device for device in watched(context) if not context.house or not spare(device)]
    return tuple(SilentRule(settings, device, known.get(device.hub or "")) for device in mine)


__all__ = ["SilentRule", "SilentSettings", "SilentState", "Stand", "build", "silence_limit_s"]
