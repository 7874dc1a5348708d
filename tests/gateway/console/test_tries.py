"""Tries of a changed plan: who reads what of them, and what becomes of one when the plan changed meanwhile."""

from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.console.trial_view import Tally, TrialView, TriedAlert
from tests.gateway.console.house import field
from tests.gateway.console.living import HOME, LivingHouse

LEFT = datetime(2026, 2, 27, 22, 53, tzinfo=UTC)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    """Two wards, a manager of one of them, and a try that finds an alert of the other."""
    home = LivingHouse(tmp_path)

    async def trier(
        before: dict[str, Any], after: dict[str, Any], *, since: datetime, until: datetime, progress: Any
    ) -> TrialView:
        tally = Tally(before=1, after=0, kept=0, gone=1, new=0)
        gone = TriedAlert(
            rule="zone_exit", resident="r02", priority="high", raised_at=LEFT, text="Outside, 1.7 km away.", values={}
        )
        return TrialView(
            since=since, until=until, readings=9, total=tally, rules={"zone_exit": tally}, residents={"r02": tally},
            nights={LEFT.date(): tally}, gone=[gone], new=[],
        )  # fmt: skip

    home.settings["trier"] = trier
    await home.start()
    document = deepcopy(HOME)
    for resident, ward in zip(document["residents"], ("north", "south", "south"), strict=True):
        resident["ward"] = ward
    next(one for one in document["carers"] if one["id"] == "sam")["wards"] = ["north"]
    await home.apply(document)
    await home.give_passwords()
    yield home
    await home.stop()


async def tried(client: httpx.AsyncClient, path: str, **typed: str) -> str:
    """The address of a try of a rule's form."""
    page = await client.get(path)
    hidden = {name: field(page.text, name) for name in ("_csrf_token", "_base", "_rule")}
    begun = await client.post(path, data={**hidden, **typed, "_try": "1", "_days": "7"})
    assert begun.status_code == 303, begun.text
    return begun.headers["location"]


async def test_when_and_where_somebody_was_is_for_their_ward(home: LivingHouse) -> None:
    for carer, told in (("sam", False), ("ada", True)):
        async with home.signed_in(carer) as client:
            page = await client.get(await tried(client, "/admin/plan/r01/rule/0", old_after_s="45"))
            assert ("1.7 km" in page.text) is told, carer
            assert ("1 alert more is about another ward." in page.text) is not told, carer
            assert "Alerts before: 1. With this: 0." in page.text
            plan = {"resident": "r01", "policy": "standard", "rules": [{"rule": "help", "old_after_s": 45}]}
            begun = await client.post("/api/centre/trials", json={"plan": plan, "days": 7})
            assert begun.status_code == 202, begun.text
            for _ in range(50):
                found = (await client.get(begun.headers["location"])).json()
                if found["state"] == "done":
                    break
            assert found["found"]["total"]["gone"] == 1
            assert len(found["found"]["gone"]) == told


async def test_a_try_of_a_plan_that_was_changed_leads_back_to_what_was_typed(home: LivingHouse) -> None:
    async with home.signed_in("ada") as ada:
        trial = await tried(ada, "/admin/plan/r01/rule/0", old_after_s="45", _why="Quieter nights.")
        page = await ada.get(trial)
        document = home.newest()
        document["care_plans"][0]["rules"].append({"rule": "silent"})
        await home.apply(document)
        refused = await ada.post(f"{trial}/save", data={"_csrf_token": field(page.text, "_csrf_token")})
        assert refused.status_code == 303, refused.text
        back = await ada.get(refused.headers["location"])
        assert "Somebody else changed this meanwhile" in back.text
        assert "Quieter nights." in back.text
        hidden = {name: field(back.text, name) for name in ("_csrf_token", "_base", "_rule")}
        saved = await ada.post("/admin/plan/r01/rule/0", data={**hidden, "old_after_s": "45"})
        assert saved.status_code == 303, saved.text
        assert [one["rule"] for one in home.newest()["care_plans"][0]["rules"]] == ["help", "silent"]
        assert home.newest()["care_plans"][0]["rules"][0]["old_after_s"] == 45
        assert home.clock.now() - LEFT < timedelta(days=7)
