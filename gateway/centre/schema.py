"""The JSON Schema of the centre file, for editors that complete and check while somebody writes."""

from typing import Any

from gateway.centre.model import Centre


def centre_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what centre.toml may hold; that ids exist and times don't overlap it can't say."""
    schema = Centre.model_json_schema(mode="validation", by_alias=True)
    schema["$defs"]["Site"]["properties"]["zones"] = {
        "type": "string",
        "title": "Zones",
        "description": "Name of the GeoJSON file with the zones, relative to this file.",
    }
    about = "A care centre: who lives there, what they wear, who is told, and what each person agreed to."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "centre.toml",
        "description": about,
    }
