"""docs/rules.md has the settings as they are. ``python -m tests.rules.test_docs`` writes its tables anew."""

import re
import sys
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rules import continence, fall, inhibition, intervals
from rules.custom_condition import Condition
from rules.custom_fields import FIELDS
from rules.registry import RULES, RuleType

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
MARKED = re.compile(r"<!-- (?P<what>[a-z_: ]+) -->\n(?P<table>.*?)<!-- end -->", re.DOTALL)
BOUNDS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}


def in_toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case time():
            return f"{value:%H:%M}"
        case tuple():
            return f"[{', '.join(map(in_toml, value))}]"
        case _:
            return str(value)


def settings_table(settings: type[BaseModel]) -> Iterator[str]:
    yield "| setting | default | bounds | what and why |"
    yield "|---|---|---|---|"
    for name, field in settings.model_fields.items():
        if name == "rule":
            continue
        if field.default is PydanticUndefined:
            default = "(needed)"
        elif field.default is None:
            default = "(none)"
        else:
            default = f"`{in_toml(field.default)}`"
        bounds = " ".join(
            f"{said} {getattr(limit, word):g}"
            for limit in field.metadata
            for word, said in BOUNDS.items()
            if hasattr(limit, word)
        )
        yield f"| `{field.alias or name}` | {default} | {bounds} | {field.description} |"


def overview() -> Iterator[str]:
    """One line for each rule: its word, what people call it, and the first sentence of its file."""
    yield "| rule | title | what it is about |"
    yield "|---|---|---|"
    for kind in RULES:
        words = (sys.modules[kind.build.__module__].__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")
        about = re.sub(r" \(rules\.\w+\)", "", words)
        yield f"| [`{kind.name}`](#{anchor(kind)}) | {kind.title} | {about} |"


def anchor(kind: RuleType) -> str:
    """The anchor of the rule's section."""
    return f"{kind.title} ({kind.name})".lower().translate(str.maketrans(" ", "-", "()`"))


def state_table(stands: list[str], words: list[str], cell: dict[tuple[str, str], str]) -> Iterator[str]:
    yield f"| | {' | '.join(words)} |"
    yield "|---" * (len(words) + 1) + "|"
    for stand in stands:
        yield f"| **{stand}** | {' | '.join(cell[stand, word] for word in words)} |"


def falls() -> Iterator[str]:
    cells = {(str(stand), phase): str(todo.value) for (stand, phase), todo in fall.TABLE.items()}
    return state_table(list(fall.Stand), ["suspected", "detected", "confirmed", "cancelled", "ended"], cells)


def continences() -> Iterator[str]:
    cells = {(str(stand), word): str(after) for (stand, word), after in continence.TABLE.items()}
    return state_table(list(continence.Stand), ["dry", "some", "change_due", "leak"], cells)


def limits() -> Iterator[str]:
    yield "| type | hours |"
    yield "|---|---|"
    for name, limit_s in intervals.LIMITS_S.items():
        yield f"| {name} | {limit_s / 3600:g} |"


def inhibitions() -> Iterator[str]:
    yield "| stronger | weaker | within | why |"
    yield "|---|---|---|---|"
    for one in inhibition.INHIBITIONS:
        yield f"| `{one.winner}` | `{one.loser}` | {one.within.total_seconds() / 60:g} min | {one.why} |"


def fields() -> Iterator[str]:
    yield "| kind | fields |"
    yield "|---|---|"
    for kind, known in FIELDS.items():
        told = (
            f"`{field.name}` {', '.join(field.words) or field.unit.strip() or field.holds}" for field in known.values()
        )
        yield f"| `{kind}` | {'; '.join(told)} |"


TABLES = (
    {"overview": "\n".join(overview())}
    | {f"settings: {kind.name}": "\n".join(settings_table(kind.settings)) for kind in RULES}
    | {
        "falls": "\n".join(falls()),
        "continence": "\n".join(continences()),
        "limits": "\n".join(limits()),
        "inhibitions": "\n".join(inhibitions()),
        "conditions": "\n".join(settings_table(Condition)),
        "fields": "\n".join(fields()),
    }
)


@pytest.mark.parametrize("what", TABLES)
def test_the_page_has_the_table(what: str) -> None:
    found = {match["what"]: match["table"] for match in MARKED.finditer(PAGE.read_text())}
    assert found.get(what) == f"{TABLES[what]}\n", "run: python -m tests.rules.test_docs"


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.name)
def test_the_page_has_a_section_of_every_rule(kind: RuleType) -> None:
    assert f"## {kind.title} (`{kind.name}`)" in PAGE.read_text()


if __name__ == "__main__":
    PAGE.write_text(
        MARKED.sub(lambda match: f"<!-- {match['what']} -->\n{TABLES[match['what']]}\n<!-- end -->", PAGE.read_text())
    )
