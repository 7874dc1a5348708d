"""The command line as somebody at a desk uses it: a folder with gateway.toml, and commands in this process."""

import io
import json
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO
from unittest import mock

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.cli import main
from gateway.clock import SystemClock
from gateway.console.entries import take_out
from gateway.store import centres
from gateway.store.database import FILE, reader
from gateway.store.writer import write_now
from rules.model import Priority, Reason
from tests.gateway.pipeline.chain import DEMO, DEMO_FILE

__all__ = ["DEMO_FILE", "House", "Ran", "telecare"]


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def json(self) -> list[Any]:
        """Its output, one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def is_bad_input(self, *words: str) -> None:
        """It ended with 2, says these words, prints no data and shows no traceback."""
        assert self.code == 2, (self.code, self.out, self.err)
        for word in words:
            assert word in self.err, self.err
        assert "Traceback" not in self.err
        assert self.out == ""


def telecare(*arguments: object, stdin: bytes = b"", stdout: TextIO | None = None) -> Ran:
    """Run a command in this process, as the installed script does."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        redirect_stdout(stdout or out),
        redirect_stderr(err),
        mock.patch.object(sys, "argv", ["telecare", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        mock.patch.dict("os.environ", {"COLUMNS": "200", "TERM": "dumb"}),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return Ran(code, out.getvalue(), err.getvalue())


class House:
    """A folder with gateway.toml; ``furnished`` puts the demo centre in force."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "gateway.toml"
        self.config.write_text('[gateway]\ndata = "data"\n[console]\nport = 8080\n')
        self.path = folder / "data" / FILE

    def run(self, command: str, *arguments: object, stdin: bytes = b"") -> Ran:
        """A command (``"centre apply"``) with this house's settings."""
        return telecare(*command.split(), *arguments, "--config", self.config, stdin=stdin)

    def raised(self, *, resident: str | None = "r01", rule: str = "help") -> int:
        """An alert in the database; its number."""
        clock = SystemClock()
        incident = Incident(
            rule=rule, rule_key=rule, priority=Priority.HIGH, resident=resident, device="sos-r01",
            reason=Reason("Help was called with {device}.", {"device": "sos-r01"}), happened_at=clock.now(),
        )  # fmt: skip
        told = write_now(self.path, lambda tx: desk.raise_incident(tx, CentreIndex(DEMO), incident), clock=clock)
        return told.alert

    def take_out(self, resident: str) -> None:
        """A resident leaves the centre, with the care plan and everything else of theirs."""
        document = to_document(DEMO)
        take_out(document, "residents", resident)
        centre = centre_from_document(document)
        write_now(self.path, lambda tx: centres.apply(tx, centre, who="cli:test", why=None), clock=SystemClock())

    def furnish(self) -> None:
        assert self.run("centre apply", DEMO_FILE).code == 0

    def version(self) -> int:
        with closing(reader(self.path)) as db:
            return centres.latest_number(db)
