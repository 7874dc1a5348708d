"""Asking for many at once says of each of them what asking for that one says."""

import json
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.clock import to_ms
from gateway.console.deps import Console
from gateway.console.guards import Visitor
from gateway.console.privacy import Purpose, shown, shown_all
from gateway.store.database import connect, prepare
from tests.gateway.pipeline.chain import DEMO, START

WARDS = [None, "north", "south"]
CARERS = ["nora", "sam", "rita"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shown") / "gateway.db"
    prepare(path)
    return path


def centre_of(draw: st.DrawFn) -> CentreIndex:
    document: dict[str, Any] = json.loads(json.dumps(to_document(DEMO)))
    roles = {"nora": "carer", "sam": "manager", "rita": "relative"}
    contact = [{"channel": "log"}]
    document["carers"] = [one for one in document["carers"] if one["id"] not in roles] + [
        {"id": who, "name": who.title(), "role": role, "contacts": contact} for who, role in roles.items()
    ]
    document["carers"][-3]["wards"] = draw(st.sampled_from([[], ["north"], ["north", "south"]]))
    for resident in document["residents"]:
        resident["ward"] = draw(st.sampled_from(WARDS))
        resident["relatives"] = draw(st.sampled_from([[], ["rita"]]))
    for plan in document["care_plans"]:
        plan["rules"] = [{"rule": "help"}]
        plan["consents"] = {
            "location": draw(st.sampled_from(["alarm", "always", "never"])),
            "sleep": draw(st.booleans()),
            "relatives": draw(st.sampled_from([[], ["location"], ["sleep"]])),
        }
    return CentreIndex(centre_from_document(document))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_many_at_once_are_told_as_one_by_one(path: Path, data: st.DataObject) -> None:
    index = data.draw(st.composite(centre_of)())
    residents = [*index.residents, "nobody"]
    someone = st.sampled_from(residents)
    with closing(connect(path)) as db:
        db.execute("DELETE FROM alerts")
        db.execute("DELETE FROM break_glass")
        states, rules = st.sampled_from(["open", "closed"]), st.sampled_from(["help", "low_battery"])
        for resident, state, rule in data.draw(st.lists(st.tuples(someone, states, rules))):
            _alert(db, resident, state, rule)
        minutes = st.integers(-40, 40)
        for who, resident, since, ended in data.draw(
            st.lists(st.tuples(st.sampled_from(CARERS), someone, minutes, st.booleans()), max_size=8)
        ):
            begun = START + timedelta(minutes=since)
            _opened(db, who, resident, begun, ended=ended)
        deps = SimpleNamespace(index=lambda: index, clock=SimpleNamespace(now=lambda: START))
        console = cast("Console", SimpleNamespace(deps=deps, db=lambda: db))
        for who in CARERS:
            visitor = Visitor(index.carers[who])
            for purpose in (Purpose.LOCATION, Purpose.SLEEP):
                one_by_one = {one: shown(console, visitor, one, purpose) for one in residents}
                assert shown_all(console, visitor, residents, purpose) == one_by_one


def _alert(db: Any, resident: str, state: str, rule: str) -> None:
    fields = {
        "incident": f"{resident}/{db.execute('SELECT count(*) FROM alerts').fetchone()[0]}", "resident": resident,
        "rule": rule, "rule_key": rule, "subject": "", "priority": "high", "state": state, "reason": "{}",
        "marks": "[]", "evidence": "[]", "policy": "standard", "raised_at": to_ms(START), "happened_at": to_ms(START),
    }  # fmt: skip
    marks = ", ".join("?" * len(fields))
    db.execute(f"INSERT INTO alerts ({', '.join(fields)}) VALUES ({marks})", tuple(fields.values()))


def _opened(db: Any, who: str, resident: str, begun: datetime, *, ended: bool) -> None:
    db.execute(
        "INSERT INTO break_glass (carer, resident, why, since, until, ended_at) VALUES (?, ?, 'searched', ?, ?, ?)",
        (who, resident, to_ms(begun), to_ms(begun + timedelta(minutes=30)), to_ms(begun) if ended else None),
    )
