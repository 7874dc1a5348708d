"""A house in which something is on every page: lives, places, shifts, a search that goes on, trials, notes."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from gateway.console.trial_view import Tally, TrialView, TriedAlert
from gateway.store.protection import Kept, store
from gateway.store.writer import Tx
from rules.continence import ContinenceState, Stand
from rules.model import Priority, Reason
from rules.protection import Level
from rules.registry import encode_states
from tests.gateway.console import lives
from tests.gateway.console.house import field
from tests.gateway.console.living import LivingHouse
from tests.gateway.console.places import ZONES
from tests.gateway.console.test_search import LOOKS
from tests.gateway.console.test_shifts import WEEKLY

HOUR = timedelta(hours=1)


def document() -> dict[str, Any]:
    """Everybody of the tests' house and an administrator; r01 agreed to everything, also to be searched for."""
    found = lives.document()
    found["centre"]["rounds"] = ["19:00"]
    found["carers"].append({"id": "ada", "name": "Ada Admin", "role": "admin", "contacts": []})
    found["residents"][0] |= LOOKS
    found["zones"] = ZONES
    found["shifts"] = [{"id": "nurse", "weekly": WEEKLY}]
    found["care_plans"][0]["consents"]["search"] = True
    found["care_plans"][0]["rules"] += [{"rule": "continence"}, {"rule": "zone_exit", "zone": "garden"}]
    return found


async def _trier(
    before: dict[str, Any], after: dict[str, Any], *, since: datetime, until: datetime, progress: Any
) -> TrialView:
    """A trial that is over at once, with something in every part of its page."""
    tally = Tally(before=3, after=3, kept=2, gone=1, new=1)
    gone = TriedAlert(rule="fall", resident="r01", priority="high", raised_at=since, text="Somebody fell.", values={})
    return TrialView(
        since=since, until=until, readings=9, total=tally, rules={"fall": tally}, residents={"r01": tally},
        nights={since.date(): tally}, gone=[gone], new=[gone],
    )  # fmt: skip


async def _send(client: httpx.AsyncClient, page: str, to: str = "", /, **data: str) -> httpx.Response:
    """Fill in a form of a page; ``to`` is where it goes, when that is another address."""
    form = (await client.get(page)).text
    hidden = {name: field(form, name) for name in ("_csrf_token", "_base") if f'name="{name}"' in form}
    return await client.post(to or page, data={**hidden, **data})


class LivedHouse(LivingHouse):
    """After ``live`` its addresses are in ``found``: what stands in a page's address, by the address's pattern."""

    found: dict[str, str]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settings |= {"trier": _trier, "push_key": "BPublic"}

    async def live(self) -> None:
        """Afternoon, with everything that pages can show."""
        await self.apply(document())
        self.clock.move_to(lives.AFTERNOON)
        await self.give_passwords()
        await lives.hear(self, "r01", lives.a_day(), noted=True)
        now = self.clock.now()
        due = encode_states(
            {"continence": ContinenceState(Stand.DUE, now, now - HOUR, now + HOUR, now + HOUR / 2)}
        ).decode()

        def put(tx: Tx) -> None:
            tx.db.execute("INSERT INTO rule_states (resident, states) VALUES ('r01', ?)", (due,))
            lacking = Reason("No device can call for help.")
            store(tx.db, "r02", Kept(Level.UNPROTECTED, (lacking,), datetime(2026, 3, 1, tzinfo=UTC)))

        await self.writer.write(put)
        gone = await self.raise_alert("r01", Priority.HIGH, "zone_exit")
        await self.raise_alert("r02", Priority.MEDIUM)
        await self.raise_alert("r03", Priority.LOW)
        async with self.signed_in("sam") as sam, self.signed_in("nora") as nora, self.signed_in("ada") as ada:
            made = await self._begin(sam, nora, ada, gone)
        self.found = {
            "/alerts/{number}": f"/alerts/{gone}",
            "/a/{token}": self.links.make(gone, "nora", "alert").removeprefix("http://house.test"),
            **made,
        }

    async def _begin(
        self, sam: httpx.AsyncClient, nora: httpx.AsyncClient, ada: httpx.AsyncClient, gone: int
    ) -> dict[str, str]:
        """What people have done today, and the addresses that came of it."""
        shelf = {"resident": "r01", "rule_key": "silent:gps-r01", "minutes": 60, "why": "It is at the maker’s."}
        away = {"role": "nurse", "since": "2026-03-02T06:00:00Z", "until": "2026-03-02T08:00:00Z", "leaves": "nora",
                "why": "ill"}  # fmt: skip
        took = await nora.post(f"/api/alerts/{gone}/answer", json={"type": "acknowledge", "eta_minutes": 10})
        search = await nora.post("/api/residents/r01/search", json={})
        answers = [
            took,
            search,
            await nora.post("/api/shelves", json=shelf),
            await sam.post("/api/shifts/overrides", json=away),
            await nora.post("/api/residents/r02/break-glass", json={"why": "She is not in her room."}),
            await _send(nora, "/residents/r01", "/residents/r01/notes", text="Tea at four.", key="1"),
            await _send(
                sam, "/residents/r01/consent", version=str(self.version()), location="always", sleep="1",
                continence="1", activity="1", search="1", relatives="sleep", agreed_by="resident",
                agreed_on="2026-02-28", how="Signed form.",
            ),
        ]  # fmt: skip
        for answer in answers:
            assert answer.status_code < 400, (answer.url, answer.text)
        tried = await _send(
            ada,
            "/admin/plan/r01/rule/new?rule=fall",
            "/admin/plan/r01/rule/new",
            _rule="fall",
            suspected_after_s="45",
            _try="1",
            _days="7",
        )
        zone = {name: value for name, value in ZONES[0].items() if name != "id"} | {"name": "Other"}
        trial = (await ada.post("/api/zones/garden/trial", json=zone)).json()["id"]
        link = await _send(ada, "/admin/users", "/admin/users/nora/link")
        token = re.search(r"/set-password/([\w-]+)", link.text)
        assert token, link.text
        return {
            "/s/{token}": "/s/" + search.json()["link"].rpartition("/")[2],
            "/s/{token}/photo": "/s/" + search.json()["link"].rpartition("/")[2] + "/photo",
            "/set-password/{token}": token[0],
            "/zones/trials/{number}": f"/zones/trials/{trial}",
            "/admin/try/{trial}": tried.headers["location"],
        }
