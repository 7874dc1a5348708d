"""Try before you trust, from a page: one trial at a time for each visitor, in a process that can be ended."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import structlog

from gateway.centre.diff import Document
from gateway.console.deps import Console
from gateway.console.trial_view import TrialView

_LOG = structlog.get_logger(__name__)

DAYS: Final = (7, 28, 84)
"""How far back a page may look; four weeks are usual."""

KEPT: Final = 20
"""Trials that are remembered; the oldest are forgotten."""

AT_ONCE: Final = 1
"""Trials that run: each takes a core for as long as it takes, and alarms need the other."""


class Proposal(NamedTuple):
    """A changed rule that is tried, as it was typed: whose plan, which place in it, and how it is saved."""

    resident: str
    place: str
    rule: dict[str, Any]
    why: str
    days: int
    base: int
    table: str
    key: str
    edit: Callable[[Document], None]


class Trial:
    """One trial: under way, done, failed, or taken back."""

    def __init__(self, who: str, began: datetime, proposal: Proposal | None = None) -> None:
        self.id = secrets.token_urlsafe(9)
        self.who = who
        self.proposal = proposal
        """What a page wants to save afterwards; None: the API asked."""
        self.began = began
        self.done = 0.0
        self.found: TrialView | None = None
        self.failed: str | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """``waiting``, ``running``, ``done``, ``failed`` or ``cancelled``."""
        if self.found is not None:
            return "done"
        if self.failed is not None:
            return self.failed
        return "running" if self.done > 0 else "waiting"


class _Trials:
    def __init__(self) -> None:
        self.known: dict[str, Trial] = {}
        self.slot = asyncio.Semaphore(AT_ONCE)


_of: WeakKeyDictionary[Console, _Trials] = WeakKeyDictionary()


def begin(
    console: Console,
    who: str,
    before: Document,
    after: Document,
    *,
    days: int,
    resident: str | None,
    proposal: Proposal | None = None,
) -> Trial | None:
    """Start a trial of a changed document; None: this console has nothing to try with.

    Args:
        console: the running console.
        who: the carer's id; a trial of theirs that still runs is ended.
        before: the document in force.
        after: the changed one, checked.
        days: how far back.
        resident: whose plan was changed; None: anybody's.
        proposal: what a page wants to save afterwards.
    """
    trier = console.deps.trier
    if trier is None:
        return None
    trials = _of.setdefault(console, _Trials())
    for old in list(trials.known.values()):
        if old.who == who:
            cancel(old)
    until = console.deps.clock.now()
    trial = Trial(who, until, proposal)
    trials.known[trial.id] = trial
    while len(trials.known) > KEPT:
        cancel(trials.known.pop(next(iter(trials.known))))
    if resident is not None:
        before, after = only(before, resident), only(after, resident)

    async def run() -> None:
        try:
            async with trials.slot:
                trial.done = max(trial.done, 0.001)
                trial.found = await trier(
                    before,
                    after,
                    since=until - timedelta(days=days),
                    until=until,
                    progress=lambda part: setattr(trial, "done", max(trial.done, part)),
                )
        except asyncio.CancelledError:
            trial.failed = "cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - told on the page; the log has what it was
            _LOG.error("trial.failed", error=type(error).__name__, exc_info=error)
            trial.failed = "failed"

    trial.task = asyncio.create_task(run(), name=f"trial {trial.id}")
    return trial


def get(console: Console, trial: str, who: str) -> Trial | None:
    """A trial of that person; None: there is none, or it was forgotten."""
    found = _of.setdefault(console, _Trials()).known.get(trial)
    return found if found is not None and found.who == who else None


def cancel(trial: Trial) -> None:
    """End a trial that still runs; one that is over stays."""
    if trial.task is not None and not trial.task.done():
        trial.failed = "cancelled"
        trial.task.cancel()


async def settle(trial: Trial, patience_s: float) -> None:
    """Wait a little for its end: most trials of one person are over before a page would ask again."""
    if trial.task is not None:
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(trial.task), patience_s)


def only(document: Document, resident: str) -> Document:
    """The house as far as one person's rules can see it: what only others wear is left out."""
    worn = {one["device"] for one in document.get("assignments", ()) if one["resident"] != resident}
    mine = {one["device"] for one in document.get("assignments", ()) if one["resident"] == resident}
    others = worn - mine
    hubs = {one.get("hub") for one in document.get("devices", ()) if one["id"] not in others}
    small: dict[str, Any] = {
        **document,
        "residents": [one for one in document.get("residents", ()) if one["id"] == resident],
        "care_plans": [one for one in document.get("care_plans", ()) if one["resident"] == resident],
        "house_plans": [],
        "devices": [one for one in document.get("devices", ()) if one["id"] not in others or one["id"] in hubs],
    }
    kept = {one["id"] for one in small["devices"]}
    small["assignments"] = [
        one for one in document.get("assignments", ()) if one["resident"] == resident and one["device"] in kept
    ]
    return small
