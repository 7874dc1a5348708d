"""A gateway that dies: ``python -m tests.gateway.http.crash FOLDER before|after|never`` prints its port.

``before``: killed when a message stands in line. ``after``: killed between the commit and the answer.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from gateway.ingest.http_source import HttpSource
from tests.gateway.http.post import living


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, when: str) -> None:
    if when == "before":
        HttpSource.offer = die  # type: ignore[method-assign]
    elif when == "after":
        HttpSource.acknowledge = die  # type: ignore[method-assign]
    async with living(folder) as life:
        print(f"port={life.port}", flush=True)
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
