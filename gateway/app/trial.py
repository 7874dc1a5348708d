"""Try before you trust: a changed centre over the centre's own history, beside the present one.

Both are judged over the same stored readings, so what differs comes from the change. Everybody whose rules are the same
in both is judged once. Residents are independent of each other, so they are shared out between processes. Nothing is
written, and the database is read in short pieces while the gateway runs.
"""

import gc
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import datetime, time, timedelta
from pathlib import Path
from queue import Empty
from typing import Any, Final

import msgspec

from gateway.alerts.outcomes import OutcomeCount, by_rule, outcomes
from gateway.app.trial_compare import Comparison, compare
from gateway.app.trial_judge import Plan, judge
from gateway.app.trial_ledger import TrialAlert
from gateway.app.trial_split import around_same, differing, split
from gateway.centre.index import HOUSE, CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.centre.model import Centre
from gateway.clock import to_ms
from gateway.store.database import reader
from gateway.store.history import FRAMES, first_received, pieces
from gateway.store.migrations import READINGS_PER_FRAME

WARM_UP: Final = timedelta(days=2)
"""So much history before the time that is compared is judged too, and not counted: rules must know where people are
and whether devices are silent. What rules learn over many nights begins later, under both plans."""

NIGHT: Final = (time(22), time(6))
"""The night shift, wall-clock times in the centre's time zone."""

PROCESSES: Final = 2
_SMALL: Final = 2
"""Pieces of history that are judged sooner than another process starts, which takes a second or two."""

_GC_AFTER: Final = 200_000
"""Objects until Python looks for garbage: a trial makes no cycles, and millions of small objects that live on."""

_POLL_S: Final = 0.2

Judged = tuple[dict[str, list[TrialAlert]], dict[str, list[TrialAlert]], int]
"""The alerts by resident of the present and of the changed plan, and how many readings were judged."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a changed centre makes of a time. ``since`` and ``until`` (exclusive) are UTC; ``real`` counts the alerts
    that there really were, by rule, with how they ended; ``same`` are residents whose rules are the same in both."""

    since: datetime
    until: datetime
    readings: int
    residents: int
    same: int
    comparison: Comparison
    real: list[OutcomeCount]


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is given: plain data. ``both``: whose rules differ; ``one``: who is judged once."""

    path: str
    before: bytes
    after: bytes
    both: list[str]
    one: list[str]
    around_same: bool
    warm_at: datetime
    since: datetime
    until: datetime


def trial(
    path: Path,
    present: Centre,
    changed: Centre,
    *,
    since: datetime,
    until: datetime,
    warm_up: timedelta = WARM_UP,
    night: tuple[time, time] = NIGHT,
    processes: int = PROCESSES,
    progress: Callable[[float], None] = lambda _: None,
) -> Trial:
    """Judge the history of a database by the present and by a changed centre.

    Args:
        path: the gateway's database; only read.
        present: the centre in force.
        changed: the one to try; it was loaded, and so checked, consents included.
        since: from when on alerts are counted, UTC-aware.
        until: until just before this, UTC-aware.
        warm_up: how much is judged before, and not counted.
        night: wall-clock times of the night shift, in the present centre's time zone.
        processes: over how many the residents are shared; 1: all here.
        progress: told now and then how much is done, 0 to 1.

    Raises:
        StoreError: the database can't be read.
    """
    old, new = CentreIndex(present), CentreIndex(changed)
    everybody = list(dict.fromkeys((*old.judged, *new.judged)))
    differ = set(differing(present, changed))
    with closing(reader(path)) as db:
        each = max(1, _pieces(db, since - warm_up, until))
        real = by_rule(outcomes(db, since=since, until=until))
    if each <= _SMALL:
        processes = 1
    shares = [everybody[number::processes] for number in range(processes)]
    tasks = [
        _Task(
            path=str(path),
            before=msgspec.json.encode(to_document(present)),
            after=msgspec.json.encode(to_document(changed)),
            both=[one for one in share if one in differ],
            one=[one for one in share if one not in differ],
            around_same=around_same(present, changed),
            warm_at=since - warm_up,
            since=since,
            until=until,
        )
        for share in shares
        if share
    ]
    pieces_in_all = each * max(1, len(tasks))
    done = 0

    def step(_: int) -> None:
        nonlocal done
        done += 1
        progress(min(1.0, done / pieces_in_all))

    before: dict[str, list[TrialAlert]] = {}
    after: dict[str, list[TrialAlert]] = {}
    readings = 0
    for part in _shared_out(tasks, step) if len(tasks) > 1 else (_judged(task, step) for task in tasks):
        before |= part[0]
        after |= part[1]
        readings += part[2]
    comparison = compare(before, after, since=since, until=until, timezone=old.timezone, night=night)
    return Trial(
        since=since,
        until=until,
        readings=readings,
        residents=len([one for one in everybody if one != HOUSE]),
        same=len([one for one in everybody if one != HOUSE and one not in differ]),
        comparison=comparison,
        real=real,
    )


def _pieces(db: sqlite3.Connection, since: datetime, until: datetime) -> int:
    spread = first_received(db, to_ms(until)) - first_received(db, to_ms(since))
    return -(-spread // (FRAMES * READINGS_PER_FRAME))


def _judged(task: _Task, step: Callable[[int], None]) -> Judged:
    old, new = _centre(task.before), _centre(task.after)
    whole_old, whole_new = CentreIndex(old), CentreIndex(new)
    shared, rest_old, rest_new = split(old, new, task.both, around_same=task.around_same)
    nobody: dict[str, CentreIndex | None] = dict.fromkeys(task.both)
    span = (task.warm_at, task.until)
    plans = [
        Plan(CentreIndex(shared), [*task.one, *task.both], *span, whole=nobody),
        Plan(CentreIndex(rest_old), task.both, *span, whole=dict.fromkeys(task.both, whole_old)),
        Plan(CentreIndex(rest_new), task.both, *span, whole=dict.fromkeys(task.both, whole_new)),
    ]
    devices = sorted(set().union(*(plan.devices() for plan in plans)))
    readings = 0

    def count(number: int) -> None:
        nonlocal readings
        readings += number
        step(number)

    with closing(reader(Path(task.path))) as db:
        judge(plans, pieces(db, to_ms(task.warm_at), to_ms(task.until), devices), step=count)
    both, before, after = (plan.finish(task.since) for plan in plans)
    return _joined(both, before), _joined(both, after), readings


def _joined(one: dict[str, list[TrialAlert]], other: dict[str, list[TrialAlert]]) -> dict[str, list[TrialAlert]]:
    people = list(dict.fromkeys((*one, *other)))
    return {who: sorted([*one.get(who, []), *other.get(who, [])], key=lambda a: a.raised_at) for who in people}


def _centre(document: bytes) -> Centre:
    found: dict[str, Any] = msgspec.json.decode(document)
    return centre_from_document(found, file="centre")


def _shared_out(tasks: list[_Task], step: Callable[[int], None]) -> Iterator[Judged]:
    """Each task in a process of its own. They are started fresh: a copy of a running daemon would hold its locks."""
    context = multiprocessing.get_context("spawn")
    steps = context.Queue()
    with ProcessPoolExecutor(len(tasks), context, initializer=_begin, initargs=(steps,)) as pool:
        running = [pool.submit(_work, task) for task in tasks]
        while not all(one.done() for one in running):
            try:
                step(steps.get(timeout=_POLL_S))
            except Empty:
                continue
        for one in running:
            yield one.result()


_steps: Any = None


def _begin(steps: Any) -> None:
    global _steps  # noqa: PLW0603 - a worker process has one master
    _steps = steps
    gc.set_threshold(_GC_AFTER)


def _work(task: _Task) -> Judged:
    return _judged(task, _steps.put)
