"""The JSON Schema of gateway.toml, for editors that complete and check while somebody writes."""

from typing import Any

from gateway.settings.model import Settings


def gateway_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what gateway.toml may hold."""
    schema = Settings.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gateway.toml"}
