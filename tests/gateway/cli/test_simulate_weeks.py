"""``telecare simulate --out``: weeks without a broker."""

from pathlib import Path

import pytest

from tests.gateway.cli.test_tools import DEMO_FILE, telecare

WEEK = ["--centre", DEMO_FILE, "--start", "2026-03-02T00:00:00Z", "--weeks", "0.1"]


def test_a_recording_is_the_same_from_one_seed(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for file in (first, second):
        ran = telecare("simulate", *WEEK, "--faults", "all", "--out", file, "--json")
        assert ran.code == 0
        assert ran.json()[0]["messages"] == len(file.read_text().splitlines()) > 1000
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([*WEEK, "--faults", "rain", "--out", "x.jsonl"], "--faults: rain: expected all, or some of"),
        ([*WEEK, "--habits", "singing", "--out", "x.jsonl"], "--habits: singing: expected all, or some of"),
        ([*WEEK, "--faults", "loss"], "--faults: expected --out with it"),
        (["--centre", DEMO_FILE, "--out", "x.jsonl"], "--out: expected --centre FILE with it"),
        ([*WEEK, "--out", "/nowhere/x.jsonl"], "No such file or directory"),
    ],
)
def test_what_does_not_fit_is_said(options: list[object], said: str) -> None:
    ran = telecare("simulate", *options)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
