"""The repository's own pages: their text, links and marked blocks."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("bench/*.md")])

_BLOCK = re.compile(r"<!-- (?P<what>run|file)(?:: (?P<label>[^ ]+))? -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def blocks(page: Path, what: str) -> list[tuple[str, str]]:
    """The blocks after ``<!-- run -->``, ``<!-- run: label -->`` or ``<!-- file: path -->``, as (label, text)."""
    found = _BLOCK.finditer(page.read_text("utf-8"))
    return [(match["label"] or "", match["text"]) for match in found if match["what"] == what]


def prose(page: Path) -> str:
    """A page without its code."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    """Every link's target, pictures included."""
    return [match["target"] for match in _LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """The headings as GitHub names them in links."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
