"""The JSON Schema of gateway.toml, for editors that complete and check while somebody writes."""

import json

from gateway.settings.model import Settings


def gateway_schema() -> str:
    """JSON Schema (2020-12) of what gateway.toml may hold, as JSON text."""
    schema = Settings.model_json_schema(mode="validation")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gateway.toml"}
    return json.dumps(whole, indent=2, ensure_ascii=False)
