"""Key figures by the API, the standing metrics, and the alert rules that are made of them."""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge
from gateway.store.writer import Tx
from rules.model import Priority
from tests.gateway.console.house import NOW, House

ROOT = Path(__file__).parents[3]
RULES = ROOT / "config" / "prometheus" / "telecare.rules.yml"

# As gateway.app.watch reports it; the names are made of these keys.
HEALTH = {
    "ok": True,
    "lanes": {"alarms": {"connected": True, "waiting": 0}},
    "store": {"ok": True, "commits": 1},
    "probes": {"outside": {"late": False, "age_s": 40.0, "round_trip_ms": 12.5}},
}


async def numbers(house: House) -> dict[str, float]:
    """Every sample of /metrics: ``name{label="value"}`` -> number."""
    async with house.client() as client:
        text = (await client.get("/metrics")).text
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def told(house: House, alert: int, state: str = "sent") -> None:
    """The message about an alert is settled now."""

    def work(tx: Tx) -> None:
        at = int(tx.now.timestamp() * 1000)
        tx.db.execute("UPDATE notifications SET state = ?, settled_at = ? WHERE alert = ?", (state, at, alert))

    await house.writer.write(work)


async def answered(house: House, alert: int) -> None:
    await house.writer.write(lambda tx: desk.answer(tx, house.index, alert, Acknowledge(), "nora", "page"))


async def test_the_api_is_for_managers(house: House) -> None:
    number = await house.raise_alert()
    house.clock.move(7)
    await told(house, number)
    house.clock.move(33)
    await answered(house, number)
    house.clock.move(1)
    async with house.signed_in("sam") as sam:
        found = (await sam.get("/api/kpis")).json()
        assert found["total"]["alerts"] == 1
        assert found["total"]["notified"] == {"alerts": 1, "median_s": 7.0, "p90_s": 7.0}
        assert found["total"]["acknowledged"]["median_s"] == 40.0
        assert [period["label"] for period in found["periods"]] == ["2026-03-01"]
        assert found["deliveries"][0]["channel"] == "log"
        shift = (await sam.get("/api/kpis", params={"per": "shift"})).json()
        assert [period["label"] for period in shift["periods"]] == ["2026-02-28 23:00"]
        later = (NOW + timedelta(seconds=1)).isoformat()
        assert (await sam.get("/api/kpis", params={"since": later})).json()["total"]["alerts"] == 0
    for carer in ("nora", "rita"):
        async with house.signed_in(carer) as client:
            assert (await client.get("/api/kpis")).status_code == 403
    async with house.client() as client:
        assert (await client.get("/api/kpis")).status_code == 401
    assert house.ask("SELECT DISTINCT who, object FROM audit WHERE action = 'look'") == [("sam", "kpis")]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"since": "2026-03-01T00:00:00"}, 422, "since: 2026-03-01T00:00:00: expected a time zone"),
        ({"until": "2026-03-01T00:00:00"}, 422, "until: "),
        ({"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, 422, "expected a time before"),
        ({"per": "year"}, 400, "per"),
        ({"since": "soon"}, 400, "since"),
    ],
)
async def test_what_the_api_refuses(house: House, query: dict[str, str], status: int, words: str) -> None:
    async with house.signed_in("sam") as sam:
        answer = await sam.get("/api/kpis", params=query)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


async def test_the_metrics_follow_an_alert(house: House) -> None:
    assert (await numbers(house))['telecare_oldest_unanswered_alert_seconds{priority="high"}'] == 0
    number = await house.raise_alert()
    low = await house.raise_alert("r03", Priority.LOW, rule="low_battery")
    house.clock.move(90)
    now = await numbers(house)
    assert now['telecare_open_alerts{priority="high"}'] == 1
    assert now['telecare_open_alerts{priority="low"}'] == 1
    assert now['telecare_open_alerts{priority="medium"}'] == 0
    assert now['telecare_oldest_unanswered_alert_seconds{priority="high"}'] == 90
    assert now["telecare_outbox_waiting"] == 2
    assert now["telecare_outbox_oldest_seconds"] == 90
    assert now["telecare_time_to_notify_seconds_count"] == 0
    await told(house, number)
    await told(house, low, "failed_for_good")
    house.clock.move(60)
    await answered(house, number)
    for _ in range(2):  # each alert is observed once, however often somebody asks
        now = await numbers(house)
        assert now['telecare_time_to_notify_seconds_bucket{le="60.0"}'] == 0
        assert now['telecare_time_to_notify_seconds_bucket{le="120.0"}'] == 1
        assert now["telecare_time_to_notify_seconds_sum"] == 90
        assert now["telecare_time_to_acknowledge_seconds_sum"] == 150
        assert now["telecare_time_to_acknowledge_seconds_count"] == 1
        assert now['telecare_oldest_unanswered_alert_seconds{priority="high"}'] == 0
        assert now['telecare_delivery_failures_total{channel="log"}'] == 1
        assert now["telecare_store_readable"] == 1


async def test_the_word_that_others_can_not_be_reached_is_told_too(house: House) -> None:
    number = await house.raise_alert()
    await numbers(house)
    house.clock.move(20)

    def work(tx: Tx) -> None:
        tx.db.execute("UPDATE notifications SET purpose = 'undeliverable' WHERE alert = ?", (number,))

    await house.writer.write(work)
    await told(house, number)
    assert (await numbers(house))["telecare_time_to_notify_seconds_sum"] == 20


async def test_what_was_counted_before_a_restart_is_not_counted_again(house: House) -> None:
    first = await house.raise_alert()
    await told(house, first)
    second = await house.raise_alert("r03")
    await house.stop_serving()
    await house.serve()
    assert (await numbers(house))["telecare_time_to_notify_seconds_count"] == 0
    house.clock.move(3)
    await told(house, second)
    await answered(house, first)
    now = await numbers(house)
    assert now["telecare_time_to_notify_seconds_sum"] == 3
    assert now["telecare_time_to_acknowledge_seconds_count"] == 1


async def test_protection_and_shelves(house: House) -> None:
    def work(tx: Tx) -> None:
        tx.db.execute("INSERT INTO protection VALUES ('r01', 'unprotected', '[]', 0), ('r02', 'protected', '[]', 0)")
        tx.db.execute(
            "INSERT INTO shelves (resident, rule_key, rule, priority, why, who, since, until, ended_at) VALUES"
            " ('r01', 'bed_exit', 'bed_exit', 'high', 'x', 'sam', 0, 9, NULL),"
            " ('r02', 'bed_exit', 'bed_exit', 'high', 'x', 'sam', 0, 9, 5)"
        )

    await house.writer.write(work)
    now = await numbers(house)
    assert now['telecare_protection_residents{level="unprotected"}'] == 1
    assert now['telecare_protection_residents{level="degraded"}'] == 0
    assert now['telecare_shelves{priority="high"}'] == 1


async def test_a_database_that_cannot_be_read_leaves_the_rest(house: House) -> None:
    await house.writer.write(lambda tx: tx.db.execute("ALTER TABLE shelves RENAME TO gone") and None)
    now = await numbers(house)
    assert now["telecare_store_readable"] == 0
    assert now["telecare_ok"] == 1
    assert not [name for name in now if name.startswith("telecare_open_alerts")]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text("utf-8"))
    assert list(document) == ["groups"]
    return [rule for group in document["groups"] for rule in group["rules"]]


def named(text: str) -> set[str]:
    return set(re.findall(r"\btelecare_\w+", text))


async def test_every_metric_of_the_alert_rules_exists(house: House) -> None:
    house.report = HEALTH
    number = await house.raise_alert()
    await told(house, number, "failed_for_good")
    samples = await numbers(house)
    known = {name.partition("{")[0] for name in samples}
    for rule in rules():
        assert named(rule["expr"]) <= known, rule["alert"]
        for metric, label, value in re.findall(r'(telecare_\w+)\{(\w+)="([^"]+)"\}', rule["expr"]):
            assert any(name.startswith(metric) and f'{label}="{value}"' in name for name in samples), rule["alert"]
    documented = named((ROOT / "docs" / "kpis.md").read_text("utf-8"))
    assert {name for name in documented if "{" not in name} - known == {
        "telecare_time_to_notify_seconds", "telecare_time_to_acknowledge_seconds",
    }  # fmt: skip # histograms: their samples have a suffix


def test_the_alert_rules_have_the_right_shape() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found) >= 10
    for rule in found:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1s"))
        expression = re.sub(r'"[^"]*"', "", rule["expr"])
        for left, right in ("()", "[]", "{}"):
            assert expression.count(left) == expression.count(right), rule["alert"]
        # a comparison decides; on its own a metric would always fire
        assert re.search(r"[<>]=?|==", re.sub(r"\{[^}]*\}", "", expression)), rule["alert"]


def test_promtool_finds_nothing(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    ran = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
