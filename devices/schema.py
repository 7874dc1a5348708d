"""JSON Schema of every kind of the own contract, generated from the types that decode it.

``python -m devices.schema docs/schema`` writes them; a test checks that the committed files are current.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from devices.native_messages import MESSAGE_TYPES


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of the payload on ``telecare/{site}/{device}/{kind}``."""
    message_type = MESSAGE_TYPES[kind]
    components = msgspec.json.schema_components([message_type], ref_template="#/$defs/{name}")[1]
    body: dict[str, Any] = components[message_type.__name__]
    body["title"] = f"telecare/{{site}}/{{device}}/{kind}"
    body["properties"]["v"]["description"] = "Version of this contract."
    body["properties"]["t"]["description"] = (
        "When it happened: RFC 3339 with a zone, or whole milliseconds since 1970. "
        "Leave it out if the device has no clock."
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def files() -> dict[str, str]:
    """File name to content, for every kind."""
    return {f"native-{kind}.json": json.dumps(schema(kind), indent=2) + "\n" for kind in MESSAGE_TYPES}


def write(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
