"""Make the pictures of README.md from a real run of the demo: ``python -m docs.shots``. Needs Chromium."""

import asyncio
import sys

from docs import recording
from gateway.cli.logs import to_stderr


def make() -> bool:
    """Make them; False (and a word about it) where Chromium is not installed."""
    if recording.chromium() is None:
        print("Chromium is not installed: the pictures in docs/images stay as they are.", file=sys.stderr)
        return False
    to_stderr(quiet=True)
    asyncio.run(recording.record())
    return True


if __name__ == "__main__":
    sys.exit(0 if make() else 1)
