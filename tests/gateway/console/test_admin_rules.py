"""Two managers in one care plan: each rule that is saved, removed or tried is the one that was looked at."""

from typing import Any

import pytest

from tests.gateway.console.house import field
from tests.gateway.console.living import LivingHouse
from tests.gateway.console.test_admin import submit

RULES = ("help", "fall", "silent")


@pytest.fixture
async def plan(home: LivingHouse) -> LivingHouse:
    """A resident with three rules."""
    async with home.signed_in("sam") as client:
        for rule in RULES[1:]:
            added = await submit(client, f"/admin/plan/r01/rule/new?rule={rule}", _rule=rule)
            assert added.status_code == 303, added.text
    assert words_of(home) == list(RULES)
    return home


def rules_of(house: LivingHouse) -> list[dict[str, Any]]:
    return list(house.newest()["care_plans"][0]["rules"])


def words_of(house: LivingHouse) -> list[str]:
    return [one["rule"] for one in rules_of(house)]


def hidden(html: str) -> dict[str, str]:
    return {name: field(html, name) for name in ("_csrf_token", "_base", "_rule")}


async def test_a_rule_that_moved_is_still_the_one_that_is_saved(plan: LivingHouse) -> None:
    async with plan.signed_in("sam") as sam, plan.signed_in("ada") as ada:
        mine = (await sam.get("/admin/plan/r01/rule/1")).text
        typed = {**hidden(mine), "suspected_after_s": "45"}
        assert (await submit(ada, "/admin/plan/r01/rule/0", _rule="help", _remove="1")).status_code == 303
        clash = await sam.post("/admin/plan/r01/rule/1", data=typed)
        assert clash.status_code == 409
        assert 'value="45"' in clash.text
        assert 'action="/admin/plan/r01/rule/0"' in clash.text
        saved = await sam.post("/admin/plan/r01/rule/0", data={**hidden(clash.text), "suspected_after_s": "45"})
        assert saved.status_code == 303, saved.text
    assert words_of(plan) == ["fall", "silent"]
    assert rules_of(plan)[0]["suspected_after_s"] == 45


@pytest.mark.parametrize("button", [{"suspected_after_s": "45"}, {"_remove": "1"}])
async def test_a_rule_that_is_gone_takes_no_other_with_it(plan: LivingHouse, button: dict[str, str]) -> None:
    async with plan.signed_in("sam") as sam, plan.signed_in("ada") as ada:
        mine = (await sam.get("/admin/plan/r01/rule/1")).text
        assert (await submit(ada, "/admin/plan/r01/rule/1", _rule="fall", _remove="1")).status_code == 303
        clash = await sam.post("/admin/plan/r01/rule/1", data={**hidden(mine), **button})
        assert clash.status_code == 409
        assert "changed or removed this rule meanwhile" in clash.text
        assert 'action="/admin/plan/r01/rule/new"' in clash.text
        assert words_of(plan) == ["help", "silent"]
        added = await sam.post("/admin/plan/r01/rule/new", data={**hidden(clash.text), "suspected_after_s": "45"})
        assert added.status_code == 303, added.text
    assert words_of(plan) == ["help", "silent", "fall"]


async def test_a_rule_that_was_edited_alone_is_saved_over_after_a_second_look(plan: LivingHouse) -> None:
    async with plan.signed_in("sam") as sam, plan.signed_in("ada") as ada:
        mine = (await sam.get("/admin/plan/r01/rule/1")).text
        assert (await submit(ada, "/admin/plan/r01/rule/1", _rule="fall", suspected_after_s="50")).status_code == 303
        clash = await sam.post("/admin/plan/r01/rule/1", data={**hidden(mine), "suspected_after_s": "45"})
        assert clash.status_code == 409
        assert rules_of(plan)[1]["suspected_after_s"] == 50
        again = await sam.post("/admin/plan/r01/rule/1", data={**hidden(clash.text), "suspected_after_s": "45"})
        assert again.status_code == 303
    assert rules_of(plan)[1]["suspected_after_s"] == 45
    assert words_of(plan) == list(RULES)


async def test_what_cannot_be_is_said_at_its_field(plan: LivingHouse) -> None:
    async with plan.signed_in("sam") as sam:
        early = await submit(
            sam, "/admin/new/assignments", device="b1", resident="r02", **{"from": "0001-01-01T00:00"}
        )  # fmt: skip
        assert early.status_code == 422
        form = (await sam.get("/admin/plan/r01/rule/1")).text
        long = await sam.post(
            "/admin/entry/residents/r01",
            data={
                **hidden(form),
                "_base": "9" * 30,
                "name": "C",
                "room": "1",
            },
        )
        assert long.status_code in {409, 422}
