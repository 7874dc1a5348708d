"""A process whose files may not grow: writes until the disk refuses, and prints the name of every acknowledged row.

``python -m tests.gateway.store.limited DATABASE BYTES``; run by test_disk.py.
"""

import asyncio
import resource
import sys
from pathlib import Path

import structlog

from gateway.clock import ManualClock
from gateway.errors import StoreFailedError
from gateway.store.writer import Writer
from tests.gateway.store.desk import START, filled


async def main(path: Path, limit: int) -> None:
    writer = Writer(path, clock=ManualClock(START))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    task = asyncio.create_task(writer.run())
    refused = 0
    for number in range(200):
        try:
            await writer.write(filled(f"s{number:03}", 20_000))
        except StoreFailedError:
            refused += 1
        else:
            print(f"s{number:03}", flush=True)
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    print(refused, type(outcome).__name__, file=sys.stderr)


structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
