"""The description of the JSON API: Litestar's, with who may ask (a token with which scope, a session), and what every
operation may answer when it refuses (RFC 9457)."""

from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin

from gateway.console.tokens import scope_of

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


_ETAG: Final[dict[str, Any]] = {
    "ETag": {"description": "Names this answer: send it as `If-None-Match` next time.", "schema": {"type": "string"}}
}
_IF_NONE_MATCH: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETag of an answer that you have already; 304 when it is still true.",
    "schema": {"type": "string"},
}

_SIGN_IN: Final[dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of /api/account/tokens; each operation names the scope that it needs.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "telecare",
        "description": "The cookie of whoever signed in; over HTTPS it is called __Host-telecare. A change also needs "
        "the Origin of the page.",
    },
}

_NOT_BY_TOKEN: Final = ("/api/account/", "/api/users", "/api/sessions", "/api/identities")
"""What only a person does: a stolen token must not make others, or keep people out."""


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the form of a refusal at every operation; Litestar's own is another one, which we never send."""
    paths = {
        path: {key: _operation(item, key, path) if isinstance(item, dict) else item for key, item in items.items()}
        for path, items in schema["paths"].items()
    }
    components = dict(schema.get("components", {}))
    components["schemas"] = {**components.get("schemas", {}), "Problem": _PROBLEM}
    components["securitySchemes"] = _SIGN_IN
    return {**schema, "paths": paths, "components": components}


def _operation(operation: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    kept = {status: one for status, one in operation.get("responses", {}).items() if int(status) < 400}
    ways: list[dict[str, list[str]]] = [{"session": []}]
    if not path.startswith(_NOT_BY_TOKEN):
        # roles of other schemes than OAuth 2 may be named since OpenAPI 3.1
        ways.insert(0, {"token": [scope_of(method.upper(), path.replace("{number}", "1")).value]})
    described = {**operation, "security": ways, "responses": {**kept, "default": _REFUSED}}
    return _polled(described) if "304" in kept else described


def _polled(operation: dict[str, Any]) -> dict[str, Any]:
    """With the headers of an operation that answers 304."""
    answers = {
        status: {**one, "headers": {**one.get("headers", {}), **_ETAG}} if status in {"200", "304"} else one
        for status, one in operation["responses"].items()
    }
    return {**operation, "parameters": [*operation.get("parameters", ()), _IF_NONE_MATCH], "responses": answers}


class DescribedJson(JsonRenderPlugin):
    """openapi.json, made once: it takes a tenth of a second in which nothing else is done."""

    _made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole description."""
        if self._made is None:
            self._made = super().render(request, described(openapi_schema))
        return self._made


class DescribedYaml(YamlRenderPlugin):
    """openapi.yaml, made once."""

    _made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole description."""
        if self._made is None:
            self._made = super().render(request, described(openapi_schema))
        return self._made
