"""What lists of the JSON API share: ``limit`` and ``cursor``, and an ETag on what programs ask for again and again.

A list that comes in pieces changes between two of them: what was shown is closed, what was not yet shown becomes more
urgent. So a cursor is no number of rows. It names the order that the list had when its first piece was given, and how
far in it the asker is: everything that is in the list from the first piece to the last is in one of them, whatever was
closed or moved meanwhile, and what came meanwhile stands at the end.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.serialization import encode_json

from gateway.console.deps import console_of
from gateway.console.guards import required_visitor
from gateway.console.looks import looked
from gateway.errors import BeginAgainError

T = TypeVar("T")

MOST: Final = 500

BEGIN_AGAIN: Final = (
    "cursor: the list that it belongs to is not kept any more. Begin again: ask without a cursor, for the first piece."
)

CURSOR: Final = r"^[0-9a-f]{24}-[0-9]{1,7}$"

Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="At most so many.")]
Cursor = Annotated[
    str | None,
    QueryParameter(
        pattern=CURSOR,
        description="`next` of the piece before; without it the first piece. 409: begin again without it.",
    ),
]


POLLED: Final = {
    304: ResponseSpec(None, description="Nothing changed since the answer with the ETag of `If-None-Match`; no body.")
}
"""``responses`` of each route that gives an ETag and answers 304; the description of the API adds the two headers."""


class _Orders:
    """The orders that lists had when a piece of them was given, by a name that follows from the order: the same list
    is kept once, however many read it. The ones used longest ago go first."""

    def __init__(self, most_keys: int = 250_000) -> None:
        self._kept: OrderedDict[str, tuple[object, ...]] = OrderedDict()
        self._most, self._keys = most_keys, 0

    def keep(self, keys: tuple[object, ...]) -> str:
        """The name of an order, which is kept from now on."""
        name = hashlib.sha256(encode_json([repr(key) for key in keys])).hexdigest()[:24]
        if name not in self._kept:
            self._kept[name] = keys
            self._keys += len(keys)
        self._kept.move_to_end(name)
        while self._keys > self._most and len(self._kept) > 1:
            self._keys -= len(self._kept.popitem(last=False)[1])
        return name

    def of(self, name: str) -> tuple[object, ...] | None:
        """The order of that name; None: it is not kept any more, as after a restart."""
        keys = self._kept.get(name)
        if keys is not None:
            self._kept.move_to_end(name)
        return keys


_ORDERS: Final = _Orders()


def piece(
    found: Sequence[T], cursor: str | None, limit: int, *, key: Callable[[T], object]
) -> tuple[list[T], str | None]:
    """The part of a list that was asked for, and the cursor of the next one; None: there is nothing more.

    Args:
        found: the whole list as it is now.
        cursor: of the piece before; None: the first one.
        limit: at most so many.
        key: what names an entry: another one for each, and the same for as long as there is that entry; one whose key
            changed is given once more, at the end.

    Raises:
        BeginAgainError: the order that the cursor belongs to is not kept any more; answered with 409.
    """
    if cursor is None:
        if len(found) <= limit:
            return list(found), None
        return list(found[:limit]), f"{_ORDERS.keep(tuple(key(one) for one in found))}-{limit}"
    name, _, at = cursor.partition("-")
    order = _ORDERS.of(name)
    if order is None:
        raise BeginAgainError(BEGIN_AGAIN)
    here = {key(one): one for one in found}
    known = set(order)
    order = (*order, *(one for one in here if one not in known))
    left = [place for place in range(int(at), len(order)) if order[place] in here]
    part = [here[order[place]] for place in left[:limit]]
    return part, f"{_ORDERS.keep(order)}-{left[limit]}" if len(left) > limit else None


async def polled(request: Request[Any, Any, Any], body: object, *, look: str | None) -> Response[Any]:
    """An answer with an ETag: 304 without a body to whoever has it already.

    Args:
        request: what was asked.
        body: what is answered; it must hold nothing that changes by itself, such as the time of the answer.
        look: what the audit says was looked at; None: nothing about anybody. 304 shows nothing, so it is no look.
    """
    data = encode_json(body)
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    if has_already(request, tag):
        return unchanged(tag)
    if look is not None:
        await looked(console_of(request), required_visitor(request).id, look, via="api")
    return Response(data, media_type="application/json", headers={"ETag": tag})


def has_already(request: Request[Any, Any, Any], tag: str) -> bool:
    """Whether ``If-None-Match`` names the ETag of what would be answered (RFC 9110, 13.1.2)."""
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return bool(known & {tag, "*"})


def unchanged(tag: str) -> Response[Any]:
    """304: nothing changed since the answer with that ETag."""
    return Response(None, status_code=304, headers={"ETag": tag})
