"""docs/zigbee.md and docs/home-automation.md: their examples run, and their tables name the words of the code."""

import json
import re

import pytest

from devices import registry, shelly, state_words, theengs
from devices import zigbee2mqtt_words as words
from devices.registry import decode
from tests.devices.cases import ROOT, frame, plain

PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("zigbee", "home-automation")}
SENT = re.compile(
    r"sent\s+to\s+`(?P<topic>[^`]+)`"
    r"(?:\s+as\s+`(?P<state>[^`]+)`, becomes|:\n\n```json\n(?P<message>.*?)```\n\nbecomes)"
    r"\n\n```json\n(?P<readings>.*?)```",
    re.DOTALL | re.IGNORECASE,
)
EXAMPLES = [found for text in PAGES.values() for found in SENT.finditer(text)]
FENCED = re.compile(r"```.*?```", re.DOTALL)
NAMED = {name: set(re.findall(r"`([^`]+)`", FENCED.sub("", text))) for name, text in PAGES.items()}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["topic"])
def test_an_example_gives_the_readings_beside_it(example: re.Match[str]) -> None:
    form = registry.of_topic(example["topic"])
    assert form is not None
    payload = (example["state"] or example["message"]).encode()
    got = decode(form.name, frame(example["topic"], payload))
    assert [plain(reading) for reading in got] == [json.loads(line) for line in example["readings"].splitlines()]


def test_every_block_of_json_is_an_example() -> None:
    blocks = sum(text.count("```json") for text in PAGES.values())
    assert blocks == sum(1 if example["state"] else 2 for example in EXAMPLES)
    assert len(EXAMPLES) >= 7


@pytest.mark.parametrize(
    "names",
    [
        words.HELP_ACTIONS, words.HELP_PROPERTIES, words.PRESS_ACTIONS, words.FALL_WORDS, words.FALL_ACTIONS,
        words.YES_WORDS, words.NO_WORDS - {""}, words.NO_PRESS_WORDS, words.FALL_FLAGS, words.FLAG_FALLS,
        words.THING_PROPERTIES, words.STATUS_FALLS, words.DROPPED_ACTIONS, words.PERSON_PROPERTIES,
        words.STATUS_POSTURES, words.PRESENCE_EVENTS, words.MOVEMENT_EVENTS, words.MOTION_STATES, words.BED_PROPERTIES,
        words.BED_COMPANY, words.BATTERY_STATES,
        *words.FALL_WORDS.values(),
    ],
)  # fmt: skip
def test_every_word_of_zigbee_is_named(names: set[str]) -> None:
    assert set(names) <= NAMED["zigbee"]


def test_every_mains_model_is_named() -> None:
    assert {name.lower() for name in NAMED["zigbee"]} >= words.MAINS_MODELS


@pytest.mark.parametrize(
    "names",
    [
        state_words.BINARY, state_words.NUMBERS, state_words.FALL_SENSORS, state_words.FALL_TEXTS,
        state_words.PRESSED_ACTIONS, state_words.RELEASED_ACTIONS - {""}, state_words.CALL_TEXTS,
        shelly.FIRST_PRESSES, shelly.PRESSES, theengs.BUTTON_MODELS,
    ],
)  # fmt: skip
def test_every_word_of_home_automation_is_named(names: set[str]) -> None:
    assert set(names) <= NAMED["home-automation"]
