"""The command line ``telecare``. Exit codes: 0 done, 1 it could not be done, 2 bad input."""

from gateway.cli.main import main

__all__ = ["main"]
