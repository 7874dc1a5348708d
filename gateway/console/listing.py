"""What lists of the JSON API share: ``limit`` and ``cursor``, and an ETag on what programs ask for again and again."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from litestar import Request, Response
from litestar.params import QueryParameter
from litestar.serialization import encode_json

from gateway.console.deps import console_of
from gateway.console.guards import required_visitor
from gateway.console.looks import looked

T = TypeVar("T")

MOST: Final = 500

Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="At most so many.")]
Cursor = Annotated[
    str | None,
    QueryParameter(pattern=r"^o[0-9]{1,7}$", description="`next` of the piece before; without it the first piece."),
]


def piece(found: Sequence[T], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """The part of a list that was asked for, and the cursor of the next one; None: there is nothing more."""
    at = int(cursor[1:]) if cursor else 0
    return list(found[at : at + limit]), f"o{at + limit}" if at + limit < len(found) else None


async def polled(request: Request[Any, Any, Any], body: object, *, look: str | None) -> Response[Any]:
    """An answer with an ETag: 304 without a body to whoever has it already.

    Args:
        request: what was asked.
        body: what is answered; it must hold nothing that changes by itself, such as the time of the answer.
        look: what the audit says was looked at; None: nothing about anybody. 304 shows nothing, so it is no look.
    """
    data = encode_json(body)
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(None, status_code=304, headers={"ETag": tag})
    if look is not None:
        await looked(console_of(request), required_visitor(request).id, look, via="api")
    return Response(data, media_type="application/json", headers={"ETag": tag})
