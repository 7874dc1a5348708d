"""The JSON Schema of the centre file, for editors that complete and check while somebody writes."""

import json

from gateway.centre.model import Centre


def centre_schema() -> str:
    """JSON Schema (2020-12) of centre.toml, as JSON text; that ids exist and times don't overlap it can't say."""
    schema = Centre.model_json_schema(mode="validation", by_alias=True)
    schema["$defs"]["Site"]["properties"]["zones"] = {
        "type": "string",
        "title": "Zones",
        "description": "Name of the GeoJSON file with the zones, relative to this file.",
    }
    calendar = schema["$defs"]["Calendar"]
    calendar["properties"]["file"] = {
        "type": "string",
        "title": "File",
        "description": "Name of the iCalendar file, relative to this file.",
    }
    calendar["required"] = ["id"]
    calendar["oneOf"] = [{"required": ["file"]}, {"required": ["text"]}]
    about = "A care centre: who lives there, what they wear, who is told, and what each person agreed to."
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "centre.toml",
        "description": about,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)
