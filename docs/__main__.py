"""Make everything in docs/ that is generated: ``python -m docs`` (``make docs``).

Tables and schemas come from the code that they describe; tests fail when a committed file is old. Pictures come from
a real run of the demo (docs/shots.py); they differ a little each time, so they are left alone without Chromium or
with ``--no-pictures``.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from devices import schema as messages
from docs import addresses, alerts, cli, glossary_page, schemas, shots, trial_page
from docs import devices as device_page
from tests.rules import test_docs as rules

DOCS = Path(__file__).parent


def message_files() -> dict[Path, str]:
    """JSON Schema of every kind of our own messages."""
    return {DOCS / "schema" / name: text for name, text in messages.files().items()}


def rule_files() -> dict[Path, str]:
    """docs/rules.md with the settings and tables of the rules."""
    text = rules.MARKED.sub(
        lambda match: f"<!-- {match['what']} -->\n{rules.TABLES[match['what']]}\n<!-- end -->",
        rules.PAGE.read_text("utf-8"),
    )
    return {rules.PAGE: text}


SOURCES: tuple[Callable[[], dict[Path, str]], ...] = (
    schemas.files,
    alerts.files,
    cli.files,
    addresses.files,
    message_files,
    rule_files,
    device_page.files,
    glossary_page.files,
    trial_page.files,
)
"""Each gives generated files with their text."""


def files() -> dict[Path, str]:
    """Every generated text with its content as it should be now."""
    return {path: text for source in SOURCES for path, text in source().items()}


def main(arguments: list[str]) -> int:
    """Write what is not current; 2 for an argument that is not known."""
    if set(arguments) - {"--no-pictures"}:
        print(__doc__)
        return 2
    for path, text in files().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"{path.relative_to(DOCS.parent)}: made anew")
    if "--no-pictures" not in arguments:
        shots.make()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
