"""Write docs/devices.md from the cases in tests/vectors and of the profiles: ``python -m docs.devices``.

A case names the device that it stands for with ``device``, or with ``model`` for a profile; cases with neither are of
the format as a whole. ``since`` is the gateway's version that first read it; without it, FIRST.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from devices import registry
from devices.model import KINDS
from devices.profiles import library

PAGE = Path(__file__).with_suffix(".md")
VECTORS = Path(__file__).parents[1] / "tests" / "vectors"
BEGIN, END = "<!-- devices: made by python -m docs.devices -->", "<!-- devices end -->"
FIRST = "0.1.0"
"""The first version; all that has no ``since`` of its own came with it."""

_STEPS = {"help": "phase", "fall": "phase", "bed": "in_bed"}
"""Kinds of which the page tells every value that was seen in a case, with the field that holds it."""
_WORDS = {("bed", True): "in bed", ("bed", False): "out of bed"}


class Row(msgspec.Struct):
    """One device in one format, with what its cases show."""

    name: str
    since: str = FIRST
    told: dict[str, set[str]] = {}
    read: int = 0
    refused: int = 0


def cases() -> dict[str, list[dict[str, Any]]]:
    """The cases of each format that has some, in the order of the registry."""
    found = {}
    for form in registry.FORMATS:
        path = VECTORS / f"{form.name}.jsonl"
        if path.is_file():
            found[form.name] = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return found


def rows(of_format: Iterable[dict[str, Any]]) -> list[Row]:
    """The devices of a format's cases: the format as a whole first, then by name."""
    found: dict[str, Row] = {}
    for case in of_format:
        name = case.get("device") or case.get("model") or ""
        row = found.setdefault(name, Row(name))
        row.since = case.get("since", row.since)
        if "error" in case:
            row.refused += 1
            continue
        row.read += 1
        for reading in case["readings"]:
            kind = reading["kind"]
            values = row.told.setdefault(kind, set())
            if kind in _STEPS:
                value = reading[_STEPS[kind]]
                values.add(_WORDS.get((kind, value), str(value)))
    return _with_what_is_read(found.values())


def profile_rows() -> list[tuple[Row, str]]:
    """The devices with a profile that comes with the gateway, from the cases in it, each with its formats."""
    found = []
    for profile in library.load_bundled():
        lines = [
            {"device": profile.title, **({"error": case.error} if case.error else {"readings": case.readings})}
            for case in profile.cases
        ]
        found += [(row, ", ".join(f"`{name}`" for name in profile.formats)) for row in rows(lines) if row.read]
    return sorted(found, key=lambda pair: pair[0].name.lower())


def _with_what_is_read(found: Iterable[Row]) -> list[Row]:
    """By name; the cases of a device of which nothing is read are the format's own: a model that it refuses."""
    kept = {row.name: row for row in found if row.read or not row.name}
    general = kept.get("", Row(""))
    for row in found:
        if row.name not in kept:
            general.refused += row.refused
            kept[""] = general
    return sorted(kept.values(), key=lambda row: row.name.lower())


def tables() -> str:
    """The generated part of the page."""
    return "\n".join([*(_section(name, of_format) for name, of_format in cases().items()), _profiles()])


def filled(text: str) -> str:
    """The page's text with the generated part as it is now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{rest.partition(END)[2]}"


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    return {PAGE: filled(PAGE.read_text("utf-8"))}


def _section(name: str, of_format: list[dict[str, Any]]) -> str:
    lines = [
        f"## {registry.find(name).title} (`{name}`)",
        "",
        "| device | tells | since | tested with |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.name or 'any'} | {', '.join(_told(row)) or 'nothing of a person'} | {row.since} | {_tested(row)} |"
        for row in rows(of_format)
    ]
    return "\n".join([*lines, ""])


def _profiles() -> str:
    lines = [
        "## Devices with a profile of their own",
        "",
        "| device | formats | tells | since | tested with |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {formats} | {', '.join(_told(row))} | {row.since} | {_tested(row)} |"
        for row, formats in profile_rows()
    ]
    return "\n".join([*lines, ""])


def _told(row: Row) -> Iterator[str]:
    for kind in KINDS:
        if kind in row.told:
            values = row.told[kind]
            yield (
                f"**{kind}** ({', '.join(sorted(values))})"
                if kind in ("help", "fall")
                else (", ".join(sorted(values)) if values else kind)
            )


def _tested(row: Row) -> str:
    messages = f"{row.read} message{'' if row.read == 1 else 's'}"
    return f"{messages}, {row.refused} refused" if row.refused else messages


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
