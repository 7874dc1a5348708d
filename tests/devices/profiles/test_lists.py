"""Lists in profiles: an object in a list's place, and conditions about a whole list."""

from typing import Any

import pytest

from devices.profiles.pointers import compile_each
from tests.devices.profiles.test_profile import flaws, made

NONE_OF = (
    '[[readings]]\nkind = "status"\n'
    'when = [{ each = "/events/*", at = "/type", none_of = ["fall", 0], missing = 0 }]\nonline = true\n'
)
SAID = [{"kind": "status", "online": True}]


@pytest.mark.parametrize(
    ("document", "items"),
    [
        ({"a": [1, None, 2]}, [1, 2]),
        ({"a": {"k": 1}}, [{"k": 1}]),
        ({"a": "word"}, []),
        ({"a": []}, []),
        ({}, []),
        ([], []),
    ],
)
def test_every_item_of_a_list_and_of_what_should_be_one(document: Any, items: list[Any]) -> None:
    assert compile_each("/a/*")(document) == items


@pytest.mark.parametrize(
    "document",
    [{"x": 1}, {"events": []}, {"events": "fall"}, {"events": [{"type": 5}, {"type": "bed"}]}, {"events": {"type": 1}}],
)
def test_no_item_has_one_of_these(document: dict[str, Any]) -> None:
    assert made(NONE_OF, document) == SAID


@pytest.mark.parametrize(
    "document",
    [{"events": [{"type": 5}, {"type": 0}]}, {"events": [{"id": 1}]}, {"events": {"type": "fall"}}],
)
def test_one_item_has_one_of_these(document: dict[str, Any]) -> None:
    assert made(NONE_OF, document) == []


@pytest.mark.parametrize(
    ("condition", "key"),
    [
        ('at = "/type", none_of = [0]', "readings[0].when[0]"),
        ('each = "/events/*", at = "/type", one_of = [0]', "readings[0].when[0]"),
        ('each = "events", at = "/type", none_of = [0]', "readings[0].when[0].none_of"),
        ('each = 5, at = "/type", none_of = [0]', "readings[0].when[0].none_of"),
        ('each = "/events/*", at = "/type", none_of = 0', "readings[0].when[0].none_of"),
        ('each = "/events/*", at = "type", none_of = [0]', "readings[0].when[0].at"),
    ],
)
def test_a_condition_about_a_list_that_makes_no_sense(condition: str, key: str) -> None:
    found = flaws(
        'vendor = "my"\nmodel = "thing"\ntitle = "t"\nsource = "s"\nformats = ["profile"]\n'
        f'[[readings]]\nkind = "status"\nwhen = [{{ {condition} }}]\nonline = true\n'
    )
    assert [where for where, _ in found] == [key]


def test_a_status_without_fields_is_a_sign_of_life_and_other_kinds_need_some() -> None:
    assert made('[[readings]]\nkind = "status"\n', {"x": 1}) == [{"kind": "status"}]
    head = 'vendor = "my"\nmodel = "thing"\ntitle = "t"\nsource = "s"\nformats = ["profile"]\n'
    assert flaws(f'{head}[[readings]]\nkind = "vitals"\n')


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[[readings]]\nkind = "vitals"\nheart_rate_bpm = { at = [] }', "readings[0].heart_rate_bpm.at"),
        (
            '[[readings]]\nkind = "vitals"\nheart_rate_bpm = { at = "/x", missing = 5000 }',
            "readings[0].heart_rate_bpm.missing",
        ),
        ('[[readings]]\nkind = "status"\nonline = { at = "/x", missing = "yes" }', "readings[0].online.missing"),
        ('names = ["--"]\n[[readings]]\nkind = "status"', "names[0]"),
        (
            '[[readings]]\nkind = "status"\n[[cases]]\nname = "c"\ntopic = 5\npayload = { a = 1 }\nreadings = []',
            "cases[0].topic",
        ),
    ],
)
def test_what_could_only_fail_later_is_told_when_it_is_read(text: str, key: str) -> None:
    head = 'vendor = "my"\nmodel = "thing"\ntitle = "t"\nsource = "s"\nformats = ["profile"]\n'
    assert [where for where, _ in flaws(head + text)] == [key]
