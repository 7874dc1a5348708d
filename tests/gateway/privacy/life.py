"""A month in the life of two residents in a real database, as the pipeline and the desk would have written it."""

import base64
import sqlite3
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gateway.alerts import desk, glass
from gateway.alerts.model import Close, Incident, Outcome
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import ManualClock, to_ms
from gateway.store import audit, centres
from gateway.store.database import FILE, prepare, reader
from gateway.store.places import note_places
from gateway.store.writer import Tx, write_now
from rules.model import Evidence, Priority, Reason

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET_NAME = "Ġorġa Camilleri-Żahra"
NEIGHBOUR = "Joseph Borg"
_JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 3
PHOTO = "data:image/jpeg;base64," + base64.b64encode(_JPEG).decode()

DOCUMENT: dict[str, Any] = {
    "centre": {"id": "haven", "name": "Haven House", "timezone": "Europe/Malta", "language": "en"},
    "residents": [
        {
            "id": "r01", "name": SECRET_NAME, "room": "101", "note": "Her daughter keeps the blue key.",
            "description": "Silver hair, green coat.", "photo": PHOTO, "relatives": ["rita"],
        },
        {"id": "r02", "name": NEIGHBOUR, "room": "102", "note": f"Plays cards with {SECRET_NAME}."},
    ],
    "devices": [
        {"id": "gps-1", "type": "tracker", "format": "native"},
        {"id": "bed-1", "type": "bed_sensor", "format": "native"},
        {"id": "sos-2", "type": "sos_button", "format": "native"},
    ],
    "assignments": [
        {"device": "gps-1", "resident": "r01", "from": "2026-01-01T00:00:00Z"},
        {"device": "bed-1", "resident": "r01", "from": "2026-01-01T00:00:00Z"},
        {"device": "sos-2", "resident": "r02", "from": "2026-01-01T00:00:00Z"},
    ],
    "carers": [
        {"id": "nora", "name": "Nora Falzon", "role": "carer", "contacts": [{"channel": "log"}]},
        {"id": "sam", "name": "Sam Pace", "role": "manager", "contacts": [{"channel": "log"}]},
        {"id": "rita", "name": "Rita Zahra-Only", "role": "relative", "contacts": [{"channel": "log"}]},
    ],
    "policies": [{"id": "standard", "steps": [{"to": ["nora"], "wait_s": 120}], "failsafe": ["sam"]}],
    "care_plans": [
        {
            "resident": "r01", "policy": "standard",
            "consents": {"location": "always", "sleep": True},
            "rules": [{"rule": "help"}, {"rule": "zone_exit", "zone": "flat-of-gorga"}],
        },
        {"resident": "r02", "policy": "standard", "rules": [{"rule": "help"}]},
    ],
    "zones": [
        {
            "id": "flat-of-gorga", "name": "The flat in Strait Street", "radius_m": 80.0,
            "geometry": {"type": "Point", "coordinates": [14.5123456, 35.8987654]},
        }
    ],
}  # fmt: skip

LEFT = Reason("Left {zone} {out_at}.", {"zone": "The flat in Strait Street", "out_at": 1772330400000})
"""At 2:00 UTC on 1 March 2026."""


class Life:
    """The database, and what a test says to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        prepare(self.path)
        self.clock = ManualClock(NOW)
        self.apply(DOCUMENT)
        self.frame = 0

    def write(self, work: Any) -> Any:
        return write_now(self.path, work, clock=self.clock)

    def apply(self, document: dict[str, Any], why: str | None = None) -> None:
        centre = centre_from_document(deepcopy(document))
        self.write(lambda tx: centres.apply(tx, centre, who="sam", why=why))

    @property
    def index(self) -> CentreIndex:
        with closing(reader(self.path)) as db:
            found = centres.latest(db)
        assert found is not None
        return CentreIndex(found.centre)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(reader(self.path)) as db:
            return [tuple(row) for row in db.execute(sql, values)]

    def reads(
        self,
        device: str,
        kind: str,
        at: datetime,
        *,
        resident: str | None = "r01",
        readable: bool = True,
        **fields: Any,
    ) -> int:
        """A message and its reading; the frame's number."""
        self.frame += 1
        frame = self.frame
        body = {"kind": kind, "device": device, **fields}

        def work(tx: Tx) -> None:
            tx.db.execute(
                "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', ?, ?, ?)",
                (frame, f"telecare/haven/{device}/{kind}", msgspec.json.encode(body), to_ms(at)),
            )
            tx.db.execute("INSERT INTO event_ids VALUES (?, ?, ?)", (f"native:{device}", f"e{frame}", frame))
            if not readable:
                tx.db.execute("INSERT INTO quarantine VALUES (?, 'not_json', NULL, 'no')", (frame,))
                return
            tx.db.execute(
                "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (frame * 4096, frame, device, resident, kind, to_ms(at), to_ms(at), msgspec.json.encode(body).decode()),
            )

        self.write(work)
        return frame

    def alert(self, resident: str | None = "r01", *, closed: bool = True, note: str = "", **more: Any) -> int:
        """An alert of now, closed or not."""
        mine = resident == "r01"
        incident = Incident(
            rule="zone_exit" if mine else "help", rule_key="zone_exit:flat-of-gorga" if mine else "help",
            priority=Priority.HIGH, resident=resident, device="gps-1" if mine else "sos-2",
            reason=LEFT if mine else Reason("Pressed."),
            happened_at=more.pop("at", self.clock.now()),
            evidence=(Evidence(1, "position", "gps-1", self.clock.now()),) if mine else (),
            before='{"fix":"14.5123456"}' if mine else None, **more,
        )  # fmt: skip
        number = self.write(lambda tx: desk.raise_incident(tx, self.index, incident)).alert
        if closed:
            answer = Close(Outcome.OTHER if note else Outcome.REAL, note)
            self.write(lambda tx: desk.answer(tx, self.index, number, answer, "nora", "page"))
        return int(number)

    def live(self) -> None:
        """Enough of everything to have something to erase."""
        for days in range(40, 0, -1):
            at = NOW - timedelta(days=days)
            self.reads("gps-1", "position", at, lon=14.5123456, lat=35.8987654, accuracy_m=12.0)
            self.reads("bed-1", "vitals", at, heart_rate_bpm=61.25, respiratory_rate_bpm=14.0, spo2_percent=96.5)
            self.reads("sos-2", "help", at, resident="r02", phase="pressed")
        self.write(note_places)
        self.reads("bed-1", "bed", NOW, in_bed=True)
        self.reads("gps-1", "position", NOW, resident=None, lon=14.5123456, lat=35.8987654)
        self.reads("gps-1", "position", NOW, readable=False, lon=14.5123456)
        self.alert(note=f"{SECRET_NAME} was at the bus stop.")
        self.alert("r02", note=f"Sat with {SECRET_NAME}.")
        index = self.index
        self.write(partial(glass.open_glass, index=index, resident="r01", carer="nora", why="Heard Ġorġa cry out."))
        self.write(
            lambda tx: audit.record(tx, who="nora", action="look", target="resident/r01", detail={"via": "page"})
        )
        self.write(self._notes)

    @staticmethod
    def _notes(tx: Tx) -> None:
        add = "INSERT INTO care_notes (resident, at, who, text, corrects) VALUES (?, ?, 'nora', ?, ?)"
        at = to_ms(tx.now)
        tx.db.execute(add, ("r01", at, "Slept badly in the lilac room.", None))
        tx.db.execute(add, ("r01", at, "No, slept well in the lilac room.", 1))
        tx.db.execute(add, ("r02", at, f"Had tea with {SECRET_NAME}.", None))
        tx.db.execute(add, ("r02", at, "It was coffee.", 3))
        tx.db.execute("INSERT INTO accounts VALUES ('rita', 'hash-of-rita', 0)")
        tx.db.execute("INSERT INTO rule_states VALUES ('r01', '{\"fix\": \"14.5123456\"}')")

    def move_out(self) -> dict[str, Any]:
        """The person's devices are given back now."""
        document = deepcopy(DOCUMENT)
        for one in document["assignments"]:
            if one["resident"] == "r01":
                one["to"] = NOW.isoformat()
        document["care_plans"][0]["rules"] = [{"rule": "help"}]
        self.apply(document, why=f"{SECRET_NAME} moves out.")
        self.clock.move(60)
        return document


def integrity(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("PRAGMA integrity_check")] + [
            str(tuple(row)) for row in db.execute("PRAGMA foreign_key_check")
        ]
