"""docs/promises.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_each_promise_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "promises.md").read_text("utf-8")
    chapters = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [chapter[0] for chapter in chapters] == list("12345678")
    for chapter in chapters:
        named = NAMED.findall(chapter)
        assert named, chapter[:60]
        for path, name in named:
            source = (ROOT / path).read_text("utf-8")
            assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), f"{path} has no {name}"
