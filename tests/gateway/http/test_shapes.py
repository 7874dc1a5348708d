"""What clouds really send, to readings and alerts; and what survives kill -9."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.ingest.http_auth import HttpAuth
from gateway.ingest.http_options import HttpSender
from gateway.pipeline.pipeline import HTTP_ALARMS, HTTP_TELEMETRY
from gateway.settings.topic_template import check_template, fill
from gateway.store.database import FILE, reader
from tests.brokers import PATIENCE_S, until
from tests.gateway.http.post import SECRET, living, sos

ROOT = Path(__file__).parents[3]


async def test_traccar_forwards_positions_and_events(tmp_path: Path) -> None:
    position = {
        "id": 0, "deviceId": 7, "protocol": "gt06", "serverTime": "2026-03-01T21:00:00.000+00:00",
        "deviceTime": "2026-03-01T20:59:58.000+00:00", "fixTime": "2026-03-01T20:59:58.000+00:00", "valid": True,
        "latitude": 35.89, "longitude": 14.4, "altitude": 12.0, "speed": 1.0, "course": 90.0, "accuracy": 5.0,
        "attributes": {"batteryLevel": 81},
    }  # fmt: skip
    device = {"id": 7, "uniqueId": "8640001", "name": "Pendant"}
    async with living(tmp_path) as life:
        body = json.dumps({"position": position, "device": device}).encode()
        assert (await life.client.post("/in/positions", content=body, auth=("traccar", SECRET))).status_code == 200
        rows = {row[0]: json.loads(row[1]) for row in life.rows("SELECT kind, fields FROM readings")}
        assert rows["position"]["lon"] == 14.4
        assert rows["position"]["speed_mps"] == pytest.approx(1852 / 3600)
        assert rows["status"]["battery_percent"] == 81
        event = {"type": "alarm", "id": 5, "attributes": {"alarm": "sos,lowBattery"}}
        assert (await life.press({"event": event, "position": position, "device": device})).status_code == 200
        # the position that carries the same alarm comes by the other way: one event, whichever is first
        position["attributes"] = {"alarm": "sos"}
        body = json.dumps({"position": position, "device": device}).encode()
        assert (await life.client.post("/in/positions", content=body, auth=("traccar", SECRET))).status_code == 200
        (alert,) = life.alerts("help")
        assert (alert.resident, alert.repeats) == ("r01", 0)


def sender(form: str, topic: str, **more: Any) -> HttpSender:
    auth = HttpAuth(kind="header", secret=SECRET, header="X-Key")
    return HttpSender(**{"name": "hook", "format": form, "lane": HTTP_TELEMETRY, "topic": topic, "auth": auth, **more})


TTS_TOPIC = "v3/{body/end_device_ids/application_ids/application_id}/devices/{body/end_device_ids/device_id}/{path}"
CHIRPSTACK_TOPIC = "application/{body/deviceInfo/applicationId}/device/{body/deviceInfo/devEui}/event/{query.event}"


async def test_tts_webhooks_get_the_topic_of_their_mqtt_server(tmp_path: Path) -> None:
    said = {
        "end_device_ids": {"device_id": "button-1", "application_ids": {"application_id": "haven"}},
        "received_at": "2026-03-01T20:59:59.500Z",
        "uplink_message": {
            "f_port": 85, "f_cnt": 3, "frm_payload": "/y4B", "decoded_payload": {"press": "short", "battery": 98},
            "version_ids": {"brand_id": "milesight-iot", "model_id": "ws101"},
        },
    }  # fmt: skip
    async with living(tmp_path, senders=(sender("tts", TTS_TOPIC),)) as life:
        answer = await life.client.post("/in/hook/up", content=json.dumps(said).encode(), headers={"X-Key": SECRET})
        assert answer.status_code == 200
        assert life.rows("SELECT topic FROM journal") == [("v3/haven/devices/button-1/up",)]
        assert life.rows("SELECT * FROM quarantine") == []
        assert ("help", "tts:button-1") in life.rows("SELECT kind, device FROM readings")
        assert life.rows("SELECT priority, resident FROM alerts") == [("high", None)]  # of nobody, but a call for help


async def test_chirpstack_events_get_the_topic_of_their_mqtt_integration(tmp_path: Path) -> None:
    said = {
        "deviceInfo": {"applicationId": "app-1", "devEui": "24e124fffef00001", "deviceProfileName": "Milesight WS101"},
        "fPort": 85,
        "object": {"press": "short", "battery": 98},
    }
    async with living(tmp_path, senders=(sender("chirpstack", CHIRPSTACK_TOPIC),)) as life:
        answer = await life.client.post(
            "/in/hook?event=up", content=json.dumps(said).encode(), headers={"X-Key": SECRET}
        )
        assert answer.status_code == 200
        assert life.rows("SELECT topic FROM journal") == [("application/app-1/device/24e124fffef00001/event/up",)]
        assert life.rows("SELECT * FROM quarantine") == []
        assert life.rows("SELECT kind, device FROM readings")[0] == ("help", "chirpstack:24e124fffef00001")


async def test_a_form_is_handed_on_as_it_is(tmp_path: Path) -> None:
    """Withings sends forms, and shows who it is by nothing but the address."""
    hook = sender("withings", "withings/{path}", auth=HttpAuth(kind="path", secret=SECRET), lane=HTTP_ALARMS)
    async with living(tmp_path, senders=(hook,)) as life:
        form = {"userid": "12345", "appli": "51", "startdate": "1772398800", "enddate": "1772398801"}
        assert (await life.client.post(f"/in/hook/{SECRET}/notify", data=form)).status_code == 200
        assert life.rows("SELECT topic, payload FROM journal") == [
            ("withings/notify", b"userid=12345&appli=51&startdate=1772398800&enddate=1772398801")
        ]
        (fields,) = life.rows("SELECT fields FROM readings WHERE kind = 'bed'")
        assert json.loads(fields[0])["in_bed"] is False


BODY = json.dumps({"a": {"b": "x", "n": 7, "l": ["y"], "t": True, "": "e"}, "s/t": "z"}).encode()


@pytest.mark.parametrize(("template", "topic"), [
    ("a/b", "a/b"), ("t/{path}", "t/p/q"), ("t/{query.event}", "t/up"), ("t/{query.nothing}", "t/-"),
    ("t/{body/a/b}", "t/x"), ("t/{body/a/n}/{body/a/b}", "t/7/x"), ("t/{body/a/l/0}", "t/y"), ("t/{body/s~1t}", "t/z"),
    ("t/{body/a/l/1}", "t/-"), ("t/{body/a/l/x}", "t/-"), ("t/{body/a}", "t/-"), ("t/{body/a/t}", "t/-"),
    ("t/{body/no/such}", "t/-"),
])  # fmt: skip
def test_templates(template: str, topic: str) -> None:
    check_template(template)
    assert fill(template, path="p/q", query={"event": "up"}, body=BODY) == topic


@pytest.mark.parametrize("body", [b"", b"\xff", b"[", b"7", b"null", b"[" * 100_000])
def test_a_message_that_cannot_be_read_still_gets_a_topic(body: bytes) -> None:
    assert fill("t/{body/a/b}", path="", query={}, body=body) == "t/-"


def test_nothing_in_a_message_means_something_in_a_topic() -> None:
    body = json.dumps({"a": "x/../#+\0$SYS\n"}).encode()
    assert (
        fill("t/{body/a}/{path}/{query.e}", path="#/+/a", query={"e": "a/b"}, body=body) == "t/x_.._____SYS_/_/_/a/a_b"
    )
    assert len(fill("t/{path}", path="x" * 100_000, query={}, body=b"")) <= 512


@pytest.mark.parametrize(
    "template", ["", "a/+/b", "#", "$SYS/x", "{nothing}", "{body}", "{path", "a}", "a" * 600, "x\0"]
)
def test_templates_that_make_no_topic(template: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        check_template(template)


# kill -9


@asynccontextmanager
async def process(folder: Path, when: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    with (folder / f"{when}.log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.gateway.http.crash", str(folder), when,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        assert running.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = b""
            while not line.startswith(b"port="):
                line = await running.stdout.readline()
                assert line, (folder / f"{when}.log").read_text()
        yield running, f"http://127.0.0.1:{line.decode().strip().partition('=')[2]}"
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def press(url: str) -> int:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        answer = await client.post(f"{url}/in/traccar", json=sos(), headers={"X-Telecare-Key": SECRET})
        return answer.status_code


@pytest.mark.parametrize(("when", "kept", "redelivered"), [("before", 0, 0), ("after", 1, 1)])
async def test_kill_9_and_the_sender_that_comes_again(tmp_path: Path, when: str, kept: int, redelivered: int) -> None:
    """No 2xx, so the sender repeats; its message, which carries no id, is stored and told exactly once."""

    def journal() -> list[tuple[int, int]]:
        with closing(reader(tmp_path / FILE)) as db:
            return [(row[0], row[1]) for row in db.execute("SELECT seq, redelivered FROM journal")]

    async with process(tmp_path, when) as (running, url):
        with pytest.raises(httpx.TransportError):
            await press(url)
        await until(lambda: running.returncode is not None)
    assert len(journal()) == kept
    async with process(tmp_path, "never") as (_, url):
        assert await press(url) == 200
        assert journal() == [(1, redelivered)]
        with closing(reader(tmp_path / FILE)) as db:
            assert [tuple(row) for row in db.execute("SELECT rule, repeats FROM alerts")] == [("help", 0)]
        # and a second press is a second press, so soon after the start too
        assert await press(url) == 200
        assert len(journal()) == 2
