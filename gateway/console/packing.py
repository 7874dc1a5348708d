"""Pages made small for a slow phone: gzip, where the browser takes it.

Only for the board, whose text holds nothing that somebody else could put there to guess at a secret beside it (BREACH):
pages that repeat what was typed into them are sent as they are.
"""

import gzip
from typing import Any

from litestar import Request, Response

LEVEL = 9
LONG = 60_000
"""Characters; above it :data:`LONG_LEVEL`: a board of 200 alerts takes some 5 ms then; twice as long saves 3 %."""
LONG_LEVEL = 5

SMALLEST = 600
"""Bytes; what is smaller fits into one packet anyway."""


def takes_gzip(request: Request[Any, Any, Any]) -> bool:
    """Whether the browser reads gzip."""
    return "gzip" in request.headers.get("accept-encoding", "")


def pack(text: str) -> bytes:
    """The text as gzip; the same text is the same bytes."""
    return gzip.compress(text.encode(), LEVEL if len(text) < LONG else LONG_LEVEL, mtime=0)


def packed(request: Request[Any, Any, Any], response: Response[str]) -> Response[Any]:
    """The response, smaller if that helps and the browser can read it."""
    if not takes_gzip(request) or len(response.content) < SMALLEST:
        return response
    return Response(
        pack(response.content),
        media_type=response.media_type,
        status_code=response.status_code or 200,
        headers={**response.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
    )
