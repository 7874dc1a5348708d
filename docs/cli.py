"""Write the command reference into docs/cli.md from the commands themselves: ``python -m docs.cli``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from gateway.cli.main import app

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- commands: made by python -m docs.cli -->", "<!-- commands end -->"
WIDTH = 110


def commands() -> dict[str, Any]:
    """Every command that does something, by what is typed: ``telecare centre apply``."""
    return dict(_walk("telecare", typer.main.get_command(app)))


def help_of(name: str, command: Any) -> str:
    """What ``--help`` prints."""
    context = typer.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def reference() -> str:
    """The generated part of the page."""
    return "\n".join(
        f"### `{name}`\n\n```text\n{help_of(name, command)}\n```\n" for name, command in commands().items()
    )


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    return {PAGE: f"{before}{BEGIN}\n{reference()}{END}{rest.partition(END)[2]}"}


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None or command.invoke_without_command:
        yield name, command
    if below is None:
        return
    for word, child in below.items():
        yield from _walk(f"{name} {word}", child)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
