"""Work of many seconds in a process of its own. A thread would not do: it shares its interpreter with the event loop,
and an alarm would wait for it again and again."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NICE: Final = 10
"""Alarms get the processor first."""


async def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``work``, a function of a module, in a fresh process, and wait for it; starting one takes about a second.

    What goes in and comes out is pickled: give numbers, texts and bytes, not documents.

    Raises:
        BrokenProcessPool: the process was killed.
    """

    def started() -> T:
        # Fresh: a copy of a running daemon would hold its locks.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context, initializer=os.nice, initargs=(_NICE,)) as pool:
            return pool.submit(work, *args, **kwargs).result()

    return await asyncio.to_thread(started)
