"""docs/beds-and-radars.md: its examples run, and its tables are those of the code."""

import json
import re

import pytest

from devices import bed, milesight_json, radar
from devices.registry import decode
from tests.devices.cases import ROOT, frame, plain

TEXT = (ROOT / "docs" / "beds-and-radars.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"Sent to\s`([^`]+)`:\n\n```\w+\n(.*?)```\n\nbecomes\n\n```json\n(.*?)```", re.DOTALL)
EXAMPLES = [match.groups() for match in BLOCKS.finditer(TEXT)]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


@pytest.mark.parametrize(("topic", "message", "readings"), EXAMPLES)
def test_an_example_gives_the_readings_beside_it(topic: str, message: str, readings: str) -> None:
    name = {"emfit": "emfit", "withings": "withings"}.get(topic.partition("/")[0], "radar")
    got = decode(name, frame(topic, message.strip().encode()))
    assert [plain(reading) for reading in got] == [json.loads(line) for line in readings.splitlines()]


def test_there_is_an_example_of_every_format() -> None:
    assert {topic.strip("/").partition("/")[0] for topic, _, _ in EXAMPLES} == {"emfit", "withings", "devices"}


@pytest.mark.parametrize("name", [name for name in vars(bed) if name.endswith("_WORDS")])
def test_every_word_of_a_bed_is_in_its_row(name: str) -> None:
    listed = getattr(bed, name)
    row = next(cells for cells in ROWS if f"`{listed[0]}`" in cells[0])
    assert set(listed) <= words(row[0])


def test_every_status_of_a_fall_is_in_its_row() -> None:
    said = {word: cells[1].strip("`") for cells in ROWS if len(cells) == 3 for word in words(cells[0])}
    assert {word: said[word] for word in radar.PHASES} == radar.PHASES


def test_every_event_of_a_vs373_has_a_row() -> None:
    numbers = [int(number) for cells in ROWS if len(cells) == 4 for number in re.findall(r"\b(\d) \w", cells[0])]
    assert sorted(numbers) == sorted(milesight_json.EVENTS)
