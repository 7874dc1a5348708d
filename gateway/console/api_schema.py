"""The description of the JSON API: Litestar's, with what every operation may answer when it refuses (RFC 9457)."""

from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what is expected, for people."},
    },
}
_REFUSED: Final[dict[str, Any]] = {
    "description": "Refused: nothing was changed; the body says why.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the form of a refusal at every operation; Litestar's own is another one, which we never send."""
    paths = {
        path: {key: _operation(item) if isinstance(item, dict) else item for key, item in items.items()}
        for path, items in schema["paths"].items()
    }
    components = dict(schema.get("components", {}))
    components["schemas"] = {**components.get("schemas", {}), "Problem": _PROBLEM}
    return {**schema, "paths": paths, "components": components}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    kept = {status: one for status, one in operation.get("responses", {}).items() if int(status) < 400}
    return {**operation, "responses": {**kept, "default": _REFUSED}}


class DescribedJson(JsonRenderPlugin):
    """openapi.json."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole description."""
        return super().render(request, described(openapi_schema))


class DescribedYaml(YamlRenderPlugin):
    """openapi.yaml."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole description."""
        return super().render(request, described(openapi_schema))
