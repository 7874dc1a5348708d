"""The command line ``telecare``. Exit codes: 0 done, 1 it could not be done, 2 bad input."""

import gc

# What is imported stays until the end: looking through it again and again takes a sixth of the time of the start.
gc.disable()
from gateway.cli.main import main  # noqa: E402

gc.freeze()
gc.enable()

__all__ = ["main"]
