"""Trials for the console: each in a process of its own, so that alarms keep theirs, and so that it can be ended."""

import asyncio
import multiprocessing
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.app.trial import Trial, trial
from gateway.app.trial_compare import Counts
from gateway.app.trial_ledger import TrialAlert
from gateway.centre.load import centre_from_document
from gateway.console.trial_view import MOST_ALERTS, Tally, TrialView, TriedAlert
from gateway.errors import GatewayError

_POLL_S: Final = 0.1


class TrialFailedError(GatewayError):
    """The process of a trial ended without a result."""


class ProcessTrier:
    """Tries a changed centre over the history of a database; see :class:`gateway.console.trial_view.Trier`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __call__(
        self,
        before: dict[str, Any],
        after: dict[str, Any],
        *,
        since: datetime,
        until: datetime,
        progress: Callable[[float], None],
    ) -> TrialView:
        """Judge; ends the process when it is cancelled.

        Raises:
            TrialFailedError: the process broke.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        task = msgspec.json.encode([str(self._path), before, after, since, until])
        process = context.Process(target=_work, args=(theirs, task), daemon=True, name="trial")
        await asyncio.to_thread(process.start)
        theirs.close()
        try:
            return await self._result(ours, progress)
        finally:
            process.kill()
            await asyncio.to_thread(process.join)
            ours.close()

    async def _result(self, ours: Connection, progress: Callable[[float], None]) -> TrialView:
        while True:
            # a short look, not a blocking read: nothing could end a thread that waits
            if not await asyncio.to_thread(ours.poll, _POLL_S):
                continue
            try:
                said = ours.recv()
            except EOFError:
                raise TrialFailedError("The trial ended without a result.") from None
            if isinstance(said, float):
                progress(said)
            else:
                return msgspec.json.decode(said, type=TrialView)


def _work(pipe: Connection, task: bytes) -> None:
    path, before, after, since, until = msgspec.json.decode(
        task, type=tuple[str, dict[str, Any], dict[str, Any], datetime, datetime]
    )
    found = trial(
        Path(path),
        centre_from_document(before),
        centre_from_document(after),
        since=since,
        until=until,
        processes=1,
        progress=lambda part: pipe.send(float(part)),
    )
    pipe.send(msgspec.json.encode(view(found)))


def view(found: Trial) -> TrialView:
    """The trial as the console shows it."""
    comparison = found.comparison
    return TrialView(
        since=found.since,
        until=found.until,
        readings=found.readings,
        total=_tally(comparison.total),
        rules={name: _tally(one) for name, one in comparison.rules.items()},
        residents={name: _tally(one) for name, one in comparison.residents.items()},
        nights={day: _tally(one) for day, one in comparison.nights.items()},
        gone=[_alert(one) for one in comparison.gone[:MOST_ALERTS]],
        new=[_alert(one) for one in comparison.new[:MOST_ALERTS]],
    )


def _tally(counts: Counts) -> Tally:
    return Tally(before=counts.before, after=counts.after, kept=counts.kept, gone=counts.gone, new=counts.new)


def _alert(one: TrialAlert) -> TriedAlert:
    return TriedAlert(
        rule=one.rule,
        resident=one.resident,
        priority=one.priority.value,
        raised_at=one.raised_at,
        text=one.reason.text,
        values=one.reason.values,
    )
