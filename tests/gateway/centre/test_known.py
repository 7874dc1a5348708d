"""A centre that is checked by what differs from the one before: the outcome is that of checking all of it."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.centre.index import CentreIndex
from gateway.centre.load import Checked, centre_from_document, checked, to_document
from gateway.centre.sheets import document_from, entries_in, sheets_of
from gateway.errors import CentreError
from tests.gateway.pipeline.chain import DEMO

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENT = to_document(DEMO)
BEFORE = checked(DOCUMENT)
TABLES = [table for table, entries in DOCUMENT.items() if isinstance(entries, list) and entries]
VALUES = [None, True, 1, 1.0, 0, "", "r01", "garden", "nora", "Ġużi", "2026-01-01T00:00:00Z", [], ["nora"], {}, -5]


@st.composite
def edits(draw: st.DrawFn) -> dict[str, Any]:
    """The document with one to three things in it changed, most of them for the worse."""
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(1, 3))):
        entries = document[draw(st.sampled_from(TABLES))]
        number = draw(st.integers(0, max(0, len(entries) - 1)))
        match draw(st.sampled_from(["remove", "repeat", "swap", "field", "field", "field", "inner"])):
            case _ if not entries:
                continue
            case "remove":
                del entries[number]
            case "repeat":
                entries.append(copy.deepcopy(entries[number]))
            case "swap":
                entries.insert(0, entries.pop(number))
            case "field":
                entries[number][draw(st.sampled_from(sorted(entries[number])))] = draw(st.sampled_from(VALUES))
            case "inner":
                inner = [one for one in entries[number].values() if isinstance(one, dict | list) and one]
                if inner:
                    found = draw(st.sampled_from(inner))
                    key: Any = draw(st.sampled_from(sorted(found) if isinstance(found, dict) else range(len(found))))
                    found[key] = draw(st.sampled_from(VALUES))
    return document


def outcome(document: dict[str, Any], known: Checked | None) -> Any:
    try:
        if known is None:
            return to_document(centre_from_document(document))
        found = checked(document, known=known.known)
        texts = {digest: entries_in(text) for digest, text in found.sheets.texts.items()}
        assert document_from(found.sheets.order, texts) == to_document(found.centre)
        return to_document(found.centre)
    except CentreError as error:
        return [str(problem) for problem in error.problems]


@settings(max_examples=60, deadline=None)
@given(edits())
def test_checking_what_differs_says_what_checking_all_says(document: dict[str, Any]) -> None:
    assert json.dumps(outcome(document, BEFORE)) == json.dumps(outcome(document, None))


@pytest.mark.parametrize("value", [True, 1, 1.0, "120"])
def test_what_only_looks_the_same_is_checked(value: object) -> None:
    """True and 1 are equal in Python; in a file they are not."""
    first = copy.deepcopy(DOCUMENT)
    first["policies"][0]["steps"][0]["wait_s"] = 1
    before = checked(first)
    first["policies"][0]["steps"][0]["wait_s"] = value
    assert outcome(first, before) == outcome(first, None)


def test_entries_that_stay_are_the_same_objects() -> None:
    changed = copy.deepcopy(DOCUMENT)
    changed["residents"][1]["note"] = "Hears badly."
    after = checked(changed, known=BEFORE.known)
    same = [a is b for a, b in zip(after.centre.residents, BEFORE.centre.residents, strict=True)]
    assert same.count(False) == 1
    assert not same[1]
    assert after.centre.residents[1].note == "Hears badly."


@pytest.mark.parametrize("kept", ["residents", "zones", "devices", "assignments", "care_plans", "centre"])
def test_an_index_keeps_the_rules_of_those_for_whom_nothing_changed(kept: str) -> None:
    before = CentreIndex(BEFORE.centre)
    before.warm(NOW)
    changed = copy.deepcopy(DOCUMENT)
    everybody = {one["id"] for one in changed["residents"]}
    mine = next(one["resident"] for one in changed["assignments"] if one.get("to") is None)
    concerned = {mine}
    match kept:
        case "residents":
            changed["residents"][0]["note"], concerned = "Another note.", set()
        case "zones":
            zone = changed["zones"][0]
            zone["name"] += " (new)"
            concerned = {
                plan["resident"]
                for plan in changed["care_plans"]
                for rule in plan["rules"]
                if rule.get("zone") == zone["id"] or zone["id"] in rule.get("zones", ())
            }
        case "devices":
            device = next(one["device"] for one in changed["assignments"] if one["resident"] == mine)
            next(one for one in changed["devices"] if one["id"] == device)["silent_after_s"] = 4321
        case "assignments":
            next(one for one in changed["assignments"] if one["resident"] == mine)["to"] = "2026-02-01T00:00:00Z"
        case "care_plans":
            plan = next(one for one in changed["care_plans"] if one["resident"] == mine)
            plan["rules"] = plan["rules"][:-1]
        case "centre":
            changed["centre"]["timezone"], concerned = "America/Lima", everybody
    after = CentreIndex(checked(changed, known=BEFORE.known).centre, before)
    after.warm(NOW)
    assert {one for one in everybody if not after.same_rules(before, one, NOW)} == concerned
    fresh = CentreIndex(centre_from_document(changed))
    for one in everybody:
        found, expected = after.rules_of(one, NOW), fresh.rules_of(one, NOW)
        assert (found.settings, found.zone_ids, found.others) == (expected.settings, expected.zone_ids, expected.others)
        assert after.devices_of(one, NOW) == fresh.devices_of(one, NOW)


def test_a_changed_entry_is_another_sheet_and_the_others_stay() -> None:
    entries = [{"id": f"r{number}", "note": "x" * 2000} for number in range(500)]
    before = sheets_of({"residents": entries})
    assert 5 < len(before.texts) < 100
    changed = sheets_of({"residents": [{**one, "note": "y"} if one["id"] == "r250" else one for one in entries]})
    assert len(changed.texts.keys() - before.texts.keys()) <= 2
    added = sheets_of({"residents": [{"id": "new"}, *entries]})
    assert len(added.texts.keys() - before.texts.keys()) <= 2
    texts = {digest: entries_in(text) for digest, text in before.texts.items()}
    assert document_from(before.order, texts) == {"residents": entries}
