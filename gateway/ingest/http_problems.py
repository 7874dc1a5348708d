"""What a sender hears when its message is not taken: problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

_LOG = structlog.get_logger(__name__)

_PROBLEM = "application/problem+json"


class RefusedError(Exception):
    """A request is refused: the status, why in words, further headers."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=_PROBLEM,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def on_refused(_request: Request[Any, Any, Any], error: RefusedError) -> Response[bytes]:
    """What we refuse on purpose."""
    return _problem(error.status, error.detail, error.headers)


def on_http_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own: no such address, a method that is not taken, a message that grew beyond the limit."""
    return _problem(error.status_code, error.detail, error.headers)


def on_any_error(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A mistake of ours: logged, shown without its words."""
    # only the error's kind: its text may hold what a device said
    _LOG.error("http.failed", error=type(error).__name__)
    return _problem(500, "It is our fault; please send it again.")
