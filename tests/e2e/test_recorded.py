"""Recorded payloads of real devices, through a real broker, to carers on real channels, and back by their links."""

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w

from devices.errors import UnreadableError
from devices.registry import decode
from gateway.store import centres
from gateway.store.database import reader
from simulators.carer import Answer, Outcome, press
from tests.brokers import run_nats, send, until
from tests.devices.cases import frame, shared
from tests.faults.harness.book import Book
from tests.faults.harness.process import daemon_of, telecare
from tests.faults.harness.receivers import Mailbox, Web, link_in
from tests.faults.harness.ward import LONG_AGO, apply, write_centre, write_config

pytestmark = pytest.mark.slow

RULE_OF = {"sos": "help", "fallDown": "fall"}
HOUR_S = 3600
DECODED_AS = {"owntracks": "owntracks", "traccar-event": "traccar", "traccar-position": "traccar"}


def device_of(row: dict[str, Any]) -> str:
    """The address under which the centre file registers it."""
    if row["format"] == "owntracks":
        return "/".join(row["topic"].split("/")[1:3])
    return str(row["payload"]["device"]["uniqueId"])


def write_recorded_centre(folder: Path, rows: list[dict[str, Any]], policies: dict[str, str], web: str) -> Path:
    """One resident for each device of the recordings; ``policies`` says whose alerts go another way than ``web``."""
    devices = sorted({(DECODED_AS[row["format"]], device_of(row)) for row in rows})
    ways = {
        "nora": ("smtp", "nora@example.org"), "desk": ("webhook", web), "luca": ("webhook", web),
        "next": ("webhook", web), "sam": ("smtp", "sam@example.org"),
    }  # fmt: skip
    steps = {"mail": [("nora", HOUR_S)], "web": [("desk", HOUR_S)], "left": [("luca", 2), ("next", HOUR_S)]}
    document: dict[str, Any] = {
        "centre": {"id": "rec", "name": "Recorded", "timezone": "UTC", "language": "en"},
        "residents": [{"id": f"r{n}", "name": f"Resident {n}", "room": str(n)} for n, _ in enumerate(devices)],
        "devices": [
            {"id": f"d{n}", "type": "tracker", "format": form, "address": address}
            for n, (form, address) in enumerate(devices)
        ],
        "assignments": [{"device": f"d{n}", "resident": f"r{n}", "from": LONG_AGO} for n, _ in enumerate(devices)],
        "carers": [
            {
                "id": name, "name": name.title(), "language": "en", "role": "carer",
                "contacts": [{"channel": channel, "address": address}],
            }
            for name, (channel, address) in ways.items()
        ],
        "policies": [
            {"id": name, "failsafe": ["sam"], "steps": [{"to": [who], "wait_s": wait_s} for who, wait_s in ladder]}
            for name, ladder in steps.items()
        ],
        "care_plans": [
            {
                "resident": f"r{n}", "policy": policies.get(address, "web"), "consents": {"location": "alarm"},
                "rules": [{"rule": "help"}, {"rule": "fall", "cancel_within_s": 0}],
            }
            for n, (_, address) in enumerate(devices)
        ],
    }  # fmt: skip
    path = folder / "centre.toml"
    path.write_text(tomli_w.dumps(document))
    return path


def unreadable(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """(payload, reason) of what the decoders refuse."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        try:
            decode(DECODED_AS[row["format"]], frame(row["topic"], row["payload"]))
        except UnreadableError as error:
            found[json.dumps(row["payload"]), error.why] += 1
    return found


async def test_recorded_alarms_reach_carers_who_answer_by_link_or_are_passed_over(tmp_path: Path) -> None:
    rows = [row for name in DECODED_AS for row in shared(name)]
    alarms = {
        (device_of(row), RULE_OF[word])
        for row in rows
        if row["format"] == "traccar-event"
        for word in row["expected"]["alarms"]
        if word in RULE_OF
    }
    pressed = sorted(device for device, rule in alarms if rule == "help")
    assert len(pressed) > 10
    assert any(rule == "fall" for _, rule in alarms)
    by_mail, left_alone, by_web = pressed[:3]
    web, mailbox = Web(), Mailbox()
    async with run_nats(tmp_path / "broker") as broker, web.running():
        with mailbox.running():
            centre = write_recorded_centre(tmp_path, rows, {by_mail: "mail", left_alone: "left"}, web.url)
            config = write_config(tmp_path, port=broker.port, protocol="3.1.1", smtp_port=mailbox.port)
            await apply(centre, config)
            book = Book(tmp_path / "data")
            async with daemon_of(config) as daemon, httpx.AsyncClient(follow_redirects=True) as browser:
                # broken ones among them, so that there is a quarantine whatever the recordings hold
                broken = [("owntracks/USER/DEVICE", b'{"_type": "location"'), ("traccar/positions", b"[1]")]
                messages = [(row["topic"], json.dumps(row["payload"]).encode()) for row in rows]
                await send(broker.port, messages + broken)
                await until(lambda: book.number("SELECT count(*) FROM journal") == len(messages) + 2, what="all stored")
                await until(lambda: book.waiting() == 0, what="all told")

                with closing(reader(book.path)) as db:
                    devices = (centres.document_of(db, 1) or {})["devices"]
                address_of = {row["id"]: row["address"] for row in devices}
                alerts = {(address_of[row["device"]], row["rule"]): row for row in book.alerts()}
                assert alarms <= alerts.keys(), "each recorded SOS and fall is an alert"
                assert {rule for _, rule in alerts} == {"help", "fall"}
                told = {one.data["alert"] for one in web.deliveries}
                mailed = mailbox.to("nora@example.org")
                assert told == {row["id"] for (device, _), row in alerts.items() if device != by_mail}
                assert len(mailed) >= 1

                # one answers by the link in the e-mail: looking is no answer, pressing is one
                mine = alerts[by_mail, "help"]["id"]
                link = next(link_in(mail) for mail in mailed)
                assert (await browser.get(link)).status_code == 200
                assert state_of(book, mine) == "open"
                assert await press(browser, link, Answer.GOING) is Outcome.TAKEN
                assert state_of(book, mine) == "acknowledged"

                # one by the webhook's link
                other = alerts[by_web, "help"]["id"]
                link_of = {one.data["alert"]: one.data["link"] for one in web.of("desk")}
                assert await press(browser, link_of[other], Answer.GOING) is Outcome.TAKEN
                assert state_of(book, other) == "acknowledged"

                # one is left alone: the next carer is told, and deals with it to the end
                alone = alerts[left_alone, "help"]["id"]
                await until(
                    lambda: [one for one in web.of("next") if one.data["alert"] == alone], what="the next carer"
                )
                assert {one.data["alert"] for one in web.of("next")} <= {
                    row["id"] for (device, _), row in alerts.items() if device == left_alone
                }
                last = next(one.data["link"] for one in web.of("next") if one.data["alert"] == alone)
                for answer in (Answer.GOING, Answer.ARRIVE, Answer.CLOSE):
                    assert await press(browser, last, answer) is Outcome.TAKEN
                closed = book.alerts(f"id = {alone}")[0]
                assert (closed["state"], closed["closed_by"]) == ("closed", "next")
                assert closed["outcome"]

                quarantine = Counter((bytes(row["payload"]).decode(), row["why"]) for row in book.quarantine())
                assert quarantine == unreadable(rows) + Counter(
                    {('{"_type": "location"', "not_json"): 1, ("[1]", "not_an_object"): 1}
                )
                log = daemon.said()
            done = await telecare("alerts", "--config", config, "--json")
    assert done.code == 0
    assert len(done.json()) == len(alerts) - 1, "all but the closed one"
    assert "_failed" not in log
    assert "Traceback" not in log
    print(
        f"\n{len(messages)} recorded messages of {len({device_of(row) for row in rows})} devices: "
        f"{len(alerts)} alerts, "
        f"{len(web.deliveries)} webhooks, {len(mailbox.mails)} e-mails, {sum(quarantine.values())} in quarantine"
    )


def state_of(book: Book, alert: int) -> str:
    return str(book.alerts(f"id = {alert}")[0]["state"])


def native(**fields: Any) -> bytes:
    return json.dumps({"v": 1, "id": "-".join(map(str, fields.values()))} | fields).encode()


DOOR: list[tuple[str, bytes, str]] = [
    ("position", b'{"v":1,"id":"1","lon":NaN,"lat":35.0}', "not_finite"),
    ("position", b'{"v":1,"id":"2","lon":Infinity,"lat":35.0}', "not_finite"),
    ("position", b'{"v":1,"id":"3","lon":1e400,"lat":35.0}', "not_finite"),
    ("status", b'{"v":1,"id":"4","battery_percent":true}', "wrong_type"),
    ("position", b'{"v":1,"id":"5","lon":14.0,"lat":35.0,"accuracy_m":99999999999999999999}', "big_integer"),
    ("position", b'{"v":1,"id":"\\ud800","lon":14.0,"lat":35.0}', "lone_surrogate"),
    ("position", b'{"v":1,"id":"7","x":' + b"[" * 2000 + b"]" * 2000 + b"}", "too_deep"),
    ("position", b'{"v":1,"id":"8","x":"' + b"x" * 100_000 + b'"}', "too_large"),
    ("position", b'{"v":1,"id":"9","lon":14.0,"lat":95.0}', "bad_position"),
    ("position", b'{"v":1,"id":"10","lon":14.0,"lat":35.0,"t":"2026-13-45T00:00:00Z"}', "bad_time"),
    ("position", b'{"v":1,"id":"11","lon":14.0,"lat":35.0,"t":-1}', "bad_time"),
    ("position", b"\xff\xfe", "not_utf8"),
    ("position", b"{", "not_json"),
    ("position", b"[]", "not_an_object"),
    ("position", b'{"v":1,"id":"15","lat":35.0}', "missing_field"),
    ("position", b'{"v":2,"id":"16","lon":14.0,"lat":35.0}', "unsupported_version"),
    ("status", b'{"v":1,"id":"17","battery_percent":101}', "out_of_range"),
    ("help", b'{"v":1,"id":"18","phase":"sleepy"}', "out_of_range"),
]


async def test_what_is_refused_at_the_door_is_put_aside_whole_while_good_messages_flow_on(tmp_path: Path) -> None:
    web = Web()
    async with run_nats(tmp_path / "broker") as broker, web.running():
        centre = write_centre(
            tmp_path,
            residents=1,
            carers={"desk": [("webhook", web.url)]},
            steps=[(["desk"], HOUR_S)],
            failsafe=["desk"],
        )
        config = write_config(tmp_path, port=broker.port, protocol="3.1.1")
        await apply(centre, config)
        book = Book(tmp_path / "data")
        async with daemon_of(config) as daemon:
            messages = []
            for number, (kind, payload, _) in enumerate(DOOR):
                messages.append((f"telecare/ward/b0/{kind}", payload))
                messages.append(("telecare/ward/b0/status", native(battery_percent=number)))
            messages.append(("telecare/ward/b0/help", native(phase="pressed")))
            await send(broker.port, messages)
            await until(lambda: book.number("SELECT count(*) FROM journal") == len(messages), what="all stored")
            await until(lambda: any(one.data["rule"] == "help" for one in web.deliveries), what="the press is told")
            await until(
                lambda: any(one.data["rule"] == "unreadable_alarm" for one in web.deliveries), what="so is that"
            )
            found = {bytes(row["payload"]): row["why"] for row in book.quarantine()}
            log = daemon.said()
        done = await telecare("quarantine", "--config", config, "--json")
    assert found == {payload: why for _, payload, why in DOOR}
    levels = book.all("SELECT fields ->> 'battery_percent' FROM readings WHERE kind = 'status' ORDER BY seq")
    assert [row[0] for row in levels] == list(range(len(DOOR))), "each good message in between was read"
    assert [row["rule"] for row in book.alerts()].count("help") == 1
    assert "_failed" not in log
    assert done.code == 0
    assert len(done.json()) == len(DOOR)
