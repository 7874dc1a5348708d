"""Values of the centre file as a manager reads them in the history, before taking out, and in the audit."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.console import audit_words
from gateway.console.audit_words import ACTIONS
from gateway.console.change_values import entry_name, label_of, value_said
from gateway.console.pages import Tongue
from tests.gateway.console.living import HOME

INDEX = CentreIndex(centre_from_document(HOME))
TONGUE = Tongue("en", ZoneInfo("Europe/Malta"), datetime(2026, 3, 1, 2, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("relatives", ["rita", "nobody"], "Rita Vella, nobody"),
        ("steps", [{"to": ["nora"], "wait_s": 120}, {"to": []}], "To: Nora Borg; Wait: 2 minutes / –"),
        ("resident", "r01", "Carmen Vella"),
        ("device", "b1", "Help button b1"),
        ("ward", "north_wing", "North wing"),
        ("rounds", ["19:00:00"], "19:00"),
        ("from", "2026-01-05T00:00:00Z", "5 Jan 2026"),
        ("from", "2026-01-05T12:30:00Z", "5 Jan 2026 13:30"),
        ("from", "2026-99-05T12:30:00Z", "2026-99-05T12:30:00Z"),
        ("within_m", 50, "50 m"),
        ("most", 3.0, "3"),
        ("mains", True, "yes"),
        ("photo", "data:image/png;base64,AA", "a photo"),
        ("note", "", "–"),
        ("quiet", {"from": "22:00:00", "to": None}, "From: 22:00"),
    ],
)
def test_a_value_in_words(key: str, value: Any, said: str) -> None:
    assert value_said(value, key, INDEX, TONGUE) == said


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        ("assignments", "b1/r01/2026-01-01T00:00:00Z", "Help button b1 → Carmen Vella (1 Jan 2026)"),
        ("care_plans", "r02", "Joseph <b>Borg</b>"),
        ("carers", "nora", "Nora Borg"),
        ("devices", "gone", "gone"),
        ("zones", "garden", "garden"),
    ],
)
def test_an_entry_by_its_name(table: str, key: str, name: str) -> None:
    assert entry_name(table, key, INDEX, TONGUE) == name


def test_a_key_without_a_label_is_said_by_its_own_words() -> None:
    assert label_of("decide_within_s", TONGUE) == "Decide within"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("resident/r01/looks", "Carmen Vella, Who looked"),
        ("sleep/r01/2026-02-28", "Carmen Vella, Sleep, Saturday 28 February"),
        ("centre/3/assignments/b1/r01/2026-01-01T00:00:00Z",
         "Version 3, Who has which device, Help button b1 → Carmen Vella (1 Jan 2026)"),
        ("centre/3", "Version 3"),
        ("alert/12", "Alert 12"),
        ("carer/nora", "Nora Borg"),
        ("rounds", "Rounds"),
        ("resident/@7", "@7"),
        ("something/else", "something/else"),
    ],
)  # fmt: skip
def test_what_a_line_of_the_audit_is_about(target: str, said: str) -> None:
    assert audit_words.about(target, INDEX, TONGUE) == said


def test_the_details_of_a_line() -> None:
    detail = {"via": "api", "rule": "silent:b1", "leaves": "nora", "address": "127.0.0.1"}
    said = audit_words.details("rule.shelve", detail, INDEX, TONGUE)
    assert said.startswith("with another program; ")
    assert said.endswith("; Leaves: Nora Borg; Address: 127.0.0.1")
    assert "silent:b1" not in said
    assert audit_words.details("look", {"via": "page"}, INDEX, TONGUE) == ""


def test_every_action_is_called_something_else_than_its_word() -> None:
    assert all(audit_words.done(action, TONGUE) != action for action in ACTIONS)
    assert audit_words.done("new.action", TONGUE) == "new.action"
