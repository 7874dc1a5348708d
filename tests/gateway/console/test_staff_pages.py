"""Key figures, audit, system, searches, shelved rules: what they say, and who may read it."""

import csv
import io
import re
import sqlite3
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.alerts import searching
from gateway.alerts.escalation import escalate_due
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.store import audit_log
from tests.gateway.console.house import DOCUMENT, House, field


async def answered(house: House) -> int:
    """An alert that nora answered and closed as false."""
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        house.clock.move(40)
        await nora.post(f"/api/alerts/{number}/answer", json={"type": "arrive"})
        await nora.post(f"/api/alerts/{number}/answer", json={"type": "close", "outcome": "false"})
    return number


async def test_key_figures_as_a_page_and_as_csv(house: House) -> None:
    await answered(house)
    async with house.signed_in("sam") as sam:
        shown = (await sam.get("/figures")).text
        assert "Answered within 60 seconds" in shown
        assert "<dd>100%<small>1 of 1</small></dd>" in shown
        assert "40 s" in shown
        rows = list(csv.DictReader(io.StringIO((await sam.get("/figures.csv?per=day")).text)))
        assert [row["period"] for row in rows] == ["2026-03-01", "all"]
        assert rows[0]["acknowledged_median_s"] == "40.0"
        refused = (await sam.get("/figures?first=2026-03-02&last=2026-03-01")).text
        assert "Please give a first and a last day" in refused
        assert "like 2026-01-31" in (await sam.get("/figures?first=soon")).text


async def test_the_audit_is_read_page_by_page_and_its_chain_checked(house: House) -> None:
    number = await answered(house)
    async with house.signed_in("sam") as sam:
        whole = (await sam.get("/audit?who=nora&looks=no")).text
        assert f'href="/alerts/{number}"' in whole
        assert "Nora Borg" in whole
        assert f">Alert {number}</a>" in whole
        assert "{&#34;" not in whole
        await sam.get("/residents/r01/sleep")
        looks = (await sam.get("/audit?target=resident")).text
        assert re.search(r"looked at: <a href=\"/residents/r01/sleep\">Carmen Vella, Sleep</a>", looks)
        assert "/audit?who=&amp;target=resident%2Fr01%2Fsleep&amp;looks=yes" in looks
        assert "The chain holds" in (await sam.get("/audit?check=1")).text
        first = (await sam.get("/api/audit", params={"limit": 2})).json()
        second = (await sam.get("/api/audit", params={"limit": 2, "cursor": first["next"]})).json()
        numbers = [line["seq"] for line in (*first["lines"], *second["lines"])]
        # the look that the first answer left is newer than its cursor
        assert numbers == sorted(numbers, reverse=True)
        assert len(set(numbers)) == 4
        only = (await sam.get("/api/audit", params={"target": f"alert/{number}", "looks": "false"})).json()["lines"]
        assert {line["target"] for line in only} == {f"alert/{number}"}
        with closing(sqlite3.connect(house.path)) as db:
            db.execute("DROP TRIGGER audit_is_never_changed")
            db.execute("UPDATE audit SET who = 'somebody' WHERE seq = 2")
            db.commit()
        assert "Line 2 was changed" in (await sam.get("/audit?check=1")).text


def test_the_audit_goes_on_behind_what_one_question_looks_through(
    house_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "AT_ONCE", 3)
    with closing(sqlite3.connect(house_path)) as db:
        db.row_factory = sqlite3.Row
        db.execute("CREATE TABLE audit (seq INTEGER PRIMARY KEY, at, who, action, object, detail, hash)")
        for who in ("ada", "bo", "bo", "bo", "bo", "bo", "bo"):
            db.execute(
                "INSERT INTO audit (at, who, action, object, detail) VALUES (0, ?, 'look', 'board', '{}')", (who,)
            )
        before, seen = None, []
        while True:
            found = audit_log.lines(db, before=before, limit=2, who="ada")
            seen += found.lines
            if found.before is None:
                break
            before = found.before
        assert [line.seq for line in seen] == [1]


@pytest.fixture
def house_path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


def make_certificate(path: Path, until: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(until - timedelta(days=90))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


async def test_the_system_page_says_what_does_not_work(house: House, tmp_path: Path) -> None:
    soon, broken = tmp_path / "soon.pem", tmp_path / "broken.pem"
    make_certificate(soon, datetime(2026, 3, 10, tzinfo=UTC))
    broken.write_text("not a certificate")
    await house.stop_serving()
    house.settings |= {"certificates": {"broker.tls.cert": soon, "http.cert": broken}, "channels": ["smtp"]}
    house.report = {
        "ok": False,
        "lanes": {"alarms": {"connected": False, "trouble": "refused", "waiting": 0}},
        "store": {"ok": True},
        "centre": {"version": 7},
    }
    await house.serve()
    async with house.signed_in("sam") as sam:
        shown = (await sam.get("/system")).text
        assert "Something does not work" in shown
        assert "There is no connection to the broker. It is there, but does not take the gateway now." in shown
        assert "Carers have it as a contact, but it is not set up here." in shown  # everybody has only the log
        assert "It is good until 10 Mar 2026" in shown
        assert "no PEM certificate" in shown
        assert "Version 7" in shown
        found = (await sam.get("/api/system")).json()
        assert found["ok"] is False
        assert found["certificates"][0]["until"] == "2026-03-10T00:00:00Z"
        assert found["store"]["database_bytes"] > 0


async def test_the_system_page_tells_of_the_certificate_in_use(house: House, tmp_path: Path) -> None:
    old, new = tmp_path / "old.pem", tmp_path / "new.pem"
    make_certificate(old, datetime(2026, 3, 1, tzinfo=UTC))
    make_certificate(new, datetime(2028, 3, 1, tzinfo=UTC))
    in_use = {"http.cert": old.read_bytes()}
    await house.stop_serving()
    house.settings |= {"certificates": {"http.cert": new}, "certificates_in_use": lambda: in_use}
    await house.serve()
    async with house.signed_in("sam") as sam:
        page = (await sam.get("/system")).text
        assert "Its time was over at" in page
        assert "The file holds another one that is not in use: does its key fit?" in page
        [one] = (await sam.get("/api/system")).json()["certificates"]
        assert (one["until"], one["other"]) == ("2026-03-01T00:00:00Z", True)
        in_use["http.cert"] = new.read_bytes()
        [one] = (await sam.get("/api/system")).json()["certificates"]
        assert (one["until"], one["other"]) == ("2028-03-01T00:00:00Z", False)


async def test_a_message_that_waits_too_long_is_told(house: House) -> None:
    await house.raise_alert()  # nobody sends it: there is no dispatcher here
    house.clock.move(120)
    async with house.signed_in("sam") as sam:
        shown = (await sam.get("/system")).text
    assert "1 waiting" in shown
    assert "Something does not work" in shown


async def test_a_rule_is_shelved_with_a_reason_and_rings_again(house: House) -> None:
    document = deepcopy(DOCUMENT)
    document["care_plans"][0]["rules"] = [{"rule": "help"}, {"rule": "low_battery"}]
    document["devices"] = [{"id": "p1", "type": "sos_button", "format": "native"}]
    document["assignments"] = [{"device": "p1", "resident": "r01", "from": "2026-01-01T00:00:00Z"}]
    house.index = CentreIndex(centre_from_document(document))
    async with house.signed_in() as nora:
        shown = (await nora.get("/shelves?resident=r01")).text
        assert "No rule is shelved." in shown
        assert 'value="low_battery:p1"' in shown
        assert 'value="help"' not in shown
        form = {
            "_csrf_token": field(shown, "_csrf_token"),
            "resident": "r01",
            "rule": "low_battery:p1",
            "minutes": "60",
        }
        nothing = await nora.post("/shelves", data={**form, "why": " "})
        assert nothing.status_code == 409
        assert "a few words" in nothing.text
        assert (await nora.post("/shelves", data={**form, "why": "The new one comes."})).status_code == 303
        after = (await nora.get("/shelves")).text
        assert "The new one comes." in after
        assert "Nora Borg, until 04:12" in after
        number = house.ask("SELECT id FROM shelves")[0][0]
        assert (await nora.post(f"/shelves/{number}/end", data=form)).status_code == 303
        assert "No rule is shelved." in (await nora.get("/shelves")).text
        assert (await nora.post("/shelves", data={**form, "minutes": "7", "why": "x"})).status_code == 400


async def test_the_searches_that_go_on(house: House) -> None:
    document = deepcopy(DOCUMENT)
    document["care_plans"][0]["consents"] = {"location": "always"}
    house.index = CentreIndex(centre_from_document(document))
    await house.writer.write(
        lambda tx: searching.begin(tx, house.index, "r01", who="nora", lasting=timedelta(hours=2), alert=None)
    )
    async with house.signed_in() as nora:
        shown = (await nora.get("/searches")).text
        assert "Carmen Vella" in shown
        assert "until 05:12" in shown
        house.clock.move(3 * 3600)
        assert "Nobody is being looked for." in (await nora.get("/searches")).text


@pytest.mark.parametrize("path", ["/figures", "/figures.csv", "/audit", "/api/audit", "/system", "/api/system"])
async def test_only_managers_read_these(house: House, path: str) -> None:
    async with house.signed_in() as nora, house.signed_in("sam") as sam:
        assert (await nora.get(path)).status_code == 403
        assert (await sam.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/searches", "/shelves", "/shifts", "/coverage", "/rounds"])
async def test_only_staff_reads_these(house: House, path: str) -> None:
    async with house.signed_in() as nora, house.signed_in("rita") as rita:
        assert (await rita.get(path)).status_code == 403
        assert (await nora.get(path)).status_code == 200


async def test_the_menu_has_what_the_role_may(house: House) -> None:
    async with house.signed_in() as nora, house.signed_in("sam") as sam, house.signed_in("rita") as rita:
        carer, manager, relative = [(await one.get("/")).text for one in (nora, sam, rita)]
    assert 'href="/rounds"' in carer
    assert 'href="/audit"' not in carer
    assert 'href="/audit"' in manager
    assert 'href="/rounds"' not in relative


def line(page: str, title: str) -> str:
    """What the page of the system says of one part."""
    return page.partition(f"<h2>{title} ")[2].partition("</li>")[0]


async def test_the_system_page_tells_of_the_probe(house: House) -> None:
    async with house.signed_in("sam") as sam:
        shown = line((await sam.get("/system")).text, "Probe")
        assert "not set up" in shown
        assert "telecare probe" in shown
        heard = {"heard_at": "2026-03-01T02:11:20Z", "age_s": 40.0, "round_trip_ms": 23.4, "silent_after_s": 180.0}
        house.report = {"ok": True, "probes": {"outside": heard | {"late": False}, "new": NEVER}}
        page = (await sam.get("/system")).text
        assert "acknowledged after 23 ms" in line(page, "Probe: outside")
        assert "works" in line(page, "Probe: outside")
        assert "Nothing was heard of it yet" in line(page, "Probe: new")
        house.report = {"ok": True, "probes": {"outside": heard | {"late": True}}}
        page = (await sam.get("/system")).text
        assert "Not heard since 03:11." in line(page, "Probe: outside")
        assert "look at it" in line(page, "Probe: outside")
        assert (await sam.get("/api/system")).json()["health"]["probes"]["outside"]["round_trip_ms"] == 23.4


NEVER = {"heard_at": None, "age_s": None, "round_trip_ms": None, "silent_after_s": 180.0, "late": True}


async def test_the_probe_is_measured_by_name(house: House) -> None:
    heard = {"heard_at": "2026-03-01T02:11:20Z", "age_s": 40.0, "round_trip_ms": 23.4, "silent_after_s": 180.0}
    house.report = {"ok": True, "probes": {"outside": heard | {"late": False}, "new": NEVER}}
    async with house.client() as client:
        text = (await client.get("/metrics")).text
    assert 'telecare_probe_late{probe="outside"} 0.0' in text
    assert 'telecare_probe_late{probe="new"} 1.0' in text
    assert 'telecare_probe_age_seconds{probe="outside"} 40.0' in text
    assert 'telecare_probe_round_trip_seconds{probe="outside"} 0.0234' in text
    assert 'telecare_probe_age_seconds{probe="new"}' not in text


async def test_the_system_page_tells_what_waits_and_for_how_long(house: House) -> None:
    lane = {"connected": True, "protocol": "5", "waiting": 2, "waiting_s": 0.2, "paused": False}
    house.report = {
        "ok": True,
        "lanes": {
            "alarms": lane | {"waiting_s": 31.0},
            "telemetry": lane | {"waiting_s": 12.0},
            "http-alarms": {"frames": 3},
        },
        "http": {"listening": True, "lanes": {"http-alarms": {"waiting": 4}}},
        "codecs": {"suspended": ["acme/one"]},
    }
    async with house.signed_in("sam") as sam:
        page = (await sam.get("/system")).text
        alarms, readings = line(page, "Messages of devices: alarms"), line(page, "Messages of devices: readings")
        assert "2 messages wait. The oldest waits for 31 seconds." in alarms
        assert "does not work" in alarms
        assert "look at it" in readings
        assert "It listens. 4 messages wait." in line(page, "Messages of devices: over the internet")
        assert "http-alarms" not in page
        assert "acme/one" in line(page, "Decoders of devices")
        assert page.index("acme/one") < page.index("<h2>Messages of devices: over the internet")  # worst first
        gone = {"connected": False, "trouble": "unreachable", "since": "2026-03-01T02:00:00+00:00"}
        house.report = {
            "ok": False,
            "lanes": {"alarms": gone},
            "http": {"listening": False, "lanes": {}},
            "store": {"ok": False},
        }
        page = (await sam.get("/system")).text
        assert "does not work" in line(page, "Messages of devices: over the internet")
        assert "no connection to the broker since 03:00. It can’t be reached" in line(
            page, "Messages of devices: alarms"
        )
        assert "The gateway can’t write" in line(page, "Store")


async def test_promises_that_were_not_kept_are_key_figures(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora, house.signed_in("sam") as sam:
        await nora.post(f"/api/alerts/{number}/answer", json={"type": "acknowledge", "eta_minutes": 5})
        before = (await sam.get("/figures")).text
        house.clock.move(301)
        await house.writer.write(lambda tx: escalate_due(tx, house.index))
        after = (await sam.get("/figures")).text
    assert "<dt>Promises not kept</dt><dd>0<" in before
    assert "<dt>Promises not kept</dt><dd>1<" in after
    assert '<th scope="col">Promises not kept</th>' in after
