"""A person's name in what others wrote."""

import json

import pytest

from gateway.centre.naming import ERASED, Names
from gateway.centre.without import without

CARMEN = Names(["Carmen Vella"])


@pytest.mark.parametrize(
    "text",
    [
        "Carmen Vella", "CARMEN VELLA", "carmen  vella", "Carmen\nVella", "Carmen\u00a0Vella", "Vella Carmen",
        "Vella, Carmen", "Carmen Vella’s", "(Carmen Vella)", json.dumps("up.\nCarmen Vella")[1:-1],
    ],
)  # fmt: skip
def test_a_name_is_found_however_it_is_written(text: str) -> None:
    left = CARMEN.out_of(text)
    assert ERASED in left
    assert "ella" not in left


def test_a_name_with_other_letters_is_found_as_json_writes_it_too() -> None:
    names = Names(["Ġużeppi Ħaż-Żabbar"])
    for written in (json.dumps, lambda text: json.dumps(text, ensure_ascii=False)):
        assert names.out_of(written("Ask Ġużeppi Ħaż-Żabbar.")) == '"Ask (erased)."'


@pytest.mark.parametrize("text", ["Carmen Vellacott", "Carmen", "Vella", "Carmenvella", "Ann Carmen Vella-Borg"])
def test_a_part_of_another_word_is_no_name(text: str) -> None:
    assert CARMEN.out_of(text) == text


def test_somebody_elses_longer_or_same_name_stays() -> None:
    names = Names(["Maria Borg"], ["Anna Maria Borg", "Maria Borg-Vella", "Joe"])
    text = "Anna Maria Borg and Maria Borg-Vella saw Maria Borg."
    assert names.out_of(text) == "Anna Maria Borg and Maria Borg-Vella saw (erased)."
    assert Names(["Maria Borg"], ["Maria Borg"]).out_of("Maria Borg fell.") == "Maria Borg fell."
    assert (
        Names(["Al"], ["Alma Grech"]).out_of("Alma is already here, Al too.") == "Alma is already here, (erased) too."
    )


def test_nobody_else_is_renamed_and_no_id_is_touched() -> None:
    document = {
        "residents": [
            {"id": "r1", "name": "nora", "room": "1"},
            {"id": "r2", "name": "Nora", "room": "2", "note": "A friend of Nora Grech."},
            {"id": "r3", "name": "Anna Nora", "room": "3"},
        ],
        "carers": [{"id": "nora", "name": "Nora Borg", "role": "carer"}],
        "policies": [{"id": "p", "steps": [{"to": ["nora"]}], "failsafe": ["nora"]}],
    }
    left = without(document, "r1").document
    assert [one["name"] for one in left["residents"]] == ["Nora", "Anna Nora"]
    assert left["carers"] == document["carers"]
    assert left["policies"] == document["policies"]
