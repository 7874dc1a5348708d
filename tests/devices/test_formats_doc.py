"""docs/formats.md: its examples run, and its tables are those of the code."""

import json
import re

import msgspec
import pytest

from devices import owntracks, traccar_words
from devices.errors import Why
from devices.model import KINDS
from devices.native_messages import MESSAGE_TYPES, Message
from devices.registry import FORMATS, decode
from tests.devices.cases import ROOT, frame, plain

TEXT = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
TABLE_ROWS = [line for line in TEXT.splitlines() if line.startswith("|")]
BLOCKS = re.compile(r"```json\n(.*?)```", re.DOTALL)
TOPIC = re.compile(r"sent to\s`([^`]+)`", re.IGNORECASE)


def examples() -> list[tuple[str, str, str]]:
    """Topic, message and readings: blocks come in pairs, the topic stands before the first."""
    found = []
    blocks = list(BLOCKS.finditer(TEXT))
    for message, readings in zip(blocks[::2], blocks[1::2], strict=True):
        topics = TOPIC.findall(TEXT[: message.start()])
        found.append((topics[-1], message[1], readings[1]))
    return found


@pytest.mark.parametrize(("topic", "message", "readings"), examples())
def test_an_example_gives_the_readings_beside_it(topic: str, message: str, readings: str) -> None:
    name = {"telecare": "native"}.get(topic.partition("/")[0], topic.partition("/")[0])
    got = decode(name, frame(topic, message.encode()))
    assert [plain(reading) for reading in got] == [json.loads(line) for line in readings.splitlines()]


def test_there_is_an_example_of_every_format() -> None:
    topics = [topic for topic, _, _ in examples()]
    assert len(topics) == len(set(topics)) + 1  # help is shown with and without a place
    for form in FORMATS:
        assert f"(`{form.name}`)" in TEXT
    for prefix in ("telecare/", "owntracks/", "traccar/"):
        assert any(topic.startswith(prefix) for topic in topics)


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def rows_after(heading: str) -> list[list[str]]:
    rows = TEXT.partition(heading)[2].lstrip("\n").partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_every_reason_is_in_the_table() -> None:
    assert [cells[0] for cells in rows_after('raises an "unreadable alarm".\n')] == [f"`{why}`" for why in Why]


def test_every_kind_and_field_is_in_the_table() -> None:
    rows = {row.split("|")[1].strip(" `"): row for row in TABLE_ROWS if "schema/native-" in row}
    assert tuple(rows) == KINDS
    for kind, row in rows.items():
        assert f"schema/native-{kind}.json" in row
        named = words(row)
        required = {field.name for field in msgspec.structs.fields(MESSAGE_TYPES[kind]) if field.required}
        for name in set(MESSAGE_TYPES[kind].__struct_fields__) - set(Message.__struct_fields__):
            if kind in ("help", "fall") and name != "phase":
                continue  # "the fields of a position"
            assert name in named or name in ("start", "end"), (kind, name)
            assert (f"**`{name}`**" in row) == (name in required), (kind, name)


def test_every_alarm_word_is_in_its_row() -> None:
    rows = rows_after("between them:\n")
    said = {word: cells[1] for cells in rows for word in words(cells[0])}
    assert set(said) == {
        *traccar_words.LIFE_SAFETY_WORDS,
        *traccar_words.STATUS_OF_ALARM,
        *traccar_words.PASSED_OVER_ALARMS,
    }
    for word, fields in traccar_words.STATUS_OF_ALARM.items():
        for name, value in fields.items():
            assert said[word] == f"`status` with `{name}` {str(value).lower()}"
    for word in traccar_words.PASSED_OVER_ALARMS:
        assert said[word].startswith("the `status` only")


def test_every_silent_type_and_event_is_in_its_row() -> None:
    rows = [row.strip("|").split("|") for row in TABLE_ROWS]
    (silent,) = [cells[0] for cells in rows if cells[-1].strip() == "read, no readings"]
    assert words(silent) == owntracks.SILENT_TYPES
    events = {word for cells in rows if cells[0].startswith(" event ") for word in words(cells[0])}
    assert events == {*traccar_words.STATUS_OF_EVENT, *traccar_words.ROOM_OF_EVENT}
