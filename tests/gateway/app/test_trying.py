import asyncio
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app.trying import ProcessTrier
from tests.gateway.console.house import DOCUMENT, NOW
from tests.gateway.store.desk import made


async def test_a_trial_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    after = deepcopy(DOCUMENT)
    after["care_plans"][0]["rules"].append({"rule": "fall"})
    said: list[float] = []
    found = await ProcessTrier(made(tmp_path))(
        DOCUMENT, after, since=NOW - timedelta(days=7), until=NOW, progress=said.append
    )
    assert (found.readings, found.total.before, found.total.after) == (0, 0, 0)
    assert len(found.nights) == 8  # seven whole ones, and the one that goes on
    assert found.until == NOW


async def test_a_cancelled_trial_leaves_no_process(tmp_path: Path) -> None:
    import multiprocessing

    trial = asyncio.create_task(
        ProcessTrier(made(tmp_path))(
            DOCUMENT, DOCUMENT, since=NOW - timedelta(days=7), until=NOW, progress=lambda _: None
        )
    )
    async with asyncio.timeout(20):
        while not [one for one in multiprocessing.active_children() if one.name == "trial"]:
            await asyncio.sleep(0.01)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert not [one for one in multiprocessing.active_children() if one.name == "trial"]
