"""A house whose centre is stored, as in the real gateway: what the pages change is in force at once."""

from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

from gateway.centre.gone import NOBODY, Gone
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.store import centres, gone
from gateway.store.database import reader
from tests.gateway.console.house import DOCUMENT, House

HOME: dict[str, Any] = {
    **deepcopy(DOCUMENT),
    "carers": [
        *DOCUMENT["carers"],
        {"id": "ada", "name": "Ada Admin", "role": "admin", "contacts": []},
    ],
    "devices": [{"id": "b1", "type": "sos_button", "format": "native", "address": "button-1"}],
    "assignments": [{"device": "b1", "resident": "r01", "from": "2026-01-01T00:00:00Z"}],
}
"""With an administrator, and a button that somebody has."""


class LivingHouse(House):
    """The index is that of the newest stored version."""

    def __init__(self, folder: Path) -> None:
        self._read: tuple[int, CentreIndex] | None = None
        super().__init__(folder)

    @property  # type: ignore[override]
    def index(self) -> CentreIndex:
        if self._read is None or self._read[0] != self.version():
            found = self.newest()
            centre = centre_from_document(found) if found else self._first
            self._read = (self.version(), CentreIndex(centre, gone=self.gone()))
        return self._read[1]

    @index.setter
    def index(self, value: CentreIndex) -> None:
        self._first = value.centre

    async def start(self) -> None:
        await super().start()
        await self.apply(DOCUMENT)

    async def apply(self, document: dict[str, Any], *, who: str = "cli:test", why: str | None = None) -> int:
        centre = centre_from_document(deepcopy(document))
        applied = await self.writer.write(lambda tx: centres.apply(tx, centre, who=who, why=why))
        return applied.version

    def gone(self) -> Gone:
        if not self.path.exists():
            return NOBODY
        with closing(reader(self.path)) as db:
            return gone.people(db)

    def version(self) -> int:
        if not self.path.exists():
            return 0
        db = reader(self.path)
        try:
            return centres.latest_number(db)
        finally:
            db.close()

    def newest(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        db = reader(self.path)
        try:
            return centres.document_of(db, centres.latest_number(db)) or {}
        finally:
            db.close()
