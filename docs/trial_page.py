"""Write the example of docs/try.md: a small house's week, as the commands print it: ``python -m docs.trial_page``."""

import json
import re
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devices.model import Frame
from gateway.alerts import desk, queries
from gateway.alerts.model import Close, Outcome
from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from gateway.clock import ManualClock
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import ALARMS, TELEMETRY, Pipeline
from gateway.store import centres
from gateway.store.database import connect, prepare
from gateway.store.writer import Tx, write_now
from tests.gateway.cli.desk import House

PAGE = Path(__file__).with_name("try.md")
MARKED = re.compile(r"<!-- example (?P<name>[a-z]+): made by python -m docs.trial_page -->\n.*?<!-- end -->", re.DOTALL)

CENTRE = """\
[centre]
id = "haven"
name = "Haven"
timezone = "Europe/Malta"

[[carers]]
id = "nora"
name = "Nora Borg"
contacts = [{ channel = "log" }]

[[policies]]
id = "standard"
steps = [{ to = ["nora"], wait_s = 300 }]
failsafe = ["nora"]
"""
RESIDENT = """
[[residents]]
id = "{id}"
name = "Resident {room}"
room = "{room}"

[[devices]]
id = "bed-{id}"
type = "bed_sensor"
format = "native"

[[devices]]
id = "sos-{id}"
type = "sos_button"
format = "native"

[[assignments]]
device = "bed-{id}"
resident = "{id}"
from = 2026-01-01T00:00:00Z

[[assignments]]
device = "sos-{id}"
resident = "{id}"
from = 2026-01-01T00:00:00Z

[[care_plans]]
resident = "{id}"
policy = "standard"
consents = {{ sleep = true }}
rules = [{{ rule = "help" }}, {{ rule = "bed_exit", minutes = {minutes} }}]
"""
BEFORE, AFTER = 20, 35
"""The change: after so many minutes out of bed Resident 101 is told of."""

NIGHTS = ((12, 25), (28,), (22, 50), (8,), (26,))
"""For how many minutes Resident 101 was out of bed each night, from 01:00 and from 04:00 on."""

_FIRST = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)  # 22:00 in Malta


def house(folder: Path) -> House:
    """A house that has lived through five nights, with its centre file and a changed one beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = House(folder)
    for name, minutes in (("centre.toml", BEFORE), ("changed.toml", AFTER)):
        people = (
            RESIDENT.format(id="r01", room="101", minutes=minutes),
            RESIDENT.format(id="r02", room="102", minutes=20),
        )
        (folder / name).write_text(CENTRE + "".join(people))
    centre = load_centre(folder / "centre.toml")
    made.path.parent.mkdir()
    prepare(made.path)
    write_now(made.path, lambda tx: centres.apply(tx, centre, who="cli:nora"), clock=ManualClock(_FIRST))
    with closing(connect(made.path, synchronous="OFF")) as db:
        _live(_Gateway(db, CentreIndex(centre)))
    return made


class _Gateway:
    """The pipeline on a clock that is moved by hand."""

    def __init__(self, db: Any, index: CentreIndex) -> None:
        self._db, self._index, self._messages = db, index, 0
        self._pipeline = Pipeline(db, lambda: index)
        self._write(_FIRST, lambda tx: self._pipeline.tick(tx, list(index.judged)))

    def say(self, at: datetime, device: str, kind: str, **fields: Any) -> None:
        while (due := self._pipeline.next_wake()) is not None and due <= at:
            self._write(due, self._pipeline.tick)
        self._messages += 1
        payload = json.dumps({"v": 1, "id": f"m{self._messages}", **fields}).encode()
        frame = Frame(topic=f"telecare/haven/{device}/{kind}", payload=payload, received_at=at)
        receipt = Receipt(frame=frame, format="native", packet_id=1, session=1)
        lane = ALARMS if kind == "help" else TELEMETRY
        self._write(at, lambda tx: self._pipeline.take(tx, [receipt], lane=lane))

    def close(self, at: datetime, outcome: Outcome) -> None:
        """Nora has been there: she closes what is open."""
        for alert in queries.open_alerts(self._db):
            number = alert.id
            self._write(
                at, lambda tx, n=number: desk.answer(tx, self._index, n, Close(outcome), who="nora", via="console")
            )

    def _write(self, at: datetime, work: Any) -> None:
        self._db.execute("BEGIN")
        work(Tx(self._db, at))
        self._db.execute("COMMIT")


def _live(gateway: _Gateway) -> None:
    for number, outings in enumerate(NIGHTS):
        evening = _FIRST + timedelta(days=number)
        gateway.say(evening, "bed-r01", "bed", in_bed=True)
        gateway.say(evening, "bed-r02", "bed", in_bed=True)
        for hours, minutes in zip((3, 6), outings, strict=False):
            out = evening + timedelta(hours=hours)
            gateway.say(out, "bed-r01", "bed", in_bed=False)
            gateway.say(out + timedelta(minutes=minutes), "bed-r01", "bed", in_bed=True)
            gateway.close(out + timedelta(minutes=minutes + 5), Outcome.REAL if minutes > AFTER else Outcome.FALSE)
        gateway.say(evening + timedelta(hours=9), "bed-r01", "bed", in_bed=False)
    gateway.say(evening + timedelta(hours=9, minutes=1), "sos-r02", "help")
    gateway.close(evening + timedelta(hours=9, minutes=9), Outcome.REAL)


def printed(made: House) -> dict[str, tuple[str, str]]:
    """What is typed and what is printed, by the example's name."""
    days = ("--from", "2026-03-02", "--to", "2026-03-06")
    commands = {
        "try": ("try", made.folder / "changed.toml", *days),
        "outcomes": ("outcomes", *days),
        "explain": ("explain", 1),
    }
    found = {}
    for name, (command, *arguments) in commands.items():
        ran = made.run(command, *arguments)
        if ran.code:
            raise RuntimeError(ran.err)
        typed = " ".join(one.name if isinstance(one, Path) else str(one) for one in arguments)
        text = "\n".join(line.rstrip() for line in ran.out.strip("\n").splitlines())
        found[name] = (f"telecare {command} {typed}", text)
    return found


def files() -> dict[Path, str]:
    """The page with its examples."""
    with tempfile.TemporaryDirectory(prefix="telecare-try-") as scratch:
        found = printed(house(Path(scratch)))

    def example(match: re.Match[str]) -> str:
        typed, text = found[match["name"]]
        first = f"<!-- example {match['name']}: made by python -m docs.trial_page -->"
        return f"{first}\n```console\n$ {typed}\n{text}\n```\n<!-- end -->"

    return {PAGE: MARKED.sub(example, PAGE.read_text("utf-8"))}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
