"""Recordings and the alerts that must come out of them, to the letter (recordings/ beside this file).

What the rules should say and when they should be silent is in tests/scenarios.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.app import replay as replaying
from gateway.app.replay import BadMessageError, Recorded, read_messages, replay
from gateway.centre.load import load_centre

FOLDER = Path(__file__).parent / "recordings"
HOUSE = load_centre(FOLDER / "centre.toml")
RECORDINGS = sorted(path.name.removesuffix(".jsonl") for path in FOLDER.glob("*.jsonl") if ".alerts." not in path.name)


def recording(name: str) -> list[Recorded]:
    with (FOLDER / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return read_messages(lines, file=f"{name}.jsonl")


def played(messages: list[Recorded], until: str | None = None) -> str:
    end = datetime.fromisoformat(until) if until else None
    return "".join(msgspec.json.encode(alert).decode() + "\n" for alert in replay(HOUSE, messages, until=end))


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_alerts_are_these_and_no_others(name: str) -> None:
    assert played(recording(name)) == (FOLDER / f"{name}.alerts.jsonl").read_text("utf-8")


def test_the_same_comes_out_each_time() -> None:
    messages = recording("silent")
    assert played(messages) == played(messages)


def test_the_order_of_the_lines_does_not_matter() -> None:
    """A recording of several brokers is not sorted; the messages' own times are what counts."""
    lines = (FOLDER / "zone-exit.jsonl").read_text().splitlines()
    assert played(read_messages(reversed(lines), file="x")) == (FOLDER / "zone-exit.alerts.jsonl").read_text()


def line(at: str = "2026-03-02T10:00:00Z", topic: str = "telecare/haven/sos-r01/help", **rest: Any) -> str:
    return json.dumps({"received_at": at, "topic": topic, **rest})


PRESS = {"v": 1, "id": "h-1", "phase": "pressed"}


@pytest.mark.parametrize(
    "rest",
    [
        {"payload": PRESS},
        {"payload": json.dumps(PRESS)},
        {"payload_base64": "eyJ2IjoxLCJpZCI6ImgtMSIsInBoYXNlIjoicHJlc3NlZCJ9"},
        {"payload": PRESS, "format": "native"},
    ],
)
def test_a_payload_may_be_json_text_or_base64(rest: dict[str, Any]) -> None:
    (alert,) = replay(HOUSE, read_messages([line(**rest)], file="x"))
    assert (alert.rule, alert.resident) == ("help", "r01")


def test_bytes_that_are_no_text_travel_in_base64() -> None:
    (message,) = read_messages([line(payload_base64="//4A")], file="x")
    assert message.payload == b"\xff\xfe\x00"


def test_empty_lines_are_passed_over() -> None:
    assert len(read_messages(["", line(payload=PRESS), "  \n"], file="x")) == 1
    assert played([]) == ""


def test_every_bad_line_is_told() -> None:
    bad = {
        "not JSON": "{",
        "no object": "[]",
        "no time": json.dumps({"topic": "a", "payload": 1}),
        "no topic": json.dumps({"received_at": "2026-03-02T10:00:00Z", "payload": 1}),
        "no payload": line(),
        "two payloads": line(payload=1, payload_base64="AA=="),
        "a time without a zone": line("2026-03-02T10:00:00", payload=1),
        "no time at all": line("yesterday", payload=1),
        "a time before the gateway": line("0001-01-01T00:00:00Z", payload=1),
        "a time far away": line("9999-12-31T23:59:59Z", payload=1),
        "a topic that nobody listens to": line(topic="a/b", payload=1),
        "a format that nobody knows": line(payload=1, format="morse"),
        "no base64": line(payload_base64="%%%"),
        "an unknown key": line(payload=1, qos=1),
        "a bomb": line(payload=1)[:-2] + "[" * 100_000,
    }
    with pytest.raises(BadMessageError) as caught:
        read_messages([*bad.values(), line(payload=PRESS)], file="night.jsonl")
    told = {problem.key: problem for problem in caught.value.problems}
    assert list(told) == [f"line {number}" for number in range(1, len(bad) + 1)]
    assert all(problem.file == "night.jsonl" and len(str(problem)) < 400 for problem in told.values())
    assert all(len(problem.expected) > 8 for problem in told.values())


def test_time_stands_still_after_the_last_message_unless_told() -> None:
    messages = recording("bed-exit-at-night")[:4]  # out of bed, not back
    assert played(messages) == ""
    assert played(messages, "2026-03-02T01:44:59Z") == ""
    (alert,) = [json.loads(text) for text in played(messages, "2026-03-02T01:45:00Z").splitlines()]
    assert (alert["rule"], alert["raised_at"]) == ("bed_exit", "2026-03-02T01:45:00Z")


def test_an_end_before_the_last_message_changes_nothing() -> None:
    messages = recording("sos")
    assert played(messages, "2020-01-01T00:00:00Z") == played(messages)


def test_a_long_silence_is_judged_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts that nobody answers are escalated without end; the rules' deadlines after all that are taken in time."""
    monkeypatch.setattr(replaying, "_ESCALATIONS", 20)
    found = [json.loads(text) for text in played(recording("sos"), "2026-03-03T13:00:00Z").splitlines()]
    told = {alert["reason"].split()[0]: alert["raised_at"] for alert in found if alert["rule"] == "silent"}
    assert told["gps-r01"] == "2026-03-02T12:06:00Z"  # 2 hours and their 5 %
    assert told["sos-r09"] == "2026-03-03T12:15:00Z"  # 25 hours and their 5 %


def test_progress_is_told_for_every_message() -> None:
    seen: list[int] = []
    messages = recording("zone-exit")
    list(replay(HOUSE, messages, progress=lambda: seen.append(1)))
    assert len(seen) == len(messages)
