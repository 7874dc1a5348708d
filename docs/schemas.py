"""Write docs/schema/*.json and the table of docs/settings.md from the models: ``python -m docs.schemas``."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.centre.schema import centre_schema
from gateway.settings.schema import gateway_schema

DOCS = Path(__file__).parent
BEGIN, END = "<!-- keys: made by python -m docs.schemas -->", "<!-- keys end -->"


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    page = DOCS / "settings.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    return {
        DOCS / "schema" / "centre.json": centre_schema() + "\n",
        DOCS / "schema" / "gateway.json": gateway_schema() + "\n",
        page: f"{before}{BEGIN}\n{settings_tables()}{END}{rest.partition(END)[2]}",
    }


def settings_tables() -> str:
    """One Markdown table for each table of gateway.toml."""
    schema = json.loads(gateway_schema())
    return "\n".join(_tables("", schema, schema))


def _tables(name: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    rows: list[str] = []
    below: list[tuple[str, Mapping[str, Any]]] = []
    for key, field in node["properties"].items():
        target = _target(field, schema)
        if "properties" in target:
            heading = f"{name}.{key}".strip(".")
            below.append((f"[[{heading}]]" if field.get("type") == "array" else heading, target))
        else:
            rows.append(f"| `{key}` | {_type(field)} | {_default(key, field, node)} | {field['description']} |")
    if name:
        about = node["description"].partition(": ")[2] or node["description"]
        heading = name if name.startswith("[[") else f"[{name}]"
        yield f"### `{heading}`\n\n{about[0].upper()}{about[1:]}\n"
        if rows:
            yield "| key | value | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    for heading, target in below:
        yield from _tables(heading, target, schema)


def _target(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in (field, field.get("items", {}), *field.get("anyOf", ())):
        if "$ref" in option:
            found: Mapping[str, Any] = schema["$defs"][option["$ref"].rsplit("/", 1)[-1]]
            return found
    return field


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return _type(next(option for option in field["anyOf"] if option != {"type": "null"}))
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    bounds = "" if low is None else f" {'over ' if 'exclusiveMinimum' in field else ''}{low} to {high}"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "array": "list",
        "object": "table",
    }
    return ("path" if field.get("format") == "path" else words[field["type"]]) + bounds


def _default(key: str, field: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    if key in node.get("required", ()):
        return "must be given"
    value = field.get("default")
    if "default:" in field["description"]:
        return "see meaning"
    return "none" if value in (None, [], {}) else f"`{value}`".lower()


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
