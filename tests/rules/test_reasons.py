"""Every reason is a fixed msgid whose blanks are filled, so that it can be found, translated and shown."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import rules
from rules.engine import Failed
from rules.model import Reason, Tick
from tests.rules.story import T0
from tests.rules.test_properties import RULES, apply, events

FILES = sorted(Path(rules.__file__).parent.glob("*.py"))
BLANK = re.compile(r"\{(\w+)\}")
NUMERIC = ("_m", "_s", "_at", "_percent")


def reasons(path: Path) -> Iterator[tuple[int, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            yield node.lineno, node


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_text_is_a_literal_sentence(path: Path) -> None:
    for line, call in reasons(path):
        text = call.args[0]
        assert isinstance(text, ast.Constant), f"{path.name}:{line}: xgettext can only find a literal"
        assert isinstance(text.value, str)
        assert text.value.endswith("."), f"{path.name}:{line}"
        assert len(text.value) <= 120, f"{path.name}:{line}: too long for a telephone"
        if BLANK.search(text.value):
            assert len(call.args) == 2, f"{path.name}:{line}: blanks without values"


def test_there_are_reasons_to_look_at() -> None:
    assert sum(len(list(reasons(path))) for path in FILES) > 40


def check(reason: Reason) -> None:
    assert set(BLANK.findall(reason.text)) <= set(reason.values), reason
    for name, value in reason.values.items():
        expected: Any = (
            (int,) if name.endswith("_at") else (int, float) if name.endswith(NUMERIC) else (int, float, str)
        )
        assert isinstance(value, expected), f"{name} in {reason}"


@given(events())
def test_every_blank_is_filled_with_what_its_name_says(story: list[Any]) -> None:
    states = RULES.start(T0)
    for event in story:
        for change in [*apply(RULES, states, event), *apply(RULES, states, Tick(event.received_at))]:
            assert not isinstance(change.verdict, Failed)
            check(change.verdict.reason)
            for mark in getattr(change.verdict, "marks", ()):
                check(mark)
